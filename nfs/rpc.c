/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A call is outstanding from rpc_call_start() or rpc_call_run() until
 * rpc_complete(): on rc_all, in rc_hash, with a reference of the connection's.
 *
 * A call whose owner was interrupted stays outstanding, since its reply will
 * come and its memory must be there; it is not sent again.
 *
 * Over datagrams anybody may have sent what is no reply at all: the call goes on
 * waiting, unless that is all it ever gets.
 */
#include "nfs/rpc.h"

#include "kern/clock.h"
#include "kern/condvar.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "net/socketvar.h"
#include "nfs/pace.h"
#include "nfs/rpcconn.h"
#include "rump/rumpuser.h"

/* Datagrams that are no replies to a call before it ends with EBADRPC. */
#define BAD_MAX 4

struct kstat rpc_stats[RPC_NSTATS] = {
	[RPC_STAT_CALLS] = { "nfs_rpc_calls", "RPC calls made" },
	[RPC_STAT_RETRANSMITS] = { "nfs_rpc_retransmits",
	    "RPC calls sent again" },
	[RPC_STAT_RECONNECTS] = { "nfs_rpc_reconnects",
	    "connections to servers made again" },
	[RPC_STAT_TIMEOUTS] = { "nfs_rpc_timeouts", "RPC time-outs" },
	[RPC_STAT_BAD] = { "nfs_rpc_bad_replies",
	    "RPC replies that made no sense" },
	[RPC_STAT_UNKNOWN] = { "nfs_rpc_unknown_xids",
	    "RPC replies that nobody waited for" },
	[RPC_STAT_SENT] = { "nfs_rpc_bytes_sent", "bytes sent to servers" },
	[RPC_STAT_RECEIVED] = { "nfs_rpc_bytes_received",
	    "bytes received from servers" },
};

void
rpc_init(void)
{
	kstat_attach(rpc_stats, NITEMS(rpc_stats));
}

static struct list *
bucket(struct rpc_conn *rc, uint32_t xid)
{
	return &rc->rc_hash[xid % RPC_HASH];
}

static struct rpc_call *
find_locked(struct rpc_conn *rc, uint32_t xid) REQUIRES(rc->rc_lock)
{
	struct list *n;

	LIST_FOREACH (n, bucket(rc, xid)) {
		struct rpc_call *ca = LIST_ENTRY(n, struct rpc_call, ca_hash);

		if (ca->ca_xid == xid)
			return ca;
	}
	return NULL;
}

static struct rpc_call *
rx_find(void *arg, uint32_t xid)
{
	struct rpc_conn *rc = arg;
	struct rpc_call *ca;

	mutex_enter(&rc->rc_lock);
	ca = find_locked(rc, xid);
	/* Answered twice. */
	if (ca != NULL && ca->ca_replied)
		ca = NULL;
	if (ca != NULL)
		ca->ca_receiving = true;
	mutex_exit(&rc->rc_lock);
	if (ca == NULL)
		KSTAT_ADD(&rpc_stats[RPC_STAT_UNKNOWN], 1);
	return ca;
}

static bool
is_reply(const struct rpc_call *ca)
{
	struct rpc_reply re;
	struct xdr_in xi;

	xdr_in_init(&xi, ca->ca_head, ca->ca_headlen);
	return rpc_reply_decode(&xi, &re) == 0;
}

/* A datagram with the number of ca made no sense: wait for a better one? */
static bool
ignore_bad(struct rpc_conn *rc, struct rpc_call *ca)
{
	if (++ca->ca_bad >= BAD_MAX)
		return false;
	KSTAT_ADD(&rpc_stats[RPC_STAT_BAD], 1);
	mutex_enter(&rc->rc_lock);
	ca->ca_receiving = false;
	mutex_exit(&rc->rc_lock);
	return true;
}

/* Learn from a reply how quick the server is. */
static void
measure(struct rpc_conn *rc, const struct rpc_call *ca)
{
	mutex_enter(&rc->rc_lock);
	rc->rc_refused = 0;
	rc->rc_refused_anew = false;
	if (ca->ca_sent && !ca->ca_retransmitted)
		rpctimer_answered(
		    &rc->rc_timer, ca->ca_proc, uptime_ns() - ca->ca_sent_ns);
	mutex_exit(&rc->rc_lock);
}

