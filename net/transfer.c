/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sosend() and soreceive().
 *
 * A direct protocol is asked at once, without any lock.  For an open file that
 * is all: the protocol waits itself, and gives what a program expects of one
 * call.  For users inside the kernel the clock is read and the thread put to
 * sleep only when there was nothing to move.  A transfer that moved something is a success; an error that ended
 * it is kept for the next call, as a protocol reports such an error only once.
 */
#include "net/socketvar.h"

#include "kern/clock.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "net/sockbuf.h"
#include "rump/rumphostsock.h"

/* Flags that ask for more than a hint, of the host alone. */
#define NEEDS_HOST                                                             \
	(RUMP_MSG_HOST_ERRQUEUE | RUMP_MSG_HOST_FASTOPEN |                     \
	    RUMP_MSG_HOST_ZEROCOPY)

/* The patience of one call: its deadline is set when it first waits. */
struct patience {
	bool pt_never;       /* do not wait */
	int64_t pt_timeo_ns; /* 0: for ever */
	int64_t pt_deadline_ns;
};

static void
patience_init(
    struct patience *pt, struct socket *so, const struct sockbuf *sb, int flags)
{
	pt->pt_never = (flags & (MSG_DONTWAIT | MSG_NBIO)) != 0 ||
		       (so->so_state & SS_NBIO) != 0;
	pt->pt_timeo_ns =
	    atomic_load_explicit(&sb->sb_timeo_ns, memory_order_relaxed);
	pt->pt_deadline_ns = 0;
}

static int64_t
patience_deadline(struct patience *pt)
{
	if (pt->pt_never)
		return SO_DEADLINE_NOW;
	if (pt->pt_timeo_ns != 0 && pt->pt_deadline_ns == 0)
		pt->pt_deadline_ns = uptime_ns() + pt->pt_timeo_ns;
	return pt->pt_deadline_ns;
}

/* A sleep with a timeout of its own cannot be restarted. */
static int
patience_error(const struct patience *pt, int error)
{
	return error == ERESTART && pt->pt_timeo_ns != 0 ? EINTR : error;
}

void
sokeeperror(struct socket *so, int error)
{
	switch (error) {
	case 0:
	case EWOULDBLOCK:
	case ERESTART:
	case EINTR:
	case EFAULT:
	case EINVAL:
	case EMSGSIZE:
	case EOPNOTSUPP:
		return;
	}
	so->so_error = error;
}

/* The result of a call that moved data before error ended it. */
static int
partial_result(struct socket *so, bool moved, int error)
{
	if (!moved || error == 0)
		return error;
	sokeeperror(so, error);
	return 0;
}

static int
direct_send(struct socket *so, struct uio *uio, const struct rump_sockaddr *to,
    const void *control, size_t controllen, int flags, struct patience *pt)
{
	int error;

	for (;;) {
		error = so->so_proto->pr_send(
		    so, uio, to, control, controllen, flags);
		if ((so->so_state & SS_FILE) != 0 ||
		    (error == 0 && uio->uio_resid == 0))
			return error;
		if (error == EWOULDBLOCK && !pt->pt_never)
			error = so->so_proto->pr_wait(
			    so, POLLOUT, patience_deadline(pt));
		if (error != 0)
			return error;
	}
}

static void
count(_Atomic uint64_t *counter, size_t moved)
{
	if (moved != 0)
		atomic_fetch_add_explicit(counter, moved, memory_order_relaxed);
}

int
sosend(struct socket *so, struct uio *uio, const struct rump_sockaddr *to,
    const void *control, size_t controllen, int flags)
{
	struct patience pt;
	size_t start;
	int error;

	error = sotakeerror(so);
	if (error != 0)
		return error;
	start = uio->uio_resid;
	patience_init(&pt, so, &so->so_snd, flags);
	soref(so);
	if (so->so_proto->pr_send != NULL)
		error =
		    direct_send(so, uio, to, control, controllen, flags, &pt);
	else if (to != NULL)
		error = EISCONN;
	else if (controllen != 0 || (flags & NEEDS_HOST) != 0)
		error = EOPNOTSUPP;
	else
		error = sockbuf_send(so, uio, flags, patience_deadline(&pt));
	count(&so->so_nsent, start - uio->uio_resid);
	error = partial_result(so, uio->uio_resid != start, error);
	sounref(so);
	return patience_error(&pt, error);
}

/* How many bytes a blocking receive wants before it returns. */
static size_t
receive_target(const struct socket *so, const struct uio *uio, int flags)
{
	if (so->so_type != SOCK_STREAM || (flags & MSG_PEEK) != 0)
		return 0;
	if ((flags & MSG_WAITALL) != 0)
		return uio->uio_resid;
	return MIN(uio->uio_resid, so->so_rcv.sb_lowat);
}

