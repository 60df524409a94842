/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>

#include "rump/rumpdefs.h"

#include "mock_kernel.h"

#define SPIN RUMPUSER_MTX_SPIN
#define KMUTEX RUMPUSER_MTX_KMUTEX

static struct lwp lwp1, lwp2;
static struct rumpuser_mtx *mtx;
static struct rumpuser_cv *cv;
static bool done; /* mtx */

static void
objects_init(int flags)
{
	rumpuser_mutex_init(&mtx, flags);
	rumpuser_cv_init(&cv);
	done = false;
}

static void
objects_destroy(void)
{
	rumpuser_cv_destroy(cv);
	rumpuser_mutex_destroy(mtx);
}

static int
waiters(void)
{
	int n;

	rumpuser_cv_has_waiters(cv, &n);
	return n;
}

static struct lwp *
owner(void)
{
	struct lwp *l;

	rumpuser_mutex_owner(mtx, &l);
	return l;
}

static void
let_go(pthread_t t)
{
	rumpuser_mutex_enter(mtx);
	done = true;
	rumpuser_cv_signal(cv);
	rumpuser_mutex_exit(mtx);
	pthread_join(t, NULL);
}

/* --- KMUTEX: the mutex is held and owned when the CPU comes back --- */

static void *
wait_kmutex(void *arg)
{
	const struct mock_event *e;

	mock_enter(&lwp2);
	mock_giant_set(2);
	mock_watch(mtx, cv);
	rumpuser_mutex_enter(mtx);
	while (!done)
		rumpuser_cv_wait(cv, mtx);
	mock_log_expect("RwA", NULL);
	e = mock_log_get(MOCK_RELEASE, 0);
	MOCK_CHECK(e->e_object == mtx && e->e_owner == &lwp2 && e->e_locked);
	MOCK_CHECK(e->e_waiters == 1);
	e = mock_log_get(MOCK_ACQUIRE, 0);
	MOCK_CHECK(e->e_object == mtx && e->e_owner == &lwp2 && e->e_locked);
	MOCK_CHECK(e->e_value == 2 && e->e_waiters == 1);
	MOCK_CHECK(mock_scheduled() && owner() == &lwp2 && waiters() == 0);
	rumpuser_mutex_exit(mtx);
	mock_giant_set(0);
	mock_leave();
	return NULL;
}

static void
a_wait_releases_cpu_then_mutex_and_takes_mutex_then_cpu(void **state)
{
	pthread_t t;

	objects_init(KMUTEX);
	mock_enter(&lwp1);
	pthread_create(&t, NULL, wait_kmutex, NULL);
	mock_wait_sleepers(1);
	assert_int_equal(waiters(), 1);
	assert_null(owner());
	let_go(t);
	mock_leave();
	objects_destroy();
}

/* --- SPIN|KMUTEX: the mutex is free and without owner meanwhile --- */

static void *
wait_spin_kmutex(void *arg)
{
	const struct mock_event *e;

	mock_enter(&lwp2);
	mock_allow_blocking(true);
	rumpuser_mutex_enter(mtx);
	mock_watch(mtx, cv);
	while (!done)
		rumpuser_cv_wait(cv, mtx);
	e = mock_log_get(MOCK_RELEASE, 0);
	MOCK_CHECK(e->e_object == mtx && e->e_owner == &lwp2 && e->e_locked);
	e = mock_log_get(MOCK_ACQUIRE, 0);
	MOCK_CHECK(e->e_object == mtx && e->e_owner != &lwp2);
	MOCK_CHECK(e->e_waiters == 1);
	/* The main thread has exited it, or goes on using it. */
	MOCK_CHECK(!e->e_locked || arg != NULL);
	MOCK_CHECK(owner() == &lwp2 && waiters() == 0);
	mock_watch(NULL, NULL);
	rumpuser_mutex_exit(mtx);
	mock_leave();
	return NULL;
}

