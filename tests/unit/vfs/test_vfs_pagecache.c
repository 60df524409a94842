/* SPDX-License-Identifier: BSD-2-Clause */
/* The page cache over a file system whose fills end late, out of order, with
 * errors, and in another thread. */
#include <stdlib.h>

#include "tests/unit/vfs/slowfs.h"
#include "tests/unit/vfs/vfs_test.h"

#include "kern/kmem.h"
#include "vfs/pcblock.h"
#include "vfs/pclru.h"

#define BLOCK 65536
#define PAGE 4096
#define LIMIT 1024

static int
setup(void **state)
{
	if (boot_kernel(state) != 0)
		return -1;
	return slowfs_mount("/s");
}

/* Nothing cached, default behaviour. */
static int
fresh(void **state)
{
	slowfs_reset();
	OK(rump_sys_unmount("/s", 0));
	OK(rump_sys_mount("slowfs", "/s", 0, NULL, 0));
	pcblock_setlimit(LIMIT);
	assert_int_equal(pcblock_count(), 0);
	assert_int_equal(pclru_pages(), 0);
	return 0;
}

static int
open_file(int file)
{
	char name[] = { '/', 's', '/', (char)('0' + file), '\0' };
	int fd = rump_sys_open(name, RUMP_O_RDONLY);

	OK(fd);
	return fd;
}

static void
assert_bytes(const uint8_t *buf, size_t n, unsigned file, int64_t off)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t want =
		    slowfs_byte(file, off + (int64_t)i, slowfs.generation);

		if (buf[i] != want)
			fail_msg("file %u offset %jd: %u, not %u", file,
			    (intmax_t)off + (intmax_t)i, buf[i], want);
	}
}

static void
read_and_check(int fd, unsigned file, size_t n, int64_t off)
{
	static __thread uint8_t buf[1 << 20];
	int64_t left = slowfs.size - off;
	ssize_t want = left < 0 ? 0 : (ssize_t)MIN((int64_t)n, left), got;

	got = rump_sys_pread(fd, buf, n, off);
	if (got != want)
		fail_msg("pread of %zu at %jd: %zd (%d), not %zd", n,
		    (intmax_t)off, got, errno, want);
	assert_bytes(buf, (size_t)got, file, off);
}

static void
reads_of_all_sizes_are_right(void **state)
{
	int fd = open_file(1);
	unsigned seed = 5;

	slowfs.size = 777777;
	for (int mode = SLOWFS_AT_ONCE; mode <= SLOWFS_WAITER; mode++) {
		slowfs.mode = mode;
		for (int i = 0; i < 500; i++) {
			size_t n = (size_t)rand_r(&seed) % 200000 + 1;

			read_and_check(
			    fd, 1, n >> (i % 17), rand_r(&seed) % 800000);
			if (i % 50 == 0)
				slowfs_invalidate(fd, 0, 0);
		}
	}
	OK(rump_sys_close(fd));
}

static void
memory_stays_below_the_limit(void **state)
{
	int fd = open_file(2);
	unsigned seed = 7;

	pcblock_setlimit(8);
	slowfs.mode = SLOWFS_WAITER;
	slowfs.size = 100 << 20;
	for (int i = 0; i < 300; i++) {
		read_and_check(fd, 2, 1000, rand_r(&seed) % (100 << 20));
		assert_true(pclru_pages() <= 8 * PC_PAGES);
	}
	/* Streaming as well. */
	slowfs.readahead = 4;
	for (int64_t off = 0; off < 8 << 20; off += 100000) {
		read_and_check(fd, 2, 100000, off);
		assert_true(pclru_pages() <= 16 * PC_PAGES);
	}
	/* Readahead that nobody waited for. */
	while (slowfs_finish(0, 0))
		continue;
	OK(rump_sys_close(fd));
}

/* Single pages here and there are as good as so many in a row. */
static void
pages_read_here_and_there_stay_cached(void **state)
{
	const int last = 8 * PC_PAGES;
	int fd = open_file(2);
	unsigned starts;

	pcblock_setlimit(8);
	slowfs.size = ((int64_t)last + 1) * BLOCK;
	for (int i = last; i > 0; i--)
		read_and_check(fd, 2, 100, (int64_t)i * BLOCK + i % 16 * 4096);
	assert_int_equal(pclru_pages(), last);
	assert_int_equal(pcblock_count(), last);
	starts = slowfs.starts;
	for (int i = last; i > 0; i--)
		read_and_check(fd, 2, 100, (int64_t)i * BLOCK + i % 16 * 4096);
	assert_int_equal(slowfs.starts, starts);
	OK(rump_sys_close(fd));
}

