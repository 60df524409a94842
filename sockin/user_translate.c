/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options whose values or control messages differ so much that something would
 * be lost are left out: ENOPROTOOPT.  Who wants the host's own has
 * RUMP_SOL_HOST.
 */
#include "sockin/user_translate.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <poll.h>
#include <stddef.h>

#include "rump/rumpdefs.h"
#include "rump/rumphostsock.h"

#define NITEMS(a) (sizeof(a) / sizeof((a)[0]))

struct pair {
	int here;  /* NetBSD */
	int there; /* host */
};

static const struct pair families[] = {
	{ RUMP_AF_UNSPEC, AF_UNSPEC },
	{ RUMP_AF_INET, AF_INET },
	{ RUMP_AF_INET6, AF_INET6 },
};

static const struct pair types[] = {
	{ RUMP_SOCK_STREAM, SOCK_STREAM },
	{ RUMP_SOCK_DGRAM, SOCK_DGRAM },
	{ RUMP_SOCK_RAW, SOCK_RAW },
	{ RUMP_SOCK_RDM, SOCK_RDM },
	{ RUMP_SOCK_SEQPACKET, SOCK_SEQPACKET },
	{ RUMP_SOCK_DCCP, SOCK_DCCP },
};

/* Flags of a call that the host gets. */
static const struct pair call_flags[] = {
	{ RUMP_MSG_DONTWAIT, MSG_DONTWAIT },
	{ RUMP_MSG_NBIO, MSG_DONTWAIT },
	{ RUMP_MSG_OOB, MSG_OOB },
	{ RUMP_MSG_PEEK, MSG_PEEK },
	{ RUMP_MSG_DONTROUTE, MSG_DONTROUTE },
	{ RUMP_MSG_EOR, MSG_EOR },
	{ RUMP_MSG_TRUNC, MSG_TRUNC },
	{ RUMP_MSG_WAITALL, MSG_WAITALL },
	{ RUMP_MSG_CMSG_CLOEXEC, MSG_CMSG_CLOEXEC },
	{ RUMP_MSG_HOST_MORE, MSG_MORE },
	{ RUMP_MSG_HOST_CONFIRM, MSG_CONFIRM },
	{ RUMP_MSG_HOST_ERRQUEUE, MSG_ERRQUEUE },
	{ RUMP_MSG_HOST_FASTOPEN, MSG_FASTOPEN },
	{ RUMP_MSG_HOST_ZEROCOPY, MSG_ZEROCOPY },
};

/* Flags of a call that mean nothing to the host: MSG_NOSIGNAL is always set,
 * MSG_CTRUNC is a result, MSG_WAITFORONE is of many messages, and the last is the
 * socket layer's. */
#define CALL_FLAGS_OURS                                                        \
	(RUMP_MSG_NOSIGNAL | RUMP_MSG_CTRUNC | RUMP_MSG_WAITFORONE |           \
	    RUMP_MSG_HOST_KEEPERROR)

static const struct pair result_flags[] = {
	{ RUMP_MSG_OOB, MSG_OOB },
	{ RUMP_MSG_EOR, MSG_EOR },
	{ RUMP_MSG_TRUNC, MSG_TRUNC },
	{ RUMP_MSG_CTRUNC, MSG_CTRUNC },
	{ RUMP_MSG_CMSG_CLOEXEC, MSG_CMSG_CLOEXEC },
	{ RUMP_MSG_HOST_ERRQUEUE, MSG_ERRQUEUE },
};

static const struct pair events_bits[] = {
	{ RUMP_POLLIN, POLLIN },
	{ RUMP_POLLPRI, POLLPRI },
	{ RUMP_POLLOUT, POLLOUT },
	{ RUMP_POLLERR, POLLERR },
	{ RUMP_POLLHUP, POLLHUP },
	{ RUMP_POLLNVAL, POLLNVAL },
	{ RUMP_POLLRDNORM, POLLRDNORM },
	{ RUMP_POLLRDBAND, POLLRDBAND },
	{ RUMP_POLLWRBAND, POLLWRBAND },
};

