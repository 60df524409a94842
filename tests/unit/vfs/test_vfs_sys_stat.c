/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/vfs/vfs_test.h"

static void
stat_and_fstat_agree(void **state)
{
	struct rump_stat a, b;
	int fd;

	make_file("f", "0123456789");
	a = stat_of("f");
	assert_int_equal(a.st_mode, RUMP_S_IFREG | 0644);
	assert_int_equal(a.st_nlink, 1);
	assert_int_equal(a.st_size, 10);
	assert_int_equal(a.st_blocks, 8);
	assert_true(a.st_blksize >= 512);
	fd = rump_sys_open("f", RUMP_O_RDONLY);
	OK(rump_sys_fstat(fd, &b));
	assert_memory_equal(&a, &b, sizeof(a));
	OK(rump_sys_close(fd));
	OK(rump_sys_symlink("f", "l"));
	OK(rump_sys_stat("l", &b));
	assert_int_equal(a.st_ino, b.st_ino);
	OK(rump_sys_fstatat(RUMP_AT_FDCWD, "l", &b, RUMP_AT_SYMLINK_NOFOLLOW));
	assert_int_equal(b.st_mode & RUMP_S_IFMT, RUMP_S_IFLNK);
}

static void
access_asks_for_the_real_user(void **state)
{
	make_file("f", "");
	OK(rump_sys_chmod("f", 0640));
	OK(rump_sys_access("f", RUMP_F_OK));
	OK(rump_sys_access("f", RUMP_R_OK | RUMP_W_OK));
	FAILS(EACCES, rump_sys_access("f", RUMP_X_OK));
	FAILS(EINVAL, rump_sys_access("f", 8));
	FAILS(ENOENT, rump_sys_access("x", RUMP_F_OK));
	rump_set_hostcred(1000, 0, 1000, 0, 0, NULL);
	FAILS(EACCES, rump_sys_access("f", RUMP_R_OK));
	OK(rump_sys_faccessat(RUMP_AT_FDCWD, "f", RUMP_R_OK, RUMP_AT_EACCESS));
	rump_set_hostcred(0, 1000, 0, 1000, 0, NULL);
	OK(rump_sys_access("f", RUMP_R_OK));
	FAILS(EACCES,
	    rump_sys_faccessat(RUMP_AT_FDCWD, "f", RUMP_R_OK, RUMP_AT_EACCESS));
	become(0, 0);
	FAILS(EINVAL, rump_sys_faccessat(RUMP_AT_FDCWD, "f", 0, 1));
}

static void
limits_of_paths_are_told(void **state)
{
	int fd;

	make_file("f", "");
	assert_int_equal(rump_sys_pathconf("f", RUMP__PC_NAME_MAX), 255);
	assert_int_equal(rump_sys_pathconf("f", RUMP__PC_PATH_MAX), 1024);
	FAILS(EINVAL, rump_sys_pathconf("f", 9999));
	FAILS(ENOENT, rump_sys_pathconf("x", RUMP__PC_NAME_MAX));
	fd = rump_sys_open("f", RUMP_O_RDONLY);
	assert_int_equal(rump_sys_fpathconf(fd, RUMP__PC_NAME_MAX), 255);
	OK(rump_sys_close(fd));
}

static int
lock(int fd, unsigned cmd, int type, int64_t start, int64_t len)
{
	struct rump_flock fl = {
		.l_start = start,
		.l_len = len,
		.l_type = (int16_t)type,
	};

	return rump_sys_fcntl(fd, (int)cmd, &fl);
}

/* Two processes, one thread: records of the one are seen by the other. */
static void
record_locks_exclude_other_processes(void **state)
{
	struct rump_flock fl = { .l_type = RUMP_F_WRLCK };
	struct lwp *other;
	int fd, fd2;

	make_file("f", "0123456789");
	fd = rump_sys_open("f", RUMP_O_RDWR);
	OK(lock(fd, RUMP_F_SETLK, RUMP_F_WRLCK, 0, 0));
	OK(lock(fd, RUMP_F_SETLK, RUMP_F_UNLCK, 10, 10));
	assert_int_equal(rump_pub_lwproc_rfork(RUMP_RFFDG), 0);
	other = rump_pub_lwproc_curlwp();
	fd2 = rump_sys_open("f", RUMP_O_RDWR);
	FAILS(EAGAIN, lock(fd2, RUMP_F_SETLK, RUMP_F_RDLCK, 0, 1));
	FAILS(EAGAIN, lock(fd2, RUMP_F_SETLK, RUMP_F_RDLCK, 19, 2));
	OK(lock(fd2, RUMP_F_SETLK, RUMP_F_WRLCK, 10, 10));
	OK(rump_sys_fcntl(fd2, RUMP_F_GETLK, &fl));
	assert_int_equal(fl.l_type, RUMP_F_WRLCK);
	assert_int_equal(fl.l_start, 0);
	assert_int_equal(fl.l_len, 10);
	FAILS(EINVAL, lock(fd2, RUMP_F_SETLK, 77, 0, 1));
	FAILS(EINVAL, lock(fd2, RUMP_F_SETLK, RUMP_F_RDLCK, -1, 1));
	rump_pub_lwproc_switch(NULL);
	FAILS(EAGAIN, lock(fd, RUMP_F_SETLK, RUMP_F_RDLCK, 15, 1));
	rump_pub_lwproc_switch(other);
	OK(rump_sys_close(fd2));
	rump_pub_lwproc_releaselwp();
	OK(lock(fd, RUMP_F_SETLK, RUMP_F_RDLCK, 15, 1));
	OK(rump_sys_close(fd));
}

