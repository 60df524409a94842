/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets: life, names, connections.
 *
 * so_lock protects what is marked s: and is not held when a protocol is called.
 * SS_ISCONNECTED, SS_ISCONNECTING and SS_LISTENING are hints for a direct
 * protocol, whose own end knows better, and the truth for a buffered one.
 */
#include "net/socketvar.h"

#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "net/domain.h"
#include "net/netstat.h"
#include "net/sockbuf.h"
#include "net/solist.h"

struct socket *
soalloc(const struct protosw *pr, kauth_cred_t cred)
{
	struct socket *so;

	so = kmem_zalloc(sizeof(*so), KM_SLEEP);
	so->so_proto = pr;
	so->so_type = pr->pr_type;
	mutex_init(&so->so_lock, "socket");
	cv_init(&so->so_cv, "socket");
	sb_init(&so->so_snd);
	sb_init(&so->so_rcv);
	kauth_cred_hold(cred);
	so->so_cred = cred;
	atomic_init(&so->so_refcnt, 1);
	return so;
}

/* Free a socket that has no protocol state. */
static void
sofree(struct socket *so)
{
	sb_fini(&so->so_snd);
	sb_fini(&so->so_rcv);
	cv_destroy(&so->so_cv);
	mutex_destroy(&so->so_lock);
	kauth_cred_free(so->so_cred);
	kmem_free(so, sizeof(*so));
}

void
soref(struct socket *so)
{
	atomic_fetch_add_explicit(&so->so_refcnt, 1, memory_order_relaxed);
}

void
sounref(struct socket *so)
{
	if (atomic_fetch_sub_explicit(
		&so->so_refcnt, 1, memory_order_acq_rel) != 1)
		return;
	netstat_closing(so);
	solist_remove(so);
	if (so->so_pcb != NULL && so->so_proto->pr_detach != NULL)
		so->so_proto->pr_detach(so);
	sofree(so);
}

int
sotakeerror(struct socket *so)
{
	if (PREDICT_TRUE(
		atomic_load_explicit(&so->so_error, memory_order_relaxed) == 0))
		return 0;
	return atomic_exchange_explicit(&so->so_error, 0, memory_order_relaxed);
}

/* With a host socket of the protocol's own, or with one that is there. */
static int
attach(struct socket *so, int proto, const int *hostfd)
{
	const struct protosw *pr = so->so_proto;

	if (hostfd != NULL)
		return pr->pr_adopt != NULL ? pr->pr_adopt(so, proto, *hostfd)
					    : EOPNOTSUPP;
	return pr->pr_attach != NULL ? pr->pr_attach(so, proto)
				     : EPROTONOSUPPORT;
}

static int
create(int family, struct socket **sop, int type, int proto, kauth_cred_t cred,
    uint32_t state, const int *hostfd)
{
	const struct protosw *pr;
	struct socket *so;
	int error;

	error = domain_lookup(family, type, proto, &pr);
	if (error != 0)
		return error;
	so = soalloc(pr, cred);
	so->so_state = state;
	error = attach(so, proto, hostfd);
	if (error != 0)
		goto fail_free;
	solist_add(so);
	*sop = so;
	return 0;

fail_free:
	sofree(so);
	return error;
}

int
socreate(
    int family, struct socket **sop, int type, int proto, kauth_cred_t cred)
{
	return create(family, sop, type, proto, cred, 0, NULL);
}

static int
create_file(int family, struct socket **sop, int type, int proto,
    kauth_cred_t cred, const int *hostfd)
{
	return create(family, sop, (int)(type & ~SOCK_FLAGS_MASK), proto, cred,
	    SS_FILE | ((type & SOCK_NONBLOCK) != 0 ? SS_NBIO : 0), hostfd);
}

int
socreate_file(
    int family, struct socket **sop, int type, int proto, kauth_cred_t cred)
{
	return create_file(family, sop, type, proto, cred, NULL);
}

int
soadopt_file(int family, struct socket **sop, int type, int proto,
    kauth_cred_t cred, int hostfd)
{
	return create_file(family, sop, type, proto, cred, &hostfd);
}

void
soclose(struct socket *so)
{
	/*
	 * Somebody else sleeps in the socket: make the sleep end.  Otherwise
	 * the protocol's detach does all, lingering included.
	 */
	if (atomic_load_explicit(&so->so_refcnt, memory_order_acquire) > 1)
		soshutdown(so, SHUT_RDWR);
	sounref(so);
}

int
sobind(struct socket *so, const struct rump_sockaddr *sa)
{
	if (so->so_proto->pr_bind == NULL)
		return EOPNOTSUPP;
	return so->so_proto->pr_bind(so, sa);
}

static void
state_change(struct socket *so, uint32_t clear, uint32_t set)
{
	mutex_enter(&so->so_lock);
	so->so_state &= ~clear;
	so->so_state |= set;
	mutex_exit(&so->so_lock);
}

int
solisten(struct socket *so, int backlog)
{
	int error;

	if (so->so_proto->pr_listen == NULL)
		return EOPNOTSUPP;
	error = so->so_proto->pr_listen(so, backlog);
	if (error == 0)
		state_change(so, 0, SS_LISTENING);
	return error;
}