static void
a_spinning_kmutex_is_not_held_while_waiting_for_a_cpu(void **state)
{
	pthread_t t;

	objects_init(SPIN | KMUTEX);
	mock_enter(&lwp1);
	pthread_create(&t, NULL, wait_spin_kmutex, NULL);
	mock_wait_sleepers(1);
	rumpuser_mutex_enter(mtx);
	done = true;
	rumpuser_mutex_exit(mtx);
	rumpuser_cv_signal(cv);
	pthread_join(t, NULL);
	mock_leave();
	objects_destroy();
}

/*
 * The deadlock that this order prevents: one CPU, and its holder wants the
 * mutex, for which it will not give the CPU up.
 */
static void
one_cpu_is_enough_for_a_spinning_kmutex(void **state)
{
	pthread_t t;
	int i;

	mock_stop();
	mock_start(1);
	objects_init(SPIN | KMUTEX);
	pthread_create(&t, NULL, wait_spin_kmutex, cv);
	mock_wait_sleepers(1);
	mock_enter(&lwp1);
	mock_allow_blocking(true);
	rumpuser_mutex_enter(mtx);
	done = true;
	rumpuser_cv_signal(cv);
	rumpuser_mutex_exit(mtx);
	for (i = 0; i < 1000; i++) {
		rumpuser_mutex_enter(mtx);
		rumpuser_mutex_exit(mtx);
	}
	mock_leave();
	pthread_join(t, NULL);
	objects_destroy();
}

/* --- the scheduler lock: the upcalls lock and unlock it --- */

static _Atomic int woken;

static void *
wait_schedlock(void *arg)
{
	mock_enter(&lwp2);
	rumpuser_cv_wait(cv, mtx);
	MOCK_CHECK(mock_scheduled());
	mock_log_expect("RwA", NULL);
	MOCK_CHECK(mock_log_get(MOCK_RELEASE, 0)->e_object == mtx);
	MOCK_CHECK(mock_log_get(MOCK_ACQUIRE, 0)->e_object == mtx);
	woken = 1;
	mock_leave();
	return NULL;
}

static void
the_scheduler_lock_is_locked_by_the_upcall_and_unlocked_by_it(void **state)
{
	pthread_t t;

	objects_init(SPIN);
	mock_schedlock_set(mtx);
	woken = 0;
	pthread_create(&t, NULL, wait_schedlock, NULL);
	mock_wait_sleepers(1);
	assert_int_equal(rumpuser_mutex_tryenter(mtx), 0);
	rumpuser_cv_signal(cv);
	/* It has to come back through the lock. */
	mock_wait_sleepers(1);
	assert_int_equal(woken, 0);
	rumpuser_mutex_exit(mtx);
	pthread_join(t, NULL);
	assert_int_equal(rumpuser_mutex_tryenter(mtx), 0);
	rumpuser_mutex_exit(mtx);
	objects_destroy();
}

/* --- nowrap --- */

static void *
wait_nowrap(void *arg)
{
	rumpuser_curlwpop(RUMPUSER_LWP_SET, &lwp2);
	mock_log_clear();
	rumpuser_mutex_enter_nowrap(mtx);
	while (!done)
		rumpuser_cv_wait_nowrap(cv, mtx);
	MOCK_CHECK(owner() == &lwp2 && waiters() == 0);
	mock_log_expect("w", NULL);
	rumpuser_mutex_exit(mtx);
	rumpuser_curlwpop(RUMPUSER_LWP_CLEAR, &lwp2);
	return NULL;
}

static void
wait_nowrap_makes_no_upcall(void **state)
{
	pthread_t t;

	objects_init(SPIN | KMUTEX);
	pthread_create(&t, NULL, wait_nowrap, NULL);
	mock_wait_sleepers(1);
	assert_int_equal(waiters(), 1);
	assert_null(owner());
	mock_allow_blocking(true);
	let_go(t);
	objects_destroy();
}

/* --- has_waiters --- */

static _Atomic int arrived, released;

static void *
wait_for_done(void *arg)
{
	mock_enter(arg);
	rumpuser_mutex_enter(mtx);
	arrived++;
	while (!done)
		rumpuser_cv_wait(cv, mtx);
	released++;
	rumpuser_mutex_exit(mtx);
	mock_leave();
	return NULL;
}

