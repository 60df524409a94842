/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "tests/unit/kern/kern_test.h"

#include "rump/rump_syscalls.h"
#include "rump/rumphost.h"

#define NSEC 1000000000

static int64_t
since(const struct rump_timespec *a, const struct rump_timespec *b)
{
	return (b->tv_sec - a->tv_sec) * NSEC + b->tv_nsec - a->tv_nsec;
}

static void
clocks_show_the_time_of_the_host(void **state)
{
	struct rump_timespec ts;
	struct rump_timeval tv;
	struct timespec host;

	assert_int_equal(
	    rump_sys_clock_gettime(RUMP_CLOCK_REALTIME, (void *)&ts), 0);
	assert_int_equal(rump_sys_gettimeofday((void *)&tv, NULL), 0);
	clock_gettime(CLOCK_REALTIME, &host);
	assert_in_range(host.tv_sec - ts.tv_sec, 0, 60);
	assert_in_range(host.tv_sec - tv.tv_sec, 0, 60);
	assert_int_equal(
	    rump_sys_clock_gettime(RUMP_CLOCK_MONOTONIC, (void *)&ts), 0);
	clock_gettime(CLOCK_MONOTONIC, &host);
	assert_in_range(host.tv_sec - ts.tv_sec, 0, 60);
	assert_int_equal(rump_sys_clock_gettime(77, (void *)&ts), -1);
	assert_int_equal(errno, RUMP_EINVAL);
	assert_int_equal(
	    rump_sys_clock_getres(RUMP_CLOCK_REALTIME, (void *)&ts), 0);
	assert_int_equal(ts.tv_nsec, 1);
	assert_int_equal(rump_sys_clock_getres(RUMP_CLOCK_REALTIME, NULL), 0);
}

static void
sleeps_last_at_least_as_long_as_asked(void **state)
{
	struct rump_timespec a, b, d = { 0, 2000000 };

	rump_sys_clock_gettime(RUMP_CLOCK_MONOTONIC, (void *)&a);
	assert_int_equal(rump_sys_nanosleep((void *)&d, NULL), 0);
	assert_int_equal(
	    rump_sys_clock_nanosleep(RUMP_CLOCK_REALTIME, 0, (void *)&d, NULL),
	    0);
	rump_sys_clock_gettime(RUMP_CLOCK_MONOTONIC, (void *)&b);
	assert_true(since(&a, &b) >= 4000000);
	b.tv_nsec += 2000000;
	if (b.tv_nsec >= NSEC)
		b = (struct rump_timespec){ b.tv_sec + 1, b.tv_nsec - NSEC };
	assert_int_equal(rump_sys_clock_nanosleep(RUMP_CLOCK_MONOTONIC,
			     RUMP_TIMER_ABSTIME, (void *)&b, NULL),
	    0);
	rump_sys_clock_gettime(RUMP_CLOCK_MONOTONIC, (void *)&a);
	assert_true(since(&b, &a) >= 0);
	/* Long ago. */
	b = (struct rump_timespec){ 0, 0 };
	assert_int_equal(rump_sys_clock_nanosleep(RUMP_CLOCK_REALTIME,
			     RUMP_TIMER_ABSTIME, (void *)&b, NULL),
	    0);
	assert_int_equal(rump_sys_nanosleep((void *)&b, NULL), 0);
}

static void
times_that_are_none_are_refused(void **state)
{
	static struct rump_timespec bad[] = { { -1, 0 }, { 0, -1 },
		{ 0, NSEC } };

	for (int i = 0; i < 3; i++) {
		assert_int_equal(rump_sys_nanosleep((void *)&bad[i], NULL), -1);
		assert_int_equal(errno, RUMP_EINVAL);
		assert_int_equal(
		    rump_sys_clock_nanosleep(0, 0, (void *)&bad[i], NULL),
		    RUMP_EINVAL);
	}
	assert_int_equal(
	    rump_sys_clock_nanosleep(9, 0, (void *)&bad[0], NULL), RUMP_EINVAL);
	assert_int_equal(
	    rump_sys_clock_nanosleep(0, 8, (void *)&bad[0], NULL), RUMP_EINVAL);
}

static _Atomic int asleep;

static void
interrupt(int sig)
{
	rump_interrupt();
}

static void *
sleep_long(void *arg)
{
	struct rump_timespec d = { INT64_MAX, 0 }, rest = { -7, -7 };
	int error;

	atomic_store(&asleep, 1);
	error = rump_sys_nanosleep((void *)&d, (void *)&rest) < 0 ? errno : 0;
	rump_interrupt_clear();
	assert_true(rest.tv_sec > 1000000);
	return (void *)(intptr_t)error;
}

static void
a_signal_ends_a_sleep_and_the_rest_is_told(void **state)
{
	struct sigaction sa = { .sa_handler = interrupt,
		.sa_flags = SA_RESTART };
	pthread_t t;
	void *error;

#ifdef SIGNALS_ARE_HELD_BACK
	skip();
#endif
	sigaction(SIGUSR1, &sa, NULL);
	for (int i = 0; i < 200; i++) {
		asleep = 0;
		t = spawn(sleep_long, NULL);
		AWAIT(asleep == 1);
		pthread_kill(t, SIGUSR1);
		assert_int_equal(pthread_join(t, &error), 0);
		assert_int_equal((intptr_t)error, RUMP_EINTR);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clocks_show_the_time_of_the_host),
		cmocka_unit_test(sleeps_last_at_least_as_long_as_asked),
		cmocka_unit_test(times_that_are_none_are_refused),
		cmocka_unit_test(a_signal_ends_a_sleep_and_the_rest_is_told),
	};

	return cmocka_run_group_tests(tests, boot_kernel, NULL);
}
