/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One remote procedure call: its message, where its reply goes, and its place
 * in the connection that carries it.
 */
#ifndef NFS_RPCCALL_H
#define NFS_RPCCALL_H

#include <stdatomic.h>

#include "kern/queue.h"
#include "nfs/rpcmsg.h"
#include "rump/rumpabi.h"

struct rpc_call;
struct rpc_conn;

/*
 * Where in a reply (its first len bytes) the data begins that goes to
 * ca_iov.  PLACE_DATA sets *off (<= len) and *size; PLACE_MORE asks again when
 * more has come; PLACE_NONE: the reply has no such data.
 */
enum rpc_place { PLACE_MORE, PLACE_DATA, PLACE_NONE };
typedef enum rpc_place rpc_locate_t(
    const uint8_t *head, size_t len, size_t *off, size_t *size);

/* Letters: c = lock of the connection, r = the connection's receiver, i = set
 * before the call is started. */
struct rpc_call {
	struct list ca_hash; /* c: by xid, while outstanding */
	struct list ca_all;  /* c: oldest first, while outstanding */
	struct list ca_out;  /* c: to be sent */
	_Atomic uint32_t ca_refcnt;
	uint32_t ca_xid;        /* i */
	uint32_t ca_proc;       /* i */
	bool ca_sent;           /* c: wholly, over the present socket */
	bool ca_receiving;      /* c: its reply is coming in */
	bool ca_replied;        /* c: it has come in whole, and the end waits
				 * for the sender, who still needs ca_data */
	int ca_reply_error;     /* c: of that reply */
	bool ca_abandoned;      /* c: nobody waits for it any more */
	bool ca_held;           /* c: not sent before ca_deadline_ns */
	int64_t ca_delay_ns;    /* i: between start and sending */
	bool ca_retransmitted;  /* c: has been sent more than once, so that
				 * it may have been executed before */
	unsigned ca_tries;      /* c: time-outs so far */
	unsigned ca_bad;        /* r: datagrams that were no replies to it */
	int64_t ca_sent_ns;     /* c: when it was last sent; datagrams only */
	int64_t ca_deadline_ns; /* c: of the present try */

	_Atomic int ca_finished;   /* set last */
	int ca_error;              /* r until finished */
	struct rpc_reply ca_reply; /* r until finished: when ca_answered */
	bool ca_answered;          /* r: a reply header was understood */

	/* i: NULL, or called by whatever thread ends the call, without locks;
	 * it owns the call then. */
	void (*ca_done)(struct rpc_call *ca);
	void *ca_arg; /* i: ca_done's */

	rpc_locate_t *ca_locate;   /* i: NULL: all goes to ca_head */
	struct rump_iovec *ca_iov; /* i: memory for the data, caller's */
	int ca_niov;               /* i */
	size_t ca_size;            /* i: sum of the lengths */
	size_t ca_got;             /* r: bytes placed */

	const struct rump_iovec *ca_data; /* i: behind ca_msg, caller's */
	int ca_ndata;                     /* i */
	size_t ca_datalen;                /* i: without padding */

	struct xdr_out ca_msg; /* i: with record mark */
	uint8_t *ca_head;      /* r: reply without the data */
	size_t ca_headsize;    /* i */
	size_t ca_headlen;     /* r */
	size_t ca_allocated;   /* i: of this structure and what follows */
};

#define RPC_IOV_MAX 32  /* pieces of memory for one reply's data */
#define RPC_DATA_MAX 64 /* pieces of memory for the data of one call */

#endif /* !NFS_RPCCALL_H */
