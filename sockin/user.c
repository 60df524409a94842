/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host half of sockin.  Every host call goes through rumpuser's table, because
 * it may be made inside a call of a hijacked program: no libc function is
 * called here, not even memcpy(3), which would use vector registers.
 *
 * The descriptor of a host socket is out of the program's sight before anybody can use it, and is given back only to be
 * closed.
 */
#include "sockin/user.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdbool.h>

#include "rump/rumpdefs.h"
#include "rump/rumpuser.h"
#include "rump/rumpuser_host.h"
#include "sockin/user_cmsg.h"
#include "sockin/user_translate.h"

#define NS_PER_SEC 1000000000LL
#define KICK_COOKIE UINT64_MAX

/* struct iovec and struct pollfd are the same on both sides. */
_Static_assert(sizeof(struct rump_iovec) == sizeof(struct iovec), "iovec");
_Static_assert(sizeof(struct rump_pollfd) == sizeof(struct pollfd), "pollfd");
/* One table of POLL* serves epoll, too. */
_Static_assert(EPOLLIN == POLLIN && EPOLLPRI == POLLPRI &&
		   EPOLLOUT == POLLOUT && EPOLLERR == POLLERR &&
		   EPOLLHUP == POLLHUP && EPOLLRDNORM == POLLRDNORM &&
		   EPOLLRDBAND == POLLRDBAND && EPOLLWRBAND == POLLWRBAND,
    "epoll");

#define host_call(nr, a, b, c, d)                                              \
	rumpuser_host_syscall((nr), (a), (b), (c), (d), 0, 0)

/* The errno of a host call's result. */
static int
result_error(long r)
{
	return r < 0 ? rumpuser_component_errtrans((int)-r) : 0;
}

/* Take over a descriptor that a host call has made. */
static int
adopt(long r, int *fd)
{
	if (r >= 0)
		r = rumpuser_hostops.ho_fd_hide((int)r);
	if (r < 0)
		return result_error(r);
	*fd = (int)r;
	return 0;
}

static void
discard(int fd)
{
	rumpuser_hostops.ho_fd_close(fd);
}

/* The flags of a new descriptor, of NetBSD's SOCK_*. */
static int
host_type_flags(unsigned type)
{
	return SOCK_CLOEXEC |
	       ((type & RUMP_SOCK_NONBLOCK) != 0 ? SOCK_NONBLOCK : 0);
}

int
rumpcomp_sockin_socket(int domain, int type, int proto, int *fd)
{
	int hdomain, htype;

	hdomain = sockin_family_to_host(domain);
	if (hdomain < 0)
		return RUMP_EAFNOSUPPORT;
	htype = sockin_type_to_host((int)((unsigned)type & 0xf));
	if (htype < 0)
		return RUMP_EPROTOTYPE;
	htype |= host_type_flags((unsigned)type);
	return adopt(host_call(SYS_socket, hdomain, htype, proto, 0), fd);
}

static bool
has_option(int fd, int name, int value)
{
	socklen_t len = sizeof(int);
	int is;

	return rumpuser_host_syscall(
		   SYS_getsockopt, fd, SOL_SOCKET, name, &is, &len, 0) == 0 &&
	       is == value;
}

int
rumpcomp_sockin_adopt(int domain, int type, int hostfd, int *fd)
{
	int hdomain = sockin_family_to_host(domain);
	int htype = sockin_type_to_host((int)((unsigned)type & 0xf));
	int on = ((unsigned)type & RUMP_SOCK_NONBLOCK) != 0;
	long r;

	if (hdomain < 0 || htype < 0 ||
	    !has_option(hostfd, SO_DOMAIN, hdomain) ||
	    !has_option(hostfd, SO_TYPE, htype))
		return RUMP_EPROTOTYPE;
	r = host_call(SYS_ioctl, hostfd, FIONBIO, &on, 0);
	if (r == 0)
		r = host_call(SYS_fcntl, hostfd, F_DUPFD_CLOEXEC, 0, 0);
	return adopt(r, fd);
}

/* As the host does it at the end of a process: a time of 0, which breaks off, is
 * kept. */
