/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for an epoll set of which some members are descriptors of a classic
 * server: one classic_poll() for these and for the host's set, whose own events
 * are then taken from the host.  The thread waits in the kernel, as it does for
 * poll(2).  An epoll set costs what poll costs.
 */
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/classic_set.h"
#include "preload/engine/engine.h"
#include "preload/engine/entry.h"
#include "preload/readiness.h"
#include "preload/remote_classic.h"
#include "preload/remote_link.h"
#include "preload/usercopy.h"

#define EVENTS_MAX (INT_MAX / (int)sizeof(struct epoll_event))
#define OWN 2 /* entries in front of the server's: the set, the waker */

/* A wait for set es, which is number epfd; the program's array of max. */
struct epwait {
	struct epset *ew_set;
	int ew_epfd;
	struct epoll_event *ew_events;
	int ew_max;
	unsigned ew_turn;
	struct epset_waiter *ew_waiter;
	/* Of one look. */
	unsigned ew_n;
	struct pollfd *ew_fds;
	struct epset_asked *ew_asked;
};

/* The server's events, from place `at` of the program's array: how many. */
static long
take_server(struct epwait *ew, int at)
{
	struct epoll_event event;
	int had = at;

	for (unsigned i = 0; i < ew->ew_n && at < ew->ew_max; i++) {
		unsigned j = (ew->ew_turn + i) % ew->ew_n;
		short revents = ew->ew_fds[OWN + j].revents;

		if (revents == 0 ||
		    !epset_claim(ew->ew_set, &ew->ew_asked[j], revents, &event))
			continue;
		if (usercopy_out(&event, &ew->ew_events[at], sizeof(event)) !=
		    0)
			return -EFAULT;
		at++;
	}
	return at - had;
}

static long
take_host(struct epwait *ew, int at)
{
	if (at == ew->ew_max || ew->ew_fds[0].revents == 0)
		return 0;
	return HOST(SYS_epoll_wait, ew->ew_epfd, ew->ew_events + at,
	    ew->ew_max - at, 0, 0, 0);
}

/* The events of both kernels, of which each comes first in turn. */
static long
take_events(struct epwait *ew)
{
	bool server_first = ew->ew_turn % 2 != 0;
	long r, n;

	n = server_first ? take_server(ew, 0) : take_host(ew, 0);
	if (n < 0)
		return n;
	r = server_first ? take_host(ew, (int)n) : take_server(ew, (int)n);
	return r >= 0 ? n + r : n > 0 ? n : r;
}

/* As classic_poll(), where the server has nothing to be asked for. */
static long
host_poll(struct pollfd *fds, unsigned n, int64_t ms)
{
	const long args[6] = { (long)fds, n, ms > INT_MAX ? -1 : (long)ms };

	return engine_host_call_intr(&remote_interrupted, SYS_poll, args);
}

/* Wait for ms at most, and take what there is. */
static long
look(struct epwait *ew, int64_t ms)
{
	long r;

	if (ew->ew_n != 0)
		r = classic_poll(ew->ew_fds, OWN + ew->ew_n, ms);
	else
		r = host_poll(ew->ew_fds, OWN, ms);
	return r > 0 ? take_events(ew) : r;
}

/* Put together what is to be asked for, and look. */
static long
ask(struct epwait *ew, int64_t ms)
{
	/* First, so that no change after it is missed. */
	int waker = epset_waker(ew->ew_waiter);
	size_t room = epset_size(ew->ew_set);
	void *mem;
	long r;

	mem = waitmem_get((OWN + room) * sizeof(struct pollfd) +
			      room * sizeof(struct epset_asked),
	    NULL);
	if (mem == NULL)
		return -ENOMEM;
	ew->ew_asked = mem;
	ew->ew_fds = (struct pollfd *)(void *)(ew->ew_asked + room);
	ew->ew_fds[0] = (struct pollfd){ .fd = ew->ew_epfd, .events = POLLIN };
	ew->ew_fds[1] = (struct pollfd){ .fd = waker, .events = POLLIN };
	ew->ew_n = epset_ask(
	    ew->ew_set, ew->ew_fds + OWN, ew->ew_asked, (unsigned)room);
	r = look(ew, ms);
	waitmem_put(mem);
	return r;
}

/* Until there is something for the program, not only for us. */
static long
wait_for_events(struct epwait *ew, int64_t ms)
{
	int64_t since = waiting_clock(), left = ms;
	bool wakes = epset_waker(ew->ew_waiter) >= 0;
	long r;

	for (;;) {
		r = ask(ew, wakes ? left : classic_slice(left));
		if (r != 0 || ms == 0)
			return r;
		left = waiting_left(ms, since);
		if (ms > 0 && left == 0)
			return 0;
	}
}

long
classic_epoll(
    struct epset *es, int epfd, struct epoll_event *events, int max, int64_t ms)
{
	struct epwait ew = { .ew_set = es,
		.ew_epfd = epfd,
		.ew_events = events,
		.ew_max = max };
	long r;

	if (max <= 0 || max > EVENTS_MAX)
		return -EINVAL;
	ew.ew_waiter = epset_enter(es);
	if (ew.ew_waiter == NULL)
		return -ENOMEM;
	ew.ew_turn = epset_turn(es);
	r = wait_for_events(&ew, ms);
	epset_leave(es, ew.ew_waiter);
	return r;
}
