/* SPDX-License-Identifier: BSD-2-Clause */
/* Writing behind: what reaches the server when, and what becomes of it when the
 * server refuses, forgets, or answers late. */
#include <stdlib.h>
#include <sys/mman.h>

#include "tests/unit/vfs/servfs.h"
#include "tests/unit/vfs/vfs_test.h"

#include "kern/kmem.h"
#include "vfs/pcblock.h"
#include "vfs/pcdirty.h"
#include "vfs/pclru.h"

#define BLOCK 65536
#define PAGE 4096
#define LIMIT 1024

static uint8_t pattern[SERVFS_SIZE];

static int
setup(void **state)
{
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i * 7 + i / 4096 * 13 + 1);
	if (boot_kernel(state) != 0)
		return -1;
	if (servfs_mount("/v") != 0)
		return -1;
	return rump_sys_unmount("/v", 0);
}

static int
fresh(void **state)
{
	servfs_reset();
	pcblock_setlimit(LIMIT);
	pcdirty_setlimits(0, 0);
	return rump_sys_mount("servfs", "/v", 0, NULL, 0);
}

/* Nothing is left behind; what a test that has failed left open goes, too. */
static int
spent(void **state)
{
	servfs.mode = SERVFS_AT_ONCE;
	while (servfs_finish(0, 0))
		continue;
	if (rump_sys_unmount("/v", 0) != 0) {
		(void)rump_sys_unmount("/v", RUMP_MNT_FORCE);
		return -1;
	}
	if (pcblock_count() != 0 || pclru_pages() != 0)
		return -1;
	return pcdirty_count() == 0 ? 0 : -1;
}

static int
open_flags(int file, int flags)
{
	char name[] = { '/', 'v', '/', (char)('0' + file), '\0' };
	int fd = rump_sys_open(name, flags);

	OK(fd);
	return fd;
}

static int
open_file(int file)
{
	return open_flags(file, RUMP_O_RDWR);
}

static void
put(int fd, int64_t off, size_t n)
{
	ssize_t done = rump_sys_pwrite(fd, pattern + off, n, off);

	if (done != (ssize_t)n)
		fail_msg("pwrite of %zu at %jd: %zd (%d)", n, (intmax_t)off,
		    done, errno);
}

static void
assert_server(int file, int64_t off, const void *want, size_t n)
{
	int64_t size;
	const uint8_t *data = servfs_data(file, &size);

	assert_true(off + (int64_t)n <= size);
	assert_memory_equal(data + off, want, n);
}

static void
assert_disk(int file, int64_t off, const void *want, size_t n)
{
	int64_t size;
	const uint8_t *data = servfs_disk(file, &size);

	assert_true(off + (int64_t)n <= size);
	assert_memory_equal(data + off, want, n);
}

static int64_t
server_size(int file)
{
	int64_t size;

	(void)servfs_data(file, &size);
	return size;
}

static void
small_files_go_out_with_one_stable_write_at_close(void **state)
{
	int fd = open_file(0);

	put(fd, 0, 100);
	put(fd, 100, 5000);
	assert_int_equal(servfs.writes, 0);
	assert_true(servfs_unsaved(fd));
	OK(rump_sys_close(fd));
	assert_int_equal(servfs.writes, 1);
	assert_int_equal(servfs.stable, 1);
	assert_int_equal(servfs.commits, 0);
	assert_int_equal(servfs.reads, 0);
	assert_disk(0, 0, pattern, 5100);
	assert_int_equal(server_size(0), 5100);
}

static void
streams_go_out_in_full_runs_and_are_committed_once(void **state)
{
	int fd = open_file(0);

	servfs.wsize = 2 * BLOCK;
	for (int64_t off = 0; off < 16 * BLOCK; off += 10000)
		put(fd, off, 10000);
	/* All but the last one or two runs are behind the writer already. */
	assert_in_range(servfs.writes, 7, 8);
	assert_int_equal(servfs.longest, 2 * BLOCK);
	OK(rump_sys_fsync(fd));
	assert_false(servfs_unsaved(fd));
	assert_int_equal(servfs.commits, 1);
	assert_int_equal(servfs.reads, 0);
	assert_in_range(servfs.writes, 8, 9);
	assert_disk(0, 0, pattern, 16 * BLOCK);
	OK(rump_sys_fsync(fd));
	assert_int_equal(servfs.commits, 1);
	OK(rump_sys_close(fd));
}

