/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rump/rumpdefs.h"

#include "mock_kernel.h"

static char buf[256];

static const char *
get(const char *name)
{
	assert_int_equal(rumpuser_getparam(name, buf, sizeof(buf)), 0);
	return buf;
}

static void
there_are_two_cpus_unless_the_environment_says_otherwise(void **state)
{
	assert_string_equal(get(RUMPUSER_PARAM_NCPU), "2");
	mock_env_set("RUMP_NCPU", "17");
	assert_string_equal(get(RUMPUSER_PARAM_NCPU), "17");
}

static void
ncpu_host_counts_the_processors_online(void **state)
{
	char online[16];

	mock_allow_blocking(true);
	snprintf(online, sizeof(online), "%ld", sysconf(_SC_NPROCESSORS_ONLN));
	mock_env_set("RUMP_NCPU", "host");
	assert_string_equal(get(RUMPUSER_PARAM_NCPU), online);
}

static const char *online_list;

static long
give_list(long nr, const long arg[6])
{
	if (nr == SYS_openat)
		return online_list == NULL ? -ENOENT : 1000;
	if (nr == SYS_close && arg[0] == 1000)
		return 0;
	if (nr != SYS_read)
		return MOCK_GO_ON;
	strcpy((char *)arg[1], online_list);
	return (long)strlen(online_list);
}

static void
lists_of_processors_are_understood(void **state)
{
	static const char *const cases[][2] = { { "0\n", "1" },
		{ "0-3\n", "4" }, { "0,2,5-7\n", "5" }, { "0-127\n", "128" },
		{ "", "1" }, { "rubbish", "1" }, { "7-3\n", "1" },
		{ NULL, "1" } };
	size_t i;

	mock_env_set("RUMP_NCPU", "host");
	mock_hook_set(give_list);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		online_list = cases[i][0];
		assert_string_equal(get(RUMPUSER_PARAM_NCPU), cases[i][1]);
	}
}

static void
the_host_name_has_pid_and_host(void **state)
{
	char expected[256], host[128];

	gethostname(host, sizeof(host));
	snprintf(expected, sizeof(expected), "rump-%05d.%s", getpid(), host);
	assert_string_equal(get(RUMPUSER_PARAM_HOSTNAME), expected);
}

static long
no_name(long nr, const long arg[6])
{
	if (nr == SYS_getpid)
		return 42;
	return nr == SYS_uname ? -EFAULT : MOCK_GO_ON;
}

static void
without_a_host_the_name_is_the_pid_in_five_digits(void **state)
{
	mock_hook_set(no_name);
	assert_string_equal(get(RUMPUSER_PARAM_HOSTNAME), "rump-00042");
}

static void
other_names_come_from_the_environment(void **state)
{
	mock_env_set("RUMP_VERBOSE", "1");
	mock_env_set("RUMP_MEMLIMIT", "");
	assert_string_equal(get("RUMP_VERBOSE"), "1");
	assert_string_equal(get("RUMP_MEMLIMIT"), "");
}

static void
an_unset_name_is_enoent_and_an_unknown_private_one_einval(void **state)
{
	assert_int_equal(
	    rumpuser_getparam("RUMP_THREADS", buf, sizeof(buf)), RUMP_ENOENT);
	mock_env_set("_SECRET", "1");
	assert_int_equal(
	    rumpuser_getparam("_SECRET", buf, sizeof(buf)), RUMP_EINVAL);
	assert_int_equal(
	    rumpuser_getparam("_RUMPUSER_NCP", buf, sizeof(buf)), RUMP_EINVAL);
}

static void
a_value_that_does_not_fit_is_erange(void **state)
{
	mock_env_set("RUMP_NVNODES", "1234");
	assert_int_equal(
	    rumpuser_getparam("RUMP_NVNODES", buf, 4), RUMP_ERANGE);
	assert_int_equal(
	    rumpuser_getparam("RUMP_NVNODES", buf, 0), RUMP_ERANGE);
	assert_int_equal(rumpuser_getparam("RUMP_NVNODES", buf, 5), 0);
	assert_int_equal(
	    rumpuser_getparam(RUMPUSER_PARAM_HOSTNAME, buf, 8), RUMP_ERANGE);
	assert_int_equal(
	    rumpuser_getparam(RUMPUSER_PARAM_NCPU, buf, 1), RUMP_ERANGE);
}

static void
plainly_linked_the_environment_is_the_programs(void **state)
{
	static const struct rumpuser_hostops plain;

	rumpuser_set_hostops(&plain);
	setenv("RUMP_TEST_X", "wrong", 1);
	setenv("RUMP_TEST", "right", 1);
	assert_string_equal(get("RUMP_TEST"), "right");
	unsetenv("RUMP_TEST");
	assert_int_equal(
	    rumpuser_getparam("RUMP_TEST", buf, sizeof(buf)), RUMP_ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		MOCK_TEST(
		    there_are_two_cpus_unless_the_environment_says_otherwise),
		MOCK_TEST(ncpu_host_counts_the_processors_online),
		MOCK_TEST(lists_of_processors_are_understood),
		MOCK_TEST(the_host_name_has_pid_and_host),
		MOCK_TEST(without_a_host_the_name_is_the_pid_in_five_digits),
		MOCK_TEST(other_names_come_from_the_environment),
		MOCK_TEST(
		    an_unset_name_is_enoent_and_an_unknown_private_one_einval),
		MOCK_TEST(a_value_that_does_not_fit_is_erange),
		MOCK_TEST(plainly_linked_the_environment_is_the_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
