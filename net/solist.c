/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list is in order of so_serial, which is how a visit finds its place again
 * after it has let go of the lock.  A reference is taken only where there is
 * one already: a socket on its way out is passed over.
 */
#include "net/solist.h"

#include "kern/libkern.h"
#include "kern/stats.h"

/* Sockets that a visit takes under the lock at a time. */
#define BATCH 64

static kmutex_t solist_lock;
static struct list sockets = LIST_INITIALIZER(sockets); /* solist_lock */
static uint64_t last_serial;                            /* solist_lock */
static uint64_t gone_received, gone_sent;               /* solist_lock */

static uint64_t bytes_received(void);
static uint64_t bytes_sent(void);

enum { OPENED, OPEN, RECEIVED, SENT, NSTATS };
static struct kstat stats[NSTATS] = {
	[OPENED] = { .ks_name = "net_sockets_opened",
	    .ks_help = "sockets made or accepted" },
	[OPEN] = { .ks_name = "net_sockets_open",
	    .ks_help = "sockets that are open",
	    .ks_kind = KSTAT_GAUGE },
	[RECEIVED] = { .ks_name = "net_bytes_received",
	    .ks_help = "bytes that sockets received through the kernel",
	    .ks_read = bytes_received },
	[SENT] = { .ks_name = "net_bytes_sent",
	    .ks_help = "bytes that sockets sent through the kernel",
	    .ks_read = bytes_sent },
};

void
solist_init(void)
{
	mutex_init(&solist_lock, "solist");
	kstat_attach(stats, NITEMS(stats));
}

void
solist_add(struct socket *so)
{
	KSTAT_ADD(&stats[OPENED], 1);
	KSTAT_ADD(&stats[OPEN], 1);
	mutex_enter(&solist_lock);
	so->so_serial = ++last_serial;
	list_insert_tail(&sockets, &so->so_list);
	mutex_exit(&solist_lock);
}

void
solist_remove(struct socket *so)
{
	if (so->so_serial == 0)
		return;
	KSTAT_SUB(&stats[OPEN], 1);
	mutex_enter(&solist_lock);
	list_remove(&so->so_list);
	gone_received += so->so_nreceived;
	gone_sent += so->so_nsent;
	mutex_exit(&solist_lock);
}

static bool
soref_try(struct socket *so)
{
	uint32_t n = so->so_refcnt;

	while (n != 0) {
		if (atomic_compare_exchange_weak(&so->so_refcnt, &n, n + 1))
			return true;
	}
	return false;
}

/* Take sockets younger than serial; how many. */
static size_t
take_batch(struct socket **batch, uint64_t serial)
{
	struct list *n;
	size_t got = 0;

	mutex_enter(&solist_lock);
	LIST_FOREACH (n, &sockets) {
		struct socket *so = LIST_ENTRY(n, struct socket, so_list);

		if (so->so_serial > serial && soref_try(so)) {
			batch[got++] = so;
			if (got == BATCH)
				break;
		}
	}
	mutex_exit(&solist_lock);
	return got;
}

void
so_iterate(void (*func)(struct socket *, void *), void *arg)
{
	struct socket *batch[BATCH];
	uint64_t serial = 0;
	size_t n;

	while ((n = take_batch(batch, serial)) > 0) {
		serial = batch[n - 1]->so_serial;
		for (size_t i = 0; i < n; i++) {
			func(batch[i], arg);
			sounref(batch[i]);
		}
	}
}

static uint64_t
bytes_received(void)
{
	uint64_t total;
	struct list *n;

	mutex_enter(&solist_lock);
	total = gone_received;
	LIST_FOREACH (n, &sockets)
		total += LIST_ENTRY(n, struct socket, so_list)->so_nreceived;
	mutex_exit(&solist_lock);
	return total;
}

static uint64_t
bytes_sent(void)
{
	uint64_t total;
	struct list *n;

	mutex_enter(&solist_lock);
	total = gone_sent;
	LIST_FOREACH (n, &sockets)
		total += LIST_ENTRY(n, struct socket, so_list)->so_nsent;
	mutex_exit(&solist_lock);
	return total;
}
