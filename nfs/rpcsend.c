/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Theory of operation.
 *
 * The sender's role is taken by at most one thread, which moves calls from
 * rc_out to the socket and never sleeps.  A thread takes it for a moment when it
 * has queued a call, unless the receiver is awake, who will before he sleeps:
 * so what several threads ask for at a time goes out together.  What does not
 * fit into the socket is left to the threads that wait, see rpcwait.c.
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
#define TOGETHER 16 /* calls without data in one send */

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

static size_t
message_len(const struct rpc_call *ca)
{
	return ca->ca_msg.xo_len + XDR_ROUND(ca->ca_datalen);
}

static void
add_call(struct pieces *pc, const struct rpc_call *ca)
{
	static const uint8_t padding[3];

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

static int
send_datagram(struct rpc_conn *rc, struct rpc_call *ca, int *refused)
{
	struct pieces pc;
	size_t left;
	int error;

	for (int i = 0; i < 2; i++) {
		pc = (struct pieces){ .pc_skip = RPC_MARK };
		add_call(&pc, ca);
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

/*
 * All of ca has gone out, or (error) never will; the sender's reference ends.
 * Releases the lock meanwhile if that ends ca.
 */
static void
sent(struct rpc_conn *rc, struct rpc_call *ca, int error) REQUIRES(rc->rc_lock)
{
	bool over = ca->ca_replied;

	if (rc->rc_partial == ca)
		rc->rc_partial = NULL;
	/* Not if it ended meanwhile. */
	if (error == 0 && !list_empty(&ca->ca_all)) {
		rpc_send_mark(rc, ca, true);
		if (rc->rc_params.rp_udp)
			ca->ca_sent_ns = uptime_ns();
	}
	if (over || error != 0) {
		mutex_exit(&rc->rc_lock);
		rpc_complete(rc, ca, over ? ca->ca_reply_error : error);
		mutex_enter(&rc->rc_lock);
	}
	rpc_call_unref(ca);
}

/* 0, EWOULDBLOCK. */
static int
send_one_datagram(struct rpc_conn *rc, struct rpc_call *ca)
    REQUIRES(rc->rc_lock)
{
	int error, refused = 0;

	mutex_exit(&rc->rc_lock);
	error = send_datagram(rc, ca, &refused);
	mutex_enter(&rc->rc_lock);
	if (refused != 0) {
		rc->rc_refused = refused;
		rc->rc_refused_anew = true;
	}
	if (error != EWOULDBLOCK)
		sent(rc, ca, error);
	return error == EWOULDBLOCK ? error : 0;
}

/* Streams: several calls in one send. */
struct batch {
	struct rpc_call *ba_calls[TOGETHER]; /* referenced; rc_partial first */
	size_t ba_n;
	struct pieces ba_pieces;
};

/* Calls without data that wait behind first, if that has none either. */
static void
batch_gather(struct rpc_conn *rc, struct batch *ba, struct rpc_call *first)
    REQUIRES(rc->rc_lock)
{
	struct rpc_call *ca = first;

	ba->ba_n = 0;
	ba->ba_pieces.pc_n = 0;
	ba->ba_pieces.pc_len = 0;
	ba->ba_pieces.pc_skip = rc->rc_sent;
	for (;;) {
		ba->ba_calls[ba->ba_n++] = ca;
		add_call(&ba->ba_pieces, ca);
		if (ca->ca_ndata != 0 || ba->ba_n == TOGETHER ||
		    list_empty(&rc->rc_out))
			return;
		ca = LIST_ENTRY(rc->rc_out.next, struct rpc_call, ca_out);
		if (ca->ca_ndata != 0)
			return;
		list_remove(&ca->ca_out);
		rpc_call_ref(ca);
	}
}

/* Those from number i on were not sent at all: back into the queue. */
static void
batch_return(struct rpc_conn *rc, struct batch *ba, size_t i)
    REQUIRES(rc->rc_lock)
{
	for (size_t n = ba->ba_n; n > i; n--) {
		struct rpc_call *ca = ba->ba_calls[n - 1];

		if (!list_empty(&ca->ca_all))
			list_insert_head(&rc->rc_out, &ca->ca_out);
		rpc_call_unref(ca);
	}
}

/* Of ba, bytes have gone out; rc_partial is what is left of one, or NULL. */
static void
batch_sent(struct rpc_conn *rc, struct batch *ba, size_t bytes)
    REQUIRES(rc->rc_lock)
{
	size_t done = rc->rc_sent + bytes, i;

	for (i = 0; i < ba->ba_n; i++) {
		size_t len = message_len(ba->ba_calls[i]);

		if (done < len)
			break;
		done -= len;
	}
	if (i < ba->ba_n && (i == 0 || done > 0)) {
		rc->rc_partial = ba->ba_calls[i];
		rc->rc_sent = done;
		batch_return(rc, ba, i + 1);
	} else {
		rc->rc_partial = NULL;
		batch_return(rc, ba, i);
	}
	/* Last, as this lets go of the lock. */
	for (size_t n = 0; n < i; n++)
		sent(rc, ba->ba_calls[n], 0);
}

/* 0, EWOULDBLOCK, or the stream's end. */
static int
send_batch(struct rpc_conn *rc, struct rpc_call *first) REQUIRES(rc->rc_lock)
{
	struct batch ba;
	size_t left;
	int error;

	batch_gather(rc, &ba, first);
	mutex_exit(&rc->rc_lock);
	error = send_pieces(rc->rc_so, &ba.ba_pieces, &left);
	mutex_enter(&rc->rc_lock);
	batch_sent(rc, &ba, ba.ba_pieces.pc_len - left);
	return error == 0 && left != 0 ? EWOULDBLOCK : error;
}

/* Nothing goes out any more: whoever sleeps until something comes in is to make
 * another connection. */
static struct socket *
note_broken(struct rpc_conn *rc) REQUIRES(rc->rc_lock)
{
	rc->rc_broken = true;
	soref(rc->rc_so);
	return rc->rc_so;
}

void
rpc_send_flush(struct rpc_conn *rc)
{
	struct socket *broken = NULL;
	struct rpc_call *ca;
	int error = 0;

	mutex_enter(&rc->rc_lock);
	if (rc->rc_sending) {
		mutex_exit(&rc->rc_lock);
		return;
	}
	rc->rc_sending = true;
	while (error == 0 && (ca = next_to_send(rc)) != NULL)
		error = rc->rc_params.rp_udp ? send_one_datagram(rc, ca)
					     : send_batch(rc, ca);
	if (error != 0 && error != EWOULDBLOCK)
		broken = note_broken(rc);
	rc->rc_sending = false;
	cv_broadcast(&rc->rc_sendcv);
	mutex_exit(&rc->rc_lock);
	if (broken != NULL) {
		(void)soshutdown(broken, SHUT_RDWR);
		sounref(broken);
	}
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
