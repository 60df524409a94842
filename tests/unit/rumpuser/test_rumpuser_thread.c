/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rump/rumpdefs.h"

#include "mock_kernel.h"

static struct lwp lwp1;

static struct {
	char name[16];
	uint64_t mask;
	size_t stack_bytes;
	void *arg;
	bool scheduled;
} seen;

static _Atomic int ran;

static void *
look(void *arg)
{
	pthread_attr_t attr;

	prctl(PR_GET_NAME, seen.name);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &seen.mask, 8);
	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstacksize(&attr, &seen.stack_bytes);
	pthread_attr_destroy(&attr);
	seen.arg = arg;
	seen.scheduled = mock_scheduled();
	ran = 1;
	rumpuser_thread_exit();
}

static void
join(void *cookie)
{
	mock_enter(&lwp1);
	assert_int_equal(rumpuser_thread_join(cookie), 0);
	mock_leave();
}

static void
run(const char *name)
{
	void *cookie = NULL;

	memset(&seen, 0, sizeof(seen));
	assert_int_equal(
	    rumpuser_thread_create(look, &seen, name, 1, 0, -1, &cookie), 0);
	assert_non_null(cookie);
	join(cookie);
	assert_ptr_equal(seen.arg, &seen);
}

static void
create_needs_no_upcall_and_join_waits_without_a_cpu(void **state)
{
	void *cookie;

	mock_enter(&lwp1);
	assert_int_equal(
	    rumpuser_thread_create(look, NULL, NULL, 1, 0, -1, &cookie), 0);
	mock_log_expect("", NULL);
	assert_int_equal(rumpuser_thread_join(cookie), 0);
	assert_int_equal(mock_log_count(MOCK_RELEASE), 1);
	assert_int_equal(mock_log_count(MOCK_ACQUIRE), 1);
	assert_true(mock_scheduled());
	assert_false(seen.scheduled);
	mock_leave();
}

static void
a_long_name_is_cut_and_none_keeps_the_programs(void **state)
{
	char mine[16];

	run("a name that is too long for the host");
	assert_string_equal(seen.name, "a name that is ");
	run(NULL);
	prctl(PR_GET_NAME, mine);
	assert_string_equal(seen.name, mine);
}

#define BIT(sig) (1UL << ((sig)-1))

static void
all_signals_but_two_of_libc_are_blocked(void **state)
{
	uint64_t after = 0, before = 0;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &before, 8);
	run(NULL);
	/* KILL and STOP cannot be blocked. */
	assert_int_equal(
	    seen.mask, ~(BIT(32) | BIT(33) | BIT(SIGKILL) | BIT(SIGSTOP)));
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &after, 8);
	assert_int_equal(before, after);
}

static void
the_stack_is_small(void **state)
{
	run(NULL);
	assert_in_range(seen.stack_bytes, 64 * 1024, 1024 * 1024);
}

static void
a_thread_that_nobody_joins_cleans_up_after_itself(void **state)
{
	ran = 0;
	assert_int_equal(
	    rumpuser_thread_create(look, &seen, "loner", 0, 0, -1, NULL), 0);
	mock_wait_for(&ran, 1);
}

/* --- ho_thread_start --- */

static _Atomic int started;
static __thread bool announced;

static void
note_start(void)
{
	announced = true;
	started++;
}

static void *
was_announced(void *arg)
{
	MOCK_CHECK(announced);
	rumpuser_thread_exit();
}

static void
the_owner_of_the_host_table_hears_of_each_thread_first(void **state)
{
	static const struct rumpuser_hostops ops = {
		.ho_thread_start = note_start,
	};
	void *cookie;

	rumpuser_set_hostops(&ops);
	started = 0;
	assert_int_equal(rumpuser_thread_create(
			     was_announced, NULL, NULL, 1, 0, -1, &cookie),
	    0);
	join(cookie);
	assert_int_equal(started, 1);
}

/* --- the program's registers and errno --- */

static void
quiet_release(int nlocks, int *countp, void *interlock)
{
	*countp = 0;
}

static void
quiet_acquire(int nlocks, void *interlock)
{
}

static void
the_callers_vector_registers_and_errno_survive(void **state)
{
	static const struct rumpuser_hyperup hyp = {
		.hyp_backend_unschedule = quiet_release,
		.hyp_backend_schedule = quiet_acquire,
	};
	static const struct rumpuser_hostops plain;
	static const uint64_t in[2] = { 0x0123456789abcdef, ~0UL };
	uint64_t low[2], high[2];
	void *cookie;
	int error;

	/* The mock's own upcalls do not keep registers. */
	rumpuser_set_hostops(&plain);
	assert_int_equal(rumpuser_init(RUMPUSER_VERSION, &hyp), 0);
	errno = 4711;
	__asm__ volatile("movdqu %0, %%xmm1; movdqu %0, %%xmm15"
			 :
			 : "m"(in)
			 : "xmm1", "xmm15");
	error = rumpuser_thread_create(look, &seen, NULL, 1, 0, -1, &cookie);
	if (error == 0)
		error = rumpuser_thread_join(cookie);
	__asm__ volatile("movdqu %%xmm1, %0; movdqu %%xmm15, %1"
			 : "=m"(low), "=m"(high));
	assert_int_equal(errno, 4711);
	assert_int_equal(error, 0);
	assert_memory_equal(low, in, sizeof(in));
	assert_memory_equal(high, in, sizeof(in));
}

/* --- exit from deep within --- */

static int descend(int depth);
static int (*volatile deeper)(int) = descend;

static int
descend(int depth)
{
	volatile char frame[256];

	frame[0] = (char)depth;
	if (depth == 0)
		rumpuser_thread_exit();
	return deeper(depth - 1) + frame[0];
}

static void *
dive(void *arg)
{
	descend(64);
	mock_fail("came back from thread_exit");
}

static void
a_thread_can_end_deep_within_its_function(void **state)
{
	void *cookie;
	int i;

	for (i = 0; i < 50; i++) {
		assert_int_equal(
		    rumpuser_thread_create(dive, NULL, NULL, 1, 0, -1, &cookie),
		    0);
		join(cookie);
	}
}

/* --- want of memory --- */

static long
no_memory(long nr, const long arg[6])
{
	return nr == SYS_mmap ? -ENOMEM : MOCK_GO_ON;
}

static void
create_without_memory_is_enomem(void)
{
	void *cookie = &seen, *mem;

	mock_start(1);
	mock_hook_set(no_memory);
	while (rumpuser_malloc(48, 0, &mem) == 0)
		continue;
	_exit(rumpuser_thread_create(look, NULL, NULL, 1, 0, -1, &cookie) ==
			  RUMP_ENOMEM &&
		      cookie == &seen
		  ? 77
		  : 1);
}

static void
create_reports_want_of_memory(void **state)
{
	assert_int_equal(
	    WEXITSTATUS(mock_in_child(create_without_memory_is_enomem)), 77);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		MOCK_TEST(create_needs_no_upcall_and_join_waits_without_a_cpu),
		MOCK_TEST(a_long_name_is_cut_and_none_keeps_the_programs),
		MOCK_TEST(all_signals_but_two_of_libc_are_blocked),
		MOCK_TEST(the_stack_is_small),
		MOCK_TEST(a_thread_that_nobody_joins_cleans_up_after_itself),
		MOCK_TEST(
		    the_owner_of_the_host_table_hears_of_each_thread_first),
		MOCK_TEST(the_callers_vector_registers_and_errno_survive),
		MOCK_TEST(a_thread_can_end_deep_within_its_function),
		MOCK_TEST(create_reports_want_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
