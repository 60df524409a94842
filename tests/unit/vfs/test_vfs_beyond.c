/* SPDX-License-Identifier: BSD-2-Clause */
/* Files in memory through what NetBSD's calls cannot say: files without names,
 * names that change places, space behind the end; and limits of size. */
#include <stdlib.h>

#include "tests/unit/vfs/vfs_test.h"

#include "rump/rumpabi.h"
#include "rump/rumphost.h"

#define ROUNDS 300

static void
mount_tmpfs(const char *dir, const char *source)
{
	char text[256] = "";

	if (rump_mount_url(dir, source, text, sizeof(text)) != 0)
		fail_msg("%s: %s", source, text);
}

static int
unnamed(const char *dir, int flags)
{
	return rump_sys_openat(
	    RUMP_AT_FDCWD, dir, RUMP_O_UNNAMED | RUMP_O_RDWR | flags, 0666);
}

static void
a_file_without_a_name_gets_one_and_lives_on(void **state)
{
	char buf[8];
	int fd;

	mount_tmpfs("/nameless", "tmpfs:?nr_inodes=10");
	for (int i = 0; i < 20; i++) {
		fd = unnamed("/nameless", 0);
		OK(fd < 0 ? -1 : 0);
		OK(rump_sys_close(fd));
	}
	fd = unnamed("/nameless", 0);
	assert_int_equal(rump_sys_write(fd, "kept", 4), 4);
	OK(rump_sys_linkat(fd, "", RUMP_AT_FDCWD, "/nameless/a", RUMP_AT_FD));
	FAILS(EEXIST, rump_sys_linkat(
			  fd, NULL, RUMP_AT_FDCWD, "/nameless/a", RUMP_AT_FD));
	OK(rump_sys_close(fd));
	/* Its vnode, made to go, has gone. */
	for (int i = 0; i < 40; i++) {
		fd = rump_sys_open("/nameless/a", RUMP_O_RDONLY);
		assert_int_equal(rump_sys_read(fd, buf, 8), 4);
		assert_memory_equal(buf, "kept", 4);
		OK(rump_sys_close(fd));
	}
	OK(rump_sys_unlink("/nameless/a"));
	OK(rump_sys_unmount("/nameless", 0));
}

static void
a_file_that_shall_have_no_name_gets_none(void **state)
{
	int fd;

	mount_tmpfs("/barred", "tmpfs:");
	fd = unnamed("/barred", RUMP_O_EXCL);
	FAILS(ENOENT,
	    rump_sys_linkat(fd, "", RUMP_AT_FDCWD, "/barred/a", RUMP_AT_FD));
	OK(rump_sys_close(fd));
	make_file("/barred/f", "x");
	FAILS(ENOTDIR, unnamed("/barred/f", 0));
	FAILS(ENOENT, unnamed("/barred/g", 0));
	OK(rump_sys_unlink("/barred/f"));
	OK(rump_sys_unmount("/barred", 0));
}

static int
rename_so(const char *from, const char *to, int flag)
{
	return rump_sys_linkat(RUMP_AT_FDCWD, from, RUMP_AT_FDCWD, to, flag);
}

static void *
swapper(void *arg)
{
	const char *const *names = arg;

	for (int i = 0; i < ROUNDS; i++)
		(void)rename_so(names[0], names[1], RUMP_AT_EXCHANGE);
	return NULL;
}

static void
names_that_change_places_stay_a_tree(void **state)
{
	const char *const one[] = { "/swap/a/x", "/swap/b" };
	const char *const two[] = { "/swap/a", "/swap/b/y" };
	const char *const same[] = { "/swap/a", "/swap/b" };
	pthread_t t[3];
	uint64_t links = 0;

	mount_tmpfs("/swap", "tmpfs:");
	OK(rump_sys_mkdir("/swap/a", 0755));
	OK(rump_sys_mkdir("/swap/b", 0755));
	OK(rump_sys_mkdir("/swap/a/x", 0755));
	make_file("/swap/b/y", "file");
	FAILS(EINVAL, rename_so("/swap/a", "/swap/a/x", RUMP_AT_EXCHANGE));
	FAILS(EINVAL, rename_so("/swap/a/x", "/swap/a", RUMP_AT_EXCHANGE));
	FAILS(ENOENT, rename_so("/swap/a", "/swap/c", RUMP_AT_EXCHANGE));
	FAILS(EEXIST, rename_so("/swap/a", "/swap/b", RUMP_AT_NOREPLACE));
	pthread_create(&t[0], NULL, swapper, (void *)one);
	pthread_create(&t[1], NULL, swapper, (void *)two);
	pthread_create(&t[2], NULL, swapper, (void *)same);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	/* Two names in the root, two below, three directories and a file. */
	links += stat_of("/swap").st_nlink + stat_of("/swap/a").st_nlink;
	links += stat_of("/swap/b").st_nlink;
	assert_in_range(links, 7, 9);
	OK(rump_sys_unmount("/swap", RUMP_MNT_FORCE));
}