static int32_t
lock_holder(int fd)
{
	struct rump_flock fl = { .l_type = RUMP_F_WRLCK };

	OK(rump_sys_fcntl(fd, RUMP_F_GETLK, &fl));
	assert_int_equal(fl.l_type, RUMP_F_WRLCK);
	return fl.l_pid;
}

static void
set_hostpid(int32_t hostpid)
{
	const struct rump_hostcred hc = { .hc_umask = -1, .hc_pid = hostpid };

	assert_int_equal(rump_proc_setcred(rump_sys_getpid(), &hc), 0);
}

/* Processes that the host has names for see those, others the kernel's. */
static void
a_lock_is_shown_with_the_pid_that_its_holder_has_on_the_host(void **state)
{
	struct lwp *first, *second;
	int32_t holder;
	int fd, fd2;

	make_file("f", "0123456789");
	assert_int_equal(rump_pub_lwproc_rfork(RUMP_RFFDG), 0);
	fd = rump_sys_open("f", RUMP_O_RDWR);
	OK(lock(fd, RUMP_F_SETLK, RUMP_F_WRLCK, 0, 0));
	holder = rump_sys_getpid();
	first = rump_pub_lwproc_curlwp();
	assert_int_equal(rump_pub_lwproc_rfork(RUMP_RFFDG), 0);
	fd2 = rump_sys_open("f", RUMP_O_RDWR);
	assert_int_equal(lock_holder(fd2), holder);
	set_hostpid(4711);
	assert_int_equal(lock_holder(fd2), holder);
	second = rump_pub_lwproc_curlwp();
	rump_pub_lwproc_switch(first);
	set_hostpid(815);
	rump_pub_lwproc_switch(second);
	assert_int_equal(lock_holder(fd2), 815);
	rump_pub_lwproc_switch(NULL);
	fd2 = rump_sys_open("f", RUMP_O_RDWR);
	assert_int_equal(lock_holder(fd2), holder);
	OK(rump_sys_close(fd2));
	rump_pub_lwproc_switch(second);
	rump_pub_lwproc_releaselwp();
	rump_pub_lwproc_switch(first);
	rump_pub_lwproc_releaselwp();
}

/* The file that a child shares is closed last by the other one, which holds no
 * locks; those of the child go with it all the same. */
static void
locks_do_not_outlive_processes(void **state)
{
	struct lwp *child;
	int fd;

	make_file("f", "");
	fd = rump_sys_open("f", RUMP_O_RDWR);
	assert_int_equal(rump_pub_lwproc_rfork(RUMP_RFFDG), 0);
	child = rump_pub_lwproc_curlwp();
	OK(lock(fd, RUMP_F_SETLK, RUMP_F_WRLCK, 0, 0));
	OK(rump_sys_close(fd));
	rump_pub_lwproc_switch(NULL);
	OK(rump_sys_close(fd));
	OK(rump_sys_unlink("f"));
	rump_pub_lwproc_switch(child);
	rump_pub_lwproc_releaselwp();
	make_file("f", "");
	fd = rump_sys_open("f", RUMP_O_RDWR);
	assert_int_equal(rump_pub_lwproc_rfork(RUMP_RFFDG), 0);
	OK(lock(fd, RUMP_F_SETLK, RUMP_F_WRLCK, 0, 0));
	rump_pub_lwproc_releaselwp();
	OK(lock(fd, RUMP_F_SETLK, RUMP_F_WRLCK, 0, 0));
	OK(rump_sys_close(fd));
}

static void
file_locks_belong_to_open_files(void **state)
{
	int a, b;

	make_file("f", "");
	a = rump_sys_open("f", RUMP_O_RDONLY);
	b = rump_sys_open("f", RUMP_O_RDONLY);
	OK(rump_sys_flock(a, RUMP_LOCK_SH));
	OK(rump_sys_flock(b, RUMP_LOCK_SH | RUMP_LOCK_NB));
	FAILS(EWOULDBLOCK, rump_sys_flock(a, RUMP_LOCK_EX | RUMP_LOCK_NB));
	OK(rump_sys_flock(b, RUMP_LOCK_UN));
	OK(rump_sys_flock(a, RUMP_LOCK_EX | RUMP_LOCK_NB));
	FAILS(EWOULDBLOCK, rump_sys_flock(b, RUMP_LOCK_SH | RUMP_LOCK_NB));
	FAILS(EINVAL, rump_sys_flock(b, 0));
	OK(rump_sys_close(a));
	OK(rump_sys_flock(b, RUMP_LOCK_EX | RUMP_LOCK_NB));
	OK(rump_sys_close(b));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(stat_and_fstat_agree, fresh_directory),
		cmocka_unit_test_setup(
		    access_asks_for_the_real_user, fresh_directory),
		cmocka_unit_test_setup(
		    limits_of_paths_are_told, fresh_directory),
		cmocka_unit_test_setup(
		    a_lock_is_shown_with_the_pid_that_its_holder_has_on_the_host,
		    fresh_directory),
		cmocka_unit_test_setup(
		    record_locks_exclude_other_processes, fresh_directory),
		cmocka_unit_test_setup(
		    locks_do_not_outlive_processes, fresh_directory),
		cmocka_unit_test_setup(
		    file_locks_belong_to_open_files, fresh_directory),
	};

	return cmocka_run_group_tests(tests, boot_kernel, NULL);
}
