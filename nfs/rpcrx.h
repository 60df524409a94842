/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receiving replies, without I/O.  From a byte stream: says where the next bytes
 * are to be put, takes the record marks out, finds the call that a reply
 * belongs to, and puts the data of a READ into place.
 */
#ifndef NFS_RPCRX_H
#define NFS_RPCRX_H

#include "nfs/rpccall.h"

#define RPCRX_BUFFER 8192
#define RPCRX_IOV (RPC_IOV_MAX + 1)

struct rpcrx_ops {
	/* The outstanding call with this xid, or NULL. */
	struct rpc_call *(*rxo_find)(void *arg, uint32_t xid);
	/* The reply of ca is complete, or as complete as it will be. */
	void (*rxo_complete)(void *arg, struct rpc_call *ca, int error);
};

enum rpcrx_state { RX_XID, RX_HEAD, RX_DATA, RX_SKIP };

struct rpcrx {
	const struct rpcrx_ops *rx_ops;
	void *rx_arg;
	struct rpc_record rx_record;
	enum rpcrx_state rx_state;
	uint8_t rx_xid[4];
	size_t rx_nxid;
	struct rpc_call *rx_call; /* whose reply is coming in, or NULL */
	int rx_error;             /* of that reply */
	size_t rx_left;           /* RX_DATA: bytes not yet placed */
	size_t rx_direct;         /* bytes of room that are not rx_buf */
	uint8_t rx_buf[RPCRX_BUFFER];
};

/* Records longer than max bytes are a failure. */
void rpcrx_init(
    struct rpcrx *rx, const struct rpcrx_ops *ops, void *arg, size_t max);
/* Forget a partly received reply: the stream begins anew. */
void rpcrx_reset(struct rpcrx *rx);
/* rx_call goes away before its reply is complete. */
void rpcrx_forget(struct rpcrx *rx);
/* Room for the next bytes: fills iov, returns the number of pieces. */
int rpcrx_room(struct rpcrx *rx, struct rump_iovec iov[RPCRX_IOV]);
/*
 * n bytes were put there.  0, or EBADRPC when the stream cannot be
 * understood any more.
 */
int rpcrx_take(struct rpcrx *rx, size_t n);
/*
 * One datagram, which is one reply or less than one.  What is too short for a
 * transaction id is ignored.
 */
void rpcrx_datagram(struct rpcrx *rx, const uint8_t *p, size_t n);
/* True between replies. */
bool rpcrx_idle(const struct rpcrx *rx);

#endif /* !NFS_RPCRX_H */
