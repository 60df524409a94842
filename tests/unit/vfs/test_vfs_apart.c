/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mapped files that have memory of their own: what those see who map it and are
 * told nothing.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit/vfs/servfs.h"
#include "tests/unit/vfs/slowfs.h"
#include "tests/unit/vfs/vfs_test.h"

#include "vfs/pcblock.h"

#define BLOCK 65536
#define PAGE 4096
#define SHARED (RUMP_PROT_READ | RUMP_PROT_WRITE), RUMP_MAP_SHARED
#define DESCRIPTORS 128 /* a quarter of them is for files */

static void
note_protect(const void *file, int64_t lo, int64_t hi)
{
}

static void
note_cut(const void *file, int64_t size)
{
}

static int
setup(void **state)
{
	static const struct rump_maphooks hooks = {
		.rmh_protect = note_protect,
		.rmh_cut = note_cut,
		.rmh_apart = true,
	};
	struct rlimit rl = { DESCRIPTORS, DESCRIPTORS };

	if (setrlimit(RLIMIT_NOFILE, &rl) != 0 || boot_kernel(state) != 0)
		return -1;
	rump_map_sethooks(&hooks);
	if (servfs_mount("/v") != 0)
		return -1;
	return slowfs_mount("/s");
}

static int
fresh(void **state)
{
	slowfs_reset();
	servfs_reset();
	OK(rump_sys_unmount("/s", 0));
	OK(rump_sys_mount("slowfs", "/s", 0, NULL, 0));
	OK(rump_sys_unmount("/v", 0));
	OK(rump_sys_mount("servfs", "/v", 0, NULL, 0));
	pcblock_setlimit(1024);
	return 0;
}

/* What another process has, which is not asked for anything. */
static uint8_t *
show(const struct rump_map *rm, size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED,
	    rm->rm_hostfd, rm->rm_hostoff);

	assert_ptr_not_equal(p, MAP_FAILED);
	return p;
}

static uint8_t *
map(int fd, size_t len, struct rump_map *rm)
{
	assert_int_equal(rump_map_create(fd, 0, len, SHARED, rm), 0);
	assert_true(rm->rm_apart);
	return show(rm, len);
}

/* The host refuses to read what raises SIGBUS. */
static bool
is_there(const uint8_t *p)
{
	static int pipes[2];
	char c;

	if (pipes[1] == 0)
		assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	if (write(pipes[1], p, 1) != 1)
		return false;
	return read(pipes[0], &c, 1) == 1;
}

static int
memory_file(off_t size)
{
	int fd = rump_sys_open("/f", RUMP_O_CREAT | RUMP_O_RDWR, 0600);

	OK(fd);
	OK(rump_sys_unlink("/f"));
	OK(rump_sys_ftruncate(fd, size));
	return fd;
}

static int
server_file(const char *data, size_t len)
{
	int fd;

	servfs_poke(0, 0, data, len);
	fd = rump_sys_open("/v/0", RUMP_O_RDWR);
	OK(fd);
	return fd;
}

static void
pages_behind_the_end_are_gone_for_all(void **state)
{
	int fd = memory_file(4 * PAGE);
	struct rump_map rm;
	uint8_t *p = map(fd, 4 * PAGE, &rm);
	char c;

	assert_int_equal(rump_map_fill(rm.rm_handle, 0, 4 * PAGE), 0);
	memset(p, 'x', 4 * PAGE);
	OK(rump_sys_ftruncate(fd, PAGE + 100));
	assert_true(is_there(p + PAGE));
	assert_int_equal(p[PAGE + 99], 'x');
	assert_int_equal(p[PAGE + 100], 0);
	assert_false(is_there(p + 2 * PAGE));
	assert_false(is_there(p + 3 * PAGE));
	/* Longer again, and asked for. */
	OK(rump_sys_ftruncate(fd, 3 * PAGE));
	assert_int_equal(rump_map_fill(rm.rm_handle, 2 * PAGE, PAGE), 0);
	assert_int_equal(p[2 * PAGE], 0);
	assert_false(is_there(p + 3 * PAGE));
	p[2 * PAGE] = 'y';
	assert_int_equal(rump_sys_pread(fd, &c, 1, 2 * PAGE), 1);
	assert_int_equal(c, 'y');
	munmap(p, 4 * PAGE);
	rump_map_destroy(rm.rm_handle);
	OK(rump_sys_close(fd));
}

