/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Theory of operation.
 *
 * Threads that wait are on rc_waiters, each with the flag it waits for.  One of
 * them is the receiver: it connects, receives, ends calls and lets time-outs
 * expire, and each end wakes the threads whose flags are set.  When the
 * receiver's own flag is set, or a signal ends its wait, it hands the role to
 * the first thread that still waits.  Threads are woken when the receiver has
 * dealt with all that came at once, and without the lock, which each of them
 * wants first.  While nobody waits nothing moves, and
 * nothing needs to: the time in which replies were not looked at is not held
 * against the server.
 *
 * What did not fit into the socket is sent when the socket has room again.  The
 * receiver looks for that together with replies.  If it was asleep already when
 * the socket filled up, another thread that waits looks for room, so that a
 * server that wants the rest of one call before it answers another gets it;
 * replies are received all the while, so that a server whose replies nobody
 * takes cannot be what keeps it from reading.
 */
#include "kern/clock.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "kern/user.h"
#include "net/socketvar.h"
#include "nfs/pace.h"
#include "nfs/rpcconn.h"
#include "rump/rumphost.h"

#define SECOND INT64_C(1000000000)
/* Connections in a row that break off within a reply before we give up. */
#define TORN_MAX 3
/* From the network's complaint to the next try of a soft call. */
#define REFUSED_PAUSE (SECOND / 10)
/* How long a call that cannot be made twice goes on after a signal. */
#define GRACE (5 * SECOND)

struct waiter {
	struct list w_list;  /* c */
	_Atomic int *w_flag; /* i */
	struct lwp *w_lwp;   /* i */
	_Atomic uint32_t w_woken;
	bool w_receiver;    /* c: has the role */
	int64_t w_until_ns; /* i: 0: waits for ever */
};

#define BATCH 16 /* threads woken at a time */

static bool
is_set(_Atomic int *flag)
{
	return atomic_load_explicit(flag, memory_order_acquire) != 0;
}

/*
 * Mark up to BATCH threads whose flags are set; their park words.  Who is awake
 * himself needs no waking.
 */
static size_t
mark_finished(struct rpc_conn *rc, _Atomic uint32_t *words[BATCH])
    REQUIRES(rc->rc_lock)
{
	struct list *n;
	size_t marked = 0;

	LIST_FOREACH (n, &rc->rc_waiters) {
		struct waiter *w = LIST_ENTRY(n, struct waiter, w_list);

		if (w->w_lwp == curlwp || !is_set(w->w_flag) ||
		    atomic_load_explicit(&w->w_woken, memory_order_relaxed) !=
			0)
			continue;
		words[marked++] = lwp_mark(w->w_lwp, &w->w_woken);
		if (marked == BATCH)
			break;
	}
	return marked;
}

void
rpc_wait_wake(struct rpc_conn *rc)
{
	_Atomic uint32_t *words[BATCH];
	size_t n;

	do {
		mutex_enter(&rc->rc_lock);
		n = mark_finished(rc, words);
		mutex_exit(&rc->rc_lock);
		for (size_t i = 0; i < n; i++)
			rumpcomp_kern_unpark(words[i], 1);
	} while (n == BATCH);
}

void
rpc_wait_ended(struct rpc_conn *rc)
{
	if (atomic_load_explicit(&rc->rc_receiver, memory_order_relaxed) ==
	    curlwp)
		rc->rc_ended = true;
	else
		rpc_wait_wake(rc);
}

/* Time-outs. */

int64_t
rpc_wait_deadline(
    const struct rpc_conn *rc, const struct rpc_call *ca, int64_t now)
{
	const struct rpc_params *rp = &rc->rc_params;
	int64_t until =
	    now + rpctimer_timeout(&rc->rc_timer, ca->ca_proc, ca->ca_tries);

	if (rp->rp_patience == RPC_ONCE && rp->rp_deadline_ns != 0)
		until = MIN(until, rp->rp_deadline_ns);
	return until;
}

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

void
rpc_wait_begin(struct rpc_conn *rc, struct rpc_call *ca, int64_t now)
{
	ca->ca_held = ca->ca_delay_ns != 0;
	if (ca->ca_held) {
		ca->ca_deadline_ns = now + ca->ca_delay_ns;
		return;
	}
	list_insert_tail(&rc->rc_out, &ca->ca_out);
	ca->ca_deadline_ns = rpc_wait_deadline(rc, ca, now);
}

