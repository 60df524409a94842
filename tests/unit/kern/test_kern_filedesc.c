/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "tests/unit/kern/kern_test.h"

#include "kern/file.h"
#include "kern/kmem.h"
#include "kern/lwp.h"
#include "rump/rump_syscalls.h"

static _Atomic int nclosed;

static int
count_close(struct file *fp)
{
	atomic_fetch_add(&nclosed, 1);
	return 0;
}

static const struct fileops ops = { .fo_name = "test",
	.fo_close = count_close };

static int
open_test(void)
{
	struct file *fp;
	int fd;

	assert_int_equal(fd_allocfile(&fp, &fd), 0);
	fp->f_ops = &ops;
	fp->f_type = DTYPE_MISC;
	fd_affix(fp, fd, false);
	return fd;
}

static void
the_lowest_free_descriptor_is_given(void **state)
{
	for (int i = 0; i < 600; i++)
		assert_int_equal(open_test(), i);
	assert_int_equal(fd_close(300), 0);
	assert_int_equal(fd_close(7), 0);
	assert_int_equal(open_test(), 7);
	assert_int_equal(open_test(), 300);
	assert_int_equal(open_test(), 600);
	assert_int_equal(fd_highest(), 600);
	nclosed = 0;
	fd_closefrom(0);
	assert_int_equal(nclosed, 601);
	assert_int_equal(fd_highest(), -1);
}

static void
a_reserved_descriptor_is_invisible_until_affixed(void **state)
{
	struct file *fp, *fp2;
	int fd, fd2;

	assert_int_equal(fd_allocfile(&fp, &fd), 0);
	assert_null(fd_getfile(fd));
	assert_int_equal(fd_close(fd), RUMP_EBADF);
	fd2 = open_test();
	assert_int_not_equal(fd2, fd);
	fp2 = fd_getfile(fd2);
	assert_int_equal(fd_dup2(fp2, fd, false), RUMP_EBADF);
	fd_putfile(fp2);
	fd_abort(fp, fd);
	assert_int_equal(open_test(), fd);
	fd_closefrom(0);
}

static void
numbers_that_are_none_are_refused(void **state)
{
	static const int bad[] = { -1, INT32_MIN, INT32_MAX, FD_LIMIT, 5,
		5000 };
	struct file *fp;
	bool cloexec;
	int fd;

	fp = fd_getfile(open_test());
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(fd_getfile(bad[i]));
		assert_int_equal(fd_close(bad[i]), RUMP_EBADF);
		assert_int_equal(fd_getcloexec(bad[i], &cloexec), RUMP_EBADF);
		assert_int_equal(fd_setcloexec(bad[i], true), RUMP_EBADF);
	}
	for (int i = 0; i < 4; i++) {
		assert_int_equal(fd_dup2(fp, bad[i], false), RUMP_EBADF);
		assert_int_equal(fd_dup(fp, bad[i], &fd, false), RUMP_EINVAL);
	}
	fd_putfile(fp);
	fd_closefrom(0);
}

static void
a_file_closes_when_its_last_reference_goes(void **state)
{
	int fd = open_test(), fd2;
	struct file *fp = fd_getfile(fd);

	nclosed = 0;
	assert_int_equal(fd_dup(fp, 10, &fd2, true), 0);
	assert_int_equal(fd2, 10);
	assert_int_equal(fd_close(fd), 0);
	assert_int_equal(fd_close(fd2), 0);
	assert_int_equal(nclosed, 0);
	fd_putfile(fp);
	assert_int_equal(nclosed, 1);
}

static void
dup2_replaces_what_was_there(void **state)
{
	int a = open_test(), b = open_test();
	struct file *fp = fd_getfile(a);

	nclosed = 0;
	assert_int_equal(fd_dup2(fp, b, true), 0);
	assert_int_equal(nclosed, 1);
	assert_ptr_equal(fd_getfile(b), fp);
	fd_putfile(fp);
	assert_int_equal(fd_dup2(fp, 1000, false), 0);
	fd_putfile(fp);
	nclosed = 0;
	fd_closeexec(curproc->p_fd);
	assert_null(fd_getfile(b));
	assert_int_equal(nclosed, 0);
	fd_closefrom(0);
	assert_int_equal(nclosed, 1);
}

static void
the_limit_of_the_process_is_respected(void **state)
{
	struct rump_rlimit rl = { 3, 10 };
	struct file *fp;
	int fd;

	assert_int_equal(
	    rump_sys_setrlimit(RUMP_RLIMIT_NOFILE, (void *)&rl), 0);
	for (int i = 0; i < 3; i++)
		(void)open_test();
	assert_int_equal(fd_allocfile(&fp, &fd), RUMP_EMFILE);
	assert_int_equal(fd_close(1), 0);
	assert_int_equal(open_test(), 1);
	rl.rlim_cur = 0;
	assert_int_equal(
	    rump_sys_setrlimit(RUMP_RLIMIT_NOFILE, (void *)&rl), 0);
	assert_int_equal(rump_sys_dup(0), -1);
	assert_int_equal(errno, RUMP_EMFILE);
	rl.rlim_cur = rl.rlim_max = FD_LIMIT;
	assert_int_equal(
	    rump_sys_setrlimit(RUMP_RLIMIT_NOFILE, (void *)&rl), 0);
	fd_closefrom(0);
}

