/* SPDX-License-Identifier: BSD-2-Clause */
#include "rumpuser/lockword.h"

#include "rumpuser/futex.h"

/*
 * A thread that has slept cannot know whether others still do, so it takes
 * the lock as contended; the price is at most one wake-up too many.
 */
void
lockword_enter_slow(lockword_t *lw)
{
	while (atomic_exchange_explicit(lw, LOCKWORD_CONTENDED,
		   memory_order_acquire) != LOCKWORD_FREE)
		futex_sleep(lw, LOCKWORD_CONTENDED, FUTEX_NEVER);
}

void
lockword_wake(lockword_t *lw)
{
	futex_wake(lw, 1);
}
