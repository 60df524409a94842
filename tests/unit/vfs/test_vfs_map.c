/* SPDX-License-Identifier: BSD-2-Clause */
/* Mappings of rump files, made as the hijack library makes them. */
#include <stdlib.h>
#include <sys/mman.h>

#include "tests/unit/vfs/slowfs.h"
#include "tests/unit/vfs/vfs_test.h"

#include "kern/kmem.h"
#include "vfs/pcblock.h"
#include "vfs/pclru.h"

#define BLOCK 65536
#define PAGE 4096

static int
setup(void **state)
{
	if (boot_kernel(state) != 0)
		return -1;
	return slowfs_mount("/s");
}

static int
fresh(void **state)
{
	slowfs_reset();
	OK(rump_sys_unmount("/s", 0));
	OK(rump_sys_mount("slowfs", "/s", 0, NULL, 0));
	pcblock_setlimit(1024);
	assert_int_equal(pcblock_count(), 0);
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

static uint8_t *
map(int fd, int64_t off, size_t len, struct rump_map *rm)
{
	void *p;

	assert_int_equal(
	    rump_map_create(fd, off, len, RUMP_PROT_READ, RUMP_MAP_PRIVATE, rm),
	    0);
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, rm->rm_hostfd,
	    rm->rm_hostoff);
	assert_ptr_not_equal(p, MAP_FAILED);
	return p;
}

static void
assert_bytes(const uint8_t *p, size_t n, unsigned file, int64_t off)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(p[i],
		    slowfs_byte(file, off + (int64_t)i, slowfs.generation));
}

static void
mapped_pages_are_the_files(void **state)
{
	struct rump_map rm;
	int fd = open_file(1);
	uint8_t *p, buf[PAGE];

	slowfs.size = 5 * BLOCK + 100;
	/* Loose blocks from before move into the window. */
	assert_int_equal(rump_sys_pread(fd, buf, PAGE, BLOCK + 5), PAGE);
	p = map(fd, PAGE, 8 * BLOCK, &rm);
	assert_int_equal(rump_map_fill(rm.rm_handle, PAGE, 2 * BLOCK), 0);
	assert_bytes(p, 2 * BLOCK, 1, PAGE);
	/* The end of the file is zeros to the end of its page, then nothing. */
	assert_int_equal(rump_map_fill(rm.rm_handle, 5 * BLOCK, 4 * BLOCK), 0);
	assert_bytes(p + 5 * BLOCK - PAGE, 100, 1, 5 * BLOCK);
	for (size_t i = 100; i < PAGE; i++)
		assert_int_equal(p[5 * BLOCK - PAGE + i], 0);
	assert_int_equal(
	    rump_map_fill(rm.rm_handle, 6 * BLOCK, PAGE), RUMP_EFAULT);
	assert_int_equal(rump_map_fill(rm.rm_handle, 1, 1), RUMP_EINVAL);
	assert_int_equal(rump_map_fill(rm.rm_handle, 0, 0), RUMP_EINVAL);
	assert_int_equal(
	    rump_map_fill(rm.rm_handle, 100 * BLOCK, PAGE), RUMP_EINVAL);
	/* Reading uses the same pages. */
	assert_int_equal(rump_sys_pread(fd, buf, PAGE, BLOCK), PAGE);
	p[BLOCK - PAGE] ^= 0xff;
	assert_int_equal(rump_sys_pread(fd, buf, 1, BLOCK), 1);
	assert_int_equal(buf[0], p[BLOCK - PAGE]);
	rump_map_ref(rm.rm_handle);
	rump_map_destroy(rm.rm_handle);
	OK(rump_sys_close(fd));
	/* The map keeps the file, though it is closed. */
	assert_int_equal(rump_map_fill(rm.rm_handle, 4 * BLOCK, BLOCK), 0);
	assert_bytes(p + 4 * BLOCK - PAGE, BLOCK, 1, 4 * BLOCK);
	rump_map_destroy(rm.rm_handle);
	munmap(p, 8 * BLOCK);
}

