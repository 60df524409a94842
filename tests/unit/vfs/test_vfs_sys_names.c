/* SPDX-License-Identifier: BSD-2-Clause */
/* Making, linking, removing and renaming. */
#include "tests/unit/vfs/vfs_test.h"

static void
directories_are_made_and_removed(void **state)
{
	make_file("file", "");
	OK(rump_sys_mkdir("d/", 0755));
	assert_int_equal(stat_of("d").st_nlink, 2);
	OK(rump_sys_mkdir("d/e", 0755));
	assert_int_equal(stat_of("d").st_nlink, 3);
	FAILS(EEXIST, rump_sys_mkdir("d", 0755));
	FAILS(EEXIST, rump_sys_mkdir(".", 0755));
	FAILS(EEXIST, rump_sys_mkdir("/", 0755));
	FAILS(EEXIST, rump_sys_mkdir("file", 0755));
	FAILS(ENOENT, rump_sys_mkdir("no/d", 0755));
	FAILS(ENOTDIR, rump_sys_mkdir("file/d", 0755));
	FAILS(ENOTEMPTY, rump_sys_rmdir("d"));
	FAILS(ENOTDIR, rump_sys_rmdir("file"));
	FAILS(ENOENT, rump_sys_rmdir("no"));
	FAILS(EINVAL, rump_sys_rmdir("d/."));
	FAILS(ENOTEMPTY, rump_sys_rmdir("d/e/.."));
	FAILS(EBUSY, rump_sys_rmdir("/"));
	OK(rump_sys_rmdir("d/e/"));
	assert_int_equal(stat_of("d").st_nlink, 2);
	OK(rump_sys_unlinkat(RUMP_AT_FDCWD, "d", RUMP_AT_REMOVEDIR));
	FAILS(EINVAL, rump_sys_unlinkat(RUMP_AT_FDCWD, "file", 1));
}

static void
removed_working_directory_is_empty_for_ever(void **state)
{
	struct rump_stat st;

	OK(rump_sys_mkdir("gone", 0755));
	OK(rump_sys_chdir("gone"));
	OK(rump_sys_rmdir("../gone"));
	OK(rump_sys_stat(".", &st));
	assert_int_equal(st.st_nlink, 0);
	OK(rump_sys_stat("..", &st));
	assert_int_not_equal(st.st_nlink, 0);
	FAILS(ENOENT, rump_sys_open("x", RUMP_O_CREAT | RUMP_O_RDWR, 0644));
	FAILS(ENOENT, rump_sys_mkdir("x", 0755));
}

static void
links_count(void **state)
{
	struct rump_stat st;
	char buf[4];
	int fd;

	make_file("a", "abc");
	OK(rump_sys_mkdir("d", 0755));
	OK(rump_sys_symlink("a", "s"));
	OK(rump_sys_link("a", "b"));
	assert_int_equal(stat_of("a").st_nlink, 2);
	assert_int_equal(stat_of("a").st_ino, stat_of("b").st_ino);
	FAILS(EEXIST, rump_sys_link("a", "b"));
	FAILS(EPERM, rump_sys_link("d", "e"));
	FAILS(ENOENT, rump_sys_link("x", "y"));
	FAILS(ENOENT, rump_sys_link("a", "new/"));
	/* link() follows, linkat() does not unless told to. */
	OK(rump_sys_link("s", "c"));
	assert_int_equal(stat_of("c").st_ino, stat_of("a").st_ino);
	OK(rump_sys_linkat(RUMP_AT_FDCWD, "s", RUMP_AT_FDCWD, "t", 0));
	assert_int_equal(stat_of("t").st_ino, stat_of("s").st_ino);
	FAILS(
	    EINVAL, rump_sys_linkat(RUMP_AT_FDCWD, "s", RUMP_AT_FDCWD, "u", 1));
	FAILS(EISDIR, rump_sys_unlink("d"));
	FAILS(ENOTDIR, rump_sys_unlink("a/"));
	fd = rump_sys_open("a", RUMP_O_RDONLY);
	OK(rump_sys_unlink("a"));
	OK(rump_sys_unlink("b"));
	OK(rump_sys_unlink("c"));
	OK(rump_sys_fstat(fd, &st));
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(rump_sys_read(fd, buf, 3), 3);
	OK(rump_sys_close(fd));
}

