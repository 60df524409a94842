/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The socket of a connection.  Only the receiver replaces it, and only while
 * nobody sends.
 *
 * A datagram socket is connected, so that only the server is listened to and
 * the network can complain.  It is never the socket's fault that a server does
 * not answer, and it is kept.
 */
#include "nfs/rpcconn.h"

#include "kern/clock.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "kern/user.h"
#include "net/socketvar.h"
#include "rump/rumpuser.h"

#define SECOND INT64_C(1000000000)
#define CONNECT_TIMEOUT (30 * SECOND)
#define RESVPORT_FIRST 1023
#define RESVPORT_LAST 665 /* as the Linux client: 512..664 are for others */
#define RESVPORT_TRIES 32
/* Of a datagram socket, as far as the host lets us. */
#define SOCKET_BUFFER (1 << 20)

/*
 * Servers may insist on a port below 1024.  Whoever may not bind to one gets an
 * ordinary port, and the server's verdict.
 */
static void
bind_reserved(struct socket *so, uint16_t family)
{
	struct nfs_addr any = { .ad_family = family };
	struct rump_sockaddr_storage ss;
	uint16_t port, span = RESVPORT_FIRST - RESVPORT_LAST + 1, first = 0;
	size_t got;
	int error;

	(void)rumpuser_getrandom(
	    &first, sizeof(first), RUMPUSER_RANDOM_NOWAIT, &got);
	for (uint16_t i = 0; i < RESVPORT_TRIES; i++) {
		port = (uint16_t)(RESVPORT_LAST + (first % span + i) % span);
		nfs_addr_to_sockaddr(&any, port, &ss);
		error = sobind(so, (struct rump_sockaddr *)&ss);
		if (error != EADDRINUSE)
			return;
	}
}

