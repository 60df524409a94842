/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/vfs/vfs_test.h"

static void
modes_belong_to_owners(void **state)
{
	make_file("f", "");
	OK(rump_sys_symlink("f", "l"));
	OK(rump_sys_chmod("l", 04755));
	assert_int_equal(stat_of("f").st_mode & 07777, 04755);
	OK(rump_sys_lchmod("l", 0700));
	assert_int_equal(stat_of("l").st_mode & 07777, 0700);
	OK(rump_sys_fchmodat(
	    RUMP_AT_FDCWD, "l", 0711, RUMP_AT_SYMLINK_NOFOLLOW));
	assert_int_equal(stat_of("l").st_mode & 07777, 0711);
	FAILS(EINVAL, rump_sys_fchmodat(RUMP_AT_FDCWD, "l", 0711, 1));
	FAILS(ENOENT, rump_sys_chmod("x", 0700));
	FAILS(EBADF, rump_sys_fchmod(99, 0700));
	become(1000, 1000);
	FAILS(EPERM, rump_sys_chmod("f", 0777));
	make_file("g", "");
	OK(rump_sys_chmod("g", 0));
	OK(rump_sys_chmod("g", 02755));
	become(0, 0);
	OK(rump_sys_chown("g", 1000, 5));
	OK(rump_sys_chmod("g", 02755));
	become(1000, 1000);
	/* Not a member of the group: no set-gid. */
	OK(rump_sys_chmod("g", 02755));
	assert_int_equal(stat_of("g").st_mode & 07777, 0755);
}

static void
owners_change_by_the_rules(void **state)
{
	const uint32_t groups[] = { 7 };

	make_file("f", "");
	OK(rump_sys_chmod("f", 06755));
	OK(rump_sys___posix_chown("f", 1000, (gid_t)-1));
	assert_int_equal(stat_of("f").st_mode & 07777, 06755);
	OK(rump_sys_chown("f", 1000, (gid_t)-1));
	assert_int_equal(stat_of("f").st_mode & 07777, 02755);
	assert_int_equal(stat_of("f").st_uid, 1000);
	assert_int_equal(stat_of("f").st_gid, 0);
	OK(rump_sys_symlink("f", "l"));
	OK(rump_sys_lchown("l", 3, 4));
	OK(rump_sys___posix_lchown("l", 3, 4));
	assert_int_equal(stat_of("l").st_uid, 3);
	rump_set_hostcred(1000, 1000, 1000, 1000, 1, groups);
	FAILS(EPERM, rump_sys_chown("f", 1001, (gid_t)-1));
	FAILS(EPERM, rump_sys_chown("f", (uid_t)-1, 8));
	OK(rump_sys_fchownat(RUMP_AT_FDCWD, "f", (uid_t)-1, 7, 0));
	assert_int_equal(stat_of("f").st_gid, 7);
	assert_int_equal(stat_of("f").st_mode & 07777, 0755);
	FAILS(EPERM, rump_sys_lchown("l", 1000, (gid_t)-1));
}

static void
times_are_set_kept_and_now(void **state)
{
	struct rump_timespec ts[2] = { { 100, 1 }, { 200, 2 } };
	struct rump_timeval tv[2] = { { 300, 3 }, { 400, 4 } };
	struct rump_stat st;
	int fd;

	make_file("f", "");
	OK(rump_sys_symlink("f", "l"));
	OK(rump_sys_utimensat(RUMP_AT_FDCWD, "f", ts, 0));
	st = stat_of("f");
	assert_int_equal(st.st_atim.tv_sec, 100);
	assert_int_equal(st.st_mtim.tv_nsec, 2);
	ts[0].tv_nsec = RUMP_UTIME_OMIT;
	ts[1].tv_nsec = RUMP_UTIME_NOW;
	OK(rump_sys_utimensat(RUMP_AT_FDCWD, "f", ts, 0));
	st = stat_of("f");
	assert_int_equal(st.st_atim.tv_sec, 100);
	assert_true(st.st_mtim.tv_sec > 1000000);
	OK(rump_sys_lutimes("l", tv));
	assert_int_equal(stat_of("l").st_mtim.tv_nsec, 4000);
	OK(rump_sys_utimes("l", tv));
	assert_int_equal(stat_of("f").st_mtim.tv_nsec, 4000);
	ts[0].tv_nsec = 1000000000;
	FAILS(EINVAL, rump_sys_utimensat(RUMP_AT_FDCWD, "f", ts, 0));
	tv[0].tv_usec = 1000000;
	FAILS(EINVAL, rump_sys_utimes("f", tv));
	fd = rump_sys_open("f", RUMP_O_RDONLY);
	OK(rump_sys_futimens(fd, NULL));
	OK(rump_sys_futimes(fd, NULL));
	assert_true(stat_of("f").st_atim.tv_sec > 1000000);
	OK(rump_sys_close(fd));
	/* NULL needs write permission, a time of one's own the ownership. */
	OK(rump_sys_chmod("f", 0666));
	become(1000, 1000);
	OK(rump_sys_utimes("f", NULL));
	tv[0].tv_usec = 0;
	FAILS(EPERM, rump_sys_utimes("f", tv));
	become(0, 0);
	OK(rump_sys_chmod("f", 0644));
	become(1000, 1000);
	FAILS(EACCES, rump_sys_utimes("f", NULL));
}

