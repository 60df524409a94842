/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Theory of operation
 *
 * A poll that finds nothing ready records itself in the socket's selinfos and
 * then arms the socket here.  Arming is one-shot and level-triggered: what has
 * become ready between the look and the arming fires at once, and a socket
 * that nobody polls any more costs at most one wake-up of the worker.
 *
 * The worker starts with the first socket and retires when it has had none for
 * a while; until then it sleeps without a timeout.  It fires under poller_lock,
 * so removal under the same lock leaves no wake-up in flight.  Events carry a
 * cookie of slot and generation instead of a pointer, because the worker may
 * have fetched an event of a socket that is being removed.
 *
 * Lock order: poller_lock, then what selnotify() takes.
 */
#include "sockin/poller.h"

#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "kern/stats.h"
#include "net/socketvar.h"
#include "sockin/user.h"

#define RETIRE_MS 1000
#define SLOTS_MIN 16

struct slot {
	struct sockin_pollee *sl_pollee; /* NULL: free */
	uint32_t sl_generation;
	uint32_t sl_next; /* free: the next free one, or nslots */
};

static kmutex_t poller_lock; /* protects all of the following */
static struct slot *slots;
static uint32_t nslots;           /* entries allocated */
static uint32_t nused;            /* entries in use */
static uint32_t first_free;       /* nslots: none */
static bool running;              /* the worker exists; watch is open */
static struct sockin_watch watch; /* stable while running */

static struct kstat stats[] = {
	{ .ks_name = "sockin_poller_starts",
	    .ks_help = "times that the readiness worker was started" },
	{ .ks_name = "sockin_poller_events",
	    .ks_help = "readiness events that woke polls" },
};

static void worker(void *arg);
static int start_locked(void) REQUIRES(poller_lock);

/* The worker is to come to its park point. */
static void
kick(void)
{
	mutex_enter(&poller_lock);
	if (running)
		rumpcomp_sockin_watch_kick(&watch);
	mutex_exit(&poller_lock);
}

void
sockin_poller_init(void)
{
	mutex_init(&poller_lock, "sockin_poller");
	kstat_attach(stats, NITEMS(stats));
	kthread_kick_attach(kick);
}

void
sockin_pollee_init(struct sockin_pollee *pe, struct socket *so, int hostfd)
{
	pe->pe_so = so;
	pe->pe_hostfd = hostfd;
	pe->pe_slot = POLLEE_NOSLOT;
	pe->pe_armed = 0;
}

static uint64_t
cookie_make(uint32_t slot, uint32_t generation)
{
	return (uint64_t)generation << 32 | slot;
}

/* The pollee of a cookie, or NULL when it has gone. */
static struct sockin_pollee *
cookie_pollee(uint64_t cookie)
{
	uint32_t slot;

	KASSERT(mutex_owned(&poller_lock));

	slot = (uint32_t)cookie;
	if (slot >= nslots || slots[slot].sl_generation != cookie >> 32)
		return NULL;
	return slots[slot].sl_pollee;
}

/* All entries are in use, so first_free is nslots, the first new one. */
static void
slots_grow(void)
{
	struct slot *grown;
	uint32_t i, n;

	n = MAX(2 * nslots, SLOTS_MIN);
	grown = kmem_zalloc(n * sizeof(*grown), KM_SLEEP);
	if (nslots > 0) {
		memcpy(grown, slots, nslots * sizeof(*slots));
		kmem_free(slots, nslots * sizeof(*slots));
	}
	for (i = nslots; i < n; i++)
		grown[i].sl_next = i + 1;
	slots = grown;
	nslots = n;
}

static void
slot_get(struct sockin_pollee *pe)
{
	struct slot *sl;

	KASSERT(mutex_owned(&poller_lock));

	if (first_free == nslots)
		slots_grow();
	pe->pe_slot = first_free;
	sl = &slots[first_free];
	first_free = sl->sl_next;
	sl->sl_pollee = pe;
	sl->sl_generation++;
	nused++;
}

static void
slot_put(struct sockin_pollee *pe)
{
	struct slot *sl;

	KASSERT(mutex_owned(&poller_lock));

	sl = &slots[pe->pe_slot];
	sl->sl_pollee = NULL;
	sl->sl_next = first_free;
	first_free = pe->pe_slot;
	pe->pe_slot = POLLEE_NOSLOT;
	pe->pe_armed = 0;
	nused--;
}

static int
start_locked(void)
{
	int error;

	error = rumpcomp_sockin_watch_open(&watch);
	if (error != 0)
		return error;
	error = kthread_create("sockpoll", worker, NULL);
	if (error != 0)
		goto fail_watch;
	running = true;
	KSTAT_ADD(&stats[0], 1);
	return 0;

fail_watch:
	rumpcomp_sockin_watch_close(&watch);
	return error;
}

