/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changes to directories: how many calls they take, what stays in the caches,
 * and calls that were sent twice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/nfs/client.h"

#include "rump/rump_syscalls.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

static void
must_fail(int result, int error)
{
	assert_int_equal(result, -1);
	assert_int_equal(errno, error);
}

static unsigned
calls(void)
{
	unsigned n = 0;

	for (size_t i = 0; i < 22; i++)
		n += atomic_load(&counts[i]);
	return n;
}

static void
forget_counts(void)
{
	for (size_t i = 0; i < 22; i++)
		atomic_store(&counts[i], 0);
}

/* What may be done in the root is known after this. */
static void
warm(void)
{
	must(rump_sys_access("/data", RUMP_W_OK));
	forget_counts();
}

static int
open_new(const char *path, int flags)
{
	return rump_sys_open(path, RUMP_O_RDWR | RUMP_O_CREAT | flags, 0644);
}

static void
create_stat_and_unlink_are_one_call_each(void **state)
{
	struct rump_stat st;
	char path[32];
	int fd;

	warm();
	for (int i = 0; i < 50; i++) {
		snprintf(path, sizeof(path), "/data/e%d", i);
		fd = open_new(path, RUMP_O_TRUNC);
		must(fd);
		must(rump_sys_close(fd));
		must(rump_sys_stat(path, &st));
		must(rump_sys_unlink(path));
		must_fail(rump_sys_stat(path, &st), RUMP_ENOENT);
	}
	assert_int_equal(atomic_load(&counts[NFS3PROC_CREATE]), 50);
	assert_int_equal(atomic_load(&counts[NFS3PROC_REMOVE]), 50);
	assert_int_equal(calls(), 100);
}

static void
mkdir_symlink_link_and_rename_are_one_call_each(void **state)
{
	warm();
	must(rump_sys_mkdir("/data/d", 0755));
	must(rump_sys_symlink("target", "/data/l1"));
	assert_int_equal(calls(), 2);
	must(rump_sys_close(open_new("/data/e", 0)));
	assert_int_equal(calls(), 3);
	must(rump_sys_link("/data/e", "/data/e2"));
	assert_int_equal(calls(), 4);
	must(rump_sys_rename("/data/e", "/data/e2.new"));
	assert_int_equal(atomic_load(&counts[NFS3PROC_RENAME]), 1);
	must(rump_sys_mkfifo("/data/e3", 0644));
	assert_int_equal(atomic_load(&counts[NFS3PROC_MKNOD]), 1);
}

static void
an_exclusive_file_gets_its_attributes_afterwards(void **state)
{
	warm();
	must(rump_sys_close(open_new("/data/e", RUMP_O_EXCL)));
	assert_int_equal(atomic_load(&counts[NFS3PROC_CREATE]), 1);
	assert_int_equal(atomic_load(&counts[NFS3PROC_SETATTR]), 1);
	assert_int_equal(calls(), 2);
}

static uint32_t
refuse_exclusive(struct exchange *x)
{
	size_t len;

	(void)xdr_get_opaque(&x->args, 255, &len);
	if (xdr_get_u32(&x->args) == NFS3_EXCLUSIVE)
		return answer_status(x, NFS3ERR_NOTSUPP);
	return answer_status(x, NFS3ERR_EXIST);
}

static void
a_server_without_exclusive_is_asked_otherwise(void **state)
{
	warm();
	atomic_store(&wicked[NFS3PROC_CREATE], refuse_exclusive);
	must_fail(open_new("/data/f", RUMP_O_EXCL), RUMP_EEXIST);
	assert_int_equal(atomic_load(&counts[NFS3PROC_CREATE]), 2);
}

static uint32_t
exists(struct exchange *x)
{
	return answer_status(x, NFS3ERR_EXIST);
}

static void
a_file_that_is_there_is_opened(void **state)
{
	struct rump_stat st;
	int fd;

	warm();
	atomic_store(&wicked[NFS3PROC_CREATE], exists);
	fd = open_new("/data/f", 0);
	must(fd);
	must(rump_sys_fstat(fd, &st));
	assert_int_equal(st.st_size, FILE_SIZE);
	must(rump_sys_close(fd));
	assert_int_equal(atomic_load(&counts[NFS3PROC_CREATE]), 1);
	assert_int_equal(atomic_load(&counts[NFS3PROC_LOOKUP]), 1);
	/* Known by now. */
	must(rump_sys_close(open_new("/data/f", 0)));
	assert_int_equal(atomic_load(&counts[NFS3PROC_CREATE]), 1);
}

