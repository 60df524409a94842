/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stores to mapped pages by processes that were not asked to notice them: found by
 * comparison with what was sent, and nothing else is sent for it.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "tests/unit/vfs/servfs.h"
#include "tests/unit/vfs/slowfs.h"
#include "tests/unit/vfs/vfs_test.h"

#include "vfs/pcblock.h"

#define BLOCK 65536
#define PAGE 4096
#define SHARED (RUMP_PROT_READ | RUMP_PROT_WRITE), RUMP_MAP_SHARED

static _Atomic bool alone;

static void
note_protect(const void *file, int64_t lo, int64_t hi)
{
}

static void
note_cut(const void *file, int64_t size)
{
}

static bool
is_alone(const void *file)
{
	return alone;
}

static int
setup(void **state)
{
	static const struct rump_maphooks hooks = {
		.rmh_protect = note_protect,
		.rmh_cut = note_cut,
		.rmh_alone = is_alone,
	};

	if (boot_kernel(state) != 0)
		return -1;
	rump_map_sethooks(&hooks);
	return servfs_mount("/v");
}

static int
fresh(void **state)
{
	alone = false;
	servfs_reset();
	OK(rump_sys_unmount("/v", 0));
	OK(rump_sys_mount("servfs", "/v", 0, NULL, 0));
	return 0;
}

/* A file of so many bytes 'd', which another process maps. */
struct mapped {
	int m_fd;
	size_t m_len;
	struct rump_map m_map;
	uint8_t *m_bytes; /* the other process's */
};

static void
open_mapped(struct mapped *m, size_t len)
{
	char *data = malloc(len);

	memset(data, 'd', len);
	servfs_poke(0, 0, data, len);
	free(data);
	m->m_len = len;
	m->m_fd = rump_sys_open("/v/0", RUMP_O_RDWR);
	OK(m->m_fd);
	assert_int_equal(
	    rump_map_create(m->m_fd, 0, len, SHARED, &m->m_map), 0);
	assert_int_equal(rump_map_fill(m->m_map.rm_handle, 0, len), 0);
	m->m_bytes = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED,
	    m->m_map.rm_hostfd, m->m_map.rm_hostoff);
	assert_ptr_not_equal(m->m_bytes, MAP_FAILED);
}

static void
finish(struct mapped *m)
{
	munmap(m->m_bytes, m->m_len);
	rump_map_destroy(m->m_map.rm_handle);
	OK(rump_sys_close(m->m_fd));
}

/* The store that is noticed: all of the page is sent, and is loose. */
static void
store_noticed(struct mapped *m, int64_t off, uint8_t byte)
{
	int64_t page = off - off % PAGE;

	assert_int_equal(
	    rump_map_dirty(m->m_map.rm_handle, page, PAGE, (int64_t)m->m_len),
	    0);
	m->m_bytes[off] = byte;
	OK(rump_sys_fsync(m->m_fd));
}

static uint8_t
disk(int64_t off)
{
	int64_t size;
	const uint8_t *data = servfs_disk(0, &size);

	assert_true(off < size);
	return data[off];
}

static void
a_store_that_nobody_noticed_is_saved(void **state)
{
	struct mapped m;

	open_mapped(&m, 3 * PAGE);
	store_noticed(&m, PAGE + 5, 'a');
	assert_int_equal(disk(PAGE + 5), 'a');
	m.m_bytes[PAGE + 6] = 'b';
	OK(rump_sys_fsync(m.m_fd));
	assert_int_equal(disk(PAGE + 6), 'b');
	/* And once more, by what was sent then. */
	m.m_bytes[PAGE + 6] = 'c';
	OK(rump_sys_fsync(m.m_fd));
	assert_int_equal(disk(PAGE + 6), 'c');
	assert_int_equal(disk(PAGE + 5), 'a');
	finish(&m);
}

static void
what_has_not_changed_is_not_sent(void **state)
{
	struct mapped m;
	unsigned writes;

	open_mapped(&m, 3 * PAGE);
	store_noticed(&m, 0, 'a');
	store_noticed(&m, 2 * PAGE, 'a');
	writes = servfs.writes;
	OK(rump_sys_fsync(m.m_fd));
	assert_int_equal(servfs.writes, writes);
	/* There and back is no change, and what others write stays. */
	m.m_bytes[7] = 'x';
	m.m_bytes[7] = 'd';
	servfs_poke(0, 9, "other", 5);
	m.m_bytes[2 * PAGE + 1] = 'b';
	OK(rump_sys_fsync(m.m_fd));
	assert_int_equal(servfs.writes, writes + 1);
	assert_int_equal(disk(9), 'o');
	assert_int_equal(disk(2 * PAGE + 1), 'b');
	finish(&m);
}

