/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mounting with NetBSD's struct nfs_args, as mount_nfs(8) does it: the root
 * handle comes from MNT, which the program has done.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "tests/integration/nfs/server.h"

#include "nfs/mount.h"
#include "rump/rump.h"
#include "rump/rump_syscalls.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"

#define NAME "server:/export"

static struct nfs_server server;
static struct nfs3_fh root;
static struct rump_sockaddr_in address;
static char hostname[128];

static struct rump_nfs_args
good_args(int32_t flags)
{
	strcpy(hostname, NAME);
	address = (struct rump_sockaddr_in){
		.sin_len = sizeof(address),
		.sin_family = RUMP_AF_INET,
		.sin_port = htons((uint16_t)server.nfsport),
		.sin_addr = htonl(INADDR_LOOPBACK),
	};
	return (struct rump_nfs_args){
		.version = 3,
		.addr = (struct rump_sockaddr *)&address,
		.addrlen = sizeof(address),
		.sotype = RUMP_SOCK_STREAM,
		.fh = root.fh_data,
		.fhsize = (int32_t)root.fh_len,
		.flags = RUMP_NFSMNT_NFSV3 | flags,
		.hostname = hostname,
	};
}

static int
mount_args(struct rump_nfs_args *args)
{
	if (rump_sys_mount(
		"nfs", "/data", RUMP_MNT_RDONLY, args, sizeof(*args)) == 0)
		return 0;
	return errno;
}

static struct rump_nfs_args
mounted_args(struct rump_sockaddr_in *sin)
{
	struct rump_nfs_args args = { .addr = (struct rump_sockaddr *)sin };

	assert_int_equal(rump_sys_mount("nfs", "/data", RUMP_MNT_GETARGS, &args,
			     sizeof(args)),
	    sizeof(args));
	return args;
}

