/* SPDX-License-Identifier: BSD-2-Clause */
#include "rumpuser/waiter.h"

#include <stddef.h>

#include "rumpuser/futex.h"

bool
waiter_sleep(struct waiter *w, int64_t deadline_ns)
{
	while (atomic_load_explicit(&w->w_woken, memory_order_acquire) == 0) {
		if (futex_sleep(&w->w_woken, 0, deadline_ns))
			return false;
	}
	return true;
}

void
waiter_wake(struct waiter_queue *q, struct waiter *w)
{
	TAILQ_REMOVE(q, w, w_link);
	atomic_store_explicit(&w->w_woken, 1, memory_order_release);
	futex_wake(&w->w_woken, 1);
}