#define NTHREADS 5

static void
waiters_are_counted_and_a_broadcast_wakes_all(void **state)
{
	struct lwp l[NTHREADS];
	pthread_t t[NTHREADS];
	int i;

	objects_init(KMUTEX);
	arrived = released = 0;
	for (i = 0; i < NTHREADS; i++)
		pthread_create(&t[i], NULL, wait_for_done, &l[i]);
	mock_wait_sleepers(NTHREADS);
	assert_int_equal(waiters(), NTHREADS);
	mock_enter(&lwp1);
	rumpuser_mutex_enter(mtx);
	done = true;
	rumpuser_cv_broadcast(cv);
	assert_int_equal(waiters(), NTHREADS);
	rumpuser_mutex_exit(mtx);
	mock_leave();
	for (i = 0; i < NTHREADS; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(waiters(), 0);
	objects_destroy();
}

static int tokens; /* mtx */

static void *
wait_for_token(void *arg)
{
	mock_enter(arg);
	rumpuser_mutex_enter(mtx);
	while (tokens == 0)
		rumpuser_cv_wait(cv, mtx);
	tokens--;
	released++;
	rumpuser_mutex_exit(mtx);
	mock_leave();
	return NULL;
}

static void
each_signal_lets_one_waiter_go(void **state)
{
	struct lwp l[NTHREADS];
	pthread_t t[NTHREADS];
	int i;

	objects_init(KMUTEX);
	released = tokens = 0;
	for (i = 0; i < NTHREADS; i++)
		pthread_create(&t[i], NULL, wait_for_token, &l[i]);
	mock_wait_sleepers(NTHREADS);
	for (i = 0; i < NTHREADS; i++) {
		mock_enter(&lwp1);
		rumpuser_mutex_enter(mtx);
		tokens++;
		rumpuser_mutex_exit(mtx);
		rumpuser_cv_signal(cv); /* without the mutex */
		mock_leave();
		mock_wait_for(&released, i + 1);
	}
	for (i = 0; i < NTHREADS; i++)
		pthread_join(t[i], NULL);
	objects_destroy();
}

static void
signals_without_waiters_are_not_remembered(void **state)
{
	objects_init(KMUTEX);
	mock_enter(&lwp1);
	rumpuser_cv_signal(cv);
	rumpuser_cv_broadcast(cv);
	rumpuser_mutex_enter(mtx);
	assert_int_equal(
	    rumpuser_cv_timedwait(cv, mtx, 0, 1000000), RUMP_ETIMEDOUT);
	rumpuser_mutex_exit(mtx);
	mock_leave();
	objects_destroy();
}

/* --- timed waits --- */

static int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000L + ts.tv_nsec;
}

static void
a_timed_wait_lasts_at_least_its_time(void **state)
{
	int64_t begin;

	objects_init(KMUTEX);
	mock_enter(&lwp1);
	rumpuser_mutex_enter(mtx);
	begin = now_ns();
	mock_log_clear();
	mock_watch(mtx, cv);
	assert_int_equal(
	    rumpuser_cv_timedwait(cv, mtx, 0, 20000000), RUMP_ETIMEDOUT);
	assert_true(now_ns() - begin >= 20000000);
	mock_log_expect("RwA", NULL);
	assert_ptr_equal(mock_log_get(MOCK_ACQUIRE, 0)->e_owner, &lwp1);
	mock_watch(NULL, NULL);
	assert_ptr_equal(owner(), &lwp1);
	assert_int_equal(waiters(), 0);
	rumpuser_mutex_exit(mtx);
	mock_leave();
	objects_destroy();
}

static int64_t asked_deadline;

static long
note_deadline(long nr, const long arg[6])
{
	const struct timespec *ts;

	if (nr != SYS_futex ||
	    ((int)arg[1] & FUTEX_CMD_MASK) != FUTEX_WAIT_BITSET)
		return MOCK_GO_ON;
	ts = (const struct timespec *)arg[3];
	asked_deadline =
	    ts == NULL ? -1 : ts->tv_sec * 1000000000L + ts->tv_nsec;
	return -ETIMEDOUT;
}

