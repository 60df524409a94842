/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PF_INET and PF_INET6 over host sockets.
 *
 * A kernel socket is tied to one host socket for life; the host keeps all
 * state: connection, buffers, errors, options.  Data move between the caller's
 * memory and the host in one host call, in the caller's thread.
 *
 * The host socket of an open file has that file's O_NONBLOCK: a call that waits
 * is a host call that waits, with the host's timeouts, low-water marks and
 * rules for signals and for other threads that close or shut down.  The host
 * socket of a user inside the kernel never blocks: who must wait sleeps in a
 * poll of that very descriptor (pr_wait).  The poller serves only polls, where
 * nobody waits on the socket alone.
 *
 * The control block is made before the socket is visible and freed when the
 * last reference has gone, so a host descriptor is never closed, and its number
 * never used again, under a thread that sleeps on it.
 *
 * The data of callers whose memory is in another process pass through a buffer
 * of ours (bounce.c).
 */
#include "kern/clock.h"
#include "kern/component.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "kern/stats.h"
#include "kern/uio.h"
#include "net/socketvar.h"
#include "rump/rumphostsock.h"
#include "sockin/bounce.h"
#include "sockin/capture.h"
#include "sockin/poller.h"
#include "sockin/user.h"
#include "sockin/user_info.h"

struct sockin_pcb {
	int sp_hostfd;                   /* i: owned */
	struct capture_flow *sp_capture; /* i: owned; NULL: not captured */
	atomic_bool sp_direct;           /* data may pass the kernel by */
	struct sockin_pollee sp_pollee;
};

static struct domain sockin_domain, sockin6_domain;

static struct kstat stats[] = {
	{ .ks_name = "sockin_sockets",
	    .ks_help = "host sockets opened or accepted" },
	{ .ks_name = "sockin_waits",
	    .ks_help = "times that a thread slept on a host socket" },
};

static int
hostfd(const struct socket *so)
{
	const struct sockin_pcb *sp = so->so_pcb;

	return sp->sp_hostfd;
}

static struct capture_flow *
capture(const struct socket *so)
{
	const struct sockin_pcb *sp = so->so_pcb;

	return sp->sp_capture;
}

static void
pcb_attach(struct socket *so, int fd, int proto)
{
	struct sockin_pcb *sp;

	sp = kmem_alloc(sizeof(*sp), KM_SLEEP);
	sp->sp_hostfd = fd;
	atomic_init(&sp->sp_direct, false);
	sp->sp_capture = capture_open(so, fd, proto);
	sockin_pollee_init(&sp->sp_pollee, so, fd);
	so->so_pcb = sp;
	KSTAT_ADD(&stats[0], 1);
}

/* The mode of the host socket: it waits where the program means to. */
static int
type_flags(const struct socket *so)
{
	return (so->so_state & (SS_FILE | SS_NBIO)) == SS_FILE ? 0
							       : SOCK_NONBLOCK;
}

/* In place of a signal's own word, for calls that do not wait. */
#define NO_WAIT NULL

/* The word that ends the wait of a call. */
static const volatile uint32_t *
intr_word(const struct lwp *l)
{
	return (const volatile uint32_t *)l->l_intr;
}

/*
 * A host call that may have waited has ended: shall it be made again?  *error
 * is what to answer otherwise.  A signal that has no handler here ends a call
 * on the host too, when that has a timeout.
 */
static bool
try_again(const struct sockbuf *sb, int *error)
{
	if (*error != EINTR)
		return false;
	if (!lwp_interrupted(curlwp) &&
	    atomic_load_explicit(&sb->sb_timeo_ns, memory_order_relaxed) == 0)
		return true;
	*error = ERESTART;
	return false;
}

static int
sockin_attach(struct socket *so, int proto)
{
	const struct protosw *pr = so->so_proto;
	int error, fd;

	error = rumpcomp_sockin_socket(pr->pr_domain->dom_family,
	    (int)((unsigned)pr->pr_type | type_flags(so)), proto, &fd);
	if (error == 0)
		pcb_attach(so, fd, proto);
	return error;
}