/* Watch for what is armed. */
static int
watch_armed(struct sockin_pollee *pe, bool add)
{
	return rumpcomp_sockin_watch_arm(&watch, pe->pe_hostfd, pe->pe_armed,
	    cookie_make(pe->pe_slot, slots[pe->pe_slot].sl_generation), add);
}

static int
arm_locked(struct sockin_pollee *pe, int events)
{
	bool add;
	int error;

	KASSERT(mutex_owned(&poller_lock));

	add = pe->pe_slot == POLLEE_NOSLOT;
	if (add)
		slot_get(pe);
	/* Errors and hang-ups are watched for unasked; the bit says so. */
	pe->pe_armed |= events | POLLERR;
	error = watch_armed(pe, add);
	if (error != 0 && add)
		slot_put(pe);
	return error;
}

int
sockin_poller_arm(struct sockin_pollee *pe, int events)
{
	int error;

	error = 0;
	mutex_enter(&poller_lock);
	if (!running)
		error = start_locked();
	if (error == 0)
		error = arm_locked(pe, events);
	mutex_exit(&poller_lock);
	return error;
}

void
sockin_poller_remove(struct sockin_pollee *pe)
{
	mutex_enter(&poller_lock);
	if (pe->pe_slot != POLLEE_NOSLOT) {
		rumpcomp_sockin_watch_remove(&watch, pe->pe_hostfd);
		slot_put(pe);
		if (nused == 0)
			rumpcomp_sockin_watch_kick(&watch);
	}
	mutex_exit(&poller_lock);
}

/* Wake the polls of one socket and go on watching for the others. */
static void
fire(struct sockin_pollee *pe, int revents)
{
	struct socket *so = pe->pe_so;
	int both;

	KASSERT(mutex_owned(&poller_lock));

	both = revents & (POLLERR | POLLHUP | POLLNVAL);
	if (both != 0)
		pe->pe_armed = 0;
	pe->pe_armed &= ~revents;
	if ((pe->pe_armed & ~POLLERR) != 0)
		watch_armed(pe, false);
	KSTAT_ADD(&stats[1], 1);
	if (both != 0 || (revents & ~(POLLOUT | POLLWRBAND)) != 0)
		selnotify(&so->so_rcv.sb_sel);
	if (both != 0 || (revents & (POLLOUT | POLLWRBAND)) != 0)
		selnotify(&so->so_snd.sb_sel);
}

/* The worker is about to end. */
static void
stop_locked(void)
{
	KASSERT(mutex_owned(&poller_lock));

	if (nslots > 0)
		kmem_free(slots, nslots * sizeof(*slots));
	slots = NULL;
	nslots = first_free = 0;
	running = false;
}

/* The worker gives up unless a socket has come meanwhile. */
static bool
retire(void)
{
	bool gone;

	mutex_enter(&poller_lock);
	gone = nused == 0;
	if (gone) {
		rumpcomp_sockin_watch_close(&watch);
		stop_locked();
	}
	mutex_exit(&poller_lock);
	return gone;
}

/*
 * Somebody has closed the watch's descriptors under us, which is nothing that a
 * kernel should die of; their numbers may have new owners, so they are left
 * alone.  The polls look again and so start another worker.
 */
static void
abandon(void)
{
	struct sockin_pollee *pe;
	uint32_t i;

	mutex_enter(&poller_lock);
	for (i = 0; i < nslots; i++) {
		pe = slots[i].sl_pollee;
		if (pe == NULL)
			continue;
		slot_put(pe);
		selnotify(&pe->pe_so->so_rcv.sb_sel);
		selnotify(&pe->pe_so->so_snd.sb_sel);
	}
	stop_locked();
	mutex_exit(&poller_lock);
}

static void
fire_batch(const struct sockin_watch_event *events, int n)
{
	struct sockin_pollee *pe;
	int i;

	mutex_enter(&poller_lock);
	for (i = 0; i < n; i++) {
		pe = cookie_pollee(events[i].swe_cookie);
		if (pe != NULL)
			fire(pe, events[i].swe_events);
	}
	mutex_exit(&poller_lock);
}

static int
patience_ms(void)
{
	int ms;

	mutex_enter(&poller_lock);
	ms = nused == 0 ? RETIRE_MS : -1;
	mutex_exit(&poller_lock);
	return ms;
}

static void
worker(void *arg)
{
	struct sockin_watch_event events[SOCKIN_WATCH_BATCH];
	struct sockin_watch sw;
	int error, n;

	mutex_enter(&poller_lock);
	sw = watch;
	mutex_exit(&poller_lock);
	for (;;) {
		kthread_parkpoint();
		error = rumpcomp_sockin_watch_wait(
		    &sw, events, SOCKIN_WATCH_BATCH, patience_ms(), &n);
		if (error == 0) {
			fire_batch(events, n);
			continue;
		}
		if (error != EWOULDBLOCK) {
			abandon();
			break;
		}
		if (retire())
			break;
	}
	kthread_exit();
}
