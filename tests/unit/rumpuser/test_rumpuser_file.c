/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rump/rumpdefs.h"

#include "mock_kernel.h"
#include "tests/lib/scratch.h"

static char dir[SCRATCH_SIZE];
static char path[64];

static int
group_setup(void **state)
{
	assert_true(scratch_make(dir));
	snprintf(path, sizeof(path), "%s/file", dir);
	return 0;
}

static int
group_teardown(void **state)
{
	return rmdir(dir);
}

static int
setup(void **state)
{
	mock_start(1);
	mock_enter(NULL);
	return 0;
}

static int
teardown(void **state)
{
	mock_leave();
	mock_stop();
	unlink(path);
	return 0;
}

static int
open_file(int flags)
{
	int fd = -1;

	assert_int_equal(rumpuser_open(path, flags, &fd), 0);
	assert_true(fd >= 0);
	return fd;
}

static void
make_file(const char *contents)
{
	int fd;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(
	    write(fd, contents, strlen(contents)), strlen(contents));
	close(fd);
}

static void
open_and_close_release_the_cpu_and_hide_the_descriptor(void **state)
{
	struct stat st;
	mode_t old;
	int fd;

	old = umask(022);
	fd = open_file(
	    RUMPUSER_OPEN_RDWR | RUMPUSER_OPEN_CREATE | RUMPUSER_OPEN_BIO);
	umask(old);
	assert_int_equal(mock_log_get(MOCK_HIDE, 0)->e_value, fd);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(rumpuser_close(fd), 0);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	mock_log_expect(
	    "R#hAR#u#A", (const long[]){ SYS_openat, SYS_fsync, SYS_close });
}

static void
close_is_always_0(void **state)
{
	assert_int_equal(rumpuser_close(-1), 0);
	assert_int_equal(rumpuser_close(1 << 29), 0);
}

static void
access_mode_3_is_einval(void **state)
{
	int fd = 77;

	assert_int_equal(rumpuser_open(path, 3, &fd), RUMP_EINVAL);
	assert_int_equal(
	    rumpuser_open(path, 3 | RUMPUSER_OPEN_CREATE, &fd), RUMP_EINVAL);
	assert_int_equal(fd, 77);
	assert_int_equal(access(path, F_OK), -1);
}

static void
open_errors_are_netbsds_and_leave_the_result_alone(void **state)
{
	int fd = 77;

	assert_int_equal(
	    rumpuser_open(path, RUMPUSER_OPEN_RDONLY, &fd), RUMP_ENOENT);
	make_file("");
	assert_int_equal(
	    rumpuser_open(path,
		RUMPUSER_OPEN_RDWR | RUMPUSER_OPEN_CREATE | RUMPUSER_OPEN_EXCL,
		&fd),
	    RUMP_EEXIST);
	assert_int_equal(
	    rumpuser_open(dir, RUMPUSER_OPEN_WRONLY, &fd), RUMP_EISDIR);
	assert_int_equal(fd, 77);
	assert_true(mock_scheduled());
}

static long
endless_links(long nr, const long arg[6])
{
	return nr == SYS_openat ? -ELOOP : MOCK_GO_ON;
}

static void
open_translates_numbers_that_differ(void **state)
{
	int fd;

	mock_hook_set(endless_links);
	assert_int_equal(
	    rumpuser_open(path, RUMPUSER_OPEN_RDONLY, &fd), RUMP_ELOOP);
}

static void
access_modes_are_those_asked_for(void **state)
{
	static const int modes[] = { RUMPUSER_OPEN_RDONLY, RUMPUSER_OPEN_WRONLY,
		RUMPUSER_OPEN_RDWR };
	static const int host[] = { O_RDONLY, O_WRONLY, O_RDWR };
	int fd, i;

	make_file("");
	for (i = 0; i < 3; i++) {
		fd = open_file(modes[i]);
		assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, host[i]);
		rumpuser_close(fd);
	}
}

