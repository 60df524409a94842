/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Theory of operation.
 *
 * The stream is a sequence of records; a record is the reply of one call:
 *
 *	RX_XID   collect four bytes and look the call up; unknown: RX_SKIP
 *	RX_HEAD  append to ca_head; when ca_locate says that data follow: RX_DATA
 *	RX_DATA  fill ca_iov; then RX_SKIP
 *	RX_SKIP  drop the rest of the record
 *
 * In RX_DATA the room that we offer is the caller's memory itself, as far as
 * the present fragment goes, and behind it our buffer for what follows: one
 * host call brings the rest of this reply and the head of the next, and data
 * are copied only if they came with a head.
 *
 * Whatever is wrong with one reply (too long for its head, too many data, data
 * missing) fails that call with EBADRPC and leaves the stream usable.  Only
 * record marks that make no sense end the stream.
 */
#include "nfs/rpcrx.h"

#include "kern/libkern.h"
#include "kern/netbsd.h"

void
rpcrx_init(struct rpcrx *rx, const struct rpcrx_ops *ops, void *arg, size_t max)
{
	rx->rx_ops = ops;
	rx->rx_arg = arg;
	rpc_record_init(&rx->rx_record, max);
	rpcrx_reset(rx);
}

static void
next_reply(struct rpcrx *rx)
{
	rx->rx_state = RX_XID;
	rx->rx_nxid = 0;
	rx->rx_call = NULL;
	rx->rx_error = 0;
	rx->rx_left = 0;
}

void
rpcrx_reset(struct rpcrx *rx)
{
	rpc_record_init(&rx->rx_record, (size_t)rx->rx_record.rr_max);
	rx->rx_direct = 0;
	next_reply(rx);
}

void
rpcrx_forget(struct rpcrx *rx)
{
	rx->rx_call = NULL;
	rx->rx_state = RX_SKIP;
}

bool
rpcrx_idle(const struct rpcrx *rx)
{
	return rpc_record_idle(&rx->rx_record);
}

/* Where byte number done of the call's data goes; *room gets what fits. */
static uint8_t *
data_place(const struct rpc_call *ca, size_t done, size_t *room)
{
	for (int i = 0; i < ca->ca_niov; i++) {
		const struct rump_iovec *iov = &ca->ca_iov[i];

		if (done < iov->iov_len) {
			*room = iov->iov_len - done;
			return (uint8_t *)iov->iov_base + done;
		}
		done -= iov->iov_len;
	}
	*room = 0;
	return NULL;
}

int
rpcrx_room(struct rpcrx *rx, struct rump_iovec iov[RPCRX_IOV])
{
	size_t want = 0, room;
	int n = 0;

	rx->rx_direct = 0;
	if (rx->rx_state == RX_DATA)
		want = MIN(rx->rx_left, (size_t)rx->rx_record.rr_left);
	while (rx->rx_direct < want) {
		iov[n].iov_base = data_place(
		    rx->rx_call, rx->rx_call->ca_got + rx->rx_direct, &room);
		iov[n].iov_len = MIN(room, want - rx->rx_direct);
		rx->rx_direct += iov[n].iov_len;
		n++;
	}
	iov[n].iov_base = rx->rx_buf;
	iov[n].iov_len = sizeof(rx->rx_buf);
	return n + 1;
}

static void
data_placed(struct rpcrx *rx, size_t n)
{
	rx->rx_call->ca_got += n;
	rx->rx_left -= n;
	if (rx->rx_left == 0)
		rx->rx_state = RX_SKIP;
}

/* The present reply is no good. */
static void
spoil(struct rpcrx *rx)
{
	rx->rx_error = EBADRPC;
	rx->rx_state = RX_SKIP;
}

static size_t
take_xid(struct rpcrx *rx, const uint8_t *p, size_t n)
{
	size_t used = MIN(n, sizeof(rx->rx_xid) - rx->rx_nxid);
	struct rpc_call *ca;
	uint32_t xid;

	memcpy(rx->rx_xid + rx->rx_nxid, p, used);
	rx->rx_nxid += used;
	if (rx->rx_nxid < sizeof(rx->rx_xid))
		return used;
	memcpy(&xid, rx->rx_xid, sizeof(xid));
	ca = rx->rx_ops->rxo_find(rx->rx_arg, __builtin_bswap32(xid));
	rx->rx_call = ca;
	rx->rx_state = ca != NULL ? RX_HEAD : RX_SKIP;
	if (ca == NULL)
		return used;
	KASSERT(ca->ca_headsize >= sizeof(rx->rx_xid));
	memcpy(ca->ca_head, rx->rx_xid, sizeof(rx->rx_xid));
	ca->ca_headlen = sizeof(rx->rx_xid);
	ca->ca_got = 0;
	return used;
}

