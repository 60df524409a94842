/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rump/rumpdefs.h"

#include "mock_kernel.h"

static void
init_refuses_every_version_but_17_without_aborting(void **state)
{
	static const int versions[] = { 0, 1, 16, 18, -17, 1 << 30 };
	size_t i;

	for (i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		assert_int_equal(
		    rumpuser_init(versions[i], &mock_hyperup), RUMP_EINVAL);
	assert_int_equal(rumpuser_init(17, &mock_hyperup), 0);
}

static void
init_copies_the_upcalls(void **state)
{
	struct rumpuser_hyperup hyp = mock_hyperup;

	assert_int_equal(rumpuser_init(17, &hyp), 0);
	memset(&hyp, 0, sizeof(hyp));
	mock_enter(NULL);
	rumpuser_component_schedule(rumpuser_component_unschedule());
	mock_log_expect("RA", NULL);
	mock_leave();
}

static void
a_component_gets_back_the_giant_lock_it_gave_up(void **state)
{
	void *cookie;

	mock_enter(NULL);
	mock_giant_set(3);
	cookie = rumpuser_component_unschedule();
	assert_false(mock_scheduled());
	assert_int_equal(mock_giant(), 0);
	assert_int_equal((intptr_t)cookie, 3);
	rumpuser_component_schedule(cookie);
	assert_true(mock_scheduled());
	assert_int_equal(mock_giant(), 3);
	assert_null(mock_log_get(MOCK_RELEASE, 0)->e_object);
	mock_giant_set(0);
	mock_leave();
}

static void
a_null_cookie_means_no_lock(void **state)
{
	rumpuser_component_schedule(NULL);
	assert_int_equal(mock_log_get(MOCK_ACQUIRE, 0)->e_value, 0);
	rumpuser_component_unschedule();
}

static void
kthread_makes_an_lwp_of_the_kernel_process(void **state)
{
	rumpuser_component_kthread();
	mock_log_expect("ENL", NULL);
	assert_int_equal(mock_log_get(MOCK_NEWLWP, 0)->e_value, 0);
}

static void
kthread_release_gives_the_lwp_back_while_scheduled(void **state)
{
	rumpuser_component_kthread_release();
	mock_log_expect("ETL", NULL);
	assert_true(mock_log_get(MOCK_RETIRE, 0)->e_value);
}

static void
curlwp_and_switchlwp_run_with_a_cpu(void **state)
{
	struct lwp l;

	assert_null(rumpuser_component_curlwp());
	rumpuser_component_switchlwp(&l);
	mock_log_expect("ECLESL", NULL);
	assert_ptr_equal(mock_log_get(MOCK_SWITCH, 0)->e_object, &l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		MOCK_TEST(init_refuses_every_version_but_17_without_aborting),
		MOCK_TEST(init_copies_the_upcalls),
		MOCK_TEST(a_component_gets_back_the_giant_lock_it_gave_up),
		MOCK_TEST(a_null_cookie_means_no_lock),
		MOCK_TEST(kthread_makes_an_lwp_of_the_kernel_process),
		MOCK_TEST(kthread_release_gives_the_lwp_back_while_scheduled),
		MOCK_TEST(curlwp_and_switchlwp_run_with_a_cpu),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
