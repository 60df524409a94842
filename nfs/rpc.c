/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Theory of operation.
 *
 * A call is outstanding from rpc_call_start() or rpc_call_run() until
 * rpc_complete(): on rc_all, in rc_hash, with a reference of the connection's.
 * Threads that wait are on rc_waiters, each with the flag it waits for.  One of
 * them is the receiver: it connects, receives, ends calls and lets time-outs
 * expire, and each end wakes the threads whose flags are set.  When the
 * receiver's own flag is set, or a signal ends its wait, it hands the role to
 * the first thread that still waits.  While nobody waits nothing moves, and
 * nothing needs to.
 *
 * A call whose owner was interrupted stays outstanding, since its reply will
 * come and its memory must be there; it is not sent again.
 */
#include "nfs/rpc.h"

#include "kern/clock.h"
#include "kern/condvar.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "nfs/rpcconn.h"
#include "rump/rumpuser.h"

#define TIMEOUT_MAX (600 * INT64_C(1000000000))
/* Connections in a row that break off within a reply before we give up. */
#define TORN_MAX 3

struct waiter {
	struct list w_list;  /* c */
	_Atomic int *w_flag; /* i */
	kcondvar_t w_cv;
};

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
	if (ca != NULL)
		ca->ca_receiving = true;
	mutex_exit(&rc->rc_lock);
	if (ca == NULL)
		KSTAT_ADD(&rpc_stats[RPC_STAT_UNKNOWN], 1);
	return ca;
}

static void
rx_complete(void *arg, struct rpc_call *ca, int error)
{
	struct rpc_conn *rc = arg;

	/* The server speaks: the next failure is the first again. */
	rc->rc_backoff_ns = RPC_BACKOFF_MIN;
	rc->rc_retry_ns = 0;
	rc->rc_torn = 0;
	if (rc->rc_down) {
		rc->rc_down = false;
		kprintf("nfs: server %s is back\n", rc->rc_params.rp_name);
	}
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
	rc->rc_backoff_ns = RPC_BACKOFF_MIN;
	return rc;
}

/* The oldest outstanding call, or NULL. */
static struct rpc_call *
oldest(struct rpc_conn *rc)
{
	struct rpc_call *ca = NULL;

	mutex_enter(&rc->rc_lock);
	if (!list_empty(&rc->rc_all))
		ca = LIST_ENTRY(rc->rc_all.next, struct rpc_call, ca_all);
	mutex_exit(&rc->rc_lock);
	return ca;
}

static void
fail_all(struct rpc_conn *rc, int error)
{
	struct rpc_call *ca;

	while ((ca = oldest(rc)) != NULL)
		rpc_complete(rc, ca, error);
}

