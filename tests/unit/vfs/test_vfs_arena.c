/* SPDX-License-Identifier: BSD-2-Clause */
/* The page cache under the host's resource limits, which have to be there
 * before the kernel boots: each test is a process of its own. */
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/vfs/slowfs.h"
#include "tests/unit/vfs/vfs_test.h"

#include "vfs/arena.h"
#include "vfs/pcblock.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static void
in_child(void (*func)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		func();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
check(bool ok, int code)
{
	if (!ok)
		_exit(code);
}

static void
limit(int what, rlim_t soft, rlim_t hard)
{
	struct rlimit rl = { .rlim_cur = soft, .rlim_max = hard };

	check(setrlimit(what, &rl) == 0, 10);
}

static void
write_and_read_back(void)
{
	char buf[100000] = { 0 };
	int fd = rump_sys_open("/f", RUMP_O_CREAT | RUMP_O_RDWR, 0600);

	check(fd >= 0, 20);
	memset(buf, 'x', sizeof(buf));
	check(rump_sys_write(fd, buf, sizeof(buf)) == sizeof(buf), 21);
	buf[99999] = 0;
	check(rump_sys_pread(fd, buf, sizeof(buf), 0) == sizeof(buf), 22);
	check(buf[99999] == 'x', 23);
}

static void
soft_file_limit(void)
{
	struct rlimit rl;

	limit(RLIMIT_FSIZE, 4096, RLIM_INFINITY);
	check(rump_init() == 0, 1);
	write_and_read_back();
	check(getrlimit(RLIMIT_FSIZE, &rl) == 0 && rl.rlim_cur == 4096, 2);
}

static void
hard_file_limit(void)
{
	limit(RLIMIT_FSIZE, 1 << 20, (rlim_t)5 << 30);
	check(rump_init() == 0, 1);
	write_and_read_back();
}

static void
limits_on_file_sizes_do_not_stop_the_cache(void **state)
{
	in_child(soft_file_limit);
	in_child(hard_file_limit);
}

static rlim_t
address_space(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long pages = 0;

	check(f != NULL && fscanf(f, "%lu", &pages) == 1, 30);
	fclose(f);
	return (rlim_t)pages * 4096;
}

static void
little_address_space(void)
{
	static uint8_t buf[1 << 16];
	int fd;

	check(rump_init() == 0 && slowfs_mount("/s") == 0, 1);
	limit(RLIMIT_AS, address_space() + (24 << 20), RLIM_INFINITY);
	slowfs.size = 100 << 20;
	fd = rump_sys_open("/s/1", RUMP_O_RDONLY);
	check(fd >= 0, 2);
	for (int64_t off = 0; off < 100 << 20; off += 1 << 16) {
		check(rump_sys_pread(fd, buf, sizeof(buf), off) == sizeof(buf),
		    3);
		check(buf[77] == slowfs_byte(1, off + 77, 0), 4);
	}
	check(pcblock_count() < 24 * 16, 5);
}

static void
little_address_space_makes_a_small_cache(void **state)
{
	if (SANITIZED)
		skip();
	in_child(little_address_space);
}

static void
windows(void)
{
	struct arena_mem am, again;
	off_t a, b, c;

	check(rump_init() == 0, 1);
	rump_schedule();
	check(arena_window_alloc(1 << 20, &a) == 0, 2);
	check(arena_window_alloc(1 << 30, &b) == 0, 3);
	check(arena_window_alloc((off_t)1 << 62, &c) == RUMP_ENOMEM, 4);
	check(b >= a + (1 << 20), 5);
	check(arena_alloc_at(NULL, a + PC_BLOCK, &am) == 0, 6);
	check(arena_busy(NULL, a + PC_BLOCK) && !arena_busy(NULL, a), 7);
	check(arena_alloc_at(NULL, a + PC_BLOCK, &again) == RUMP_EBUSY, 8);
	memset(am.am_addr, 1, PC_BLOCK);
	arena_free(&am);
	check(arena_alloc_at(NULL, a + PC_BLOCK, &am) == 0, 9);
	check(*(char *)am.am_addr == 0, 11);
	arena_free(&am);
	arena_window_free(a);
	check(arena_window_alloc(1 << 20, &c) == 0 && c == a, 12);
	/* Loose blocks are zeros, again after use. */
	for (int i = 0; i < 100; i++) {
		check(arena_alloc(&am) == 0, 13);
		check(*(char *)am.am_addr == 0, 14);
		memset(am.am_addr, 1, PC_BLOCK);
		if (i % 3 != 0)
			arena_free(&am);
	}
}

static void
blocks_and_windows_do_not_overlap(void **state)
{
	in_child(windows);
}

static int
by_offset(const void *a, const void *b)
{
	off_t x = *(const off_t *)a, y = *(const off_t *)b;

	return (x > y) - (x < y);
}

#define WINDOWS 3000

static void
many_windows(void)
{
	static off_t off[WINDOWS];
	const off_t one = (off_t)1 << 30;

	check(rump_init() == 0, 1);
	rump_schedule();
	for (int i = 0; i < WINDOWS; i++)
		check(arena_window_alloc(100, &off[i]) == 0, 2);
	/* Room to grow is left to each of them. */
	for (int i = 0; i < WINDOWS; i++)
		check(arena_window_grow(off[i], one) == 0, 3);
	for (int i = 0; i < WINDOWS; i += 3) {
		arena_window_free(off[i]);
		check(arena_window_alloc(one, &off[i]) == 0, 4);
	}
	qsort(off, WINDOWS, sizeof(off[0]), by_offset);
	for (int i = 1; i < WINDOWS; i++)
		check(off[i] >= off[i - 1] + one, 5);
	for (int i = 0; i < WINDOWS; i++)
		arena_window_free(off[i]);
	/* What was given back is one gap again. */
	check(arena_window_alloc((off_t)1 << 44, &off[0]) == 0, 6);
	arena_window_free(off[0]);
}

static void
many_windows_lie_apart(void **state)
{
	in_child(many_windows);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_on_file_sizes_do_not_stop_the_cache),
		cmocka_unit_test(little_address_space_makes_a_small_cache),
		cmocka_unit_test(blocks_and_windows_do_not_overlap),
		cmocka_unit_test(many_windows_lie_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