static void
what_is_written_behind_the_old_end_is_shown(void **state)
{
	int fd = memory_file(4 * BLOCK);
	struct rump_map rm;
	uint8_t *p = map(fd, 4 * BLOCK, &rm);
	char c;

	assert_int_equal(rump_map_fill(rm.rm_handle, 0, 4 * BLOCK), 0);
	memset(p, 'x', 4 * BLOCK);
	OK(rump_sys_ftruncate(fd, 0));
	assert_false(is_there(p));
	assert_int_equal(rump_sys_pwrite(fd, "w", 1, 2 * BLOCK + PAGE), 1);
	assert_true(is_there(p + 2 * BLOCK + PAGE));
	assert_int_equal(p[2 * BLOCK + PAGE], 'w');
	assert_false(is_there(p + 2 * BLOCK + 2 * PAGE));
	/* In between there are zeros, which are the file's: without a fill. */
	assert_int_equal(p[0], 0);
	p[BLOCK] = 's';
	assert_int_equal(rump_sys_pread(fd, &c, 1, BLOCK), 1);
	assert_int_equal(c, 's');
	/* Beyond all that was shown nothing is counted any more. */
	assert_int_equal(rump_sys_pwrite(fd, "e", 1, 9 * BLOCK), 1);
	assert_int_equal(rump_sys_pread(fd, &c, 1, 3 * BLOCK), 1);
	assert_int_equal(c, 0);
	assert_int_equal(p[3 * BLOCK], 0);
	munmap(p, 4 * BLOCK);
	rump_map_destroy(rm.rm_handle);
	OK(rump_sys_close(fd));
}

static void
what_is_not_shown_costs_nothing(void **state)
{
	int fd = memory_file(4 * BLOCK);
	struct rump_map rm;
	uint8_t *p = map(fd, 4 * BLOCK, &rm);

	assert_int_equal(rump_map_fill(rm.rm_handle, 0, PAGE), 0);
	OK(rump_sys_ftruncate(fd, BLOCK));
	/* The host was not told. */
	assert_true(is_there(p + 2 * BLOCK));
	munmap(p, 4 * BLOCK);
	rump_map_destroy(rm.rm_handle);
	OK(rump_sys_close(fd));
}

static void
stores_behind_the_old_end_are_saved(void **state)
{
	char data[3 * PAGE];
	struct rump_map rm;
	const uint8_t *disk;
	int64_t size;
	uint8_t *p;
	int fd;

	memset(data, 'd', sizeof(data));
	fd = server_file(data, sizeof(data));
	p = map(fd, 3 * PAGE, &rm);
	assert_int_equal(rump_map_fill(rm.rm_handle, 0, 3 * PAGE), 0);
	assert_int_equal(
	    rump_map_dirty(rm.rm_handle, 0, 3 * PAGE, 3 * PAGE), 0);
	memset(p, 's', 3 * PAGE);
	OK(rump_sys_ftruncate(fd, 10));
	assert_int_equal(p[9], 's');
	assert_int_equal(p[10], 0);
	assert_false(is_there(p + PAGE));
	/* Whoever still believes the old size marks nothing. */
	assert_int_equal(
	    rump_map_dirty(rm.rm_handle, PAGE, PAGE, 3 * PAGE), RUMP_EAGAIN);
	assert_int_equal(rump_map_fill(rm.rm_handle, PAGE, PAGE), RUMP_EFAULT);
	OK(rump_sys_fsync(fd));
	(void)servfs_disk(0, &size);
	assert_int_equal(size, 10);
	assert_int_equal(rump_sys_pwrite(fd, "e", 1, 3 * PAGE - 1), 1);
	assert_int_equal(p[PAGE], 0);
	assert_int_equal(p[3 * PAGE - 1], 'e');
	p[PAGE + 7] = 't';
	assert_int_equal(rump_map_dirty(rm.rm_handle, PAGE, PAGE, 3 * PAGE), 0);
	OK(rump_sys_fsync(fd));
	disk = servfs_disk(0, &size);
	assert_int_equal(size, 3 * PAGE);
	assert_int_equal(disk[9], 's');
	assert_int_equal(disk[10], 0);
	assert_int_equal(disk[PAGE + 7], 't');
	assert_int_equal(disk[3 * PAGE - 1], 'e');
	munmap(p, 3 * PAGE);
	rump_map_destroy(rm.rm_handle);
	OK(rump_sys_close(fd));
}

static _Atomic bool stop;

/* Whoever is in the middle of a page that goes away is not hurt. */
static void *
work(void *arg)
{
	const int *fd = arg;
	static __thread char buf[BLOCK];
	unsigned seed = (unsigned)(uintptr_t)&buf;

	while (!stop) {
		off_t off = rand_r(&seed) % (8 * BLOCK);

		if (rand_r(&seed) % 4 == 0)
			OK(rump_sys_pwrite(*fd, buf, sizeof(buf), off));
		else
			OK(rump_sys_pread(*fd, buf, sizeof(buf), off));
	}
	return NULL;
}