static void
info_tells_size_and_type(void **state)
{
	uint64_t size = 0;
	int type = -1;

	make_file("0123456789");
	assert_int_equal(rumpuser_getfileinfo(path, &size, &type), 0);
	assert_int_equal(size, 10);
	assert_int_equal(type, RUMPUSER_FT_REG);
	assert_int_equal(rumpuser_getfileinfo(dir, &size, &type), 0);
	assert_int_equal(type, RUMPUSER_FT_DIR);
	assert_int_equal(rumpuser_getfileinfo("/dev/null", NULL, &type), 0);
	assert_int_equal(type, RUMPUSER_FT_CHR);
	assert_int_equal(rumpuser_getfileinfo(path, NULL, NULL), 0);
	mock_log_expect("", NULL);
}

static void
info_follows_symbolic_links(void **state)
{
	char link[80];
	uint64_t size;

	make_file("12345");
	snprintf(link, sizeof(link), "%s.link", path);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(rumpuser_getfileinfo(link, &size, NULL), 0);
	unlink(link);
	assert_int_equal(size, 5);
}

static void
info_of_a_fifo_is_other_and_does_not_block(void **state)
{
	int type;

	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(rumpuser_getfileinfo(path, NULL, &type), 0);
	assert_int_equal(type, RUMPUSER_FT_OTHER);
}

static void
a_device_without_end_is_eopnotsupp(void **state)
{
	uint64_t size = 77;
	int type = 77;

	mock_allow_blocking(true);
	assert_int_equal(
	    rumpuser_getfileinfo("/dev/null", &size, &type), RUMP_EOPNOTSUPP);
	assert_int_equal(size, 77);
	assert_int_equal(type, 77);
	mock_allow_blocking(false);
}

static void
info_of_nothing_is_enoent_and_touches_nothing(void **state)
{
	uint64_t size = 77;
	int type = 77;

	assert_int_equal(rumpuser_getfileinfo(path, &size, &type), RUMP_ENOENT);
	assert_int_equal(size, 77);
	assert_int_equal(type, 77);
}

