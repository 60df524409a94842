/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for descriptors of both kernels, when the rump kernel's can only be
 * asked for: one poll(2) there, during which the thread watches the host's.
 * There is no hidden descriptor to wait for, no helping thread, and nothing
 * stays behind when the call returns.
 *
 * The server knows nothing of POLLRDHUP; a connection whose peer has shut down
 * is readable there.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#include "preload/abi/errno.h"
#include "preload/call.h"
#include "preload/classic_link.h"
#include "preload/hidden.h"
#include "preload/readiness.h"
#include "preload/remote_classic.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

#define ALWAYS (POLLERR | POLLHUP | POLLNVAL)

struct merge {
	struct pollfd *me_fds; /* the caller's */
	unsigned me_n;
	unsigned me_nrump;
	bool me_mixed; /* there are host descriptors */
	int me_event;  /* for waking, -1: nobody waits */
	struct rump_pollfd *me_rump;
	unsigned *me_at;         /* where me_rump[i] comes from */
	struct pollfd me_host[]; /* [0] is the connection's */
};

static const struct {
	short e_linux;
	short e_netbsd;
} events[] = {
	{ POLLIN, RUMP_POLLIN },
	{ POLLPRI, RUMP_POLLPRI },
	{ POLLOUT, RUMP_POLLOUT },
	{ POLLWRNORM, RUMP_POLLWRNORM },
	{ POLLRDNORM, RUMP_POLLRDNORM },
	{ POLLRDBAND, RUMP_POLLRDBAND },
	{ POLLWRBAND, RUMP_POLLWRBAND },
	{ POLLERR, RUMP_POLLERR },
	{ POLLHUP, RUMP_POLLHUP },
	{ POLLNVAL, RUMP_POLLNVAL },
};
#define NEVENTS (sizeof(events) / sizeof(events[0]))

static short
to_netbsd(short from)
{
	short to = 0;

	for (size_t i = 0; i < NEVENTS; i++)
		to |= (from & events[i].e_linux) != 0 ? events[i].e_netbsd : 0;
	return to;
}

static short
to_linux(short from)
{
	short to = 0;

	for (size_t i = 0; i < NEVENTS; i++)
		to |= (from & events[i].e_netbsd) != 0 ? events[i].e_linux : 0;
	return to;
}

static struct merge *
merge_create(struct pollfd *fds, unsigned n)
{
	size_t size = sizeof(struct merge) +
		      (n + (size_t)1) * sizeof(struct pollfd) +
		      n * (sizeof(struct rump_pollfd) + sizeof(unsigned));
	struct merge *me = waitmem_get(size, NULL);

	if (me == NULL)
		return NULL;
	*me = (struct merge){ .me_fds = fds, .me_n = n, .me_event = -1 };
	me->me_rump = (struct rump_pollfd *)(void *)(me->me_host + n + 1);
	me->me_at = (unsigned *)(void *)(me->me_rump + n);
	for (unsigned i = 0; i < n; i++) {
		me->me_host[i + 1] = fds[i];
		me->me_mixed = me->me_mixed || fds[i].fd >= 0;
		if (fds[i].fd > CLASSIC_POLLFD(0))
			continue;
		me->me_at[me->me_nrump] = i;
		me->me_rump[me->me_nrump++] = (struct rump_pollfd){
			.fd = CLASSIC_POLLFD(fds[i].fd),
			.events = to_netbsd(fds[i].events),
		};
	}
	return me;
}

static void
merge_destroy(struct merge *me)
{
	if (me->me_event >= 0)
		hidden_close(me->me_event);
	waitmem_put(me);
}

/* How many of the host's are ready. */
static long
look(struct merge *me)
{
	if (!me->me_mixed)
		return 0;
	return HOST(SYS_poll, me->me_host + 1, me->me_n, 0, 0, 0, 0);
}

/* False: no number is left for one. */
static bool
need_event(struct merge *me)
{
	long fd;

	if (me->me_event >= 0)
		return true;
	fd = HOST(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK, 0, 0, 0, 0);
	if (fd >= 0)
		fd = hidden_take((int)fd);
	me->me_event = fd >= 0 ? (int)fd : -1;
	return fd >= 0;
}

/* Have the server look, for ms at most or until one of the host's is ready.
 * As classic_syscall(). */
static int
ask(struct merge *me, int64_t ms)
{
	struct remote *rm = remote_current();
	struct request rq = { .rq_patient = ms == 0, .rq_event = -1 };
	bool mixed = me->me_mixed && ms != 0;
	int64_t slice = mixed && !need_event(me) ? classic_slice(ms) : ms;
	const int64_t args[3] = { (int64_t)me->me_rump, me->me_nrump,
		slice > INT_MAX ? -1 : slice };
	int64_t ready[2];
	int error;

	if (mixed) {
		rq.rq_watched = me->me_host;
		rq.rq_nwatched = me->me_n + 1;
		rq.rq_event = me->me_event;
	}
	error = classic_enter(rm, ms == 0);
	if (error != 0)
		return error;
	error = classic_syscall(rm, &rq, RUMP_SYS_poll, args, 3, ready);
	classic_leave(rm, error);
	if (error == 0 && ready[0] == 0 && slice != ms)
		return CLASSIC_AGAIN;
	return error == RUMP_EINTR && rq.rq_seen ? CLASSIC_AGAIN : error;
}

/* What the server has said; of one that is lost nothing is to be expected. */
static void
take_answers(struct merge *me, bool lost)
{
	for (unsigned i = 0; i < me->me_nrump; i++) {
		struct pollfd *p = &me->me_host[me->me_at[i] + 1];

		p->revents = lost ? POLLERR | POLLHUP
				  : to_linux(me->me_rump[i].revents) &
					(p->events | ALWAYS);
	}
}

static long
report(struct merge *me)
{
	long ready = 0;

	for (unsigned i = 0; i < me->me_n; i++) {
		me->me_fds[i].revents = me->me_host[i + 1].revents;
		ready += me->me_fds[i].revents != 0;
	}
	return ready;
}

/* 0, or a NetBSD errno. */
static int
wait_for_both(struct merge *me, int64_t ms)
{
	int64_t since = waiting_clock();
	int error;
	long r;

	do {
		r = look(me);
		if (r < 0)
			return RUMP_ENOMEM;
		error = ask(me, r > 0 ? 0 : waiting_left(ms, since));
	} while (error == CLASSIC_AGAIN);
	if (error == 0 || error == RUMP_ENOTCONN)
		(void)look(me);
	return error;
}

long
classic_poll(struct pollfd *fds, unsigned n, int64_t ms)
{
	struct merge *me = merge_create(fds, n);
	int error;
	long ready;

	if (me == NULL)
		return -ENOMEM;
	error = wait_for_both(me, ms);
	if (error == RUMP_ERESTART) {
		ready = -EINTR;
	} else if (error != 0 && error != RUMP_ENOTCONN) {
		ready = -abi_errno_to_linux(error);
	} else {
		take_answers(me, error != 0);
		ready = report(me);
	}
	merge_destroy(me);
	return ready;
}
