/* SPDX-License-Identifier: BSD-2-Clause */
#include "kern/stats.h"

#include "kern/guard.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/sink.h"
#include "rump/rumphost.h"

static uint64_t
memory_host(void)
{
	return kmem_hostbytes();
}

static uint64_t
memory_used(void)
{
	return kmem_outstanding();
}

struct kstat kern_stats[KERN_NSTATS] = {
	[KERN_PROCESSES] = { "kern_processes_forked",
	    "processes made by rfork" },
	[KERN_LWPS] = { "kern_lwps_created",
	    "lwps made, the implicit ones of host threads included" },
	[KERN_KTHREADS] = { "kern_threads_created", "kernel threads started" },
	[KERN_CALLOUTS] = { "kern_callouts_run", "timers that fired" },
	[KERN_MEMORY_HOST] = { .ks_name = "kern_memory_host_bytes",
	    .ks_help = "memory taken from the host by the allocator",
	    .ks_kind = KSTAT_GAUGE,
	    .ks_read = memory_host },
	[KERN_MEMORY_USED] = { .ks_name = "kern_memory_used_bytes",
	    .ks_help = "memory handed out by the allocator",
	    .ks_kind = KSTAT_GAUGE,
	    .ks_read = memory_used },
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

uint64_t
kstat_value(const struct kstat *ks)
{
	if (ks->ks_read != NULL)
		return ks->ks_read();
	return atomic_load_explicit(&ks->ks_value, memory_order_relaxed);
}

struct visitor {
	void (*func)(const char *, const char *, uint64_t, void *);
	void *arg;
};

/* name, or name{label}. */
static void
visit(const struct kstat *ks, void *arg)
{
	struct visitor *v = arg;
	char name[128];

	ksnprintf(name, sizeof(name), "%s%s%s%s", ks->ks_name,
	    ks->ks_label != NULL ? "{" : "",
	    ks->ks_label != NULL ? ks->ks_label : "",
	    ks->ks_label != NULL ? "}" : "");
	v->func(name, ks->ks_help, kstat_value(ks), v->arg);
}

void
rump_stats_iterate(
    void (*func)(const char *, const char *, uint64_t, void *), void *arg)
{
	struct visitor v = { func, arg };

	kstat_iterate(visit, &v);
}

static atomic_bool watched, passed_by;

void
kstat_watch(void)
{
	atomic_store(&watched, true);
}

bool
rump_stats_watched(void)
{
	if (atomic_load(&watched))
		return true;
	atomic_store(&passed_by, true);
	return false;
}

bool
kstat_passed_by(void)
{
	return atomic_load(&passed_by);
}

struct metrics {
	struct sink *m_sink;
	const char *m_family; /* whose head has been printed */
};

static void
print_head(struct sink *sk, const struct kstat *ks)
{
	bool counter = ks->ks_kind == KSTAT_COUNTER;

	sink_printf(sk, "# TYPE rump_%s %s\n", ks->ks_name,
	    counter ? "counter" : "gauge");
	sink_printf(sk, "# HELP rump_%s %s\n", ks->ks_name, ks->ks_help);
}

static void
print_metric(const struct kstat *ks, void *arg)
{
	struct metrics *m = arg;

	if (m->m_family == NULL || strcmp(m->m_family, ks->ks_name) != 0)
		print_head(m->m_sink, ks);
	m->m_family = ks->ks_name;
	sink_printf(m->m_sink, "rump_%s%s", ks->ks_name,
	    ks->ks_kind == KSTAT_COUNTER ? "_total" : "");
	if (ks->ks_label != NULL)
		sink_printf(m->m_sink, "{%s}", ks->ks_label);
	sink_printf(m->m_sink, " %llu\n", (unsigned long long)kstat_value(ks));
}

void
metrics_print(struct sink *sk)
{
	struct metrics m = { sk, NULL };

	kstat_iterate(print_metric, &m);
	sink_puts(sk, "# EOF\n");
}
