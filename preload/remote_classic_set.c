/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One lock for all sets: what is done under it takes no longer than a walk over
 * the members, and each wait costs a message to the server anyway.
 *
 * Lists change by one store, so that a forked child, whose parent's other
 * threads may have been at it, finds them whole.  A member's memory stays a
 * member's, with a number that is never given twice: a wait finds out by it
 * whether the one that it has asked for is still there.
 */
#include "preload/classic_set.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/fdmap.h"
#include "preload/hidden.h"
#include "preload/lock.h"
#include "preload/pool.h"
#include "preload/remote_classic.h"

#define ALWAYS (POLLERR | POLLHUP)
#define CONDITIONS 0xffffu /* of the host's events; flags stand above */
/* What EPOLLEXCLUSIVE may stand beside. */
#define EXCLUSIVE_WITH                                                         \
	(EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET |    \
	    EPOLLEXCLUSIVE)

struct epset_member {
	struct pool_free *m_free; /* the pool's */
	uint64_t m_number;        /* of the member; 0: it is gone */
	struct epset_member *m_next;
	const struct rfile *m_file;
	int m_fd;     /* the program's number */
	int m_rumpfd; /* the server's */
	struct epoll_event m_event;
	uint32_t m_told; /* conditions that are not asked for again yet */
	bool m_disabled; /* EPOLLONESHOT */
};

struct epset_waiter {
	struct pool_free *w_free; /* the pool's */
	struct epset_waiter *w_next;
	int w_event;
	bool w_busy; /* else kept for the next wait */
};

struct epset {
	struct pool_free *es_free; /* the pool's */
	struct epset *es_next;
	struct epset_member *es_members;
	struct epset_waiter *es_waiters;
	unsigned es_nmembers;
	unsigned es_turn;
};

static struct pool sets = POOL_INIT(sizeof(struct epset), 4096);
static struct pool members = POOL_INIT(sizeof(struct epset_member), 4096);
static struct pool waiters = POOL_INIT(sizeof(struct epset_waiter), 4096);

static struct lock lock = LOCK_INIT;
static struct epset *first;    /* lock */
static uint64_t last_number;   /* lock */
static _Atomic unsigned nfull; /* members there are in all sets */

/* --- sets --------------------------------------------------------------- */

struct epset *
epset_create(void)
{
	struct epset *es = pool_get(&sets);

	if (es == NULL)
		return NULL;
	es->es_members = NULL;
	es->es_waiters = NULL;
	es->es_nmembers = es->es_turn = 0;
	lock_enter(&lock);
	es->es_next = first;
	__atomic_store_n(&first, es, __ATOMIC_RELEASE);
	lock_exit(&lock);
	return es;
}

/* With the lock: take *at out. */
static void
member_remove(struct epset *es, struct epset_member **at)
{
	struct epset_member *m = *at;

	*at = m->m_next;
	m->m_number = 0;
	es->es_nmembers--;
	atomic_fetch_sub(&nfull, 1);
	pool_put(&members, m);
}

static void
waiters_close(struct epset *es)
{
	struct epset_waiter *w;

	while ((w = es->es_waiters) != NULL) {
		es->es_waiters = w->w_next;
		if (w->w_event >= 0)
			hidden_close(w->w_event);
		pool_put(&waiters, w);
	}
}

void
epset_destroy(struct epset *es)
{
	struct epset **at = &first;

	lock_enter(&lock);
	while (*at != es)
		at = &(*at)->es_next;
	*at = es->es_next;
	while (es->es_members != NULL)
		member_remove(es, &es->es_members);
	lock_exit(&lock);
	waiters_close(es);
	pool_put(&sets, es);
}

/* The parent's waits are not under way here; its eventfds are its own. */
void
epsets_forked(void)
{
	lock_reset(&lock);
	for (struct epset *es = first; es != NULL; es = es->es_next)
		waiters_close(es);
}

/* --- waits -------------------------------------------------------------- */

