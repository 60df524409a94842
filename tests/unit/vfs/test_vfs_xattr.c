/* SPDX-License-Identifier: BSD-2-Clause */
/* Extended attributes: both families of calls, who may, and what they take. */
#include <stdlib.h>

#include "tests/unit/vfs/vfs_test.h"

#include "rump/rumpabi.h"

#define USER RUMP_EXTATTR_NAMESPACE_USER
#define SYSTEM RUMP_EXTATTR_NAMESPACE_SYSTEM
#define NAME_MOST 255
#define SIZE_MOST 65536
#define CAPABILITY "security.capability"

static char big[SIZE_MOST + 1], got[SIZE_MOST + 1];

static void
make(const char *name)
{
	int fd = rump_sys_open(name, RUMP_O_CREAT | RUMP_O_RDWR, 0644);

	OK(fd);
	OK(rump_sys_close(fd));
}

static void
set(const char *file, const char *name, const char *value)
{
	OK(rump_sys_setxattr(file, name, value, strlen(value), 0));
}

static void
assert_value(const char *file, const char *name, const char *value)
{
	char buf[64];

	assert_int_equal(
	    rump_sys_getxattr(file, name, buf, sizeof(buf)), strlen(value));
	assert_memory_equal(buf, value, strlen(value));
}

/* names: each with a comma behind it. */
static void
assert_names(const char *file, const char *names)
{
	char buf[512];
	int n = rump_sys_listxattr(file, buf, sizeof(buf));

	assert_int_equal(n, strlen(names));
	for (int i = 0; i < n; i++)
		buf[i] = buf[i] == '\0' ? ',' : buf[i];
	assert_memory_equal(buf, names, (size_t)n);
}

static void
values_are_set_read_listed_and_removed(void **state)
{
	char buf[8];
	int fd;

	make("f");
	set("f", "user.two", "22");
	set("f", "user.one", "1");
	set("f", "trusted.x", "t");
	set("f", "user.none", "");
	assert_value("f", "user.two", "22");
	assert_value("f", "user.none", "");
	assert_names("f", "user.two,user.one,user.none,trusted.x,");
	set("f", "user.two", "a longer one");
	assert_value("f", "user.two", "a longer one");
	OK(rump_sys_removexattr("f", "user.one"));
	FAILS(ENOATTR, rump_sys_removexattr("f", "user.one"));
	FAILS(ENOATTR, rump_sys_getxattr("f", "user.one", buf, 8));
	fd = rump_sys_open("f", RUMP_O_RDONLY);
	OK(rump_sys_fsetxattr(fd, "user.fd", "fd", 2, 0));
	assert_int_equal(rump_sys_fgetxattr(fd, "user.fd", buf, 8), 2);
	OK(rump_sys_fremovexattr(fd, "user.fd"));
	assert_int_equal(rump_sys_flistxattr(fd, NULL, 0),
	    sizeof("trusted.x\0user.none\0user.two"));
	OK(rump_sys_close(fd));
	OK(rump_sys_rename("f", "g"));
	assert_value("g", "user.two", "a longer one");
}

static void
a_size_of_nothing_asks_and_too_little_is_an_error(void **state)
{
	char buf[8];

	make("f");
	set("f", "user.x", "12345678");
	assert_int_equal(rump_sys_getxattr("f", "user.x", NULL, 0), 8);
	assert_int_equal(rump_sys_getxattr("f", "user.x", buf, 8), 8);
	FAILS(ERANGE, rump_sys_getxattr("f", "user.x", buf, 7));
	assert_int_equal(rump_sys_listxattr("f", NULL, 0), 7);
	assert_int_equal(rump_sys_listxattr("f", buf, 7), 7);
	FAILS(ERANGE, rump_sys_listxattr("f", buf, 6));
	/* No more is believed than there can be. */
	assert_int_equal(rump_sys_getxattr("f", "user.x", got, SIZE_MAX), 8);
	assert_int_equal(rump_sys_listxattr("f", got, SIZE_MAX), 7);
}