void
rpc_wait_repeat(struct rpc_conn *rc, struct rpc_call *ca)
{
	ca->ca_held = false;
	if (ca->ca_sent) {
		KSTAT_ADD(&rpc_stats[RPC_STAT_RETRANSMITS], 1);
		ca->ca_retransmitted = true;
	}
	rpc_send_mark(rc, ca, false);
	list_remove(&ca->ca_out);
	list_insert_tail(&rc->rc_out, &ca->ca_out);
}

/* Does ca get another try after ca_tries time-outs? */
static bool
has_patience(const struct rpc_conn *rc, const struct rpc_call *ca, int64_t now)
{
	const struct rpc_params *rp = &rc->rc_params;

	if (ca->ca_abandoned)
		return false;
	switch (rp->rp_patience) {
	case RPC_HARD:
		if (nfspace_is_patient())
			return true;
		break;
	case RPC_ONCE:
		/* TCP has repeated it already. */
		if (!rp->rp_udp)
			return false;
		if (rp->rp_deadline_ns != 0)
			return now < rp->rp_deadline_ns;
		break;
	case RPC_SOFT:
		break;
	}
	return ca->ca_tries <= rp->rp_retrans;
}

/* True when ca, whose time is over, gets another try. */
static bool
try_again(struct rpc_conn *rc, struct rpc_call *ca, int64_t now)
    REQUIRES(rc->rc_lock)
{
	const struct rpc_params *rp = &rc->rc_params;

	ca->ca_tries++;
	rpctimer_lost(&rc->rc_timer);
	if (!has_patience(rc, ca, now))
		return false;
	ca->ca_deadline_ns = rpc_wait_deadline(rc, ca, now);
	/* A connection that has swallowed all this is not to be trusted. */
	if (!rp->rp_udp && ca->ca_tries > rp->rp_retrans)
		rc->rc_broken = true;
	if (ca->ca_sent && !ca->ca_receiving && !rc->rc_broken)
		rpc_wait_repeat(rc, ca);
	return true;
}

/* The time of ca, which is referenced, is over for good. */
static void
give_up(struct rpc_conn *rc, struct rpc_call *ca)
{
	int error = ETIMEDOUT;
	bool used;

	mutex_enter(&rc->rc_lock);
	if (rc->rc_refused != 0)
		error = rc->rc_refused;
	/* Nor does anybody want to wait as long for the next call. */
	if (rc->rc_params.rp_patience == RPC_HARD && !ca->ca_abandoned)
		rc->rc_dead = true;
	used = rpc_send_uses(rc, ca);
	mutex_exit(&rc->rc_lock);
	if (rc->rc_rx.rx_call == ca)
		rpcrx_forget(&rc->rc_rx);
	/* Its data cannot be waited for any longer. */
	if (used)
		rpc_conn_drop(rc);
	rpc_complete(rc, ca, error);
	rpc_call_unref(ca);
}

static void
expire(struct rpc_conn *rc)
{
	int64_t now = uptime_ns();
	struct rpc_call *ca;
	bool again = true, late = false;

	mutex_enter(&rc->rc_lock);
	while ((ca = first_expired(rc, now)) != NULL) {
		if (ca->ca_held) {
			rpc_wait_repeat(rc, ca);
			ca->ca_deadline_ns = rpc_wait_deadline(rc, ca, now);
			continue;
		}
		KSTAT_ADD(&rpc_stats[RPC_STAT_TIMEOUTS], 1);
		again = try_again(rc, ca, now);
		late = late || ca->ca_tries > rc->rc_params.rp_retrans;
		if (!again) {
			rpc_call_ref(ca);
			break;
		}
	}
	mutex_exit(&rc->rc_lock);
	if (late)
		rpc_conn_report_down(rc);
	if (!again)
		give_up(rc, ca);
	rpc_send_flush(rc);
}

/*
 * Nobody has looked at replies since some time: what is outstanding gets its
 * time once more.
 */
static void
attend(struct rpc_conn *rc) REQUIRES(rc->rc_lock)
{
	int64_t since = rc->rc_unattended_ns, now;
	struct list *n;

	rc->rc_unattended_ns = 0;
	if (since == 0 || list_empty(&rc->rc_all))
		return;
	now = uptime_ns();
	if (now - since < SECOND)
		return;
	LIST_FOREACH (n, &rc->rc_all) {
		struct rpc_call *ca = LIST_ENTRY(n, struct rpc_call, ca_all);

		if (!ca->ca_held)
			ca->ca_deadline_ns = rpc_wait_deadline(rc, ca, now);
	}
}

