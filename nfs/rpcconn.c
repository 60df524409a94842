/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Theory of operation.
 *
 * Two roles exist, each taken by at most one thread: the sender moves calls
 * from rc_out to the socket and never sleeps; the receiver waits for bytes.  A
 * thread takes the sender's role for a moment whenever it has queued a call,
 * and leaves what does not fit into the socket to the receiver, which asks for
 * POLLOUT while anything is queued.
 *
 * Only the receiver replaces the socket, and only while nobody sends.  A call
 * that was sent in part when its owner lost interest is sent to its end, since
 * the stream would make no sense otherwise; rc_partial keeps it alive.
 */
#include "nfs/rpcconn.h"

#include "kern/clock.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "net/socketvar.h"
#include "rump/rumpuser.h"

#define SECOND INT64_C(1000000000)
#define BACKOFF_MAX (30 * SECOND)
#define CONNECT_TIMEOUT (30 * SECOND)
#define RESVPORT_FIRST 1023
#define RESVPORT_LAST 665 /* as the Linux client: 512..664 are for others */
#define RESVPORT_TRIES 32

static uint16_t
swap16(uint16_t v)
{
	return __builtin_bswap16(v);
}

static struct rump_sockaddr_in
address(uint32_t addr, uint16_t port)
{
	return (struct rump_sockaddr_in){
		.sin_len = sizeof(struct rump_sockaddr_in),
		.sin_family = AF_INET,
		.sin_port = swap16(port),
		.sin_addr = addr,
	};
}

/*
 * Servers may insist on a port below 1024.  Whoever may not bind to one gets an
 * ordinary port, and the server's verdict.
 */
static void
bind_reserved(struct socket *so)
{
	struct rump_sockaddr_in sin;
	uint16_t port, span = RESVPORT_FIRST - RESVPORT_LAST + 1, first = 0;
	size_t got;
	int error;

	(void)rumpuser_getrandom(
	    &first, sizeof(first), RUMPUSER_RANDOM_NOWAIT, &got);
	for (uint16_t i = 0; i < RESVPORT_TRIES; i++) {
		port = (uint16_t)(RESVPORT_LAST + (first % span + i) % span);
		sin = address(0, port);
		error = sobind(so, (struct rump_sockaddr *)&sin);
		if (error != EADDRINUSE)
			return;
	}
}

