/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets of the families that RUMPHIJACK's socket= names.  A family that the
 * kernel does not have is left to the host, which the trace says once.
 *
 * Addresses, options and message headers are converted in buffers on the kernel
 * stack, and handed to the kernel as if they were the program's; data go
 * straight between the kernel and the program's memory.
 */
#include <errno.h>
#include <netinet/in.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#include "preload/abi/errno.h"
#include "preload/abi/socket.h"
#include "preload/config.h"
#include "preload/descriptor.h"
#include "preload/namespace.h"
#include "preload/netspace.h"
#include "preload/process.h"
#include "preload/route.h"
#include "preload/sockets.h"
#include "preload/trace.h"
#include "preload/unixname.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphostsock.h"
#include "syscall_table/linux_routes.h"

#define CONTROL_MAX 2048
#define IOV_LIMIT 1024
#define RW_MAX 0x7ffff000L /* what Linux moves in one call */
#define NS_PER_SEC 1000000000L

static const struct {
	int family;
	unsigned bit;
	const char *missing;
} families[] = {
	{ AF_UNIX, HS_LOCAL, "the kernel has no PF_LOCAL: left to the host" },
	{ AF_INET, HS_INET, "the kernel has no PF_INET: left to the host" },
	{ AF_INET6, HS_INET6, "the kernel has no PF_INET6: left to the host" },
};
#define NFAMILIES (sizeof(families) / sizeof(families[0]))

static _Atomic(unsigned) absent; /* HS_* bits that the kernel lacks */

/* The index of a family that is to be routed, or -1. */
static int
routed_family(int family)
{
	for (size_t i = 0; i < NFAMILIES; i++) {
		if (families[i].family == family &&
		    (config.cf_hijack.hs_sockets & families[i].bit) != 0 &&
		    (absent & families[i].bit) == 0)
			return (int)i;
	}
	return -1;
}

static void
family_absent(int i)
{
	if ((atomic_fetch_or(&absent, families[i].bit) & families[i].bit) ==
		0 &&
	    config.cf_trace != 0)
		trace_line(families[i].missing);
}

/* The kind of socket that the call asks for; the host looks at the protocol
 * before it looks whether there is such a kind. */
static int
kind_asked(const struct call *c, int *family, int *type)
{
	int protocol = (int)c->arg[2];
	int error = abi_socktype_to_netbsd((int)c->arg[1], type);

	if (error == ESOCKTNOSUPPORT &&
	    (protocol < 0 || protocol >= IPPROTO_MAX))
		error = EINVAL;
	return error != 0 ? error
			  : abi_family_to_netbsd((int)c->arg[0], family);
}

/* Is it of a kind that not everybody may have? */
static bool
wants_rights(const struct call *c)
{
	int type = (int)c->arg[1] & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
	int protocol = (int)c->arg[2];

	return type == SOCK_RAW || protocol == IPPROTO_ICMP ||
	       protocol == IPPROTO_ICMPV6;
}

/* May the calling thread have it?  The host says that for a server, which has
 * rights of its own.  0 or -errno. */
static long
may_make(const struct call *c)
{
	long fd;

	if (!wants_rights(c) || !netspace_has_server())
		return 0;
	fd = HOST(SYS_socket, c->arg[0], c->arg[1] | SOCK_CLOEXEC, c->arg[2], 0,
	    0, 0);
	if (fd >= 0)
		HOST(SYS_close, fd, 0, 0, 0, 0, 0);
	return fd < 0 ? fd : 0;
}

static long
socket_run(struct call *c)
{
	int i = routed_family((int)c->arg[0]), family, type, error;
	int64_t fd;

	if (i < 0 || abi_socktype_is_packet((int)c->arg[1]))
		return CALL_TO_HOST;
	error = kind_asked(c, &family, &type);
	if (error == 0)
		error = (int)-may_make(c);
	if (error != 0)
		return -error;
	int64_t args[BACKEND_SLOTS] = { family, type & ~RUMP_SOCK_CLOEXEC,
		(int)c->arg[2] };

	if (netspace_is_other())
		error = netspace_socket(c, family, type, &fd);
	else
		error = rump_call(c, RUMP_SYS_socket, args, &fd);
	if (error == EAFNOSUPPORT) {
		family_absent(i);
		route_mark_host(c);
		return CALL_TO_HOST;
	}
	if (error != 0)
		return route_result(error, 0);
	return fdmap_install((int)fd, RF_SOCKET, NS_HOST, false,
	    ((int)c->arg[1] & SOCK_CLOEXEC) != 0);
}
ROUTE(socket, socket_run)