static void
creating_and_replacing_can_be_told_apart(void **state)
{
	make("f");
	FAILS(ENOATTR,
	    rump_sys_setxattr("f", "user.x", "1", 1, RUMP_XATTR_REPLACE));
	OK(rump_sys_setxattr("f", "user.x", "1", 1, RUMP_XATTR_CREATE));
	FAILS(EEXIST,
	    rump_sys_setxattr("f", "user.x", "2", 1, RUMP_XATTR_CREATE));
	OK(rump_sys_setxattr("f", "user.x", "3", 1, RUMP_XATTR_REPLACE));
	assert_value("f", "user.x", "3");
	FAILS(EINVAL, rump_sys_setxattr("f", "user.x", "4", 1, 4));
	assert_value("f", "user.x", "3");
}

static void
names_and_sizes_have_limits(void **state)
{
	char name[NAME_MOST + 2] = "user.";

	make("f");
	memset(name + 5, 'n', NAME_MOST - 4);
	FAILS(ERANGE, rump_sys_setxattr("f", name, "", 0, 0));
	FAILS(ERANGE, rump_sys_getxattr("f", name, NULL, 0));
	FAILS(ERANGE, rump_sys_removexattr("f", name));
	name[NAME_MOST] = '\0';
	OK(rump_sys_setxattr("f", name, "", 0, 0));
	OK(rump_sys_removexattr("f", name));
	FAILS(ERANGE, rump_sys_setxattr("f", "", "", 0, 0));
	FAILS(EINVAL, rump_sys_setxattr("f", "user.", "", 0, 0));
	FAILS(EINVAL, rump_sys_getxattr("f", "trusted.", NULL, 0));
	memset(big, 'v', sizeof(big));
	OK(rump_sys_setxattr("f", "user.big", big, SIZE_MOST, 0));
	FAILS(E2BIG, rump_sys_setxattr("f", "user.big", big, SIZE_MOST + 1, 0));
	FAILS(E2BIG, rump_sys_setxattr("f", "user.big", big, SIZE_MAX, 0));
	assert_int_equal(
	    rump_sys_getxattr("f", "user.big", got, sizeof(got)), SIZE_MOST);
	assert_memory_equal(got, big, SIZE_MOST);
}

static void
what_is_set_can_be_listed(void **state)
{
	char name[NAME_MOST + 1];
	int n, names = 0;

	make("f");
	for (n = 0;; n++) {
		snprintf(name, sizeof(name), "user.%0250d", n);
		if (rump_sys_setxattr("f", name, "", 0, 0) == -1)
			break;
		names += NAME_MOST + 1;
	}
	assert_int_equal(errno, RUMP_ENOSPC);
	assert_int_equal(names, SIZE_MOST);
	assert_int_equal(rump_sys_listxattr("f", got, sizeof(got)), names);
	/* What is there can still be replaced, and what goes makes room. */
	snprintf(name, sizeof(name), "user.%0250d", 0);
	OK(rump_sys_setxattr("f", name, "x", 1, 0));
	OK(rump_sys_removexattr("f", name));
	OK(rump_sys_setxattr("f", "user.short", "x", 1, 0));
}

static void
bad_addresses_are_faults(void **state)
{
	char *nowhere = (char *)8;

	resume_faults();
	make("f");
	set("f", "user.x", "1");
	FAILS(EFAULT, rump_sys_setxattr("f", nowhere, "1", 1, 0));
	FAILS(EFAULT, rump_sys_setxattr("f", "user.x", nowhere, 1, 0));
	FAILS(EFAULT, rump_sys_getxattr("f", "user.x", nowhere, 1));
	FAILS(EFAULT, rump_sys_listxattr("f", nowhere, 64));
	FAILS(EFAULT, rump_sys_setxattr(nowhere, "user.x", "1", 1, 0));
	FAILS(EFAULT, rump_sys_setxattr(NULL, "user.x", "1", 1, 0));
	FAILS(EFAULT, rump_sys_extattr_get_file("f", USER, "x", nowhere, 1));
	assert_value("f", "user.x", "1");
}