/* Memory of a whole block is not kept for the sake of one page of it. */
static void
a_page_does_not_inherit_a_whole_block(void **state)
{
	int fd = open_file(2);

	pcblock_setlimit(8);
	slowfs.size = 64 * BLOCK;
	read_and_check(fd, 2, 8 * BLOCK, 0);
	assert_int_equal(pclru_pages(), 8 * PC_PAGES);
	for (int i = 63; i > 15; i--)
		read_and_check(fd, 2, 100, (int64_t)i * BLOCK);
	assert_true(pclru_pages() <= 8 * PC_PAGES);
	assert_true(pcblock_count() >= 48);
	OK(rump_sys_close(fd));
}

/* What a stream leaves behind makes room for what comes, not others' data. */
static void
streams_leave_other_files_cached(void **state)
{
	int small = open_file(1), large = open_file(2);
	unsigned starts;

	pcblock_setlimit(16);
	slowfs.size = 4 * BLOCK;
	read_and_check(small, 1, 4 * BLOCK, 0);
	slowfs.size = 64 * BLOCK;
	for (int64_t off = 0; off < 64 * BLOCK; off += BLOCK)
		read_and_check(large, 2, BLOCK, off);
	assert_true(pcblock_count() <= 8);
	slowfs.size = 4 * BLOCK;
	starts = slowfs.starts;
	read_and_check(small, 1, 4 * BLOCK, 0);
	assert_int_equal(slowfs.starts, starts);
	OK(rump_sys_close(small));
	OK(rump_sys_close(large));
}

struct reader {
	int fd;
	unsigned file;
	int64_t off;
	size_t n;
	_Atomic int result; /* 1: running */
	uint8_t buf[4 * BLOCK];
};

static void *
read_thread(void *arg)
{
	struct reader *r = arg;
	ssize_t n = rump_sys_pread(r->fd, r->buf, r->n, r->off);

	r->result = n == (ssize_t)r->n ? 0 : -errno;
	return NULL;
}

static pthread_t
start_reader(struct reader *r, int fd, unsigned file, int64_t off, size_t n)
{
	pthread_t t;

	r->fd = fd;
	r->file = file;
	r->off = off;
	r->n = n;
	r->result = 1;
	assert_int_equal(pthread_create(&t, NULL, read_thread, r), 0);
	return t;
}

static void
late_fills_out_of_order_wake_their_readers(void **state)
{
	static struct reader r[3];
	pthread_t t[3];
	int fd = open_file(3);

	slowfs.mode = SLOWFS_MANUAL;
	t[0] = start_reader(&r[0], fd, 3, 4 * BLOCK, 2 * BLOCK);
	AWAIT(slowfs.queued == 2);
	t[1] = start_reader(&r[1], fd, 3, 5 * BLOCK + 10, 100);
	t[2] = start_reader(&r[2], fd, 3, 9 * BLOCK + 5, PAGE);
	AWAIT(slowfs.queued == 3);
	assert_true(slowfs_finish(2, 0));
	pthread_join(t[2], NULL);
	assert_int_equal(r[2].result, 0);
	/* The second block first: one reader has all that it needs. */
	assert_true(slowfs_finish(1, 0));
	pthread_join(t[1], NULL);
	assert_int_equal(r[1].result, 0);
	assert_int_equal(r[0].result, 1);
	assert_true(slowfs_finish(0, 0));
	pthread_join(t[0], NULL);
	for (int i = 0; i < 3; i++)
		assert_bytes(r[i].buf, r[i].n, 3, r[i].off);
	/* A page on its way was not asked for twice. */
	assert_int_equal(slowfs.starts, 3);
	OK(rump_sys_close(fd));
}

