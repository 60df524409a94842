/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory root file system: what fails leaves everything as it was, and what
 * is removed leaves nothing behind. */
#include "tests/unit/vfs/vfs_test.h"

#include "kern/kmem.h"
#include "vfs/pcblock.h"

static int
make_fifo(void)
{
	return rump_sys_mkfifo("dir/new", 0600);
}

static int
make_directory(void)
{
	return rump_sys_mkdir("dir/new", 0700);
}

static int
make_link(void)
{
	return rump_sys_symlink("a target of some length", "dir/new");
}

static int
make_hard_link(void)
{
	return rump_sys_link("file", "dir/new");
}

static int
open_new(void)
{
	int fd = rump_sys_open("dir/new", RUMP_O_CREAT | RUMP_O_RDWR, 0600);

	return fd < 0 ? fd : rump_sys_close(fd);
}

static int
rename_file(void)
{
	return rump_sys_rename("file", "dir/new");
}

/* Fail each allocation in turn: nothing is made until all succeed. */
static void
climb(const char *what, int (*make)(void))
{
	unsigned n = 0;

	for (;;) {
		int error;

		kmem_fail_nth(++n);
		error = make();
		kmem_fail_nth(0);
		if (error == 0)
			break;
		if (errno != RUMP_ENOSPC && errno != RUMP_ENFILE &&
		    errno != RUMP_ENOMEM)
			fail_msg("%s at %u: error %d", what, n, errno);
		assert_false(exists("dir/new"));
		assert_int_equal(stat_of("dir").st_nlink, 2);
		assert_true(n < 100);
	}
	assert_true(exists("dir/new"));
}

static void
allocations_that_fail_change_nothing(void **state)
{
	enter_fresh_directory();
	OK(rump_sys_mkdir("dir", 0755));
	make_file("file", "text");
	climb("mkfifo", make_fifo);
	OK(rump_sys_unlink("dir/new"));
	climb("mkdir", make_directory);
	OK(rump_sys_rmdir("dir/new"));
	climb("symlink", make_link);
	OK(rump_sys_unlink("dir/new"));
	climb("link", make_hard_link);
	OK(rump_sys_unlink("dir/new"));
	climb("open", open_new);
	OK(rump_sys_unlink("dir/new"));
	climb("rename", rename_file);
	assert_file("dir/new", "text");
}

static void
full_memory_cuts_writes_short(void **state)
{
	static char buf[3 * PC_BLOCK];
	int fd;

	enter_fresh_directory();
	fd = rump_sys_open("f", RUMP_O_CREAT | RUMP_O_RDWR, 0600);
	kmem_fail_nth(1);
	FAILS(ENOSPC, rump_sys_write(fd, buf, sizeof(buf)));
	kmem_fail_nth(0);
	assert_int_equal(stat_of("f").st_size, 0);
	assert_int_equal(rump_sys_write(fd, buf, sizeof(buf)), sizeof(buf));
	OK(rump_sys_close(fd));
}

static void
make_and_remove(void)
{
	char name[32];

	OK(rump_sys_mkdir("/x", 0755));
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "/x/%d", i);
		if (i % 3 == 0)
			OK(rump_sys_symlink(name, name));
		else
			make_file(name, name);
	}
	OK(rump_sys_mount("rumpfs", "/x", 0, NULL, 0));
	make_file("/x/left", "behind");
	OK(rump_sys_mkdir("/x/too", 0755));
	OK(rump_sys_unmount("/x", 0));
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "/x/%d", i);
		OK(rump_sys_unlink(name));
	}
	OK(rump_sys_rmdir("/x"));
}

static void
what_is_removed_leaves_nothing_behind(void **state)
{
	uint32_t blocks;
	size_t bytes;

	make_and_remove();
	bytes = kmem_outstanding();
	blocks = pcblock_count();
	for (int i = 0; i < 5; i++)
		make_and_remove();
	assert_int_equal(kmem_outstanding(), bytes);
	assert_int_equal(pcblock_count(), blocks);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allocations_that_fail_change_nothing),
		cmocka_unit_test(full_memory_cuts_writes_short),
		cmocka_unit_test(what_is_removed_leaves_nothing_behind),
	};

	return cmocka_run_group_tests(tests, boot_and_enter_kernel, NULL);
}