static void
forgo_lingering(int fd)
{
	struct linger l = { 0 };
	socklen_t len = sizeof(l);

	if (rumpuser_host_syscall(
		SYS_getsockopt, fd, SOL_SOCKET, SO_LINGER, &l, &len, 0) != 0 ||
	    l.l_onoff == 0 || l.l_linger == 0)
		return;
	l.l_onoff = 0;
	(void)rumpuser_host_syscall(
	    SYS_setsockopt, fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l), 0);
}

void
rumpcomp_sockin_close(int fd, bool lingers)
{
	void *cookie;

	cookie = rumpuser_component_unschedule();
	if (!lingers)
		forgo_lingering(fd);
	discard(fd);
	rumpuser_component_schedule(cookie);
}

/* A host call that may wait; args[0] is the socket. */
static long
host_call_waiting(const volatile uint32_t *intr, long nr, const long args[6])
{
	void *cookie;
	long r;

	cookie = rumpuser_component_unschedule();
	r = rumpuser_hostops.ho_syscall_intr(intr, nr, args);
	rumpuser_component_schedule(cookie);
	return r;
}

/*
 * sendmsg(2) or recvmsg(2).  When there is a single buffer and nothing else to
 * tell, sendto(2) and recvfrom(2) do the same with less to copy.
 */
static long
message_call(const volatile uint32_t *intr, bool send, int fd,
    struct msghdr *hmsg, int hflags, bool plain)
{
	long args[6] = { fd, (long)hmsg, hflags, 0, 0, 0 };
	long nr = send ? SYS_sendmsg : SYS_recvmsg;

	if (plain && hmsg->msg_iovlen == 1) {
		nr = send ? SYS_sendto : SYS_recvfrom;
		args[1] = (long)hmsg->msg_iov->iov_base;
		args[2] = (long)hmsg->msg_iov->iov_len;
		args[3] = hflags;
		args[4] = (long)hmsg->msg_name;
		args[5] =
		    send ? (long)hmsg->msg_namelen : (long)&hmsg->msg_namelen;
	}
	if ((hflags & MSG_DONTWAIT) != 0)
		return rumpuser_host_syscall(
		    nr, args[0], args[1], args[2], args[3], args[4], args[5]);
	return host_call_waiting(intr, nr, args);
}

static void
message_init(struct msghdr *hmsg, const struct rump_msghdr *msg)
{
	hmsg->msg_name = NULL;
	hmsg->msg_namelen = 0;
	hmsg->msg_iov = (struct iovec *)msg->msg_iov;
	hmsg->msg_iovlen = (size_t)msg->msg_iovlen;
	hmsg->msg_control = NULL;
	hmsg->msg_controllen = 0;
	hmsg->msg_flags = 0;
}

/* With control data, which are converted in a copy. */
static long
send_control(const volatile uint32_t *intr, int fd, struct msghdr *hmsg,
    const struct rump_msghdr *msg, int hflags)
{
	_Alignas(8) char control[SOCKIN_CONTROL_MAX];
	const volatile char *src = msg->msg_control;
	size_t i, raw, len = msg->msg_controllen;

	if (len > sizeof(control))
		return -ENOBUFS;
	for (i = 0; i < len; i++)
		control[i] = src[i];
	raw = sockin_cmsg_raw(control, len);
	if (raw == 0 && sockin_cmsg_to_host(control, len) != 0)
		return -EINVAL;
	hmsg->msg_control = control + raw;
	hmsg->msg_controllen = len - raw;
	return message_call(intr, true, fd, hmsg, hflags, false);
}

int
rumpcomp_sockin_sendmsg(int fd, const struct rump_msghdr *msg, int flags,
    const volatile uint32_t *intr, size_t *sent)
{
	struct sockaddr_storage hs;
	struct msghdr hmsg;
	int error, hflags;
	long r;

	if (!sockin_msgflags_to_host(flags, &hflags))
		return RUMP_EOPNOTSUPP;
	message_init(&hmsg, msg);
	if (msg->msg_name != NULL) {
		error = sockin_addr_to_host(msg->msg_name,
		    (int)msg->msg_namelen, &hs, &hmsg.msg_namelen);
		if (error != 0)
			return error;
		hmsg.msg_name = &hs;
	}
	if (msg->msg_controllen != 0)
		r = send_control(intr, fd, &hmsg, msg, hflags);
	else
		r = message_call(intr, true, fd, &hmsg, hflags, true);
	if (r < 0)
		return result_error(r);
	*sent = (size_t)r;
	return 0;
}

