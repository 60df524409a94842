/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PF_INET and PF_INET6 over host sockets.
 *
 * A kernel socket is tied to one host socket for life; the host keeps all
 * state: connection, buffers, errors, options.  Data move between the caller's
 * memory and the host in one host call, in the caller's thread.  A thread that
 * must wait sleeps in the host on that very descriptor; the poller serves only
 * polls, where nobody waits on the socket alone.
 *
 * The control block is made before the socket is visible and freed when the
 * last reference has gone, so a host descriptor is never closed, and its number
 * never used again, under a thread that sleeps on it.
 *
 * Not here: control messages (refused), raw sockets, ioctls of interfaces, and
 * callers whose memory is in another process, for whom data would have to pass
 * through a buffer of ours.
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
#include "sockin/poller.h"
#include "sockin/user.h"

struct sockin_pcb {
	int sp_hostfd; /* i: owned */
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

static void
pcb_attach(struct socket *so, int fd)
{
	struct sockin_pcb *sp;

	sp = kmem_alloc(sizeof(*sp), KM_SLEEP);
	sp->sp_hostfd = fd;
	sockin_pollee_init(&sp->sp_pollee, so, fd);
	so->so_pcb = sp;
	KSTAT_ADD(&stats[0], 1);
}

static int
sockin_attach(struct socket *so, int proto)
{
	const struct protosw *pr = so->so_proto;
	int error, fd;

	error = rumpcomp_sockin_socket(
	    pr->pr_domain->dom_family, pr->pr_type, pr->pr_protocol, &fd);
	if (error == 0)
		pcb_attach(so, fd);
	return error;
}

static void
sockin_detach(struct socket *so)
{
	struct sockin_pcb *sp = so->so_pcb;

	sockin_poller_remove(&sp->sp_pollee);
	rumpcomp_sockin_close(sp->sp_hostfd);
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
	return rumpcomp_sockin_connect(hostfd(so), sa, sa->sa_len);
}

static int
sockin_accept(
    struct socket *so, struct socket *newso, struct rump_sockaddr_storage *peer)
{
	int error, fd, len;

	len = sizeof(*peer);
	error = rumpcomp_sockin_accept(
	    hostfd(so), (struct rump_sockaddr *)peer, &len, &fd);
	if (error != 0)
		return error;
	if (len == 0)
		peer->ss_len = 0;
	pcb_attach(newso, fd);
	return 0;
}

static int
sockin_shutdown(struct socket *so, int how)
{
	return rumpcomp_sockin_shutdown(hostfd(so), how);
}

static bool
is_remote(const struct uio *uio)
{
	return uio->uio_seg == UIO_USERSPACE && curproc->p_vmspace != NULL;
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

static int
sockin_send(struct socket *so, struct uio *uio, const struct rump_sockaddr *to,
    const void *control, size_t controllen, int flags)
{
	struct rump_msghdr msg;
	size_t sent;
	int error;

	if (is_remote(uio))
		return EOPNOTSUPP;
	if (controllen != 0)
		return EINVAL;
	msghdr_init(&msg, uio);
	if (to != NULL) {
		msg.msg_name = (void *)to;
		msg.msg_namelen = to->sa_len;
	}
	error = rumpcomp_sockin_sendmsg(hostfd(so), &msg, flags, &sent);
	if (error == 0)
		uio_advance(uio, sent);
	return error;
}

static int
sockin_recv(struct socket *so, struct uio *uio,
    struct rump_sockaddr_storage *from, void *control, size_t *controllen,
    int *flags)
{
	struct rump_msghdr msg;
	size_t received;
	int error;

	if (is_remote(uio))
		return EOPNOTSUPP;
	msghdr_init(&msg, uio);
	if (from != NULL) {
		msg.msg_name = from;
		msg.msg_namelen = sizeof(*from);
	}
	error = rumpcomp_sockin_recvmsg(hostfd(so), &msg, *flags, &received);
	if (error != 0)
		return error;
	uio_advance(uio, received);
	if (from != NULL && msg.msg_namelen == 0)
		from->ss_len = 0;
	if (controllen != NULL)
		*controllen = 0;
	*flags = msg.msg_flags;
	return 0;
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

static int
sockin_ctloutput(struct socket *so, struct sockopt *sopt)
{
	int error, len;

	len = (int)sopt->so_len;
	if (sopt->so_op == SOPT_SET)
		return rumpcomp_sockin_setsockopt(hostfd(so), sopt->so_level,
		    sopt->so_name, sopt->so_val, len);
	error = rumpcomp_sockin_getsockopt(
	    hostfd(so), sopt->so_level, sopt->so_name, sopt->so_val, &len);
	if (error == 0)
		sopt->so_len = (size_t)len;
	return error;
}

static int
sockin_ioctl(struct socket *so, unsigned long cmd, void *data)
{
	return rumpcomp_sockin_ioctl(hostfd(so), cmd, data);
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

#define SOCKIN_REQUESTS                                                        \
	.pr_attach = sockin_attach, .pr_detach = sockin_detach,                \
	.pr_bind = sockin_bind, .pr_connect = sockin_connect,                  \
	.pr_shutdown = sockin_shutdown, .pr_send = sockin_send,                \
	.pr_recv = sockin_recv, .pr_wait = sockin_wait,                        \
	.pr_poll = sockin_poll, .pr_ctloutput = sockin_ctloutput,              \
	.pr_ioctl = sockin_ioctl, .pr_sockaddr = sockin_sockaddr,              \
	.pr_peeraddr = sockin_peeraddr

#define SOCKIN_STREAM(dom)                                                     \
	{                                                                      \
		.pr_type = SOCK_STREAM, .pr_protocol = IPPROTO_TCP,            \
		.pr_domain = (dom), .pr_listen = sockin_listen,                \
		.pr_accept = sockin_accept, SOCKIN_REQUESTS                    \
	}
#define SOCKIN_DGRAM(dom)                                                      \
	{                                                                      \
		.pr_type = SOCK_DGRAM, .pr_protocol = IPPROTO_UDP,             \
		.pr_domain = (dom), SOCKIN_REQUESTS                            \
	}

static const struct protosw sockin_protosw[] = {
	SOCKIN_STREAM(&sockin_domain),
	SOCKIN_DGRAM(&sockin_domain),
};
static const struct protosw sockin6_protosw[] = {
	SOCKIN_STREAM(&sockin6_domain),
	SOCKIN_DGRAM(&sockin6_domain),
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
	if (domain_attach(&sockin_domain) != 0 ||
	    domain_attach(&sockin6_domain) != 0)
		kprintf("sockin: another PF_INET came first\n");
}