static uint32_t
denied(struct exchange *x)
{
	return answer_status(x, NFS3ERR_ACCES);
}

static void
what_is_there_counts_more_than_what_may_not_be_made(void **state)
{
	warm();
	atomic_store(&wicked[NFS3PROC_MKDIR], denied);
	atomic_store(&wicked[NFS3PROC_CREATE], denied);
	must_fail(rump_sys_mkdir("/data/l", 0755), RUMP_EEXIST);
	must_fail(rump_sys_mkdir("/data/x", 0755), RUMP_EACCES);
	must(rump_sys_close(open_new("/data/f", 0)));
	must_fail(open_new("/data/x", 0), RUMP_EACCES);
	must_fail(rump_sys_link("/data", "/data/f"), RUMP_EEXIST);
	must_fail(rump_sys_link("/data", "/data/x"), RUMP_EPERM);
	must_fail(rump_sys_symlink("target", "/data/f/"), RUMP_EEXIST);
	must_fail(rump_sys_symlink("target", "/data/x/"), RUMP_ENOENT);
}

/* --- what others change --------------------------------------------------- */

static void
our_own_removals_leave_the_listing(void **state)
{
	assert_int_equal(list(4096), 2);
	must(rump_sys_unlink("/data/f"));
	assert_int_equal(list(4096), 1);
	assert_int_equal(atomic_load(&counts[NFS3PROC_READDIRPLUS]), 1);
}

static void
our_own_files_make_the_listing_be_read_again(void **state)
{
	struct rump_stat st;

	assert_int_equal(list(4096), 2);
	must(rump_sys_close(open_new("/data/e", 0)));
	/* It is still good for this. */
	must(rump_sys_stat("/data/f", &st));
	assert_int_equal(atomic_load(&counts[NFS3PROC_LOOKUP]), 0);
	assert_int_equal(list(4096), 2);
	assert_int_equal(atomic_load(&counts[NFS3PROC_READDIRPLUS]), 2);
}

/* As if somebody had changed the directory just before. */
static uint32_t
removed_after_others(struct exchange *x)
{
	xdr_put_u32(&x->out, NFS3_OK);
	xdr_put_u32(&x->out, 1);
	xdr_put_u64(&x->out, 10);
	for (int i = 0; i < 4; i++)
		xdr_put_u32(&x->out, 999);
	put_opt_attr(&x->out, &x->fh);
	return 0;
}

/* A server that does not say how it was before. */
static uint32_t
removed_without_before(struct exchange *x)
{
	struct xdr_out mtime;

	xdr_put_u32(&x->out, NFS3_OK);
	xdr_put_u32(&x->out, 0);
	put_opt_attr(&x->out, &x->fh);
	xdr_out_init(&mtime, x->out.xo_base + x->out.xo_len - 16, 4);
	xdr_put_u32(&mtime, 2000);
	return 0;
}

static void
changes_of_others_make_everything_be_asked_again(void **state)
{
	answer_t *const wcc[2] = { removed_after_others,
		removed_without_before };
	struct rump_stat st;

	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(list(4096), 2);
		must(rump_sys_stat("/data/f", &st));
		atomic_store(&wicked[NFS3PROC_REMOVE], wcc[i]);
		must(rump_sys_unlink("/data/l"));
		forget_counts();
		must(rump_sys_stat("/data/f", &st));
		assert_int_equal(atomic_load(&counts[NFS3PROC_LOOKUP]), 1);
		assert_int_equal(list(4096), 2);
		assert_int_equal(atomic_load(&counts[NFS3PROC_READDIRPLUS]), 1);
	}
}

/* --- calls that were sent twice ------------------------------------------- */

static uint32_t
gone(struct exchange *x)
{
	return answer_status(x, NFS3ERR_NOENT);
}