static int
eventfd_create(void)
{
	long fd = HOST(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK, 0, 0, 0, 0);

	if (fd >= 0)
		fd = hidden_take((int)fd);
	return (int)fd;
}

static struct epset_waiter *
waiter_create(struct epset *es)
{
	struct epset_waiter *w = pool_get(&waiters);

	if (w == NULL)
		return NULL;
	w->w_event = -1;
	w->w_busy = true;
	lock_enter(&lock);
	w->w_next = es->es_waiters;
	__atomic_store_n(&es->es_waiters, w, __ATOMIC_RELEASE);
	lock_exit(&lock);
	return w;
}

struct epset_waiter *
epset_enter(struct epset *es)
{
	struct epset_waiter *w;

	lock_enter(&lock);
	w = es->es_waiters;
	while (w != NULL && w->w_busy)
		w = w->w_next;
	if (w != NULL)
		w->w_busy = true;
	lock_exit(&lock);
	if (w == NULL)
		w = waiter_create(es);
	if (w != NULL && w->w_event < 0)
		w->w_event = eventfd_create();
	return w;
}

void
epset_leave(struct epset *es, struct epset_waiter *w)
{
	lock_enter(&lock);
	w->w_busy = false;
	lock_exit(&lock);
}

int
epset_waker(struct epset_waiter *w)
{
	uint64_t count;

	if (w->w_event >= 0)
		HOST(SYS_read, w->w_event, &count, sizeof(count), 0, 0, 0);
	return w->w_event;
}

/* With the lock: whoever waits asks anew. */
static void
wake_all(const struct epset *es)
{
	const uint64_t one = 1;

	for (struct epset_waiter *w = es->es_waiters; w != NULL;
	     w = w->w_next) {
		if (w->w_busy && w->w_event >= 0)
			HOST(SYS_write, w->w_event, &one, sizeof(one), 0, 0, 0);
	}
}

unsigned
epset_turn(struct epset *es)
{
	unsigned turn;

	lock_enter(&lock);
	turn = es->es_turn++;
	lock_exit(&lock);
	return turn;
}

/* --- epoll_ctl ---------------------------------------------------------- */

static void
member_set(struct epset_member *m, const struct epoll_event *event)
{
	m->m_event = *event;
	m->m_told = 0;
	m->m_disabled = false;
}

static int
member_add(struct epset *es, const struct rfile *rf, int number,
    const struct epoll_event *event)
{
	struct epset_member *m = pool_get(&members);

	if (m == NULL)
		return ENOMEM;
	member_set(m, event);
	m->m_file = rf;
	m->m_fd = number;
	m->m_rumpfd = rf->rf_fd;
	m->m_next = es->es_members;
	m->m_number = ++last_number;
	__atomic_store_n(&es->es_members, m, __ATOMIC_RELEASE);
	es->es_nmembers++;
	atomic_fetch_add(&nfull, 1);
	return 0;
}

static int
member_change(struct epset_member *m, const struct epoll_event *event)
{
	if (((m->m_event.events | event->events) & EPOLLEXCLUSIVE) != 0)
		return EINVAL;
	member_set(m, event);
	return 0;
}

/* With the lock. */
static int
ctl_locked(struct epset *es, long op, const struct rfile *rf, int number,
    const struct epoll_event *event)
{
	struct epset_member **at = &es->es_members;

	while (*at != NULL && ((*at)->m_file != rf || (*at)->m_fd != number))
		at = &(*at)->m_next;
	if (op == EPOLL_CTL_ADD)
		return *at != NULL ? EEXIST : member_add(es, rf, number, event);
	if (*at == NULL)
		return ENOENT;
	if (op == EPOLL_CTL_MOD)
		return member_change(*at, event);
	member_remove(es, at);
	return 0;
}