#define INT SOCKIN_VALUE_INT, sizeof(int)
#define SMALL SOCKIN_VALUE_SMALL, sizeof(int)
#define BYTES(type) SOCKIN_VALUE_BYTES, sizeof(type)
#define TIME SOCKIN_VALUE_TIME, sizeof(struct rump_timeval)
#define SOCKET(name) RUMP_SOL_SOCKET, RUMP_##name, SOL_SOCKET, name
#define IP(name) RUMP_IPPROTO_IP, RUMP_##name, IPPROTO_IP, name
#define IPV6(name) RUMP_IPPROTO_IPV6, RUMP_##name, IPPROTO_IPV6, name
#define TCP(name) RUMP_IPPROTO_TCP, RUMP_##name, IPPROTO_TCP, name

static const struct sockin_option options[] = {
	{ SOCKET(SO_REUSEADDR), INT },
	{ SOCKET(SO_REUSEPORT), INT },
	{ SOCKET(SO_KEEPALIVE), INT },
	{ SOCKET(SO_DONTROUTE), INT },
	{ SOCKET(SO_BROADCAST), INT },
	{ SOCKET(SO_OOBINLINE), INT },
	{ SOCKET(SO_LINGER), BYTES(struct linger) },
	{ SOCKET(SO_SNDBUF), INT },
	{ SOCKET(SO_RCVBUF), INT },
	{ SOCKET(SO_DEBUG), INT },
	{ SOCKET(SO_ACCEPTCONN), INT },
	{ SOCKET(SO_RCVLOWAT), INT },
	{ SOCKET(SO_RCVTIMEO), TIME },
	{ SOCKET(SO_SNDTIMEO), TIME },
	{ SOCKET(SO_TIMESTAMP), INT },
	{ SOCKET(SO_ERROR), SOCKIN_VALUE_ERRNO, sizeof(int) },
	{ IP(IP_TOS), INT },
	{ IP(IP_TTL), INT },
	{ IP(IP_HDRINCL), INT },
	{ IP(IP_MINTTL), INT },
	{ IP(IP_MULTICAST_IF), BYTES(struct in_addr) },
	{ IP(IP_MULTICAST_TTL), SMALL },
	{ IP(IP_MULTICAST_LOOP), SMALL },
	{ IP(IP_ADD_MEMBERSHIP), BYTES(struct ip_mreq) },
	{ IP(IP_DROP_MEMBERSHIP), BYTES(struct ip_mreq) },
	{ IPV6(IPV6_UNICAST_HOPS), INT },
	{ IPV6(IPV6_MULTICAST_IF), INT },
	{ IPV6(IPV6_MULTICAST_HOPS), INT },
	{ IPV6(IPV6_MULTICAST_LOOP), INT },
	{ IPV6(IPV6_JOIN_GROUP), BYTES(struct ipv6_mreq) },
	{ IPV6(IPV6_LEAVE_GROUP), BYTES(struct ipv6_mreq) },
	{ IPV6(IPV6_V6ONLY), INT },
	{ IPV6(IPV6_TCLASS), INT },
	{ IPV6(IPV6_RECVPKTINFO), INT },
	{ IPV6(IPV6_RECVHOPLIMIT), INT },
	{ IPV6(IPV6_RECVTCLASS), INT },
	{ TCP(TCP_NODELAY), INT },
	{ TCP(TCP_MAXSEG), INT },
	{ TCP(TCP_KEEPIDLE), INT },
	{ TCP(TCP_KEEPINTVL), INT },
	{ TCP(TCP_KEEPCNT), INT },
};

/* The structures that are passed on as they are. */
_Static_assert(sizeof(struct linger) == sizeof(struct rump_linger), "linger");
_Static_assert(sizeof(struct ip_mreq) == 8, "NetBSD struct ip_mreq");
_Static_assert(sizeof(struct ipv6_mreq) == 20, "NetBSD struct ipv6_mreq");

