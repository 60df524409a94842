/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>

#include "rump/rumpdefs.h"

#include "mock_kernel.h"

static void
all_that_is_said_to_be_filled_is_filled(void **state)
{
	unsigned char buf[1000];
	size_t got, i, ones = 0, used = 0;

	memset(buf, 0, sizeof(buf));
	mock_enter(NULL);
	while (used < sizeof(buf)) {
		got = 0;
		assert_int_equal(
		    rumpuser_getrandom(buf + used, sizeof(buf) - used, 0, &got),
		    0);
		assert_in_range(got, 1, sizeof(buf) - used);
		used += got;
	}
	mock_log_expect("", NULL);
	mock_leave();
	for (i = 0; i < sizeof(buf); i++)
		ones += (size_t)__builtin_popcount(buf[i]);
	/* 4000 expected; 10 standard deviations are 447. */
	assert_in_range(ones, 3553, 4447);
}

static int interrupts;
static unsigned asked_flags;

static long
interrupt(long nr, const long arg[6])
{
	if (nr != SYS_getrandom)
		return MOCK_GO_ON;
	asked_flags = (unsigned)arg[2];
	if (interrupts-- > 0)
		return -EINTR;
	return (asked_flags & GRND_NONBLOCK) != 0 ? -EAGAIN : 5;
}

static void
interrupts_are_not_reported_and_short_results_are(void **state)
{
	char buf[16];
	size_t got = 0;

	interrupts = 3;
	mock_hook_set(interrupt);
	assert_int_equal(
	    rumpuser_getrandom(buf, sizeof(buf), RUMPUSER_RANDOM_HARD, &got),
	    0);
	assert_int_equal(got, 5);
	assert_int_equal(interrupts, -1);
}

static void
nowait_does_not_wait_for_the_hosts_pool(void **state)
{
	char buf[16];
	size_t got = 77;

	interrupts = 0;
	mock_hook_set(interrupt);
	assert_int_equal(
	    rumpuser_getrandom(buf, sizeof(buf), RUMPUSER_RANDOM_NOWAIT, &got),
	    RUMP_EAGAIN);
	assert_int_equal(got, 77);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		MOCK_TEST(all_that_is_said_to_be_filled_is_filled),
		MOCK_TEST(interrupts_are_not_reported_and_short_results_are),
		MOCK_TEST(nowait_does_not_wait_for_the_hosts_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
