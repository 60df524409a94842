/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A selector is linked to each selinfo it waits for by a node; select_lock
 * protects the links.  The notifier sets sel_fired and takes nothing off: the
 * poll does that itself before it looks at its files again.  The first nodes
 * are part of the selector, so that polling a few files allocates nothing.
 */
#include "kern/poll.h"

#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/selector.h"

static kmutex_t select_lock = { .mtx_name = "select" };

void
selinit(struct selinfo *si)
{
	list_init(&si->si_waiters);
	atomic_init(&si->si_nwaiters, 0);
}

void
seldestroy(struct selinfo *si)
{
	KASSERT(atomic_load(&si->si_nwaiters) == 0);
}

static struct selnode *
node_get(struct selector *sel)
{
	if (sel->sel_ninline < NITEMS(sel->sel_inline))
		return &sel->sel_inline[sel->sel_ninline++];
	return kmem_alloc(sizeof(struct selnode), KM_SLEEP);
}

static bool
node_is_inline(const struct selector *sel, const struct selnode *sn)
{
	return sn >= sel->sel_inline &&
	       sn < sel->sel_inline + NITEMS(sel->sel_inline);
}

void
selrecord(struct selector *sel, struct selinfo *si)
{
	struct selnode *sn = node_get(sel);

	sn->sn_selector = sel;
	sn->sn_info = si;
	sn->sn_next = sel->sel_nodes;
	sel->sel_nodes = sn;
	mutex_enter(&select_lock);
	list_insert_tail(&si->si_waiters, &sn->sn_list);
	atomic_fetch_add(&si->si_nwaiters, 1);
	mutex_exit(&select_lock);
}

void
selnotify(struct selinfo *si)
{
	struct selector *sel;
	struct list *n;

	if (PREDICT_TRUE(atomic_load(&si->si_nwaiters) == 0))
		return;
	mutex_enter(&select_lock);
	LIST_FOREACH (n, &si->si_waiters) {
		sel = LIST_ENTRY(n, struct selnode, sn_list)->sn_selector;
		if (atomic_load_explicit(
			&sel->sel_fired, memory_order_relaxed) == 0)
			lwp_unpark(sel->sel_lwp, &sel->sel_fired);
	}
	mutex_exit(&select_lock);
}

void
selector_init(struct selector *sel)
{
	sel->sel_lwp = curlwp;
	atomic_init(&sel->sel_fired, 0);
	sel->sel_nodes = NULL;
	sel->sel_ninline = 0;
}

void
selector_clear(struct selector *sel)
{
	struct selnode *sn, *list = sel->sel_nodes;

	if (list != NULL) {
		mutex_enter(&select_lock);
		for (sn = list; sn != NULL; sn = sn->sn_next) {
			list_remove(&sn->sn_list);
			atomic_fetch_sub(&sn->sn_info->si_nwaiters, 1);
		}
		mutex_exit(&select_lock);
	}
	while ((sn = list) != NULL) {
		list = sn->sn_next;
		if (!node_is_inline(sel, sn))
			kmem_free(sn, sizeof(*sn));
	}
	sel->sel_nodes = NULL;
	sel->sel_ninline = 0;
	atomic_store_explicit(&sel->sel_fired, 0, memory_order_relaxed);
}

int
selector_wait(struct selector *sel, int64_t deadline_ns)
{
	return lwp_park(sel->sel_lwp, &sel->sel_fired, deadline_ns, true);
}
