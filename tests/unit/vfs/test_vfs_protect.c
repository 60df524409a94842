/* SPDX-License-Identifier: BSD-2-Clause */
/* What is forbidden beyond permissions.  The levels are parameters, to which the
 * host's settings give way. */
#include <stdlib.h>

#include "tests/unit/vfs/vfs_test.h"

#include "rump/rumpabi.h"

#define MINE 1000
#define THEIRS 2000
#define CREATING (RUMP_O_CREAT | RUMP_O_RDWR)

static int hardlinks, symlinks, fifos, regular;

/* Fails with error if it is forbidden, and only then. */
static void
assert_forbidden(bool forbidden, int error, int result)
{
	assert_int_equal(result, forbidden ? -1 : 0);
	if (forbidden)
		assert_int_equal(errno, error);
}
#define EITHER(forbidden, err, call)                                           \
	assert_forbidden(forbidden, RUMP_##err, call)

static void
make(const char *name, uint32_t mode, uint32_t owner)
{
	become(0, 0);
	OK(rump_sys_close(rump_sys_open(name, CREATING, 0600)));
	OK(rump_sys_chown(name, owner, owner));
	OK(rump_sys_chmod(name, mode));
}

static void
others_files_get_names_from_who_could_copy_them(void **state)
{
	make("open", 0666, THEIRS);
	make("shown", 0644, THEIRS);
	make("setuid", 04777, THEIRS);
	make("setgid", 02777, THEIRS);
	make("mandatory", 02666, THEIRS);
	make("mine", 0, MINE);
	become(0, 0);
	OK(rump_sys_mkfifo("fifo", 0666));
	OK(rump_sys_chmod("fifo", 0666));
	become(MINE, MINE);
	OK(rump_sys_link("open", "1"));
	OK(rump_sys_link("mandatory", "2"));
	OK(rump_sys_link("mine", "3"));
	EITHER(hardlinks, EPERM, rump_sys_link("shown", "4"));
	EITHER(hardlinks, EPERM, rump_sys_link("setuid", "5"));
	EITHER(hardlinks, EPERM, rump_sys_link("setgid", "6"));
	EITHER(hardlinks, EPERM, rump_sys_link("fifo", "7"));
	FAILS(EEXIST, rump_sys_link("shown", "1"));
	FAILS(ENOENT, rump_sys_link("shown", "none/1"));
	become(0, 0);
	OK(rump_sys_link("shown", "8"));
}

static void
sticky(const char *name, uint32_t mode)
{
	become(0, 0);
	OK(rump_sys_mkdir(name, 0777));
	OK(rump_sys_chmod(name, mode));
}

static void
point(const char *name, uint32_t owner)
{
	become(0, 0);
	OK(rump_sys_symlink("../target", name));
	OK(rump_sys_lchown(name, owner, owner));
}

static void
links_of_others_are_followed_where_not_all_may_write(void **state)
{
	make("target", 0666, MINE);
	sticky("all", 01777);
	sticky("group", 01770);
	sticky("plain", 0777);
	OK(rump_sys_chown("group", MINE, MINE));
	point("all/theirs", THEIRS);
	point("all/mine", MINE);
	point("all/root", 0);
	point("group/theirs", THEIRS);
	point("plain/theirs", THEIRS);
	OK(rump_sys_symlink("all/theirs", "through"));
	OK(rump_sys_symlink("..", "all/up"));
	OK(rump_sys_lchown("all/up", THEIRS, THEIRS));
	for (int root = 0; root < 2; root++) {
		if (root == 0)
			become(MINE, MINE);
		else
			become(0, 0);
		EITHER(symlinks, EACCES, rump_sys_access("all/theirs", 0));
		EITHER(symlinks, EACCES, rump_sys_access("through", 0));
		EITHER(
		    symlinks && root, EACCES, rump_sys_access("all/mine", 0));
		OK(rump_sys_access("all/root", 0));
		OK(rump_sys_access("group/theirs", 0));
		OK(rump_sys_access("plain/theirs", 0));
		/* In the midst of a path a link is no trap. */
		OK(rump_sys_access("all/up/target", 0));
		assert_int_equal(stat_of("all/theirs").st_uid, THEIRS);
	}
	OK(rump_sys_unlink("all/theirs"));
}

static void
leave(const char *dir, uint32_t owner)
{
	char name[32];

	snprintf(name, sizeof(name), "%s/file", dir);
	make(name, 0666, owner);
	snprintf(name, sizeof(name), "%s/fifo", dir);
	OK(rump_sys_mkfifo(name, 0666));
	OK(rump_sys_chown(name, owner, owner));
	OK(rump_sys_chmod(name, 0666));
}

/* A FIFO is open when the kernel says that it is the host's affair. */
static int
opened(const char *dir, const char *what, int flags)
{
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "%s/%s", dir, what);
	fd = rump_sys_open(name, flags | RUMP_O_NONBLOCK, 0600);
	if (fd == -1)
		return errno == RUMP_EOPNOTSUPP ? 0 : -1;
	return rump_sys_close(fd);
}