/* What follows is done by the receiver. */

/*
 * The network says that the server cannot be reached.  A soft call takes that
 * for a time-out that comes soon; a hard one knows better.
 */
static void
note_refusal(struct rpc_conn *rc)
{
	bool soft = rc->rc_params.rp_patience == RPC_SOFT, anew;
	int64_t now = uptime_ns();
	struct list *n;
	int error;

	mutex_enter(&rc->rc_lock);
	anew = rc->rc_refused_anew;
	error = rc->rc_refused;
	rc->rc_refused_anew = false;
	LIST_FOREACH (n, &rc->rc_all) {
		struct rpc_call *ca = LIST_ENTRY(n, struct rpc_call, ca_all);
		int64_t pause = REFUSED_PAUSE << MIN(ca->ca_tries, 8u);

		if (anew && soft && ca->ca_sent)
			ca->ca_deadline_ns =
			    MIN(ca->ca_deadline_ns, now + pause);
	}
	mutex_exit(&rc->rc_lock);
	if (anew && rc->rc_params.rp_patience == RPC_ONCE)
		rpc_fail_all(rc, error);
}

/*
 * The connection could not be made, or was lost.  That is an error only for the
 * impatient, and when the server has sent nothing that makes sense over several
 * connections.
 */
static void
connection_failed(struct rpc_conn *rc, int error)
{
	enum rpc_patience patience = rc->rc_params.rp_patience;

	if (patience == RPC_ONCE)
		rpc_fail_all(rc, error);
	else if (rc->rc_torn >= TORN_MAX && error == EBADRPC)
		rpc_fail_all(rc, EBADRPC);
	else if (rc->rc_torn >= TORN_MAX && patience == RPC_SOFT)
		rpc_fail_all(rc, EIO);
}

static bool
is_dead(struct rpc_conn *rc)
{
	bool dead;

	mutex_enter(&rc->rc_lock);
	dead = rc->rc_dead;
	mutex_exit(&rc->rc_lock);
	return dead;
}

/* Connect, or receive. */
static int
converse(struct rpc_conn *rc, int64_t deadline_ns)
{
	int error;

	if (rc->rc_so == NULL) {
		error = rpc_conn_connect(rc, deadline_ns);
	} else {
		error = rpc_conn_receive(rc, deadline_ns);
		if (error != 0 && error != EWOULDBLOCK && error != ERESTART)
			rpc_conn_drop(rc);
	}
	if (error == 0 || error == EWOULDBLOCK) {
		rpc_send_flush(rc);
		return 0;
	}
	if (error == ERESTART)
		return ERESTART;
	connection_failed(rc, error);
	return 0;
}

/* One step of the receiver, until_ns at the latest (0: whenever).  0, ERESTART,
 * or EIO from a dead connection. */
static int
receive_step(struct rpc_conn *rc, int64_t until_ns)
{
	int64_t deadline_ns = next_deadline(rc);

	if (is_dead(rc)) {
		rpc_fail_all(rc, EIO);
		return EIO;
	}
	/* A server that never stops talking must not hold us. */
	if (lwp_interrupted(curlwp))
		return ERESTART;
	if (deadline_ns != 0 && uptime_ns() >= deadline_ns) {
		expire(rc);
		return 0;
	}
	if (rc->rc_params.rp_udp)
		note_refusal(rc);
	if (until_ns != 0 && (deadline_ns == 0 || until_ns < deadline_ns))
		deadline_ns = until_ns;
	return converse(rc, deadline_ns);
}

static void
become_receiver(struct rpc_conn *rc) REQUIRES(rc->rc_lock)
{
	rc->rc_receiving = true;
	atomic_store_explicit(&rc->rc_receiver, curlwp, memory_order_relaxed);
}

/*
 * Somebody who still waits becomes the receiver; returns the park word to be
 * woken without the lock, or NULL.
 */
static _Atomic uint32_t *
hand_on(struct rpc_conn *rc) REQUIRES(rc->rc_lock)
{
	struct list *n;

	atomic_store_explicit(&rc->rc_receiver, NULL, memory_order_relaxed);
	LIST_FOREACH (n, &rc->rc_waiters) {
		struct waiter *w = LIST_ENTRY(n, struct waiter, w_list);

		if (!is_set(w->w_flag)) {
			w->w_receiver = true;
			return lwp_mark(w->w_lwp, &w->w_woken);
		}
	}
	rc->rc_receiving = false;
	rc->rc_unattended_ns = uptime_ns();
	return NULL;
}