static void
reading_and_writing_move_the_times(void **state)
{
	struct rump_timespec old[2] = { { 100, 0 }, { 100, 0 } };
	char c;
	int fd;

	make_file("f", "x");
	OK(rump_sys_utimensat(RUMP_AT_FDCWD, "f", old, 0));
	fd = rump_sys_open("f", RUMP_O_RDWR);
	assert_int_equal(rump_sys_read(fd, &c, 1), 1);
	assert_true(stat_of("f").st_atim.tv_sec > 100);
	assert_int_equal(stat_of("f").st_mtim.tv_sec, 100);
	assert_int_equal(rump_sys_write(fd, "y", 1), 1);
	assert_true(stat_of("f").st_mtim.tv_sec > 100);
	OK(rump_sys_close(fd));
	OK(rump_sys_utimensat(RUMP_AT_FDCWD, ".", old, 0));
	make_file("g", "");
	assert_true(stat_of(".").st_mtim.tv_sec > 100);
}

static void
truncation_cuts_and_extends_with_zeros(void **state)
{
	char buf[5000];
	int fd;

	make_file("f", "0123456789");
	OK(rump_sys_truncate("f", 4));
	assert_file("f", "0123");
	OK(rump_sys_truncate("f", 8));
	fd = rump_sys_open("f", RUMP_O_RDWR);
	assert_int_equal(rump_sys_read(fd, buf, sizeof(buf)), 8);
	assert_memory_equal(buf, "0123\0\0\0\0", 8);
	OK(rump_sys_ftruncate(fd, 5000));
	assert_int_equal(rump_sys_pread(fd, buf, 5000, 0), 5000);
	assert_int_equal(buf[4], 0);
	assert_int_equal(buf[4999], 0);
	FAILS(EINVAL, rump_sys_ftruncate(fd, -1));
	FAILS(EFBIG, rump_sys_ftruncate(fd, INT64_MAX));
	OK(rump_sys_close(fd));
	fd = rump_sys_open("f", RUMP_O_RDONLY);
	FAILS(EINVAL, rump_sys_ftruncate(fd, 0));
	OK(rump_sys_close(fd));
	FAILS(EINVAL, rump_sys_truncate("f", -1));
	FAILS(EISDIR, rump_sys_truncate(".", 0));
	FAILS(EINVAL, rump_sys_truncate("/dev/null", 0));
	become(1000, 1000);
	FAILS(EACCES, rump_sys_truncate("f", 0));
}

static void
writing_takes_set_id_bits_away(void **state)
{
	int fd;

	make_file("f", "");
	OK(rump_sys_chown("f", 5, 5));
	OK(rump_sys_chmod("f", 06777));
	become(1000, 1000);
	fd = rump_sys_open("f", RUMP_O_WRONLY);
	assert_int_equal(rump_sys_write(fd, "x", 1), 1);
	assert_int_equal(stat_of("f").st_mode & 07777, 0777);
	OK(rump_sys_close(fd));
}

static void
flags_belong_to_owners_and_those_of_the_system_to_root(void **state)
{
	make_file("f", "");
	OK(rump_sys_symlink("f", "l"));
	assert_int_equal(stat_of("f").st_flags, 0);
	OK(rump_sys_chflags("l", RUMP_UF_NODUMP));
	assert_int_equal(stat_of("f").st_flags, RUMP_UF_NODUMP);
	OK(rump_sys_lchflags("l", RUMP_UF_IMMUTABLE));
	assert_int_equal(stat_of("l").st_flags, RUMP_UF_IMMUTABLE);
	OK(rump_sys_lchflags("l", 0));
	FAILS(EOPNOTSUPP, rump_sys_chflags("f", RUMP_SF_SNAPSHOT));
	OK(rump_sys_chown("f", 1000, 1000));
	become(1000, 1000);
	OK(rump_sys_chflags("f", RUMP_UF_IMMUTABLE));
	FAILS(EPERM, rump_sys_chflags("f", RUMP_SF_IMMUTABLE));
	FAILS(EPERM, rump_sys_chmod("f", 0600));
	OK(rump_sys_chflags("f", 0));
	OK(rump_sys_chmod("f", 0600));
	become(0, 0);
	OK(rump_sys_chflags("f", RUMP_SF_APPEND | RUMP_UF_NODUMP));
	become(1000, 1000);
	FAILS(EPERM, rump_sys_chflags("f", 0));
	OK(rump_sys_chflags("f", RUMP_SF_APPEND));
	become(1001, 1001);
	FAILS(EPERM, rump_sys_chflags("f", RUMP_SF_APPEND));
}

