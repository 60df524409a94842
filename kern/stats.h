/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One table of statistics.  A component declares its counters once; kernfs,
 * rumpkit and OpenMetrics print the same table.
 */
#ifndef KERN_STATS_H
#define KERN_STATS_H

#include <stdatomic.h>

#include "kern/queue.h"

struct kstat {
	const char *ks_name; /* e.g. "nfs_rpc_retransmits" */
	const char *ks_help;
	_Atomic uint64_t ks_value;
	struct list ks_list;
};

#define KSTAT_ADD(ks, n)                                                       \
	atomic_fetch_add_explicit(&(ks)->ks_value, (n), memory_order_relaxed)

/* What the core itself counts. */
enum {
	KERN_PROCESSES,
	KERN_LWPS,
	KERN_KTHREADS,
	KERN_CALLOUTS,
	KERN_NSTATS,
};
extern struct kstat kern_stats[KERN_NSTATS];

/* Enter n counters into the table; they live for ever. */
void kstat_attach(struct kstat *ks, size_t n);
/* Call func for each counter in order of attachment. */
void kstat_iterate(void (*func)(const struct kstat *, void *), void *arg);

#endif /* !KERN_STATS_H */
