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

static int
again(int fd, int flags)
{
	return rump_sys_openat(fd, "", flags | RUMP_O_AGAIN);
}

static void
a_file_without_a_name_is_opened_anew(void **state)
{
	char buf[8];
	int fd, other;

	make_file("f", "0123");
	fd = rump_sys_open("f", RUMP_O_RDONLY);
	OK(fd);
	assert_int_equal(rump_sys_read(fd, buf, 2), 2);
	OK(rump_sys_unlink("f"));
	other = again(fd, RUMP_O_RDWR);
	OK(other);
	assert_int_equal(rump_sys_lseek(other, 0, RUMP_SEEK_CUR), 0);
	assert_int_equal(rump_sys_write(other, "xyz", 3), 3);
	assert_int_equal(rump_sys_lseek(fd, 0, RUMP_SEEK_CUR), 2);
	assert_int_equal(rump_sys_read(fd, buf, 8), 2);
	assert_memory_equal(buf, "z3", 2);
	OK(rump_sys_close(other));
	OK(rump_sys_close(again(fd, RUMP_O_WRONLY | RUMP_O_TRUNC)));
	assert_int_equal(rump_sys_pread(fd, buf, 8, 0), 0);
	FAILS(ENOTDIR, again(fd, RUMP_O_DIRECTORY));
	FAILS(EBADF, again(fd + 1, RUMP_O_RDONLY));
	OK(rump_sys_close(fd));
}

static void
who_opens_anew_must_be_allowed_to(void **state)
{
	int fd;

	make_file("f", "");
	fd = rump_sys_open("f", RUMP_O_RDWR);
	OK(fd);
	OK(rump_sys_fchmod(fd, 0604));
	become(1000, 1000);
	FAILS(EACCES, again(fd, RUMP_O_RDWR));
	OK(rump_sys_close(again(fd, RUMP_O_RDONLY)));
	FAILS(EPERM, again(fd, RUMP_O_RDONLY | RUMP_O_NOATIME));
	/* To name it by is no look into it. */
	become(0, 0);
	OK(rump_sys_fchmod(fd, 0));
	become(1000, 1000);
	FAILS(EACCES, again(fd, RUMP_O_RDONLY));
	OK(rump_sys_close(again(fd, RUMP_O_RDONLY | RUMP_O_NAME)));
	OK(rump_sys_close(fd));
}

static void
a_file_for_neither_reading_nor_writing_is_only_there(void **state)
{
	const int flags = RUMP_O_RDWR | RUMP_O_NEITHER | RUMP_O_APPEND;
	struct rump_stat st;
	int fd;

	make_file("f", "text");
	FAILS(EINVAL, rump_sys_open("f", RUMP_O_RDONLY | RUMP_O_NEITHER));
	fd = rump_sys_open("f", flags);
	OK(fd);
	FAILS(EBADF, rump_sys_read(fd, &st, 1));
	FAILS(EBADF, rump_sys_write(fd, "x", 1));
	OK(rump_sys_fstat(fd, &st));
	assert_int_equal(st.st_size, 4);
	assert_int_equal(rump_sys_fcntl(fd, RUMP_F_GETFL, NULL), flags);
	OK(rump_sys_close(fd));
	OK(rump_sys_chmod("f", 0444));
	become(1000, 1000);
	FAILS(EACCES, rump_sys_open("f", flags));
}

static void
marks_are_given_back_and_no_trace_is_the_owners_to_ask_for(void **state)
{
	const int marks =
	    RUMP_O_MARK_DIRECTORY | RUMP_O_MARK_NOFOLLOW | RUMP_O_MARK_UNNAMED;
	int fd, mine;

	make_file("f", "");
	fd = rump_sys_open("f", RUMP_O_RDWR | marks);
	OK(fd);
	OK(rump_sys_fcntl(fd, RUMP_F_SETFL, (void *)(intptr_t)RUMP_O_APPEND));
	assert_int_equal(rump_sys_fcntl(fd, RUMP_F_GETFL, NULL),
	    RUMP_O_RDWR | RUMP_O_APPEND | marks);
	OK(rump_sys_fcntl(fd, RUMP_F_SETFL, (void *)(intptr_t)RUMP_O_NOATIME));
	assert_int_equal(rump_sys_fcntl(fd, RUMP_F_GETFL, NULL),
	    RUMP_O_RDWR | RUMP_O_NOATIME | marks);
	OK(rump_sys_close(fd));
	OK(rump_sys_chmod("f", 0666));
	become(1000, 1000);
	FAILS(EPERM, rump_sys_open("f", RUMP_O_RDWR | RUMP_O_NOATIME));
	fd = rump_sys_open("f", RUMP_O_RDWR);
	OK(fd);
	FAILS(EPERM,
	    rump_sys_fcntl(fd, RUMP_F_SETFL, (void *)(intptr_t)RUMP_O_NOATIME));
	mine = rump_sys_open("mine", RW | RUMP_O_NOATIME, 0600);
	OK(mine);
	OK(rump_sys_close(mine));
	OK(rump_sys_close(fd));
}

