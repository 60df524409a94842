/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Buffered sockets.  so_lock protects both buffers; it is not held while data
 * are copied to or from a caller, so that a fault can be served meanwhile.
 * Senders copy first and queue then; a receiver unlinks what it wants, copies
 * it, and puts back what a fault kept from moving.
 */
#include "net/sockbuf.h"

#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "net/mbuf.h"

static int sleep_locked(struct socket *so, int64_t deadline_ns)
    REQUIRES(so->so_lock);
static int wait_space(struct socket *so, size_t want, int64_t deadline_ns,
    size_t *room) REQUIRES(so->so_lock);
static int wait_record(struct socket *so, int64_t deadline_ns)
    REQUIRES(so->so_lock);

void
sb_init(struct sockbuf *sb)
{
	sb->sb_mb = NULL;
	sb->sb_cc = 0;
	sb->sb_hiwat = SB_DEFAULT;
	atomic_init(&sb->sb_lowat, 1);
	atomic_init(&sb->sb_timeo_ns, 0);
	selinit(&sb->sb_sel);
}

void
sb_fini(struct sockbuf *sb)
{
	sb_flush(sb);
	seldestroy(&sb->sb_sel);
}

size_t
sb_space(const struct sockbuf *sb)
{
	return sb->sb_cc < sb->sb_hiwat ? sb->sb_hiwat - sb->sb_cc : 0;
}

/* The link behind the last mbuf of a record. */
static struct mbuf **
record_tail(struct mbuf **mp)
{
	while (*mp != NULL)
		mp = &(*mp)->m_next;
	return mp;
}

void
sb_append_stream(struct sockbuf *sb, struct mbuf *m)
{
	sb->sb_cc += m_length(m);
	*record_tail(&sb->sb_mb) = m;
}

void
sb_append_record(struct sockbuf *sb, struct mbuf *m)
{
	struct mbuf **mp;

	sb->sb_cc += m_length(m);
	for (mp = &sb->sb_mb; *mp != NULL; mp = &(*mp)->m_nextpkt)
		continue;
	*mp = m;
}

/* Replace the head of the first record by m, which may be its successor. */
static void
set_head(struct sockbuf *sb, struct mbuf *m, struct mbuf *nextpkt)
{
	if (m == NULL) {
		sb->sb_mb = nextpkt;
		return;
	}
	m->m_nextpkt = nextpkt;
	sb->sb_mb = m;
}

struct mbuf *
sb_take(struct sockbuf *sb, size_t n)
{
	struct mbuf *first, **tail, *m, *nextpkt;

	m = sb->sb_mb;
	if (m == NULL)
		return NULL;
	nextpkt = m->m_nextpkt;
	first = NULL;
	tail = &first;
	while (m != NULL && m->m_len <= n) {
		n -= m->m_len;
		sb->sb_cc -= m->m_len;
		*tail = m;
		tail = &m->m_next;
		m = m->m_next;
		(*tail) = NULL;
	}
	if (m != NULL && n > 0) {
		*tail = m_copym(m, n, KM_SLEEP);
		m_adj(m, n);
		sb->sb_cc -= n;
	}
	if (first != NULL)
		first->m_nextpkt = NULL;
	set_head(sb, m, nextpkt);
	return first;
}

void
sb_untake(struct sockbuf *sb, struct mbuf *m)
{
	struct mbuf *head, *nextpkt;

	if (m == NULL)
		return;
	sb->sb_cc += m_length(m);
	head = sb->sb_mb;
	nextpkt = head != NULL ? head->m_nextpkt : NULL;
	*record_tail(&m->m_next) = head;
	if (head != NULL)
		head->m_nextpkt = NULL;
	set_head(sb, m, nextpkt);
}

void
sb_droprecord(struct sockbuf *sb)
{
	struct mbuf *m;

	m = sb->sb_mb;
	if (m == NULL)
		return;
	sb->sb_mb = m->m_nextpkt;
	sb->sb_cc -= m_length(m);
	m_freem(m);
}

void
sb_flush(struct sockbuf *sb)
{
	while (sb->sb_mb != NULL)
		sb_droprecord(sb);
}

void
sorwakeup(struct socket *so)
{
	KASSERT(mutex_owned(&so->so_lock));
	cv_broadcast(&so->so_cv);
	selnotify(&so->so_rcv.sb_sel);
}

