/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers, after callout(9), without a tick: the earliest deadline sets the
 * next wake-up of one kernel thread that exists only while timers are set.
 */
#ifndef KERN_CALLOUT_H
#define KERN_CALLOUT_H

#include "kern/queue.h"
#include "kern/types.h"

struct callout {
	struct list c_list;     /* callout_lock */
	int64_t c_deadline_ns;  /* callout_lock: monotonic */
	void (*c_func)(void *); /* i: runs in thread context, sleeps briefly */
	void *c_arg;            /* i */
};

/* Once, during boot. */
void callout_boot(void);
void callout_init(struct callout *c, void (*func)(void *), void *arg);
/*
 * (Re)arm to fire delay_ns from now.  The function may rearm, halt or free its
 * own callout.
 */
void callout_schedule(struct callout *c, int64_t delay_ns);
/*
 * Disarm and wait for a running function (not when that function calls);
 * true if it had been pending.  May sleep.
 */
bool callout_halt(struct callout *c);

#endif /* !KERN_CALLOUT_H */