/* The first answer is lost; the second is the given one. */
static void
lose_answer(enum nfs3_proc proc, answer_t *second)
{
	warm();
	atomic_store(&wicked[proc], second);
	atomic_store(&hang_up, 1);
}

static void
a_removal_that_was_sent_twice_has_succeeded(void **state)
{
	struct rump_stat st;

	must(rump_sys_stat("/data/f", &st));
	lose_answer(NFS3PROC_REMOVE, gone);
	must(rump_sys_unlink("/data/f"));
	assert_int_equal(atomic_load(&counts[NFS3PROC_REMOVE]), 2);
	/* Not so if it was sent once. */
	must(rump_sys_lstat("/data/l", &st));
	must_fail(rump_sys_unlink("/data/l"), RUMP_ENOENT);
}

static uint32_t
find_file(struct exchange *x)
{
	struct nfs3_fh fh = { .fh_len = 1, .fh_data = { 'e' } };

	xdr_put_u32(&x->out, NFS3_OK);
	xdr_put_opaque(&x->out, fh.fh_data, 1);
	put_opt_attr(&x->out, &fh);
	put_opt_attr(&x->out, &x->fh);
	return 0;
}

static uint32_t
find_directory(struct exchange *x)
{
	struct nfs3_fh fh = { .fh_len = 1, .fh_data = { 'd' } };

	xdr_put_u32(&x->out, NFS3_OK);
	xdr_put_opaque(&x->out, fh.fh_data, 1);
	put_opt_attr(&x->out, &fh);
	put_opt_attr(&x->out, &x->fh);
	return 0;
}

static void
what_was_made_twice_is_ours_if_it_looks_so(void **state)
{
	lose_answer(NFS3PROC_CREATE, exists);
	atomic_store(&wicked[NFS3PROC_LOOKUP], find_file);
	must(rump_sys_close(open_new("/data/e1", 0)));
	assert_int_equal(atomic_load(&counts[NFS3PROC_CREATE]), 2);
	assert_int_equal(atomic_load(&counts[NFS3PROC_ACCESS]), 0);

	lose_answer(NFS3PROC_MKDIR, exists);
	atomic_store(&wicked[NFS3PROC_LOOKUP], find_directory);
	must(rump_sys_mkdir("/data/d1", 0755));
	lose_answer(NFS3PROC_MKDIR, exists);
	must_fail(rump_sys_mkdir("/data/d2", 0700), RUMP_EEXIST);

	lose_answer(NFS3PROC_SYMLINK, exists);
	atomic_store(&wicked[NFS3PROC_LOOKUP], NULL);
	/* The link l leads to f. */
	must(rump_sys_symlink("f", "/data/l"));
	lose_answer(NFS3PROC_SYMLINK, exists);
	must_fail(rump_sys_symlink("g", "/data/l"), RUMP_EEXIST);
}

/* Whether somebody else made it, only the server can tell, by the verifier. */
static void
an_exclusive_file_that_is_there_is_never_ours(void **state)
{
	lose_answer(NFS3PROC_CREATE, exists);
	atomic_store(&wicked[NFS3PROC_LOOKUP], find_file);
	must_fail(open_new("/data/e1", RUMP_O_EXCL), RUMP_EEXIST);
	lose_answer(NFS3PROC_CREATE, refuse_exclusive);
	must_fail(open_new("/data/e1", RUMP_O_EXCL), RUMP_EEXIST);
}

/* A directory that has been there for long. */
static uint32_t
find_old_directory(struct exchange *x)
{
	struct nfs3_fh fh = { .fh_len = 1, .fh_data = { 'd' } };
	struct xdr_out ctime;

	xdr_put_u32(&x->out, NFS3_OK);
	xdr_put_opaque(&x->out, fh.fh_data, 1);
	put_opt_attr(&x->out, &fh);
	xdr_out_init(&ctime, x->out.xo_base + x->out.xo_len - 8, 4);
	xdr_put_u32(&ctime, 999);
	put_opt_attr(&x->out, &x->fh);
	return 0;
}

static void
what_is_older_than_the_call_is_not_ours(void **state)
{
	lose_answer(NFS3PROC_MKDIR, exists);
	atomic_store(&wicked[NFS3PROC_LOOKUP], find_old_directory);
	must_fail(rump_sys_mkdir("/data/d1", 0755), RUMP_EEXIST);
	assert_int_equal(atomic_load(&counts[NFS3PROC_MKDIR]), 2);
}