static int
sockin_adopt(struct socket *so, int proto, int hostfd)
{
	int error, fd;

	error = rumpcomp_sockin_adopt(so->so_proto->pr_domain->dom_family,
	    (int)((unsigned)so->so_type | type_flags(so)), hostfd, &fd);
	if (error == 0)
		pcb_attach(so, fd, proto);
	return error;
}

static void
sockin_detach(struct socket *so)
{
	struct sockin_pcb *sp = so->so_pcb;

	sockin_poller_remove(&sp->sp_pollee);
	if (PREDICT_FALSE(sp->sp_capture != NULL))
		capture_close(sp->sp_capture);
	/* Nobody waits at the end of a process. */
	rumpcomp_sockin_close(sp->sp_hostfd, !proc_is_dying(curproc));
	so->so_pcb = NULL;
	kmem_free(sp, sizeof(*sp));
}

static int
sockin_bind(struct socket *so, const struct rump_sockaddr *sa)
{
	return rumpcomp_sockin_bind(hostfd(so), sa, sa->sa_len);
}

static int
sockin_listen(struct socket *so, int backlog)
{
	return rumpcomp_sockin_listen(hostfd(so), backlog);
}

static int
sockin_connect(struct socket *so, const struct rump_sockaddr *sa)
{
	int error;

	do {
		error = rumpcomp_sockin_connect(
		    hostfd(so), sa, sa->sa_len, intr_word(curlwp));
	} while (try_again(&so->so_snd, &error));
	if (PREDICT_FALSE(capture(so) != NULL))
		capture_connect(capture(so), sa, error);
	return error;
}

static int
sockin_accept(
    struct socket *so, struct socket *newso, struct rump_sockaddr_storage *peer)
{
	int error, fd, len;

	do {
		len = sizeof(*peer);
		error = rumpcomp_sockin_accept(hostfd(so),
		    (struct rump_sockaddr *)peer, &len, type_flags(newso),
		    intr_word(curlwp), &fd);
	} while (try_again(&so->so_rcv, &error));
	if (error != 0)
		return error;
	if (len == 0)
		peer->ss_len = 0;
	pcb_attach(newso, fd, 0);
	if (PREDICT_FALSE(capture(newso) != NULL))
		capture_accept(capture(newso));
	return 0;
}

static int
sockin_shutdown(struct socket *so, int how)
{
	if (PREDICT_FALSE(capture(so) != NULL))
		capture_shutdown(capture(so), how);
	return rumpcomp_sockin_shutdown(hostfd(so), how);
}

/*
 * Describe uio's buffers, as many as one host call takes, at least one of them
 * not empty if there is one: a call that moves nothing has a meaning.
 */
static void
msghdr_init(struct rump_msghdr *msg, struct uio *uio)
{
	while (uio->uio_iovcnt > 0 && uio->uio_iov->iov_len == 0) {
		uio->uio_iov++;
		uio->uio_iovcnt--;
	}
	msg->msg_name = NULL;
	msg->msg_namelen = 0;
	msg->msg_iov = uio->uio_iov;
	msg->msg_iovlen = MIN(uio->uio_iovcnt, IOV_MAX);
	msg->msg_control = NULL;
	msg->msg_controllen = 0;
	msg->msg_flags = 0;
}

/* Inside the kernel nobody waits in the host's own calls. */
static int
call_flags(const struct socket *so, int flags)
{
	return (so->so_state & SS_FILE) != 0 ? flags : flags | MSG_DONTWAIT;
}

static const volatile uint32_t *
call_intr(int flags)
{
	return (flags & (MSG_DONTWAIT | MSG_NBIO)) != 0 ? NO_WAIT
							: intr_word(curlwp);
}

/* The message that a host call has moved, or not moved. */
static void
captured_send(struct socket *so, const struct uio *uio,
    const struct rump_sockaddr *to, size_t sent, int error)
{
	const struct capture_data cd = {
		.cd_iov = uio->uio_iov,
		.cd_seg = uio->uio_seg,
		.cd_len = sent,
		.cd_peer = to,
	};

	if (error != 0)
		capture_error(capture(so), error);
	else
		capture_send(capture(so), &cd);
}