static void
links_and_special_files_have_root_s_only(void **state)
{
	char buf[8];

	make("f");
	OK(rump_sys_symlink("f", "l"));
	OK(rump_sys_mkfifo("p", 0666));
	set("l", "user.x", "followed");
	assert_value("f", "user.x", "followed");
	FAILS(EPERM, rump_sys_lsetxattr("l", "user.x", "1", 1, 0));
	FAILS(ENOATTR, rump_sys_lgetxattr("l", "user.x", buf, 8));
	FAILS(EPERM, rump_sys_lremovexattr("l", "user.x"));
	OK(rump_sys_lsetxattr("l", "trusted.x", "link", 4, 0));
	assert_int_equal(rump_sys_lgetxattr("l", "trusted.x", buf, 8), 4);
	assert_int_equal(rump_sys_llistxattr("l", buf, 0), 10);
	FAILS(ENOATTR, rump_sys_getxattr("f", "trusted.x", buf, 8));
	FAILS(EPERM, rump_sys_setxattr("p", "user.x", "1", 1, 0));
	set("p", "security.x", "1");
	FAILS(EOPNOTSUPP, rump_sys_setxattr("f", "other.x", "1", 1, 0));
	FAILS(EOPNOTSUPP,
	    rump_sys_getxattr("f", "system.posix_acl_access", NULL, 0));
	FAILS(ENOENT, rump_sys_setxattr("none", "user.x", "1", 1, 0));
	FAILS(EBADF, rump_sys_fsetxattr(99, "user.x", "1", 1, 0));
}

static void
others_need_permission_and_do_not_see_what_is_trusted(void **state)
{
	char buf[8];

	make("f");
	OK(rump_sys_mkdir("sticky", 0777));
	OK(rump_sys_chmod("sticky", 01777));
	OK(rump_sys_chmod("f", 0604));
	set("f", "user.x", "1");
	set("f", "trusted.x", "2");
	set("f", "security.x", "3");
	become(1000, 1000);
	assert_value("f", "user.x", "1");
	assert_value("f", "security.x", "3");
	FAILS(ENOATTR, rump_sys_getxattr("f", "trusted.x", buf, 8));
	assert_names("f", "user.x,security.x,");
	FAILS(EACCES, rump_sys_setxattr("f", "user.x", "1", 1, 0));
	FAILS(EACCES, rump_sys_setxattr("f", "other.x", "1", 1, 0));
	FAILS(EACCES, rump_sys_removexattr("f", "user.x"));
	FAILS(EPERM, rump_sys_setxattr("f", "trusted.x", "1", 1, 0));
	FAILS(EPERM, rump_sys_setxattr("f", "security.x", "1", 1, 0));
	FAILS(EPERM, rump_sys_removexattr("f", "security.x"));
	FAILS(EPERM, rump_sys_setxattr("sticky", "user.x", "1", 1, 0));
	FAILS(ENOATTR, rump_sys_getxattr("sticky", "user.x", buf, 8));
	FAILS(EPERM, rump_sys_extattr_set_file("f", SYSTEM, "x", "1", 1));
	assert_int_equal(rump_sys_extattr_list_file("f", SYSTEM, NULL, 0), 0);
	become(0, 0);
	OK(rump_sys_chmod("f", 0602));
	become(1000, 1000);
	FAILS(EACCES, rump_sys_getxattr("f", "user.x", buf, 8));
	set("f", "user.x", "4");
}

static void
extattr_reaches_the_same_by_its_own_names(void **state)
{
	char buf[64];
	int fd;

	make("f");
	OK(rump_sys_symlink("f", "l"));
	assert_int_equal(
	    rump_sys_extattr_set_file("l", USER, "one", "1234", 4), 4);
	assert_int_equal(
	    rump_sys_extattr_set_link("f", SYSTEM, "root", "r", 1), 1);
	assert_value("f", "user.one", "1234");
	assert_value("f", "trusted.root", "r");
	set("f", "user.second", "2");
	set("f", "security.x", "3");
	fd = rump_sys_open("f", RUMP_O_RDONLY);
	/* No place asks for the size; too small a one is filled. */
	assert_int_equal(rump_sys_extattr_get_fd(fd, USER, "one", NULL, 0), 4);
	assert_int_equal(rump_sys_extattr_get_fd(fd, USER, "one", buf, 3), 3);
	assert_memory_equal(buf, "123", 3);
	assert_int_equal(rump_sys_extattr_list_fd(fd, USER, NULL, 0), 11);
	assert_int_equal(
	    rump_sys_extattr_list_fd(fd, USER, buf, sizeof(buf)), 11);
	assert_memory_equal(buf, "\6second\3one", 11);
	assert_int_equal(
	    rump_sys_extattr_list_fd(fd, SYSTEM, buf, sizeof(buf)), 5);
	assert_memory_equal(buf, "\4root", 5);
	OK(rump_sys_extattr_delete_fd(fd, USER, "one"));
	FAILS(ENOATTR, rump_sys_extattr_delete_file("f", USER, "one"));
	FAILS(ENOATTR, rump_sys_extattr_get_link("f", USER, "one", buf, 8));
	FAILS(EINVAL, rump_sys_extattr_get_file("f", 0, "one", buf, 8));
	FAILS(EINVAL, rump_sys_extattr_list_file("f", 3, buf, 8));
	FAILS(EINVAL, rump_sys_extattr_set_file("f", USER, "", "", 0));
	FAILS(EOPNOTSUPP, rump_sys_extattrctl("f", 1, "f", USER, "x"));
	FAILS(ENOENT, rump_sys_extattrctl("none", 1, "f", USER, "x"));
	OK(rump_sys_close(fd));
}

