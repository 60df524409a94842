/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Theory of operation.
 *
 * The sender's role is taken by at most one thread, which moves calls from
 * rc_out to the socket and never sleeps.  A thread takes it for a moment
 * whenever it has queued a call.  What does not fit into the socket is left to
 * the threads that wait, see rpcwait.c.
 *
 * A call that was sent in part over a stream when its owner lost interest is
 * sent to its end, since the stream would make no sense otherwise; rc_partial
 * keeps it alive.  It does not keep the owner's data: a call that has some does
 * not end while the sender uses them.
 *
 * Over datagrams a call is sent whole or not at all.  What the network says
 * against it (unreachable, refused) is noted for the receiver, and the call
 * counts as sent: it will be repeated.
 */
#include "kern/clock.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "net/socketvar.h"
#include "nfs/rpcconn.h"

/* Header and arguments, data, padding. */
#define PIECES (1 + RPC_DATA_MAX + 1)

/* A message as pieces of memory. */
struct pieces {
	struct rump_iovec pc_iov[PIECES];
	int pc_n;
	size_t pc_skip; /* bytes still to be left out */
	size_t pc_len;
};

static void
add_piece(struct pieces *pc, const void *base, size_t len)
{
	size_t skip = MIN(pc->pc_skip, len);

	pc->pc_skip -= skip;
	if (skip == len)
		return;
	pc->pc_iov[pc->pc_n].iov_base = (char *)base + skip;
	pc->pc_iov[pc->pc_n].iov_len = len - skip;
	pc->pc_n++;
	pc->pc_len += len - skip;
}

/* What stands behind the first skip bytes of ca's message. */
static void
gather(struct pieces *pc, const struct rpc_call *ca, size_t skip)
{
	static const uint8_t padding[3];

	pc->pc_n = 0;
	pc->pc_len = 0;
	pc->pc_skip = skip;
	add_piece(pc, ca->ca_msg.xo_base, ca->ca_msg.xo_len);
	for (int i = 0; i < ca->ca_ndata; i++)
		add_piece(pc, ca->ca_data[i].iov_base, ca->ca_data[i].iov_len);
	add_piece(pc, padding, XDR_ROUND(ca->ca_datalen) - ca->ca_datalen);
}

/* Send once; *left gets the bytes that did not go. */
static int
send_pieces(struct socket *so, struct pieces *pc, size_t *left)
{
	struct uio uio = {
		.uio_iov = pc->pc_iov,
		.uio_iovcnt = pc->pc_n,
		.uio_resid = pc->pc_len,
		.uio_rw = UIO_WRITE,
		.uio_seg = UIO_SYSSPACE,
	};
	int error;

	error = sosend(so, &uio, NULL, NULL, 0, MSG_DONTWAIT | MSG_NOSIGNAL);
	*left = uio.uio_resid;
	KSTAT_ADD(&rpc_stats[RPC_STAT_SENT], pc->pc_len - uio.uio_resid);
	return error;
}

/* Send what is left of ca; 0 when all of it has gone. */
static int
send_stream(struct rpc_conn *rc, struct rpc_call *ca)
{
	struct pieces pc;
	size_t left;
	int error;

	gather(&pc, ca, rc->rc_sent);
	error = send_pieces(rc->rc_so, &pc, &left);
	rc->rc_sent += pc.pc_len - left;
	return error == 0 && left != 0 ? EWOULDBLOCK : error;
}

static int
send_datagram(struct rpc_conn *rc, struct rpc_call *ca, int *refused)
{
	struct pieces pc;
	size_t left;
	int error;

	for (int i = 0; i < 2; i++) {
		gather(&pc, ca, RPC_MARK);
		error = send_pieces(rc->rc_so, &pc, &left);
		/* That was about an earlier one. */
		if (error != ECONNREFUSED)
			break;
		*refused = error;
	}
	if (error == 0 || error == EWOULDBLOCK || error == EMSGSIZE)
		return error;
	*refused = error;
	return 0;
}