static void
what_is_for_appending_is_not_overwritten(void **state)
{
	int fd, appending;

	make_file("f", "0123");
	fd = rump_sys_open("f", RUMP_O_RDWR);
	OK(rump_sys_chflags("f", RUMP_UF_APPEND));
	appending = rump_sys_open("f", RUMP_O_WRONLY | RUMP_O_APPEND);
	OK(appending);
	FAILS(EPERM, rump_sys_open("f", RUMP_O_WRONLY));
	FAILS(EPERM, rump_sys_pwrite(fd, "x", 1, 0));
	FAILS(EPERM, rump_sys_ftruncate(fd, 0));
	assert_int_equal(rump_sys_pwrite(fd, "4", 1, 4), 1);
	assert_int_equal(rump_sys_write(appending, "5", 1), 1);
	/* Not even by who takes it to be for writing only now. */
	OK(rump_sys_fcntl(appending, RUMP_F_SETFL, NULL));
	FAILS(EPERM, rump_sys_pwrite(appending, "x", 1, 0));
	assert_file("f", "012345");
	OK(rump_sys_close(appending));
	OK(rump_sys_close(fd));
	OK(rump_sys_chflags("f", 0));
}

static void
fixed_names_stay(void **state)
{
	const uint32_t fixed[] = { RUMP_SF_IMMUTABLE, RUMP_UF_IMMUTABLE,
		RUMP_SF_APPEND, RUMP_UF_APPEND };

	make_file("other", "");
	OK(rump_sys_mkdir("d", 0755));
	make_file("d/f", "");
	for (size_t i = 0; i < 4; i++) {
		OK(rump_sys_chflags("d/f", fixed[i]));
		FAILS(EPERM, rump_sys_unlink("d/f"));
		FAILS(EPERM, rump_sys_rename("d/f", "g"));
		FAILS(EPERM, rump_sys_rename("other", "d/f"));
		FAILS(EPERM, rump_sys_link("d/f", "g"));
		OK(rump_sys_chflags("d/f", 0));
		OK(rump_sys_chflags("d", fixed[i]));
		FAILS(EPERM, rump_sys_unlink("d/f"));
		FAILS(EPERM, rump_sys_rename("d/f", "g"));
		FAILS(EPERM, rump_sys_rename("d", "e"));
		OK(rump_sys_chflags("d", 0));
	}
	OK(rump_sys_chflags("d", RUMP_SF_IMMUTABLE));
	FAILS(EPERM, rump_sys_mkdir("d/e", 0755));
	OK(rump_sys_chflags("d", RUMP_SF_APPEND | RUMP_UF_NODUMP));
	OK(rump_sys_mkdir("d/e", 0755));
	assert_int_equal(stat_of("d/e").st_flags, RUMP_UF_NODUMP);
	FAILS(EPERM, rump_sys_rmdir("d/e"));
	OK(rump_sys_chflags("d", 0));
	OK(rump_sys_rmdir("d/e"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(modes_belong_to_owners, fresh_directory),
		cmocka_unit_test_setup(
		    owners_change_by_the_rules, fresh_directory),
		cmocka_unit_test_setup(
		    times_are_set_kept_and_now, fresh_directory),
		cmocka_unit_test_setup(
		    reading_and_writing_move_the_times, fresh_directory),
		cmocka_unit_test_setup(
		    truncation_cuts_and_extends_with_zeros, fresh_directory),
		cmocka_unit_test_setup(
		    writing_takes_set_id_bits_away, fresh_directory),
		cmocka_unit_test_setup(
		    flags_belong_to_owners_and_those_of_the_system_to_root,
		    fresh_directory),
		cmocka_unit_test_setup(
		    what_is_for_appending_is_not_overwritten, fresh_directory),
		cmocka_unit_test_setup(fixed_names_stay, fresh_directory),
	};

	return cmocka_run_group_tests(tests, boot_kernel, NULL);
}
