/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The connection behind rpc.c: socket, queue of calls to be sent, calls
 * outstanding.  Its parts are rpc.c (calls), rpcwait.c (the threads that wait),
 * rpcsend.c (the queue), rpcconn.c (the socket) and rpctimer.c.
 */
#ifndef NFS_RPCCONN_H
#define NFS_RPCCONN_H

#include "kern/condvar.h"
#include "kern/stats.h"
#include "nfs/pace.h"
#include "nfs/rpc.h"
#include "nfs/rpcrx.h"
#include "nfs/rpcspin.h"
#include "nfs/rpctimer.h"

#define RPC_HASH 64 /* buckets of outstanding calls, by xid */

struct lwp;
struct socket;

/*
 * Letters: c = rc_lock; r = whoever has the receiver's role; s = whoever has
 * the sender's role; i = set at creation.
 */
struct rpc_conn {
	struct rpc_params rc_params;       /* c: after rpc_conn_settle() */
	char rc_machine[RPC_AUTH_MACHINE]; /* i */
	kmutex_t rc_lock;
	struct list rc_hash[RPC_HASH]; /* c: ca_hash */
	struct list rc_all;            /* c: ca_all */
	struct list rc_out;            /* c: ca_out */
	struct list rc_waiters;        /* c: of threads in rpc_wait() */
	uint32_t rc_xid;               /* c: the last one used */

	struct socket *rc_so;         /* c + both roles to change; NULL: none */
	struct socket *rc_connecting; /* c: being connected by the receiver */
	bool rc_receiving;            /* c: somebody has the role */
	bool rc_sending;              /* c: somebody has the role */
	bool rc_asleep;               /* c: the receiver waits for bytes */
	bool rc_looking;       /* c: the receiver looks for room to send */
	bool rc_pushing;       /* c: another thread does */
	bool rc_broken;        /* c: the socket is no good any more */
	bool rc_dead;          /* c: killed */
	kcondvar_t rc_sendcv;  /* the sender's role is free */
	kcondvar_t rc_pausecv; /* slept on between attempts */
	struct rpc_call *rc_partial; /* s: being sent, with a reference */
	size_t rc_sent;              /* s: bytes of it */
	int64_t rc_unattended_ns;    /* c: when the last receiver left and
				       * nobody took over; 0: not so */

	struct lwp *_Atomic rc_receiver; /* whose role it is */
	bool rc_ended;            /* r: calls have ended, wake who waits */
	struct rpcrx rc_rx;       /* r */
	bool rc_more;             /* r: the last receive filled the room */
	struct rpcspin rc_spin;   /* r */
	unsigned rc_torn;         /* r: connections in a row that broke
				   * off within a reply */
	int64_t rc_backoff_ns;    /* r: before the next attempt but one */
	int64_t rc_retry_ns;      /* r: when to connect again */
	bool rc_connected_before; /* r */
	bool rc_down;             /* r: "not responding" was printed */

	/* Datagrams. */
	uint8_t *rc_datagram;     /* i: owned, RPC_DATAGRAM bytes, or NULL */
	struct rpctimer rc_timer; /* c */
	int rc_refused;           /* c: the network's latest complaint, until
				    * the server speaks */
	bool rc_refused_anew;     /* c: the receiver is to know */
};

#define RPC_DATAGRAM 65536

/* Who sleeps without knowing whether somebody else has work for him looks up
 * after so long. */
#define RPC_LOOK_UP INT64_C(50000000)

enum rpc_stat {
	RPC_STAT_CALLS,
	RPC_STAT_RETRANSMITS,
	RPC_STAT_RECONNECTS,
	RPC_STAT_TIMEOUTS,
	RPC_STAT_BAD,
	RPC_STAT_UNKNOWN,
	RPC_STAT_SENT,
	RPC_STAT_RECEIVED,
	RPC_NSTATS,
};
extern struct kstat rpc_stats[RPC_NSTATS];

/* Before the second attempt in a row; then 1 s, doubling up to 30 s. */
static inline int64_t
rpc_backoff_first(void)
{
	return nfspace_second() / 10;
}

/* rpc.c */

/*
 * A reply has come, or will not come any more.  Ends ca, unless it is over or
 * its data are just being sent: then its end comes with that of the sending.
 */
void rpc_complete(struct rpc_conn *rc, struct rpc_call *ca, int error);
/* For the receiver: close, and end everything that is outstanding. */
void rpc_fail_all(struct rpc_conn *rc, int error);

/* rpcwait.c */

/* The receiver's work when there is no receiver: see rpc_conn_kill(). */
void rpc_wait_dead(struct rpc_conn *rc);
/* Wake every thread whose flag is set. */
void rpc_wait_wake(struct rpc_conn *rc);
/* A flag has been set: the same, in the receiver's thread a little later. */
void rpc_wait_ended(struct rpc_conn *rc);
/* The end of ca's present try, which begins now. */
int64_t rpc_wait_deadline(const struct rpc_conn *rc, const struct rpc_call *ca,
    int64_t now) REQUIRES(rc->rc_lock);
/* To be sent, at once or when its delay is over. */
void rpc_wait_begin(struct rpc_conn *rc, struct rpc_call *ca, int64_t now)
    REQUIRES(rc->rc_lock);
/* To be sent again, with the same xid. */
void rpc_wait_repeat(struct rpc_conn *rc, struct rpc_call *ca)
    REQUIRES(rc->rc_lock);

/* rpcsend.c */

/* Send what is queued, as far as it goes without waiting. */
void rpc_send_flush(struct rpc_conn *rc);
/* Is there something to send that only the socket keeps from being sent? */
bool rpc_send_pending(struct rpc_conn *rc) REQUIRES(rc->rc_lock);
/* Does the sender still need ca's data?  May release and take the lock. */
bool rpc_send_uses(struct rpc_conn *rc, const struct rpc_call *ca)
    REQUIRES(rc->rc_lock);
/* Note whether ca is on its way over the present socket. */
void rpc_send_mark(struct rpc_conn *rc, struct rpc_call *ca, bool sent)
    REQUIRES(rc->rc_lock);

/* rpcconn.c: for the receiver. */

/*
 * Connect, after a pause when the last attempt failed; deadline_ns bounds pause
 * and attempt.  0: connected; EWOULDBLOCK: not yet, ask again; ERESTART;
 * otherwise why the attempt failed.
 */
int rpc_conn_connect(struct rpc_conn *rc, int64_t deadline_ns);
/* Wait for bytes and take them.  0, EWOULDBLOCK (deadline), ERESTART, or why
 * the connection is of no use any more. */
int rpc_conn_receive(struct rpc_conn *rc, int64_t deadline_ns);
/* Print once that the server does not answer, and that it does again. */
void rpc_conn_report_down(struct rpc_conn *rc);
void rpc_conn_report_up(struct rpc_conn *rc);
/* Close the socket; whatever is outstanding is queued again. */
void rpc_conn_drop(struct rpc_conn *rc);

#endif /* !NFS_RPCCONN_H */