void
sowwakeup(struct socket *so)
{
	KASSERT(mutex_owned(&so->so_lock));
	cv_broadcast(&so->so_cv);
	selnotify(&so->so_snd.sb_sel);
}

void
soisconnected(struct socket *so)
{
	so->so_state &= ~(uint32_t)(SS_ISCONNECTING | SS_ISDISCONNECTING);
	so->so_state |= SS_ISCONNECTED;
	sorwakeup(so);
	sowwakeup(so);
}

void
soisdisconnected(struct socket *so)
{
	so->so_state &=
	    ~(uint32_t)(SS_ISCONNECTED | SS_ISCONNECTING | SS_ISDISCONNECTING);
	so->so_state |= SS_CANTSENDMORE | SS_CANTRCVMORE;
	sorwakeup(so);
	sowwakeup(so);
}

void
socantrcvmore(struct socket *so)
{
	so->so_state |= SS_CANTRCVMORE;
	sorwakeup(so);
}

void
socantsendmore(struct socket *so)
{
	so->so_state |= SS_CANTSENDMORE;
	sowwakeup(so);
}

static bool
is_stream(const struct socket *so)
{
	return so->so_type == SOCK_STREAM;
}

/* Sleep on the socket until something changes. */
static int
sleep_locked(struct socket *so, int64_t deadline_ns)
{
	if (deadline_ns == SO_DEADLINE_NOW)
		return EWOULDBLOCK;
	return cv_timedwait_sig(&so->so_cv, &so->so_lock, deadline_ns);
}

/* Why nothing can be sent now and never: 0 if it is a matter of space. */
static int
send_refused(struct socket *so)
{
	int error;

	if ((so->so_state & SS_CANTSENDMORE) != 0)
		return EPIPE;
	error = sotakeerror(so);
	if (error != 0)
		return error;
	if ((so->so_state & SS_ISCONNECTED) == 0)
		return ENOTCONN;
	return 0;
}

/*
 * Wait until there is room for want bytes: all of them in one record, any of
 * them in a stream.
 */
static int
wait_space(struct socket *so, size_t want, int64_t deadline_ns, size_t *room)
{
	size_t space, need;
	int error;

	KASSERT(mutex_owned(&so->so_lock));

	need = is_stream(so) ? MIN(want, 1) : want;
	if (need > so->so_snd.sb_hiwat)
		return EMSGSIZE;
	for (;;) {
		error = send_refused(so);
		if (error != 0)
			return error;
		space = sb_space(&so->so_snd);
		if (space >= need)
			break;
		error = sleep_locked(so, deadline_ns);
		if (error != 0)
			return error;
	}
	*room = MIN(space, want);
	return 0;
}

/* Take one piece from uio and queue it. */
static int
send_piece(struct socket *so, struct uio *uio, int64_t deadline_ns)
{
	struct mbuf *m;
	size_t room;
	int error;

	mutex_enter(&so->so_lock);
	error = wait_space(so, uio->uio_resid, deadline_ns, &room);
	mutex_exit(&so->so_lock);
	if (error != 0)
		return error;

	if (room == 0) {
		if (is_stream(so))
			return 0;
		m = m_get(KM_SLEEP);
	} else {
		error = m_fromuio(uio, room, &m);
		if (error != 0)
			return error;
	}

	mutex_enter(&so->so_lock);
	if ((so->so_state & SS_CANTSENDMORE) != 0) {
		mutex_exit(&so->so_lock);
		m_freem(m);
		return EPIPE;
	}
	if (is_stream(so))
		sb_append_stream(&so->so_snd, m);
	else
		sb_append_record(&so->so_snd, m);
	mutex_exit(&so->so_lock);
	if (so->so_proto->pr_output != NULL)
		so->so_proto->pr_output(so);
	return 0;
}

int
sockbuf_send(struct socket *so, struct uio *uio, int flags, int64_t deadline_ns)
{
	int error;

	if ((flags & MSG_OOB) != 0)
		return EOPNOTSUPP;
	do {
		error = send_piece(so, uio, deadline_ns);
	} while (error == 0 && uio->uio_resid > 0);
	return error;
}

/* Wait for the first record.  0 with an empty buffer means end of file. */
static int
wait_record(struct socket *so, int64_t deadline_ns)
{
	int error;

	KASSERT(mutex_owned(&so->so_lock));

	while (so->so_rcv.sb_mb == NULL) {
		error = sotakeerror(so);
		if (error != 0)
			return error;
		if ((so->so_state & SS_CANTRCVMORE) != 0)
			return 0;
		if ((so->so_state & SS_ISCONNECTED) == 0 && is_stream(so))
			return ENOTCONN;
		error = sleep_locked(so, deadline_ns);
		if (error != 0)
			return error;
	}
	return 0;
}

