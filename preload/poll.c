/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * poll and ppoll: one host call on a copy of the program's array.  An entry
 * whose answer is known in advance has fd -1 there, and the answer in events,
 * which the host leaves alone.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/syscall.h>
#include <time.h>

#include "preload/engine/engine.h"
#include "preload/fdmap.h"
#include "preload/nofile.h"
#include "preload/readiness.h"
#include "preload/remote_classic.h"
#include "preload/resolve.h"
#include "preload/route.h"
#include "preload/usercopy.h"
#include "syscall_table/linux_routes.h"

#define NFDS_MAX (1 << 20) /* more than the host has numbers for */
#define LOOK 64            /* entries read at a time */
#define FEW 64             /* entries for which no limit is asked for */
#define READY (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM)
#define NSEC 1000000000

struct pollset {
	struct pollfd *ps_user; /* the program's array */
	unsigned ps_n;
	unsigned ps_ready;       /* entries whose answer is known */
	bool ps_alien;           /* ... and one that has none */
	bool ps_asked;           /* ... and one for a classic server */
	struct timespec ps_zero; /* the host writes there */
	struct pollfd ps_fds[];
};

/* Would the host refuse so many entries, which the program may have? */
static bool
has_headroom(unsigned n)
{
	return n > FEW && nofile_in_headroom((long)n - 1);
}

/* Does the program's array name a rump descriptor?  False where it cannot be
 * read, which the host says better. */
static bool
names_rump(const struct pollfd *user, unsigned n)
{
	struct pollfd fds[LOOK];
	unsigned count;

	for (unsigned at = 0; at < n; at += count) {
		count = n - at < LOOK ? n - at : LOOK;
		if (usercopy_in(fds, user + at, count * sizeof(*fds)) != 0)
			return false;
		for (unsigned i = 0; i < count; i++) {
			if (fds[i].fd >= 0 && fdmap_is_rump(fds[i].fd))
				return true;
		}
	}
	return false;
}

static struct pollset *
pollset_create(const struct call *c, struct pollfd *user, unsigned n)
{
	struct pollset *ps =
	    waitmem_get(sizeof(struct pollset) + n * sizeof(struct pollfd), c);

	if (ps == NULL)
		return NULL;
	ps->ps_user = user;
	ps->ps_n = n;
	ps->ps_ready = 0;
	ps->ps_alien = ps->ps_asked = false;
	ps->ps_zero = (struct timespec){ 0, 0 };
	return ps;
}

static long
pollset_end(struct pollset *ps, long result)
{
	waitmem_put(ps);
	return result;
}

static void
answer(struct pollset *ps, struct pollfd *p, short revents)
{
	p->fd = -1;
	p->events = revents;
	if (revents != 0)
		ps->ps_ready++;
}

static void
sort(struct pollset *ps, struct pollfd *p)
{
	int hostfd;

	if (p->fd < 0) {
		answer(ps, p, 0);
		return;
	}
	switch (member_find(p->fd, &hostfd)) {
	case MEMBER_HOST:
		break;
	case MEMBER_READY:
		answer(ps, p, p->events & READY);
		break;
	case MEMBER_PROXY:
		p->fd = hostfd;
		break;
	case MEMBER_ASKED:
		p->fd = hostfd;
		ps->ps_asked = true;
		break;
	case MEMBER_NONE:
		answer(ps, p, POLLNVAL);
		break;
	case MEMBER_ALIEN:
		ps->ps_alien = true;
		break;
	}
}

/*
 * The program's descriptor fd was waited for as hostfd.  Was it closed
 * meanwhile?  Then the host's number may be another one's.
 */
static bool
is_stale(int fd, int hostfd)
{
	int now = -1;

	return fd != hostfd &&
	       (member_find(fd, &now) != MEMBER_PROXY || now != hostfd);
}

static short
answer_of(const struct pollfd *p, int fd)
{
	if (p->fd == -1)
		return p->events;
	if (p->fd < 0)
		return p->revents;
	return p->revents != 0 && is_stale(fd, p->fd) ? POLLNVAL : p->revents;
}

/* Entries [at, at + count): the number of those that are ready, or -EFAULT.
 * Most results are what stands there already, and cost no store. */
static long
report(const struct pollset *ps, unsigned at, unsigned count)
{
	struct pollfd fds[LOOK];
	long ready = 0;

	if (usercopy_in(fds, ps->ps_user + at, count * sizeof(*fds)) != 0)
		return -EFAULT;
	for (unsigned i = 0; i < count; i++) {
		short revents = answer_of(&ps->ps_fds[at + i], fds[i].fd);

		ready += revents != 0;
		if (revents != fds[i].revents &&
		    usercopy_out(&revents, &ps->ps_user[at + i].revents,
			sizeof(revents)) != 0)
			return -EFAULT;
	}
	return ready;
}