static void
rx_complete(void *arg, struct rpc_call *ca, int error)
{
	struct rpc_conn *rc = arg;

	if (rc->rc_params.rp_udp) {
		if ((error != 0 || !is_reply(ca)) && ignore_bad(rc, ca))
			return;
		measure(rc, ca);
	}
	nfspace_heard();
	/* The server speaks: the next failure is the first again. */
	rc->rc_backoff_ns = rpc_backoff_first();
	rc->rc_retry_ns = 0;
	rc->rc_torn = 0;
	rpc_conn_report_up(rc);
	rpc_complete(rc, ca, error);
}

static const struct rpcrx_ops rx_ops = {
	.rxo_find = rx_find,
	.rxo_complete = rx_complete,
};

struct rpc_conn *
rpc_conn_create(const struct rpc_params *rp)
{
	struct rpc_conn *rc = kmem_zalloc(sizeof(*rc), KM_SLEEP);
	size_t got;

	rc->rc_params = *rp;
	if (rumpuser_getparam(RUMPUSER_PARAM_HOSTNAME, rc->rc_machine,
		sizeof(rc->rc_machine)) != 0)
		strlcpy(rc->rc_machine, "rump", sizeof(rc->rc_machine));
	rc->rc_machine[sizeof(rc->rc_machine) - 1] = '\0';
	mutex_init(&rc->rc_lock, "nfsrpc");
	for (size_t i = 0; i < RPC_HASH; i++)
		list_init(&rc->rc_hash[i]);
	list_init(&rc->rc_all);
	list_init(&rc->rc_out);
	list_init(&rc->rc_waiters);
	(void)rumpuser_getrandom(
	    &rc->rc_xid, sizeof(rc->rc_xid), RUMPUSER_RANDOM_NOWAIT, &got);
	cv_init(&rc->rc_sendcv, "nfssend");
	cv_init(&rc->rc_pausecv, "nfsretry");
	rpcrx_init(&rc->rc_rx, &rx_ops, rc, rp->rp_maxrecord);
	rc->rc_backoff_ns = rpc_backoff_first();
	rc->rc_unattended_ns = uptime_ns();
	rpctimer_init(&rc->rc_timer, rp->rp_udp, rp->rp_timeo_ns);
	if (rp->rp_udp)
		rc->rc_datagram = kmem_alloc(RPC_DATAGRAM, KM_SLEEP);
	return rc;
}

/* The oldest outstanding call with a reference, or NULL. */
static struct rpc_call *
oldest(struct rpc_conn *rc)
{
	struct rpc_call *ca = NULL;

	mutex_enter(&rc->rc_lock);
	if (!list_empty(&rc->rc_all)) {
		ca = LIST_ENTRY(rc->rc_all.next, struct rpc_call, ca_all);
		rpc_call_ref(ca);
	}
	mutex_exit(&rc->rc_lock);
	return ca;
}

void
rpc_fail_all(struct rpc_conn *rc, int error)
{
	struct rpc_call *ca;

	/* Nobody uses the data of calls afterwards. */
	rpc_conn_drop(rc);
	while ((ca = oldest(rc)) != NULL) {
		rpc_complete(rc, ca, error);
		rpc_call_unref(ca);
	}
}

void
rpc_conn_destroy(struct rpc_conn *rc)
{
	if (rc == NULL)
		return;
	KASSERT(list_empty(&rc->rc_waiters));
	rpc_fail_all(rc, EIO);
	cv_destroy(&rc->rc_pausecv);
	cv_destroy(&rc->rc_sendcv);
	mutex_destroy(&rc->rc_lock);
	if (rc->rc_datagram != NULL)
		kmem_free(rc->rc_datagram, RPC_DATAGRAM);
	kmem_free(rc, sizeof(*rc));
}

void
rpc_conn_kill(struct rpc_conn *rc)
{
	struct socket *so;

	mutex_enter(&rc->rc_lock);
	rc->rc_dead = true;
	so = rc->rc_so != NULL ? rc->rc_so : rc->rc_connecting;
	if (so != NULL)
		soref(so);
	cv_broadcast(&rc->rc_pausecv);
	mutex_exit(&rc->rc_lock);
	/* Wakes a receiver that sleeps in it. */
	if (so != NULL) {
		(void)soshutdown(so, SHUT_RDWR);
		sounref(so);
	}
	rpc_wait_dead(rc);
}

void
rpc_conn_settle(
    struct rpc_conn *rc, enum rpc_patience patience, size_t maxrecord)
{
	rc->rc_params.rp_patience = patience;
	rc->rc_params.rp_maxrecord = maxrecord;
	rc->rc_rx.rx_record.rr_max = maxrecord;
}