static void
what_others_left_is_not_taken_for_one_s_own(void **state)
{
	sticky("all", 01777);
	sticky("group", 01775);
	sticky("theirs", 01777);
	sticky("plain", 0777);
	leave("all", THEIRS);
	leave("group", THEIRS);
	leave("theirs", THEIRS);
	leave("plain", THEIRS);
	OK(rump_sys_chown("theirs", THEIRS, 0));
	become(MINE, MINE);
	EITHER(regular >= 1, EACCES, opened("all", "file", CREATING));
	EITHER(regular >= 2, EACCES, opened("group", "file", CREATING));
	EITHER(fifos >= 1, EACCES, opened("all", "fifo", CREATING));
	EITHER(fifos >= 2, EACCES, opened("group", "fifo", CREATING));
	OK(opened("theirs", "file", CREATING));
	OK(opened("plain", "file", CREATING));
	OK(opened("all", "file", RUMP_O_RDWR));
	OK(opened("all", "new", CREATING));
	OK(opened("all", "new", CREATING));
	become(0, 0);
	EITHER(regular >= 1, EACCES, opened("all", "file", CREATING));
}

static void
descriptors_are_linked_by_who_has_opened_them(void **state)
{
	int fd;

	make("f", 0600, MINE);
	become(MINE, MINE);
	fd = rump_sys_open("f", RUMP_O_RDWR);
	OK(rump_sys_linkat(fd, "", RUMP_AT_FDCWD, "1", RUMP_AT_FD_OWN));
	become(MINE, THEIRS);
	FAILS(ENOENT,
	    rump_sys_linkat(fd, "", RUMP_AT_FDCWD, "2", RUMP_AT_FD_OWN));
	OK(rump_sys_linkat(fd, "", RUMP_AT_FDCWD, "3", RUMP_AT_FD));
	become(0, 0);
	OK(rump_sys_linkat(fd, "", RUMP_AT_FDCWD, "4", RUMP_AT_FD_OWN));
	FAILS(
	    EBADF, rump_sys_linkat(99, "", RUMP_AT_FDCWD, "5", RUMP_AT_FD_OWN));
	OK(rump_sys_close(fd));
}

static int
level(const char *param)
{
	setenv(param, "0", false);
	return atoi(getenv(param));
}

#define TEST(name) cmocka_unit_test_setup(name, fresh_directory)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(others_files_get_names_from_who_could_copy_them),
		TEST(links_of_others_are_followed_where_not_all_may_write),
		TEST(what_others_left_is_not_taken_for_one_s_own),
		TEST(descriptors_are_linked_by_who_has_opened_them),
	};

	hardlinks = level("RUMP_PROTECTED_HARDLINKS");
	symlinks = level("RUMP_PROTECTED_SYMLINKS");
	fifos = level("RUMP_PROTECTED_FIFOS");
	regular = level("RUMP_PROTECTED_REGULAR");
	return cmocka_run_group_tests(tests, boot_and_enter_kernel, NULL);
}