static void
captured_recv(struct socket *so, const struct uio *uio,
    const struct rump_msghdr *msg, size_t received, int flags, int error)
{
	const struct capture_data cd = {
		.cd_iov = uio->uio_iov,
		.cd_seg = uio->uio_seg,
		.cd_len = MIN(received, uio->uio_resid),
		.cd_peer = msg->msg_namelen != 0 ? msg->msg_name : NULL,
	};

	if (error != 0)
		capture_error(capture(so), error);
	else if ((flags & (MSG_PEEK | RUMP_MSG_HOST_ERRQUEUE)) != 0)
		return;
	else if (so->so_type == SOCK_STREAM && (flags & MSG_TRUNC) != 0)
		capture_discard(capture(so), received);
	else if (so->so_type == SOCK_STREAM && received == 0 &&
		 uio->uio_resid != 0)
		capture_eof(capture(so));
	else
		capture_receive(capture(so), &cd);
}

static int
local_send(struct socket *so, struct uio *uio, const struct rump_sockaddr *to,
    const void *control, size_t controllen, int flags)
{
	struct rump_msghdr msg;
	size_t sent = 0;
	int error;

	msghdr_init(&msg, uio);
	if (to != NULL) {
		msg.msg_name = (void *)to;
		msg.msg_namelen = to->sa_len;
	}
	msg.msg_control = (void *)control;
	msg.msg_controllen = (uint32_t)controllen;
	flags = call_flags(so, flags);
	do {
		error = rumpcomp_sockin_sendmsg(
		    hostfd(so), &msg, flags, call_intr(flags), &sent);
	} while (try_again(&so->so_snd, &error));
	if (PREDICT_FALSE(capture(so) != NULL))
		captured_send(so, uio, to, sent, error);
	if (error == 0)
		uio_advance(uio, sent);
	return error;
}

static int
local_recv(struct socket *so, struct uio *uio, struct somsg *sm)
{
	struct rump_sockaddr_storage from;
	struct rump_msghdr msg;
	size_t received = 0;
	void *name;
	int error, flags;

	flags = call_flags(so, sm->sm_flags);
	msghdr_init(&msg, uio);
	/* A capture wants to know, whether the caller does or not. */
	name = sm->sm_from != NULL || capture(so) == NULL ? (void *)sm->sm_from
							  : &from;
	do {
		msg.msg_name = name;
		msg.msg_namelen = name != NULL ? sizeof(from) : 0;
		msg.msg_control = sm->sm_control;
		msg.msg_controllen = (uint32_t)sm->sm_controllen;
		msg.msg_flags = sm->sm_plain ? SOCKIN_PLAIN : 0;
		error = rumpcomp_sockin_recvmsg(
		    hostfd(so), &msg, flags, call_intr(flags), &received);
	} while (try_again(&so->so_rcv, &error));
	if (PREDICT_FALSE(capture(so) != NULL))
		captured_recv(so, uio, &msg, received, flags, error);
	if (error != 0)
		return error;
	uio_advance(uio, MIN(received, uio->uio_resid));
	if (sm->sm_from != NULL && msg.msg_namelen == 0)
		sm->sm_from->ss_len = 0;
	sm->sm_controllen = msg.msg_controllen;
	sm->sm_flags = msg.msg_flags;
	sm->sm_whole = received;
	return 0;
}

static int
sockin_send(struct socket *so, struct uio *uio, const struct rump_sockaddr *to,
    const void *control, size_t controllen, int flags)
{
	if (PREDICT_FALSE(bounce_is_needed(uio)))
		return bounce_send(
		    local_send, so, uio, to, control, controllen, flags);
	return local_send(so, uio, to, control, controllen, flags);
}

static int
sockin_recv(struct socket *so, struct uio *uio, struct somsg *sm)
{
	if (PREDICT_FALSE(bounce_is_needed(uio)))
		return bounce_recv(local_recv, so, uio, sm);
	return local_recv(so, uio, sm);
}