static void
a_mount_by_handle_reads_files(void **state)
{
	struct rump_nfs_args args = good_args(0);
	struct rump_statvfs sv;
	char buf[16];
	int fd;

	assert_int_equal(mount_args(&args), 0);
	fd = rump_sys_open("/data/hello", RUMP_O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(rump_sys_read(fd, buf, sizeof(buf)), 6);
	assert_memory_equal(buf, "hello\n", 6);
	assert_int_equal(rump_sys_close(fd), 0);
	assert_int_equal(rump_sys_statvfs1("/data", &sv, RUMP_MNT_WAIT), 0);
	assert_string_equal(sv.f_mntfromname, NAME);
	assert_int_equal(sv.f_flag & RUMP_MNT_RDONLY, RUMP_MNT_RDONLY);
	assert_int_equal(rump_sys_unmount("/data", 0), 0);
}

struct refusal {
	const char *what;
	int32_t version, flags, sotype, fhsize, addrlen;
	int error;
};

static void
what_we_do_not_speak_is_refused(void **state)
{
	const int32_t len = (int32_t)root.fh_len;
	const int32_t in = sizeof(struct rump_sockaddr_in);
	const struct refusal refusals[] = {
		{ "version 2", 2, 0, RUMP_SOCK_STREAM, len, in,
		    RUMP_EPROGMISMATCH },
		{ "version 4", 4, 0, RUMP_SOCK_STREAM, len, in,
		    RUMP_EPROGMISMATCH },
		{ "NQNFS", 3, RUMP_NFSMNT_NQNFS, RUMP_SOCK_STREAM, len, in,
		    RUMP_EPROGUNAVAIL },
		{ "KERB", 3, RUMP_NFSMNT_KERB, RUMP_SOCK_STREAM, len, in,
		    RUMP_EPROGUNAVAIL },
		{ "raw", 3, 0, RUMP_SOCK_RAW, len, in, RUMP_EPROTONOSUPPORT },
		{ "no handle", 3, 0, RUMP_SOCK_STREAM, 0, in, RUMP_EINVAL },
		{ "long handle", 3, 0, RUMP_SOCK_STREAM, 65, in, RUMP_EINVAL },
		{ "negative handle", 3, 0, RUMP_SOCK_STREAM, -1, in,
		    RUMP_EINVAL },
		{ "long address", 3, 0, RUMP_SOCK_STREAM, len, 28,
		    RUMP_EINVAL },
	};

	for (size_t i = 0; i < NITEMS(refusals); i++) {
		const struct refusal *r = &refusals[i];
		struct rump_nfs_args args = good_args(r->flags);

		args.version = r->version;
		args.sotype = r->sotype;
		args.fhsize = r->fhsize;
		args.addrlen = r->addrlen;
		if (mount_args(&args) != r->error)
			fail_msg("%s: %d", r->what, errno);
	}
}

static void
nfs_version_2_is_refused(void **state)
{
	struct rump_nfs_args args = good_args(0);

	args.flags = 0;
	assert_int_equal(mount_args(&args), RUMP_EPROGMISMATCH);
}

static void
another_family_is_refused(void **state)
{
	struct rump_nfs_args args = good_args(0);

	address.sin_family = RUMP_AF_LOCAL;
	assert_int_equal(mount_args(&args), RUMP_EAFNOSUPPORT);
}

static void
short_arguments_are_refused(void **state)
{
	struct rump_nfs_args args = good_args(0);

	assert_int_equal(
	    rump_sys_mount("nfs", "/data", 0, &args, sizeof(args) - 1), -1);
	assert_int_equal(errno, RUMP_EINVAL);
}

static void
a_hostname_has_at_most_88_bytes(void **state)
{
	struct rump_nfs_args args = good_args(0);

	memset(hostname, 'h', 89);
	hostname[89] = '\0';
	assert_int_equal(mount_args(&args), RUMP_ENAMETOOLONG);
	hostname[88] = '\0';
	assert_int_equal(mount_args(&args), 0);
	assert_int_equal(rump_sys_unmount("/data", 0), 0);
}

static void
a_handle_of_nothing_is_estale(void **state)
{
	struct nfs3_fh fh = { .fh_len = 32 };
	struct rump_nfs_args args = good_args(0);

	args.fh = fh.fh_data;
	args.fhsize = 32;
	assert_int_equal(mount_args(&args), RUMP_ESTALE);
}

static void
sizes_and_times_are_clamped(void **state)
{
	static const struct {
		int32_t asked, want;
	} sizes[] = { { 1, 512 }, { 1000, 512 }, { 8192, 8192 },
		{ 70000, 65536 }, { INT32_MAX, 65536 } };
	struct rump_sockaddr_in sin;
	struct rump_nfs_args args, got;

	for (size_t i = 0; i < NITEMS(sizes); i++) {
		args = good_args(RUMP_NFSMNT_RSIZE | RUMP_NFSMNT_TIMEO |
				 RUMP_NFSMNT_RETRANS | RUMP_NFSMNT_READAHEAD |
				 RUMP_NFSMNT_READDIRSIZE);
		args.rsize = sizes[i].asked;
		args.readdirsize = sizes[i].asked;
		args.timeo = sizes[i].asked;
		args.retrans = sizes[i].asked;
		args.readahead = sizes[i].asked;
		assert_int_equal(mount_args(&args), 0);
		got = mounted_args(&sin);
		assert_int_equal(got.rsize, sizes[i].want);
		assert_int_equal(got.readdirsize, 8192);
		assert_in_range(got.timeo, 10, 600);
		assert_in_range(got.retrans, 2, 100);
		assert_int_equal(
		    got.readahead, sizes[i].asked < 32 ? sizes[i].asked : 32);
		assert_int_equal(rump_sys_unmount("/data", 0), 0);
	}
}

static void
getargs_gives_back_what_counts(void **state)
{
	const int32_t flags = RUMP_NFSMNT_SOFT | RUMP_NFSMNT_NOAC |
			      RUMP_NFSMNT_RDIRPLUS | RUMP_NFSMNT_RESVPORT;
	struct rump_nfs_args args = good_args(flags), got;
	struct rump_sockaddr_in sin;

	assert_int_equal(mount_args(&args), 0);
	got = mounted_args(&sin);
	assert_int_equal(got.version, 3);
	assert_int_equal(got.flags, RUMP_NFSMNT_NFSV3 | flags);
	assert_int_equal(got.fhsize, 0);
	assert_null(got.fh);
	assert_null(got.hostname);
	assert_int_equal(got.sotype, RUMP_SOCK_STREAM);
	assert_int_equal(sin.sin_port, address.sin_port);
	assert_int_equal(sin.sin_addr, address.sin_addr);
	assert_int_equal(rump_sys_unmount("/data", 0), 0);
}

/* The handle of the export, by MNT. */
static int
ask_root(void)
{
	struct nfsmount *nm = nfsmount_create(NULL);
	struct nfs_url u;
	char text[512];
	int error;

	error = nfs_url_parse(server_url(&server, ""), &u, text, sizeof(text));
	if (error == 0)
		error = nfsmount_url(
		    nm, &u, kauth_cred_kernel(), text, sizeof(text));
	root = nm->nm_root;
	nfsmount_destroy(nm);
	return error;
}

static int
begin(void **state)
{
	char path[256];
	FILE *f;

	server_start(&server, "");
	snprintf(path, sizeof(path), "%s/hello", server.dir);
	f = fopen(path, "w");
	if (f == NULL)
		return -1;
	fputs("hello\n", f);
	fclose(f);
	if (rump_init() != 0 || rump_sys_mkdir("/data", 0755) != 0)
		return -1;
	rump_schedule();
	if (ask_root() != 0)
		return -1;
	rump_unschedule();
	return 0;
}

static int
end(void **state)
{
	server_stop(&server);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mount_by_handle_reads_files),
		cmocka_unit_test(what_we_do_not_speak_is_refused),
		cmocka_unit_test(nfs_version_2_is_refused),
		cmocka_unit_test(another_family_is_refused),
		cmocka_unit_test(short_arguments_are_refused),
		cmocka_unit_test(a_hostname_has_at_most_88_bytes),
		cmocka_unit_test(a_handle_of_nothing_is_estale),
		cmocka_unit_test(sizes_and_times_are_clamped),
		cmocka_unit_test(getargs_gives_back_what_counts),
	};

	if (!server_possible())
		return 77; /* skipped */
	return cmocka_run_group_tests(tests, begin, end);
}