void
rpc_wait_dead(struct rpc_conn *rc)
{
	_Atomic uint32_t *word;

	mutex_enter(&rc->rc_lock);
	if (rc->rc_receiving) {
		mutex_exit(&rc->rc_lock);
		return;
	}
	rc->rc_receiving = true;
	mutex_exit(&rc->rc_lock);
	rpc_fail_all(rc, EIO);
	mutex_enter(&rc->rc_lock);
	word = hand_on(rc);
	mutex_exit(&rc->rc_lock);
	if (word != NULL)
		rumpcomp_kern_unpark(word, 1);
}

/* The threads that wait. */

/* Wait for room in the socket on behalf of all, and use it. */
static int
push_step(struct rpc_conn *rc) REQUIRES(rc->rc_lock)
{
	struct socket *so = rc->rc_so;
	int error;

	rc->rc_pushing = true;
	soref(so);
	mutex_exit(&rc->rc_lock);
	error = sowait(so, POLLOUT, uptime_ns() + RPC_LOOK_UP);
	if (error == 0)
		rpc_send_flush(rc);
	sounref(so);
	mutex_enter(&rc->rc_lock);
	rc->rc_pushing = false;
	return error == ERESTART ? ERESTART : 0;
}

/* As long as somebody else receives. */
static int
wait_step(struct rpc_conn *rc, struct waiter *w) REQUIRES(rc->rc_lock)
{
	int error;

	/* A receiver that is awake sends before he sleeps. */
	if (rc->rc_asleep && !rc->rc_looking && !rc->rc_pushing &&
	    rpc_send_pending(rc))
		return push_step(rc);
	atomic_store_explicit(&w->w_woken, 0, memory_order_relaxed);
	mutex_exit(&rc->rc_lock);
	error = lwp_park(w->w_lwp, &w->w_woken, w->w_until_ns, true);
	mutex_enter(&rc->rc_lock);
	return error;
}

static int
wait_for(struct rpc_conn *rc, struct waiter *w) REQUIRES(rc->rc_lock)
{
	int error = 0;

	while (error == 0 && !is_set(w->w_flag)) {
		if (w->w_until_ns != 0 && uptime_ns() >= w->w_until_ns)
			return EWOULDBLOCK;
		if (!w->w_receiver && rc->rc_receiving) {
			error = wait_step(rc, w);
			continue;
		}
		if (!rc->rc_receiving)
			attend(rc);
		w->w_receiver = true;
		become_receiver(rc);
		mutex_exit(&rc->rc_lock);
		error = receive_step(rc, w->w_until_ns);
		if (rc->rc_ended) {
			rc->rc_ended = false;
			rpc_wait_wake(rc);
		}
		mutex_enter(&rc->rc_lock);
	}
	return error;
}

static int
wait_until(struct rpc_conn *rc, _Atomic int *flag, int64_t until_ns)
{
	struct waiter w = {
		.w_flag = flag, .w_lwp = curlwp, .w_until_ns = until_ns
	};
	_Atomic uint32_t *word = NULL;
	int error;

	if (is_set(flag))
		return 0;
	mutex_enter(&rc->rc_lock);
	list_insert_tail(&rc->rc_waiters, &w.w_list);
	error = wait_for(rc, &w);
	list_remove(&w.w_list);
	if (w.w_receiver)
		word = hand_on(rc);
	mutex_exit(&rc->rc_lock);
	if (word != NULL)
		rumpcomp_kern_unpark(word, 1);
	else if (w.w_receiver)
		rpc_send_flush(rc); /* what others have left to us */
	return is_set(flag) ? 0 : error;
}

int
rpc_wait(struct rpc_conn *rc, _Atomic int *flag)
{
	return wait_until(rc, flag, 0);
}

int
rpc_wait_grace(struct rpc_conn *rc, _Atomic int *flag)
{
	int error;

	/* No other signal comes before this one has been dealt with. */
	rump_interrupt_clear();
	error = wait_until(rc, flag, uptime_ns() + GRACE);
	rump_interrupt();
	return error == EWOULDBLOCK ? EINTR : error;
}