static void
writing_the_same_place_again_costs_no_write_each(void **state)
{
	int fd = open_file(1);

	for (int i = 0; i < 200; i++)
		put(fd, 0, BLOCK);
	for (int i = 0; i < 200; i++) {
		put(fd, BLOCK, BLOCK);
		put(fd, 0, BLOCK);
	}
	assert_true(servfs.writes <= 2);
	OK(rump_sys_close(fd));
	assert_disk(1, 0, pattern, 2 * BLOCK);
}

static void
only_bytes_that_were_written_are_sent(void **state)
{
	uint8_t buf[PAGE];
	int fd;

	servfs_poke(0, 0, pattern + 1000, 2 * PAGE);
	fd = open_file(0);
	/* Read first, since the page is not overwritten whole. */
	assert_int_equal(rump_sys_pwrite(fd, "abc", 3, 100), 3);
	assert_int_equal(servfs.reads, 1);
	servfs_poke(0, 0, "other", 5);
	OK(rump_sys_fsync(fd));
	assert_int_equal(servfs.longest, 3);
	assert_server(0, 0, "other", 5);
	assert_server(0, 100, "abc", 3);
	assert_server(0, 103, pattern + 1103, 2 * PAGE - 103);
	assert_int_equal(rump_sys_pread(fd, buf, 10, 98), 10);
	assert_memory_equal(buf + 2, "abc", 3);
	OK(rump_sys_close(fd));
}

static void
writers_without_the_right_to_read_write_through(void **state)
{
	char text[] = "secret";
	int fd;

	servfs_poke(0, 0, pattern, 3 * PAGE);
	servfs.unreadable = true;
	fd = open_flags(0, RUMP_O_WRONLY);
	assert_int_equal(rump_sys_pwrite(fd, text, 6, PAGE + 50), 6);
	assert_disk(0, PAGE + 50, text, 6);
	assert_false(servfs_unsaved(fd));
	/* Across pages, one of them whole. */
	assert_int_equal(
	    rump_sys_pwrite(fd, pattern + 5, 2 * PAGE, 100), 2 * PAGE);
	OK(rump_sys_close(fd));
	assert_disk(0, 0, pattern, 100);
	assert_disk(0, 100, pattern + 5, 2 * PAGE);
	assert_disk(0, 100 + 2 * PAGE, pattern + 100 + 2 * PAGE, PAGE - 100);
}

static void
a_restarted_server_gets_again_what_it_has_lost(void **state)
{
	int fd = open_file(0);

	servfs.wsize = PAGE * 4;
	for (int64_t off = 0; off < 4 * BLOCK; off += BLOCK)
		put(fd, off, BLOCK);
	assert_true(servfs.writes > 4);
	servfs_restart();
	assert_int_equal(server_size(0), 0);
	OK(rump_sys_fsync(fd));
	assert_disk(0, 0, pattern, 4 * BLOCK);
	assert_false(servfs_unsaved(fd));
	/* In the middle of the sync, several times. */
	for (int i = 1; i < 20; i += 3) {
		put(fd, 0, 4 * BLOCK);
		servfs.restart_in = i;
		OK(rump_sys_fsync(fd));
		assert_disk(0, 0, pattern, 4 * BLOCK);
	}
	OK(rump_sys_close(fd));
}

static void
errors_of_delayed_writes_are_told_once_to_each_file(void **state)
{
	int a = open_file(2), b = open_file(2), c;

	servfs.write_error = RUMP_EIO;
	for (int64_t off = 0; off < 3 * BLOCK; off += BLOCK)
		put(a, off, BLOCK);
	assert_int_equal(servfs.write_error, 0);
	c = open_file(2);
	FAILS(EIO, rump_sys_fsync(a));
	OK(rump_sys_fsync(a));
	FAILS(EIO, rump_sys_close(b));
	OK(rump_sys_close(c));
	/* What could not be written is forgotten. */
	assert_false(servfs_unsaved(a));
	OK(rump_sys_close(a));
	assert_server(2, BLOCK, pattern + BLOCK, 2 * BLOCK);
}