static void
only_readable_regular_files_are_mapped(void **state)
{
	struct rump_map rm;
	int fd = open_file(1), p[2];

	assert_int_equal(
	    rump_map_create(fd, 1, 1, RUMP_PROT_READ, RUMP_MAP_PRIVATE, &rm),
	    RUMP_EINVAL);
	assert_int_equal(
	    rump_map_create(fd, 0, 0, RUMP_PROT_READ, RUMP_MAP_PRIVATE, &rm),
	    RUMP_EINVAL);
	assert_int_equal(rump_map_create(fd, 0, SIZE_MAX, RUMP_PROT_READ,
			     RUMP_MAP_PRIVATE, &rm),
	    RUMP_ENOMEM);
	assert_int_equal(rump_map_create(fd, INT64_MAX & ~4095LL, 4096,
			     RUMP_PROT_READ, RUMP_MAP_PRIVATE, &rm),
	    RUMP_ENOMEM);
	assert_int_equal(
	    rump_map_create(fd, 0, 1, RUMP_PROT_READ | RUMP_PROT_WRITE,
		RUMP_MAP_SHARED, &rm),
	    RUMP_EACCES);
	OK(rump_sys_close(fd));
	assert_int_equal(
	    rump_map_create(fd, 0, 1, RUMP_PROT_READ, RUMP_MAP_SHARED, &rm),
	    RUMP_EBADF);
	fd = rump_sys_open("/s", RUMP_O_RDONLY);
	assert_int_equal(
	    rump_map_create(fd, 0, 1, RUMP_PROT_READ, RUMP_MAP_SHARED, &rm),
	    RUMP_ENODEV);
	OK(rump_sys_close(fd));
	fd = rump_sys_open("/wronly", RUMP_O_CREAT | RUMP_O_WRONLY, 0600);
	assert_int_equal(
	    rump_map_create(fd, 0, 1, RUMP_PROT_READ, RUMP_MAP_SHARED, &rm),
	    RUMP_EACCES);
	OK(rump_sys_close(fd));
	OK(rump_sys_pipe(p));
	assert_int_equal(
	    rump_map_create(p[0], 0, 1, RUMP_PROT_READ, RUMP_MAP_SHARED, &rm),
	    RUMP_ENODEV);
	OK(rump_sys_close(p[0]));
	OK(rump_sys_close(p[1]));
}

static void
what_is_mapped_is_not_reclaimed(void **state)
{
	struct rump_map rm;
	int a = open_file(1), b = open_file(2);
	uint8_t *p, buf[100];

	pcblock_setlimit(4);
	p = map(a, 0, 8 * BLOCK, &rm);
	assert_int_equal(rump_map_fill(rm.rm_handle, 0, 8 * BLOCK), 0);
	for (int i = 0; i < 16; i++)
		assert_int_equal(rump_sys_pread(b, buf, 100, i * BLOCK), 100);
	assert_bytes(p, 8 * BLOCK, 1, 0);
	assert_true(pcblock_count() >= 8);
	/* Given up by the mapper, it can go. */
	rump_map_drop(rm.rm_handle, 0, 6 * BLOCK + PAGE);
	for (int i = 0; i < 16; i++)
		assert_int_equal(rump_sys_pread(b, buf, 100, i * BLOCK), 100);
	assert_true(pclru_pages() <= 4 * PC_PAGES);
	assert_bytes(p + 6 * BLOCK, 2 * BLOCK, 1, 6 * BLOCK);
	assert_int_equal(rump_map_fill(rm.rm_handle, 0, BLOCK), 0);
	assert_bytes(p, BLOCK, 1, 0);
	rump_map_destroy(rm.rm_handle);
	munmap(p, 8 * BLOCK);
	OK(rump_sys_close(a));
	OK(rump_sys_close(b));
}

static void
invalid_pages_keep_what_they_show_until_filled(void **state)
{
	struct rump_map rm;
	int fd = open_file(3);
	uint8_t *p = map(fd, 0, BLOCK, &rm), buf[10];

	assert_int_equal(rump_map_fill(rm.rm_handle, 0, BLOCK), 0);
	assert_bytes(p, BLOCK, 3, 0);
	slowfs_invalidate(fd, 0, 0);
	assert_bytes(p, BLOCK, 3, 0);
	slowfs.generation++;
	assert_int_equal(rump_sys_pread(fd, buf, 10, 0), 10);
	assert_bytes(p, PAGE, 3, 0);
	rump_map_destroy(rm.rm_handle);
	munmap(p, BLOCK);
	OK(rump_sys_close(fd));
}