struct rpc_call *
rpc_call_create(struct rpc_conn *rc, uint32_t proc, const struct rpc_auth *auth,
    size_t argsize, size_t headsize)
{
	size_t msgsize = RPC_CALL_HEADER + XDR_ROUND(argsize);
	size_t total = sizeof(struct rpc_call) + msgsize + headsize;
	struct rpc_call *ca = kmem_alloc(total, KM_SLEEP);
	struct rpc_auth named;

	memset(ca, 0, sizeof(*ca));
	ca->ca_allocated = total;
	ca->ca_proc = proc;
	atomic_init(&ca->ca_refcnt, 1);
	list_init(&ca->ca_hash);
	list_init(&ca->ca_all);
	list_init(&ca->ca_out);
	xdr_out_init(&ca->ca_msg, ca + 1, msgsize);
	ca->ca_head = (uint8_t *)(ca + 1) + msgsize;
	ca->ca_headsize = headsize;
	if (auth != NULL) {
		named = *auth;
		named.ra_machine = rc->rc_machine;
		auth = &named;
	}
	rpc_call_begin(&ca->ca_msg, 0, rc->rc_params.rp_prog,
	    rc->rc_params.rp_vers, proc, auth);
	return ca;
}

void
rpc_call_place(
    struct rpc_call *ca, rpc_locate_t *locate, struct rump_iovec *iov, int niov)
{
	KASSERT(niov > 0 && niov <= RPC_IOV_MAX);
	ca->ca_locate = locate;
	ca->ca_iov = iov;
	ca->ca_niov = niov;
	for (int i = 0; i < niov; i++)
		ca->ca_size += iov[i].iov_len;
}

void
rpc_call_attach(struct rpc_call *ca, const struct rump_iovec *iov, int niov)
{
	KASSERT(niov > 0 && niov <= RPC_DATA_MAX);
	ca->ca_data = iov;
	ca->ca_ndata = niov;
	for (int i = 0; i < niov; i++)
		ca->ca_datalen += iov[i].iov_len;
}

void
rpc_call_ref(struct rpc_call *ca)
{
	atomic_fetch_add_explicit(&ca->ca_refcnt, 1, memory_order_relaxed);
}

void
rpc_call_unref(struct rpc_call *ca)
{
	if (atomic_fetch_sub_explicit(
		&ca->ca_refcnt, 1, memory_order_acq_rel) == 1)
		kmem_free(ca, ca->ca_allocated);
}

/* Take ca off the lists; false if somebody else did. */
static bool
withdraw(struct rpc_conn *rc, struct rpc_call *ca) REQUIRES(rc->rc_lock)
{
	if (list_empty(&ca->ca_all))
		return false;
	rpc_send_mark(rc, ca, false);
	list_remove(&ca->ca_hash);
	list_remove(&ca->ca_all);
	list_remove(&ca->ca_out);
	return true;
}

/* Tell the owner; the connection's reference ends. */
static void
finish(struct rpc_conn *rc, struct rpc_call *ca, int error)
{
	ca->ca_error = error;
	if (ca->ca_done != NULL) {
		ca->ca_done(ca);
	} else {
		atomic_store_explicit(
		    &ca->ca_finished, 1, memory_order_release);
		rpc_call_unref(ca);
	}
	rpc_wait_ended(rc);
}

/* What the reply, which is in, comes to. */
static int
judge(struct rpc_call *ca)
{
	struct xdr_in xi;
	int error;

	xdr_in_init(&xi, ca->ca_head, ca->ca_headlen);
	error = rpc_reply_decode(&xi, &ca->ca_reply);
	ca->ca_answered = error == 0;
	if (error == 0)
		error = rpc_outcome_errno(ca->ca_reply.re_outcome);
	return error;
}

void
rpc_complete(struct rpc_conn *rc, struct rpc_call *ca, int error)
{
	bool over;

	mutex_enter(&rc->rc_lock);
	if (rpc_send_uses(rc, ca)) {
		ca->ca_replied = true;
		ca->ca_receiving = false;
		ca->ca_reply_error = error;
		mutex_exit(&rc->rc_lock);
		return;
	}
	over = !withdraw(rc, ca);
	mutex_exit(&rc->rc_lock);
	if (over)
		return;
	if (error == 0)
		error = judge(ca);
	if (error == EBADRPC)
		KSTAT_ADD(&rpc_stats[RPC_STAT_BAD], 1);
	finish(rc, ca, error);
}

static void
choose_xid(struct rpc_conn *rc, struct rpc_call *ca) REQUIRES(rc->rc_lock)
{
	do
		ca->ca_xid = ++rc->rc_xid;
	while (find_locked(rc, ca->ca_xid) != NULL);
	rpc_call_number(&ca->ca_msg, ca->ca_xid);
}