/* Both numbers, or none. */
static long
install_pair(struct call *c, const int *rump)
{
	bool cloexec = ((int)c->arg[1] & SOCK_CLOEXEC) != 0;
	long first, second;
	int out[2];

	first = fdmap_install(rump[0], RF_SOCKET, NS_HOST, false, cloexec);
	second = fdmap_install(rump[1], RF_SOCKET, NS_HOST, false, cloexec);
	out[0] = (int)first;
	out[1] = (int)second;
	if (first >= 0 && second >= 0 &&
	    usercopy_out(out, (void *)c->arg[3], sizeof(out)) == 0)
		return 0;
	if (first >= 0)
		(void)fdmap_close(first);
	if (second >= 0)
		(void)fdmap_close(second);
	return first < 0 ? first : second < 0 ? second : -EFAULT;
}

static long
socketpair_run(struct call *c)
{
	int i = routed_family((int)c->arg[0]), family, type, error;
	int rump[2] = { -1, -1 };

	if (i < 0)
		return CALL_TO_HOST;
	error = kind_asked(c, &family, &type);
	/* Where the numbers are to go is seen before there are any. */
	if (error == 0)
		error = usercopy_out(rump, (void *)c->arg[3], sizeof(rump));
	if (error != 0)
		return -error;
	int64_t args[BACKEND_SLOTS] = { family, type & ~RUMP_SOCK_CLOEXEC,
		(int)c->arg[2], (int64_t)rump };

	error = rump_call(c, RUMP_SYS_socketpair, args, NULL);
	if (error == EAFNOSUPPORT) {
		family_absent(i);
		route_mark_host(c);
		return CALL_TO_HOST;
	}
	return error != 0 ? route_result(error, 0) : install_pair(c, rump);
}
ROUTE(socketpair, socketpair_run)

/* --- addresses --------------------------------------------------------- */

static int
address_in(
    long addr, long len, struct rump_sockaddr_storage *out, size_t *outlen)
{
	char linux_addr[sizeof(struct sockaddr_storage)];

	if ((int)len < 0 || (size_t)len > sizeof(linux_addr))
		return EINVAL;
	if (usercopy_in(linux_addr, (const void *)addr, (size_t)len) != 0)
		return EFAULT;
	if (abi_sockaddr_to_netbsd(linux_addr, (size_t)len, out, outlen) != 0)
		abi_sockaddr_wrap(linux_addr, (size_t)len, out, outlen);
	return 0;
}

/* *lenp bounds what is written and gets the whole length. */
static int
address_out(
    const struct rump_sockaddr_storage *in, size_t len, long addr, long lenp)
{
	char linux_addr[sizeof(struct sockaddr_storage)];
	uint32_t room, whole;

	if (addr == 0)
		return 0;
	if (usercopy_in(&room, (const void *)lenp, sizeof(room)) != 0)
		return EFAULT;
	if ((int32_t)room < 0)
		return EINVAL;
	whole = (uint32_t)abi_sockaddr_to_linux(
	    in, len, linux_addr, sizeof(linux_addr));
	if (usercopy_out(
		linux_addr, (void *)addr, whole < room ? whole : room) != 0 ||
	    usercopy_out(&whole, (void *)lenp, sizeof(whole)) != 0)
		return EFAULT;
	return 0;
}

static long
name_call(struct call *c, struct rfile *rf, int num)
{
	struct rump_sockaddr_storage ss;
	size_t len;
	int error = address_in(c->arg[1], c->arg[2], &ss, &len);

	if (error != 0)
		return -error;
	return fd_call(c, rf, num, (int64_t)&ss, (int64_t)len, 0, 0);
}