/* --- attributes that cannot be set ---------------------------------------- */

static void
an_exclusive_file_that_cannot_be_finished_is_removed(void **state)
{
	warm();
	atomic_store(&wicked[NFS3PROC_SETATTR], denied);
	must_fail(open_new("/data/e", RUMP_O_EXCL), RUMP_EACCES);
	assert_int_equal(atomic_load(&counts[NFS3PROC_REMOVE]), 1);
}

static void
a_truncation_that_is_refused_leaves_the_data(void **state)
{
	uint8_t byte = 0;
	int fd = rump_sys_open("/data/f", RUMP_O_RDWR);

	must(fd);
	must(rump_sys_pread(fd, &byte, 1, 1234));
	assert_int_equal(byte, 1234 % 256);
	atomic_store(&wicked[NFS3PROC_SETATTR], denied);
	must_fail(rump_sys_ftruncate(fd, 1000), RUMP_EACCES);
	assert_int_equal(rump_sys_pread(fd, &byte, 1, 1234), 1);
	assert_int_equal(byte, 1234 % 256);
	must(rump_sys_close(fd));
}

static void
times_that_are_set_are_those_of_the_server(void **state)
{
	struct rump_timespec ts[2] = { { 1000, 0 }, { 1000, 0 } };
	struct rump_stat st;
	int fd = rump_sys_open("/data/f", RUMP_O_RDWR);

	must(fd);
	must(rump_sys_write(fd, "x", 1));
	must(rump_sys_fstat(fd, &st));
	assert_int_not_equal(st.st_mtim.tv_sec, 1000);
	must(rump_sys_futimens(fd, ts));
	must(rump_sys_fstat(fd, &st));
	assert_int_equal(st.st_mtim.tv_sec, 1000);
	must(rump_sys_close(fd));
}

/* --- signals -------------------------------------------------------------- */

/* A signal waits for this thread; that names are absent is known. */
static void
interrupt(void)
{
	static const char *const names[] = { "/data/d", "/data/l2", "/data/e2",
		"/data/e3" };
	struct rump_stat st;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		must_fail(rump_sys_lstat(names[i], &st), RUMP_ENOENT);
	rump_interrupt();
}

/* A call that began again would find what it has done itself. */
static void
a_signal_does_not_part_a_change_from_its_answer(void **state)
{
	int fd;

	warm();
	interrupt();
	must(rump_sys_mkdir("/data/d", 0755));
	must(rump_sys_symlink("x", "/data/l2"));
	fd = open_new("/data/e", RUMP_O_EXCL);
	must(fd);
	must(rump_sys_link("/data/e", "/data/e2"));
	must(rump_sys_rename("/data/e2", "/data/e3"));
	must(rump_sys_unlink("/data/e3"));
	must(rump_sys_rmdir("/data/d"));
	rump_interrupt_clear();
	must(rump_sys_close(fd));
	assert_int_equal(atomic_load(&counts[NFS3PROC_MKDIR]), 1);
	assert_int_equal(atomic_load(&counts[NFS3PROC_CREATE]), 1);
}

static uint32_t
later(struct exchange *x)
{
	return answer_status(x, NFS3ERR_JUKEBOX);
}

static void
a_signal_ends_the_wait_for_a_server_that_says_later(void **state)
{
	warm();
	atomic_store(&wicked[NFS3PROC_MKDIR], later);
	interrupt();
	must_fail(rump_sys_mkdir("/data/d", 0755), RUMP_EINTR);
	rump_interrupt_clear();
	assert_int_equal(atomic_load(&counts[NFS3PROC_MKDIR]), 1);
}

static uint32_t
link_exists(struct exchange *x)
{
	struct nfs3_fh dir = { .fh_len = 1, .fh_data = { 'r' } };

	xdr_put_u32(&x->out, NFS3ERR_EXIST);
	put_opt_attr(&x->out, &x->fh);
	put_wcc(&x->out, &dir);
	return 0;
}

static uint32_t
not_there_to_rename(struct exchange *x)
{
	(void)answer_status(x, NFS3ERR_NOENT);
	put_wcc(&x->out, &x->fh);
	return 0;
}