static int
open_socket(
    const struct rpc_params *rp, int64_t deadline_ns, struct socket **sop)
{
	struct rump_sockaddr_in sin = address(rp->rp_addr, rp->rp_port);
	struct socket *so;
	int on = 1, error;

	error = socreate(AF_INET, &so, SOCK_STREAM, 0, kauth_cred_kernel());
	if (error != 0)
		return error;
	(void)sosetopt(so, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)sosetopt(so, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	if (rp->rp_resvport)
		bind_reserved(so);
	error = soconnect(so, (struct rump_sockaddr *)&sin, deadline_ns);
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
	while (error == 0 && uptime_ns() < until)
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
	int64_t max = BACKOFF_MAX;

	/* Calls that end soon must see a server that is back. */
	if (rc->rc_params.rp_patience == RPC_SOFT)
		max = MIN(max, rc->rc_params.rp_timeo_ns);
	rc->rc_retry_ns = uptime_ns() + MIN(rc->rc_backoff_ns, max);
	rc->rc_backoff_ns =
	    MIN(MAX(2 * rc->rc_backoff_ns, SECOND), BACKOFF_MAX);
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

static void
connect_failed(struct rpc_conn *rc)
{
	/* Not at the first failure: a restart is quick. */
	if (rc->rc_backoff_ns > RPC_BACKOFF_MIN)
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
	error = open_socket(&rc->rc_params, limit, &so);
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

		if (ca->ca_sent)
			KSTAT_ADD(&rpc_stats[RPC_STAT_RETRANSMITS], 1);
		ca->ca_sent = false;
		ca->ca_receiving = false;
		if (ca->ca_abandoned)
			continue;
		list_remove(&ca->ca_out);
		list_insert_tail(&rc->rc_out, &ca->ca_out);
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
	if (partial != NULL)
		rpc_call_unref(partial);
	if (so != NULL)
		soclose(so);
}

/* The call to be sent now, or NULL. */
static struct rpc_call *
next_to_send(struct rpc_conn *rc) REQUIRES(rc->rc_lock)
{
	struct rpc_call *ca;

	if (rc->rc_partial != NULL)
		return rc->rc_partial;
	if (list_empty(&rc->rc_out))
		return NULL;
	ca = LIST_ENTRY(rc->rc_out.next, struct rpc_call, ca_out);
	list_remove(&ca->ca_out);
	rpc_call_ref(ca);
	rc->rc_partial = ca;
	rc->rc_sent = 0;
	return ca;
}

/* Send what is left of ca; 0 when all of it has gone. */
static int
send_call(struct rpc_conn *rc, struct rpc_call *ca)
{
	struct rump_iovec iov;
	struct uio uio;
	size_t left = ca->ca_msg.xo_len - rc->rc_sent;
	int error;

	uio_init(&uio, &iov, ca->ca_msg.xo_base + rc->rc_sent, left, 0,
	    UIO_WRITE, UIO_SYSSPACE);
	error =
	    sosend(rc->rc_so, &uio, NULL, NULL, 0, MSG_DONTWAIT | MSG_NOSIGNAL);
	rc->rc_sent += left - uio.uio_resid;
	KSTAT_ADD(&rpc_stats[RPC_STAT_SENT], left - uio.uio_resid);
	if (error == 0 && uio.uio_resid != 0)
		return EWOULDBLOCK;
	return error;
}

void
rpc_conn_flush(struct rpc_conn *rc)
{
	struct rpc_call *ca;
	int error = 0;

	mutex_enter(&rc->rc_lock);
	if (rc->rc_sending || rc->rc_so == NULL || rc->rc_broken) {
		mutex_exit(&rc->rc_lock);
		return;
	}
	rc->rc_sending = true;
	while (error == 0 && (ca = next_to_send(rc)) != NULL) {
		mutex_exit(&rc->rc_lock);
		error = send_call(rc, ca);
		mutex_enter(&rc->rc_lock);
		if (error != 0)
			break;
		ca->ca_sent = true;
		rc->rc_partial = NULL;
		mutex_exit(&rc->rc_lock);
		rpc_call_unref(ca);
		mutex_enter(&rc->rc_lock);
	}
	if (error != 0 && error != EWOULDBLOCK)
		rc->rc_broken = true;
	rc->rc_sending = false;
	cv_broadcast(&rc->rc_sendcv);
	mutex_exit(&rc->rc_lock);
}

static int
wait_for_bytes(struct rpc_conn *rc, int64_t deadline_ns)
{
	int events = POLLIN;
	int error;

	mutex_enter(&rc->rc_lock);
	if (rc->rc_partial != NULL || !list_empty(&rc->rc_out))
		events |= POLLOUT;
	mutex_exit(&rc->rc_lock);
	error = sowait(rc->rc_so, events, deadline_ns);
	if ((events & POLLOUT) != 0)
		rpc_conn_flush(rc);
	return error;
}

/* Receive once without waiting; 0 and *got, EWOULDBLOCK, or an error. */
static int
receive_once(struct rpc_conn *rc, size_t *got)
{
	struct rump_iovec iov[RPCRX_IOV];
	struct uio uio;
	int flags = MSG_DONTWAIT;
	size_t room = 0;
	int error;

	uio.uio_iovcnt = rpcrx_room(&rc->rc_rx, iov);
	uio.uio_iov = iov;
	for (int i = 0; i < uio.uio_iovcnt; i++)
		room += iov[i].iov_len;
	uio.uio_offset = 0;
	uio.uio_resid = room;
	uio.uio_rw = UIO_READ;
	uio.uio_seg = UIO_SYSSPACE;
	error = soreceive(rc->rc_so, &uio, NULL, NULL, NULL, &flags);
	if (error != 0)
		return error;
	*got = room - uio.uio_resid;
	rc->rc_more = uio.uio_resid == 0;
	KSTAT_ADD(&rpc_stats[RPC_STAT_RECEIVED], *got);
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
	size_t got = 0;
	int error;

	if (conn_broken(rc))
		return EPIPE;
	if (!rc->rc_more) {
		error = wait_for_bytes(rc, deadline_ns);
		if (error != 0)
			return error;
	}
	error = receive_once(rc, &got);
	if (error == EWOULDBLOCK) {
		rc->rc_more = false;
		return 0;
	}
	if (error == 0 && got == 0)
		error = ECONNRESET; /* end of file */
	if (error == 0)
		error = rpcrx_take(&rc->rc_rx, got);
	return error;
}