static int64_t entry_ns, release_ns;

static void
slow_release(int nlocks, int *countp, void *interlock)
{
	mock_hyperup.hyp_backend_unschedule(nlocks, countp, interlock);
	/* As if there had been soft interrupts to run. */
	while (now_ns() - entry_ns < 5000000)
		continue;
	release_ns = now_ns();
}

static void
a_timed_wait_is_measured_from_its_entry(void **state)
{
	struct rumpuser_hyperup hyp = mock_hyperup;

	hyp.hyp_backend_unschedule = slow_release;
	objects_init(KMUTEX);
	assert_int_equal(rumpuser_init(RUMPUSER_VERSION, &hyp), 0);
	mock_enter(&lwp1);
	rumpuser_mutex_enter(mtx);
	mock_hook_set(note_deadline);
	entry_ns = now_ns();
	assert_int_equal(
	    rumpuser_cv_timedwait(cv, mtx, 1, 500000000), RUMP_ETIMEDOUT);
	mock_hook_set(NULL);
	assert_true(asked_deadline >= entry_ns + 1500000000);
	assert_true(asked_deadline < release_ns + 1500000000);
	rumpuser_mutex_exit(mtx);
	mock_leave();
	objects_destroy();
}

static void
times_out_of_range_neither_overflow_nor_hang(void **state)
{
	objects_init(KMUTEX);
	mock_enter(&lwp1);
	rumpuser_mutex_enter(mtx);
	assert_int_equal(rumpuser_cv_timedwait(cv, mtx, 0, 0), RUMP_ETIMEDOUT);
	assert_int_equal(rumpuser_cv_timedwait(cv, mtx, -1, 0), RUMP_ETIMEDOUT);
	assert_int_equal(
	    rumpuser_cv_timedwait(cv, mtx, INT64_MIN, 0), RUMP_ETIMEDOUT);
	assert_int_equal(rumpuser_cv_timedwait(cv, mtx, 0, -5), RUMP_ETIMEDOUT);
	mock_hook_set(note_deadline);
	assert_int_equal(rumpuser_cv_timedwait(cv, mtx, INT64_MAX, 999999999),
	    RUMP_ETIMEDOUT);
	assert_int_equal(asked_deadline, -1);
	assert_int_equal(
	    rumpuser_cv_timedwait(cv, mtx, 1L << 40, 0), RUMP_ETIMEDOUT);
	assert_int_equal(asked_deadline, -1);
	mock_hook_set(NULL);
	rumpuser_mutex_exit(mtx);
	mock_leave();
	objects_destroy();
}

static void *
timedwait_signalled(void *arg)
{
	int error = 0;

	mock_enter(&lwp2);
	rumpuser_mutex_enter(mtx);
	while (!done && error == 0)
		error = rumpuser_cv_timedwait(cv, mtx, 600, 0);
	MOCK_CHECK(error == 0 && done);
	rumpuser_mutex_exit(mtx);
	mock_leave();
	return NULL;
}

static void
a_timed_wait_that_is_signalled_returns_0(void **state)
{
	pthread_t t;

	objects_init(KMUTEX);
	mock_enter(&lwp1);
	pthread_create(&t, NULL, timedwait_signalled, NULL);
	mock_wait_sleepers(1);
	let_go(t);
	mock_leave();
	objects_destroy();
}

/*
 * A signal that comes between the host's timeout and the end of the wait was
 * given to this waiter, and must not be reported as a timeout: it would be
 * lost.
 */
static long
signal_then_time_out(long nr, const long arg[6])
{
	if (nr != SYS_futex ||
	    ((int)arg[1] & FUTEX_CMD_MASK) != FUTEX_WAIT_BITSET)
		return MOCK_GO_ON;
	mock_hook_set(NULL);
	rumpuser_cv_signal(cv);
	return -ETIMEDOUT;
}