static void
fills_of_maps_fail_and_are_interrupted(void **state)
{
	struct rump_map rm;
	int fd = open_file(4);
	uint8_t *p = map(fd, 0, 4 * BLOCK, &rm), buf[10];

	slowfs.error = RUMP_EIO;
	assert_int_equal(rump_map_fill(rm.rm_handle, BLOCK, PAGE), RUMP_EIO);
	slowfs.mode = SLOWFS_MANUAL;
	slowfs.interrupt = true;
	assert_int_equal(
	    rump_map_fill(rm.rm_handle, BLOCK, PAGE), RUMP_ERESTART);
	/* A loose block that is being filled moves when that has ended. */
	assert_int_equal(slowfs.queued, 1);
	slowfs.interrupt = false;
	slowfs.mode = SLOWFS_WAITER;
	assert_int_equal(rump_map_fill(rm.rm_handle, BLOCK, PAGE), 0);
	assert_bytes(p + BLOCK, PAGE, 4, BLOCK);
	rump_map_destroy(rm.rm_handle);
	munmap(p, 4 * BLOCK);
	OK(rump_sys_close(fd));
	fd = open_file(5);
	slowfs.mode = SLOWFS_MANUAL;
	slowfs.interrupt = true;
	FAILS(EINTR, rump_sys_pread(fd, buf, 10, 0));
	slowfs.interrupt = false;
	slowfs.mode = SLOWFS_WAITER;
	p = map(fd, 0, BLOCK, &rm);
	assert_int_equal(rump_map_fill(rm.rm_handle, 0, BLOCK), 0);
	assert_bytes(p, BLOCK, 5, 0);
	rump_map_destroy(rm.rm_handle);
	munmap(p, BLOCK);
	OK(rump_sys_close(fd));
}

static void
files_grow_within_their_windows(void **state)
{
	struct rump_map small, large;
	int fd = open_file(6);
	uint8_t *p, *q;

	slowfs.size = 100;
	p = map(fd, 0, PAGE, &small);
	assert_int_equal(rump_map_fill(small.rm_handle, 0, PAGE), 0);
	slowfs.size = 100 * BLOCK;
	q = map(fd, 50 * BLOCK, 50 * BLOCK, &large);
	assert_int_equal(large.rm_hostoff - small.rm_hostoff, 50 * BLOCK);
	assert_int_equal(rump_map_fill(large.rm_handle, 99 * BLOCK, BLOCK), 0);
	assert_bytes(q + 49 * BLOCK, BLOCK, 6, 99 * BLOCK);
	rump_map_destroy(small.rm_handle);
	rump_map_destroy(large.rm_handle);
	munmap(p, PAGE);
	munmap(q, 50 * BLOCK);
	OK(rump_sys_close(fd));
}

static void
sparse_use_of_a_large_file_costs_little(void **state)
{
	struct rump_map rm;
	int fd = open_file(7);
	uint8_t *p;

	slowfs.size = 4LL << 30;
	p = map(fd, 0, 4UL << 30, &rm);
	for (int64_t off = 0; off < 4LL << 30; off += 1 << 26)
		assert_int_equal(rump_map_fill(rm.rm_handle, off, PAGE), 0);
	assert_int_equal(pcblock_count(), 64);
	assert_bytes(p + (1 << 26), PAGE, 7, 1 << 26);
	rump_map_destroy(rm.rm_handle);
	munmap(p, 4UL << 30);
	OK(rump_sys_close(fd));
}

static void
memory_files_are_shared_both_ways(void **state)
{
	struct rump_map rm;
	int fd = rump_sys_open("/mem", RUMP_O_CREAT | RUMP_O_RDWR, 0600);
	char buf[16] = { 0 };
	char *p;

	assert_int_equal(rump_sys_write(fd, "hello", 5), 5);
	OK(rump_sys_ftruncate(fd, 3 * BLOCK));
	assert_int_equal(
	    rump_map_create(fd, 0, 3 * BLOCK, RUMP_PROT_READ | RUMP_PROT_WRITE,
		RUMP_MAP_SHARED, &rm),
	    0);
	p = mmap(NULL, 3 * BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED,
	    rm.rm_hostfd, rm.rm_hostoff);
	assert_int_equal(rump_map_fill(rm.rm_handle, 0, 3 * BLOCK), 0);
	assert_memory_equal(p, "hello", 6);
	strcpy(p + 2 * BLOCK, "from the map");
	assert_int_equal(rump_sys_pread(fd, buf, 12, 2 * BLOCK), 12);
	assert_string_equal(buf, "from the map");
	assert_int_equal(rump_sys_pwrite(fd, "J", 1, 0), 1);
	assert_int_equal(p[0], 'J');
	OK(rump_sys_ftruncate(fd, 2));
	assert_int_equal(p[2], 0);
	assert_int_equal(p[2 * BLOCK], 0);
	/* What is written behind the end does not come up when the file grows. */
	p[3] = p[2 * BLOCK] = 'x';
	OK(rump_sys_ftruncate(fd, 3 * BLOCK));
	assert_int_equal(p[3], 0);
	assert_int_equal(p[2 * BLOCK], 0);
	OK(rump_sys_ftruncate(fd, 2));
	p[3] = 'x';
	assert_int_equal(rump_sys_pwrite(fd, "y", 1, 8), 1);
	assert_int_equal(p[3], 0);
	rump_map_destroy(rm.rm_handle);
	munmap(p, 3 * BLOCK);
	OK(rump_sys_close(fd));
	OK(rump_sys_unlink("/mem"));
}

