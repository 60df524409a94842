/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A lock for sections of a few dozen instructions that neither sleep nor touch
 * the program's memory.  Routes run with the program's signal handlers
 * deferred, so the holder is never interrupted by code that wants the lock.
 */
#ifndef PRELOAD_LOCK_H
#define PRELOAD_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>

#include "preload/call.h"

struct lock {
	atomic_flag l_held;
};
#define LOCK_INIT                                                              \
	{                                                                      \
		ATOMIC_FLAG_INIT                                               \
	}
#define LOCK_SPINS 100 /* tries before the CPU is given away */

static inline void
lock_enter(struct lock *l)
{
	int spins = 0;

	while (atomic_flag_test_and_set_explicit(
	    &l->l_held, memory_order_acquire)) {
		__builtin_ia32_pause();
		if (++spins < LOCK_SPINS)
			continue;
		HOST(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
		spins = 0;
	}
}

static inline void
lock_exit(struct lock *l)
{
	atomic_flag_clear_explicit(&l->l_held, memory_order_release);
}

/* In a forked child: nobody is left who could hold it.  To write is to have the
 * page copied. */
static inline void
lock_reset(struct lock *l)
{
	if (__atomic_load_n((const bool *)&l->l_held, __ATOMIC_RELAXED))
		atomic_flag_clear_explicit(&l->l_held, memory_order_relaxed);
}

#endif /* !PRELOAD_LOCK_H */