static void
errors_that_pass_leave_the_data_to_be_written_again(void **state)
{
	int fd = open_file(2);

	put(fd, 0, 3000);
	servfs.write_error = RUMP_ETIMEDOUT;
	FAILS(ETIMEDOUT, rump_sys_fsync(fd));
	assert_true(servfs_unsaved(fd));
	OK(rump_sys_fsync(fd));
	assert_disk(2, 0, pattern, 3000);
	servfs.honest = false;
	put(fd, 0, 3000);
	servfs.commit_error = RUMP_ETIMEDOUT;
	FAILS(ETIMEDOUT, rump_sys_fsync(fd));
	assert_true(servfs_unsaved(fd));
	OK(rump_sys_fsync(fd));
	put(fd, 0, 3000);
	servfs.commit_error = RUMP_EIO;
	FAILS(EIO, rump_sys_fsync(fd));
	assert_false(servfs_unsaved(fd));
	OK(rump_sys_fsync(fd));
	OK(rump_sys_close(fd));
}

static void
writers_see_that_there_is_no_space(void **state)
{
	int fd = open_file(0), i;
	ssize_t n = 0;

	servfs.space = 5 * BLOCK;
	for (i = 0; i < 20; i++) {
		n = rump_sys_write(fd, pattern, BLOCK);
		if (n < 0)
			break;
	}
	/* The first to fail is not the last. */
	assert_in_range(i, 5, 8);
	assert_int_equal(errno, RUMP_ENOSPC);
	FAILS(ENOSPC, rump_sys_write(fd, pattern, BLOCK));
	assert_int_equal(rump_sys_lseek(fd, 0, RUMP_SEEK_CUR), i * BLOCK);
	FAILS(ENOSPC, rump_sys_fsync(fd));
	servfs.space = SERVFS_SIZE;
	put(fd, 0, 7 * BLOCK);
	OK(rump_sys_fsync(fd));
	assert_disk(0, 0, pattern, 7 * BLOCK);
	/* And is behind again. */
	i = (int)servfs.writes;
	put(fd, 0, 100);
	put(fd, 200, 100);
	assert_int_equal(servfs.writes, i);
	OK(rump_sys_close(fd));
}

struct caller {
	int fd;
	int64_t off;
	size_t n;
	_Atomic int result; /* 1: running; else 0 or -errno */
};

static void *
sync_thread(void *arg)
{
	struct caller *c = arg;

	c->result = rump_sys_fsync(c->fd) == 0 ? 0 : -errno;
	return NULL;
}

static void *
write_thread(void *arg)
{
	struct caller *c = arg;
	ssize_t n = rump_sys_pwrite(c->fd, pattern + c->off, c->n, c->off);

	c->result = n == (ssize_t)c->n ? 0 : -errno;
	return NULL;
}

static void *
truncate_thread(void *arg)
{
	struct caller *c = arg;

	c->result = rump_sys_ftruncate(c->fd, c->off) == 0 ? 0 : -errno;
	return NULL;
}

static pthread_t
start(struct caller *c, void *(*func)(void *))
{
	pthread_t t;

	c->result = 1;
	assert_int_equal(pthread_create(&t, NULL, func, c), 0);
	return t;
}

static void
a_page_on_its_way_can_be_written_and_is_sent_again_later(void **state)
{
	struct caller c = { .fd = open_file(0) };
	uint8_t buf[PAGE];
	pthread_t t;

	servfs.mode = SERVFS_MANUAL;
	put(c.fd, 0, 2 * PAGE);
	t = start(&c, sync_thread);
	AWAIT(servfs.queued == 1);
	assert_int_equal(rump_sys_pwrite(c.fd, "new", 3, 10), 3);
	assert_int_equal(rump_sys_pread(c.fd, buf, 20, 0), 20);
	assert_memory_equal(buf + 10, "new", 3);
	servfs_invalidate(c.fd, 0, 0);
	assert_true(servfs_finish(0, 0));
	pthread_join(t, NULL);
	assert_int_equal(c.result, 0);
	/* That was written after the sync began. */
	assert_true(servfs_unsaved(c.fd));
	servfs.mode = SERVFS_AT_ONCE;
	servfs_poke(0, 10, "old", 3);
	OK(rump_sys_fsync(c.fd));
	assert_disk(0, 10, "new", 3);
	OK(rump_sys_close(c.fd));
}

static void
writers_wait_at_the_bound(void **state)
{
	struct caller c = { .fd = open_file(0), .n = 32 * BLOCK };
	pthread_t t;
	unsigned most = 0;

	pcdirty_setlimits(8 * PC_PAGES, 16 * PC_PAGES);
	servfs.mode = SERVFS_MANUAL;
	t = start(&c, write_thread);
	while (c.result == 1) {
		if (pcdirty_count() > most)
			most = pcdirty_count();
		if (!servfs_finish(0, 0))
			sched_yield();
	}
	pthread_join(t, NULL);
	assert_int_equal(c.result, 0);
	assert_in_range(most, 8 * PC_PAGES, 17 * PC_PAGES);
	assert_true(servfs.commits > 0);
	servfs.mode = SERVFS_WAITER;
	while (servfs_finish(0, 0))
		continue;
	OK(rump_sys_close(c.fd));
	assert_disk(0, 0, pattern, 32 * BLOCK);
}

