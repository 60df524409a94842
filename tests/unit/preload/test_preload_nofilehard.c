/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "preload/call.h"
#include "preload/nofile.h"
#include "preload/process.h"

/* The host: its limits of this process, and whether that may raise them. */
static struct rlimit limits;
static bool capable, own_memory;

static long
change_limits(const struct rlimit *to)
{
	if (to->rlim_cur > to->rlim_max)
		return -EINVAL;
	if (to->rlim_max > limits.rlim_max && !capable)
		return -EPERM;
	limits = *to;
	return 0;
}

static long
host(long nr, long a, long b, long c, long d, long e, long f)
{
	struct __user_cap_data_struct *data = (void *)b;
	struct rlimit *was = (struct rlimit *)d;

	if (nr == SYS_capget) {
		memset(data, 0, 2 * sizeof(*data));
		data[0].effective = capable ? 1U << CAP_SYS_RESOURCE : 0;
		return 0;
	}
	assert_int_equal(nr, SYS_prlimit64);
	assert_int_equal(b, RLIMIT_NOFILE);
	if (was != NULL)
		*was = limits;
	return c != 0 ? change_limits((const struct rlimit *)c) : 0;
}

long (*host_call)(long, long, long, long, long, long, long) = host;

bool
process_owns_memory(void)
{
	return own_memory;
}

static int
fresh(void **state)
{
	struct rlimit all = { 1024, 524288 }, was;

	own_memory = capable = true;
	limits = all;
	/* What an earlier test has left is taken back by who may. */
	(void)nofile_exchange(&all, &was);
	capable = false;
	return 0;
}

static long
set(rlim_t soft, rlim_t hard)
{
	struct rlimit to = { soft, hard }, was;

	return nofile_exchange(&to, &was);
}

static void
assert_limits(rlim_t soft, rlim_t hard)
{
	struct rlimit now;

	assert_int_equal(nofile_exchange(NULL, &now), 0);
	assert_int_equal(now.rlim_cur, soft);
	assert_int_equal(now.rlim_max, hard);
}

static void
a_limit_that_leaves_room_is_the_hosts(void **state)
{
	struct rlimit to = { 2000, 8192 }, was;

	assert_int_equal(nofile_exchange(&to, &was), 0);
	assert_int_equal(was.rlim_cur, 1024);
	assert_int_equal(was.rlim_max, 524288);
	assert_limits(2000, 8192);
	assert_int_equal(limits.rlim_max, 8192);
	assert_int_equal(set(2000, 16384), -EPERM);
}

static void
a_low_hard_limit_is_the_programs_alone(void **state)
{
	assert_int_equal(set(100, 256), 0);
	assert_limits(100, 256);
	assert_int_equal(limits.rlim_cur, 100);
	assert_int_equal(limits.rlim_max, 524288);
	/* Up to it the soft one can be raised, as on the host. */
	assert_int_equal(set(256, 256), 0);
	assert_limits(256, 256);
}

static void
what_was_lowered_stays_low_for_who_has_no_right(void **state)
{
	assert_int_equal(set(100, 256), 0);
	assert_int_equal(set(100, 257), -EPERM);
	assert_int_equal(set(257, 256), -EINVAL);
	assert_int_equal(set(50, 128), 0);
	assert_int_equal(set(50, 256), -EPERM);
	assert_limits(50, 128);
}

static void
who_has_the_right_raises_it_again(void **state)
{
	assert_int_equal(set(100, 256), 0);
	capable = true;
	assert_int_equal(set(5000, 8192), 0);
	assert_limits(5000, 8192);
	assert_int_equal(limits.rlim_max, 8192);
}

static void
a_child_that_borrows_memory_changes_only_the_host(void **state)
{
	own_memory = false;
	assert_int_equal(set(100, 256), 0);
	assert_int_equal(limits.rlim_max, 256);
	own_memory = true;
	limits = (struct rlimit){ 1024, 524288 };
	assert_limits(1024, 524288);
}

static void
the_next_image_is_told_and_keeps_to_it(void **state)
{
	char buf[64] = "as before";

	assert_int_equal(nofile_exec_env(buf, sizeof(buf)), 0);
	assert_string_equal(buf, "as before");
	assert_int_equal(set(100, 256), 0);
	assert_int_equal(nofile_exec_env(buf, sizeof(buf)), 20);
	assert_string_equal(buf, "RUMPKIT_NOFILE=256 0");
	(void)fresh(state);
	nofile_take("64");
	assert_limits(1024, 64);
	assert_int_equal(set(64, 65), -EPERM);
}

static void
a_variable_that_is_no_limit_of_ours_says_nothing(void **state)
{
	nofile_take("4096");
	nofile_take("99999999999999999999999999");
	assert_limits(1024, 524288);
}

static void
a_soft_limit_as_high_as_the_hard_one_leaves_us_room(void **state)
{
	assert_int_equal(set(20000, 20000), 0);
	assert_limits(20000, 20000);
	assert_int_equal(limits.rlim_cur, 20000 - 24);
	assert_int_equal(limits.rlim_max, 20000);
	assert_int_equal(set(19000, 20000), 0);
	assert_limits(19000, 20000);
	assert_int_equal(limits.rlim_cur, 19000);
	assert_int_equal(set(8192, 8192), 0);
	assert_limits(8192, 8192);
	/* What others set it to is what it is. */
	limits.rlim_cur = 77;
	assert_limits(77, 8192);
}

static void
the_room_is_made_at_the_start_and_kept_by_the_next_image(void **state)
{
	char buf[64];

	limits = (struct rlimit){ 1024, 1024 };
	nofile_start(true);
	assert_limits(1024, 1024);
	assert_int_equal(limits.rlim_cur, 1000);
	assert_int_equal(nofile_room(), 1000);
	assert_int_equal(nofile_exec_env(buf, sizeof(buf)), 24);
	assert_string_equal(buf, "RUMPKIT_NOFILE=4096 1024");
	nofile_start(true);
	assert_limits(1024, 1024);
	assert_int_equal(limits.rlim_cur, 1000);
	assert_int_equal(set(512, 1024), 0);
	nofile_take("4096 1024");
	assert_limits(512, 1024);
	limits.rlim_cur = 1000;
	nofile_start(false);
	assert_int_equal(limits.rlim_cur, 1024);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    a_limit_that_leaves_room_is_the_hosts, fresh),
		cmocka_unit_test_setup(
		    a_low_hard_limit_is_the_programs_alone, fresh),
		cmocka_unit_test_setup(
		    what_was_lowered_stays_low_for_who_has_no_right, fresh),
		cmocka_unit_test_setup(
		    who_has_the_right_raises_it_again, fresh),
		cmocka_unit_test_setup(
		    a_child_that_borrows_memory_changes_only_the_host, fresh),
		cmocka_unit_test_setup(
		    the_next_image_is_told_and_keeps_to_it, fresh),
		cmocka_unit_test_setup(
		    a_variable_that_is_no_limit_of_ours_says_nothing, fresh),
		cmocka_unit_test_setup(
		    a_soft_limit_as_high_as_the_hard_one_leaves_us_room, fresh),
		cmocka_unit_test_setup(
		    the_room_is_made_at_the_start_and_kept_by_the_next_image,
		    fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
