/* SPDX-License-Identifier: BSD-2-Clause */
#include <sys/mman.h>

#include "tests/unit/vfs/vfs_test.h"

static void
positions_are_kept_and_checked(void **state)
{
	char buf[16];
	int fd, p[2];

	make_file("f", "0123456789");
	fd = rump_sys_open("f", RUMP_O_RDWR);
	assert_int_equal(rump_sys_lseek(fd, -3, RUMP_SEEK_END), 7);
	assert_int_equal(rump_sys_read(fd, buf, 16), 3);
	assert_memory_equal(buf, "789", 3);
	assert_int_equal(rump_sys_lseek(fd, 0, RUMP_SEEK_CUR), 10);
	assert_int_equal(rump_sys_read(fd, buf, 16), 0);
	assert_int_equal(rump_sys_pread(fd, buf, 2, 4), 2);
	assert_memory_equal(buf, "45", 2);
	assert_int_equal(rump_sys_pread(fd, buf, 2, 10), 0);
	assert_int_equal(rump_sys_pread(fd, buf, 2, INT64_MAX), 0);
	assert_int_equal(rump_sys_pwrite(fd, "xy", 2, 4), 2);
	assert_int_equal(rump_sys_lseek(fd, 0, RUMP_SEEK_CUR), 10);
	FAILS(EINVAL, rump_sys_lseek(fd, -1, RUMP_SEEK_SET));
	FAILS(EINVAL, rump_sys_lseek(fd, 0, 3));
	FAILS(EOVERFLOW, rump_sys_lseek(fd, INT64_MAX, RUMP_SEEK_CUR));
	FAILS(EINVAL, rump_sys_pread(fd, buf, 2, -1));
	FAILS(EINVAL, rump_sys_pread(fd, buf, SIZE_MAX, 0));
	FAILS(EFBIG, rump_sys_pwrite(fd, buf, 2, INT64_MAX - 1));
	FAILS(EBADF, rump_sys_pread(99, buf, 2, 0));
	FAILS(EBADF, rump_sys_lseek(99, 0, 0));
	OK(rump_sys_pipe(p));
	FAILS(ESPIPE, rump_sys_pread(p[0], buf, 2, 0));
	FAILS(ESPIPE, rump_sys_lseek(p[0], 0, 0));
	OK(rump_sys_close(p[0]));
	OK(rump_sys_close(p[1]));
	OK(rump_sys_close(fd));
	assert_file("f", "0123xy6789");
}

static void
vectors_are_read_and_written_whole(void **state)
{
	char a[3], b[4];
	struct rump_iovec iov[3] = { { a, 3 }, { NULL, 0 }, { b, 4 } };
	int fd;

	make_file("f", "0123456789");
	fd = rump_sys_open("f", RUMP_O_RDWR);
	assert_int_equal(rump_sys_preadv(fd, iov, 3, 1), 7);
	assert_memory_equal(a, "123", 3);
	assert_memory_equal(b, "4567", 4);
	assert_int_equal(rump_sys_pwritev(fd, iov, 3, 8), 7);
	assert_file("f", "012345671234567");
	FAILS(EINVAL, rump_sys_preadv(fd, iov, 0, 0));
	FAILS(EINVAL, rump_sys_preadv(fd, iov, 1025, 0));
	FAILS(EINVAL, rump_sys_preadv(fd, iov, -1, 0));
	iov[1].iov_len = SIZE_MAX - 2;
	FAILS(EINVAL, rump_sys_preadv(fd, iov, 3, 0));
	OK(rump_sys_close(fd));
}

static char
pattern(off_t off)
{
	return (char)(off * 7 + off / 4096 * 13 + off / 65536);
}