static void
files_make_room_for_others_at_the_bound(void **state)
{
	int a = open_file(0), b = open_file(1);

	pcdirty_setlimits(4 * PC_PAGES, 8 * PC_PAGES);
	servfs.mode = SERVFS_WAITER;
	servfs.wsize = SERVFS_SIZE;
	put(a, 0, 4 * BLOCK);
	assert_int_equal(servfs.writes, 0);
	put(b, 0, PAGE);
	assert_true(servfs.writes > 0);
	OK(rump_sys_close(a));
	OK(rump_sys_close(b));
	assert_disk(0, 0, pattern, 4 * BLOCK);
	assert_disk(1, 0, pattern, PAGE);
}

static void
truncation_waits_for_writes_behind_the_new_end(void **state)
{
	struct caller c = { .fd = open_file(0), .off = 100 };
	uint8_t buf[PAGE], zeros[PAGE] = { 0 };
	pthread_t t;

	servfs.mode = SERVFS_MANUAL;
	put(c.fd, 0, 3 * BLOCK);
	t = start(&c, truncate_thread);
	AWAIT(servfs.queued > 0);
	while (c.result == 1)
		if (!servfs_finish(servfs.queued - 1, 0))
			sched_yield();
	pthread_join(t, NULL);
	assert_int_equal(c.result, 0);
	assert_int_equal(server_size(0), 100);
	servfs.mode = SERVFS_AT_ONCE;
	/* What was behind the end does not come back. */
	OK(rump_sys_ftruncate(c.fd, PAGE));
	assert_int_equal(rump_sys_pread(c.fd, buf, PAGE, 0), PAGE);
	assert_memory_equal(buf, pattern, 100);
	assert_memory_equal(buf + 100, zeros, PAGE - 100);
	assert_int_equal(rump_sys_pwrite(c.fd, "x", 1, 3 * PAGE), 1);
	OK(rump_sys_close(c.fd));
	assert_disk(0, 100, zeros, PAGE - 100);
}

static void
interrupted_syncs_lose_nothing(void **state)
{
	int fd = open_file(0);

	servfs.mode = SERVFS_MANUAL;
	servfs.interrupt = true;
	put(fd, 0, 1000);
	FAILS(EINTR, rump_sys_fsync(fd));
	assert_int_equal(servfs.queued, 1);
	assert_true(servfs_finish(0, 0));
	servfs.interrupt = false;
	OK(rump_sys_fsync(fd));
	assert_disk(0, 0, pattern, 1000);
	OK(rump_sys_close(fd));
}

static void
sync_and_unmount_save_everything(void **state)
{
	int a = open_file(0), b = open_file(1), c = open_file(2);

	put(a, 0, 100);
	put(b, 0, 5 * BLOCK);
	rump_sys_sync();
	assert_disk(0, 0, pattern, 100);
	assert_disk(1, 0, pattern, 5 * BLOCK);
	put(c, 0, 100);
	FAILS(EBUSY, rump_sys_unmount("/v", 0));
	assert_disk(2, 0, pattern, 100);
	OK(rump_sys_close(a));
	OK(rump_sys_close(b));
	OK(rump_sys_close(c));
}

static void
a_forced_unmount_loses_what_is_unsaved_and_nothing_else(void **state)
{
	int fd = open_file(0);

	servfs.mode = SERVFS_MANUAL;
	put(fd, 0, 2 * BLOCK);
	put(fd, 2 * BLOCK, 10);
	assert_int_equal(servfs.queued, 2);
	OK(rump_sys_unmount("/v", RUMP_MNT_FORCE));
	FAILS(EIO, rump_sys_pwrite(fd, "x", 1, 0));
	while (servfs_finish(0, RUMP_EIO))
		continue;
	(void)rump_sys_close(fd);
	servfs.mode = SERVFS_AT_ONCE;
	OK(rump_sys_mount("servfs", "/v", 0, NULL, 0));
	assert_int_equal(pcdirty_count(), 0);
}