/* For users inside the kernel: the protocol never waits. */
static int
receive_waiting(
    struct socket *so, struct uio *uio, struct somsg *sm, struct patience *pt)
{
	const struct somsg asked = *sm;
	size_t start, before, target;
	int error;

	start = uio->uio_resid;
	target = receive_target(so, uio, asked.sm_flags);
	for (;;) {
		before = uio->uio_resid;
		*sm = asked;
		error = so->so_proto->pr_recv(so, uio, sm);
		if (error == 0 && (uio->uio_resid == before ||
				      start - uio->uio_resid >= target))
			return 0;
		if (error == EWOULDBLOCK && !pt->pt_never)
			error = so->so_proto->pr_wait(so,
			    (asked.sm_flags & MSG_OOB) != 0 ? POLLPRI : POLLIN,
			    patience_deadline(pt));
		if (error != 0)
			return error;
	}
}

static int
buffered_receive(
    struct socket *so, struct uio *uio, struct somsg *sm, struct patience *pt)
{
	if ((sm->sm_flags & NEEDS_HOST) != 0)
		return EOPNOTSUPP;
	if (sm->sm_from != NULL)
		sm->sm_from->ss_len = 0;
	sm->sm_controllen = 0;
	sm->sm_whole = 0;
	return sockbuf_receive(so, uio, &sm->sm_flags, patience_deadline(pt));
}

static int
receive(
    struct socket *so, struct uio *uio, struct somsg *sm, struct patience *pt)
{
	if (so->so_proto->pr_recv == NULL)
		return buffered_receive(so, uio, sm, pt);
	if ((so->so_state & SS_FILE) != 0)
		return so->so_proto->pr_recv(so, uio, sm);
	return receive_waiting(so, uio, sm, pt);
}

static int
receive_message(struct socket *so, struct uio *uio, struct somsg *sm)
{
	struct patience pt;
	size_t start;
	int error, asked = sm->sm_flags;

	error = sotakeerror(so);
	if (error != 0)
		return error;
	start = uio->uio_resid;
	patience_init(&pt, so, &so->so_rcv, sm->sm_flags);
	soref(so);
	error = receive(so, uio, sm, &pt);
	if (error != 0) {
		sm->sm_flags = 0;
		sm->sm_controllen = 0;
		sm->sm_whole = 0;
	}
	if ((asked & MSG_PEEK) == 0)
		count(&so->so_nreceived, start - uio->uio_resid);
	error = partial_result(so, uio->uio_resid != start, error);
	sounref(so);
	return patience_error(&pt, error);
}

int
soreceivemsg(struct socket *so, struct uio *uio, struct somsg *sm)
{
	int error, asked = sm->sm_flags;

	error = receive_message(so, uio, sm);
	if (PREDICT_FALSE((asked & RUMP_MSG_HOST_KEEPERROR) != 0))
		sokeeperror(so, error);
	return error;
}

int
soreceive(struct socket *so, struct uio *uio,
    struct rump_sockaddr_storage *from, void *control, size_t *controllen,
    int *flags)
{
	struct somsg sm;
	int error;

	sm.sm_from = from;
	sm.sm_control = control;
	sm.sm_controllen = controllen != NULL ? *controllen : 0;
	sm.sm_flags = flags != NULL ? *flags : 0;
	sm.sm_plain = flags == NULL && control == NULL;
	error = soreceivemsg(so, uio, &sm);
	if (error != 0)
		return error;
	if (controllen != NULL)
		*controllen = sm.sm_controllen;
	if (flags != NULL)
		*flags = sm.sm_flags;
	return 0;
}

int
sowait(struct socket *so, int events, int64_t deadline_ns)
{
	int error;

	soref(so);
	if (so->so_proto->pr_wait == NULL)
		error = sockbuf_wait(so, events, deadline_ns);
	else
		error = so->so_proto->pr_wait(so, events, deadline_ns);
	sounref(so);
	return error;
}

int
sopoll(struct socket *so, int events, struct selector *sel)
{
	int revents;

	if (so->so_proto->pr_poll == NULL)
		return sockbuf_poll(so, events, sel);
	/* An error that was kept back makes every direction ready. */
	if (atomic_load_explicit(&so->so_error, memory_order_relaxed) != 0)
		sel = NULL;
	revents = so->so_proto->pr_poll(so, events, sel);
	if (atomic_load_explicit(&so->so_error, memory_order_relaxed) != 0)
		revents |= (events & (POLLIN | POLLOUT | POLLRDNORM)) | POLLERR;
	return revents;
}
