/* SPDX-License-Identifier: BSD-2-Clause */
#include "preload/comm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "preload/call.h"
#include "preload/engine/thread.h"

/* The host: what it calls the process. */
static char shown[16];

static long
host(long nr, long a, long b, long c, long d, long e, long f)
{
	if (nr != SYS_prctl || a != PR_SET_NAME)
		return -1;
	strncpy(shown, (const char *)b, sizeof(shown) - 1);
	return 0;
}

long (*host_call)(long, long, long, long, long, long, long) = host;

__thread struct thread engine_thread;

static void
assert_said(const char *path, const char *variable)
{
	char buf[64];

	comm_set(path);
	assert_int_equal(comm_exec_env(buf, sizeof(buf)), strlen(variable));
	assert_string_equal(buf, variable);
}

static void
the_name_is_the_last_component_of_the_path(void **state)
{
	assert_said("script", "RUMPKIT_COMM=script");
	assert_said("/data/dir/script", "RUMPKIT_COMM=script");
	assert_said("./a.b c", "RUMPKIT_COMM=a.b c");
}

static void
a_long_name_is_cut_off_as_the_host_does(void **state)
{
	assert_said("/d/0123456789abcdefghij", "RUMPKIT_COMM=0123456789abcde");
	assert_said("0123456789abcde", "RUMPKIT_COMM=0123456789abcde");
}

static void
nothing_is_said_where_the_hosts_name_is_right(void **state)
{
	char buf[64] = "as before";

	comm_set("/data/script");
	comm_set("");
	assert_int_equal(comm_exec_env(buf, sizeof(buf)), 0);
	assert_string_equal(buf, "as before");
	comm_set("/data/dir/");
	assert_int_equal(comm_exec_env(buf, sizeof(buf)), 0);
}

static void
the_next_image_takes_the_name(void **state)
{
	comm_take("script");
	assert_string_equal(shown, "script");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_name_is_the_last_component_of_the_path),
		cmocka_unit_test(a_long_name_is_cut_off_as_the_host_does),
		cmocka_unit_test(nothing_is_said_where_the_hosts_name_is_right),
		cmocka_unit_test(the_next_image_takes_the_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