/* Which ports a process may have is a matter of its own rights. */
static long
bind_rump(struct call *c, struct rfile *rf)
{
	char addr[sizeof(struct sockaddr_storage)];
	long len = (int)c->arg[2], result;

	if (!netspace_has_server() || rf->rf_kind != RF_SOCKET)
		return name_call(c, rf, RUMP_SYS_bind);
	if (len < 0 || (size_t)len > sizeof(addr))
		return -EINVAL;
	if (usercopy_in(addr, (const void *)c->arg[1], (size_t)len) != 0)
		return -EFAULT;
	result = socket_call_here(rf, SYS_bind, (long)addr, len, 0, 0);
	/* There may be no room for the host descriptor. */
	return result == -EOPNOTSUPP ? name_call(c, rf, RUMP_SYS_bind) : result;
}

static long
connect_rump(struct call *c, struct rfile *rf)
{
	return name_call(c, rf, RUMP_SYS_connect);
}

static long
get_name(struct call *c, struct rfile *rf, int num)
{
	struct rump_sockaddr_storage ss = { 0 };
	uint32_t len = sizeof(ss);
	long result = fd_call(c, rf, num, (int64_t)&ss, (int64_t)&len, 0, 0);

	if (result < 0)
		return result;
	if (c->arg[1] == 0)
		return -EFAULT;
	return -address_out(&ss, len, c->arg[1], c->arg[2]);
}

static long
getsockname_rump(struct call *c, struct rfile *rf)
{
	return get_name(c, rf, RUMP_SYS_getsockname);
}

static long
getpeername_rump(struct call *c, struct rfile *rf)
{
	return get_name(c, rf, RUMP_SYS_getpeername);
}

static long
accept_flags(struct call *c, struct rfile *rf, int flags)
{
	struct rump_sockaddr_storage ss = { 0 };
	uint32_t len = sizeof(ss);
	int nflags, error = abi_sockflags_to_netbsd(flags, &nflags);
	long fd, number;

	/* A connection that has been taken out of the queue is not put back. */
	if (error == 0)
		error = fdmap_room();
	if (error != 0)
		return -error;
	fd = fd_call(c, rf, RUMP_SYS_paccept, (int64_t)&ss, (int64_t)&len, 0,
	    nflags & ~RUMP_SOCK_CLOEXEC);
	if (fd < 0)
		return fd;
	number = fdmap_install(
	    (int)fd, RF_SOCKET, NS_HOST, false, (flags & SOCK_CLOEXEC) != 0);
	if (number < 0)
		return number;
	error = address_out(&ss, len, c->arg[1], c->arg[2]);
	if (error == 0)
		return number;
	(void)fdmap_close(number);
	return -error;
}

static long
accept_rump(struct call *c, struct rfile *rf)
{
	return accept_flags(c, rf, 0);
}

static long
accept4_rump(struct call *c, struct rfile *rf)
{
	return accept_flags(c, rf, (int)c->arg[3]);
}

static long
listen_rump(struct call *c, struct rfile *rf)
{
	return fd_call(c, rf, RUMP_SYS_listen, (int)c->arg[1], 0, 0, 0);
}

static long
shutdown_rump(struct call *c, struct rfile *rf)
{
	return fd_call(c, rf, RUMP_SYS_shutdown, (int)c->arg[1], 0, 0, 0);
}

/* --- data -------------------------------------------------------------- */

/* A length without a sign. */
static long
data_length(long len)
{
	return (unsigned long)len > RW_MAX ? RW_MAX : len;
}

static long
sendto_rump(struct call *c, struct rfile *rf)
{
	struct rump_sockaddr_storage ss;
	size_t len = 0;
	int error = 0;

	if (c->arg[4] != 0)
		error = address_in(c->arg[4], c->arg[5], &ss, &len);
	if (error != 0)
		return -error;
	int flags = abi_msgflags_to_netbsd((int)c->arg[3]);
	int64_t args[BACKEND_SLOTS] = { rf->rf_fd, c->arg[1],
		data_length(c->arg[2]), flags, len != 0 ? (int64_t)&ss : 0,
		(int64_t)len },
		n = 0;

	error = rump_call(c, RUMP_SYS_sendto, args, &n);
	n = route_result(error, n);
	return ((int)c->arg[3] & MSG_NOSIGNAL) != 0 ? n : fd_sigpipe(rf, n);
}