static int
number_to_host(const struct pair *p, size_t n, int here)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (p[i].here == here)
			return p[i].there;
	return -1;
}

static int
bits_to_host(const struct pair *p, size_t n, int here)
{
	size_t i;
	int there;

	there = 0;
	for (i = 0; i < n; i++)
		if ((here & p[i].here) != 0)
			there |= p[i].there;
	return there;
}

static int
bits_from_host(const struct pair *p, size_t n, int there)
{
	size_t i;
	int here;

	here = 0;
	for (i = 0; i < n; i++)
		if ((there & p[i].there) != 0)
			here |= p[i].here;
	return here;
}

int
sockin_family_to_host(int family)
{
	return number_to_host(families, NITEMS(families), family);
}

int
sockin_type_to_host(int type)
{
	return number_to_host(types, NITEMS(types), type);
}

static int
inet_to_host(const struct rump_sockaddr_in *sin, struct sockaddr_in *hin,
    socklen_t *hlen)
{
	hin->sin_family = AF_INET;
	hin->sin_port = sin->sin_port;
	hin->sin_addr.s_addr = sin->sin_addr;
	__builtin_memset(hin->sin_zero, 0, sizeof(hin->sin_zero));
	*hlen = sizeof(*hin);
	return 0;
}

static int
inet6_to_host(const struct rump_sockaddr_in6 *sin6, struct sockaddr_in6 *hin6,
    socklen_t *hlen)
{
	hin6->sin6_family = AF_INET6;
	hin6->sin6_port = sin6->sin6_port;
	hin6->sin6_flowinfo = sin6->sin6_flowinfo;
	__builtin_memcpy(&hin6->sin6_addr, sin6->sin6_addr, 16);
	hin6->sin6_scope_id = sin6->sin6_scope_id;
	*hlen = sizeof(*hin6);
	return 0;
}

/* An address whose layout is nobody's here: what it is good for, and what is
 * wrong with it, the host says, which takes some of AF_UNSPEC for IPv4. */
static int
other_to_host(const struct rump_sockaddr *sa, int len, sa_family_t family,
    struct sockaddr_storage *hs, socklen_t *hlen)
{
	const int head = (int)offsetof(struct rump_sockaddr, sa_data);
	const int room = (int)sizeof(*hs) - head;
	char *data = (char *)hs + head;
	int i;

	hs->ss_family = family;
	for (i = 0; i < len - head && i < room; i++)
		data[i] = sa->sa_data[i];
	*hlen = (socklen_t)(i + head);
	return 0;
}

static int
raw_to_host(const struct rump_sockaddr *sa, int len, char *hs, socklen_t *hlen)
{
	const int head = (int)offsetof(struct rump_sockaddr, sa_data);
	int i;

	for (i = head; i < len && i < (int)sizeof(struct sockaddr_storage); i++)
		hs[i - head] = ((const char *)sa)[i];
	*hlen = (socklen_t)(i - head);
	return 0;
}

int
sockin_addr_to_host(const struct rump_sockaddr *sa, int len,
    struct sockaddr_storage *hs, socklen_t *hlen)
{
	if (len < (int)offsetof(struct rump_sockaddr, sa_data))
		return RUMP_EINVAL;
	switch (sa->sa_family) {
	case RUMP_AF_UNSPEC:
		return other_to_host(sa, len, AF_UNSPEC, hs, hlen);
	case RUMP_AF_LOCAL:
		return other_to_host(sa, len, AF_UNIX, hs, hlen);
	case RUMP_AF_INET:
		if (len < (int)sizeof(struct rump_sockaddr_in))
			return RUMP_EINVAL;
		return inet_to_host((const struct rump_sockaddr_in *)sa,
		    (struct sockaddr_in *)hs, hlen);
	case RUMP_AF_INET6:
		if (len < (int)sizeof(struct rump_sockaddr_in6))
			return RUMP_EINVAL;
		return inet6_to_host((const struct rump_sockaddr_in6 *)sa,
		    (struct sockaddr_in6 *)hs, hlen);
	case RUMP_AF_HOST:
		return raw_to_host(sa, len, (char *)hs, hlen);
	}
	return RUMP_EAFNOSUPPORT;
}

