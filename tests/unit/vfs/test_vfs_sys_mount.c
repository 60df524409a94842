/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/vfs/vfs_test.h"

static void
mounts_cover_and_uncover(void **state)
{
	OK(rump_sys_mkdir("m", 0755));
	make_file("m/under", "");
	OK(rump_sys_mount("rumpfs", "m", 0, NULL, 0));
	assert_false(exists("m/under"));
	make_file("m/over", "");
	assert_true(stat_of("m").st_dev != stat_of(".").st_dev);
	FAILS(EBUSY, rump_sys_rmdir("m"));
	FAILS(EBUSY, rump_sys_rename("m", "n"));
	make_file("x", "");
	FAILS(EXDEV, rump_sys_rename("x", "m/x"));
	FAILS(EXDEV, rump_sys_link("x", "m/x"));
	/* Again on top, and off again. */
	OK(rump_sys_mount("rumpfs", "m", 0, NULL, 0));
	assert_false(exists("m/over"));
	OK(rump_sys_unmount("m", 0));
	assert_true(exists("m/over"));
	OK(rump_sys_unmount("m", 0));
	assert_true(exists("m/under"));
	FAILS(EINVAL, rump_sys_unmount("m", 0));
	FAILS(EBUSY, rump_sys_unmount("/", 0));
}

static void
busy_mounts_stay_unless_forced(void **state)
{
	struct rump_stat st;
	char c;
	int fd;

	OK(rump_sys_mkdir("m", 0755));
	OK(rump_sys_mount("rumpfs", "m", 0, NULL, 0));
	make_file("m/f", "text");
	OK(rump_sys_mkdir("m/d", 0755));
	fd = rump_sys_open("m/f", RUMP_O_RDWR);
	FAILS(EBUSY, rump_sys_unmount("m", 0));
	assert_file("m/f", "text");
	OK(rump_sys_unmount("m", RUMP_MNT_FORCE));
	assert_false(exists("m/f"));
	FAILS(EIO, rump_sys_read(fd, &c, 1));
	FAILS(EIO, rump_sys_write(fd, &c, 1));
	FAILS(EIO, rump_sys_fstat(fd, &st));
	OK(rump_sys_close(fd));
}

static void
arguments_are_checked(void **state)
{
	char data[64] = { 0 };

	OK(rump_sys_mkdir("m", 0755));
	make_file("f", "");
	FAILS(ENODEV, rump_sys_mount("nosuchfs", "m", 0, NULL, 0));
	FAILS(ENAMETOOLONG,
	    rump_sys_mount(
		"a-type-whose-name-is-much-too-long-for-it", "m", 0, NULL, 0));
	FAILS(ENOENT, rump_sys_mount("rumpfs", "x", 0, NULL, 0));
	FAILS(ENOTDIR, rump_sys_mount("rumpfs", "f", 0, NULL, 0));
	FAILS(EINVAL, rump_sys_mount("rumpfs", "m", 0, data, 0));
	FAILS(EINVAL, rump_sys_mount("rumpfs", "m", 0, data, 8193));
	FAILS(EINVAL, rump_sys_mount("rumpfs", "m", RUMP_MNT_UPDATE, NULL, 0));
	FAILS(EINVAL, rump_sys_unmount("m", 0x1234));
	become(1000, 1000);
	FAILS(EPERM, rump_sys_mount("rumpfs", "m", 0, NULL, 0));
	FAILS(EPERM, rump_sys_unmount("m", 0));
}

