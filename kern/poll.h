/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Readiness.  An object that can become ready embeds a struct selinfo; a poll
 * in progress is a struct selector that is linked to every selinfo it waits
 * for and is woken by selnotify().
 */
#ifndef KERN_POLL_H
#define KERN_POLL_H

#include "kern/mutex.h"
#include "kern/queue.h"

struct selinfo {
	struct list si_waiters;       /* select_lock: of struct selnode */
	_Atomic uint32_t si_nwaiters; /* select_lock for writing */
};
struct selector;

void selinit(struct selinfo *si);
/* No waiter may be left. */
void seldestroy(struct selinfo *si);
/* Remember that sel waits for si.  Undone when the poll ends.  May sleep. */
void selrecord(struct selector *sel, struct selinfo *si);
/*
 * Wake every poll that waits for si.  To lose no wake-up, look at readiness
 * and call selrecord() under the lock under which readiness changes, and
 * selnotify() after the change.  Takes select_lock only if there are waiters.
 */
void selnotify(struct selinfo *si);

#endif /* !KERN_POLL_H */
