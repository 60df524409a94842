/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * poll(2), pollts(2), select(2) and pselect(2).  The files are held until the
 * call ends, so that none can be closed under the poll; select is poll after
 * its bitmaps have been turned into an array.  Signal masks are ignored: the
 * kernel delivers no signals.  An interrupted poll is never restarted.
 */
#include "kern/clock.h"
#include "kern/copy.h"
#include "kern/file.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "kern/poll.h"
#include "kern/selector.h"
#include "syscall_table/sysprotos.h"

#define FORCED (POLLERR | POLLHUP | POLLNVAL)
#define MS 1000000
#define FDWORD 32 /* bits in a word of an fd_set */

/* How long: without_wait, or until deadline_ns (0: for ever). */
struct patience {
	bool without_wait;
	int64_t deadline_ns;
};

struct polled {
	struct rump_pollfd fd;
	struct file *fp;
};

static struct patience
patience_for(int64_t delay_ns)
{
	return (struct patience){
		.without_wait = delay_ns == 0,
		.deadline_ns = delay_ns <= 0 ? 0 : deadline_after(delay_ns),
	};
}

/* From a user's timespec, NULL: for ever. */
static int
patience_copyin(const struct rump_timespec *uts, struct patience *pt)
{
	struct rump_timespec ts;
	int64_t ns = -1;
	int error;

	if (uts != NULL) {
		error = copyin(uts, &ts, sizeof(ts));
		if (error != 0)
			return error;
		if (!timespec_to_ns(&ts, &ns))
			return EINVAL;
	}
	*pt = patience_for(ns);
	return 0;
}

static short
look(struct polled *p, struct selector *sel)
{
	int events = p->fd.events | FORCED;

	if (p->fd.fd < 0)
		return 0;
	if (p->fp == NULL)
		return POLLNVAL;
	if (p->fp->f_ops->fo_poll == NULL)
		return events & (POLLIN | POLLOUT | POLLRDNORM);
	return p->fp->f_ops->fo_poll(p->fp, events, sel) & events;
}

/* Fill in what is ready; how many are. */
static int
scan(struct polled *p, unsigned n, struct selector *sel)
{
	int ready = 0;

	for (unsigned i = 0; i < n; i++) {
		/* Once something is ready nobody is going to sleep. */
		p[i].fd.revents = look(&p[i], ready == 0 ? sel : NULL);
		ready += p[i].fd.revents != 0;
	}
	return ready;
}

static int
poll_wait(struct polled *p, unsigned n, struct patience pt, int *readyp)
{
	struct selector sel;
	int ready, error = 0;

	selector_init(&sel);
	for (;;) {
		ready = scan(p, n, pt.without_wait || error != 0 ? NULL : &sel);
		if (ready > 0 || pt.without_wait || error != 0)
			break;
		error = selector_wait(&sel, pt.deadline_ns);
		selector_clear(&sel);
	}
	selector_clear(&sel);
	if (ready == 0 && error == ERESTART)
		return EINTR;
	*readyp = ready;
	return 0;
}

static void
hold_files(struct polled *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		p[i].fp = p[i].fd.fd < 0 ? NULL : fd_getfile(p[i].fd.fd);
}

static void
release_files(struct polled *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (p[i].fp != NULL)
			fd_putfile(p[i].fp);
}

/* Room for n, on the caller's stack if they fit there. */
#define FEW 16

static struct polled *
polled_alloc(struct polled *few, unsigned n)
{
	return n <= FEW ? few : kmem_alloc(n * sizeof(*few), KM_NOSLEEP);
}

static void
polled_free(struct polled *p, struct polled *few, unsigned n)
{
	if (p != few)
		kmem_free(p, n * sizeof(*p));
}

/* An address of the caller's, which need not be one at all. */
static void *
uaddr(const struct rump_pollfd *ufds, unsigned i, size_t member)
{
	return (void *)((uintptr_t)ufds + i * sizeof(*ufds) + member);
}

static int
copyin_pollfds(const struct rump_pollfd *ufds, struct polled *p, unsigned n)
{
	int error;

	for (unsigned i = 0; i < n; i++) {
		error = copyin(uaddr(ufds, i, 0), &p[i].fd, sizeof(p[i].fd));
		if (error != 0)
			return error;
	}
	return 0;
}

static int
copyout_revents(const struct polled *p, struct rump_pollfd *ufds, unsigned n)
{
	int error;

	for (unsigned i = 0; i < n; i++) {
		error = copyout(&p[i].fd.revents,
		    uaddr(ufds, i, offsetof(struct rump_pollfd, revents)),
		    sizeof(p[i].fd.revents));
		if (error != 0)
			return error;
	}
	return 0;
}

static int
dopoll(struct rump_pollfd *ufds, unsigned n, struct patience pt,
    register_t *retval)
{
	struct polled few[FEW], *p;
	int error, ready;

	if (n > FD_LIMIT)
		return EINVAL;
	p = polled_alloc(few, n);
	if (p == NULL)
		return ENOMEM;
	error = copyin_pollfds(ufds, p, n);
	if (error != 0)
		goto out;
	hold_files(p, n);
	error = poll_wait(p, n, pt, &ready);
	release_files(p, n);
	if (error == 0)
		error = copyout_revents(p, ufds, n);
	if (error == 0)
		*retval = ready;
out:
	polled_free(p, few, n);
	return error;
}

int
sys_poll(struct lwp *l, const struct sys_poll_args *uap, register_t *retval)
{
	int64_t ns = uap->timeout < 0 ? -1 : (int64_t)uap->timeout * MS;

	return dopoll(uap->fds, uap->nfds, patience_for(ns), retval);
}

