/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every procedure that modifies, called on a real server one by one, and what it
 * has done compared with the exported directory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tests/integration/nfs/server.h"

#include "nfs/call.h"
#include "nfs/mount.h"
#include "rump/rump.h"
#include "rump/rumpdefs.h"

static struct nfs_server server;
static struct nfsmount *nm;

static const char *
host(const char *name)
{
	static char paths[2][256];
	static unsigned turn;
	char *path = paths[turn++ % 2];

	snprintf(path, sizeof(paths[0]), "%s/%s", server.dir, name);
	return path;
}

static void
put_file(const char *name, const char *text)
{
	FILE *f = fopen(host(name), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static struct stat
host_stat(const char *name)
{
	struct stat st;

	if (lstat(host(name), &st) != 0)
		fail_msg("%s is not there", name);
	return st;
}

static bool
absent(const char *name)
{
	return access(host(name), F_OK) != 0;
}

static struct nfs3_dirname
in_root(const char *name)
{
	return (struct nfs3_dirname){ &nm->nm_root, name, strlen(name) };
}

static struct nfs3_fh
handle(const char *name)
{
	struct nfs3_lookup res;

	assert_int_equal(nfscall_lookup(nm, &nm->nm_root, name, strlen(name),
			     kauth_cred_kernel(), &res),
	    0);
	assert_int_equal(res.lo_status, NFS3_OK);
	return res.lo_fh;
}

static struct nfs3_made
make(const char *name, struct nfs_new nw, const struct nfs3_sattr *sa)
{
	struct nfs3_made res;
	bool again = true;

	nw.nw_dn = in_root(name);
	nw.nw_sattr = sa;
	assert_int_equal(
	    nfscall_make(nm, &nw, kauth_cred_kernel(), &res, &again), 0);
	assert_false(again);
	return res;
}

static const struct nfs3_sattr mode_640 = { .sa_set_mode = true,
	.sa_mode = 0640 };
static const struct nfs3_sattr mode_700 = { .sa_set_mode = true,
	.sa_mode = 0700 };

static void
assert_made(const struct nfs3_made *res, const char *name, mode_t mode)
{
	struct stat st = host_stat(name);

	assert_int_equal(res->ma_status, NFS3_OK);
	assert_int_equal(st.st_mode, mode);
	if (res->ma_attr.oa_there)
		assert_int_equal(res->ma_attr.oa_attr.a_fileid, st.st_ino);
	assert_true(res->ma_has_fh);
}

static void
setattr_sets_all_that_it_is_given(void **state)
{
	struct nfs3_sattr sa = { .sa_set_mode = true,
		.sa_mode = 0604,
		.sa_set_uid = true,
		.sa_uid = 1234,
		.sa_set_gid = true,
		.sa_gid = 5678,
		.sa_set_size = true,
		.sa_size = 3,
		.sa_set_atime = NFS3_TIME_GIVEN,
		.sa_atime = { 1000000000, 500 },
		.sa_set_mtime = NFS3_TIME_GIVEN,
		.sa_mtime = { 1100000000, 700 } };
	struct nfs3_change res;
	struct nfs3_fh fh;
	struct stat st;

	put_file("attributes", "123456");
	fh = handle("attributes");
	assert_int_equal(
	    nfscall_setattr(nm, &fh, &sa, kauth_cred_kernel(), &res), 0);
	assert_int_equal(res.ch_status, NFS3_OK);
	st = host_stat("attributes");
	assert_int_equal(st.st_mode, S_IFREG | 0604);
	assert_int_equal(st.st_uid, 1234);
	assert_int_equal(st.st_gid, 5678);
	assert_int_equal(st.st_size, 3);
	assert_int_equal(st.st_atim.tv_sec, 1000000000);
	assert_int_equal(st.st_mtim.tv_sec, 1100000000);
	assert_int_equal(st.st_mtim.tv_nsec, 700);
}

static void
setattr_to_the_servers_time(void **state)
{
	struct nfs3_sattr sa = { .sa_set_mtime = NFS3_TIME_SERVER };
	struct nfs3_fh fh = handle("attributes");
	struct nfs3_change res;

	assert_int_equal(
	    nfscall_setattr(nm, &fh, &sa, kauth_cred_kernel(), &res), 0);
	assert_int_equal(res.ch_status, NFS3_OK);
	assert_true(host_stat("attributes").st_mtim.tv_sec > 1100000000);
	assert_int_equal(host_stat("attributes").st_size, 3);
}

static void
create_unchecked_takes_what_is_there(void **state)
{
	struct nfs_new nw = { .nw_type = NFS3_REG, .nw_how = NFS3_UNCHECKED };
	struct nfs3_made res = make("unchecked", nw, &mode_640);

	assert_made(&res, "unchecked", S_IFREG | 0640);
	res = make("unchecked", nw, &mode_640);
	assert_int_equal(res.ma_status, NFS3_OK);
}

static void
create_guarded_refuses_what_is_there(void **state)
{
	struct nfs_new nw = { .nw_type = NFS3_REG, .nw_how = NFS3_GUARDED };
	struct nfs3_made res = make("guarded", nw, &mode_640);

	assert_made(&res, "guarded", S_IFREG | 0640);
	res = make("guarded", nw, &mode_640);
	assert_int_equal(res.ma_status, NFS3ERR_EXIST);
}

static void
create_exclusive_knows_its_verifier_again(void **state)
{
	struct nfs_new nw = { .nw_type = NFS3_REG,
		.nw_how = NFS3_EXCLUSIVE,
		.nw_verf = "verify!" };
	struct nfs3_made res = make("exclusive", nw, NULL);

	assert_int_equal(res.ma_status, NFS3_OK);
	assert_true(S_ISREG(host_stat("exclusive").st_mode));
	res = make("exclusive", nw, NULL);
	assert_int_equal(res.ma_status, NFS3_OK);
	nw.nw_verf[0] = 'V';
	res = make("exclusive", nw, NULL);
	assert_int_equal(res.ma_status, NFS3ERR_EXIST);
}

static void
mkdir_makes_a_directory(void **state)
{
	struct nfs_new nw = { .nw_type = NFS3_DIR };
	struct nfs3_made res = make("dir", nw, &mode_700);

	assert_made(&res, "dir", S_IFDIR | 0700);
	res = make("dir", nw, &mode_700);
	assert_int_equal(res.ma_status, NFS3ERR_EXIST);
}

static void
symlink_makes_a_link(void **state)
{
	struct nfs_new nw = { .nw_type = NFS3_LNK, .nw_target = "to/nowhere" };
	struct nfs3_made res = make("link", nw, &mode_640);
	char target[64];

	assert_int_equal(res.ma_status, NFS3_OK);
	assert_int_equal(readlink(host("link"), target, sizeof(target)), 10);
	assert_memory_equal(target, "to/nowhere", 10);
}

static void
mknod_makes_fifos_sockets_and_devices(void **state)
{
	struct nfs_new nw = { .nw_type = NFS3_FIFO };
	struct nfs3_made res = make("fifo", nw, &mode_640);
	struct stat st;

	assert_made(&res, "fifo", S_IFIFO | 0640);
	nw.nw_type = NFS3_SOCK;
	res = make("socket", nw, &mode_640);
	assert_made(&res, "socket", S_IFSOCK | 0640);
	nw.nw_type = NFS3_CHR;
	nw.nw_major = 1;
	nw.nw_minor = 3;
	res = make("null", nw, &mode_640);
	/* A container may not have the right to. */
	if (res.ma_status == NFS3ERR_PERM || res.ma_status == NFS3ERR_ACCES)
		return;
	assert_made(&res, "null", S_IFCHR | 0640);
	st = host_stat("null");
	assert_int_equal(major(st.st_rdev), 1);
	assert_int_equal(minor(st.st_rdev), 3);
}

static void
remove_and_rmdir_remove(void **state)
{
	struct nfs3_dirname file = in_root("removed"), dir = in_root("rmdir");
	struct nfs3_change res;
	bool again = true;

	put_file("removed", "x");
	assert_int_equal(mkdir(host("rmdir"), 0755), 0);
	assert_int_equal(
	    nfscall_remove(nm, &file, false, kauth_cred_kernel(), &res, &again),
	    0);
	assert_int_equal(res.ch_status, NFS3_OK);
	assert_false(again);
	assert_true(absent("removed"));
	assert_int_equal(
	    nfscall_remove(nm, &file, false, kauth_cred_kernel(), &res, &again),
	    0);
	assert_int_equal(res.ch_status, NFS3ERR_NOENT);
	put_file("rmdir/inside", "x");
	assert_int_equal(
	    nfscall_remove(nm, &dir, true, kauth_cred_kernel(), &res, &again),
	    0);
	assert_int_equal(nfs3_errno(res.ch_status), RUMP_ENOTEMPTY);
	assert_int_equal(unlink(host("rmdir/inside")), 0);
	assert_int_equal(
	    nfscall_remove(nm, &dir, true, kauth_cred_kernel(), &res, &again),
	    0);
	assert_int_equal(res.ch_status, NFS3_OK);
	assert_true(absent("rmdir"));
}

static void
rename_moves_and_replaces(void **state)
{
	struct nfs3_dirname from = in_root("from"), to = in_root("to");
	struct nfs3_rename res;
	ino_t ino;
	bool again;

	put_file("from", "new");
	put_file("to", "old one");
	ino = host_stat("from").st_ino;
	assert_int_equal(
	    nfscall_rename(nm, &from, &to, kauth_cred_kernel(), &res, &again),
	    0);
	assert_int_equal(res.rn_status, NFS3_OK);
	assert_int_equal(host_stat("to").st_ino, ino);
	assert_true(absent("from"));
}

static void
link_gives_another_name(void **state)
{
	struct nfs3_dirname to = in_root("second");
	struct nfs3_link res;
	struct nfs3_fh fh;
	bool again;

	put_file("first", "x");
	fh = handle("first");
	assert_int_equal(
	    nfscall_link(nm, &fh, &to, kauth_cred_kernel(), &res, &again), 0);
	assert_int_equal(res.ln_status, NFS3_OK);
	assert_int_equal(host_stat("second").st_ino, host_stat("first").st_ino);
	assert_int_equal(host_stat("first").st_nlink, 2);
}

static _Atomic int written;

static void
note_written(struct rpc_call *ca)
{
	atomic_store(&written, 1);
}

static struct nfs3_write
write_at(const struct nfs3_fh *fh, uint64_t off, const char *text,
    enum nfs3_stable stable)
{
	/* In pieces, of which none is a multiple of four. */
	struct rump_iovec iov[2] = { { (char *)(uintptr_t)text, 5 },
		{ (char *)(uintptr_t)text + 5, strlen(text) - 5 } };
	struct rpc_call *ca = nfscall_write_create(
	    nm, fh, off, (uint32_t)strlen(text), stable, kauth_cred_kernel());
	struct nfs3_write res;
	struct xdr_in xi;

	rpc_call_attach(ca, iov, 2);
	atomic_store(&written, 0);
	rpc_call_start(nm->nm_conn, ca, note_written, NULL);
	assert_int_equal(rpc_wait(nm->nm_conn, &written), 0);
	assert_int_equal(rpc_call_results(ca, &xi), 0);
	assert_int_equal(nfs3_write_result(&xi, &res), 0);
	rpc_call_unref(ca);
	return res;
}

static void
write_and_commit_keep_data(void **state)
{
	struct nfs3_write first, second;
	struct nfs3_commit commit;
	struct nfs3_fh fh;
	char got[64] = { 0 };
	FILE *f;

	put_file("written", "");
	fh = handle("written");
	first = write_at(&fh, 0, "hello brave", NFS3_UNSTABLE);
	second = write_at(&fh, 11, " new world", NFS3_FILE_SYNC);
	assert_int_equal(first.wr_status, NFS3_OK);
	assert_int_equal(first.wr_count, 11);
	assert_int_equal(second.wr_status, NFS3_OK);
	assert_int_equal(second.wr_committed, NFS3_FILE_SYNC);
	assert_int_equal(
	    nfscall_commit(nm, &fh, 0, 0, kauth_cred_kernel(), &commit), 0);
	assert_int_equal(commit.co_status, NFS3_OK);
	if (first.wr_committed == NFS3_UNSTABLE)
		assert_true(commit.co_verf == first.wr_verf);
	f = fopen(host("written"), "r");
	assert_non_null(f);
	assert_int_equal(fread(got, 1, sizeof(got), f), 21);
	fclose(f);
	assert_string_equal(got, "hello brave new world");
}

static void
replies_tell_of_the_directory_before_and_after(void **state)
{
	struct nfs_new nw = { .nw_type = NFS3_REG, .nw_how = NFS3_GUARDED };
	struct nfs3_made one = make("wcc1", nw, &mode_640);
	struct nfs3_made two = make("wcc2", nw, &mode_640);

	assert_true(one.ma_dir.wc_after.oa_there);
	if (!two.ma_dir.wc_has_before)
		skip();
	assert_int_equal(two.ma_dir.wc_before.wa_mtime.t_nsec,
	    one.ma_dir.wc_after.oa_attr.a_mtime.t_nsec);
	assert_int_equal(
	    two.ma_dir.wc_before.wa_size, one.ma_dir.wc_after.oa_attr.a_size);
}

static int
begin(void **state)
{
	struct nfs_url u;
	char text[512];

	server_start(&server, "");
	if (rump_init() != 0)
		return -1;
	rump_schedule();
	nm = nfsmount_create(NULL);
	if (nfs_url_parse(server_url(&server, ""), &u, text, sizeof(text)) !=
		0 ||
	    nfsmount_url(nm, &u, kauth_cred_kernel(), text, sizeof(text)) != 0)
		return -1;
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
		cmocka_unit_test(setattr_sets_all_that_it_is_given),
		cmocka_unit_test(setattr_to_the_servers_time),
		cmocka_unit_test(create_unchecked_takes_what_is_there),
		cmocka_unit_test(create_guarded_refuses_what_is_there),
		cmocka_unit_test(create_exclusive_knows_its_verifier_again),
		cmocka_unit_test(mkdir_makes_a_directory),
		cmocka_unit_test(symlink_makes_a_link),
		cmocka_unit_test(mknod_makes_fifos_sockets_and_devices),
		cmocka_unit_test(remove_and_rmdir_remove),
		cmocka_unit_test(rename_moves_and_replaces),
		cmocka_unit_test(link_gives_another_name),
		cmocka_unit_test(write_and_commit_keep_data),
		cmocka_unit_test(
		    replies_tell_of_the_directory_before_and_after),
	};

	if (!server_possible())
		return 77; /* skipped */
	return cmocka_run_group_tests(tests, begin, end);
}