static void
nodes_of_all_kinds_can_be_made(void **state)
{
	char buf[8];

	OK(rump_sys_mknod("r", RUMP_S_IFREG | 0600, 0));
	OK(rump_sys_mknod("c", RUMP_S_IFCHR | 0600, 0x202));
	assert_int_equal(stat_of("c").st_rdev, 0x202);
	OK(rump_sys_mkfifo("p", 0600));
	assert_int_equal(stat_of("p").st_mode, RUMP_S_IFIFO | 0600);
	FAILS(EINVAL, rump_sys_mknod("d", RUMP_S_IFDIR | 0600, 0));
	FAILS(EEXIST, rump_sys_mkfifo("p", 0600));
	FAILS(ENOENT, rump_sys_symlink("", "e"));
	OK(rump_sys_symlink("0123456789", "l"));
	assert_int_equal(stat_of("l").st_size, 10);
	assert_int_equal(rump_sys_readlink("l", buf, sizeof(buf)), 8);
	assert_memory_equal(buf, "01234567", 8);
	FAILS(EINVAL, rump_sys_readlink("r", buf, sizeof(buf)));
	become(1000, 1000);
	FAILS(EPERM, rump_sys_mknod("c2", RUMP_S_IFCHR | 0600, 0x202));
	OK(rump_sys_mkfifo("p2", 0600));
}

enum kind { NONE, FILE_, DIR_, FULL, LINK, NKINDS };
static const char *const kind_names[] = { "none", "file", "dir", "full",
	"link" };

static void
make_kind(const char *path, enum kind k)
{
	char sub[64];

	switch (k) {
	case FILE_:
		make_file(path, path);
		break;
	case FULL:
		snprintf(sub, sizeof(sub), "%s/in", path);
		OK(rump_sys_mkdir(path, 0755));
		make_file(sub, "");
		break;
	case DIR_:
		OK(rump_sys_mkdir(path, 0755));
		break;
	case LINK:
		OK(rump_sys_symlink("nowhere", path));
		break;
	default:
		break;
	}
}

#define E_NOENT RUMP_ENOENT
#define E_ISDIR RUMP_EISDIR
#define E_NOTDIR RUMP_ENOTDIR
#define E_NOTEMPTY RUMP_ENOTEMPTY
static const int rename_result[NKINDS][NKINDS] = {
	/* to:      none     file      dir      full        link */
	[NONE] = { E_NOENT, E_NOENT, E_NOENT, E_NOENT, E_NOENT },
	[FILE_] = { 0, 0, E_ISDIR, E_ISDIR, 0 },
	[DIR_] = { 0, E_NOTDIR, 0, E_NOTEMPTY, E_NOTDIR },
	[FULL] = { 0, E_NOTDIR, 0, E_NOTEMPTY, E_NOTDIR },
	[LINK] = { 0, 0, E_ISDIR, E_ISDIR, 0 },
};

static void
rename_one(enum kind from, enum kind to)
{
	struct rump_stat before = { 0 };
	int error;

	enter_fresh_directory();
	OK(rump_sys_mkdir("p", 0755));
	OK(rump_sys_mkdir("q", 0755));
	make_kind("p/a", from);
	make_kind("q/b", to);
	if (from != NONE)
		before = stat_of("p/a");
	error = rump_sys_rename("p/a", "q/b") == 0 ? 0 : errno;
	if (error != rename_result[from][to])
		fail_msg("%s over %s: %d, not %d", kind_names[from],
		    kind_names[to], error, rename_result[from][to]);
	if (error != 0) {
		assert_int_equal(exists("p/a"), from != NONE);
		assert_int_equal(exists("q/b"), to != NONE);
		return;
	}
	assert_false(exists("p/a"));
	assert_int_equal(stat_of("q/b").st_ino, before.st_ino);
	assert_int_equal(stat_of("p").st_nlink, 2);
	assert_int_equal(
	    stat_of("q").st_nlink, from == DIR_ || from == FULL ? 3 : 2);
	if (from == DIR_ || from == FULL)
		assert_int_equal(stat_of("q/b/..").st_ino, stat_of("q").st_ino);
}

