/* SPDX-License-Identifier: BSD-2-Clause */
/* User and group ids, as root and as somebody. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "tests/unit/kern/kern_test.h"

#include "kern/cred.h"
#include "kern/kmem.h"
#include "rump/rump_syscalls.h"

#define FAILS(call, error)                                                     \
	do {                                                                   \
		assert_int_equal((call), -1);                                  \
		assert_int_equal(errno, (error));                              \
	} while (0)

/* Each test in a process of its own, as root. */
static int
new_process(void **state)
{
	return rump_pub_lwproc_rfork(RUMP_RFCFDG);
}

static int
end_process(void **state)
{
	rump_pub_lwproc_releaselwp();
	return 0;
}

static void
root_may_become_anybody_and_not_come_back(void **state)
{
	assert_int_equal(rump_sys_setgid(20), 0);
	assert_int_equal(rump_sys_setuid(10), 0);
	assert_int_equal(rump_sys_getuid(), 10);
	assert_int_equal(rump_sys_geteuid(), 10);
	assert_int_equal(rump_sys_getgid(), 20);
	FAILS(rump_sys_setuid(0), RUMP_EPERM);
	FAILS(rump_sys_seteuid(0), RUMP_EPERM);
	FAILS(rump_sys_setreuid(0, 0), RUMP_EPERM);
	FAILS(rump_sys_setgid(0), RUMP_EPERM);
	FAILS(rump_sys_setegid(0), RUMP_EPERM);
	FAILS(rump_sys_setgroups(0, NULL), RUMP_EPERM);
	assert_int_equal(rump_sys_setuid(10), 0);
}

static void
the_effective_id_may_go_and_come_back(void **state)
{
	assert_int_equal(rump_sys_setegid(20), 0);
	assert_int_equal(rump_sys_seteuid(10), 0);
	assert_int_equal(rump_sys_getuid(), 0);
	assert_int_equal(rump_sys_geteuid(), 10);
	assert_int_equal(rump_sys_getegid(), 20);
	FAILS(rump_sys_seteuid(11), RUMP_EPERM);
	assert_int_equal(rump_sys_seteuid(0), 0);
	assert_int_equal(rump_sys_geteuid(), 0);
}

static void
setreuid_swaps_and_moves_the_saved_id(void **state)
{
	assert_int_equal(rump_sys_setreuid(10, 11), 0);
	assert_int_equal(rump_sys_setreuid(11, 10), 0);
	assert_int_equal(rump_sys_getuid(), 11);
	assert_int_equal(rump_sys_geteuid(), 10);
	assert_int_equal(rump_sys_setreuid((uint32_t)-1, 11), 0);
	assert_int_equal(rump_sys_geteuid(), 11);
	FAILS(rump_sys_setreuid(12, (uint32_t)-1), RUMP_EPERM);
	assert_int_equal(rump_sys_setregid((uint32_t)-1, (uint32_t)-1), 0);
}

static void
minus_one_is_nobody(void **state)
{
	FAILS(rump_sys_setuid((uint32_t)-1), RUMP_EINVAL);
	FAILS(rump_sys_seteuid((uint32_t)-1), RUMP_EINVAL);
	FAILS(rump_sys_setgid((uint32_t)-1), RUMP_EINVAL);
	FAILS(rump_sys_setegid((uint32_t)-1), RUMP_EINVAL);
}

static void
groups_are_kept_in_order_and_bounded(void **state)
{
	uint32_t set[17] = { 5, 4, 3 }, got[16];

	assert_int_equal(rump_sys_setgroups(3, set), 0);
	assert_int_equal(rump_sys_getgroups(0, NULL), 3);
	FAILS(rump_sys_getgroups(2, got), RUMP_EINVAL);
	FAILS(rump_sys_getgroups(-1, got), RUMP_EINVAL);
	assert_int_equal(rump_sys_getgroups(16, got), 3);
	assert_memory_equal(got, set, 3 * sizeof(set[0]));
	FAILS(rump_sys_setgroups(17, set), RUMP_EINVAL);
	FAILS(rump_sys_setgroups(-1, set), RUMP_EINVAL);
	assert_int_equal(rump_sys_setgroups(16, set), 0);
	assert_int_equal(rump_sys_issetugid(), 0);
}

static void
membership_counts_the_effective_group(void **state)
{
	uint32_t groups[2] = { 30, 31 };
	size_t before = kmem_outstanding();
	kauth_cred_t cred = rump_pub_cred_create(1, 2, 2, groups);

	assert_int_equal(cred->cr_euid, 1);
	assert_true(kauth_cred_ismember(cred, 2));
	assert_true(kauth_cred_ismember(cred, 31));
	assert_false(kauth_cred_ismember(cred, 32));
	kauth_cred_hold(cred);
	rump_pub_cred_put(cred);
	rump_pub_cred_put(cred);
	assert_int_equal(kmem_outstanding(), before);
}

static void
a_host_may_have_more_groups_than_setgroups_sets(void **state)
{
	uint32_t groups[200];
	kauth_cred_t cred;

	for (uint32_t i = 0; i < 200; i++)
		groups[i] = 1000 + i;
	cred = rump_pub_cred_create(1, 2, 200, groups);
	assert_true(kauth_cred_ismember(cred, 1199));
	assert_false(kauth_cred_ismember(cred, 1200));
	rump_pub_cred_put(cred);
}

static void *
change_ids(void *arg)
{
	assert_int_equal(rump_pub_lwproc_newlwp((int)(intptr_t)arg), 0);
	for (int i = 0; i < 2000; i++) {
		assert_int_equal(rump_sys_setegid((uint32_t)i), 0);
		assert_int_equal(rump_sys_geteuid(), 0);
	}
	rump_pub_lwproc_releaselwp();
	return NULL;
}

static void
threads_may_change_and_read_ids_at_once(void **state)
{
	intptr_t pid = rump_sys_getpid();
	pthread_t t[3];
	size_t before;

	/* From here on the process has a credential of its own. */
	assert_int_equal(rump_sys_setegid(77), 0);
	before = kmem_outstanding();
	for (int i = 0; i < 3; i++)
		t[i] = spawn(change_ids, (void *)pid);
	for (int i = 0; i < 3; i++)
		join(t[i]);
	assert_int_equal(rump_sys_getegid(), 1999);
	assert_int_equal(kmem_outstanding(), before);
}

#define IN_PROCESS(f)                                                          \
	cmocka_unit_test_setup_teardown(f, new_process, end_process)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PROCESS(root_may_become_anybody_and_not_come_back),
		IN_PROCESS(the_effective_id_may_go_and_come_back),
		IN_PROCESS(setreuid_swaps_and_moves_the_saved_id),
		IN_PROCESS(minus_one_is_nobody),
		IN_PROCESS(groups_are_kept_in_order_and_bounded),
		IN_PROCESS(membership_counts_the_effective_group),
		IN_PROCESS(a_host_may_have_more_groups_than_setgroups_sets),
		IN_PROCESS(threads_may_change_and_read_ids_at_once),
	};

	return cmocka_run_group_tests(tests, boot_kernel, NULL);
}