static void
errors_reach_the_reader_and_are_forgotten(void **state)
{
	uint8_t buf[2 * BLOCK];
	int fd = open_file(4);

	for (int mode = SLOWFS_AT_ONCE; mode <= SLOWFS_WAITER; mode++) {
		slowfs_invalidate(fd, 0, 0);
		slowfs.mode = mode;
		slowfs.error = RUMP_EIO;
		FAILS(EIO, rump_sys_pread(fd, buf, 100, 300000));
		assert_int_equal(slowfs.error, 0);
		read_and_check(fd, 4, 100, 300000);
	}
	/* What came before the error counts. */
	slowfs.mode = SLOWFS_AT_ONCE;
	slowfs_invalidate(fd, BLOCK, 0);
	read_and_check(fd, 4, 100, 0);
	slowfs_invalidate(fd, BLOCK, 0);
	slowfs.error = RUMP_ESTALE;
	assert_int_equal(
	    rump_sys_pread(fd, buf, BLOCK + 100, BLOCK - 100), 100);
	OK(rump_sys_close(fd));
}

static void
interrupted_waits_leave_the_fill_going_on(void **state)
{
	uint8_t buf[100];
	int fd = open_file(5);

	slowfs.mode = SLOWFS_MANUAL;
	slowfs.interrupt = true;
	FAILS(EINTR, rump_sys_pread(fd, buf, 100, 3 * BLOCK));
	assert_int_equal(slowfs.queued, 1);
	FAILS(EINTR, rump_sys_pread(fd, buf, 100, 3 * BLOCK));
	assert_int_equal(slowfs.starts, 1);
	assert_true(slowfs_finish(0, 0));
	slowfs.interrupt = false;
	read_and_check(fd, 5, 100, 3 * BLOCK);
	assert_int_equal(slowfs.starts, 1);
	OK(rump_sys_close(fd));
}

static void
pages_dropped_while_busy_are_read_again(void **state)
{
	static struct reader r;
	int fd = open_file(6);
	pthread_t t;

	slowfs.mode = SLOWFS_MANUAL;
	t = start_reader(&r, fd, 6, 2 * BLOCK, 100);
	AWAIT(slowfs.queued == 1);
	slowfs_invalidate(fd, 0, 0);
	assert_true(slowfs_finish(0, 0));
	slowfs.generation++;
	AWAIT(slowfs.queued == 1);
	assert_true(slowfs_finish(0, 0));
	pthread_join(t, NULL);
	assert_int_equal(r.result, 0);
	assert_bytes(r.buf, 100, 6, 2 * BLOCK);
	OK(rump_sys_close(fd));
}

static void
sequential_reading_runs_ahead_and_random_does_not(void **state)
{
	int fd = open_file(7);

	slowfs.size = 100 * BLOCK;
	slowfs.readahead = 8;
	slowfs.mode = SLOWFS_WAITER;
	read_and_check(fd, 7, 100, 50 * BLOCK + 8 * PAGE);
	assert_true(slowfs.started_to <= 50 * BLOCK + 12 * PAGE);
	assert_int_equal(slowfs.flushes, 1);
	slowfs.started_to = 0;
	for (int64_t off = 0; off < 20 * BLOCK; off += PAGE) {
		read_and_check(fd, 7, PAGE, off);
		assert_true(slowfs.started_to >= off + 4 * BLOCK);
		assert_true(slowfs.started_to <= off + 9 * BLOCK);
	}
	assert_true(slowfs.flushes < 20);
	/* It ends at the end of the file. */
	slowfs.size = 22 * BLOCK + 5;
	slowfs_invalidate(fd, 0, 0);
	for (int64_t off = 0; off < slowfs.size; off += BLOCK)
		read_and_check(fd, 7, BLOCK, off);
	while (slowfs_finish(0, 0))
		continue;
	OK(rump_sys_close(fd));
}

static void
large_reads_keep_what_is_in_flight_bounded(void **state)
{
	static struct reader r;
	int fd = open_file(0);
	pthread_t t;

	slowfs.size = 1LL << 40;
	slowfs.readahead = 2;
	slowfs.mode = SLOWFS_MANUAL;
	t = start_reader(&r, fd, 0, 0, sizeof(r.buf));
	AWAIT(slowfs.queued > 0);
	while (r.result == 1) {
		assert_true(slowfs.started_to <= (20 << 16) + (1 << 20));
		slowfs_finish(0, 0);
	}
	pthread_join(t, NULL);
	assert_int_equal(r.result, 0);
	while (slowfs_finish(0, 0))
		continue;
	OK(rump_sys_close(fd));
}

