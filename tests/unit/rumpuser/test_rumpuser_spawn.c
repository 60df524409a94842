/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A host that refuses threads: this program's pthread_create() stands before
 * libc's and fails as it is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "rump/rumpdefs.h"

#include "mock_kernel.h"

typedef int (*create_fn)(
    pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

static int refuse_error;
static int refuse_times;
static bool refuse_small_stack;
static int calls;

int
pthread_create(
    pthread_t *t, const pthread_attr_t *attr, void *(*f)(void *), void *arg)
{
	create_fn next = (create_fn)dlsym(RTLD_NEXT, "pthread_create");
	size_t stack = 0;

	calls++;
	if (refuse_times > 0) {
		refuse_times--;
		return refuse_error;
	}
	if (attr != NULL)
		pthread_attr_getstacksize(attr, &stack);
	/* libc's default is 8 MiB here, or unlimited. */
	if (refuse_small_stack && stack < 1536 * 1024)
		return EINVAL;
	return next(t, attr, f, arg);
}

static int pauses;
static int64_t paused_ns;

static long
count_pauses(long nr, const long arg[6])
{
	const struct timespec *ts = (const struct timespec *)arg[2];

	if (nr != SYS_clock_nanosleep)
		return MOCK_GO_ON;
	pauses++;
	paused_ns += ts->tv_sec * 1000000000L + ts->tv_nsec;
	return 0;
}

static void
refuse(int error, int times)
{
	refuse_error = error;
	refuse_times = times;
	refuse_small_stack = false;
	calls = pauses = 0;
	paused_ns = 0;
	mock_hook_set(count_pauses);
	mock_allow_blocking(true);
}

static _Atomic int ran;

static void *
run(void *arg)
{
	ran = 1;
	rumpuser_thread_exit();
}

static int
create(void **cookie)
{
	return rumpuser_thread_create(run, NULL, "t", 1, 0, -1, cookie);
}

static void
join(void *cookie)
{
	mock_enter(NULL);
	assert_int_equal(rumpuser_thread_join(cookie), 0);
	mock_leave();
	mock_allow_blocking(false);
}

static void
eagain_is_tried_ten_times_10_ms_apart_with_the_cpu(void **state)
{
	void *cookie = state;

	refuse(EAGAIN, 1000);
	mock_enter(NULL);
	mock_allow_blocking(true);
	assert_int_equal(create(&cookie), RUMP_EAGAIN);
	assert_ptr_equal(cookie, state);
	assert_int_equal(calls, 10);
	assert_int_equal(pauses, 9);
	assert_int_equal(paused_ns, 90000000);
	mock_log_expect("", NULL);
	mock_allow_blocking(false);
	mock_leave();
}

static void
eagain_that_goes_away_is_not_reported(void **state)
{
	void *cookie;

	ran = 0;
	refuse(EAGAIN, 9);
	assert_int_equal(create(&cookie), 0);
	join(cookie);
	assert_int_equal(ran, 1);
}

static void
other_errors_are_final_and_translated(void **state)
{
	void *cookie = state;

	refuse(EDEADLK, 1);
	assert_int_equal(create(&cookie), RUMP_EDEADLK);
	assert_int_equal(calls, 1);
	refuse(EPERM, 1);
	assert_int_equal(create(&cookie), RUMP_EPERM);
	assert_ptr_equal(cookie, state);
}

static void
a_stack_too_small_for_the_program_is_replaced_by_the_default(void **state)
{
	void *cookie;

	refuse(0, 0);
	refuse_small_stack = true;
	assert_int_equal(create(&cookie), 0);
	assert_int_equal(calls, 2);
	refuse_small_stack = false;
	join(cookie);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		MOCK_TEST(eagain_is_tried_ten_times_10_ms_apart_with_the_cpu),
		MOCK_TEST(eagain_that_goes_away_is_not_reported),
		MOCK_TEST(other_errors_are_final_and_translated),
		MOCK_TEST(
		    a_stack_too_small_for_the_program_is_replaced_by_the_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