static void
inet_from_host(const struct sockaddr_in *hin, struct rump_sockaddr_in *sin)
{
	sin->sin_len = sizeof(*sin);
	sin->sin_family = RUMP_AF_INET;
	sin->sin_port = hin->sin_port;
	sin->sin_addr = hin->sin_addr.s_addr;
	__builtin_memset(sin->sin_zero, 0, sizeof(sin->sin_zero));
}

static void
inet6_from_host(const struct sockaddr_in6 *hin6, struct rump_sockaddr_in6 *sin6)
{
	sin6->sin6_len = sizeof(*sin6);
	sin6->sin6_family = RUMP_AF_INET6;
	sin6->sin6_port = hin6->sin6_port;
	sin6->sin6_flowinfo = hin6->sin6_flowinfo;
	__builtin_memcpy(sin6->sin6_addr, &hin6->sin6_addr, 16);
	sin6->sin6_scope_id = hin6->sin6_scope_id;
}

/* A loop that compilers do not turn into memcpy(3), see user.c. */
static void
copy_bytes(void *dst, const void *src, int n)
{
	volatile char *d = dst;
	const char *s = src;
	int i;

	for (i = 0; i < n; i++)
		d[i] = s[i];
}

int
sockin_addr_from_host(const struct sockaddr_storage *hs, socklen_t hlen,
    struct rump_sockaddr *sa, int size)
{
	union {
		struct rump_sockaddr_in in;
		struct rump_sockaddr_in6 in6;
	} u;
	int len;

	if (hlen >= sizeof(struct sockaddr_in) && hs->ss_family == AF_INET) {
		inet_from_host((const struct sockaddr_in *)hs, &u.in);
		len = sizeof(u.in);
	} else if (hlen >= sizeof(struct sockaddr_in6) &&
		   hs->ss_family == AF_INET6) {
		inet6_from_host((const struct sockaddr_in6 *)hs, &u.in6);
		len = sizeof(u.in6);
	} else {
		return 0;
	}
	copy_bytes(sa, &u, size < len ? size : len);
	return len;
}

/* What most calls have. */
#define CALL_FLAGS_USUAL (RUMP_MSG_DONTWAIT | RUMP_MSG_NBIO | RUMP_MSG_NOSIGNAL)

bool
sockin_msgflags_to_host(int flags, int *hflags)
{
	int known, i;

	if ((flags & ~CALL_FLAGS_USUAL) == 0) {
		*hflags =
		    MSG_NOSIGNAL |
		    ((flags & ~RUMP_MSG_NOSIGNAL) != 0 ? MSG_DONTWAIT : 0);
		return true;
	}
	known = CALL_FLAGS_OURS;
	for (i = 0; i < (int)NITEMS(call_flags); i++)
		known |= call_flags[i].here;
	if ((flags & ~known) != 0)
		return false;
	*hflags =
	    bits_to_host(call_flags, NITEMS(call_flags), flags) | MSG_NOSIGNAL;
	return true;
}

int
sockin_msgflags_from_host(int hflags)
{
	return bits_from_host(result_flags, NITEMS(result_flags), hflags);
}

int
sockin_events_to_host(int events)
{
	return bits_to_host(events_bits, NITEMS(events_bits), events);
}

int
sockin_events_from_host(int hevents)
{
	return bits_from_host(events_bits, NITEMS(events_bits), hevents);
}

const struct sockin_option *
sockin_option_find(int level, int name)
{
	size_t i;

	for (i = 0; i < NITEMS(options); i++)
		if (options[i].op_level == level && options[i].op_name == name)
			return &options[i];
	return NULL;
}
