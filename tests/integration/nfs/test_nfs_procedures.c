/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every procedure that the client has, called on a real server: those of MOUNT
 * and of the port mapper by mounting, those of NFS one by one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/nfs/server.h"

#include "nfs/call.h"
#include "nfs/mount.h"
#include "rump/rump.h"
#include "rump/rumpdefs.h"

static struct nfs_server server;
static struct nfsmount *nm;

static void
put_file(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", server.dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static struct nfsmount *
attach(const char *url)
{
	struct nfsmount *fresh = nfsmount_create(NULL);
	struct nfs_url u;
	char text[512];
	int error;

	error = nfs_url_parse(url, &u, text, sizeof(text));
	if (error == 0)
		error = nfsmount_url(
		    fresh, &u, kauth_cred_kernel(), text, sizeof(text));
	if (error != 0)
		fail_msg("%s: %s", url, text);
	return fresh;
}

static struct nfs3_lookup
lookup(const char *name)
{
	struct nfs3_lookup res;

	assert_int_equal(nfscall_lookup(nm, &nm->nm_root, name, strlen(name),
			     kauth_cred_kernel(), &res),
	    0);
	return res;
}

static void
null_does_nothing(void **state)
{
	assert_int_equal(nfscall_null(nm), 0);
}

static void
mnt_gave_a_handle_and_fsinfo_sizes(void **state)
{
	assert_in_range(nm->nm_root.fh_len, 1, NFS3_FHSIZE);
	assert_in_range(nm->nm_rsize, 4096, NFS_RSIZE_MAX);
}

static void
getattr_tells_what_stat_does(void **state)
{
	struct nfs3_getattr res;
	struct stat st;

	assert_int_equal(stat(server.dir, &st), 0);
	assert_int_equal(
	    nfscall_getattr(nm, &nm->nm_root, kauth_cred_kernel(), &res), 0);
	assert_int_equal(res.ga_status, NFS3_OK);
	assert_int_equal(res.ga_attr.a_type, NFS3_DIR);
	assert_int_equal(res.ga_attr.a_mode, st.st_mode & 07777);
	assert_int_equal(res.ga_attr.a_fileid, st.st_ino);
	assert_int_equal(res.ga_attr.a_mtime.t_sec, st.st_mtim.tv_sec);
}

static void
getattr_of_a_made_up_handle_fails(void **state)
{
	struct nfs3_fh fh = { .fh_len = 32 };
	struct nfs3_getattr res;

	assert_int_equal(
	    nfscall_getattr(nm, &fh, kauth_cred_kernel(), &res), 0);
	assert_int_equal(nfs3_errno(res.ga_status), RUMP_ESTALE);
}

static void
lookup_finds_what_is_there(void **state)
{
	struct nfs3_lookup res = lookup("hello");

	assert_int_equal(res.lo_status, NFS3_OK);
	assert_true(res.lo_attr.oa_there);
	assert_int_equal(res.lo_attr.oa_attr.a_size, 12);
	assert_int_equal(lookup("nothing").lo_status, NFS3ERR_NOENT);
}

static void
access_grants_by_the_identity(void **state)
{
	struct nfs3_lookup lo = lookup("secret");
	struct kauth_cred *nobody;
	uint32_t groups[1] = { 65534 };
	struct nfs3_access res;

	assert_int_equal(
	    nfscall_access(nm, &lo.lo_fh, NFS3ACCESS_READ | NFS3ACCESS_MODIFY,
		kauth_cred_kernel(), &res),
	    0);
	assert_int_equal(res.ac_status, NFS3_OK);
	assert_int_equal(res.ac_granted & NFS3ACCESS_READ, NFS3ACCESS_READ);
	nobody = rump_pub_cred_create(65534, 65534, 1, groups);
	assert_int_equal(
	    nfscall_access(nm, &lo.lo_fh, NFS3ACCESS_READ, nobody, &res), 0);
	assert_int_equal(res.ac_status, NFS3_OK);
	assert_int_equal(res.ac_granted & NFS3ACCESS_READ, 0);
	rump_pub_cred_put(nobody);
}

static void
readlink_gives_the_target(void **state)
{
	struct nfs3_lookup lo = lookup("link");
	struct nfs3_readlink res;
	char path[NFS3_PATHMAX];

	assert_int_equal(
	    nfscall_readlink(nm, &lo.lo_fh, kauth_cred_kernel(), path, &res),
	    0);
	assert_int_equal(res.rl_status, NFS3_OK);
	assert_int_equal(res.rl_len, 11);
	assert_memory_equal(res.rl_path, "dir/../deep", 11);
}

static enum rpc_place
locate(const uint8_t *head, size_t len, size_t *off, size_t *size)
{
	struct nfs3_read res;
	struct rpc_reply re;
	struct xdr_in xi;

	xdr_in_init(&xi, head, len);
	if (rpc_reply_decode(&xi, &re) != 0 || nfs3_read_head(&xi, &res) != 0)
		return PLACE_MORE;
	*off = xi.xi_pos;
	*size = res.rd_count;
	return PLACE_DATA;
}

static void
read_puts_data_into_place(void **state)
{
	struct nfs3_lookup lo = lookup("hello");
	char one[5], two[20];
	struct rump_iovec iov[2] = { { one, sizeof(one) },
		{ two, sizeof(two) } };
	struct rpc_call *ca;
	struct nfs3_read res;
	struct xdr_in xi;

	ca = nfscall_read_create(nm, &lo.lo_fh, 1, 25, kauth_cred_kernel());
	rpc_call_place(ca, locate, iov, 2);
	assert_int_equal(rpc_call_run(nm->nm_conn, ca, &xi), 0);
	assert_int_equal(nfs3_read_head(&xi, &res), 0);
	assert_int_equal(res.rd_status, NFS3_OK);
	assert_int_equal(res.rd_count, 11);
	assert_true(res.rd_eof);
	assert_int_equal(ca->ca_got, 11);
	assert_memory_equal(one, "ello ", 5);
	assert_memory_equal(two, "world\n", 6);
	rpc_call_unref(ca);
}

static void
list(bool plus)
{
	struct nfs3_dirpos pos = { 0 };
	struct nfs3_readdir res;
	struct nfs3_entry de;
	struct rpc_call *ca;
	struct xdr_in xi;
	size_t n = 0, with_attr = 0;
	bool eof = false;

	while (!eof) {
		assert_int_equal(nfscall_readdir(nm, &nm->nm_root, plus, &pos,
				     kauth_cred_kernel(), &res, &ca, &xi),
		    0);
		assert_int_equal(res.dr_status, NFS3_OK);
		assert_non_null(ca);
		memcpy(pos.dp_verf, res.dr_verf, sizeof(pos.dp_verf));
		while (nfs3_readdir_entry(&xi, plus, &de)) {
			pos.dp_cookie = de.de_cookie;
			n++;
			with_attr += de.de_attr.oa_there && de.de_has_fh;
		}
		assert_int_equal(nfs3_readdir_end(&xi, &eof), 0);
		rpc_call_unref(ca);
	}
	assert_int_equal(n, 7); /* with "." and ".." */
	if (plus)
		assert_true(with_attr >= 5);
}

static void
readdir_lists_everything(void **state)
{
	list(false);
}

static void
readdirplus_lists_with_attributes_and_handles(void **state)
{
	list(true);
}

static void
fsstat_has_sizes(void **state)
{
	struct nfs3_fsstat res;

	assert_int_equal(
	    nfscall_fsstat(nm, &nm->nm_root, kauth_cred_kernel(), &res), 0);
	assert_int_equal(res.fs_status, NFS3_OK);
	assert_true(res.fs_tbytes > 0 && res.fs_fbytes <= res.fs_tbytes);
}

static void
fsinfo_has_limits(void **state)
{
	struct nfs3_fsinfo res;

	assert_int_equal(
	    nfscall_fsinfo(nm, &nm->nm_root, kauth_cred_kernel(), &res), 0);
	assert_int_equal(res.fi_status, NFS3_OK);
	assert_true(res.fi_rtmax >= 4096);
}

static void
pathconf_has_limits(void **state)
{
	struct nfs3_pathconf res;

	assert_int_equal(
	    nfscall_pathconf(nm, &nm->nm_root, kauth_cred_kernel(), &res), 0);
	assert_int_equal(res.pc_status, NFS3_OK);
	assert_true(res.pc_name_max >= 255);
}

/*
 * A port mapper must sit on port 111, which the machine may use for its own:
 * this one answers as the real one does, for the real server's ports.
 */
static void *
map_ports(void *arg)
{
	int listener = *(int *)arg;
	uint32_t call[64], answer[8] = { htonl(0x8000001c), 0, htonl(1) };

	for (int i = 0; i < 2; i++) {
		int fd = accept(listener, NULL, NULL);

		/* Mark, ten words of header without identity, four words. */
		if (recv(fd, call, 60, MSG_WAITALL) == 60) {
			answer[1] = call[1];
			answer[7] = htonl(ntohl(call[11]) == NFS3_PROG
					      ? server.nfsport
					      : server.mntport);
			(void)!send(fd, answer, sizeof(answer), MSG_NOSIGNAL);
		}
		(void)!recv(fd, call, sizeof(call), 0);
		close(fd);
	}
	return NULL;
}

static void
the_port_mapper_is_asked_for_ports(void **state)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	struct nfsmount *other;
	pthread_t thread;
	char url[128];

	assert_int_equal(
	    bind(listener, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(listener, 4), 0);
	assert_int_equal(
	    getsockname(listener, (struct sockaddr *)&sin, &len), 0);
	pthread_create(&thread, NULL, map_ports, &listener);
	snprintf(url, sizeof(url), "nfs://127.0.0.1/export?pmapport=%u",
	    ntohs(sin.sin_port));
	other = attach(url);
	pthread_join(thread, NULL);
	close(listener);
	assert_int_equal(other->nm_port, server.nfsport);
	assert_int_equal(other->nm_mountport, server.mntport);
	nfsmount_destroy(other);
}

static void
umnt_ends_it(void **state)
{
	struct nfsmount *other = attach(server_url(&server, ""));

	nfsmount_tell_umount(other, kauth_cred_kernel());
	nfsmount_destroy(other);
}

static int
begin(void **state)
{
	char path[256];

	server_start(&server, "");
	put_file("hello", "hello world\n");
	put_file("secret", "x");
	snprintf(path, sizeof(path), "%s/secret", server.dir);
	chmod(path, 0600);
	snprintf(path, sizeof(path), "%s/dir", server.dir);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/link", server.dir);
	(void)!symlink("dir/../deep", path);
	put_file("empty", "");
	if (rump_init() != 0)
		return -1;
	rump_schedule();
	nm = attach(server_url(&server, ""));
	return 0;
}

static int
end(void **state)
{
	nfsmount_destroy(nm);
	server_stop(&server);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(null_does_nothing),
		cmocka_unit_test(mnt_gave_a_handle_and_fsinfo_sizes),
		cmocka_unit_test(getattr_tells_what_stat_does),
		cmocka_unit_test(getattr_of_a_made_up_handle_fails),
		cmocka_unit_test(lookup_finds_what_is_there),
		cmocka_unit_test(access_grants_by_the_identity),
		cmocka_unit_test(readlink_gives_the_target),
		cmocka_unit_test(read_puts_data_into_place),
		cmocka_unit_test(readdir_lists_everything),
		cmocka_unit_test(readdirplus_lists_with_attributes_and_handles),
		cmocka_unit_test(fsstat_has_sizes),
		cmocka_unit_test(fsinfo_has_limits),
		cmocka_unit_test(pathconf_has_limits),
		cmocka_unit_test(the_port_mapper_is_asked_for_ports),
		cmocka_unit_test(umnt_ends_it),
	};

	if (!server_possible())
		return 77; /* skipped */
	return cmocka_run_group_tests(tests, begin, end);
}
