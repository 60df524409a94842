/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdbool.h>

#include "tests/unit/kern/kern_test.h"

#include "kern/rwlock.h"

static krwlock_t rw;
static uint64_t a, b; /* rw: always equal */

static void *
write_both(void *arg)
{
	rump_schedule();
	for (int i = 0; i < 10000; i++) {
		rw_enter(&rw, RW_WRITER);
		assert_true(rw_write_held(&rw));
		a++;
		b++;
		rw_exit(&rw);
	}
	rump_unschedule();
	return NULL;
}

static void *
read_both(void *arg)
{
	rump_schedule();
	for (int i = 0; i < 10000; i++) {
		rw_enter(&rw, RW_READER);
		assert_int_equal(a, b);
		assert_false(rw_write_held(&rw));
		rw_exit(&rw);
	}
	rump_unschedule();
	return NULL;
}

static void
writers_exclude_everybody_and_all_get_through(void **state)
{
	pthread_t t[6];

	for (int i = 0; i < 6; i++)
		t[i] = spawn(i % 2 == 0 ? write_both : read_both, NULL);
	for (int i = 0; i < 6; i++)
		join(t[i]);
	assert_int_equal(a, 30000);
	assert_int_equal(b, 30000);
}

static void *
write_once(void *arg)
{
	rump_schedule();
	rw_enter(&rw, RW_WRITER);
	*(bool *)arg = true;
	rw_exit(&rw);
	rump_unschedule();
	return NULL;
}

static void *
read_once(void *arg)
{
	rump_schedule();
	rw_enter(&rw, RW_READER);
	*(bool *)arg = true;
	rw_exit(&rw);
	rump_unschedule();
	return NULL;
}

static void
readers_share_and_stand_back_for_a_waiting_writer(void **state)
{
	bool written = false, read = false;
	pthread_t w, r;

	rw_enter(&rw, RW_READER);
	join(spawn(read_once, &read));
	assert_true(read);
	w = spawn(write_once, &written);
	AWAIT(cv_has_waiters(&rw.rw_cv));
	assert_false(rw_tryenter(&rw, RW_READER));
	read = false;
	r = spawn(read_once, &read);
	assert_false(written);
	rw_exit(&rw);
	join(w);
	join(r);
	assert_true(written);
	assert_true(read);
}

static void
attempts_fail_at_once_and_leave_nothing_behind(void **state)
{
	assert_true(rw_tryenter(&rw, RW_WRITER));
	rw_exit(&rw);
	assert_true(rw_tryenter(&rw, RW_READER));
	assert_true(rw_tryenter(&rw, RW_READER));
	assert_false(rw_tryenter(&rw, RW_WRITER));
	rw_exit(&rw);
	rw_exit(&rw);
	rw_destroy(&rw);
}

static int
setup(void **state)
{
	rw_init(&rw, "test");
	return boot_kernel(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writers_exclude_everybody_and_all_get_through),
		cmocka_unit_test(
		    readers_share_and_stand_back_for_a_waiting_writer),
		cmocka_unit_test(
		    attempts_fail_at_once_and_leave_nothing_behind),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
