/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the kernel core share. */
#ifndef TESTS_UNIT_KERN_KERN_TEST_H
#define TESTS_UNIT_KERN_KERN_TEST_H

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rump/rump.h"
#include "rump/rumpdefs.h"

/* Let others run until the condition holds; the test's time-out ends it. */
#define AWAIT(condition)                                                       \
	do {                                                                   \
		while (!(condition))                                           \
			sched_yield();                                         \
	} while (0)

/* The thread sanitizer holds signals back until a thread calls libc, which one
 * that sleeps in the kernel does not. */
#if defined(__SANITIZE_THREAD__)
#define SIGNALS_ARE_HELD_BACK 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SIGNALS_ARE_HELD_BACK 1
#endif
#endif

static inline pthread_t
spawn(void *(*func)(void *), void *arg)
{
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, func, arg), 0);
	return t;
}

static inline void
join(pthread_t t)
{
	assert_int_equal(pthread_join(t, NULL), 0);
}

/* Group set-up: boot, and give this thread an lwp. */
static inline int
boot_kernel(void **state)
{
	(void)state;
	if (rump_init() != 0)
		return -1;
	rump_schedule();
	return 0;
}

#endif /* !TESTS_UNIT_KERN_KERN_TEST_H */