int
epset_ctl(struct epset *es, long op, struct rfile *rf, int number,
    const struct epoll_event *event)
{
	int error;

	if (op != EPOLL_CTL_ADD && op != EPOLL_CTL_MOD && op != EPOLL_CTL_DEL)
		return EINVAL;
	if (op != EPOLL_CTL_DEL && (event->events & EPOLLEXCLUSIVE) != 0 &&
	    (event->events & ~EXCLUSIVE_WITH) != 0)
		return EINVAL;
	lock_enter(&lock);
	error = ctl_locked(es, op, rf, number, event);
	if (error == 0)
		wake_all(es);
	lock_exit(&lock);
	return error;
}

static void
set_forget(struct epset *es, const struct rfile *rf)
{
	struct epset_member **at = &es->es_members;

	while (*at != NULL) {
		if ((*at)->m_file == rf)
			member_remove(es, at);
		else
			at = &(*at)->m_next;
	}
}

void
epsets_forget(const struct rfile *rf)
{
	if (atomic_load(&nfull) == 0)
		return;
	lock_enter(&lock);
	for (struct epset *es = first; es != NULL; es = es->es_next)
		set_forget(es, rf);
	lock_exit(&lock);
}

/* --- conditions --------------------------------------------------------- */

/* With the lock: is there one that was told, and is to be asked for again? */
static bool
set_note(struct epset *es, int rumpfd, uint32_t conditions)
{
	bool changed = false;

	for (struct epset_member *m = es->es_members; m != NULL;
	     m = m->m_next) {
		if (m->m_rumpfd != rumpfd || (m->m_told & conditions) == 0)
			continue;
		m->m_told &= ~conditions;
		changed = true;
	}
	return changed;
}

void
epsets_note(int rumpfd, uint32_t conditions)
{
	if (atomic_load(&nfull) == 0)
		return;
	lock_enter(&lock);
	for (struct epset *es = first; es != NULL; es = es->es_next) {
		if (set_note(es, rumpfd, conditions))
			wake_all(es);
	}
	lock_exit(&lock);
}

size_t
epset_size(struct epset *es)
{
	size_t n;

	lock_enter(&lock);
	n = es->es_nmembers;
	lock_exit(&lock);
	return n;
}

/* poll(2) tells of errors and ends whether it is asked or not. */
static bool
is_to_ask(const struct epset_member *m)
{
	return !m->m_disabled && (m->m_told & ALWAYS) == 0;
}

unsigned
epset_ask(
    struct epset *es, struct pollfd *fds, struct epset_asked *asked, unsigned n)
{
	unsigned at = 0;

	lock_enter(&lock);
	for (struct epset_member *m = es->es_members; m != NULL && at < n;
	     m = m->m_next) {
		if (!is_to_ask(m))
			continue;
		fds[at] = (struct pollfd){
			.fd = CLASSIC_POLLFD(m->m_rumpfd),
			.events = (short)(m->m_event.events & CONDITIONS &
					  ~m->m_told),
		};
		asked[at++] = (struct epset_asked){ m, m->m_number };
	}
	lock_exit(&lock);
	return at;
}

/* With the lock: the conditions to tell of, 0: none. */
static uint32_t
member_claim(struct epset_member *m, short revents)
{
	uint32_t found = (uint16_t)revents;

	/* A number of the server's that is none any more. */
	if ((found & POLLNVAL) != 0)
		found |= ALWAYS;
	found &= (m->m_event.events & CONDITIONS) | ALWAYS;
	if (m->m_disabled || (found & ~m->m_told) == 0)
		return 0;
	if ((m->m_event.events & EPOLLET) != 0)
		m->m_told |= found;
	m->m_disabled = (m->m_event.events & EPOLLONESHOT) != 0;
	return found;
}

bool
epset_claim(const struct epset *es, const struct epset_asked *asked,
    short revents, struct epoll_event *event)
{
	struct epset_member *m = asked->ea_member;
	uint32_t found = 0;

	lock_enter(&lock);
	if (m->m_number == asked->ea_number)
		found = member_claim(m, revents);
	if (found != 0)
		*event = (struct epoll_event){ found, m->m_event.data };
	lock_exit(&lock);
	return found != 0;
}
