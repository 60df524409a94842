/* SPDX-License-Identifier: BSD-2-Clause */
/* Parking of kernel threads; that they run and end is in test_kern_lwp.c. */
#include <stdatomic.h>
#include <stdbool.h>

#include "tests/unit/kern/kern_test.h"

#include "kern/callout.h"
#include "kern/condvar.h"
#include "kern/kthread.h"
#include "kern/lwp.h"
#include "rump/rumphost.h"

#define MS 1000000
#define WORKERS 3

/* A pool of threads that do jobs until they are told to end. */
static kmutex_t lock = { .mtx_name = "test" };
static kcondvar_t changed;
static int jobs;  /* lock */
static bool over; /* lock */
static _Atomic int done, begun;
static struct lwp *_Atomic last_lwp;

static void
kick(void)
{
	mutex_enter(&lock);
	cv_broadcast(&changed);
	mutex_exit(&lock);
}

static bool
work(void)
{
	bool more;

	mutex_enter(&lock);
	while (jobs == 0 && !over && !kthread_parking())
		cv_wait(&changed, &lock);
	if (jobs > 0) {
		jobs--;
		atomic_fetch_add(&done, 1);
	}
	more = jobs > 0 || !over;
	mutex_exit(&lock);
	return more;
}

static void
worker(void *arg)
{
	atomic_store(&last_lwp, curlwp);
	atomic_fetch_add(&begun, 1);
	do
		kthread_parkpoint();
	while (work());
}

static void
give_jobs(int n)
{
	mutex_enter(&lock);
	jobs += n;
	cv_broadcast(&changed);
	mutex_exit(&lock);
}

static void
start_workers(void)
{
	over = false;
	atomic_store(&done, 0);
	atomic_store(&begun, 0);
	for (int i = 0; i < WORKERS; i++)
		assert_int_equal(kthread_create("worker", worker, NULL), 0);
}

static void
end_workers(void)
{
	mutex_enter(&lock);
	over = true;
	cv_broadcast(&changed);
	mutex_exit(&lock);
	AWAIT(kthread_count() == 0);
}

static void
threads_that_sleep_are_parked_and_go_on_later(void **state)
{
	start_workers();
	give_jobs(10);
	AWAIT(done == 10);
	assert_int_equal(kthread_park_all(), 0);
	assert_int_equal(kthread_count(), 0);
	give_jobs(10);
	assert_int_equal(done, 10);
	kthread_unpark_all();
	AWAIT(done == 20 && begun == 2 * WORKERS);
	end_workers();
}

static void
a_parked_thread_keeps_its_lwp(void **state)
{
	struct lwp *l;

	over = false;
	atomic_store(&begun, 0);
	assert_int_equal(kthread_create("worker", worker, NULL), 0);
	AWAIT(begun == 1);
	l = last_lwp;
	assert_int_equal(kthread_park_all(), 0);
	kthread_unpark_all();
	AWAIT(begun == 2);
	assert_ptr_equal(last_lwp, l);
	end_workers();
}

static void
a_thread_made_meanwhile_starts_afterwards(void **state)
{
	assert_int_equal(kthread_park_all(), 0);
	start_workers();
	assert_int_equal(kthread_count(), 0);
	kthread_unpark_all();
	AWAIT(begun == WORKERS);
	end_workers();
}

static void
the_last_to_unpark_starts_the_threads(void **state)
{
	start_workers();
	AWAIT(begun == WORKERS);
	assert_int_equal(kthread_park_all(), 0);
	assert_int_equal(kthread_park_all(), 0);
	kthread_unpark_all();
	assert_int_equal(kthread_count(), 0);
	kthread_unpark_all();
	AWAIT(begun == 2 * WORKERS);
	end_workers();
}

static _Atomic bool let_go;

static void
deaf(void *arg)
{
	AWAIT(let_go);
}

static void
a_signal_ends_waiting_for_one_that_does_not_come(void **state)
{
	atomic_store(&let_go, false);
	assert_int_equal(kthread_create("deaf", deaf, NULL), 0);
	rump_interrupt();
	assert_int_equal(kthread_park_all(), RUMP_ERESTART);
	rump_interrupt_clear();
	assert_int_equal(kthread_count(), 1);
	kthread_unpark_all();
	atomic_store(&let_go, true);
	AWAIT(kthread_count() == 0);
}

static _Atomic bool stop_parking;

static void *
park_often(void *arg)
{
	_Atomic int *rounds = arg;

	while (!stop_parking) {
		assert_int_equal(kthread_park_all(), 0);
		kthread_unpark_all();
		atomic_fetch_add(rounds, 1);
	}
	return NULL;
}

static void
note(void *arg)
{
	atomic_fetch_add((_Atomic int *)arg, 1);
}

static void
work_goes_on_while_two_park_again_and_again(void **state)
{
	_Atomic int rounds[2] = { 0, 0 }, fired = 0;
	struct callout c;
	pthread_t t[2];

	atomic_store(&stop_parking, false);
	start_workers();
	callout_init(&c, note, (void *)(uintptr_t)&fired);
	for (int i = 0; i < 2; i++)
		t[i] = spawn(park_often, (void *)(uintptr_t)&rounds[i]);
	for (int i = 1; i <= 50; i++) {
		callout_schedule(&c, MS / 10);
		give_jobs(4);
		AWAIT(done == 4 * i && fired == i);
	}
	AWAIT(rounds[0] > 10 && rounds[1] > 10);
	atomic_store(&stop_parking, true);
	for (int i = 0; i < 2; i++)
		join(t[i]);
	assert_false(callout_halt(&c));
	end_workers();
}

static void
a_callout_waits_while_its_thread_is_parked(void **state)
{
	_Atomic int fired = 0;
	struct callout c;

	callout_init(&c, note, (void *)(uintptr_t)&fired);
	callout_schedule(&c, (int64_t)3600 * 1000 * MS);
	assert_int_equal(kthread_park_all(), 0);
	callout_schedule(&c, 0);
	assert_int_equal(kthread_count(), 0);
	assert_int_equal(fired, 0);
	kthread_unpark_all();
	AWAIT(fired == 1);
	(void)callout_halt(&c);
}

static int
set_up(void **state)
{
	cv_init(&changed, "test");
	if (boot_kernel(state) != 0)
		return -1;
	kthread_kick_attach(kick);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_that_sleep_are_parked_and_go_on_later),
		cmocka_unit_test(a_parked_thread_keeps_its_lwp),
		cmocka_unit_test(a_thread_made_meanwhile_starts_afterwards),
		cmocka_unit_test(the_last_to_unpark_starts_the_threads),
		cmocka_unit_test(
		    a_signal_ends_waiting_for_one_that_does_not_come),
		cmocka_unit_test(work_goes_on_while_two_park_again_and_again),
		cmocka_unit_test(a_callout_waits_while_its_thread_is_parked),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