/* Writes of odd sizes at odd places are read back in others. */
static void
large_files_are_what_was_written(void **state)
{
	static char buf[300000];
	off_t size = 0;
	int fd = rump_sys_open("big", RUMP_O_CREAT | RUMP_O_RDWR, 0600);

	while (size < 3000000) {
		size_t n = (size_t)(size * 31 % 100003) + 1;

		for (size_t i = 0; i < n; i++)
			buf[i] = pattern(size + (off_t)i);
		assert_int_equal(rump_sys_write(fd, buf, n), n);
		size += (off_t)n;
	}
	for (off_t off = 0; off < size;) {
		ssize_t n = rump_sys_pread(
		    fd, buf, (size_t)(off * 17 % 290003) + 1, off);

		assert_true(n > 0);
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(buf[i], pattern(off + i));
		off += n;
	}
	assert_int_equal(stat_of("big").st_size, size);
	assert_int_equal(stat_of("big").st_blocks, (size + 4095) / 4096 * 8);
	OK(rump_sys_close(fd));
}

static void
holes_read_as_zeros_and_cost_nothing(void **state)
{
	static char buf[200000];
	int fd = rump_sys_open("sparse", RUMP_O_CREAT | RUMP_O_RDWR, 0600);

	assert_int_equal(rump_sys_pwrite(fd, "end", 3, (off_t)1 << 40), 3);
	assert_int_equal(rump_sys_pwrite(fd, "x", 1, 100000), 1);
	assert_int_equal(stat_of("sparse").st_blocks, 16);
	memset(buf, 1, sizeof(buf));
	assert_int_equal(rump_sys_pread(fd, buf, sizeof(buf), 0), sizeof(buf));
	for (size_t i = 0; i < sizeof(buf); i++)
		assert_int_equal(buf[i], i == 100000 ? 'x' : 0);
	/* What was cut off does not come back. */
	OK(rump_sys_ftruncate(fd, 100000));
	OK(rump_sys_ftruncate(fd, 200000));
	assert_int_equal(rump_sys_pread(fd, buf, 10, 99996), 10);
	assert_memory_equal(buf, "\0\0\0\0\0\0\0\0\0\0", 10);
	OK(rump_sys_close(fd));
}

static void
faults_leave_files_and_results_consistent(void **state)
{
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char buf[8192];
	ssize_t n;
	int fd = rump_sys_open("f", RUMP_O_CREAT | RUMP_O_RDWR, 0600);

	resume_faults();
	assert_int_equal(mprotect(p + 4096, 4096, PROT_NONE), 0);
	memset(p, 'a', 4096);
	FAILS(EFAULT, rump_sys_write(fd, p + 4096, 10));
	assert_int_equal(stat_of("f").st_size, 0);
	n = rump_sys_write(fd, p + 4000, 1000);
	assert_true(n == -1 || n <= 96);
	n = n < 0 ? 0 : n;
	assert_int_equal(stat_of("f").st_size, n);
	OK(rump_sys_ftruncate(fd, 4096));
	assert_int_equal(rump_sys_pread(fd, buf, 8192, 0), 4096);
	for (ssize_t i = n; i < 4096; i++)
		assert_int_equal(buf[i], 0);
	FAILS(EFAULT, rump_sys_pread(fd, p + 4096, 100, 0));
	FAILS(EFAULT, rump_sys_preadv(fd, (void *)(p + 4096), 1, 0));
	munmap(p, 8192);
	OK(rump_sys_close(fd));
}

