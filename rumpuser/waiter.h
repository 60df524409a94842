/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A waiter is one sleeping thread, on its own stack, in the queue of the
 * object that it waits for.  The object's guard protects queue and linkage.
 * Whoever dequeues a waiter must wake it while holding the guard and may not
 * touch it afterwards, because its frame may be gone.
 */
#ifndef RUMPUSER_WAITER_H
#define RUMPUSER_WAITER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct lwp;

struct waiter {
	TAILQ_ENTRY(waiter) w_link; /* g: guard of the object */
	_Atomic uint32_t w_woken;
	struct lwp *w_lwp; /* i: curlwp of the thread */
	int w_op;          /* i: for rwlocks */
};
TAILQ_HEAD(waiter_queue, waiter);

/* Sleep until woken; false when deadline_ns (see futex.h) came first. */
bool waiter_sleep(struct waiter *w, int64_t deadline_ns);
/* Take w out of queue q and let its thread go on. */
void waiter_wake(struct waiter_queue *q, struct waiter *w);

#endif /* !RUMPUSER_WAITER_H */