static void
a_signal_is_not_lost_to_a_timeout(void **state)
{
	objects_init(KMUTEX);
	mock_enter(&lwp1);
	rumpuser_mutex_enter(mtx);
	mock_hook_set(signal_then_time_out);
	assert_int_equal(rumpuser_cv_timedwait(cv, mtx, 1, 0), 0);
	rumpuser_mutex_exit(mtx);
	mock_leave();
	objects_destroy();
}

static long
interrupt_once(long nr, const long arg[6])
{
	if (nr != SYS_futex ||
	    ((int)arg[1] & FUTEX_CMD_MASK) != FUTEX_WAIT_BITSET)
		return MOCK_GO_ON;
	mock_hook_set(NULL);
	return -EINTR;
}

static void
an_interrupted_host_wait_goes_on(void **state)
{
	objects_init(KMUTEX);
	mock_enter(&lwp1);
	rumpuser_mutex_enter(mtx);
	mock_hook_set(interrupt_once);
	assert_int_equal(
	    rumpuser_cv_timedwait(cv, mtx, 0, 1000000), RUMP_ETIMEDOUT);
	rumpuser_mutex_exit(mtx);
	mock_leave();
	objects_destroy();
}

/* --- a queue between threads, under load and timeouts --- */

#define ITEMS 2000

static int queue_len; /* mtx */
static struct rumpuser_cv *space;

static void *
produce(void *arg)
{
	int i;

	mock_enter(arg);
	/* Locks inside the library are contended here, for moments. */
	mock_allow_blocking(true);
	for (i = 0; i < ITEMS; i++) {
		rumpuser_mutex_enter(mtx);
		while (queue_len == 4)
			rumpuser_cv_wait(space, mtx);
		queue_len++;
		rumpuser_cv_signal(cv);
		rumpuser_mutex_exit(mtx);
	}
	mock_leave();
	return NULL;
}

static void *
consume(void *arg)
{
	int i;

	mock_enter(arg);
	/* Locks inside the library are contended here, for moments. */
	mock_allow_blocking(true);
	for (i = 0; i < ITEMS; i++) {
		rumpuser_mutex_enter(mtx);
		while (queue_len == 0)
			rumpuser_cv_timedwait(cv, mtx, 0, 50000);
		queue_len--;
		rumpuser_cv_signal(space);
		rumpuser_mutex_exit(mtx);
	}
	mock_leave();
	return NULL;
}

static void
producers_and_consumers_meet(void **state)
{
	struct lwp l[6];
	pthread_t t[6];
	int i;

	objects_init(KMUTEX);
	rumpuser_cv_init(&space);
	queue_len = 0;
	for (i = 0; i < 6; i++)
		pthread_create(
		    &t[i], NULL, i % 2 == 0 ? produce : consume, &l[i]);
	for (i = 0; i < 6; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(queue_len, 0);
	rumpuser_cv_destroy(space);
	objects_destroy();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		MOCK_TEST(
		    a_wait_releases_cpu_then_mutex_and_takes_mutex_then_cpu),
		MOCK_TEST(
		    a_spinning_kmutex_is_not_held_while_waiting_for_a_cpu),
		MOCK_TEST(one_cpu_is_enough_for_a_spinning_kmutex),
		MOCK_TEST(
		    the_scheduler_lock_is_locked_by_the_upcall_and_unlocked_by_it),
		MOCK_TEST(wait_nowrap_makes_no_upcall),
		MOCK_TEST(waiters_are_counted_and_a_broadcast_wakes_all),
		MOCK_TEST(each_signal_lets_one_waiter_go),
		MOCK_TEST(signals_without_waiters_are_not_remembered),
		MOCK_TEST(a_timed_wait_lasts_at_least_its_time),
		MOCK_TEST(a_timed_wait_is_measured_from_its_entry),
		MOCK_TEST(times_out_of_range_neither_overflow_nor_hang),
		MOCK_TEST(a_timed_wait_that_is_signalled_returns_0),
		MOCK_TEST(a_signal_is_not_lost_to_a_timeout),
		MOCK_TEST(an_interrupted_host_wait_goes_on),
		MOCK_TEST(producers_and_consumers_meet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