int
rumpcomp_sockin_recvmsg(int fd, struct rump_msghdr *msg, int flags,
    const volatile uint32_t *intr, size_t *received)
{
	struct sockaddr_storage hs;
	struct msghdr hmsg;
	int hflags;
	long r;

	if (!sockin_msgflags_to_host(flags, &hflags))
		return RUMP_EOPNOTSUPP;
	message_init(&hmsg, msg);
	if (msg->msg_name != NULL) {
		hmsg.msg_name = &hs;
		hmsg.msg_namelen = sizeof(hs);
	}
	hmsg.msg_control = msg->msg_control;
	hmsg.msg_controllen = msg->msg_controllen;
	r = message_call(intr, false, fd, &hmsg, hflags,
	    msg->msg_flags == SOCKIN_PLAIN && msg->msg_control == NULL);
	if (r < 0)
		return result_error(r);
	if (msg->msg_name != NULL)
		msg->msg_namelen = (uint32_t)sockin_addr_from_host(&hs,
		    hmsg.msg_namelen, msg->msg_name, (int)msg->msg_namelen);
	if (hmsg.msg_controllen != 0)
		sockin_cmsg_from_host(hmsg.msg_control, hmsg.msg_controllen);
	msg->msg_controllen = (uint32_t)hmsg.msg_controllen;
	msg->msg_flags = sockin_msgflags_from_host(hmsg.msg_flags);
	*received = (size_t)r;
	return 0;
}

int
rumpcomp_sockin_connect(int fd, const struct rump_sockaddr *sa, int len,
    const volatile uint32_t *intr)
{
	struct sockaddr_storage hs;
	socklen_t hlen;
	int error;

	error = sockin_addr_to_host(sa, len, &hs, &hlen);
	if (error != 0)
		return error;
	return result_error(host_call_waiting(
	    intr, SYS_connect, (const long[6]){ fd, (long)&hs, hlen }));
}

int
rumpcomp_sockin_bind(int fd, const struct rump_sockaddr *sa, int len)
{
	struct sockaddr_storage hs;
	socklen_t hlen;
	int error;

	error = sockin_addr_to_host(sa, len, &hs, &hlen);
	if (error != 0)
		return error;
	return result_error(host_call(SYS_bind, fd, &hs, hlen, 0));
}

int
rumpcomp_sockin_accept(int fd, struct rump_sockaddr *sa, int *len, int flags,
    const volatile uint32_t *intr, int *newfd)
{
	struct sockaddr_storage hs;
	socklen_t hlen;
	int error;

	hlen = sizeof(hs);
	error = adopt(host_call_waiting(intr, SYS_accept4,
			  (const long[6]){ fd, (long)&hs, (long)&hlen,
			      host_type_flags((unsigned)flags) }),
	    newfd);
	if (error != 0)
		return error;
	*len = sockin_addr_from_host(&hs, hlen, sa, *len);
	return 0;
}

int
rumpcomp_sockin_listen(int fd, int backlog)
{
	return result_error(host_call(SYS_listen, fd, backlog, 0, 0));
}

int
rumpcomp_sockin_getname(int fd, struct rump_sockaddr *sa, int *len, int which)
{
	struct sockaddr_storage hs;
	socklen_t hlen;
	long r;

	hlen = sizeof(hs);
	r = host_call(
	    which == SOCKIN_NAME_PEER ? SYS_getpeername : SYS_getsockname, fd,
	    &hs, &hlen, 0);
	if (r < 0)
		return result_error(r);
	*len = sockin_addr_from_host(&hs, hlen, sa, *len);
	return 0;
}