/* The outcome of a connection attempt that pr_wait says is over. */
static int
connect_result(struct socket *so)
{
	size_t len;
	int error, value;

	len = sizeof(value);
	error = sogetopt(so, SOL_SOCKET, SO_ERROR, &value, &len);
	if (error == 0)
		error = value;
	if (error == 0)
		state_change(so, SS_ISCONNECTING, SS_ISCONNECTED);
	else
		state_change(so, SS_ISCONNECTING, 0);
	return error;
}

static int
connect_wait(struct socket *so, int64_t deadline_ns)
{
	int error;

	soref(so);
	error = sowait(so, POLLOUT, deadline_ns);
	if (error == 0)
		error = connect_result(so);
	else if (error == EWOULDBLOCK)
		error = ETIMEDOUT;
	sounref(so);
	return error;
}

/* The protocol has taken the address sa, or AF_UNSPEC, which lets go. */
static int
connect_done(struct socket *so, const struct rump_sockaddr *sa, bool again)
{
	if (sa->sa_family == AF_UNSPEC) {
		state_change(so, SS_ISCONNECTING | SS_ISCONNECTED, 0);
		return 0;
	}
	netstat_connected(so, sa);
	state_change(so, SS_ISCONNECTING, SS_ISCONNECTED);
	/* A host takes note of a connection only when it is asked after it
	 * once more, and then calls that a success. */
	return again && so->so_type == SOCK_STREAM ? EISCONN : 0;
}

int
soconnect(
    struct socket *so, const struct rump_sockaddr *sa, int64_t deadline_ns)
{
	bool again;
	int error;

	if (so->so_proto->pr_connect == NULL)
		return EOPNOTSUPP;
	again = (so->so_state & SS_ISCONNECTED) != 0;
	error = so->so_proto->pr_connect(so, sa);
	if (error == 0)
		return connect_done(so, sa, again);
	if (error != EINPROGRESS && error != EALREADY) {
		state_change(so, SS_ISCONNECTING, 0);
		return error;
	}
	state_change(
	    so, error == EINPROGRESS ? SS_ISCONNECTED : 0, SS_ISCONNECTING);
	netstat_connected(so, sa);
	if (deadline_ns == SO_DEADLINE_NOW ||
	    (so->so_state & (SS_NBIO | SS_FILE)) != 0)
		return error;
	return connect_wait(so, deadline_ns);
}

int
soconnect2(struct socket *so, struct socket *so2)
{
	if (so->so_proto->pr_connect2 == NULL)
		return EOPNOTSUPP;
	return so->so_proto->pr_connect2(so, so2);
}

static int
accept_wait(struct socket *so, struct socket *newso,
    struct rump_sockaddr_storage *peer, int64_t deadline_ns)
{
	int error;

	for (;;) {
		error = so->so_proto->pr_accept(so, newso, peer);
		if (error != EWOULDBLOCK || deadline_ns == SO_DEADLINE_NOW ||
		    (so->so_state & SS_FILE) != 0)
			return error;
		error = sowait(so, POLLIN, deadline_ns);
		if (error != 0)
			return error;
	}
}

static void
inherit(struct sockbuf *sb, const struct sockbuf *from)
{
	sb->sb_hiwat = from->sb_hiwat;
	sb->sb_lowat = from->sb_lowat;
	sb->sb_timeo_ns = from->sb_timeo_ns;
}

int
soaccept(struct socket *so, struct socket **newp,
    struct rump_sockaddr_storage *peer, int64_t deadline_ns, uint32_t state)
{
	struct socket *newso;
	int error;

	if (so->so_proto->pr_accept == NULL)
		return EOPNOTSUPP;
	soref(so);
	newso = soalloc(so->so_proto, so->so_cred);
	newso->so_state = state;
	if ((so->so_state & SS_NBIO) != 0)
		deadline_ns = SO_DEADLINE_NOW;
	error = accept_wait(so, newso, peer, deadline_ns);
	if (error != 0)
		goto fail_free;
	mutex_enter(&so->so_lock);
	newso->so_options = so->so_options;
	newso->so_linger = so->so_linger;
	inherit(&newso->so_snd, &so->so_snd);
	inherit(&newso->so_rcv, &so->so_rcv);
	mutex_exit(&so->so_lock);
	newso->so_state |= SS_ISCONNECTED;
	sounref(so);
	netstat_connected(newso, (struct rump_sockaddr *)peer);
	solist_add(newso);
	*newp = newso;
	return 0;

fail_free:
	sofree(newso);
	sounref(so);
	return error;
}

int
soshutdown(struct socket *so, int how)
{
	int error;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return EINVAL;
	error = 0;
	if (so->so_proto->pr_shutdown != NULL)
		error = so->so_proto->pr_shutdown(so, how);
	if (error != 0)
		return error;
	mutex_enter(&so->so_lock);
	if (how != SHUT_WR)
		socantrcvmore(so);
	if (how != SHUT_RD)
		socantsendmore(so);
	mutex_exit(&so->so_lock);
	return 0;
}