static void
set_options(struct socket *so, bool udp)
{
	int on = 1, size = SOCKET_BUFFER;

	if (udp) {
		(void)sosetopt(so, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
		(void)sosetopt(so, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	} else {
		(void)sosetopt(so, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		(void)sosetopt(so, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	}
}

/* Let rpc_conn_kill() find the socket, or no more.  EIO: it was there before. */
static int
expose(struct rpc_conn *rc, struct socket *so)
{
	bool dead;

	mutex_enter(&rc->rc_lock);
	rc->rc_connecting = so;
	dead = rc->rc_dead;
	mutex_exit(&rc->rc_lock);
	return dead ? EIO : 0;
}

static int
connect_socket(struct rpc_conn *rc, struct socket *so, int64_t deadline_ns)
{
	struct rump_sockaddr_storage ss;
	int error;

	nfs_addr_to_sockaddr(
	    &rc->rc_params.rp_addr, rc->rc_params.rp_port, &ss);
	error = expose(rc, so);
	if (error == 0)
		error = soconnect(so, (struct rump_sockaddr *)&ss, deadline_ns);
	(void)expose(rc, NULL);
	return error;
}

static int
open_socket(struct rpc_conn *rc, int64_t deadline_ns, struct socket **sop)
{
	const struct rpc_params *rp = &rc->rc_params;
	struct socket *so;
	int error;

	error = socreate(rp->rp_addr.ad_family, &so,
	    rp->rp_udp ? SOCK_DGRAM : SOCK_STREAM, 0, kauth_cred_kernel());
	if (error != 0)
		return error;
	set_options(so, rp->rp_udp);
	if (rp->rp_resvport)
		bind_reserved(so, rp->rp_addr.ad_family);
	error = connect_socket(rc, so, deadline_ns);
	if (error != 0)
		goto fail;
	*sop = so;
	return 0;

fail:
	soclose(so);
	return error;
}

/* Sleep until the next attempt is due. */
static int
pause_before_retry(struct rpc_conn *rc, int64_t deadline_ns)
{
	int64_t until = rc->rc_retry_ns;
	int error = 0;

	if (deadline_ns != 0)
		until = MIN(until, deadline_ns);
	mutex_enter(&rc->rc_lock);
	while (error == 0 && !rc->rc_dead && uptime_ns() < until)
		error = cv_timedwait_sig(&rc->rc_pausecv, &rc->rc_lock, until);
	mutex_exit(&rc->rc_lock);
	if (error == ERESTART)
		return error;
	return uptime_ns() < rc->rc_retry_ns ? EWOULDBLOCK : 0;
}

/*
 * When to connect again.  A server that accepts and hangs up is no better than
 * one that refuses: only a reply sets the pause back, see rpc_complete().
 */
static void
schedule_retry(struct rpc_conn *rc)
{
	int64_t max = 30 * nfspace_second(), next = 2 * rc->rc_backoff_ns;

	/* Calls that end soon must see a server that is back. */
	if (rc->rc_params.rp_patience == RPC_SOFT)
		max = MIN(max, rc->rc_params.rp_timeo_ns);
	rc->rc_retry_ns = uptime_ns() + MIN(rc->rc_backoff_ns, max);
	rc->rc_backoff_ns =
	    MIN(MAX(next, nfspace_second()), 30 * nfspace_second());
}

void
rpc_conn_report_down(struct rpc_conn *rc)
{
	if (rc->rc_down || rc->rc_params.rp_patience == RPC_ONCE)
		return;
	rc->rc_down = true;
	kprintf("nfs: server %s not responding, %s\n", rc->rc_params.rp_name,
	    rc->rc_params.rp_patience == RPC_HARD ? "still trying"
						  : "will time out");
}

void
rpc_conn_report_up(struct rpc_conn *rc)
{
	if (!rc->rc_down)
		return;
	rc->rc_down = false;
	kprintf("nfs: server %s OK\n", rc->rc_params.rp_name);
}

static void
connect_failed(struct rpc_conn *rc)
{
	/* Not at the first failure: a restart is quick. */
	if (rc->rc_backoff_ns > rpc_backoff_first())
		rpc_conn_report_down(rc);
	schedule_retry(rc);
}

int
rpc_conn_connect(struct rpc_conn *rc, int64_t deadline_ns)
{
	int64_t limit = uptime_ns() + CONNECT_TIMEOUT;
	struct socket *so = NULL;
	int error;

	error = pause_before_retry(rc, deadline_ns);
	if (error != 0)
		return error;
	if (deadline_ns != 0)
		limit = MIN(limit, deadline_ns);
	error = open_socket(rc, limit, &so);
	if (error == ERESTART)
		return error;
	if (error != 0) {
		connect_failed(rc);
		return error;
	}
	schedule_retry(rc);
	if (rc->rc_connected_before)
		KSTAT_ADD(&rpc_stats[RPC_STAT_RECONNECTS], 1);
	rc->rc_connected_before = true;
	rpcrx_reset(&rc->rc_rx);
	rc->rc_more = false;
	mutex_enter(&rc->rc_lock);
	rc->rc_so = so;
	rc->rc_broken = false;
	mutex_exit(&rc->rc_lock);
	return 0;
}

/* Queue again what the old connection had taken. */
static void
requeue(struct rpc_conn *rc) REQUIRES(rc->rc_lock)
{
	struct list *n;

	LIST_FOREACH (n, &rc->rc_all) {
		struct rpc_call *ca = LIST_ENTRY(n, struct rpc_call, ca_all);

		ca->ca_receiving = false;
		if (ca->ca_abandoned || ca->ca_replied)
			rpc_send_mark(rc, ca, false);
		else
			rpc_wait_repeat(rc, ca);
	}
}

void
rpc_conn_drop(struct rpc_conn *rc)
{
	struct rpc_call *partial;
	struct socket *so;

	if (!rpcrx_idle(&rc->rc_rx))
		rc->rc_torn++;
	rpcrx_reset(&rc->rc_rx);
	mutex_enter(&rc->rc_lock);
	while (rc->rc_sending)
		cv_wait(&rc->rc_sendcv, &rc->rc_lock);
	so = rc->rc_so;
	rc->rc_so = NULL;
	partial = rc->rc_partial;
	rc->rc_partial = NULL;
	requeue(rc);
	mutex_exit(&rc->rc_lock);
	if (partial != NULL) {
		/* Its end had to wait for this. */
		if (partial->ca_replied)
			rpc_complete(rc, partial, partial->ca_reply_error);
		rpc_call_unref(partial);
	}
	if (so != NULL)
		soclose(so);
}

/* Send what is queued; the events to wait for then. */
static int
prepare_sleep(struct rpc_conn *rc) REQUIRES(rc->rc_lock)
{
	if (rpc_send_pending(rc)) {
		mutex_exit(&rc->rc_lock);
		rpc_send_flush(rc);
		mutex_enter(&rc->rc_lock);
	}
	rc->rc_asleep = true;
	rc->rc_looking = rpc_send_pending(rc);
	return rc->rc_looking ? POLLIN | POLLOUT : POLLIN;
}

/*
 * Look for events for a short time.  Whoever is alone does: where several wait,
 * another has a use for the processor, and replies come in bunches.
 */
static int
look_for_bytes(struct rpc_conn *rc, int events)
{
	int64_t now = uptime_ns(), until_ns = now + RPCSPIN_NS, before;
	enum rpcspin_end end = RPCSPIN_VAIN;
	int error;

	do {
		error = sowait(rc->rc_so, events, SO_DEADLINE_NOW);
		if (error != EWOULDBLOCK) {
			end = RPCSPIN_CAME;
			break;
		}
		before = now;
		rumpcomp_kern_yield();
		now = uptime_ns();
		if (now - before > RPCSPIN_STOLEN)
			end = RPCSPIN_SHARED;
	} while (end == RPCSPIN_VAIN && now < until_ns);
	rpcspin_note(&rc->rc_spin, end);
	return error;
}

static int64_t
look_up_by(int64_t deadline_ns)
{
	int64_t until = uptime_ns() + RPC_LOOK_UP;

	return deadline_ns == 0 ? until : MIN(deadline_ns, until);
}

static int
wait_for_bytes(struct rpc_conn *rc, int64_t deadline_ns)
{
	int error = EWOULDBLOCK, events;
	bool alone;

	mutex_enter(&rc->rc_lock);
	events = prepare_sleep(rc);
	/* Who sends at present may find no room, and have nothing to wait for:
	 * what is left is ours then, and perhaps our own call with it. */
	if (rc->rc_sending)
		deadline_ns = look_up_by(deadline_ns);
	alone = rc->rc_waiters.next->next == &rc->rc_waiters;
	mutex_exit(&rc->rc_lock);
	/* What was sent just now may have been the rest of a call that has its
	 * answer: somebody, perhaps we, need not wait any more. */
	if (!rc->rc_ended && alone && rpcspin_due(&rc->rc_spin))
		error = look_for_bytes(rc, events);
	if (!rc->rc_ended && error == EWOULDBLOCK)
		error = sowait(rc->rc_so, events, deadline_ns);
	mutex_enter(&rc->rc_lock);
	rc->rc_asleep = rc->rc_looking = false;
	mutex_exit(&rc->rc_lock);
	return error;
}

/* Receive into iov without waiting; 0 and *got, EWOULDBLOCK, or an error. */
static int
receive_once(struct rpc_conn *rc, struct rump_iovec *iov, int niov, size_t *got,
    int *flags)
{
	struct uio uio = {
		.uio_iov = iov,
		.uio_iovcnt = niov,
		.uio_rw = UIO_READ,
		.uio_seg = UIO_SYSSPACE,
	};
	size_t room = 0;
	int error;

	for (int i = 0; i < niov; i++)
		room += iov[i].iov_len;
	uio.uio_resid = room;
	*flags = MSG_DONTWAIT;
	error = soreceive(rc->rc_so, &uio, NULL, NULL, NULL, flags);
	if (error != 0)
		return error;
	*got = room - uio.uio_resid;
	rc->rc_more = uio.uio_resid == 0;
	KSTAT_ADD(&rpc_stats[RPC_STAT_RECEIVED], *got);
	return 0;
}

static int
receive_stream(struct rpc_conn *rc)
{
	struct rump_iovec iov[RPCRX_IOV];
	size_t got = 0;
	int error, flags;

	error =
	    receive_once(rc, iov, rpcrx_room(&rc->rc_rx, iov), &got, &flags);
	if (error == 0 && got == 0)
		error = ECONNRESET; /* end of file */
	if (error == 0)
		error = rpcrx_take(&rc->rc_rx, got);
	return error;
}

/* What the network says about the server is not the end of the socket. */
static int
receive_datagram(struct rpc_conn *rc)
{
	struct rump_iovec iov = { rc->rc_datagram, RPC_DATAGRAM };
	size_t got = 0;
	int error, flags;

	error = receive_once(rc, &iov, 1, &got, &flags);
	if (error == EWOULDBLOCK)
		return error;
	rc->rc_more = true;
	if (error != 0) {
		mutex_enter(&rc->rc_lock);
		rc->rc_refused = error;
		rc->rc_refused_anew = true;
		mutex_exit(&rc->rc_lock);
	} else if ((flags & MSG_TRUNC) == 0) {
		rpcrx_datagram(&rc->rc_rx, rc->rc_datagram, got);
	}
	return 0;
}

static bool
conn_broken(struct rpc_conn *rc)
{
	bool broken;

	mutex_enter(&rc->rc_lock);
	broken = rc->rc_broken;
	mutex_exit(&rc->rc_lock);
	return broken;
}

int
rpc_conn_receive(struct rpc_conn *rc, int64_t deadline_ns)
{
	int error;

	if (conn_broken(rc))
		return EPIPE;
	if (!rc->rc_more) {
		error = wait_for_bytes(rc, deadline_ns);
		if (error != 0)
			return error;
	}
	if (rc->rc_params.rp_udp)
		error = receive_datagram(rc);
	else
		error = receive_stream(rc);
	if (error == EWOULDBLOCK) {
		rc->rc_more = false;
		return 0;
	}
	return error;
}