static bool
length_fits(const struct sockin_option *op, int len)
{
	return len == op->op_size ||
	       (op->op_value == SOCKIN_VALUE_SMALL && len == 1);
}

static int
host_setsockopt(int fd, int hlevel, int hname, const void *val, int len)
{
	return result_error(rumpuser_host_syscall(
	    SYS_setsockopt, fd, hlevel, hname, val, len, 0));
}

static int
set_timeout(int fd, const struct sockin_option *op, const void *val)
{
	const struct rump_timeval *tv = val;
	struct timeval htv = { tv->tv_sec, tv->tv_usec };

	return host_setsockopt(
	    fd, op->op_hlevel, op->op_hname, &htv, sizeof(htv));
}

int
rumpcomp_sockin_setsockopt(
    int fd, int level, int name, const void *val, int len)
{
	const struct sockin_option *op;

	if ((level & RUMP_SOL_HOST_MASK) == RUMP_SOL_HOST)
		return host_setsockopt(
		    fd, level & ~RUMP_SOL_HOST_MASK, name, val, len);
	op = sockin_option_find(level, name);
	if (op == NULL)
		return RUMP_ENOPROTOOPT;
	if (!length_fits(op, len))
		return RUMP_EINVAL;
	if (op->op_value == SOCKIN_VALUE_TIME)
		return set_timeout(fd, op, val);
	return host_setsockopt(fd, op->op_hlevel, op->op_hname, val, len);
}

static int
host_getsockopt(int fd, int hlevel, int hname, void *val, int *len)
{
	socklen_t hlen = (socklen_t)*len;
	long r;

	r = rumpuser_host_syscall(
	    SYS_getsockopt, fd, hlevel, hname, val, &hlen, 0);
	if (r < 0)
		return result_error(r);
	*len = (int)hlen;
	return 0;
}

static int
get_timeout(int fd, const struct sockin_option *op, struct rump_timeval *tv)
{
	struct timeval htv;
	int error, len = sizeof(htv);

	error = host_getsockopt(fd, op->op_hlevel, op->op_hname, &htv, &len);
	if (error != 0)
		return error;
	tv->tv_sec = htv.tv_sec;
	tv->tv_usec = (int32_t)htv.tv_usec;
	return 0;
}

/* Values that are not the same on both sides. */
static int
get_converted(int fd, const struct sockin_option *op, void *val, int *len)
{
	int error;

	if (*len < op->op_size)
		return RUMP_EINVAL;
	*len = op->op_size;
	if (op->op_value == SOCKIN_VALUE_TIME)
		return get_timeout(fd, op, val);
	error = host_getsockopt(fd, op->op_hlevel, op->op_hname, val, len);
	if (error == 0)
		*(int *)val = rumpuser_component_errtrans(*(int *)val);
	return error;
}

int
rumpcomp_sockin_getsockopt(int fd, int level, int name, void *val, int *len)
{
	const struct sockin_option *op;

	if ((level & RUMP_SOL_HOST_MASK) == RUMP_SOL_HOST)
		return host_getsockopt(
		    fd, level & ~RUMP_SOL_HOST_MASK, name, val, len);
	op = sockin_option_find(level, name);
	if (op == NULL)
		return RUMP_ENOPROTOOPT;
	if (op->op_value == SOCKIN_VALUE_ERRNO ||
	    op->op_value == SOCKIN_VALUE_TIME)
		return get_converted(fd, op, val, len);
	if (*len > op->op_size)
		*len = op->op_size;
	return host_getsockopt(fd, op->op_hlevel, op->op_hname, val, len);
}

int
rumpcomp_sockin_shutdown(int fd, int how)
{
	/* SHUT_RD, SHUT_WR and SHUT_RDWR have the same numbers. */
	return result_error(host_call(SYS_shutdown, fd, how, 0, 0));
}