static void
unsaved_data_outlive_the_last_close(void **state)
{
	int fd = open_file(0);

	put(fd, 0, 1000);
	servfs.write_error = RUMP_ETIMEDOUT;
	FAILS(ETIMEDOUT, rump_sys_close(fd));
	assert_true(pcdirty_count() > 0);
	fd = open_file(0);
	assert_true(servfs_unsaved(fd));
	OK(rump_sys_close(fd));
	assert_disk(0, 0, pattern, 1000);
}

static void
faults_leave_no_bytes_that_the_server_does_not_get(void **state)
{
	uint8_t *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t buf[6 * PAGE];
	struct rump_iovec iov[2];
	int64_t size;
	int fd;

	resume_faults();
	assert_true(p != MAP_FAILED);
	memset(p, 'n', 2 * PAGE);
	assert_int_equal(mprotect(p + 2 * PAGE, 2 * PAGE, PROT_NONE), 0);
	servfs_poke(0, 0, pattern, 5 * PAGE);
	fd = open_file(0);
	/* Over pages that are cached, and pages that are not. */
	assert_int_equal(rump_sys_pread(fd, buf, PAGE, PAGE), PAGE);
	assert_int_equal(rump_sys_pwrite(fd, p, 4 * PAGE, 100), 2 * PAGE - 100);
	FAILS(EFAULT, rump_sys_pwrite(fd, p + 2 * PAGE, 10, 0));
	/* The second of two vectors, in one page, at the end of the file. */
	iov[0] = (struct rump_iovec){ p, 10 };
	iov[1] = (struct rump_iovec){ p + 2 * PAGE, 10 };
	assert_int_equal(rump_sys_pwritev(fd, iov, 2, 5 * PAGE), 10);
	OK(rump_sys_fsync(fd));
	assert_int_equal(server_size(0), 5 * PAGE + 10);
	assert_int_equal(rump_sys_pread(fd, buf, 6 * PAGE, 0), 5 * PAGE + 10);
	assert_memory_equal(buf, servfs_disk(0, &size), 5 * PAGE + 10);
	assert_memory_equal(buf + 100, p, 2 * PAGE - 100);
	OK(rump_sys_close(fd));
	munmap(p, 4 * PAGE);
}

static void
failing_allocations_fail_the_write_and_nothing_else(void **state)
{
	int fd = open_file(3);
	uint8_t buf[2 * BLOCK];
	unsigned n;

	for (n = 1; n < 100; n++) {
		ssize_t got;

		servfs_invalidate(fd, 0, 0);
		kmem_fail_nth(n);
		got = rump_sys_pwrite(fd, pattern, 2 * BLOCK, 0);
		kmem_fail_nth(0);
		if (got == 2 * BLOCK)
			break;
		assert_true(got > 0 || errno == RUMP_ENOMEM);
		OK(rump_sys_fsync(fd));
	}
	assert_true(n > 1 && n < 100);
	OK(rump_sys_fsync(fd));
	assert_int_equal(rump_sys_pread(fd, buf, 2 * BLOCK, 0), 2 * BLOCK);
	assert_memory_equal(buf, pattern, 2 * BLOCK);
	assert_disk(3, 0, pattern, 2 * BLOCK);
	OK(rump_sys_close(fd));
}

static void
synchronous_files_are_stable_after_each_write(void **state)
{
	int fd = open_flags(0, RUMP_O_RDWR | RUMP_O_SYNC);

	for (int i = 0; i < 5; i++) {
		put(fd, i * 1000, 1000);
		assert_disk(0, i * 1000, pattern + i * 1000, 1000);
		assert_false(servfs_unsaved(fd));
	}
	assert_int_equal(servfs.writes, 5);
	assert_int_equal(servfs.stable, 5);
	OK(rump_sys_close(fd));
}