static void
a_change_moves_the_time_of_change_only(void **state)
{
	struct rump_timespec old[2] = { { 100, 0 }, { 100, 0 } };
	struct rump_stat before, after;

	make("f");
	OK(rump_sys_utimensat(RUMP_AT_FDCWD, "f", old, 0));
	before = stat_of("f");
	FAILS(ENOATTR, rump_sys_removexattr("f", "user.x"));
	(void)rump_sys_listxattr("f", NULL, 0);
	after = stat_of("f");
	assert_memory_equal(&before, &after, sizeof(before));
	do {
		set("f", "user.x", "1");
		after = stat_of("f");
	} while (memcmp(&before.st_ctim, &after.st_ctim,
		     sizeof(after.st_ctim)) == 0);
	assert_int_equal(after.st_mtim.tv_sec, 100);
	before = after;
	do {
		set("f", "user.x", "1");
		OK(rump_sys_removexattr("f", "user.x"));
		after = stat_of("f");
	} while (memcmp(&before.st_ctim, &after.st_ctim,
		     sizeof(after.st_ctim)) == 0);
	assert_int_equal(after.st_atim.tv_sec, 100);
}

static void
put_capability(const char *file)
{
	set(file, CAPABILITY, "none that anybody acts upon");
}

static void
assert_capability_gone(const char *file)
{
	FAILS(ENOATTR, rump_sys_getxattr(file, CAPABILITY, NULL, 0));
	assert_value(file, "user.x", "stays");
}

static void
capabilities_go_with_what_they_were_given_to(void **state)
{
	int fd;

	make("f");
	set("f", "user.x", "stays");
	put_capability("f");
	OK(rump_sys_chmod("f", 0755));
	assert_int_equal(rump_sys_getxattr("f", CAPABILITY, NULL, 0), 27);
	fd = rump_sys_open("f", RUMP_O_WRONLY);
	assert_int_equal(rump_sys_write(fd, "x", 1), 1);
	assert_capability_gone("f");
	OK(rump_sys_close(fd));
	put_capability("f");
	OK(rump_sys_truncate("f", 1));
	assert_capability_gone("f");
	put_capability("f");
	OK(rump_sys_chown("f", 1000, (gid_t)-1));
	assert_capability_gone("f");
}

static void
mount_tmpfs(const char *dir, const char *source)
{
	char text[256] = "";

	OK(rump_sys_mkdir(dir, 0755));
	if (rump_mount_url(dir, source, text, sizeof(text)) != 0)
		fail_msg("%s: %s", source, text);
}

static uint64_t
room(const char *path)
{
	struct rump_statvfs sv;

	OK(rump_sys_statvfs1(path, &sv, RUMP_ST_WAIT));
	return sv.f_bfree;
}