static void
links_and_renames_are_ours_if_they_lead_to_the_file(void **state)
{
	struct rump_stat st;

	must(rump_sys_stat("/data/f", &st));
	lose_answer(NFS3PROC_LINK, link_exists);
	must_fail(rump_sys_link("/data/f", "/data/x"), RUMP_EEXIST);
	atomic_store(&wicked[NFS3PROC_LOOKUP], find_file);
	must(rump_sys_close(open_new("/data/e", 0)));
	lose_answer(NFS3PROC_LINK, link_exists);
	must(rump_sys_link("/data/e", "/data/y"));
	lose_answer(NFS3PROC_RENAME, not_there_to_rename);
	must(rump_sys_rename("/data/e", "/data/e1"));
	atomic_store(&wicked[NFS3PROC_LOOKUP], NULL);
	must_fail(rump_sys_rename("/data/e1", "/data/e2"), RUMP_ENOENT);
}

/* --- hostile answers ------------------------------------------------------ */

static void
try_everything(void)
{
	struct rump_timespec ts[2] = { { 1, 1 }, { 2, 2 } };
	int fd;

	(void)rump_sys_mkdir("/data/d", 0755);
	(void)rump_sys_symlink("x", "/data/l2");
	(void)rump_sys_mkfifo("/data/e9", 0644);
	(void)rump_sys_link("/data/f", "/data/f2");
	(void)rump_sys_rename("/data/f", "/data/f3");
	(void)rump_sys_chmod("/data/f", 0600);
	(void)rump_sys_utimensat(RUMP_AT_FDCWD, "/data/f", ts, 0);
	(void)rump_sys_truncate("/data/f", 10);
	(void)rump_sys_rmdir("/data/d");
	fd = open_new("/data/e5", RUMP_O_EXCL);
	if (fd >= 0) {
		(void)rump_sys_unlink("/data/e5");
		(void)rump_sys_close(fd);
	}
	(void)rump_sys_unlink("/data/f");
}

static void
garbage_for_answers_is_survived(void **state)
{
	for (unsigned seed = 1; seed < 300; seed++) {
		atomic_store(&garbage, seed * 1000);
		try_everything();
	}
	reset();
	must(rump_sys_unmount("/data", 0));
	mount_with("");
	must(rump_sys_mkdir("/data/d", 0755));
}

static void
answers_that_are_cut_off_are_survived(void **state)
{
	for (size_t n = 0; n < 260; n += 3) {
		atomic_store(&cut, n + 1);
		try_everything();
	}
	reset();
	must(rump_sys_unmount("/data", 0));
	mount_with("");
	must(rump_sys_mkdir("/data/d", 0755));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, case_begin, case_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(create_stat_and_unlink_are_one_call_each),
		CASE(mkdir_symlink_link_and_rename_are_one_call_each),
		CASE(an_exclusive_file_gets_its_attributes_afterwards),
		CASE(a_server_without_exclusive_is_asked_otherwise),
		CASE(a_file_that_is_there_is_opened),
		CASE(what_is_there_counts_more_than_what_may_not_be_made),
		CASE(our_own_removals_leave_the_listing),
		CASE(our_own_files_make_the_listing_be_read_again),
		CASE(changes_of_others_make_everything_be_asked_again),
		CASE(a_removal_that_was_sent_twice_has_succeeded),
		CASE(what_was_made_twice_is_ours_if_it_looks_so),
		CASE(an_exclusive_file_that_is_there_is_never_ours),
		CASE(what_is_older_than_the_call_is_not_ours),
		CASE(an_exclusive_file_that_cannot_be_finished_is_removed),
		CASE(a_truncation_that_is_refused_leaves_the_data),
		CASE(times_that_are_set_are_those_of_the_server),
		CASE(a_signal_does_not_part_a_change_from_its_answer),
		CASE(a_signal_ends_the_wait_for_a_server_that_says_later),
		CASE(links_and_renames_are_ours_if_they_lead_to_the_file),
		CASE(garbage_for_answers_is_survived),
		CASE(answers_that_are_cut_off_are_survived),
	};

	return cmocka_run_group_tests(tests, liar_begin, liar_end);
}
