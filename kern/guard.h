/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A lock of one word for the inside of locks, and for code that has no lwp yet.
 * One atomic operation to enter and to leave; contention spins a little and
 * then sleeps in the host.  Held for a few instructions, never across a call
 * that sleeps.
 */
#ifndef KERN_GUARD_H
#define KERN_GUARD_H

#include <stdatomic.h>

#include "kern/types.h"
#include "kern/user.h"

#define GUARD_FREE 0
#define GUARD_HELD 1
#define GUARD_WAITERS 2 /* held, and perhaps slept for */

void guard_enter_slow(_Atomic uint32_t *g);

static inline bool
guard_tryenter(_Atomic uint32_t *g)
{
	uint32_t expect = GUARD_FREE;

	return atomic_compare_exchange_strong_explicit(
	    g, &expect, GUARD_HELD, memory_order_acquire, memory_order_relaxed);
}

static inline void
guard_enter(_Atomic uint32_t *g)
{
	if (PREDICT_FALSE(!guard_tryenter(g)))
		guard_enter_slow(g);
}

static inline void
guard_exit(_Atomic uint32_t *g)
{
	if (PREDICT_FALSE(atomic_exchange_explicit(g, GUARD_FREE,
			      memory_order_release) == GUARD_WAITERS))
		rumpcomp_kern_unpark(g, 1);
}

#endif /* !KERN_GUARD_H */