static int
refuse_ioctl(struct file *fp, unsigned long cmd, void *data)
{
	return RUMP_EIO;
}

static void
a_flag_that_the_object_refuses_stays_as_it_was(void **state)
{
	static const struct fileops refusing = { .fo_name = "test",
		.fo_ioctl = refuse_ioctl };
	struct file *fp;
	int fd;

	assert_int_equal(fd_allocfile(&fp, &fd), 0);
	fp->f_ops = &refusing;
	fp->f_flag = FREAD;
	fd_affix(fp, fd, false);
	assert_int_equal(file_setflag(fp, RUMP_O_NONBLOCK, true), RUMP_EIO);
	assert_int_equal(rump_sys_fcntl(fd, RUMP_F_GETFL, NULL), 0);
	assert_int_equal(fd_close(fd), 0);
}

static void
a_full_table_says_so_and_recovers(void **state)
{
	struct file *fp;
	int fd;

	fp = fd_getfile(open_test());
	for (int i = 1; i < FD_LIMIT; i++)
		assert_int_equal(fd_dup(fp, 0, &fd, false), 0);
	assert_int_equal(fd, FD_LIMIT - 1);
	assert_int_equal(fd_dup(fp, 0, &fd, false), RUMP_EMFILE);
	assert_int_equal(fd_close(40000), 0);
	assert_int_equal(fd_dup(fp, 0, &fd, false), 0);
	assert_int_equal(fd, 40000);
	fd_putfile(fp);
	nclosed = 0;
	fd_closefrom(0);
	assert_int_equal(nclosed, 1);
}

static void
no_memory_for_a_chunk_leaves_nothing_behind(void **state)
{
	size_t before;
	struct file *fp;
	int fd = -7;

	/* In a table of its own, which has no chunks yet. */
	assert_int_equal(rump_pub_lwproc_rfork(RUMP_RFCFDG), 0);
	before = kmem_outstanding();
	kmem_fail_nth(1);
	assert_int_equal(fd_allocfile(&fp, &fd), RUMP_EMFILE);
	assert_int_equal(fd, -7);
	assert_int_equal(kmem_outstanding(), before);
	assert_int_equal(open_test(), 0);
	rump_pub_lwproc_releaselwp();
}

/* One thread opens and closes descriptor after descriptor, others look. */
static _Atomic bool stop;
static _Atomic unsigned seen;

static void *
look(void *arg)
{
	struct file *fp;

	rump_schedule();
	while (!atomic_load(&stop)) {
		for (int fd = 0; fd < 4; fd++) {
			fp = fd_getfile(fd);
			if (fp == NULL)
				continue;
			assert_ptr_equal(fp->f_ops, &ops);
			atomic_fetch_add(&seen, 1);
			fd_putfile(fp);
		}
	}
	rump_unschedule();
	return NULL;
}

static void
lookups_race_with_open_and_close(void **state)
{
	size_t before = kmem_outstanding();
	pthread_t t[2];
	int fds[4];

	for (int i = 0; i < 2; i++)
		t[i] = spawn(look, NULL);
	nclosed = 0;
	for (int i = 0; i < 20000; i++) {
		for (int k = 0; k < 4; k++)
			fds[k] = open_test();
		for (int k = 0; k < 4; k++)
			assert_int_equal(fd_close(fds[k]), 0);
	}
	AWAIT((fds[0] = open_test(), fd_close(fds[0]), atomic_load(&seen)) > 0);
	atomic_store(&stop, true);
	for (int i = 0; i < 2; i++)
		join(t[i]);
	assert_true(nclosed > 80000);
	assert_int_equal(kmem_outstanding(), before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_lowest_free_descriptor_is_given),
		cmocka_unit_test(
		    a_reserved_descriptor_is_invisible_until_affixed),
		cmocka_unit_test(numbers_that_are_none_are_refused),
		cmocka_unit_test(a_file_closes_when_its_last_reference_goes),
		cmocka_unit_test(dup2_replaces_what_was_there),
		cmocka_unit_test(the_limit_of_the_process_is_respected),
		cmocka_unit_test(
		    a_flag_that_the_object_refuses_stays_as_it_was),
		cmocka_unit_test(a_full_table_says_so_and_recovers),
		cmocka_unit_test(no_memory_for_a_chunk_leaves_nothing_behind),
		cmocka_unit_test(lookups_race_with_open_and_close),
	};

	return cmocka_run_group_tests(tests, boot_kernel, NULL);
}
