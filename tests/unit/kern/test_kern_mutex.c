/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdbool.h>

#include "tests/unit/kern/kern_test.h"

#include "kern/mutex.h"

static kmutex_t mtx;
static uint64_t counter; /* mtx, and deliberately not atomic */

static void *
count(void *arg)
{
	rump_schedule();
	for (int i = 0; i < 50000; i++) {
		mutex_enter(&mtx);
		counter++;
		mutex_exit(&mtx);
	}
	rump_unschedule();
	return NULL;
}

static void
contending_threads_exclude_each_other(void **state)
{
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		t[i] = spawn(count, NULL);
	for (int i = 0; i < 4; i++)
		join(t[i]);
	assert_int_equal(counter, 4 * 50000);
}

static void *
try_held(void *arg)
{
	rump_schedule();
	assert_false(mutex_tryenter(&mtx));
	assert_false(mutex_owned(&mtx));
	rump_unschedule();
	return NULL;
}

static void
only_the_holder_owns_and_tryenter_never_waits(void **state)
{
	assert_false(mutex_owned(&mtx));
	assert_true(mutex_tryenter(&mtx));
	assert_true(mutex_owned(&mtx));
	join(spawn(try_held, NULL));
	mutex_exit(&mtx);
	assert_false(mutex_owned(&mtx));
}

static void *
sleep_for_it(void *arg)
{
	rump_schedule();
	mutex_enter(&mtx);
	(*(int *)arg)++;
	mutex_exit(&mtx);
	rump_unschedule();
	return NULL;
}

static void
sleepers_are_all_woken_one_by_one(void **state)
{
	pthread_t t[8];
	int entered = 0;

	mutex_enter(&mtx);
	for (int i = 0; i < 8; i++)
		t[i] = spawn(sleep_for_it, &entered);
	/* 2: somebody is past spinning. */
	AWAIT(atomic_load(&mtx.mtx_word) == 2);
	assert_int_equal(entered, 0);
	mutex_exit(&mtx);
	for (int i = 0; i < 8; i++)
		join(t[i]);
	assert_int_equal(entered, 8);
	mutex_destroy(&mtx);
}

static int
setup(void **state)
{
	mutex_init(&mtx, "test");
	return boot_kernel(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(contending_threads_exclude_each_other),
		cmocka_unit_test(only_the_holder_owns_and_tryenter_never_waits),
		cmocka_unit_test(sleepers_are_all_woken_one_by_one),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
