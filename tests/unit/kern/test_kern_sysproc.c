/* SPDX-License-Identifier: BSD-2-Clause */
/* Process groups, sessions and limits. */
#include <errno.h>

#include "tests/unit/kern/kern_test.h"

#include "rump/rump_syscalls.h"

#define FAILS(call, error)                                                     \
	do {                                                                   \
		assert_int_equal((call), -1);                                  \
		assert_int_equal(errno, (error));                              \
	} while (0)

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
a_child_starts_in_the_group_and_session_of_its_parent(void **state)
{
	assert_int_equal(rump_sys_getpgrp(), 1);
	assert_int_equal(rump_sys_getpgid(0), 1);
	assert_int_equal(rump_sys_getsid(0), 1);
	assert_int_equal(rump_sys_getpgid(1), 1);
	FAILS(rump_sys_getpgid(4711), RUMP_ESRCH);
	FAILS(rump_sys_getsid(4711), RUMP_ESRCH);
}

static void
setsid_makes_a_leader_once(void **state)
{
	int pid = rump_sys_getpid();

	assert_int_equal(rump_sys_setsid(), pid);
	assert_int_equal(rump_sys_getsid(0), pid);
	assert_int_equal(rump_sys_getpgrp(), pid);
	FAILS(rump_sys_setsid(), RUMP_EPERM);
	/* A session leader cannot change its group. */
	FAILS(rump_sys_setpgid(0, 0), RUMP_EPERM);
}

static void
setpgid_moves_within_the_session(void **state)
{
	int pid = rump_sys_getpid();

	assert_int_equal(rump_sys_setpgid(0, 0), 0);
	assert_int_equal(rump_sys_getpgrp(), pid);
	assert_int_equal(rump_sys_setpgid(pid, 1), 0);
	FAILS(rump_sys_setpgid(0, 4711), RUMP_EPERM);
	FAILS(rump_sys_setpgid(0, -1), RUMP_EINVAL);
	FAILS(rump_sys_setpgid(1, 1), RUMP_ESRCH);
	FAILS(rump_sys_setpgid(4711, 0), RUMP_ESRCH);
}

static void
limits_go_down_freely_and_up_for_root(void **state)
{
	struct rump_rlimit rl;

	assert_int_equal(
	    rump_sys_getrlimit(RUMP_RLIMIT_NOFILE, (void *)&rl), 0);
	assert_int_equal(rl.rlim_cur, 65536);
	rl = (struct rump_rlimit){ 10, 20 };
	assert_int_equal(rump_sys_setrlimit(RUMP_RLIMIT_CORE, (void *)&rl), 0);
	rl = (struct rump_rlimit){ 30, 40 };
	assert_int_equal(rump_sys_setrlimit(RUMP_RLIMIT_CORE, (void *)&rl), 0);
	assert_int_equal(rump_sys_setuid(10), 0);
	rl.rlim_max++;
	FAILS(rump_sys_setrlimit(RUMP_RLIMIT_CORE, (void *)&rl), RUMP_EPERM);
	rl = (struct rump_rlimit){ 2, 1 };
	FAILS(rump_sys_setrlimit(RUMP_RLIMIT_CORE, (void *)&rl), RUMP_EINVAL);
	FAILS(rump_sys_setrlimit(12, (void *)&rl), RUMP_EINVAL);
	FAILS(rump_sys_getrlimit(-1, (void *)&rl), RUMP_EINVAL);
	assert_int_equal(rump_sys_getrlimit(RUMP_RLIMIT_CORE, (void *)&rl), 0);
	assert_int_equal(rl.rlim_cur, 30);
	assert_int_equal(rl.rlim_max, 40);
}

#define IN_PROCESS(f)                                                          \
	cmocka_unit_test_setup_teardown(f, new_process, end_process)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PROCESS(
		    a_child_starts_in_the_group_and_session_of_its_parent),
		IN_PROCESS(setsid_makes_a_leader_once),
		IN_PROCESS(setpgid_moves_within_the_session),
		IN_PROCESS(limits_go_down_freely_and_up_for_root),
	};

	return cmocka_run_group_tests(tests, boot_kernel, NULL);
}
