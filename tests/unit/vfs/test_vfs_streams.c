/* SPDX-License-Identifier: BSD-2-Clause */
/* What stays in the page cache of a file that is written from end to end. */
#include <stdlib.h>

#include "tests/unit/vfs/servfs.h"
#include "tests/unit/vfs/vfs_test.h"

#include "vfs/pclru.h"

#define LIMIT 16 /* blocks */

static uint8_t block[PC_BLOCK];

static int
setup(void **state)
{
	return boot_kernel(state) != 0 ? -1 : servfs_mount("/v");
}

static int
fresh(void **state)
{
	servfs_reset();
	OK(rump_sys_unmount("/v", 0));
	OK(rump_sys_mount("servfs", "/v", 0, NULL, 0));
	pcblock_setlimit(LIMIT);
	return pcblock_count() == 0 && pclru_pages() == 0 ? 0 : -1;
}

static void
write_block(int fd, int i)
{
	memset(block, i + 1, sizeof(block));
	assert_int_equal(
	    rump_sys_pwrite(fd, block, PC_BLOCK, (int64_t)i * PC_BLOCK),
	    PC_BLOCK);
}

static void
read_block(int fd, int i)
{
	assert_int_equal(
	    rump_sys_pread(fd, block, PC_BLOCK, (int64_t)i * PC_BLOCK),
	    PC_BLOCK);
	for (size_t n = 0; n < PC_BLOCK; n++)
		assert_int_equal(block[n], i + 1);
}

/* Beyond half of the cache what is safe makes room for what comes. */
static void
a_large_file_is_written_through_few_pages(void **state)
{
	const int nblocks = SERVFS_SIZE / PC_BLOCK;
	int fd = rump_sys_open("/v/0", RUMP_O_RDWR);
	uint32_t most = 0;

	OK(fd);
	for (int i = 0; i < nblocks; i++) {
		write_block(fd, i);
		most = MAX(most, pclru_pages());
	}
	assert_true(most <= 3 * LIMIT / 4 * PC_PAGES);
	OK(rump_sys_fsync(fd));
	for (int i = 0; i < nblocks; i++)
		read_block(fd, i);
	OK(rump_sys_close(fd));
}

static void
a_small_file_that_was_written_is_read_from_memory(void **state)
{
	int fd = rump_sys_open("/v/0", RUMP_O_RDWR);

	OK(fd);
	for (int i = 0; i < LIMIT / 2; i++)
		write_block(fd, i);
	OK(rump_sys_fsync(fd));
	for (int i = 0; i < LIMIT / 2; i++)
		read_block(fd, i);
	assert_int_equal(servfs.reads, 0);
	OK(rump_sys_close(fd));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    a_large_file_is_written_through_few_pages, fresh),
		cmocka_unit_test_setup(
		    a_small_file_that_was_written_is_read_from_memory, fresh),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
