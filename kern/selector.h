/* SPDX-License-Identifier: BSD-2-Clause */
/* A poll in progress, see poll.h.  Lives on the stack of who polls. */
#ifndef KERN_SELECTOR_H
#define KERN_SELECTOR_H

#include <stdatomic.h>

#include "kern/queue.h"

struct lwp;
struct selinfo;

struct selnode {
	struct list sn_list; /* select_lock: si_waiters */
	struct selinfo *sn_info;
	struct selector *sn_selector;
	struct selnode *sn_next;
};

struct selector {
	struct lwp *sel_lwp;
	_Atomic uint32_t sel_fired; /* select_lock to set */
	struct selnode *sel_nodes;
	unsigned sel_ninline;
	struct selnode sel_inline[8];
};

void selector_init(struct selector *sel);
/* Forget everything recorded: before looking again, and at the end. */
void selector_clear(struct selector *sel);
/* Sleep until something recorded was notified.  0, EWOULDBLOCK, ERESTART. */
int selector_wait(struct selector *sel, int64_t deadline_ns);

#endif /* !KERN_SELECTOR_H */