static long
recvfrom_rump(struct call *c, struct rfile *rf)
{
	struct rump_sockaddr_storage ss;
	uint32_t len = sizeof(ss);
	int flags = abi_msgflags_to_netbsd((int)c->arg[3]);
	int64_t args[BACKEND_SLOTS] = { rf->rf_fd, c->arg[1],
		data_length(c->arg[2]), flags,
		c->arg[4] != 0 ? (int64_t)&ss : 0,
		c->arg[4] != 0 ? (int64_t)&len : 0 },
		n = 0;
	int error;

	error = rump_call(c, RUMP_SYS_recvfrom, args, &n);
	if (error == 0)
		error = address_out(&ss, len, c->arg[4], c->arg[5]);
	return route_result(error, n);
}

/* A message header with the buffers that its conversion needs. */
struct message {
	struct msghdr m_linux;
	struct rump_msghdr m_netbsd;
	struct rump_sockaddr_storage m_name;
	char m_control[CONTROL_MAX], m_user_control[CONTROL_MAX];
};

static int
message_in(struct message *m, long addr)
{
	if (usercopy_in(&m->m_linux, (const void *)addr, sizeof(m->m_linux)) !=
	    0)
		return EFAULT;
	if (m->m_linux.msg_iovlen > IOV_LIMIT)
		return EMSGSIZE;
	if (m->m_linux.msg_name != NULL && (int)m->m_linux.msg_namelen < 0)
		return EINVAL;
	m->m_netbsd = (struct rump_msghdr){
		/* struct iovec is the same on both systems. */
		.msg_iov = (struct rump_iovec *)m->m_linux.msg_iov,
		.msg_iovlen = (int32_t)m->m_linux.msg_iovlen,
	};
	return 0;
}

static int
message_in_send(struct message *m)
{
	const struct msghdr *mh = &m->m_linux;
	size_t len;
	int error;

	if (mh->msg_name != NULL && mh->msg_namelen != 0) {
		len = mh->msg_namelen;
		if (len > sizeof(struct sockaddr_storage))
			len = sizeof(struct sockaddr_storage);
		error =
		    address_in((long)mh->msg_name, (long)len, &m->m_name, &len);
		if (error != 0)
			return error;
		m->m_netbsd.msg_name = &m->m_name;
		m->m_netbsd.msg_namelen = (uint32_t)len;
	}
	if (mh->msg_control == NULL || mh->msg_controllen == 0)
		return 0;
	if (mh->msg_controllen > CONTROL_MAX)
		return ENOBUFS;
	if (usercopy_in(
		m->m_user_control, mh->msg_control, mh->msg_controllen) != 0)
		return EFAULT;
	error = abi_cmsg_to_netbsd(m->m_user_control, mh->msg_controllen,
	    m->m_control, CONTROL_MAX, &len);
	if (error != 0)
		error = abi_cmsg_wrap(m->m_user_control, mh->msg_controllen,
		    m->m_control, CONTROL_MAX, &len);
	if (error == 0 && len != 0) {
		m->m_netbsd.msg_control = m->m_control;
		m->m_netbsd.msg_controllen = (uint32_t)len;
	}
	return error;
}

static long
send_message(
    struct call *c, struct rfile *rf, long addr, int linux_flags, bool first)
{
	struct message m;
	long result;
	int flags = abi_msgflags_to_netbsd(linux_flags);
	int error = message_in(&m, addr);

	if (error == 0)
		error = message_in_send(&m);
	if (error != 0)
		return -error;
	result =
	    fd_call(c, rf, RUMP_SYS_sendmsg, (int64_t)&m.m_netbsd, flags, 0, 0);
	return (linux_flags & MSG_NOSIGNAL) != 0 ? result
						 : fd_sigpipe(rf, result);
}

static long
sendmsg_rump(struct call *c, struct rfile *rf)
{
	return send_message(c, rf, c->arg[1], (int)c->arg[2], true);
}

/* Control data are as long in the one format as in the other, so that the host
 * knows what has to be cut off. */
static uint32_t
control_room(const struct msghdr *mh)
{
	return mh->msg_controllen < CONTROL_MAX ? (uint32_t)mh->msg_controllen
						: CONTROL_MAX;
}