int
rumpcomp_sockin_ioctl(int fd, unsigned long cmd, int *value)
{
	unsigned long hcmd;

	switch (cmd) {
	case RUMP_FIONREAD:
		hcmd = FIONREAD;
		break;
	case RUMP_FIONWRITE:
		hcmd = SIOCOUTQ;
		break;
	case RUMP_SIOCATMARK:
		hcmd = SIOCATMARK;
		break;
	case RUMP_FIONBIO:
		hcmd = FIONBIO;
		break;
	case RUMP_FIOASYNC:
		hcmd = FIOASYNC;
		break;
	default:
		return RUMP_ENOTTY;
	}
	return result_error(host_call(SYS_ioctl, fd, hcmd, value, 0));
}

/*
 * Descriptor flags are the caller's own, and what changes the mode of the
 * socket has a way of its own.
 */
static bool
is_ioctl_allowed(uint32_t request)
{
	return request != FIOCLEX && request != FIONCLEX &&
	       request != FIONBIO && request != FIOASYNC;
}

/* Nor may it make descriptors that the caller does not see, or wait. */
static bool
is_fcntl_allowed(uint32_t request)
{
	switch (request) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
	case F_SETFD:
	case F_SETFL:
	case F_SETLKW:
	case F_OFD_SETLKW:
		return false;
	}
	return true;
}

int
rumpcomp_sockin_hostcall(int fd, struct rump_hostcall *hc)
{
	bool allowed;
	long nr, r;

	if (hc->hc_kind == RUMP_HOSTCALL_IOCTL) {
		nr = SYS_ioctl;
		allowed = is_ioctl_allowed(hc->hc_request);
	} else {
		nr = SYS_fcntl;
		allowed = hc->hc_kind == RUMP_HOSTCALL_FCNTL &&
			  is_fcntl_allowed(hc->hc_request);
	}
	if (!allowed)
		return RUMP_EINVAL;
	r = host_call(nr, fd, hc->hc_request, hc->hc_arg, 0);
	/* An owner that is a process group is negative, and no error. */
	if (r < 0 && (nr != SYS_fcntl || hc->hc_request != F_GETOWN))
		return result_error(r);
	hc->hc_result = r;
	return 0;
}

int
rumpcomp_sockin_stat(int fd, struct rump_stat *st)
{
	struct stat hst;
	long r;

	r = host_call(SYS_fstat, fd, &hst, 0, 0);
	if (r < 0)
		return result_error(r);
	/* The file type bits are the same. */
	st->st_mode = hst.st_mode;
	st->st_ino = hst.st_ino;
	st->st_nlink = (uint32_t)hst.st_nlink;
	st->st_blksize = (int32_t)hst.st_blksize;
	return 0;
}

/* ppoll(2) with relative time; -1: for ever.  Result or -errno. */
static long
host_poll(struct pollfd *fds, long n, int64_t timeout_ns,
    const volatile uint32_t *intr)
{
	struct timespec ts;
	long args[6], r;
	void *cookie;

	ts.tv_sec = timeout_ns / NS_PER_SEC;
	ts.tv_nsec = timeout_ns % NS_PER_SEC;
	args[0] = (long)fds;
	args[1] = n;
	args[2] = timeout_ns < 0 ? 0 : (long)&ts;
	args[3] = args[4] = args[5] = 0;
	if (timeout_ns == 0)
		return rumpuser_hostops.ho_syscall_intr(intr, SYS_ppoll, args);
	cookie = rumpuser_component_unschedule();
	r = rumpuser_hostops.ho_syscall_intr(intr, SYS_ppoll, args);
	rumpuser_component_schedule(cookie);
	return r;
}

int
rumpcomp_sockin_poll(struct rump_pollfd *fds, int n, int timeout_ms, int *ready)
{
	long r;
	int i;

	for (i = 0; i < n; i++)
		fds[i].events = (short)sockin_events_to_host(fds[i].events);
	r = host_poll((struct pollfd *)fds, n,
	    timeout_ms < 0 ? -1 : timeout_ms * 1000000LL, NULL);
	for (i = 0; i < n; i++) {
		fds[i].events = (short)sockin_events_from_host(fds[i].events);
		fds[i].revents =
		    (short)(r < 0 ? 0
				  : sockin_events_from_host(fds[i].revents));
	}
	if (r < 0)
		return result_error(r);
	*ready = (int)r;
	return 0;
}

