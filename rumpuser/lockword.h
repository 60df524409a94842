/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mutual exclusion in one word.  Uncontended enter and exit are one atomic
 * operation each.
 */
#ifndef RUMPUSER_LOCKWORD_H
#define RUMPUSER_LOCKWORD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	LOCKWORD_FREE,
	LOCKWORD_HELD,
	LOCKWORD_CONTENDED, /* held, and somebody may be asleep */
};

typedef _Atomic uint32_t lockword_t;

/* Sleep until lw is ours.  Out of line part of lockword_enter(). */
void lockword_enter_slow(lockword_t *lw);
/* Wake one sleeper.  Out of line part of lockword_exit(). */
void lockword_wake(lockword_t *lw);

static inline bool
lockword_tryenter(lockword_t *lw)
{
	uint32_t expect = LOCKWORD_FREE;

	return atomic_compare_exchange_strong_explicit(lw, &expect,
	    LOCKWORD_HELD, memory_order_acquire, memory_order_relaxed);
}

static inline void
lockword_enter(lockword_t *lw)
{
	if (!lockword_tryenter(lw))
		lockword_enter_slow(lw);
}

/* After the word is free it is not touched again: its memory may go. */
static inline void
lockword_exit(lockword_t *lw)
{
	if (atomic_exchange_explicit(lw, LOCKWORD_FREE, memory_order_release) ==
	    LOCKWORD_CONTENDED)
		lockword_wake(lw);
}

#endif /* !RUMPUSER_LOCKWORD_H */