bool
rpc_send_pending(struct rpc_conn *rc)
{
	/* Whoever sends at present goes on as long as there is room. */
	if (rc->rc_so == NULL || rc->rc_broken || rc->rc_sending)
		return false;
	return rc->rc_partial != NULL ||
	       (!list_empty(&rc->rc_out) && rpctimer_open(&rc->rc_timer));
}

/* The call to be sent now, or NULL. */
static struct rpc_call *
next_to_send(struct rpc_conn *rc) REQUIRES(rc->rc_lock)
{
	struct rpc_call *ca;

	if (rc->rc_so == NULL || rc->rc_broken)
		return NULL;
	if (rc->rc_partial != NULL)
		return rc->rc_partial;
	if (list_empty(&rc->rc_out) || !rpctimer_open(&rc->rc_timer))
		return NULL;
	ca = LIST_ENTRY(rc->rc_out.next, struct rpc_call, ca_out);
	list_remove(&ca->ca_out);
	rpc_call_ref(ca);
	rc->rc_partial = ca;
	rc->rc_sent = 0;
	return ca;
}

void
rpc_send_mark(struct rpc_conn *rc, struct rpc_call *ca, bool sent)
{
	if (ca->ca_sent == sent)
		return;
	ca->ca_sent = sent;
	if (sent)
		rc->rc_timer.tm_inflight++;
	else
		rc->rc_timer.tm_inflight--;
}

/* All of ca has gone out, or (error) never will. */
static void
sent(struct rpc_conn *rc, struct rpc_call *ca, int error) REQUIRES(rc->rc_lock)
{
	bool over = ca->ca_replied;

	rc->rc_partial = NULL;
	/* Not if it ended meanwhile. */
	if (error == 0 && !list_empty(&ca->ca_all)) {
		rpc_send_mark(rc, ca, true);
		if (rc->rc_params.rp_udp)
			ca->ca_sent_ns = uptime_ns();
	}
	mutex_exit(&rc->rc_lock);
	if (over || error != 0)
		rpc_complete(rc, ca, over ? ca->ca_reply_error : error);
	rpc_call_unref(ca);
	mutex_enter(&rc->rc_lock);
}

/* Send ca, or what is left of it.  0, EWOULDBLOCK, or the stream's end. */
static int
send_one(struct rpc_conn *rc, struct rpc_call *ca) REQUIRES(rc->rc_lock)
{
	bool udp = rc->rc_params.rp_udp;
	int error, refused = 0;

	mutex_exit(&rc->rc_lock);
	if (udp)
		error = send_datagram(rc, ca, &refused);
	else
		error = send_stream(rc, ca);
	mutex_enter(&rc->rc_lock);
	if (refused != 0) {
		rc->rc_refused = refused;
		rc->rc_refused_anew = true;
	}
	if (udp && error == EMSGSIZE) {
		sent(rc, ca, EMSGSIZE);
		return 0;
	}
	if (error == 0)
		sent(rc, ca, 0);
	return error;
}

void
rpc_send_flush(struct rpc_conn *rc)
{
	struct rpc_call *ca;
	int error = 0;

	mutex_enter(&rc->rc_lock);
	if (rc->rc_sending) {
		mutex_exit(&rc->rc_lock);
		return;
	}
	rc->rc_sending = true;
	while (error == 0 && (ca = next_to_send(rc)) != NULL)
		error = send_one(rc, ca);
	if (error != 0 && error != EWOULDBLOCK)
		rc->rc_broken = true;
	rc->rc_sending = false;
	cv_broadcast(&rc->rc_sendcv);
	mutex_exit(&rc->rc_lock);
}

bool
rpc_send_uses(struct rpc_conn *rc, const struct rpc_call *ca)
{
	if (ca->ca_ndata == 0)
		return false;
	while (rc->rc_partial == ca && rc->rc_sending)
		cv_wait(&rc->rc_sendcv, &rc->rc_lock);
	return rc->rc_partial == ca;
}