static void
failing_allocations_leave_nothing_behind(void **state)
{
	struct rump_map rm;
	int fd = open_file(1);
	uint8_t *p = map(fd, 0, 2 * BLOCK, &rm);
	unsigned n;
	int error = 1;

	for (n = 1; n < 50 && error != 0; n++) {
		slowfs_invalidate(fd, 0, 0);
		kmem_fail_nth(n);
		error = rump_map_fill(rm.rm_handle, 0, 2 * BLOCK);
		kmem_fail_nth(0);
		if (error != 0)
			assert_int_equal(error, RUMP_ENOMEM);
	}
	assert_int_equal(error, 0);
	assert_bytes(p, 2 * BLOCK, 1, 0);
	kmem_fail_nth(1);
	assert_int_equal(
	    rump_map_create(fd, 0, 1, RUMP_PROT_READ, RUMP_MAP_PRIVATE, &rm),
	    RUMP_ENOMEM);
	kmem_fail_nth(0);
	rump_map_destroy(rm.rm_handle);
	munmap(p, 2 * BLOCK);
	OK(rump_sys_close(fd));
}

static const void *cut_file;
static int64_t cut_size;
static unsigned cuts;

static void
note_protect(const void *file, int64_t lo, int64_t hi)
{
	fail_msg("nothing is ever sent");
}

static void
note_cut(const void *file, int64_t size)
{
	cut_file = file;
	cut_size = size;
	cuts++;
}

static void
truncation_is_told_to_whoever_maps(void **state)
{
	static const struct rump_maphooks hooks = { note_protect, note_cut };
	int fd = rump_sys_open("/cut", RUMP_O_CREAT | RUMP_O_RDWR, 0600);
	struct rump_map rm;
	int64_t size;

	rump_map_sethooks(&hooks);
	OK(fd);
	OK(rump_sys_ftruncate(fd, 3 * BLOCK));
	OK(rump_sys_ftruncate(fd, 2 * BLOCK));
	assert_int_equal(cuts, 0);
	map(fd, 0, BLOCK, &rm);
	assert_true(rm.rm_writable);
	assert_true(rm.rm_memory);
	assert_int_equal(rump_map_size(rm.rm_handle, &size), 0);
	assert_int_equal(size, 2 * BLOCK);
	OK(rump_sys_ftruncate(fd, BLOCK + 5));
	assert_int_equal(cuts, 1);
	assert_ptr_equal(cut_file, rm.rm_file);
	assert_int_equal(cut_size, BLOCK + 5);
	OK(rump_sys_ftruncate(fd, 4 * BLOCK));
	assert_int_equal(cuts, 1);
	rump_map_destroy(rm.rm_handle);
	OK(rump_sys_ftruncate(fd, 0));
	assert_int_equal(cuts, 1);
	rump_map_sethooks(NULL);
	OK(rump_sys_close(fd));
	OK(rump_sys_unlink("/cut"));
}

/* The first window is far too small for the second map, and others stand
 * around it. */