/* Every bit of a page counts, and where it stands. */
static void
any_change_of_a_page_is_found(void **state)
{
	struct mapped m;
	uint64_t *word;
	unsigned writes;

	open_mapped(&m, PAGE);
	store_noticed(&m, 0, 'a');
	word = (uint64_t *)(void *)m.m_bytes;
	for (int bit = 0; bit < PAGE * 8; bit += 61) {
		writes = servfs.writes;
		word[bit / 64] ^= UINT64_C(1) << bit % 64;
		OK(rump_sys_fsync(m.m_fd));
		assert_int_equal(servfs.writes, writes + 1);
		assert_int_equal(disk(bit / 8), m.m_bytes[bit / 8]);
	}
	for (int i = 0; i < PAGE / 8; i++)
		word[i] = (uint64_t)i;
	OK(rump_sys_fsync(m.m_fd));
	for (int apart = 1; apart <= 9; apart += 2) {
		uint64_t kept = word[100];

		writes = servfs.writes;
		word[100] = word[100 + apart];
		word[100 + apart] = kept;
		OK(rump_sys_fsync(m.m_fd));
		assert_int_equal(servfs.writes, writes + 1);
	}
	finish(&m);
}

static void
pages_of_those_who_were_all_asked_are_not_compared(void **state)
{
	struct mapped m;
	unsigned writes;

	alone = true;
	open_mapped(&m, PAGE);
	store_noticed(&m, 0, 'a');
	m.m_bytes[1] = 'b';
	writes = servfs.writes;
	OK(rump_sys_fsync(m.m_fd));
	assert_int_equal(servfs.writes, writes);
	finish(&m);
}

static void
a_store_is_not_lost_when_the_data_are_read_anew(void **state)
{
	struct mapped m;
	char c;

	open_mapped(&m, 2 * PAGE);
	store_noticed(&m, 0, 'a');
	store_noticed(&m, PAGE, 'a');
	m.m_bytes[1] = 'b';
	servfs_poke(0, PAGE + 1, "other", 5);
	servfs_invalidate(m.m_fd, 0, 2 * PAGE);
	assert_int_equal(rump_sys_pread(m.m_fd, &c, 1, PAGE + 1), 1);
	assert_int_equal(c, 'o');
	assert_int_equal(rump_sys_pread(m.m_fd, &c, 1, 1), 1);
	assert_int_equal(c, 'b');
	OK(rump_sys_fsync(m.m_fd));
	assert_int_equal(disk(1), 'b');
	assert_int_equal(disk(PAGE + 1), 'o');
	/* What was read is what is compared with from then on. */
	m.m_bytes[PAGE + 2] = 'c';
	OK(rump_sys_fsync(m.m_fd));
	assert_int_equal(disk(PAGE + 2), 'c');
	finish(&m);
}

static void
the_last_look_is_when_nobody_shows_the_page_any_more(void **state)
{
	struct rump_map other;
	struct mapped m;

	/* Two maps, of which the last has never noticed anything. */
	open_mapped(&m, PAGE);
	assert_int_equal(rump_map_create(m.m_fd, 0, PAGE, SHARED, &other), 0);
	assert_int_equal(rump_map_fill(other.rm_handle, 0, PAGE), 0);
	store_noticed(&m, 0, 'a');
	rump_map_destroy(m.m_map.rm_handle);
	assert_false(servfs_unsaved(m.m_fd));
	m.m_bytes[1] = 'b';
	rump_map_destroy(other.rm_handle);
	munmap(m.m_bytes, m.m_len);
	assert_true(servfs_unsaved(m.m_fd));
	OK(rump_sys_fsync(m.m_fd));
	assert_int_equal(disk(1), 'b');
	OK(rump_sys_close(m.m_fd));
}

static void
what_lies_behind_the_end_is_not_sent(void **state)
{
	struct mapped m;
	int64_t size;

	open_mapped(&m, PAGE + 100);
	store_noticed(&m, PAGE + 99, 'a');
	m.m_bytes[PAGE + 98] = 'b';
	m.m_bytes[PAGE + 100] = 'x';
	OK(rump_sys_fsync(m.m_fd));
	assert_int_equal(disk(PAGE + 98), 'b');
	(void)servfs_disk(0, &size);
	assert_int_equal(size, PAGE + 100);
	finish(&m);
}

static void
a_file_with_many_blocks_is_searched_whole(void **state)
{
	struct mapped m;

	open_mapped(&m, 4 * BLOCK);
	for (int i = 0; i < 4; i++)
		store_noticed(&m, i * BLOCK + i * PAGE, 'a');
	for (int i = 0; i < 4; i++)
		m.m_bytes[i * BLOCK + i * PAGE + 1] = (uint8_t)('0' + i);
	OK(rump_sys_fsync(m.m_fd));
	for (int i = 0; i < 4; i++)
		assert_int_equal(disk(i * BLOCK + i * PAGE + 1), '0' + i);
	finish(&m);
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_store_that_nobody_noticed_is_saved),
		TEST(what_has_not_changed_is_not_sent),
		TEST(any_change_of_a_page_is_found),
		TEST(pages_of_those_who_were_all_asked_are_not_compared),
		TEST(a_store_is_not_lost_when_the_data_are_read_anew),
		TEST(the_last_look_is_when_nobody_shows_the_page_any_more),
		TEST(what_lies_behind_the_end_is_not_sent),
		TEST(a_file_with_many_blocks_is_searched_whole),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
