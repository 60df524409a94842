/* SPDX-License-Identifier: BSD-2-Clause */
#include "kern/stats.h"

#include "kern/guard.h"
#include "rump/rumphost.h"

struct kstat kern_stats[KERN_NSTATS] = {
	[KERN_PROCESSES] = { "kern_processes_forked",
	    "processes made by rfork" },
	[KERN_LWPS] = { "kern_lwps_created",
	    "lwps made, the implicit ones of host threads included" },
	[KERN_KTHREADS] = { "kern_threads_created", "kernel threads started" },
	[KERN_CALLOUTS] = { "kern_callouts_run", "timers that fired" },
};

static _Atomic uint32_t stats_guard;
static struct list stats = LIST_INITIALIZER(stats); /* stats_guard to append */

void
kstat_attach(struct kstat *ks, size_t n)
{
	guard_enter(&stats_guard);
	for (size_t i = 0; i < n; i++)
		list_insert_tail(&stats, &ks[i].ks_list);
	guard_exit(&stats_guard);
}

/* The guard is not held while func runs: counters never go away. */
static struct list *
next(struct list *n)
{
	guard_enter(&stats_guard);
	n = n->next;
	guard_exit(&stats_guard);
	return n;
}

void
kstat_iterate(void (*func)(const struct kstat *, void *), void *arg)
{
	for (struct list *n = next(&stats); n != &stats; n = next(n))
		func(LIST_ENTRY(n, struct kstat, ks_list), arg);
}

struct visitor {
	void (*func)(const char *, const char *, uint64_t, void *);
	void *arg;
};

static void
visit(const struct kstat *ks, void *arg)
{
	struct visitor *v = arg;

	v->func(ks->ks_name, ks->ks_help,
	    atomic_load_explicit(&ks->ks_value, memory_order_relaxed), v->arg);
}

void
rump_stats_iterate(
    void (*func)(const char *, const char *, uint64_t, void *), void *arg)
{
	struct visitor v = { func, arg };

	kstat_iterate(visit, &v);
}