static int
reserve(int fd, int64_t pos, int64_t len)
{
	struct rump_reserve rr = { pos, len };

	return rump_sys_ioctl(fd, RUMP_FIORESERVE, &rr);
}

static void
space_behind_the_end_is_kept_and_counted(void **state)
{
	char byte;
	int fd;

	mount_tmpfs("/space", "tmpfs:?size=1m");
	make_file("/space/f", "end");
	fd = rump_sys_open("/space/f", RUMP_O_RDWR);
	OK(reserve(fd, 0, 512 << 10));
	assert_int_equal(stat_of("/space/f").st_size, 3);
	assert_true(stat_of("/space/f").st_blocks >= 1024);
	FAILS(ENOSPC, reserve(fd, 0, 2 << 20));
	FAILS(EINVAL, reserve(fd, -1, 5));
	FAILS(EINVAL, reserve(fd, 0, 0));
	FAILS(EFBIG, reserve(fd, INT64_MAX, 5));
	OK(rump_sys_ftruncate(fd, 100000));
	assert_int_equal(rump_sys_pread(fd, &byte, 1, 99999), 1);
	assert_int_equal(byte, 0);
	OK(rump_sys_ftruncate(fd, 0));
	assert_int_equal(stat_of("/space/f").st_blocks, 0);
	OK(rump_sys_close(fd));
	fd = rump_sys_open("/space/f", RUMP_O_RDONLY);
	FAILS(EBADF, reserve(fd, 0, 5));
	OK(rump_sys_close(fd));
	OK(rump_sys_unlink("/space/f"));
	OK(rump_sys_unmount("/space", 0));
}

static void
set_limit(uint64_t bytes)
{
	struct rump_rlimit rl = { bytes, RUMP_RLIM_INFINITY };

	OK(rump_sys_setrlimit(RUMP_RLIMIT_FSIZE, &rl));
}

static void
a_file_grows_up_to_the_limit_of_its_writer(void **state)
{
	char data[100] = { 0 };
	struct rump_iovec iov[2] = { { data, 60 }, { data, 60 } };
	int fd;

	mount_tmpfs("/limit", "tmpfs:");
	make_file("/limit/f", "");
	fd = rump_sys_open("/limit/f", RUMP_O_RDWR | RUMP_O_APPEND);
	set_limit(250);
	assert_int_equal(rump_sys_writev(fd, iov, 2), 120);
	assert_int_equal(rump_sys_write(fd, data, 100), 100);
	assert_int_equal(rump_sys_writev(fd, iov, 2), 30);
	FAILS(EFBIG, rump_sys_write(fd, data, 1));
	assert_int_equal(rump_sys_write(fd, data, 0), 0);
	FAILS(EFBIG, rump_sys_ftruncate(fd, 251));
	FAILS(EFBIG, rump_sys_truncate("/limit/f", 251));
	assert_int_equal(rump_sys_posix_fallocate(fd, 0, 1000), RUMP_EFBIG);
	assert_int_equal(stat_of("/limit/f").st_size, 250);
	set_limit(100);
	OK(rump_sys_ftruncate(fd, 200));
	set_limit(RUMP_RLIM_INFINITY);
	OK(rump_sys_ftruncate(fd, 500));
	OK(rump_sys_close(fd));
	OK(rump_sys_unlink("/limit/f"));
	OK(rump_sys_unmount("/limit", 0));
}

static int
boot(void **state)
{
	rump_boot_setsigmodel(RUMP_SIGMODEL_IGNORE);
	return boot_kernel(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_without_a_name_gets_one_and_lives_on),
		cmocka_unit_test(a_file_that_shall_have_no_name_gets_none),
		cmocka_unit_test(names_that_change_places_stay_a_tree),
		cmocka_unit_test(space_behind_the_end_is_kept_and_counted),
		cmocka_unit_test(a_file_grows_up_to_the_limit_of_its_writer),
	};

	/* So few that nodes lose their vnodes and get others all the time. */
	setenv("RUMP_NVNODES", "16", 1);
	return cmocka_run_group_tests(tests, boot, NULL);
}
