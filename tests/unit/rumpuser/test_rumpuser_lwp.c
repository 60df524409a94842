/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>

#include "mock_kernel.h"

static struct lwp lwp1, lwp2;

static void
set_and_clear_change_what_curlwp_says(void **state)
{
	assert_null(rumpuser_curlwp());
	rumpuser_curlwpop(RUMPUSER_LWP_CREATE, &lwp1);
	assert_null(rumpuser_curlwp());
	rumpuser_curlwpop(RUMPUSER_LWP_SET, &lwp1);
	assert_ptr_equal(rumpuser_curlwp(), &lwp1);
	rumpuser_curlwpop(RUMPUSER_LWP_CLEAR, &lwp1);
	assert_null(rumpuser_curlwp());
	rumpuser_curlwpop(RUMPUSER_LWP_DESTROY, &lwp1);
}

static void
set_twice(void)
{
	rumpuser_curlwpop(RUMPUSER_LWP_SET, &lwp1);
	rumpuser_curlwpop(RUMPUSER_LWP_SET, &lwp2);
}

static void
clear_another(void)
{
	rumpuser_curlwpop(RUMPUSER_LWP_SET, &lwp1);
	rumpuser_curlwpop(RUMPUSER_LWP_CLEAR, &lwp2);
}

static void
clear_none(void)
{
	rumpuser_curlwpop(RUMPUSER_LWP_CLEAR, NULL);
}

static void
unknown_operation(void)
{
	rumpuser_curlwpop(4, &lwp1);
}

static void
assert_aborts(void (*func)(void))
{
	int status = mock_in_child(func);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void
set_needs_a_thread_without_lwp(void **state)
{
	assert_aborts(set_twice);
}

static void
clear_needs_the_current_lwp(void **state)
{
	assert_aborts(clear_another);
	assert_aborts(clear_none);
}

static void
an_unknown_operation_aborts(void **state)
{
	assert_aborts(unknown_operation);
}

static struct lwp *seen;

static void *
look(void *arg)
{
	seen = rumpuser_curlwp();
	rumpuser_curlwpop(RUMPUSER_LWP_SET, &lwp2);
	rumpuser_thread_exit();
}

static void
a_new_thread_inherits_nothing_and_keeps_its_own(void **state)
{
	void *cookie;

	seen = &lwp1;
	mock_enter(&lwp1);
	assert_int_equal(
	    rumpuser_thread_create(look, NULL, NULL, 1, 0, -1, &cookie), 0);
	assert_int_equal(rumpuser_thread_join(cookie), 0);
	assert_null(seen);
	assert_ptr_equal(rumpuser_curlwp(), &lwp1);
	mock_leave();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		MOCK_TEST(set_and_clear_change_what_curlwp_says),
		MOCK_TEST(set_needs_a_thread_without_lwp),
		MOCK_TEST(clear_needs_the_current_lwp),
		MOCK_TEST(an_unknown_operation_aborts),
		MOCK_TEST(a_new_thread_inherits_nothing_and_keeps_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