int
rumpcomp_sockin_wait(int fd, int events, int64_t timeout_ns,
    const volatile uint32_t *intr, int *revents)
{
	struct pollfd pfd;
	long r;

	pfd.fd = fd;
	pfd.events = (short)sockin_events_to_host(events);
	pfd.revents = 0;
	r = host_poll(&pfd, 1, timeout_ns, intr);
	if (r < 0)
		return result_error(r);
	if (r == 0)
		return RUMP_EWOULDBLOCK;
	*revents = sockin_events_from_host(pfd.revents);
	return 0;
}

static long
watch_ctl(const struct sockin_watch *sw, int op, int fd, uint32_t events,
    uint64_t cookie)
{
	struct epoll_event ev;

	ev.events = events;
	ev.data.u64 = cookie;
	return host_call(SYS_epoll_ctl, sw->sw_epfd, op, fd, &ev);
}

int
rumpcomp_sockin_watch_open(struct sockin_watch *sw)
{
	struct sockin_watch new;
	int error;

	error = adopt(
	    host_call(SYS_epoll_create1, EPOLL_CLOEXEC, 0, 0, 0), &new.sw_epfd);
	if (error != 0)
		return error;
	error =
	    adopt(host_call(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK, 0, 0),
		&new.sw_kickfd);
	if (error != 0)
		goto fail_epfd;
	error = result_error(watch_ctl(
	    &new, EPOLL_CTL_ADD, new.sw_kickfd, EPOLLIN, KICK_COOKIE));
	if (error != 0)
		goto fail_kickfd;
	*sw = new;
	return 0;

fail_kickfd:
	discard(new.sw_kickfd);
fail_epfd:
	discard(new.sw_epfd);
	return error;
}

void
rumpcomp_sockin_watch_close(struct sockin_watch *sw)
{
	discard(sw->sw_kickfd);
	discard(sw->sw_epfd);
}

int
rumpcomp_sockin_watch_arm(const struct sockin_watch *sw, int fd, int events,
    uint64_t cookie, bool add)
{
	return result_error(watch_ctl(sw, add ? EPOLL_CTL_ADD : EPOLL_CTL_MOD,
	    fd, (uint32_t)sockin_events_to_host(events) | EPOLLONESHOT,
	    cookie));
}

void
rumpcomp_sockin_watch_remove(const struct sockin_watch *sw, int fd)
{
	watch_ctl(sw, EPOLL_CTL_DEL, fd, 0, 0);
}

/* Consume the kick; nothing waits for it. */
static void
watch_unkick(const struct sockin_watch *sw)
{
	uint64_t count;

	host_call(SYS_read, sw->sw_kickfd, &count, sizeof(count), 0);
}

int
rumpcomp_sockin_watch_wait(const struct sockin_watch *sw,
    struct sockin_watch_event *events, int size, int timeout_ms, int *n)
{
	struct epoll_event ev[SOCKIN_WATCH_BATCH];
	void *cookie;
	int got, i;
	long r;

	if (size > SOCKIN_WATCH_BATCH)
		size = SOCKIN_WATCH_BATCH;
	cookie = rumpuser_component_unschedule();
	r = host_call(SYS_epoll_wait, sw->sw_epfd, ev, size, timeout_ms);
	rumpuser_component_schedule(cookie);
	if (r == 0)
		return RUMP_EWOULDBLOCK;
	if (r < 0 && r != -EINTR)
		return result_error(r);
	got = 0;
	for (i = 0; i < (int)r; i++) {
		if (ev[i].data.u64 == KICK_COOKIE) {
			watch_unkick(sw);
			continue;
		}
		events[got].swe_cookie = ev[i].data.u64;
		events[got].swe_events =
		    sockin_events_from_host((int)ev[i].events);
		got++;
	}
	*n = got;
	return 0;
}

void
rumpcomp_sockin_watch_kick(const struct sockin_watch *sw)
{
	uint64_t one = 1;

	host_call(SYS_write, sw->sw_kickfd, &one, sizeof(one), 0);
}