static void
attributes_count_as_what_they_take(void **state)
{
	uint64_t before, after;
	char name[16];
	int n;

	mount_tmpfs("/small", "tmpfs:?size=1m");
	make("/small/f");
	before = room("/small");
	for (n = 0; n < 100; n++) {
		snprintf(name, sizeof(name), "user.%d", n);
		if (rump_sys_setxattr("/small/f", name, big, SIZE_MOST, 0) ==
		    -1)
			break;
	}
	assert_int_equal(errno, RUMP_ENOSPC);
	assert_int_equal(n, 15);
	OK(rump_sys_removexattr("/small/f", "user.0"));
	OK(rump_sys_setxattr("/small/f", "user.0", big, SIZE_MOST, 0));
	set("/small/f", "user.0", "less");
	after = room("/small");
	assert_true(after > before - 15 * (SIZE_MOST / 4096));
	OK(rump_sys_link("/small/f", "/small/g"));
	OK(rump_sys_unlink("/small/f"));
	assert_int_equal(room("/small"), after);
	OK(rump_sys_unlink("/small/g"));
	assert_true(room("/small") >= before);
	make("/small/f");
	set("/small/f", "user.x", "goes with the mount");
	OK(rump_sys_unmount("/small", 0));
}

static void
a_mount_that_is_read_only_changes_none(void **state)
{
	struct rump_tmpfs_args args = { .ta_version = 1, .ta_root_mode = 0755 };

	OK(rump_sys_mkdir("/still", 0755));
	OK(rump_sys_mount("tmpfs", "/still", 0, &args, sizeof(args)));
	make("/still/f");
	set("/still/f", "user.x", "1");
	OK(rump_sys_mount("tmpfs", "/still", RUMP_MNT_UPDATE | RUMP_MNT_RDONLY,
	    &args, sizeof(args)));
	assert_value("/still/f", "user.x", "1");
	FAILS(EROFS, rump_sys_setxattr("/still/f", "user.x", "2", 1, 0));
	FAILS(EROFS, rump_sys_removexattr("/still/f", "user.x"));
	become(1000, 1000);
	FAILS(EROFS, rump_sys_setxattr("/still/f", "trusted.x", "2", 1, 0));
	become(0, 0);
	OK(rump_sys_unmount("/still", 0));
}

#define THREADS 4
#define ROUNDS 2000

/* Each has a name of its own, and all fight for one. */
static void *
fight(void *arg)
{
	char name[16], value[32];
	long id = (long)arg;

	rump_schedule();
	snprintf(name, sizeof(name), "user.own%ld", id);
	for (int i = 0; i < ROUNDS; i++) {
		snprintf(value, sizeof(value), "%d", i);
		if (rump_sys_setxattr("f", name, value, strlen(value), 0) != 0)
			return arg;
		(void)rump_sys_setxattr("f", "user.all", value, (size_t)i % 32,
		    i & RUMP_XATTR_CREATE);
		(void)rump_sys_listxattr("f", value, sizeof(value));
		(void)rump_sys_removexattr("f", "user.all");
	}
	rump_unschedule();
	return NULL;
}

static void
many_hands_at_one_file_lose_nothing(void **state)
{
	pthread_t threads[THREADS];
	char last[16], name[16];
	void *failed;

	make("f");
	rump_unschedule();
	for (long i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, fight, (void *)i), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	rump_schedule();
	snprintf(last, sizeof(last), "%d", ROUNDS - 1);
	for (int i = 0; i < THREADS; i++) {
		snprintf(name, sizeof(name), "user.own%d", i);
		assert_value("f", name, last);
	}
	assert_names("f", "user.own3,user.own2,user.own1,user.own0,");
}

#define TEST(name) cmocka_unit_test_setup(name, fresh_directory)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(values_are_set_read_listed_and_removed),
		TEST(a_size_of_nothing_asks_and_too_little_is_an_error),
		TEST(creating_and_replacing_can_be_told_apart),
		TEST(names_and_sizes_have_limits),
		TEST(what_is_set_can_be_listed),
		TEST(bad_addresses_are_faults),
		TEST(links_and_special_files_have_root_s_only),
		TEST(others_need_permission_and_do_not_see_what_is_trusted),
		TEST(extattr_reaches_the_same_by_its_own_names),
		TEST(a_change_moves_the_time_of_change_only),
		TEST(capabilities_go_with_what_they_were_given_to),
		TEST(attributes_count_as_what_they_take),
		TEST(a_mount_that_is_read_only_changes_none),
		TEST(many_hands_at_one_file_lose_nothing),
	};

	return cmocka_run_group_tests(tests, boot_and_enter_kernel, NULL);
}
