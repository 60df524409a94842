/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Remote procedure calls over one connection, TCP or UDP: many calls in flight,
 * one thread of those that wait receives for all.  Reconnection,
 * retransmission and time-outs happen in the waiting threads; the connection
 * has no thread.
 */
#ifndef NFS_RPC_H
#define NFS_RPC_H

#include "nfs/addr.h"
#include "nfs/rpccall.h"

enum rpc_patience {
	RPC_ONCE, /* the first failure of the connection fails all calls */
	RPC_SOFT, /* an error after rp_retrans retransmissions */
	RPC_HARD, /* for ever; only what cannot be understood is an error; see
		   * nfspace_is_patient() */
};

struct rpc_params {
	struct nfs_addr rp_addr;
	uint16_t rp_port;
	bool rp_udp;
	uint32_t rp_prog;
	uint32_t rp_vers;
	enum rpc_patience rp_patience;
	int64_t rp_timeo_ns; /* of the first try.  TCP: grows by as much; UDP:
			      * until the server's speed is known, doubles */
	unsigned rp_retrans;
	int64_t rp_deadline_ns; /* RPC_ONCE: calls end by then; 0 none */
	bool rp_resvport;       /* bind to a port below 1024 if we may */
	size_t rp_maxrecord;    /* longest reply */
	char rp_name[96];       /* for "nfs: server NAME not responding" */
};

/* Enter the counters into the table of statistics; once. */
void rpc_init(void);

/* The connection is made when the first call needs it. */
struct rpc_conn *rpc_conn_create(const struct rpc_params *rp);
/*
 * End all calls with EIO and free.  Nobody may be waiting or starting calls.
 * rc may be NULL.
 */
void rpc_conn_destroy(struct rpc_conn *rc);
/*
 * End all calls, now and from now on, with EIO, and wake who waits: nobody is
 * patient any more.  The connection is yet to be destroyed.
 */
void rpc_conn_kill(struct rpc_conn *rc);
/* Change from RPC_ONCE to the given patience; longest reply from now on. */
void rpc_conn_settle(
    struct rpc_conn *rc, enum rpc_patience patience, size_t maxrecord);

/*
 * Make a call.  auth NULL: AUTH_NONE.  argsize and headsize: the most that its
 * arguments and its reply (without data that are placed) take.  Append the
 * arguments to ca_msg.  Never fails.
 */
struct rpc_call *rpc_call_create(struct rpc_conn *rc, uint32_t proc,
    const struct rpc_auth *auth, size_t argsize, size_t headsize);
/* Let data of the reply go to iov (at most RPC_IOV_MAX), which is kept by
 * reference until the call is over. */
void rpc_call_place(struct rpc_call *ca, rpc_locate_t *locate,
    struct rump_iovec *iov, int niov);
/*
 * Let the bytes of iov (at most RPC_DATA_MAX) follow the arguments, and their
 * padding; the arguments have ended with their length.  Kept by reference until
 * the call is over, and sent from there.  Such a call is for rpc_call_start().
 */
void rpc_call_attach(
    struct rpc_call *ca, const struct rump_iovec *iov, int niov);
/* One more reference to a call; give one up. */
void rpc_call_ref(struct rpc_call *ca);
void rpc_call_unref(struct rpc_call *ca);

/*
 * Send ca and return; done gets it, with the caller's reference, when it is
 * over, in the thread of whoever receives, possibly before this returns.
 */
void rpc_call_start(struct rpc_conn *rc, struct rpc_call *ca,
    void (*done)(struct rpc_call *), void *arg);
/* As rpc_call_start(), but ca is not sent before delay_ns have passed, and
 * somebody waits. */
void rpc_call_start_later(struct rpc_conn *rc, struct rpc_call *ca,
    void (*done)(struct rpc_call *), void *arg, int64_t delay_ns);
/*
 * Send ca and wait for its end.  0: the call was executed, and *results is at
 * its results.  Otherwise EPROGUNAVAIL, EPROGMISMATCH, EPROCUNAVAIL,
 * ERPCMISMATCH, EAUTH (details in ca_reply), EBADRPC, EIO, ETIMEDOUT, EMSGSIZE
 * (UDP), with RPC_ONCE and RPC_SOFT the error of the connection, or ERESTART:
 * nobody waits any more, but the call may yet be executed.  The caller keeps
 * its reference.
 */
int rpc_call_run(
    struct rpc_conn *rc, struct rpc_call *ca, struct xdr_in *results);
/*
 * As rpc_call_run(), for a call that must not be made again because its first
 * execution changes what a second one finds.  After a signal the server gets
 * some seconds more; then EINTR (the call may yet be executed), or ERESTART when
 * it was not sent at all.
 */
int rpc_call_run_once(
    struct rpc_conn *rc, struct rpc_call *ca, struct xdr_in *results);
/* The results of a call that is over: as rpc_call_run(). */
int rpc_call_results(struct rpc_call *ca, struct xdr_in *results);
/* Of a call that is over: was it sent more than once?  Then the server may have
 * executed it before the execution that this reply tells of. */
bool rpc_call_retransmitted(const struct rpc_call *ca);

/*
 * Wait, and receive if nobody else does, until *flag is set by the end of some
 * call.  0, ERESTART, or EIO when the connection was killed.
 */
int rpc_wait(struct rpc_conn *rc, _Atomic int *flag);
/*
 * As rpc_wait(), but no signal ends it; EINTR when the flag has not been set
 * after some seconds.
 */
int rpc_wait_grace(struct rpc_conn *rc, _Atomic int *flag);
/*
 * End ca, whose owner is done(), with ECANCELED unless some thread is just
 * receiving its reply, its data are on their way out, or it is over: then
 * false.
 */
bool rpc_call_cancel(struct rpc_conn *rc, struct rpc_call *ca);

#endif /* !NFS_RPC_H */