static void
read_only_mounts_do_not_change(void **state)
{
	struct rump_statvfs sv;
	char c;
	int fd;

	OK(rump_sys_mkdir("m", 0755));
	OK(rump_sys_mount("rumpfs", "m", 0, NULL, 0));
	make_file("m/f", "text");
	OK(rump_sys_mknod("m/null", RUMP_S_IFCHR | 0666, 0x202));
	OK(rump_sys_mount(
	    "rumpfs", "m", RUMP_MNT_UPDATE | RUMP_MNT_RDONLY, NULL, 0));
	OK(rump_sys_statvfs1("m", &sv, RUMP_ST_WAIT));
	assert_true((sv.f_flag & RUMP_MNT_RDONLY) != 0);
	FAILS(EROFS, rump_sys_open("m/f", RUMP_O_RDWR));
	FAILS(EROFS, rump_sys_open("m/new", RUMP_O_CREAT | RUMP_O_RDWR, 0));
	FAILS(EROFS, rump_sys_mkdir("m/d", 0755));
	FAILS(EROFS, rump_sys_unlink("m/f"));
	FAILS(EROFS, rump_sys_rename("m/f", "m/g"));
	FAILS(EROFS, rump_sys_link("m/f", "m/g"));
	FAILS(EROFS, rump_sys_symlink("f", "m/g"));
	FAILS(EROFS, rump_sys_chmod("m/f", 0777));
	FAILS(EROFS, rump_sys_truncate("m/f", 0));
	FAILS(EROFS, rump_sys_utimes("m/f", NULL));
	FAILS(EROFS, rump_sys_access("m/f", RUMP_W_OK));
	OK(rump_sys_access("m/f", RUMP_R_OK));
	assert_file("m/f", "text");
	/* Existing names are opened all the same, and devices are written. */
	fd = rump_sys_open("m/f", RUMP_O_CREAT | RUMP_O_RDONLY, 0);
	OK(fd);
	assert_int_equal(rump_sys_read(fd, &c, 1), 1);
	OK(rump_sys_close(fd));
	fd = rump_sys_open("m/null", RUMP_O_RDWR);
	OK(fd);
	assert_int_equal(rump_sys_write(fd, &c, 1), 1);
	OK(rump_sys_close(fd));
	OK(rump_sys_mount("rumpfs", "m", RUMP_MNT_UPDATE, NULL, 0));
	OK(rump_sys_unlink("m/f"));
	OK(rump_sys_unmount("m", 0));
}

static void
statistics_are_sensible(void **state)
{
	static struct rump_statvfs sv[16];
	int n, fd;

	OK(rump_sys_mkdir("m", 0755));
	OK(rump_sys_mount("rumpfs", "m", RUMP_MNT_NODEV, NULL, 0));
	OK(rump_sys_statvfs1("m", sv, RUMP_ST_WAIT));
	assert_string_equal(sv[0].f_fstypename, "rumpfs");
	assert_non_null(strstr(sv[0].f_mntonname, "/m"));
	assert_int_equal(sv[0].f_namemax, 255);
	assert_int_equal(sv[0].f_fsid, stat_of("m").st_dev);
	assert_true(sv[0].f_bfree > 0 && sv[0].f_bfree <= sv[0].f_blocks);
	assert_true(sv[0].f_ffree > 0 && sv[0].f_ffree <= sv[0].f_files);
	n = rump_sys_getvfsstat(NULL, 0, RUMP_ST_WAIT);
	assert_true(n >= 2 && n <= 16);
	assert_int_equal(rump_sys_getvfsstat(sv, sizeof(sv), RUMP_ST_WAIT), n);
	assert_string_equal(sv[0].f_mntonname, "/");
	assert_int_equal(
	    rump_sys_getvfsstat(sv, sizeof(sv[0]) + 1, RUMP_ST_WAIT), 1);
	fd = rump_sys_open("m", RUMP_O_RDONLY);
	OK(rump_sys_fstatvfs1(fd, sv, RUMP_ST_WAIT));
	OK(rump_sys_close(fd));
	/* No devices on this one. */
	OK(rump_sys_mknod("m/null", RUMP_S_IFCHR | 0666, 0x202));
	FAILS(ENXIO, rump_sys_open("m/null", RUMP_O_RDONLY));
	OK(rump_sys_unmount("m", 0));
}

static void
urls_without_a_file_system_say_why(void **state)
{
	char text[200];

	assert_int_equal(
	    rump_mount_url("/a/b/c", "gopher://x/", text, sizeof(text)),
	    RUMP_ENODEV);
	assert_non_null(strstr(text, "gopher://x/"));
	assert_int_equal(
	    rump_mount_url("a/b", "gopher://x/", text, sizeof(text)),
	    RUMP_EINVAL);
	assert_non_null(strstr(text, "a/b"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    mounts_cover_and_uncover, fresh_directory),
		cmocka_unit_test_setup(
		    busy_mounts_stay_unless_forced, fresh_directory),
		cmocka_unit_test_setup(arguments_are_checked, fresh_directory),
		cmocka_unit_test_setup(
		    read_only_mounts_do_not_change, fresh_directory),
		cmocka_unit_test_setup(
		    statistics_are_sensible, fresh_directory),
		cmocka_unit_test(urls_without_a_file_system_say_why),
	};

	return cmocka_run_group_tests(tests, boot_kernel, NULL);
}