static long
pollset_report(const struct pollset *ps)
{
	long ready = 0, n;
	unsigned count;

	for (unsigned at = 0; at < ps->ps_n; at += count) {
		count = ps->ps_n - at < LOOK ? ps->ps_n - at : LOOK;
		n = report(ps, at, count);
		if (n < 0)
			return n;
		ready += n;
	}
	return ready;
}

static long
poll_after(struct call *c)
{
	struct pollset *ps =
	    (struct pollset *)(c->arg[0] - (long)sizeof(struct pollset));

	c->arg[0] = (long)ps->ps_user;
	c->arg[1] = ps->ps_n;
	return pollset_end(ps, c->result < 0 ? c->result : pollset_report(ps));
}

/* A timeout that will not be used must be good all the same. */
static int
check_timeout(const struct call *c)
{
	struct timespec ts;

	if (c->nr != SYS_ppoll || c->arg[2] == 0)
		return 0;
	if (usercopy_in(&ts, (const void *)c->arg[2], sizeof(ts)) != 0)
		return EFAULT;
	return ts.tv_sec < 0 || (unsigned long)ts.tv_nsec >= NSEC ? EINVAL : 0;
}

/* In milliseconds, -1: for ever; what is over counts. */
static int
get_timeout(const struct call *c, int64_t *ms)
{
	struct timespec ts;
	int error = check_timeout(c);

	*ms = c->nr == SYS_poll ? (int)c->arg[2] : -1;
	if (error != 0 || c->nr == SYS_poll || c->arg[2] == 0)
		return error;
	if (usercopy_in(&ts, (const void *)c->arg[2], sizeof(ts)) != 0)
		return EFAULT;
	*ms = ts.tv_sec > INT_MAX
		  ? -1
		  : ts.tv_sec * 1000 +
			(ts.tv_nsec + NSEC / 1000 - 1) / (NSEC / 1000);
	return 0;
}

/* ppoll says how much time was left. */
static void
put_timeout(const struct call *c, int64_t ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * (NSEC / 1000) };

	if (c->nr == SYS_ppoll && c->arg[2] != 0 && ms >= 0)
		(void)usercopy_out(&ts, (void *)c->arg[2], sizeof(ts));
}

/* A classic server has to be asked. */
static long
poll_server(struct call *c, struct pollset *ps)
{
	int64_t ms, since = waiting_clock();
	int error = get_timeout(c, &ms);
	long result = -error;

	if (error == 0 && c->nr == SYS_ppoll)
		result = waiting_mask(c->arg[3], c->arg[4]);
	if (result == 0)
		result = classic_poll(
		    ps->ps_fds, ps->ps_n, ps->ps_ready != 0 ? 0 : ms);
	put_timeout(c, waiting_left(ms, since));
	if (result >= 0)
		result = pollset_report(ps);
	return pollset_end(ps, result);
}

/* The host takes no more entries than the limit of open files, which the program
 * is told higher than it is: what stands at the end and is not asked for. */
static unsigned
entries_asked(const struct pollset *ps)
{
	unsigned n = ps->ps_n;

	while (n > 0 && ps->ps_fds[n - 1].fd == -1)
		n--;
	return n;
}

static long
poll_host(struct call *c, struct pollset *ps)
{
	int error;
	long result;

	for (unsigned i = 0; i < ps->ps_n; i++)
		sort(ps, &ps->ps_fds[i]);
	if (ps->ps_alien)
		return pollset_end(ps, member_refuse(c));
	if (ps->ps_asked)
		return poll_server(c, ps);
	if (ps->ps_ready != 0) {
		error = check_timeout(c);
		if (error != 0)
			return pollset_end(ps, -error);
		c->arg[2] = c->nr == SYS_poll ? 0 : (long)&ps->ps_zero;
	}
	result = engine_filter_mask(c);
	if (result != 0)
		return pollset_end(ps, result);
	c->arg[0] = (long)ps->ps_fds;
	if (has_headroom(ps->ps_n))
		c->arg[1] = entries_asked(ps);
	return route_to_host(c, poll_after);
}

static long
poll_run(struct call *c)
{
	struct pollfd *user = (struct pollfd *)c->arg[0];
	unsigned n = (unsigned)c->arg[1];
	struct pollset *ps;
	long result;

	if (n > NFDS_MAX || (!names_rump(user, n) && !has_headroom(n))) {
		result = engine_filter_mask(c);
		return result != 0 ? result : CALL_TO_HOST;
	}
	route_mark_rump(c, NS_HOST);
	ps = pollset_create(c, user, n);
	if (ps == NULL)
		return -ENOMEM;
	if (usercopy_in(ps->ps_fds, user, n * sizeof(*user)) != 0)
		return pollset_end(ps, -EFAULT);
	return poll_host(c, ps);
}
ROUTE(poll, poll_run)
ROUTE(ppoll, poll_run)