void
rpc_conn_destroy(struct rpc_conn *rc)
{
	if (rc == NULL)
		return;
	KASSERT(list_empty(&rc->rc_waiters));
	rpc_conn_drop(rc);
	fail_all(rc, EIO);
	cv_destroy(&rc->rc_pausecv);
	cv_destroy(&rc->rc_sendcv);
	mutex_destroy(&rc->rc_lock);
	kmem_free(rc, sizeof(*rc));
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
	mutex_enter(&rc->rc_lock);
	do
		ca->ca_xid = ++rc->rc_xid;
	while (find_locked(rc, ca->ca_xid) != NULL);
	mutex_exit(&rc->rc_lock);
	rpc_call_begin(&ca->ca_msg, ca->ca_xid, rc->rc_params.rp_prog,
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

/* The end of the next try, which begins now. */
static int64_t
next_timeout(const struct rpc_conn *rc, const struct rpc_call *ca, int64_t now)
{
	const struct rpc_params *rp = &rc->rc_params;
	int64_t until =
	    now + MIN(rp->rp_timeo_ns * (ca->ca_tries + 1), TIMEOUT_MAX);

	if (rp->rp_patience == RPC_ONCE && rp->rp_deadline_ns != 0)
		until = MIN(until, rp->rp_deadline_ns);
	return until;
}

/* Make ca outstanding and send it if we can. */
static void
submit(struct rpc_conn *rc, struct rpc_call *ca)
{
	int error = rpc_call_end(&ca->ca_msg);

	/* Sizes are given by our own callers. */
	KASSERT(error == 0);
	KSTAT_ADD(&rpc_stats[RPC_STAT_CALLS], 1);
	mutex_enter(&rc->rc_lock);
	list_insert_tail(bucket(rc, ca->ca_xid), &ca->ca_hash);
	list_insert_tail(&rc->rc_all, &ca->ca_all);
	list_insert_tail(&rc->rc_out, &ca->ca_out);
	ca->ca_deadline_ns = next_timeout(rc, ca, uptime_ns());
	mutex_exit(&rc->rc_lock);
	rpc_conn_flush(rc);
}

/* Wake every thread whose flag is set. */
static void
wake_finished(struct rpc_conn *rc)
{
	struct list *n;

	mutex_enter(&rc->rc_lock);
	LIST_FOREACH (n, &rc->rc_waiters) {
		struct waiter *w = LIST_ENTRY(n, struct waiter, w_list);

		if (atomic_load_explicit(w->w_flag, memory_order_acquire) != 0)
			cv_signal(&w->w_cv);
	}
	mutex_exit(&rc->rc_lock);
}

/* Take ca off the lists; false if somebody else did. */
static bool
withdraw(struct rpc_conn *rc, struct rpc_call *ca) REQUIRES(rc->rc_lock)
{
	if (list_empty(&ca->ca_all))
		return false;
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
	wake_finished(rc);
}

void
rpc_complete(struct rpc_conn *rc, struct rpc_call *ca, int error)
{
	struct xdr_in xi;
	bool outstanding;

	mutex_enter(&rc->rc_lock);
	outstanding = withdraw(rc, ca);
	mutex_exit(&rc->rc_lock);
	if (!outstanding)
		return;
	if (error == 0) {
		xdr_in_init(&xi, ca->ca_head, ca->ca_headlen);
		error = rpc_reply_decode(&xi, &ca->ca_reply);
		ca->ca_answered = error == 0;
		if (error == 0)
			error = rpc_outcome_errno(ca->ca_reply.re_outcome);
	}
	if (error == EBADRPC)
		KSTAT_ADD(&rpc_stats[RPC_STAT_BAD], 1);
	finish(rc, ca, error);
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
	mine = !ca->ca_receiving && withdraw(rc, ca);
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

/* Nobody waits for ca any more. */
static void
abandon(struct rpc_conn *rc, struct rpc_call *ca)
{
	bool unsent;

	mutex_enter(&rc->rc_lock);
	unsent = !list_empty(&ca->ca_out);
	ca->ca_abandoned = true;
	mutex_exit(&rc->rc_lock);
	if (unsent)
		(void)rpc_call_cancel(rc, ca);
}

int
rpc_call_run(struct rpc_conn *rc, struct rpc_call *ca, struct xdr_in *results)
{
	int error;

	rpc_call_ref(ca);
	submit(rc, ca);
	error = rpc_wait(rc, &ca->ca_finished);
	if (error != 0) {
		abandon(rc, ca);
		return error;
	}
	return rpc_call_results(ca, results);
}

/* What follows is done by the receiver. */

/* When the first time-out expires; 0: nothing is outstanding. */
static int64_t
next_deadline(struct rpc_conn *rc)
{
	int64_t first = 0;
	struct list *n;

	mutex_enter(&rc->rc_lock);
	LIST_FOREACH (n, &rc->rc_all) {
		struct rpc_call *ca = LIST_ENTRY(n, struct rpc_call, ca_all);

		if (first == 0 || ca->ca_deadline_ns < first)
			first = ca->ca_deadline_ns;
	}
	mutex_exit(&rc->rc_lock);
	return first;
}

static struct rpc_call *
first_expired(struct rpc_conn *rc, int64_t now) REQUIRES(rc->rc_lock)
{
	struct list *n;

	LIST_FOREACH (n, &rc->rc_all) {
		struct rpc_call *ca = LIST_ENTRY(n, struct rpc_call, ca_all);

		if (ca->ca_deadline_ns <= now)
			return ca;
	}
	return NULL;
}

/* True when ca, whose time is over, gets another try. */
static bool
try_again(struct rpc_conn *rc, struct rpc_call *ca, int64_t now)
    REQUIRES(rc->rc_lock)
{
	const struct rpc_params *rp = &rc->rc_params;

	ca->ca_tries++;
	if (ca->ca_abandoned || rp->rp_patience == RPC_ONCE ||
	    (rp->rp_patience == RPC_SOFT && ca->ca_tries > rp->rp_retrans))
		return false;
	ca->ca_deadline_ns = next_timeout(rc, ca, now);
	/* A connection that has swallowed all this is not to be trusted. */
	if (ca->ca_tries > rp->rp_retrans)
		rc->rc_broken = true;
	if (ca->ca_sent && !ca->ca_receiving && !rc->rc_broken) {
		KSTAT_ADD(&rpc_stats[RPC_STAT_RETRANSMITS], 1);
		ca->ca_sent = false;
		list_insert_tail(&rc->rc_out, &ca->ca_out);
	}
	return true;
}

static void
expire(struct rpc_conn *rc)
{
	int64_t now = uptime_ns();
	struct rpc_call *ca;
	bool again = true, late = false;

	mutex_enter(&rc->rc_lock);
	while ((ca = first_expired(rc, now)) != NULL) {
		KSTAT_ADD(&rpc_stats[RPC_STAT_TIMEOUTS], 1);
		again = try_again(rc, ca, now);
		late = late || ca->ca_tries > rc->rc_params.rp_retrans;
		if (!again)
			break;
	}
	mutex_exit(&rc->rc_lock);
	if (late)
		rpc_conn_report_down(rc);
	if (!again) {
		if (rc->rc_rx.rx_call == ca)
			rpcrx_forget(&rc->rc_rx);
		rpc_complete(rc, ca, ETIMEDOUT);
	}
	rpc_conn_flush(rc);
}

/* The connection could not be made, or was lost. */
static void
connection_failed(struct rpc_conn *rc, int error)
{
	if (rc->rc_params.rp_patience == RPC_ONCE)
		fail_all(rc, error);
	else if (error == EBADRPC)
		fail_all(rc, EBADRPC);
	else if (rc->rc_torn >= TORN_MAX)
		fail_all(rc, EIO);
}

/* One step of the receiver.  0 or ERESTART. */
static int
receive_step(struct rpc_conn *rc)
{
	int64_t deadline_ns = next_deadline(rc);
	int error;

	/* A server that never stops talking must not hold us. */
	if (lwp_interrupted(curlwp))
		return ERESTART;
	if (deadline_ns != 0 && uptime_ns() >= deadline_ns) {
		expire(rc);
		return 0;
	}
	if (rc->rc_so == NULL) {
		error = rpc_conn_connect(rc, deadline_ns);
		if (error == 0)
			rpc_conn_flush(rc);
	} else {
		error = rpc_conn_receive(rc, deadline_ns);
		if (error != 0 && error != EWOULDBLOCK && error != ERESTART)
			rpc_conn_drop(rc);
	}
	if (error == 0 || error == EWOULDBLOCK)
		return 0;
	if (error == ERESTART)
		return ERESTART;
	connection_failed(rc, error);
	return 0;
}

/* Somebody who still waits becomes the receiver. */
static void
hand_on(struct rpc_conn *rc) REQUIRES(rc->rc_lock)
{
	struct list *n;

	rc->rc_receiving = false;
	LIST_FOREACH (n, &rc->rc_waiters) {
		struct waiter *w = LIST_ENTRY(n, struct waiter, w_list);

		if (atomic_load_explicit(w->w_flag, memory_order_acquire) ==
		    0) {
			cv_signal(&w->w_cv);
			return;
		}
	}
}

static int
wait_for(struct rpc_conn *rc, struct waiter *w) REQUIRES(rc->rc_lock)
{
	bool receiving = false;
	int error = 0;

	while (error == 0 &&
	       atomic_load_explicit(w->w_flag, memory_order_acquire) == 0) {
		if (!receiving && rc->rc_receiving) {
			error = cv_wait_sig(&w->w_cv, &rc->rc_lock);
			continue;
		}
		receiving = rc->rc_receiving = true;
		mutex_exit(&rc->rc_lock);
		error = receive_step(rc);
		mutex_enter(&rc->rc_lock);
	}
	list_remove(&w->w_list);
	/* A thread that was woken for the role and leaves passes it on. */
	if (receiving || !rc->rc_receiving)
		hand_on(rc);
	return error;
}

int
rpc_wait(struct rpc_conn *rc, _Atomic int *flag)
{
	struct waiter w = { .w_flag = flag };
	int error;

	if (atomic_load_explicit(flag, memory_order_acquire) != 0)
		return 0;
	cv_init(&w.w_cv, "nfsreply");
	mutex_enter(&rc->rc_lock);
	list_insert_tail(&rc->rc_waiters, &w.w_list);
	error = wait_for(rc, &w);
	mutex_exit(&rc->rc_lock);
	cv_destroy(&w.w_cv);
	if (atomic_load_explicit(flag, memory_order_acquire) != 0)
		return 0;
	return error;
}
