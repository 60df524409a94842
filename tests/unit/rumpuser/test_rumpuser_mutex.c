/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "rump/rumpdefs.h"

#include "mock_kernel.h"

#define SPIN RUMPUSER_MTX_SPIN
#define KMUTEX RUMPUSER_MTX_KMUTEX

static struct lwp lwp1, lwp2;
static struct rumpuser_mtx *mtx;

static struct lwp *
owner(void)
{
	struct lwp *l;

	rumpuser_mutex_owner(mtx, &l);
	return l;
}

static void
an_uncontended_mutex_needs_neither_upcall_nor_host(void **state)
{
	static const int flags[] = { SPIN, KMUTEX, SPIN | KMUTEX };
	size_t i;

	mock_enter(&lwp1);
	for (i = 0; i < 3; i++) {
		rumpuser_mutex_init(&mtx, flags[i]);
		mock_log_clear();
		rumpuser_mutex_enter(mtx);
		rumpuser_mutex_exit(mtx);
		assert_int_equal(rumpuser_mutex_tryenter(mtx), 0);
		rumpuser_mutex_exit(mtx);
		mock_log_expect("", NULL);
		assert_int_equal(mock_log_count(MOCK_HOSTCALL), 0);
		rumpuser_mutex_destroy(mtx);
	}
	mock_leave();
}

static void
the_owner_is_the_lwp_that_entered(void **state)
{
	mock_enter(&lwp1);
	rumpuser_mutex_init(&mtx, KMUTEX);
	assert_null(owner());
	rumpuser_mutex_enter(mtx);
	assert_ptr_equal(owner(), &lwp1);
	rumpuser_mutex_exit(mtx);
	assert_null(owner());
	assert_int_equal(rumpuser_mutex_tryenter(mtx), 0);
	assert_ptr_equal(owner(), &lwp1);
	rumpuser_mutex_exit(mtx);
	rumpuser_mutex_destroy(mtx);
	mock_leave();
}

static void
tryenter_of_a_held_mutex_is_busy_and_changes_nothing(void **state)
{
	mock_enter(&lwp1);
	rumpuser_mutex_init(&mtx, KMUTEX);
	rumpuser_mutex_enter(mtx);
	mock_log_clear();
	assert_int_equal(rumpuser_mutex_tryenter(mtx), RUMP_EBUSY);
	mock_log_expect("", NULL);
	assert_ptr_equal(owner(), &lwp1);
	rumpuser_mutex_exit(mtx);
	rumpuser_mutex_destroy(mtx);
	mock_leave();
}

static void
owner_of_spin(void)
{
	rumpuser_mutex_init(&mtx, SPIN);
	owner();
}

static void
nowrap_of_kmutex(void)
{
	rumpuser_mutex_init(&mtx, KMUTEX);
	rumpuser_mutex_enter_nowrap(mtx);
}

static void
no_flags(void)
{
	rumpuser_mutex_init(&mtx, 0);
}

static void
what_the_interface_forbids_aborts(void **state)
{
	assert_int_equal(WTERMSIG(mock_in_child(owner_of_spin)), SIGABRT);
	assert_int_equal(WTERMSIG(mock_in_child(nowrap_of_kmutex)), SIGABRT);
	assert_int_equal(WTERMSIG(mock_in_child(no_flags)), SIGABRT);
}

/* The main thread holds the mutex.  Nothing is allowed to block scheduled. */
static void *
enter_contended(void *arg)
{
	mock_enter(&lwp2);
	mock_giant_set(2);
	rumpuser_mutex_enter(mtx);
	mock_log_expect("RwA", NULL);
	MOCK_CHECK(mock_log_get(MOCK_RELEASE, 0)->e_object == NULL);
	MOCK_CHECK(mock_log_get(MOCK_ACQUIRE, 0)->e_value == 2);
	MOCK_CHECK(mock_scheduled() && mock_giant() == 2);
	MOCK_CHECK(owner() == &lwp2);
	rumpuser_mutex_exit(mtx);
	mock_giant_set(0);
	mock_leave();
	return NULL;
}

static void
a_contended_kmutex_is_waited_for_without_a_cpu(void **state)
{
	pthread_t t;

	rumpuser_mutex_init(&mtx, KMUTEX);
	mock_enter(&lwp1);
	rumpuser_mutex_enter(mtx);
	pthread_create(&t, NULL, enter_contended, NULL);
	mock_wait_sleepers(1);
	assert_ptr_equal(owner(), &lwp1);
	rumpuser_mutex_exit(mtx);
	pthread_join(t, NULL);
	mock_leave();
	rumpuser_mutex_destroy(mtx);
}

static void *
enter_spinning(void *arg)
{
	mock_enter(&lwp2);
	mock_allow_blocking(true);
	rumpuser_mutex_enter(mtx);
	mock_log_expect("w", NULL);
	rumpuser_mutex_exit(mtx);
	mock_leave();
	return NULL;
}

static void
a_contended_spin_mutex_is_waited_for_with_the_cpu(void **state)
{
	static const int flags[] = { SPIN, SPIN | KMUTEX };
	pthread_t t;
	size_t i;

	for (i = 0; i < 2; i++) {
		rumpuser_mutex_init(&mtx, flags[i]);
		mock_enter(&lwp1);
		rumpuser_mutex_enter(mtx);
		pthread_create(&t, NULL, enter_spinning, NULL);
		mock_wait_sleepers(1);
		rumpuser_mutex_exit(mtx);
		pthread_join(t, NULL);
		mock_leave();
		rumpuser_mutex_destroy(mtx);
	}
}

#define NTHREADS 4
#define ROUNDS 3000

static long counter; /* mtx */

static void *
count(void *arg)
{
	struct lwp l;
	int i;

	mock_enter(&l);
	for (i = 0; i < ROUNDS; i++) {
		if (i % 4 == 0) {
			while (rumpuser_mutex_tryenter(mtx) != 0)
				rumpuser_component_schedule(
				    rumpuser_component_unschedule());
		} else {
			rumpuser_mutex_enter(mtx);
		}
		MOCK_CHECK(owner() == &l);
		counter++;
		rumpuser_mutex_exit(mtx);
	}
	mock_leave();
	return NULL;
}

static void
many_threads_exclude_each_other(void **state)
{
	pthread_t t[NTHREADS];
	int i;

	counter = 0;
	rumpuser_mutex_init(&mtx, KMUTEX);
	for (i = 0; i < NTHREADS; i++)
		pthread_create(&t[i], NULL, count, NULL);
	for (i = 0; i < NTHREADS; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(counter, NTHREADS * ROUNDS);
	rumpuser_mutex_destroy(mtx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		MOCK_TEST(an_uncontended_mutex_needs_neither_upcall_nor_host),
		MOCK_TEST(the_owner_is_the_lwp_that_entered),
		MOCK_TEST(tryenter_of_a_held_mutex_is_busy_and_changes_nothing),
		MOCK_TEST(what_the_interface_forbids_aborts),
		MOCK_TEST(a_contended_kmutex_is_waited_for_without_a_cpu),
		MOCK_TEST(a_contended_spin_mutex_is_waited_for_with_the_cpu),
		MOCK_TEST(many_threads_exclude_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