static void
files_are_cut_off_while_others_use_them(void **state)
{
	int fds[2] = { memory_file(8 * BLOCK), server_file("x", 1) };
	struct rump_map rm;
	pthread_t threads[2];
	unsigned seed = 5;
	uint8_t *p;

	for (int file = 0; file < 2; file++) {
		stop = false;
		p = map(fds[file], 9 * BLOCK, &rm);
		for (int i = 0; i < 2; i++)
			assert_int_equal(
			    pthread_create(&threads[i], NULL, work, &fds[file]),
			    0);
		for (int i = 0; i < 1000; i++) {
			off_t size = rand_r(&seed) % (8 * BLOCK);
			int error;

			error = rump_map_fill(
			    rm.rm_handle, size - size % PAGE, 3 * BLOCK);
			assert_true(error == 0 || error == RUMP_EFAULT);
			OK(rump_sys_ftruncate(fds[file], size));
		}
		stop = true;
		for (int i = 0; i < 2; i++)
			pthread_join(threads[i], NULL);
		munmap(p, 9 * BLOCK);
		rump_map_destroy(rm.rm_handle);
		OK(rump_sys_close(fds[file]));
	}
}

static void
a_clone_keeps_what_the_other_gives_up(void **state)
{
	uint8_t *p, buf[100];
	struct rump_map rm;
	void *clone;
	int a, b;

	a = rump_sys_open("/s/1", RUMP_O_RDONLY);
	b = rump_sys_open("/s/2", RUMP_O_RDONLY);
	OK(a);
	OK(b);
	pcblock_setlimit(4);
	assert_int_equal(rump_map_create(a, 0, 8 * BLOCK, RUMP_PROT_READ,
			     RUMP_MAP_SHARED, &rm),
	    0);
	p = show(&rm, 8 * BLOCK);
	assert_int_equal(rump_map_fill(rm.rm_handle, 0, 8 * BLOCK), 0);
	clone = rump_map_clone(rm.rm_handle);
	assert_non_null(clone);
	rump_map_drop(rm.rm_handle, 0, 8 * BLOCK);
	rump_map_destroy(rm.rm_handle);
	for (int i = 0; i < 16; i++)
		assert_int_equal(rump_sys_pread(b, buf, 100, i * BLOCK), 100);
	for (int64_t i = 0; i < 8 * BLOCK; i++)
		assert_int_equal(p[i], slowfs_byte(1, i, slowfs.generation));
	munmap(p, 8 * BLOCK);
	rump_map_destroy(clone);
	OK(rump_sys_close(a));
	OK(rump_sys_close(b));
}

/* Most of them share memory then, as if nobody else were there. */
static void
there_may_be_more_files_than_descriptors(void **state)
{
	struct rump_map rm[DESCRIPTORS];
	int fds[DESCRIPTORS], apart = 0;
	uint8_t *p;

	for (int i = 0; i < DESCRIPTORS; i++) {
		fds[i] = memory_file(PAGE);
		assert_int_equal(
		    rump_map_create(fds[i], 0, PAGE, SHARED, &rm[i]), 0);
		assert_int_equal(rump_map_fill(rm[i].rm_handle, 0, PAGE), 0);
		p = show(&rm[i], PAGE);
		p[0] = (uint8_t)i;
		munmap(p, PAGE);
		apart += rm[i].rm_apart;
	}
	assert_in_range(apart, 1, DESCRIPTORS / 4);
	for (int i = 0; i < DESCRIPTORS; i++) {
		uint8_t c;

		assert_int_equal(rump_sys_pread(fds[i], &c, 1, 0), 1);
		assert_int_equal(c, i);
		OK(rump_sys_ftruncate(fds[i], 0));
		rump_map_destroy(rm[i].rm_handle);
		OK(rump_sys_close(fds[i]));
	}
	/* They come back. */
	fds[0] = memory_file(PAGE);
	p = map(fds[0], PAGE, &rm[0]);
	munmap(p, PAGE);
	rump_map_destroy(rm[0].rm_handle);
	OK(rump_sys_close(fds[0]));
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pages_behind_the_end_are_gone_for_all),
		TEST(what_is_written_behind_the_old_end_is_shown),
		TEST(what_is_not_shown_costs_nothing),
		TEST(stores_behind_the_old_end_are_saved),
		TEST(files_are_cut_off_while_others_use_them),
		TEST(a_clone_keeps_what_the_other_gives_up),
		TEST(there_may_be_more_files_than_descriptors),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
