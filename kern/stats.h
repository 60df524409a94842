/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One table of statistics.  A component declares what it counts once; kernfs,
 * rumpkit and OpenMetrics print the same table.
 *
 * Counters only grow.  A gauge is a state: either kept here, with KSTAT_ADD()
 * and KSTAT_SUB(), or asked for by ks_read.  Statistics that differ in ks_label
 * only stand one behind the other and have one name and one help.
 */
#ifndef KERN_STATS_H
#define KERN_STATS_H

#include <stdatomic.h>

#include "kern/queue.h"

struct sink;

enum kstat_kind { KSTAT_COUNTER, KSTAT_GAUGE };

struct kstat {
	const char *ks_name; /* e.g. "nfs_rpc_retransmits": [a-z0-9_] */
	const char *ks_help; /* no newline, no backslash */
	_Atomic uint64_t ks_value;
	struct list ks_list;
	enum kstat_kind ks_kind;
	const char *ks_label;      /* NULL, or e.g. "procedure=\"READ\"" */
	uint64_t (*ks_read)(void); /* NULL: ks_value */
};

#define KSTAT_ADD(ks, n)                                                       \
	atomic_fetch_add_explicit(&(ks)->ks_value, (n), memory_order_relaxed)
#define KSTAT_SUB(ks, n)                                                       \
	atomic_fetch_sub_explicit(&(ks)->ks_value, (n), memory_order_relaxed)

/* What the core itself counts. */
enum {
	KERN_PROCESSES,
	KERN_LWPS,
	KERN_KTHREADS,
	KERN_CALLOUTS,
	KERN_MEMORY_HOST,
	KERN_MEMORY_USED,
	KERN_NSTATS,
};
extern struct kstat kern_stats[KERN_NSTATS];

/* Enter n statistics into the table; they live for ever. */
void kstat_attach(struct kstat *ks, size_t n);
/* Call func for each in order of attachment. */
void kstat_iterate(void (*func)(const struct kstat *, void *), void *arg);
uint64_t kstat_value(const struct kstat *ks);
/* Somebody can read the table, from now on: it has to count everything. */
void kstat_watch(void);
/* Has somebody been told that nobody can (rump_stats_watched)?  Then not all
 * that sockets carry is counted, whether it is watched now or not. */
bool kstat_passed_by(void);

/* The table as OpenMetrics text, version 1.0.0; names begin with "rump_". */
void metrics_print(struct sink *sk);

#endif /* !KERN_STATS_H */