static void
owners_and_hints_are_kept(void **state)
{
	struct rump_fileowner owner = { 1, 77, -1 }, sig = { -1, 5, 10 };
	uint64_t hint = 3, got = 0;
	int fd, twin;

	make_file("f", "");
	fd = rump_sys_open("f", RUMP_O_RDWR);
	OK(fd);
	twin = rump_sys_dup(fd);
	OK(twin);
	OK(rump_sys_fcntl(fd, RUMP_F_SETOWNER, &owner));
	OK(rump_sys_fcntl(fd, RUMP_F_SETOWNER, &sig));
	OK(rump_sys_fcntl(twin, RUMP_F_GETOWNER, &owner));
	assert_int_equal(owner.fo_type, 1);
	assert_int_equal(owner.fo_pid, 77);
	assert_int_equal(owner.fo_signal, 10);
	OK(rump_sys_fcntl(fd, RUMP_F_SETHINT, &hint));
	OK(rump_sys_close(twin));
	twin = rump_sys_open("f", RUMP_O_RDONLY);
	OK(twin);
	OK(rump_sys_fcntl(twin, RUMP_F_GETHINT, &got));
	assert_int_equal(got, 3);
	OK(rump_sys_fcntl(twin, RUMP_F_GETOWNER, &owner));
	assert_int_equal(owner.fo_pid, 0);
	become(1000, 1000);
	FAILS(EPERM, rump_sys_fcntl(twin, RUMP_F_SETHINT, &hint));
	OK(rump_sys_close(twin));
	OK(rump_sys_close(fd));
}

static void
locks_outlive_a_file_that_only_names(void **state)
{
	struct rump_flock fl = { .l_type = RUMP_F_WRLCK };
	int fd, name;

	make_file("f", "");
	fd = rump_sys_open("f", RUMP_O_RDWR);
	OK(fd);
	OK(rump_sys_fcntl(fd, RUMP_F_SETLK, &fl));
	name = rump_sys_open("f", RUMP_O_RDONLY | RUMP_O_NAME);
	OK(name);
	OK(rump_sys_close(name));
	OK(rump_sys_fcntl(fd, RUMP_F_OFD_GETLK, &fl));
	assert_int_equal(fl.l_type, RUMP_F_WRLCK);
	OK(rump_sys_close(rump_sys_open("f", RUMP_O_RDONLY)));
	OK(rump_sys_fcntl(fd, RUMP_F_OFD_GETLK, &fl));
	assert_int_equal(fl.l_type, RUMP_F_UNLCK);
	OK(rump_sys_close(fd));
}

static void
assert_path(int fd, const char *hint, const char *end)
{
	static char path[RUMP_PATHMAX + 1];
	size_t len;

	snprintf(path, sizeof(path), "%s", hint);
	OK(rump_sys_fcntl(fd, RUMP_F_GETPATH, path));
	len = strlen(path);
	assert_int_equal(path[0], '/');
	assert_true(len > strlen(end));
	assert_string_equal(path + len - strlen(end), end);
}

static void
the_path_of_a_file_goes_straight(void **state)
{
	char here[64], hint[128], none[RUMP_PATHMAX + 1] = "";
	int fd, dir;

	OK(rump_sys___getcwd(here, sizeof(here)));
	OK(rump_sys_mkdir("dir", 0755));
	make_file("dir/f", "");
	OK(rump_sys_symlink("dir/f", "link"));
	OK(rump_sys_link("dir/f", "hard"));
	fd = rump_sys_open("link", RUMP_O_RDONLY);
	OK(fd);
	snprintf(hint, sizeof(hint), "%s/dir/.././link", here);
	assert_path(fd, hint, "/dir/f");
	snprintf(hint, sizeof(hint), "%s//hard", here);
	assert_path(fd, hint, "/hard");
	dir = rump_sys_open("dir", RUMP_O_RDONLY);
	OK(dir);
	OK(rump_sys_rename("dir", "moved"));
	assert_path(dir, "", "/moved");
	snprintf(hint, sizeof(hint), "%s/moved/f", here);
	assert_path(fd, hint, "/moved/f");
	OK(rump_sys_unlink("moved/f"));
	OK(rump_sys_unlink("hard"));
	snprintf(none, sizeof(none), "%s", hint);
	FAILS(ENOENT, rump_sys_fcntl(fd, RUMP_F_GETPATH, none));
	OK(rump_sys_close(dir));
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
		cmocka_unit_test_setup(
		    a_file_without_a_name_is_opened_anew, fresh_directory),
		cmocka_unit_test_setup(
		    who_opens_anew_must_be_allowed_to, fresh_directory),
		cmocka_unit_test_setup(
		    a_file_for_neither_reading_nor_writing_is_only_there,
		    fresh_directory),
		cmocka_unit_test_setup(
		    marks_are_given_back_and_no_trace_is_the_owners_to_ask_for,
		    fresh_directory),
		cmocka_unit_test_setup(
		    owners_and_hints_are_kept, fresh_directory),
		cmocka_unit_test_setup(
		    locks_outlive_a_file_that_only_names, fresh_directory),
		cmocka_unit_test_setup(
		    the_path_of_a_file_goes_straight, fresh_directory),
	};

	return cmocka_run_group_tests(tests, boot_kernel, NULL);
}
