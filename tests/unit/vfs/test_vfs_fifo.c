/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/vfs/vfs_test.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOST_OBJECT (RUMP_O_RDONLY | RUMP_O_NONBLOCK | RUMP_O_ALT_IO)
#define MANY 1100

/* The inode of the host behind a name; *fd stays open. */
static struct stat
behind(const char *name, int *fd)
{
	struct stat st;
	int hostfd;

	*fd = rump_sys_open(name, HOST_OBJECT);
	OK(*fd);
	assert_int_equal(rump_hostfd(*fd, &hostfd), 0);
	assert_int_equal(fstat(hostfd, &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	assert_int_equal(st.st_nlink, 0);
	return st;
}

/* One end of it for the program. */
static int
open_end(int fd, int flags)
{
	char path[64];
	int hostfd, end;

	assert_int_equal(rump_hostfd(fd, &hostfd), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", hostfd);
	end = open(path, flags | O_CLOEXEC);
	assert_true(end >= 0);
	return end;
}

static void
what_is_written_at_one_end_is_read_at_the_other(void **state)
{
	char buf[8];
	int a, b, r, w;

	OK(rump_sys_mkfifo("p", 0600));
	(void)behind("p", &a);
	(void)behind("p", &b);
	r = open_end(a, O_RDONLY | O_NONBLOCK);
	w = open_end(b, O_WRONLY);
	assert_int_equal(write(w, "text", 4), 4);
	assert_int_equal(read(r, buf, sizeof(buf)), 4);
	close(w);
	assert_int_equal(read(r, buf, sizeof(buf)), 0);
	close(r);
	/* The kernel's own descriptor is good for nothing else. */
	FAILS(EOPNOTSUPP, rump_sys_read(a, buf, sizeof(buf)));
	OK(rump_sys_close(a));
	OK(rump_sys_close(b));
}

static void
a_node_has_one_fifo_for_as_long_as_it_has_a_name(void **state)
{
	struct stat first, again;
	int fd, other;

	OK(rump_sys_mkfifo("p", 0600));
	OK(rump_sys_link("p", "hard"));
	first = behind("p", &fd);
	OK(rump_sys_close(fd));
	OK(rump_sys_rename("p", "moved"));
	again = behind("moved", &fd);
	OK(rump_sys_close(fd));
	assert_int_equal(first.st_ino, again.st_ino);
	OK(rump_sys_unlink("moved"));
	again = behind("hard", &fd);
	assert_int_equal(first.st_ino, again.st_ino);
	/* Without a name it lives on in what has it open. */
	OK(rump_sys_unlink("hard"));
	close(open_end(fd, O_RDWR));
	OK(rump_sys_mkfifo("hard", 0600));
	again = behind("hard", &other);
	assert_int_not_equal(first.st_ino, again.st_ino);
	OK(rump_sys_close(fd));
	OK(rump_sys_close(other));
}

static void
one_that_is_renamed_over_is_given_up(void **state)
{
	int fd;

	for (int i = 0; i < MANY; i++) {
		OK(rump_sys_mkfifo("new", 0600));
		(void)behind("new", &fd);
		OK(rump_sys_close(fd));
		OK(rump_sys_rename("new", "old"));
	}
	OK(rump_sys_unlink("old"));
}

static void
nobody_gets_more_than_the_mode_gives(void **state)
{
	mode_t old = rump_sys_umask(0);

	OK(rump_sys_mkfifo("readable", 0604));
	OK(rump_sys_mkfifo("shared", 0606));
	OK(rump_sys_mkfifo("closed", 0600));
	become(1000, 1000);
	FAILS(EACCES, rump_sys_open("closed", HOST_OBJECT));
	FAILS(EACCES, rump_sys_open("readable", RUMP_O_WRONLY | RUMP_O_ALT_IO));
	/* The host could not keep the other end from him. */
	FAILS(EOPNOTSUPP, rump_sys_open("readable", HOST_OBJECT));
	OK(rump_sys_close(rump_sys_open("shared", HOST_OBJECT)));
	become(0, 0);
	(void)rump_sys_umask(old);
}

static void
there_are_not_more_than_a_limit(void **state)
{
	struct rlimit rl;
	char name[16];
	int fd, n;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &rl), 0);
	if (rl.rlim_max < 2 * MANY)
		skip();
	rl.rlim_cur = rl.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
	for (n = 0; n < MANY; n++) {
		snprintf(name, sizeof(name), "p%d", n);
		OK(rump_sys_mkfifo(name, 0600));
		fd = rump_sys_open(name, HOST_OBJECT);
		if (fd == -1)
			break;
		OK(rump_sys_close(fd));
	}
	assert_in_range(n, 1000, MANY - 1);
	FAILS(ENFILE, rump_sys_open(name, HOST_OBJECT));
	for (int i = 0; i <= n; i++) {
		snprintf(name, sizeof(name), "p%d", i);
		OK(rump_sys_unlink(name));
	}
	OK(rump_sys_mkfifo("p", 0600));
	(void)behind("p", &fd);
	OK(rump_sys_close(fd));
}

static void
a_node_is_found_by_the_numbers_that_its_fifo_was_called_by(void **state)
{
	const int flags = RUMP_O_RDONLY | RUMP_O_AGAIN | RUMP_O_ALT_IO;
	struct rump_stat st, other;
	char name[64];
	int fd, node, hostfd;

	OK(rump_sys_mkfifo("p", 0600));
	st = stat_of("p");
	snprintf(name, sizeof(name), "%llx.%llx", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino);
	FAILS(ENOENT, rump_sys_openat(RUMP_AT_FDCWD, name, flags));
	(void)behind("p", &fd);
	node = rump_sys_openat(RUMP_AT_FDCWD, name, flags);
	OK(node);
	OK(rump_sys_fstat(node, &other));
	assert_int_equal(other.st_ino, st.st_ino);
	assert_int_equal(other.st_mode, RUMP_S_IFIFO | 0600);
	OK(rump_sys_fchmod(node, 0640));
	assert_int_equal(stat_of("p").st_mode, RUMP_S_IFIFO | 0640);
	/* It is not the FIFO. */
	assert_int_equal(rump_hostfd(node, &hostfd), RUMP_EOPNOTSUPP);
	FAILS(EBADF, rump_sys_read(node, name, 1));
	OK(rump_sys_unlink("p"));
	FAILS(ENOENT, rump_sys_openat(RUMP_AT_FDCWD, name, flags));
	OK(rump_sys_fchmod(node, 0600));
	OK(rump_sys_close(node));
	OK(rump_sys_close(fd));
	FAILS(EINVAL, rump_sys_openat(RUMP_AT_FDCWD, "", flags));
	FAILS(EINVAL, rump_sys_openat(RUMP_AT_FDCWD, "1", flags));
	FAILS(EINVAL, rump_sys_openat(RUMP_AT_FDCWD, "1.x", flags));
	FAILS(EINVAL,
	    rump_sys_openat(RUMP_AT_FDCWD, "11111111111111111.1", flags));
	FAILS(ENOENT, rump_sys_openat(RUMP_AT_FDCWD, "1.1", flags));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    what_is_written_at_one_end_is_read_at_the_other,
		    fresh_directory),
		cmocka_unit_test_setup(
		    a_node_has_one_fifo_for_as_long_as_it_has_a_name,
		    fresh_directory),
		cmocka_unit_test_setup(
		    one_that_is_renamed_over_is_given_up, fresh_directory),
		cmocka_unit_test_setup(
		    nobody_gets_more_than_the_mode_gives, fresh_directory),
		cmocka_unit_test_setup(
		    there_are_not_more_than_a_limit, fresh_directory),
		cmocka_unit_test_setup(
		    a_node_is_found_by_the_numbers_that_its_fifo_was_called_by,
		    fresh_directory),
	};

	return cmocka_run_group_tests(tests, boot_kernel, NULL);
}
