/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/vfs/vfs_test.h"

#define RW (RUMP_O_CREAT | RUMP_O_RDWR)

static void
flags_and_types_go_together_or_fail(void **state)
{
	int fd;

	make_file("file", "text");
	OK(rump_sys_mkdir("dir", 0755));
	OK(rump_sys_symlink("file", "link"));
	OK(rump_sys_mkfifo("fifo", 0644));
	OK(rump_sys_mknod("sock", RUMP_S_IFSOCK | 0644, 0));
	OK(rump_sys_mknod("dev", RUMP_S_IFCHR | 0644, 0xffff));
	FAILS(EINVAL, rump_sys_open("file", RUMP_O_ACCMODE));
	FAILS(EINVAL, rump_sys_open("x", RW | RUMP_O_DIRECTORY, 0644));
	FAILS(ENOENT, rump_sys_open("x", RUMP_O_RDONLY));
	FAILS(EEXIST, rump_sys_open("file", RW | RUMP_O_EXCL, 0644));
	FAILS(EEXIST, rump_sys_open("link", RW | RUMP_O_EXCL, 0644));
	FAILS(EFTYPE, rump_sys_open("link", RUMP_O_NOFOLLOW));
	FAILS(ENOTDIR, rump_sys_open("file", RUMP_O_DIRECTORY));
	FAILS(ENOTDIR, rump_sys_open("file", RUMP_O_SEARCH));
	FAILS(ENOTDIR, rump_sys_open("file/", RUMP_O_RDONLY));
	FAILS(EISDIR, rump_sys_open("dir", RUMP_O_WRONLY));
	FAILS(EISDIR, rump_sys_open("dir", RUMP_O_RDWR));
	FAILS(EISDIR, rump_sys_open("dir", RUMP_O_RDONLY | RUMP_O_CREAT, 0));
	FAILS(EISDIR, rump_sys_open("new/", RW, 0644));
	FAILS(EISDIR, rump_sys_open("/", RW, 0644));
	FAILS(EOPNOTSUPP, rump_sys_open("fifo", RUMP_O_RDONLY));
	FAILS(EOPNOTSUPP, rump_sys_open("sock", RUMP_O_RDONLY));
	FAILS(ENXIO, rump_sys_open("dev", RUMP_O_RDONLY));
	resume_faults();
	FAILS(EFAULT, rump_sys_open(NULL, RUMP_O_RDONLY));
	fd = rump_sys_open("dir", RUMP_O_DIRECTORY);
	OK(fd);
	FAILS(EISDIR, rump_sys_read(fd, &fd, 1));
	OK(rump_sys_close(fd));
	/* None of the failures has used a descriptor up. */
	assert_int_equal(rump_sys_open("file", RUMP_O_RDONLY), fd);
	OK(rump_sys_close(fd));
}

static void
modes_are_what_the_mask_leaves(void **state)
{
	mode_t old = rump_sys_umask(027);
	int fd = rump_sys_open("a", RW, 0666);

	OK(fd);
	assert_int_equal(stat_of("a").st_mode, RUMP_S_IFREG | 0640);
	OK(rump_sys_mkdir("d", 0777));
	assert_int_equal(stat_of("d").st_mode, RUMP_S_IFDIR | 0750);
	assert_int_equal(rump_sys_umask(old), 027);
	OK(rump_sys_close(fd));
	/* A file made unwritable is open for writing all the same. */
	become(1000, 1000);
	fd = rump_sys_open("b", RW, 0);
	OK(fd);
	assert_int_equal(rump_sys_write(fd, "x", 1), 1);
	FAILS(EACCES, rump_sys_open("b", RUMP_O_RDONLY));
	OK(rump_sys_close(fd));
}

static void
permissions_are_those_of_the_caller(void **state)
{
	make_file("secret", "x");
	OK(rump_sys_chmod("secret", 0640));
	OK(rump_sys_chown("secret", 5, 6));
	OK(rump_sys_mkdir("closed", 0755));
	become(1000, 1000);
	FAILS(EACCES, rump_sys_open("secret", RUMP_O_RDONLY));
	FAILS(EACCES, rump_sys_open("closed/new", RW, 0644));
	become(1000, 6);
	assert_file("secret", "x");
	FAILS(EACCES, rump_sys_open("secret", RUMP_O_RDWR));
	FAILS(EACCES, rump_sys_open("secret", RUMP_O_TRUNC));
	become(5, 5);
	OK(rump_sys_close(rump_sys_open("secret", RUMP_O_RDWR)));
}