static int
message_out(struct message *m, long addr)
{
	struct msghdr *mh = &m->m_linux;
	char name[sizeof(struct sockaddr_storage)];
	size_t len, control = 0;
	int truncated = 0, error;

	if (mh->msg_name != NULL) {
		len = abi_sockaddr_to_linux(
		    &m->m_name, m->m_netbsd.msg_namelen, name, sizeof(name));
		if (usercopy_out(name, mh->msg_name,
			len < mh->msg_namelen ? len : mh->msg_namelen) != 0)
			return EFAULT;
		mh->msg_namelen = (uint32_t)len;
	}
	if (m->m_netbsd.msg_control != NULL) {
		error = abi_cmsg_to_linux(m->m_control,
		    m->m_netbsd.msg_controllen, m->m_user_control,
		    control_room(mh), &control, &truncated);
		if (error == 0 && usercopy_out(m->m_user_control,
				      mh->msg_control, control) != 0)
			error = EFAULT;
		if (error != 0)
			return error;
	}
	mh->msg_controllen = control;
	mh->msg_flags = abi_msgflags_to_linux(m->m_netbsd.msg_flags) |
			(truncated ? MSG_CTRUNC : 0);
	return usercopy_out(mh, (void *)addr, sizeof(*mh));
}

static long
receive_message(
    struct call *c, struct rfile *rf, long addr, int linux_flags, bool first)
{
	struct message m;
	int flags = abi_msgflags_to_netbsd(linux_flags) |
		    (first ? 0 : RUMP_MSG_HOST_KEEPERROR);
	int error = message_in(&m, addr);
	long n;

	if (error != 0)
		return -error;
	if (m.m_linux.msg_name != NULL) {
		m.m_netbsd.msg_name = &m.m_name;
		m.m_netbsd.msg_namelen = sizeof(m.m_name);
	}
	if (m.m_linux.msg_control != NULL && m.m_linux.msg_controllen != 0) {
		m.m_netbsd.msg_control = m.m_control;
		m.m_netbsd.msg_controllen = control_room(&m.m_linux);
	}
	n = fd_call(c, rf, RUMP_SYS_recvmsg, (int64_t)&m.m_netbsd, flags, 0, 0);
	if (n < 0)
		return n;
	error = message_out(&m, addr);
	return error != 0 ? -error : n;
}

static long
recvmsg_rump(struct call *c, struct rfile *rf)
{
	return receive_message(c, rf, c->arg[1], (int)c->arg[2], true);
}

/* When recvmmsg(2) is to stop waiting for more; there is none when mw_ts is
 * NULL.  Looked at between messages only, as Linux does. */
struct message_wait {
	struct timespec *mw_ts; /* the program's; gets what is left */
	int64_t mw_end_ns;
};