static void
rename_obeys_the_matrix(void **state)
{
	for (int from = NONE; from < NKINDS; from++) {
		for (int to = NONE; to < NKINDS; to++)
			rename_one((enum kind)from, (enum kind)to);
	}
}

static void
rename_keeps_the_tree_a_tree(void **state)
{
	OK(rump_sys_mkdir("a", 0755));
	OK(rump_sys_mkdir("a/b", 0755));
	OK(rump_sys_mkdir("a/b/c", 0755));
	FAILS(EINVAL, rump_sys_rename("a", "a/b/c/d"));
	FAILS(EINVAL, rump_sys_rename("a", "a/x"));
	FAILS(ENOTEMPTY, rump_sys_rename("a/b/c", "a"));
	FAILS(EINVAL, rump_sys_rename("a/.", "x"));
	FAILS(EINVAL, rump_sys_rename("a/b/..", "x"));
	FAILS(EINVAL, rump_sys_rename("a", "a/b/."));
	FAILS(EBUSY, rump_sys_rename("/", "x"));
	OK(rump_sys_rename("a", "a"));
	OK(rump_sys_rename("a/b/c", "c/"));
	make_file("f", "");
	FAILS(ENOTDIR, rump_sys_rename("f", "g/"));
	FAILS(ENOTDIR, rump_sys_rename("f/", "g"));
}

static void
two_links_to_one_file_stay_by_posix_and_fuse_by_netbsd(void **state)
{
	make_file("a", "");
	OK(rump_sys_link("a", "b"));
	OK(rump_sys___posix_rename("a", "b"));
	assert_true(exists("a"));
	OK(rump_sys_renameat(RUMP_AT_FDCWD, "a", RUMP_AT_FDCWD, "b"));
	assert_true(exists("a"));
	OK(rump_sys_rename("a", "a"));
	assert_true(exists("a"));
	OK(rump_sys_rename("a", "b"));
	assert_false(exists("a"));
	assert_int_equal(stat_of("b").st_nlink, 1);
}

static void
sticky_directories_protect_their_files(void **state)
{
	OK(rump_sys_mkdir("tmp", 0777));
	OK(rump_sys_chmod("tmp", 01777));
	become(1000, 1000);
	make_file("tmp/mine", "");
	become(1001, 1001);
	FAILS(EPERM, rump_sys_unlink("tmp/mine"));
	FAILS(EPERM, rump_sys_rename("tmp/mine", "tmp/x"));
	make_file("tmp/other", "");
	FAILS(EPERM, rump_sys_rename("tmp/other", "tmp/mine"));
	become(1000, 1000);
	OK(rump_sys_rename("tmp/mine", "tmp/x"));
	OK(rump_sys_unlink("tmp/x"));
}

static void
unwritable_directories_do_not_change(void **state)
{
	OK(rump_sys_mkdir("ro", 0755));
	make_file("ro/f", "");
	make_file("g", "");
	become(1000, 1000);
	FAILS(EACCES, rump_sys_unlink("ro/f"));
	FAILS(EACCES, rump_sys_rename("ro/f", "h"));
	FAILS(EACCES, rump_sys_rename("g", "ro/h"));
	FAILS(EACCES, rump_sys_mkdir("ro/d", 0755));
	FAILS(EACCES, rump_sys_symlink("x", "ro/s"));
	FAILS(EACCES, rump_sys_link("g", "ro/l"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    directories_are_made_and_removed, fresh_directory),
		cmocka_unit_test_setup(
		    removed_working_directory_is_empty_for_ever,
		    fresh_directory),
		cmocka_unit_test_setup(links_count, fresh_directory),
		cmocka_unit_test_setup(
		    nodes_of_all_kinds_can_be_made, fresh_directory),
		cmocka_unit_test(rename_obeys_the_matrix),
		cmocka_unit_test_setup(
		    rename_keeps_the_tree_a_tree, fresh_directory),
		cmocka_unit_test_setup(
		    two_links_to_one_file_stay_by_posix_and_fuse_by_netbsd,
		    fresh_directory),
		cmocka_unit_test_setup(
		    sticky_directories_protect_their_files, fresh_directory),
		cmocka_unit_test_setup(
		    unwritable_directories_do_not_change, fresh_directory),
	};

	return cmocka_run_group_tests(tests, boot_kernel, NULL);
}
