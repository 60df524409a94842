/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "rump/rumpdefs.h"

#include "mock_kernel.h"

#define NS 1000000000L

static int64_t
host_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * NS + ts.tv_nsec;
}

static int64_t
rump_ns(int clk)
{
	int64_t sec;
	long nsec;

	assert_int_equal(rumpuser_clock_gettime(clk, &sec, &nsec), 0);
	assert_in_range(nsec, 0, NS - 1);
	return sec * NS + nsec;
}

static void
the_clocks_are_the_hosts(void **state)
{
	int64_t after, before, now;

	before = host_ns(CLOCK_REALTIME);
	now = rump_ns(RUMPUSER_CLOCK_RELWALL);
	after = host_ns(CLOCK_REALTIME);
	assert_true(before <= now && now <= after);
	before = host_ns(CLOCK_MONOTONIC);
	now = rump_ns(RUMPUSER_CLOCK_ABSMONO);
	after = host_ns(CLOCK_MONOTONIC);
	assert_true(before <= now && now <= after);
}

static void
reading_a_clock_keeps_the_cpu_and_needs_no_host_call(void **state)
{
	mock_enter(NULL);
	rump_ns(RUMPUSER_CLOCK_RELWALL);
	rump_ns(RUMPUSER_CLOCK_ABSMONO);
	mock_log_expect("", NULL);
	assert_int_equal(mock_log_count(MOCK_HOSTCALL), 0);
	mock_leave();
}

static void
read_third_clock(void)
{
	int64_t sec;
	long nsec;

	rumpuser_clock_gettime(2, &sec, &nsec);
}

static void
sleep_on_third_clock(void)
{
	rumpuser_clock_sleep(-1, 0, 0);
}

static void
another_clock_aborts(void **state)
{
	assert_int_equal(WTERMSIG(mock_in_child(read_third_clock)), SIGABRT);
	assert_int_equal(
	    WTERMSIG(mock_in_child(sleep_on_third_clock)), SIGABRT);
}

static void
a_relative_sleep_lasts_at_least_that_long_without_a_cpu(void **state)
{
	int64_t begin;

	mock_enter(NULL);
	begin = host_ns(CLOCK_MONOTONIC);
	assert_int_equal(
	    rumpuser_clock_sleep(RUMPUSER_CLOCK_RELWALL, 0, 5000000), 0);
	assert_true(host_ns(CLOCK_MONOTONIC) - begin >= 5000000);
	mock_log_expect("R#A", (const long[]){ SYS_clock_nanosleep });
	mock_leave();
}

static void
an_absolute_sleep_ends_at_its_time_and_not_before(void **state)
{
	int64_t until;

	mock_enter(NULL);
	until = host_ns(CLOCK_MONOTONIC) + 5000000;
	assert_int_equal(rumpuser_clock_sleep(
			     RUMPUSER_CLOCK_ABSMONO, until / NS, until % NS),
	    0);
	assert_true(host_ns(CLOCK_MONOTONIC) >= until);
	/* The past is no error. */
	assert_int_equal(rumpuser_clock_sleep(RUMPUSER_CLOCK_ABSMONO, 0, 0), 0);
	mock_log_expect("R#AR#A",
	    (const long[]){ SYS_clock_nanosleep, SYS_clock_nanosleep });
	mock_leave();
}

static int interrupts;
static struct timespec asked[4];

static long
interrupt(long nr, const long arg[6])
{
	const struct timespec *ts = (const struct timespec *)arg[2];
	struct timespec *rest = (struct timespec *)arg[3];

	if (nr != SYS_clock_nanosleep)
		return MOCK_GO_ON;
	asked[interrupts] = *ts;
	if (interrupts == 3)
		return 0;
	interrupts++;
	/* The host reports what is left of relative sleeps only. */
	if (arg[1] == 0)
		rest->tv_sec = 10 - interrupts;
	return -EINTR;
}

static void
an_interrupted_sleep_goes_on_with_what_is_left(void **state)
{
	mock_enter(NULL);
	mock_hook_set(interrupt);
	interrupts = 0;
	assert_int_equal(
	    rumpuser_clock_sleep(RUMPUSER_CLOCK_RELWALL, 10, 1), 0);
	assert_int_equal(asked[0].tv_sec, 10);
	assert_int_equal(asked[1].tv_sec, 9);
	assert_int_equal(asked[3].tv_sec, 7);
	interrupts = 0;
	assert_int_equal(
	    rumpuser_clock_sleep(RUMPUSER_CLOCK_ABSMONO, 10, 1), 0);
	assert_int_equal(asked[3].tv_sec, 10);
	mock_leave();
}

static void
a_time_that_is_none_is_einval(void **state)
{
	mock_enter(NULL);
	assert_int_equal(
	    rumpuser_clock_sleep(RUMPUSER_CLOCK_RELWALL, 0, NS), RUMP_EINVAL);
	assert_int_equal(
	    rumpuser_clock_sleep(RUMPUSER_CLOCK_RELWALL, -1, 0), RUMP_EINVAL);
	assert_true(mock_scheduled());
	mock_leave();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		MOCK_TEST(the_clocks_are_the_hosts),
		MOCK_TEST(reading_a_clock_keeps_the_cpu_and_needs_no_host_call),
		MOCK_TEST(another_clock_aborts),
		MOCK_TEST(
		    a_relative_sleep_lasts_at_least_that_long_without_a_cpu),
		MOCK_TEST(an_absolute_sleep_ends_at_its_time_and_not_before),
		MOCK_TEST(an_interrupted_sleep_goes_on_with_what_is_left),
		MOCK_TEST(a_time_that_is_none_is_einval),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