static int64_t
monotonic_ns(void)
{
	struct timespec ts;

	HOST(SYS_clock_gettime, CLOCK_MONOTONIC, &ts, 0, 0, 0, 0);
	return ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

static int
wait_init(struct message_wait *mw, long addr)
{
	struct timespec ts;

	mw->mw_ts = (struct timespec *)addr;
	if (addr == 0)
		return 0;
	if (usercopy_in(&ts, mw->mw_ts, sizeof(ts)) != 0)
		return EFAULT;
	if (ts.tv_sec < 0 || ts.tv_nsec < 0 || ts.tv_nsec >= NS_PER_SEC)
		return EINVAL;
	if (ts.tv_sec > INT32_MAX)
		ts.tv_sec = INT32_MAX;
	mw->mw_end_ns = monotonic_ns() + ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
	return 0;
}

/* Is the time over?  *left gets what is left of it. */
static bool
wait_over(const struct message_wait *mw, struct timespec *left)
{
	int64_t ns;

	if (mw->mw_ts == NULL)
		return false;
	ns = mw->mw_end_ns - monotonic_ns();
	if (ns < 0)
		ns = 0;
	left->tv_sec = ns / NS_PER_SEC;
	left->tv_nsec = ns % NS_PER_SEC;
	return ns == 0;
}

/* Several messages, one after the other, until one fails.  The error of a later
 * receive comes with the next call. */
static long
message_vector(struct call *c, struct rfile *rf,
    long (*one)(struct call *, struct rfile *, long, int, bool), int flags,
    const struct message_wait *mw)
{
	struct mmsghdr *vec = (struct mmsghdr *)c->arg[1];
	unsigned count = (unsigned)c->arg[2], done = 0;
	struct timespec left = { 0 };
	bool over = false;
	long n = 0;

	if (count > IOV_LIMIT)
		count = IOV_LIMIT;
	while (done < count && !over) {
		unsigned len;

		n = one(c, rf, (long)&vec[done].msg_hdr,
		    flags & ~MSG_WAITFORONE, done == 0);
		if (n < 0)
			break;
		len = (unsigned)n;
		if (usercopy_out(&len, &vec[done].msg_len, sizeof(len)) != 0)
			return done > 0 ? (long)done : -EFAULT;
		if ((flags & MSG_WAITFORONE) != 0)
			flags |= MSG_DONTWAIT;
		done++;
		over = wait_over(mw, &left);
	}
	if (done == 0)
		return n;
	if (mw->mw_ts != NULL &&
	    usercopy_out(&left, mw->mw_ts, sizeof(left)) != 0)
		return -EFAULT;
	return (long)done;
}

static long
sendmmsg_rump(struct call *c, struct rfile *rf)
{
	static const struct message_wait none;

	return message_vector(
	    c, rf, send_message, (int)c->arg[3] & ~MSG_WAITFORONE, &none);
}

/* The error that waits in a socket; it comes before any data of recvmmsg(2). */
static long
pending_error(struct call *c, struct rfile *rf)
{
	int value = 0;
	uint32_t len = sizeof(value);
	long result = fd_call(c, rf, RUMP_SYS_getsockopt, RUMP_SOL_SOCKET,
	    RUMP_SO_ERROR, (int64_t)&value, (int64_t)&len);

	return result < 0 ? result : -abi_errno_to_linux(value);
}

static long
recvmmsg_rump(struct call *c, struct rfile *rf)
{
	struct message_wait mw;
	int error = wait_init(&mw, c->arg[4]);
	long result;

	if (error != 0)
		return -error;
	result =
	    ((int)c->arg[3] & MSG_ERRQUEUE) != 0 ? 0 : pending_error(c, rf);
	if (result < 0)
		return result;
	return message_vector(c, rf, receive_message, (int)c->arg[3], &mw);
}

/* --- routes ------------------------------------------------------------ */

/* Sockets of the host may have names in the kernel, and carry descriptors. */
#define NAME_ROUTE(name, run, host)                                            \
	static long name##_run(struct call *c)                                 \
	{                                                                      \
		return fdmap_is_rump(c->arg[0]) ? run(c, name##_rump) : host;  \
	}                                                                      \
	ROUTE(name, name##_run)

/* A rump file that is not a socket fails in the kernel, with ENOTSOCK. */
#define SOCKET_ROUTE(name)                                                     \
	static long name##_run(struct call *c)                                 \
	{                                                                      \
		return fd_run(c, true, name##_rump);                           \
	}                                                                      \
	ROUTE(name, name##_run)

SOCKET_ROUTE(listen)
SOCKET_ROUTE(shutdown)

static long
socket_op(struct call *c, long (*op)(struct call *, struct rfile *))
{
	return fd_run(c, true, op);
}

NAME_ROUTE(bind, socket_op, unixname_bind(c))
NAME_ROUTE(connect, socket_op, unixname_to(c, 1))
NAME_ROUTE(getsockname, socket_op, unixname_from(c, 1))
NAME_ROUTE(getpeername, socket_op, unixname_from(c, 1))
NAME_ROUTE(accept, socket_op, unixname_from(c, 1))
NAME_ROUTE(accept4, socket_op, unixname_from(c, 1))

NAME_ROUTE(sendto, fd_run_data, unixname_to(c, 4))
NAME_ROUTE(recvfrom, fd_run_data, unixname_from(c, 4))
NAME_ROUTE(sendmsg, fd_run_data, unixname_send(c, false))
NAME_ROUTE(sendmmsg, fd_run_data, unixname_send(c, true))
NAME_ROUTE(recvmsg, fd_run_data, unixname_receive(c, false))
NAME_ROUTE(recvmmsg, fd_run_data, unixname_receive(c, true))