/* What is left until a deadline, as the host half wants it. */
static int64_t
time_left(int64_t deadline_ns)
{
	if (deadline_ns == SO_DEADLINE_NOW)
		return 0;
	if (deadline_ns == 0)
		return -1;
	return MAX(deadline_ns - uptime_ns(), 0);
}

static int
sockin_wait(struct socket *so, int events, int64_t deadline_ns)
{
	struct lwp *l = curlwp;
	int error, revents;

	KSTAT_ADD(&stats[1], 1);
	do {
		if (lwp_interrupted(l))
			return ERESTART;
		error = rumpcomp_sockin_wait(hostfd(so), events,
		    time_left(deadline_ns), (volatile uint32_t *)l->l_intr,
		    &revents);
	} while (error == EINTR);
	return error;
}

static int
sockin_poll(struct socket *so, int events, struct selector *sel)
{
	struct sockin_pcb *sp = so->so_pcb;
	int error, revents;

	/* A signal ends even a look, and it is the poll that minds signals. */
	do {
		error = rumpcomp_sockin_wait(
		    sp->sp_hostfd, events, 0, NULL, &revents);
	} while (error == EINTR);
	if (error == 0)
		return revents;
	if (error != EWOULDBLOCK)
		return POLLERR;
	if (sel == NULL)
		return 0;
	selrecord(sel, &so->so_rcv.sb_sel);
	if ((events & (POLLOUT | POLLWRBAND)) != 0)
		selrecord(sel, &so->so_snd.sb_sel);
	error = sockin_poller_arm(&sp->sp_pollee, events);
	return error != 0 ? POLLERR : 0;
}

/*
 * A low-water mark serves the host's own waiting.  Inside the kernel it would
 * hold back the end of what a call asks for.
 */
static bool
is_hosts_business(const struct socket *so, const struct sockopt *sopt)
{
	return sopt->so_level != SOL_SOCKET || sopt->so_name != SO_RCVLOWAT ||
	       (so->so_state & SS_FILE) != 0;
}

static int
sockin_ctloutput(struct socket *so, struct sockopt *sopt)
{
	int error, len;

	if (!is_hosts_business(so, sopt))
		return ENOPROTOOPT;
	len = (int)sopt->so_len;
	if (sopt->so_op == SOPT_SET)
		return rumpcomp_sockin_setsockopt(hostfd(so), sopt->so_level,
		    sopt->so_name, sopt->so_val, len);
	error = rumpcomp_sockin_getsockopt(
	    hostfd(so), sopt->so_level, sopt->so_name, sopt->so_val, &len);
	if (error != 0)
		return error;
	sopt->so_len = (size_t)len;
	if (PREDICT_FALSE(capture(so) != NULL) &&
	    sopt->so_level == SOL_SOCKET && sopt->so_name == SO_ERROR)
		capture_connect(capture(so), NULL, *(int *)sopt->so_val);
	return 0;
}

static int
sockin_ioctl(struct socket *so, unsigned long cmd, void *data)
{
	if (cmd != RUMP_SIOCHOST)
		return rumpcomp_sockin_ioctl(hostfd(so), cmd, data);
	/* The argument may point into the caller's memory. */
	if (curproc->p_vmspace != NULL)
		return EOPNOTSUPP;
	return rumpcomp_sockin_hostcall(hostfd(so), data);
}

static int
sockin_stat(struct socket *so, struct rump_stat *st)
{
	return rumpcomp_sockin_stat(hostfd(so), st);
}

static int
sockin_hostfd(struct socket *so, int *fd)
{
	struct sockin_pcb *sp = so->so_pcb;

	if (kstat_passed_by())
		atomic_store(&sp->sp_direct, true);
	*fd = sp->sp_hostfd;
	return 0;
}