static void
listings_go_on_where_they_stopped(void **state)
{
	char buf[600], name[16];
	unsigned seen[200] = { 0 }, total = 0;
	int fd;
	ssize_t n;

	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		make_file(name, "");
	}
	fd = rump_sys_open(".", RUMP_O_RDONLY);
	FAILS(EINVAL, rump_sys_getdents(fd, buf, 10));
	while ((n = rump_sys_getdents(fd, buf, 64)) > 0) {
		for (ssize_t pos = 0; pos < n;) {
			struct rump_dirent *d = (void *)(buf + pos);
			int i;

			assert_true(d->d_reclen % 8 == 0);
			assert_int_equal(strlen(d->d_name), d->d_namlen);
			if (sscanf(d->d_name, "f%d", &i) == 1) {
				seen[i]++;
				/* Removing as one goes, as rm -r does. */
				OK(rump_sys_unlink(d->d_name));
			} else {
				assert_int_equal(d->d_type, RUMP_DT_DIR);
			}
			total++;
			pos += d->d_reclen;
		}
	}
	assert_int_equal(n, 0);
	assert_int_equal(total, 202);
	for (int i = 0; i < 200; i++)
		assert_int_equal(seen[i], 1);
	assert_int_equal(rump_sys_lseek(fd, 0, RUMP_SEEK_SET), 0);
	assert_int_equal(rump_sys_getdents(fd, buf, 64), 32);
	OK(rump_sys_close(fd));
	make_file("f", "");
	fd = rump_sys_open("f", RUMP_O_RDONLY);
	FAILS(EINVAL, rump_sys_getdents(fd, buf, 64));
	OK(rump_sys_close(fd));
}

static void
a_hundred_thousand_names_are_no_burden(void **state)
{
	static char buf[65536];
	char name[16];
	int fd, total = 0;
	ssize_t n;

	for (int i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		OK(rump_sys_mknod(name, RUMP_S_IFREG | 0600, 0));
	}
	assert_true(exists("99999"));
	assert_false(exists("100000"));
	fd = rump_sys_open(".", RUMP_O_RDONLY);
	while ((n = rump_sys_getdents(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t pos = 0; pos < n; total++)
			pos += ((struct rump_dirent *)(buf + pos))->d_reclen;
	}
	assert_int_equal(total, 100002);
	for (int i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		OK(rump_sys_unlink(name));
	}
	OK(rump_sys_close(fd));
}

static void
syncing_and_allocating_answer(void **state)
{
	int fd;

	make_file("f", "x");
	fd = rump_sys_open("f", RUMP_O_RDWR);
	OK(rump_sys_fsync(fd));
	OK(rump_sys_fdatasync(fd));
	OK(rump_sys_fsync_range(fd, RUMP_FFILESYNC, 0, 0));
	FAILS(EINVAL, rump_sys_fsync_range(fd, 0, 0, 0));
	FAILS(EINVAL, rump_sys_fsync_range(fd, RUMP_FFILESYNC, -1, 0));
	FAILS(EBADF, rump_sys_fsync(99));
	rump_sys_sync();
	assert_int_equal(rump_sys_posix_fallocate(fd, 0, 100), 0);
	assert_int_equal(stat_of("f").st_size, 100);
	assert_int_equal(rump_sys_posix_fallocate(fd, 0, 10), 0);
	assert_int_equal(stat_of("f").st_size, 100);
	assert_int_equal(rump_sys_posix_fallocate(fd, 0, 0), RUMP_EINVAL);
	assert_int_equal(rump_sys_posix_fallocate(99, 0, 1), RUMP_EBADF);
	assert_int_equal(
	    rump_sys_posix_fallocate(fd, INT64_MAX, 1), RUMP_EFBIG);
	OK(rump_sys_close(fd));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    positions_are_kept_and_checked, fresh_directory),
		cmocka_unit_test_setup(
		    vectors_are_read_and_written_whole, fresh_directory),
		cmocka_unit_test_setup(
		    large_files_are_what_was_written, fresh_directory),
		cmocka_unit_test_setup(
		    holes_read_as_zeros_and_cost_nothing, fresh_directory),
		cmocka_unit_test_setup(
		    faults_leave_files_and_results_consistent, fresh_directory),
		cmocka_unit_test_setup(
		    listings_go_on_where_they_stopped, fresh_directory),
		cmocka_unit_test_setup(
		    a_hundred_thousand_names_are_no_burden, fresh_directory),
		cmocka_unit_test_setup(
		    syncing_and_allocating_answer, fresh_directory),
	};

	return cmocka_run_group_tests(tests, boot_kernel, NULL);
}