/* Make ca outstanding; false: the connection is dead. */
static bool
enqueue(struct rpc_conn *rc, struct rpc_call *ca, int64_t now)
    REQUIRES(rc->rc_lock)
{
	if (rc->rc_dead)
		return false;
	choose_xid(rc, ca);
	list_insert_tail(bucket(rc, ca->ca_xid), &ca->ca_hash);
	list_insert_tail(&rc->rc_all, &ca->ca_all);
	rpc_wait_begin(rc, ca, now);
	return true;
}

/* Make ca outstanding and see to it that it is sent. */
static void
submit(struct rpc_conn *rc, struct rpc_call *ca)
{
	int error = rpc_call_end(&ca->ca_msg, XDR_ROUND(ca->ca_datalen));
	int64_t now = uptime_ns();
	bool alive, later;

	/* Sizes are given by our own callers. */
	KASSERT(error == 0);
	KSTAT_ADD(&rpc_stats[RPC_STAT_CALLS], 1);
	mutex_enter(&rc->rc_lock);
	alive = enqueue(rc, ca, now);
	/* A receiver that is awake sends before he sleeps. */
	later = rc->rc_receiving && !rc->rc_asleep;
	mutex_exit(&rc->rc_lock);
	if (!alive)
		finish(rc, ca, EIO);
	else if (!later)
		rpc_send_flush(rc);
}

bool
rpc_call_cancel(struct rpc_conn *rc, struct rpc_call *ca)
{
	bool mine;

	mutex_enter(&rc->rc_lock);
	/* A reply that is half here, with nobody to take the other half. */
	if (ca->ca_receiving && !rc->rc_receiving) {
		rpcrx_forget(&rc->rc_rx);
		ca->ca_receiving = false;
	}
	mine = !ca->ca_receiving && !rpc_send_uses(rc, ca) && withdraw(rc, ca);
	mutex_exit(&rc->rc_lock);
	if (mine)
		finish(rc, ca, ECANCELED);
	return mine;
}

void
rpc_call_start(struct rpc_conn *rc, struct rpc_call *ca,
    void (*done)(struct rpc_call *), void *arg)
{
	ca->ca_done = done;
	ca->ca_arg = arg;
	submit(rc, ca);
}

bool
rpc_call_retransmitted(const struct rpc_call *ca)
{
	return ca->ca_retransmitted;
}

void
rpc_call_start_later(struct rpc_conn *rc, struct rpc_call *ca,
    void (*done)(struct rpc_call *), void *arg, int64_t delay_ns)
{
	ca->ca_delay_ns = delay_ns;
	rpc_call_start(rc, ca, done, arg);
}

int
rpc_call_results(struct rpc_call *ca, struct xdr_in *results)
{
	struct rpc_reply again;
	struct xdr_in xi;

	if (ca->ca_error != 0)
		return ca->ca_error;
	xdr_in_init(&xi, ca->ca_head, ca->ca_headlen);
	(void)rpc_reply_decode(&xi, &again);
	*results = xi;
	return 0;
}

/* Nobody waits for ca any more.  True: it was never sent, and will not be. */
static bool
abandon(struct rpc_conn *rc, struct rpc_call *ca)
{
	bool unsent, never;

	mutex_enter(&rc->rc_lock);
	unsent = !list_empty(&ca->ca_out);
	never = unsent && !ca->ca_retransmitted;
	ca->ca_abandoned = true;
	mutex_exit(&rc->rc_lock);
	return unsent && rpc_call_cancel(rc, ca) && never;
}

int
rpc_call_run(struct rpc_conn *rc, struct rpc_call *ca, struct xdr_in *results)
{
	int error;

	KASSERT(ca->ca_ndata == 0);
	rpc_call_ref(ca);
	submit(rc, ca);
	error = rpc_wait(rc, &ca->ca_finished);
	if (error != 0) {
		(void)abandon(rc, ca);
		return error;
	}
	return rpc_call_results(ca, results);
}

int
rpc_call_run_once(
    struct rpc_conn *rc, struct rpc_call *ca, struct xdr_in *results)
{
	int error;

	KASSERT(ca->ca_ndata == 0);
	rpc_call_ref(ca);
	submit(rc, ca);
	error = rpc_wait(rc, &ca->ca_finished);
	if (error == ERESTART)
		error = rpc_wait_grace(rc, &ca->ca_finished);
	if (error != 0)
		return abandon(rc, ca) && error == EINTR ? ERESTART : error;
	return rpc_call_results(ca, results);
}