/* Stores of a program, once they were announced. */
static void
stores_to_mappings_reach_the_server(void **state)
{
	struct rump_map rm;
	int64_t size;
	uint8_t *p;
	int fd;

	servfs_poke(0, 0, pattern, 2 * PAGE + 100);
	fd = open_file(0);
	assert_int_equal(servfs_map_dirty(fd, 0, PAGE), RUMP_EAGAIN);
	assert_int_equal(
	    rump_map_create(fd, 0, 4 * PAGE, RUMP_PROT_READ | RUMP_PROT_WRITE,
		RUMP_MAP_SHARED, &rm),
	    0);
	p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
	    rm.rm_hostfd, rm.rm_hostoff);
	assert_true(p != MAP_FAILED);
	assert_int_equal(rump_map_fill(rm.rm_handle, 0, 3 * PAGE), 0);
	assert_int_equal(
	    rump_map_dirty(rm.rm_handle, PAGE, 2 * PAGE, 2 * PAGE + 100), 0);
	memcpy(p + PAGE + 5, "stored", 6);
	p[2 * PAGE + 50] = 'y';
	p[2 * PAGE + 200] = 'z'; /* behind the end: lost */
	OK(rump_sys_fsync(fd));
	assert_int_equal(server_size(0), 2 * PAGE + 100);
	assert_disk(0, PAGE + 5, "stored", 6);
	assert_disk(0, 2 * PAGE + 50, "y", 1);
	assert_false(servfs_unsaved(fd));
	/* The file grows while its last page is dirty in the mapping. */
	assert_int_equal(
	    rump_map_dirty(rm.rm_handle, 2 * PAGE, PAGE, 2 * PAGE + 100), 0);
	OK(rump_sys_ftruncate(fd, 2 * PAGE + 300));
	assert_int_equal(p[2 * PAGE + 200], 0);
	assert_int_equal(
	    rump_map_dirty(rm.rm_handle, 2 * PAGE, PAGE, 2 * PAGE + 300), 0);
	assert_int_equal(rump_sys_pwrite(fd, "end", 3, 3 * PAGE), 3);
	p[2 * PAGE + 1000] = 'g';
	OK(rump_sys_fsync(fd));
	assert_disk(0, 2 * PAGE + 1000, "g", 1);
	(void)servfs_disk(0, &size);
	assert_int_equal(size, 3 * PAGE + 3);
	munmap(p, 4 * PAGE);
	rump_map_destroy(rm.rm_handle);
	OK(rump_sys_close(fd));
}

static void
a_write_from_a_mapping_of_the_same_page_is_no_trap(void **state)
{
	struct rump_map rm;
	uint8_t buf[2 * PAGE];
	uint8_t *p;
	int fd;

	servfs_poke(0, 0, pattern, 2 * PAGE);
	fd = open_file(0);
	assert_int_equal(rump_map_create(fd, 0, 2 * PAGE, RUMP_PROT_READ,
			     RUMP_MAP_SHARED, &rm),
	    0);
	p = mmap(
	    NULL, 2 * PAGE, PROT_READ, MAP_SHARED, rm.rm_hostfd, rm.rm_hostoff);
	assert_true(p != MAP_FAILED);
	/* Not filled by the program: the write has to. */
	assert_int_equal(rump_sys_pwrite(fd, p, PAGE, 0), PAGE);
	assert_int_equal(rump_sys_pread(fd, buf, 2 * PAGE, 0), 2 * PAGE);
	assert_memory_equal(buf, pattern, 2 * PAGE);
	munmap(p, 2 * PAGE);
	rump_map_destroy(rm.rm_handle);
	OK(rump_sys_close(fd));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, spent)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(small_files_go_out_with_one_stable_write_at_close),
		TEST(streams_go_out_in_full_runs_and_are_committed_once),
		TEST(writing_the_same_place_again_costs_no_write_each),
		TEST(only_bytes_that_were_written_are_sent),
		TEST(writers_without_the_right_to_read_write_through),
		TEST(a_restarted_server_gets_again_what_it_has_lost),
		TEST(errors_of_delayed_writes_are_told_once_to_each_file),
		TEST(errors_that_pass_leave_the_data_to_be_written_again),
		TEST(writers_see_that_there_is_no_space),
		TEST(a_page_on_its_way_can_be_written_and_is_sent_again_later),
		TEST(writers_wait_at_the_bound),
		TEST(files_make_room_for_others_at_the_bound),
		TEST(truncation_waits_for_writes_behind_the_new_end),
		TEST(interrupted_syncs_lose_nothing),
		TEST(sync_and_unmount_save_everything),
		TEST(a_forced_unmount_loses_what_is_unsaved_and_nothing_else),
		TEST(unsaved_data_outlive_the_last_close),
		TEST(faults_leave_no_bytes_that_the_server_does_not_get),
		TEST(failing_allocations_fail_the_write_and_nothing_else),
		TEST(synchronous_files_are_stable_after_each_write),
		TEST(stores_to_mappings_reach_the_server),
		TEST(a_write_from_a_mapping_of_the_same_page_is_no_trap),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