static void
truncation_and_appending_happen(void **state)
{
	int fd, ap;

	make_file("f", "0123456789");
	ap = rump_sys_open("f", RUMP_O_WRONLY | RUMP_O_APPEND);
	OK(ap);
	OK(rump_sys_lseek(ap, 2, RUMP_SEEK_SET));
	assert_int_equal(rump_sys_write(ap, "A", 1), 1);
	assert_file("f", "0123456789A");
	FAILS(EBADF, rump_sys_read(ap, &fd, 1));
	fd = rump_sys_open("f", RUMP_O_RDONLY);
	FAILS(EBADF, rump_sys_write(fd, "x", 1));
	OK(rump_sys_close(fd));
	fd = rump_sys_open("f", RUMP_O_WRONLY | RUMP_O_TRUNC);
	OK(fd);
	assert_int_equal(stat_of("f").st_size, 0);
	assert_int_equal(rump_sys_write(ap, "B", 1), 1);
	assert_file("f", "B");
	OK(rump_sys_close(fd));
	OK(rump_sys_close(ap));
}

static void
dangling_links_are_made_good_by_creation(void **state)
{
	OK(rump_sys_symlink("target", "link"));
	OK(rump_sys_close(rump_sys_open("link", RW, 0600)));
	assert_true(exists("target"));
	OK(rump_sys_symlink("no/target", "bad"));
	FAILS(ENOENT, rump_sys_open("bad", RW, 0600));
}

static void
devices_are_there(void **state)
{
	char buf[300] = { 1 };
	int fd = rump_sys_open("/dev/null", RUMP_O_RDWR);

	OK(fd);
	assert_int_equal(rump_sys_write(fd, buf, sizeof(buf)), sizeof(buf));
	assert_int_equal(rump_sys_read(fd, buf, sizeof(buf)), 0);
	OK(rump_sys_close(fd));
	fd = rump_sys_open("/dev/zero", RUMP_O_RDWR);
	assert_int_equal(rump_sys_read(fd, buf, sizeof(buf)), sizeof(buf));
	assert_int_equal(buf[0], 0);
	OK(rump_sys_close(fd));
	fd = rump_sys_open("/dev/full", RUMP_O_RDWR);
	FAILS(ENOSPC, rump_sys_write(fd, buf, 1));
	OK(rump_sys_close(fd));
	fd = rump_sys_open("/dev/urandom", RUMP_O_RDONLY);
	assert_int_equal(rump_sys_read(fd, buf, sizeof(buf)), sizeof(buf));
	for (size_t i = 1, same = 0; i < sizeof(buf); i++) {
		same += buf[i] == buf[0];
		assert_true(same < 50);
	}
	OK(rump_sys_close(fd));
	assert_int_equal(stat_of("/dev/random").st_mode, RUMP_S_IFCHR | 0666);
}

static void
locks_come_with_the_open_when_asked_for(void **state)
{
	int a, b;

	make_file("f", "");
	a = rump_sys_open("f", RUMP_O_RDWR | RUMP_O_EXLOCK);
	OK(a);
	FAILS(EWOULDBLOCK,
	    rump_sys_open("f", RUMP_O_RDWR | RUMP_O_SHLOCK | RUMP_O_NONBLOCK));
	OK(rump_sys_close(a));
	b = rump_sys_open("f", RUMP_O_RDWR | RUMP_O_SHLOCK | RUMP_O_NONBLOCK);
	OK(b);
	OK(rump_sys_close(b));
}

static void
descriptors_closed_on_exec_say_so(void **state)
{
	int fd = rump_sys_open("f", RW | RUMP_O_CLOEXEC, 0644);

	OK(fd);
	assert_int_equal(
	    rump_sys_fcntl(fd, RUMP_F_GETFD, NULL), RUMP_FD_CLOEXEC);
	OK(rump_sys_close(fd));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    flags_and_types_go_together_or_fail, fresh_directory),
		cmocka_unit_test_setup(
		    modes_are_what_the_mask_leaves, fresh_directory),
		cmocka_unit_test_setup(
		    permissions_are_those_of_the_caller, fresh_directory),
		cmocka_unit_test_setup(
		    truncation_and_appending_happen, fresh_directory),
		cmocka_unit_test_setup(
		    dangling_links_are_made_good_by_creation, fresh_directory),
		cmocka_unit_test_setup(devices_are_there, fresh_directory),
		cmocka_unit_test_setup(
		    locks_come_with_the_open_when_asked_for, fresh_directory),
		cmocka_unit_test_setup(
		    descriptors_closed_on_exec_say_so, fresh_directory),
	};

	return cmocka_run_group_tests(tests, boot_kernel, NULL);
}