/* Where the data begin, if that is known by now. */
static void
locate(struct rpcrx *rx)
{
	struct rpc_call *ca = rx->rx_call;
	size_t off = 0, size = 0, done, room;
	uint8_t *dst;

	switch (ca->ca_locate(ca->ca_head, ca->ca_headlen, &off, &size)) {
	case PLACE_MORE:
	case PLACE_NONE:
		return;
	case PLACE_DATA:
		break;
	}
	if (size > ca->ca_size) {
		spoil(rx);
		return;
	}
	/* What came with the head goes to its place now. */
	rx->rx_left = size;
	rx->rx_state = RX_DATA;
	for (done = off; done < ca->ca_headlen && rx->rx_left != 0;
	     done += room) {
		dst = data_place(ca, ca->ca_got, &room);
		room = MIN(room, MIN(rx->rx_left, ca->ca_headlen - done));
		memcpy(dst, ca->ca_head + done, room);
		data_placed(rx, room);
	}
	ca->ca_headlen = off;
	if (rx->rx_left == 0)
		rx->rx_state = RX_SKIP;
}

static size_t
take_head(struct rpcrx *rx, const uint8_t *p, size_t n)
{
	struct rpc_call *ca = rx->rx_call;
	size_t used = MIN(n, ca->ca_headsize - ca->ca_headlen);

	memcpy(ca->ca_head + ca->ca_headlen, p, used);
	ca->ca_headlen += used;
	if (ca->ca_locate != NULL)
		locate(rx);
	if (used == 0 && rx->rx_state == RX_HEAD)
		spoil(rx);
	return used;
}

static size_t
take_data(struct rpcrx *rx, const uint8_t *p, size_t n)
{
	size_t room;
	uint8_t *dst = data_place(rx->rx_call, rx->rx_call->ca_got, &room);

	n = MIN(n, MIN(room, rx->rx_left));
	memcpy(dst, p, n);
	data_placed(rx, n);
	return n;
}

/* Some bytes of the record; returns how many were taken. */
static size_t
take_some(struct rpcrx *rx, const uint8_t *p, size_t n)
{
	switch (rx->rx_state) {
	case RX_XID:
		return take_xid(rx, p, n);
	case RX_HEAD:
		return take_head(rx, p, n);
	case RX_DATA:
		return take_data(rx, p, n);
	default:
		return n;
	}
}

static void
end_reply(struct rpcrx *rx)
{
	struct rpc_call *ca = rx->rx_call;
	int error = rx->rx_error;

	if (rx->rx_state == RX_DATA)
		error = EBADRPC;
	next_reply(rx);
	if (ca != NULL)
		rx->rx_ops->rxo_complete(rx->rx_arg, ca, error);
}

static int
take_stream(struct rpcrx *rx, const uint8_t *p, size_t n)
{
	size_t used;

	for (;;) {
		switch (rpc_record_step(&rx->rx_record, p, n, &used)) {
		case RR_MORE:
			return 0;
		case RR_BAD:
			return EBADRPC;
		case RR_END:
			p += used;
			n -= used;
			end_reply(rx);
			break;
		case RR_DATA:
			p += used;
			n -= used;
			used = take_some(
			    rx, p, MIN(n, (size_t)rx->rx_record.rr_left));
			rpc_record_take(&rx->rx_record, used);
			p += used;
			n -= used;
			break;
		}
	}
}

int
rpcrx_take(struct rpcrx *rx, size_t n)
{
	size_t direct = MIN(n, rx->rx_direct);

	if (direct != 0) {
		/* rpcrx_forget() may have come between room and take. */
		if (rx->rx_state == RX_DATA)
			data_placed(rx, direct);
		rpc_record_take(&rx->rx_record, direct);
	}
	rx->rx_direct = 0;
	return take_stream(rx, rx->rx_buf, n - direct);
}

void
rpcrx_datagram(struct rpcrx *rx, const uint8_t *p, size_t n)
{
	size_t used;

	next_reply(rx);
	while (n > 0) {
		used = take_some(rx, p, n);
		p += used;
		n -= used;
	}
	end_reply(rx);
}
