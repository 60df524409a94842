/* SPDX-License-Identifier: BSD-2-Clause */
#include <signal.h>
#include <stdbool.h>

#include "tests/unit/kern/kern_test.h"

#include "kern/clock.h"
#include "kern/condvar.h"
#include "kern/lwp.h"
#include "rump/rumphost.h"

static kmutex_t mtx;
static kcondvar_t cv;
static int tokens, taken; /* mtx */

static void *
take_token(void *arg)
{
	rump_schedule();
	mutex_enter(&mtx);
	while (tokens == 0)
		cv_wait(&cv, &mtx);
	tokens--;
	taken++;
	mutex_exit(&mtx);
	rump_unschedule();
	return NULL;
}

static void
each_signal_wakes_somebody_and_broadcast_wakes_all(void **state)
{
	pthread_t t[20];
	int woken;

	for (int i = 0; i < 20; i++)
		t[i] = spawn(take_token, NULL);
	for (int i = 0; i < 3; i++) {
		AWAIT(cv_has_waiters(&cv));
		mutex_enter(&mtx);
		tokens++;
		cv_signal(&cv);
		mutex_exit(&mtx);
	}
	do {
		mutex_enter(&mtx);
		woken = taken;
		mutex_exit(&mtx);
	} while (woken < 3);
	mutex_enter(&mtx);
	assert_int_equal(taken, 3);
	tokens = 17;
	cv_broadcast(&cv);
	mutex_exit(&mtx);
	for (int i = 0; i < 20; i++)
		join(t[i]);
	assert_int_equal(taken, 20);
	assert_false(cv_has_waiters(&cv));
}

static void
deadlines_end_sleeps_and_past_ones_do_not_sleep(void **state)
{
	int64_t start = uptime_ns();

	mutex_enter(&mtx);
	assert_int_equal(
	    cv_timedwait(&cv, &mtx, start + 2000000), RUMP_EWOULDBLOCK);
	assert_true(uptime_ns() - start >= 2000000);
	assert_int_equal(cv_timedwait(&cv, &mtx, 1), RUMP_EWOULDBLOCK);
	assert_int_equal(cv_timedwait_sig(&cv, &mtx, 1), RUMP_EWOULDBLOCK);
	assert_true(mutex_owned(&mtx));
	mutex_exit(&mtx);
	assert_false(cv_has_waiters(&cv));
}

static void
an_interrupt_that_came_before_ends_only_interruptible_sleeps(void **state)
{
	rump_interrupt();
	mutex_enter(&mtx);
	assert_int_equal(cv_wait_sig(&cv, &mtx), RUMP_ERESTART);
	assert_int_equal(cv_timedwait_sig(&cv, &mtx, uptime_ns() + 1000000000),
	    RUMP_ERESTART);
	assert_int_equal(
	    cv_timedwait(&cv, &mtx, uptime_ns() + 1000000), RUMP_EWOULDBLOCK);
	rump_interrupt_clear();
	assert_int_equal(cv_timedwait_sig(&cv, &mtx, 1), RUMP_EWOULDBLOCK);
	mutex_exit(&mtx);
}

static void
on_signal(int sig)
{
	rump_interrupt();
}

static void *
sleep_interruptibly(void *arg)
{
	rump_schedule();
	mutex_enter(&mtx);
	*(int *)arg = cv_wait_sig(&cv, &mtx);
	mutex_exit(&mtx);
	rump_interrupt_clear();
	rump_unschedule();
	return NULL;
}

/* Also with SA_RESTART, where the host would resume the sleep by itself. */
static void
a_signal_ends_an_interruptible_sleep(void **state)
{
	struct sigaction sa = { .sa_handler = on_signal };
	int error;
	pthread_t t;

#ifdef SIGNALS_ARE_HELD_BACK
	skip();
#endif
	for (int i = 0; i < 200; i++) {
		sa.sa_flags = i % 2 == 0 ? SA_RESTART : 0;
		sigaction(SIGUSR1, &sa, NULL);
		error = 0;
		t = spawn(sleep_interruptibly, &error);
		AWAIT(cv_has_waiters(&cv));
		pthread_kill(t, SIGUSR1);
		join(t);
		assert_int_equal(error, RUMP_ERESTART);
	}
}

static void *
sleep_until_exit(void *arg)
{
	assert_int_equal(rump_pub_lwproc_newlwp(1), 0);
	mutex_enter(&mtx);
	*(int *)arg = cv_wait_sig(&cv, &mtx);
	mutex_exit(&mtx);
	rump_pub_lwproc_releaselwp();
	return NULL;
}

static void
the_end_of_the_process_ends_an_interruptible_sleep(void **state)
{
	int error = 0;
	pthread_t t;

	t = spawn(sleep_until_exit, &error);
	AWAIT(cv_has_waiters(&cv));
	proc_lwpexit(&initproc, curlwp);
	join(t);
	assert_int_equal(error, RUMP_ERESTART);
}

/* Two threads hand a ball to and fro; a lost wake-up hangs. */
static int ball; /* mtx */
#define ROUNDS 20000

static void
play(int me)
{
	for (int i = 0; i < ROUNDS; i++) {
		mutex_enter(&mtx);
		while (ball != me)
			cv_wait(&cv, &mtx);
		ball = !me;
		cv_signal(&cv);
		mutex_exit(&mtx);
	}
}

static void *
player(void *arg)
{
	rump_schedule();
	play(1);
	rump_unschedule();
	return NULL;
}

static void
no_wake_up_is_lost(void **state)
{
	pthread_t t = spawn(player, NULL);

	play(0);
	join(t);
}

/* Timed sleeps racing with signals: a token is never lost nor made. */
static void *
impatient(void *arg)
{
	unsigned r = (unsigned)(uintptr_t)arg;
	int got = 0;

	rump_schedule();
	mutex_enter(&mtx);
	for (int i = 0; i < 2000; i++) {
		r = r * 1103515245 + 12345;
		(void)cv_timedwait(&cv, &mtx, uptime_ns() + (r >> 8) % 20000);
		if (tokens > 0) {
			tokens--;
			got++;
		}
	}
	mutex_exit(&mtx);
	rump_unschedule();
	return (void *)(intptr_t)got;
}

static void
deadlines_and_signals_may_race(void **state)
{
	int made = 0, got = 0;
	pthread_t t[3];
	void *n;

	tokens = 0;
	for (int i = 0; i < 3; i++)
		t[i] = spawn(impatient, (void *)(intptr_t)(i + 1));
	for (int i = 0; i < 5000; i++) {
		mutex_enter(&mtx);
		tokens++;
		made++;
		if (i % 3 == 0)
			cv_broadcast(&cv);
		else
			cv_signal(&cv);
		mutex_exit(&mtx);
	}
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pthread_join(t[i], &n), 0);
		got += (int)(intptr_t)n;
	}
	assert_int_equal(got + tokens, made);
	tokens = 0;
}

static int
setup(void **state)
{
	mutex_init(&mtx, "test");
	cv_init(&cv, "test");
	return boot_kernel(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    each_signal_wakes_somebody_and_broadcast_wakes_all),
		cmocka_unit_test(
		    deadlines_end_sleeps_and_past_ones_do_not_sleep),
		cmocka_unit_test(
		    an_interrupt_that_came_before_ends_only_interruptible_sleeps),
		cmocka_unit_test(a_signal_ends_an_interruptible_sleep),
		cmocka_unit_test(
		    the_end_of_the_process_ends_an_interruptible_sleep),
		cmocka_unit_test(no_wake_up_is_lost),
		cmocka_unit_test(deadlines_and_signals_may_race),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