/* Unlink, or copy when peeking, what the caller has room for. */
static struct mbuf *
take_piece(struct socket *so, size_t resid, bool peek, int *result)
{
	struct mbuf *m;
	size_t len;

	KASSERT(mutex_owned(&so->so_lock));

	len = m_length(so->so_rcv.sb_mb);
	if (!is_stream(so) && len > resid)
		*result |= MSG_TRUNC;
	if (peek)
		return m_copym(so->so_rcv.sb_mb, MIN(len, resid), KM_SLEEP);
	m = sb_take(&so->so_rcv, resid);
	if (!is_stream(so) && len > resid)
		sb_droprecord(&so->so_rcv);
	return m;
}

/* Move one piece to the caller. */
static int
receive_piece(struct socket *so, struct uio *uio, bool peek, int *result,
    int64_t deadline_ns)
{
	struct mbuf *m;
	int error;

	m = NULL;
	mutex_enter(&so->so_lock);
	error = wait_record(so, deadline_ns);
	if (error == 0 && so->so_rcv.sb_mb != NULL)
		m = take_piece(so, uio->uio_resid, peek, result);
	mutex_exit(&so->so_lock);
	if (m == NULL)
		return error;

	error = m_touio(m, uio);
	if (error != 0 && !peek && is_stream(so)) {
		mutex_enter(&so->so_lock);
		sb_untake(&so->so_rcv, m);
		mutex_exit(&so->so_lock);
		return error;
	}
	m_freem(m);
	if (!peek && so->so_proto->pr_rcvd != NULL)
		so->so_proto->pr_rcvd(so);
	return error;
}

int
sockbuf_receive(
    struct socket *so, struct uio *uio, int *flags, int64_t deadline_ns)
{
	size_t start, before, target;
	int error, result;
	bool peek;

	if ((*flags & MSG_OOB) != 0)
		return EOPNOTSUPP;
	peek = (*flags & MSG_PEEK) != 0;
	target = (*flags & MSG_WAITALL) != 0
		     ? uio->uio_resid
		     : MIN(uio->uio_resid, so->so_rcv.sb_lowat);
	if (peek || !is_stream(so))
		target = 0;
	result = 0;
	start = uio->uio_resid;
	do {
		before = uio->uio_resid;
		error = receive_piece(so, uio, peek, &result, deadline_ns);
	} while (error == 0 && uio->uio_resid != before &&
		 start - uio->uio_resid < target);
	*flags = result;
	return error;
}

/* Ready POLL* bits among events; the error and hang-up bits always. */
static int
ready_locked(struct socket *so, int events)
{
	int revents;

	KASSERT(mutex_owned(&so->so_lock));

	revents = 0;
	if (so->so_rcv.sb_mb != NULL || (so->so_state & SS_CANTRCVMORE) != 0 ||
	    so->so_error != 0)
		revents |= events & (POLLIN | POLLRDNORM);
	if (so->so_error != 0 || (so->so_state & SS_CANTSENDMORE) != 0 ||
	    ((so->so_state & SS_ISCONNECTED) != 0 &&
		sb_space(&so->so_snd) >= so->so_snd.sb_lowat))
		revents |= events & POLLOUT;
	if ((so->so_state & SS_CANTSENDMORE) != 0 &&
	    (so->so_state & SS_CANTRCVMORE) != 0)
		revents |= POLLHUP;
	return revents;
}

int
sockbuf_wait(struct socket *so, int events, int64_t deadline_ns)
{
	int error;

	error = 0;
	mutex_enter(&so->so_lock);
	while (error == 0 && ready_locked(so, events) == 0)
		error = sleep_locked(so, deadline_ns);
	mutex_exit(&so->so_lock);
	return error;
}

int
sockbuf_poll(struct socket *so, int events, struct selector *sel)
{
	int revents;

	/* Recorded first: a wake-up after the look is not lost. */
	if (sel != NULL) {
		selrecord(sel, &so->so_rcv.sb_sel);
		selrecord(sel, &so->so_snd.sb_sel);
	}
	mutex_enter(&so->so_lock);
	revents = ready_locked(so, events);
	mutex_exit(&so->so_lock);
	return revents;
}