static void
a_transfer_at_an_offset_leaves_the_position_alone(void **state)
{
	char a[3], b[4];
	struct rumpuser_iovec iov[] = { { a, 3 }, { b, 4 } };
	size_t n = 0;
	int fd;

	make_file("0123456789");
	fd = open_file(RUMPUSER_OPEN_RDWR);
	mock_log_clear();
	assert_int_equal(rumpuser_iovread(fd, iov, 2, 2, &n), 0);
	assert_int_equal(n, 7);
	assert_memory_equal(a, "234", 3);
	assert_memory_equal(b, "5678", 4);
	assert_int_equal(rumpuser_iovwrite(fd, iov, 1, 7, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
	mock_log_expect("R#AR#A", (const long[]){ SYS_preadv, SYS_pwritev });
	assert_int_equal(pread(fd, b, 4, 6), 4);
	assert_memory_equal(b, "6234", 4);
	rumpuser_close(fd);
}

static void
a_transfer_without_offset_moves_the_position(void **state)
{
	char a[4];
	struct rumpuser_iovec iov = { a, 4 };
	size_t n = 0;
	int fd;

	make_file("0123456789");
	fd = open_file(RUMPUSER_OPEN_RDWR);
	mock_log_clear();
	assert_int_equal(
	    rumpuser_iovread(fd, &iov, 1, RUMPUSER_IOV_NOSEEK, &n), 0);
	assert_memory_equal(a, "0123", 4);
	assert_int_equal(
	    rumpuser_iovwrite(fd, &iov, 1, RUMPUSER_IOV_NOSEEK, &n), 0);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 8);
	mock_log_expect("R#AR#A", (const long[]){ SYS_readv, SYS_writev });
	rumpuser_close(fd);
}

static void
reads_are_short_at_the_end_and_0_behind_it(void **state)
{
	char a[100];
	struct rumpuser_iovec iov = { a, sizeof(a) };
	size_t n = 77;
	int fd;

	make_file("0123456789");
	fd = open_file(RUMPUSER_OPEN_RDONLY);
	assert_int_equal(rumpuser_iovread(fd, &iov, 1, 4, &n), 0);
	assert_int_equal(n, 6);
	assert_int_equal(rumpuser_iovread(fd, &iov, 1, 10, &n), 0);
	assert_int_equal(n, 0);
	rumpuser_close(fd);
}

static void
failed_transfers_say_why_and_leave_the_count_alone(void **state)
{
	char a[4];
	struct rumpuser_iovec iov = { a, 4 };
	size_t n = 77;
	int fd, fds[2];

	make_file("0123456789");
	fd = open_file(RUMPUSER_OPEN_RDONLY);
	assert_int_equal(rumpuser_iovwrite(fd, &iov, 1, 0, &n), RUMP_EBADF);
	assert_int_equal(rumpuser_iovread(-1, &iov, 1, 0, &n), RUMP_EBADF);
	assert_int_equal(rumpuser_iovread(fd, &iov, 1, -2, &n), RUMP_EINVAL);
	assert_int_equal(
	    rumpuser_iovread(fd, &iov, 100000, 0, &n), RUMP_EINVAL);
	rumpuser_close(fd);
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	assert_int_equal(rumpuser_iovread(fds[0], &iov, 1, 0, &n), RUMP_ESPIPE);
	/* 11 on the host. */
	assert_int_equal(
	    rumpuser_iovread(fds[0], &iov, 1, RUMPUSER_IOV_NOSEEK, &n),
	    RUMP_EAGAIN);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(n, 77);
	assert_true(mock_scheduled());
}

#define FILE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void
sync_flushes_for_writes_alone_and_keeps_the_cpu(void **state)
{
	static const long number[] = { SYS_fsync };
	int fd;

	make_file("data");
	fd = open_file(RUMPUSER_OPEN_RDWR);
	mock_allow_blocking(true);
	mock_log_clear();
	assert_int_equal(rumpuser_syncfd(fd, 0, 0, 0), RUMP_EINVAL);
	assert_int_equal(
	    rumpuser_syncfd(fd, RUMPUSER_SYNCFD_SYNC, 0, 0), RUMP_EINVAL);
	assert_int_equal(rumpuser_syncfd(fd, RUMPUSER_SYNCFD_READ, 0, 0), 0);
	mock_log_expect("", NULL);
	assert_int_equal(rumpuser_syncfd(fd,
			     RUMPUSER_SYNCFD_WRITE | RUMPUSER_SYNCFD_BARRIER |
				 RUMPUSER_SYNCFD_SYNC,
			     0, 4),
	    0);
	mock_log_expect("#", number);
	assert_int_equal(
	    rumpuser_syncfd(-1, RUMPUSER_SYNCFD_WRITE, 0, 0), RUMP_EBADF);
	mock_allow_blocking(false);
	assert_int_equal(rumpuser_close(fd), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(
		    open_and_close_release_the_cpu_and_hide_the_descriptor),
		FILE_TEST(close_is_always_0),
		FILE_TEST(access_mode_3_is_einval),
		FILE_TEST(open_errors_are_netbsds_and_leave_the_result_alone),
		FILE_TEST(open_translates_numbers_that_differ),
		FILE_TEST(access_modes_are_those_asked_for),
		FILE_TEST(info_tells_size_and_type),
		FILE_TEST(info_follows_symbolic_links),
		FILE_TEST(info_of_a_fifo_is_other_and_does_not_block),
		FILE_TEST(a_device_without_end_is_eopnotsupp),
		FILE_TEST(info_of_nothing_is_enoent_and_touches_nothing),
		FILE_TEST(a_transfer_at_an_offset_leaves_the_position_alone),
		FILE_TEST(a_transfer_without_offset_moves_the_position),
		FILE_TEST(reads_are_short_at_the_end_and_0_behind_it),
		FILE_TEST(failed_transfers_say_why_and_leave_the_count_alone),
		FILE_TEST(sync_flushes_for_writes_alone_and_keeps_the_cpu),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