static void
fills_survive_a_forced_unmount(void **state)
{
	uint8_t buf[100];
	int fd = open_file(1);

	slowfs.mode = SLOWFS_MANUAL;
	slowfs.interrupt = true;
	FAILS(EINTR, rump_sys_pread(fd, buf, 100, 0));
	assert_int_equal(slowfs.queued, 1);
	OK(rump_sys_unmount("/s", RUMP_MNT_FORCE));
	FAILS(EIO, rump_sys_pread(fd, buf, 100, 0));
	OK(rump_sys_close(fd));
	assert_true(slowfs_finish(0, 0));
	slowfs.interrupt = false;
	/* The last reference was the fill's; it is dropped with the next
	 * vnode that is looked up. */
	OK(rump_sys_mount("slowfs", "/s", 0, NULL, 0));
	assert_int_equal(pcblock_count(), 0);
}

static void
failing_allocations_fail_the_read_and_nothing_else(void **state)
{
	uint8_t buf[3 * BLOCK];
	int fd = open_file(2);
	unsigned n;

	for (n = 1; n < 100; n++) {
		ssize_t got;

		slowfs_invalidate(fd, 0, 0);
		kmem_fail_nth(n);
		got = rump_sys_pread(fd, buf, sizeof(buf), 0);
		kmem_fail_nth(0);
		if (got == (ssize_t)sizeof(buf))
			break;
		if (got < 0)
			assert_int_equal(errno, RUMP_ENOMEM);
		else
			assert_bytes(buf, (size_t)got, 2, 0);
	}
	assert_true(n > 1 && n < 100);
	read_and_check(fd, 2, sizeof(buf), 0);
	OK(rump_sys_close(fd));
}

static _Atomic bool stop;

static void *
finisher(void *arg)
{
	unsigned seed = 1;

	while (!stop) {
		unsigned queued = slowfs.queued;

		if (queued == 0 ||
		    !slowfs_finish((unsigned)rand_r(&seed) % queued, 0))
			sched_yield();
	}
	return NULL;
}

static void *
random_reader(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg, file = seed % 2;
	int fd = open_file((int)file);

	for (int i = 0; i < 200; i++)
		read_and_check(fd, file, (size_t)rand_r(&seed) % 150000 + 1,
		    rand_r(&seed) % (1 << 20));
	OK(rump_sys_close(fd));
	return NULL;
}

/* Four readers of two files, few blocks, and another thread that ends the
 * fills in any order. */
static void
many_readers_get_their_bytes(void **state)
{
	pthread_t t[4], f;

	pcblock_setlimit(6);
	slowfs.mode = SLOWFS_MANUAL;
	slowfs.readahead = 2;
	stop = false;
	pthread_create(&f, NULL, finisher, NULL);
	for (uintptr_t i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, random_reader, (void *)(i + 10));
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	stop = true;
	pthread_join(f, NULL);
	while (slowfs_finish(0, 0))
		continue;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(reads_of_all_sizes_are_right, fresh),
		cmocka_unit_test_setup(memory_stays_below_the_limit, fresh),
		cmocka_unit_test_setup(
		    pages_read_here_and_there_stay_cached, fresh),
		cmocka_unit_test_setup(
		    a_page_does_not_inherit_a_whole_block, fresh),
		cmocka_unit_test_setup(streams_leave_other_files_cached, fresh),
		cmocka_unit_test_setup(
		    late_fills_out_of_order_wake_their_readers, fresh),
		cmocka_unit_test_setup(
		    errors_reach_the_reader_and_are_forgotten, fresh),
		cmocka_unit_test_setup(
		    interrupted_waits_leave_the_fill_going_on, fresh),
		cmocka_unit_test_setup(
		    pages_dropped_while_busy_are_read_again, fresh),
		cmocka_unit_test_setup(
		    sequential_reading_runs_ahead_and_random_does_not, fresh),
		cmocka_unit_test_setup(
		    large_reads_keep_what_is_in_flight_bounded, fresh),
		cmocka_unit_test_setup(fills_survive_a_forced_unmount, fresh),
		cmocka_unit_test_setup(
		    failing_allocations_fail_the_read_and_nothing_else, fresh),
		cmocka_unit_test_setup(many_readers_get_their_bytes, fresh),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