static void
windows_grow_where_they_lie(void **state)
{
	int fd = rump_sys_open("/grow", RUMP_O_CREAT | RUMP_O_RDWR, 0600);
	int64_t far = (int64_t)100 << 30;
	struct rump_map a, others[5], b;
	int fds[5];
	char *p, *q;

	OK(fd);
	OK(rump_sys_ftruncate(fd, BLOCK));
	p = (char *)map(fd, 0, BLOCK, &a);
	for (int i = 0; i < 5; i++) {
		char name[] = "/other0";

		name[6] = (char)('0' + i);
		fds[i] = rump_sys_open(name, RUMP_O_CREAT | RUMP_O_RDWR, 0600);
		OK(fds[i]);
		OK(rump_sys_ftruncate(fds[i], PAGE));
		map(fds[i], 0, PAGE, &others[i]);
	}
	assert_int_equal(rump_map_fill(a.rm_handle, 0, PAGE), 0);
	p[0] = 'a';
	OK(rump_sys_ftruncate(fd, far + BLOCK));
	assert_int_equal(rump_map_again(a.rm_handle, far, BLOCK, &b), 0);
	assert_int_equal(b.rm_hostoff - a.rm_hostoff, far);
	assert_ptr_equal(b.rm_file, a.rm_file);
	q = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, b.rm_hostfd,
	    b.rm_hostoff);
	assert_ptr_not_equal(q, MAP_FAILED);
	assert_int_equal(rump_map_fill(b.rm_handle, far, PAGE), 0);
	q[0] = 'b';
	assert_int_equal(rump_sys_pread(fd, q + 1, 1, 0), 1);
	assert_int_equal(q[1], 'a');
	assert_int_equal(rump_sys_pread(fd, p + 1, 1, far), 1);
	assert_int_equal(p[1], 'b');
	rump_map_destroy(a.rm_handle);
	rump_map_destroy(b.rm_handle);
	for (int i = 0; i < 5; i++) {
		char name[] = "/other0";

		name[6] = (char)('0' + i);
		rump_map_destroy(others[i].rm_handle);
		OK(rump_sys_close(fds[i]));
		OK(rump_sys_unlink(name));
	}
	OK(rump_sys_close(fd));
	OK(rump_sys_unlink("/grow"));
}

static _Atomic bool stop;

static void *
reader(void *arg)
{
	int fd = open_file(2);
	uint8_t buf[300];
	unsigned seed = 3;

	while (!stop) {
		int64_t off = rand_r(&seed) % (1 << 20);
		ssize_t n = rump_sys_pread(fd, buf, sizeof(buf), off);

		OK(n);
		assert_bytes(buf, (size_t)n, 2, off);
	}
	OK(rump_sys_close(fd));
	return NULL;
}

/* One thread reads while another maps, fills and gives up again. */
static void
mapping_and_reading_go_together(void **state)
{
	struct rump_map rm;
	int fd = open_file(2);
	pthread_t t;
	uint8_t *p;

	pcblock_setlimit(6);
	stop = false;
	pthread_create(&t, NULL, reader, NULL);
	for (int i = 0; i < 50; i++) {
		p = map(fd, 0, 1 << 20, &rm);
		for (int64_t off = i % 16 * BLOCK; off < 1 << 20;
		     off += 3 * BLOCK) {
			assert_int_equal(
			    rump_map_fill(rm.rm_handle, off, BLOCK), 0);
			assert_bytes(p + off, PAGE, 2, off);
		}
		rump_map_destroy(rm.rm_handle);
		munmap(p, 1 << 20);
	}
	stop = true;
	pthread_join(t, NULL);
	OK(rump_sys_close(fd));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(mapped_pages_are_the_files, fresh),
		cmocka_unit_test_setup(
		    only_readable_regular_files_are_mapped, fresh),
		cmocka_unit_test_setup(what_is_mapped_is_not_reclaimed, fresh),
		cmocka_unit_test_setup(
		    invalid_pages_keep_what_they_show_until_filled, fresh),
		cmocka_unit_test_setup(
		    fills_of_maps_fail_and_are_interrupted, fresh),
		cmocka_unit_test_setup(files_grow_within_their_windows, fresh),
		cmocka_unit_test_setup(
		    sparse_use_of_a_large_file_costs_little, fresh),
		cmocka_unit_test_setup(
		    memory_files_are_shared_both_ways, fresh),
		cmocka_unit_test_setup(
		    failing_allocations_leave_nothing_behind, fresh),
		cmocka_unit_test_setup(
		    truncation_is_told_to_whoever_maps, fresh),
		cmocka_unit_test_setup(windows_grow_where_they_lie, fresh),
		cmocka_unit_test_setup(mapping_and_reading_go_together, fresh),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
