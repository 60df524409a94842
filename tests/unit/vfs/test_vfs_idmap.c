/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes of user namespaces, in which ids are called otherwise. */
#include "tests/unit/vfs/vfs_test.h"

#define NOBODY 65534

/* 0 and 1 inside are users 1000 and 1001; 10 to 19 are 500 to 509.  The groups: 0
 * is 2000. */
static const struct rump_idrange uids[] = { { 0, 1000, 2 }, { 10, 500, 10 } };
static const struct rump_idrange gids[] = { { 0, 2000, 1 } };
static const struct rump_idmap map = { uids, gids, 2, 1 };
static const struct rump_idmap empty = { NULL, NULL, 0, 0 };

static void
enter(const struct rump_idmap *im, uint32_t uid, uint32_t gid)
{
	struct rump_hostcred hc = { .hc_uid = { uid, uid, uid },
		.hc_gid = { gid, gid, gid },
		.hc_umask = -1,
		.hc_idmap = im };

	rump_lwp_setcred(&hc);
}

static void
leave(void)
{
	rump_lwp_setcred(NULL);
}

static int
leave_namespace(void **state)
{
	leave();
	return 0;
}

static void
make_owned(const char *name, uint32_t uid, uint32_t gid, mode_t mode)
{
	make_file(name, "text");
	OK(rump_sys_chown(name, uid, gid));
	OK(rump_sys_chmod(name, mode));
}

static void
assert_owner(const char *name, uint32_t uid, uint32_t gid)
{
	struct rump_stat st = stat_of(name);

	assert_int_equal(st.st_uid, uid);
	assert_int_equal(st.st_gid, gid);
}

static void
owners_are_called_as_they_are_inside(void **state)
{
	make_owned("a", 1001, 2000, 0644);
	make_owned("b", 509, 0, 0644);
	make_owned("c", 510, 2001, 0644);
	enter(&map, 1000, 2000);
	assert_owner("a", 1, 0);
	assert_owner("b", 19, NOBODY);
	assert_owner("c", NOBODY, NOBODY);
	enter(&empty, 1000, 2000);
	assert_owner("a", NOBODY, NOBODY);
	leave();
	assert_owner("a", 1001, 2000);
}

static void
what_is_made_belongs_to_who_it_is_outside(void **state)
{
	OK(rump_sys_chmod(".", 0777));
	enter(&map, 1001, 2000);
	make_file("f", "");
	assert_owner("f", 1, 0);
	leave();
	assert_owner("f", 1001, 2000);
	OK(rump_sys_chmod(".", 0755));
}

static void
owners_are_given_by_their_names_inside(void **state)
{
	make_owned("f", 1000, 2000, 0644);
	enter(&map, 1000, 2000);
	OK(rump_sys_chown("f", 12, (gid_t)-1));
	OK(rump_sys_fchownat(RUMP_AT_FDCWD, "f", (uid_t)-1, 0, 0));
	FAILS(EINVAL, rump_sys_chown("f", 1000, (gid_t)-1));
	FAILS(EINVAL, rump_sys_chown("f", 2, (gid_t)-1));
	FAILS(EINVAL, rump_sys_lchown("f", (uid_t)-1, 1));
	FAILS(EINVAL, rump_sys_chown("f", NOBODY, NOBODY));
	leave();
	assert_owner("f", 502, 2000);
}

static void
who_is_root_inside_rules_what_is_known_there(void **state)
{
	make_owned("known", 505, 2000, 0);
	make_owned("group", 505, 0, 0);
	make_owned("alien", 0, 2000, 0);
	enter(&map, 1000, 2000);
	OK(rump_sys_close(rump_sys_open("known", RUMP_O_RDWR)));
	FAILS(EACCES, rump_sys_open("group", RUMP_O_RDONLY));
	FAILS(EACCES, rump_sys_open("alien", RUMP_O_RDONLY));
	OK(rump_sys_chmod("known", 0600));
	FAILS(EPERM, rump_sys_chmod("alien", 0600));
	FAILS(EPERM, rump_sys_chown("alien", 0, (gid_t)-1));
	/* Another one of the namespace is not root. */
	enter(&map, 1001, 2000);
	FAILS(EACCES, rump_sys_open("known", RUMP_O_RDONLY));
	FAILS(EPERM, rump_sys_chmod("known", 0644));
}

static void
the_superuser_is_none_in_a_namespace(void **state)
{
	make_owned("others", 3, 3, 0600);
	make_owned("own", 0, 0, 0600);
	OK(rump_sys_mkdir("m", 0755));
	enter(&empty, 0, 0);
	FAILS(EACCES, rump_sys_open("others", RUMP_O_RDONLY));
	OK(rump_sys_close(rump_sys_open("own", RUMP_O_RDONLY)));
	FAILS(EPERM, rump_sys_mount("rumpfs", "m", 0, NULL, 0));
	FAILS(EPERM, rump_sys_mknod("null", RUMP_S_IFCHR | 0666, 0x202));
	FAILS(EPERM, rump_sys_reboot(0, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    owners_are_called_as_they_are_inside, fresh_directory,
		    leave_namespace),
		cmocka_unit_test_setup_teardown(
		    what_is_made_belongs_to_who_it_is_outside, fresh_directory,
		    leave_namespace),
		cmocka_unit_test_setup_teardown(
		    owners_are_given_by_their_names_inside, fresh_directory,
		    leave_namespace),
		cmocka_unit_test_setup_teardown(
		    who_is_root_inside_rules_what_is_known_there,
		    fresh_directory, leave_namespace),
		cmocka_unit_test_setup_teardown(
		    the_superuser_is_none_in_a_namespace, fresh_directory,
		    leave_namespace),
	};

	return cmocka_run_group_tests(tests, boot_kernel, NULL);
}