int
sys_pollts(struct lwp *l, const struct sys_pollts_args *uap, register_t *retval)
{
	struct patience pt;
	int error;

	error = patience_copyin(uap->ts, &pt);
	return error != 0 ? error : dopoll(uap->fds, uap->nfds, pt, retval);
}

/* The three sets of a select, what goes in and what comes out. */
enum { SET_IN, SET_OUT, SET_EX, NSETS };

static const struct {
	short ask, hit;
} meaning[NSETS] = {
	[SET_IN] = { POLLIN | POLLRDNORM,
	    POLLIN | POLLRDNORM | POLLHUP | POLLERR },
	[SET_OUT] = { POLLOUT, POLLOUT | POLLERR },
	[SET_EX] = { POLLPRI | POLLRDBAND, POLLPRI | POLLRDBAND },
};

struct sets {
	uint32_t *user[NSETS];
	uint32_t *bits[NSETS];
	unsigned nwords; /* of one set */
	uint32_t *mem;
};

static int
sets_copyin(struct sets *s)
{
	int error;

	for (int k = 0; k < NSETS; k++) {
		if (s->user[k] == NULL)
			continue;
		error = copyin(
		    s->user[k], s->bits[k], s->nwords * sizeof(uint32_t));
		if (error != 0)
			return error;
	}
	return 0;
}

static int
sets_copyout(const struct sets *s)
{
	int error;

	for (int k = 0; k < NSETS; k++) {
		if (s->user[k] == NULL)
			continue;
		error = copyout(
		    s->bits[k], s->user[k], s->nwords * sizeof(uint32_t));
		if (error != 0)
			return error;
	}
	return 0;
}

static bool
set_has(const struct sets *s, int k, int fd)
{
	return (s->bits[k][fd / FDWORD] >> (fd % FDWORD) & 1) != 0;
}

/* What is asked about fd. */
static short
sets_events(const struct sets *s, int fd)
{
	short events = 0;

	for (int k = 0; k < NSETS; k++)
		if (set_has(s, k, fd))
			events |= meaning[k].ask;
	return events;
}

static unsigned
sets_to_polled(const struct sets *s, int nd, struct polled *p)
{
	unsigned n = 0;
	short events;

	for (int fd = 0; fd < nd; fd++) {
		events = sets_events(s, fd);
		if (events != 0)
			p[n++].fd =
			    (struct rump_pollfd){ .fd = fd, .events = events };
	}
	return n;
}

/* Leave in the sets what is ready; how many bits, -1 for a bad descriptor. */
static int
polled_to_sets(struct sets *s, const struct polled *p, unsigned n)
{
	int fd, count = 0;

	for (unsigned i = 0; i < n; i++) {
		fd = p[i].fd.fd;
		if ((p[i].fd.revents & POLLNVAL) != 0)
			return -1;
		for (int k = 0; k < NSETS; k++) {
			if (!set_has(s, k, fd))
				continue;
			if ((p[i].fd.revents & meaning[k].hit) != 0)
				count++;
			else
				s->bits[k][fd / FDWORD] &=
				    ~((uint32_t)1 << (fd % FDWORD));
		}
	}
	return count;
}

/* With the sets in the kernel. */
static int
select_sets(struct sets *s, int nd, struct patience pt, register_t *retval)
{
	struct polled few[FEW], *p;
	int error, ready, count;
	unsigned n;

	p = polled_alloc(few, nd);
	if (p == NULL)
		return ENOMEM;
	n = sets_to_polled(s, nd, p);
	hold_files(p, n);
	error = poll_wait(p, n, pt, &ready);
	release_files(p, n);
	if (error != 0)
		goto out;
	count = polled_to_sets(s, p, n);
	error = count < 0 ? EBADF : sets_copyout(s);
	if (error == 0)
		*retval = count;
out:
	polled_free(p, few, nd);
	return error;
}

static int
doselect(int nd, void *in, void *ou, void *ex, struct patience pt,
    register_t *retval)
{
	struct sets s = { .user = { in, ou, ex } };
	size_t size;
	int error;

	if (nd < 0)
		return EINVAL;
	/* More than a table holds cannot be open. */
	nd = MIN(nd, FD_LIMIT);
	s.nwords = ROUNDUP(nd, FDWORD) / FDWORD;
	size = MAX(NSETS * s.nwords * sizeof(uint32_t), 1);
	s.mem = kmem_zalloc(size, KM_NOSLEEP);
	if (s.mem == NULL)
		return ENOMEM;
	for (int k = 0; k < NSETS; k++)
		s.bits[k] = s.mem + k * s.nwords;
	error = sets_copyin(&s);
	if (error == 0)
		error = select_sets(&s, nd, pt, retval);
	kmem_free(s.mem, size);
	return error;
}

int
sys_select(struct lwp *l, const struct sys_select_args *uap, register_t *retval)
{
	struct rump_timespec ts;
	struct rump_timeval tv;
	int64_t ns = -1;
	int error;

	if (uap->tv != NULL) {
		error = copyin(uap->tv, &tv, sizeof(tv));
		if (error != 0)
			return error;
		ts = (struct rump_timespec){ tv.tv_sec,
			(int64_t)tv.tv_usec * 1000 };
		if (!timespec_to_ns(&ts, &ns))
			return EINVAL;
	}
	return doselect(
	    uap->nd, uap->in, uap->ou, uap->ex, patience_for(ns), retval);
}

int
sys_pselect(
    struct lwp *l, const struct sys_pselect_args *uap, register_t *retval)
{
	struct patience pt;
	int error;

	error = patience_copyin(uap->ts, &pt);
	return error != 0
		   ? error
		   : doselect(uap->nd, uap->in, uap->ou, uap->ex, pt, retval);
}