static void
sockin_info(struct socket *so, struct soinfo *si)
{
	const struct sockin_pcb *sp = so->so_pcb;
	int protocol = rumpcomp_sockin_protocol(sp->sp_hostfd);

	if (protocol >= 0)
		si->si_protocol = protocol;
	if (so->so_type == SOCK_STREAM)
		si->si_state = rumpcomp_sockin_state(sp->sp_hostfd);
	/* The host counts for connections only. */
	if (atomic_load(&sp->sp_direct))
		si->si_uncounted = !rumpcomp_sockin_bytes(
		    sp->sp_hostfd, &si->si_received, &si->si_sent);
}

static int
sockin_name(struct socket *so, struct rump_sockaddr_storage *ss, int which)
{
	int error, len;

	len = sizeof(*ss);
	error = rumpcomp_sockin_getname(
	    hostfd(so), (struct rump_sockaddr *)ss, &len, which);
	if (error == 0 && len == 0)
		ss->ss_len = 0;
	return error;
}

static int
sockin_sockaddr(struct socket *so, struct rump_sockaddr_storage *ss)
{
	return sockin_name(so, ss, SOCKIN_NAME_OWN);
}

static int
sockin_peeraddr(struct socket *so, struct rump_sockaddr_storage *ss)
{
	return sockin_name(so, ss, SOCKIN_NAME_PEER);
}

/* Which types and protocols there are is for the host to say. */
#define SOCKIN_TYPE(dom, type)                                                 \
	{                                                                      \
		.pr_type = (type), .pr_protocol = PR_ANYPROTO,                 \
		.pr_domain = (dom), .pr_attach = sockin_attach,                \
		.pr_adopt = sockin_adopt, .pr_detach = sockin_detach,          \
		.pr_bind = sockin_bind, .pr_listen = sockin_listen,            \
		.pr_connect = sockin_connect, .pr_accept = sockin_accept,      \
		.pr_shutdown = sockin_shutdown, .pr_send = sockin_send,        \
		.pr_recv = sockin_recv, .pr_wait = sockin_wait,                \
		.pr_poll = sockin_poll, .pr_ctloutput = sockin_ctloutput,      \
		.pr_ioctl = sockin_ioctl, .pr_stat = sockin_stat,              \
		.pr_hostfd = sockin_hostfd, .pr_info = sockin_info,            \
		.pr_sockaddr = sockin_sockaddr, .pr_peeraddr = sockin_peeraddr \
	}

static const struct protosw sockin_protosw[] = {
	SOCKIN_TYPE(&sockin_domain, SOCK_STREAM),
	SOCKIN_TYPE(&sockin_domain, SOCK_DGRAM),
	SOCKIN_TYPE(&sockin_domain, SOCK_RAW),
	SOCKIN_TYPE(&sockin_domain, SOCK_RDM),
	SOCKIN_TYPE(&sockin_domain, SOCK_SEQPACKET),
	SOCKIN_TYPE(&sockin_domain, SOCK_DCCP),
};
static const struct protosw sockin6_protosw[] = {
	SOCKIN_TYPE(&sockin6_domain, SOCK_STREAM),
	SOCKIN_TYPE(&sockin6_domain, SOCK_DGRAM),
	SOCKIN_TYPE(&sockin6_domain, SOCK_RAW),
	SOCKIN_TYPE(&sockin6_domain, SOCK_RDM),
	SOCKIN_TYPE(&sockin6_domain, SOCK_SEQPACKET),
	SOCKIN_TYPE(&sockin6_domain, SOCK_DCCP),
};

static struct domain sockin_domain = {
	.dom_family = AF_INET,
	.dom_name = "sockin",
	.dom_protosw = sockin_protosw,
	.dom_nprotosw = NITEMS(sockin_protosw),
};
static struct domain sockin6_domain = {
	.dom_family = AF_INET6,
	.dom_name = "sockin6",
	.dom_protosw = sockin6_protosw,
	.dom_nprotosw = NITEMS(sockin6_protosw),
};

RUMP_COMPONENT(RUMP_COMPONENT_NET, sockin)
{
	kstat_attach(stats, NITEMS(stats));
	sockin_poller_init();
	capture_init();
	if (domain_attach(&sockin_domain) != 0 ||
	    domain_attach(&sockin6_domain) != 0)
		kprintf("sockin: another PF_INET came first\n");
}
