/* SPDX-License-Identifier: BSD-2-Clause */
#include "preload/abi/sockopt.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "preload/abi/errno.h"
#include "preload/abi/map.h"
#include "preload/abi/socket.h"
#include "preload/abi/time.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"

#define INT ABI_SO_INT, sizeof(int)
#define BYTES(type) ABI_SO_BYTES, sizeof(type)
#define TIME ABI_SO_TIMEVAL, sizeof(struct timeval)
#define SOL(name) SOL_SOCKET, name, RUMP_SOL_SOCKET, RUMP_##name
#define IP(name) IPPROTO_IP, name, RUMP_IPPROTO_IP, RUMP_##name
#define IP6(name) IPPROTO_IPV6, name, RUMP_IPPROTO_IPV6, RUMP_##name
#define TCP(name) IPPROTO_TCP, name, RUMP_IPPROTO_TCP, RUMP_##name

/*
 * IP_PKTINFO, IP_RECVTTL and others are missing because their control messages
 * differ; TCP_INFO because the structure does.
 */
static const struct abi_sockopt options[] = {
	{ SOL(SO_DEBUG), INT },
	{ SOL(SO_ACCEPTCONN), INT },
	{ SOL(SO_REUSEADDR), INT },
	{ SOL(SO_REUSEPORT), INT },
	{ SOL(SO_KEEPALIVE), INT },
	{ SOL(SO_DONTROUTE), INT },
	{ SOL(SO_BROADCAST), INT },
	{ SOL(SO_OOBINLINE), INT },
	{ SOL(SO_LINGER), BYTES(struct linger) },
	{ SOL(SO_SNDBUF), INT },
	{ SOL(SO_RCVBUF), INT },
	{ SOL(SO_RCVLOWAT), INT },
	{ SOL(SO_SNDTIMEO), TIME },
	{ SOL(SO_RCVTIMEO), TIME },
	/* The same on a machine of 64 bits. */
	{ SOL_SOCKET, SO_SNDTIMEO_NEW, RUMP_SOL_SOCKET, RUMP_SO_SNDTIMEO,
	    TIME },
	{ SOL_SOCKET, SO_RCVTIMEO_NEW, RUMP_SOL_SOCKET, RUMP_SO_RCVTIMEO,
	    TIME },
	{ SOL(SO_TIMESTAMP), INT },
	{ SOL(SO_ERROR), ABI_SO_ERROR, sizeof(int) },
	{ SOL(SO_TYPE), ABI_SO_TYPE, sizeof(int) },
	{ IP(IP_TOS), INT },
	{ IP(IP_TTL), INT },
	{ IP(IP_HDRINCL), INT },
	{ IP(IP_MINTTL), INT },
	{ IP(IP_MULTICAST_TTL), INT },
	{ IP(IP_MULTICAST_LOOP), INT },
	{ IP(IP_MULTICAST_IF), BYTES(struct in_addr) },
	{ IP(IP_ADD_MEMBERSHIP), BYTES(struct ip_mreq) },
	{ IP(IP_DROP_MEMBERSHIP), BYTES(struct ip_mreq) },
	{ IP6(IPV6_UNICAST_HOPS), INT },
	{ IP6(IPV6_MULTICAST_IF), INT },
	{ IP6(IPV6_MULTICAST_HOPS), INT },
	{ IP6(IPV6_MULTICAST_LOOP), INT },
	{ IP6(IPV6_JOIN_GROUP), BYTES(struct ipv6_mreq) },
	{ IP6(IPV6_LEAVE_GROUP), BYTES(struct ipv6_mreq) },
	{ IP6(IPV6_V6ONLY), INT },
	{ IP6(IPV6_TCLASS), INT },
	{ IP6(IPV6_RECVTCLASS), INT },
	{ IP6(IPV6_RECVPKTINFO), INT },
	{ IP6(IPV6_RECVHOPLIMIT), INT },
	{ TCP(TCP_NODELAY), INT },
	{ TCP(TCP_MAXSEG), INT },
	{ TCP(TCP_KEEPIDLE), INT },
	{ TCP(TCP_KEEPINTVL), INT },
	{ TCP(TCP_KEEPCNT), INT },
};

const struct abi_sockopt *
abi_sockopt_find(int level, int name)
{
	for (size_t i = 0; i < ABI_NITEMS(options); i++) {
		if (options[i].as_linux_level == level &&
		    options[i].as_linux_name == name)
			return &options[i];
	}
	return NULL;
}

static int
set_timeval(const void *in, void *out, size_t *outlen)
{
	struct rump_timeval ntv = { 0 };
	struct timeval tv;

	memcpy(&tv, in, sizeof(tv));
	if (abi_timeval_to_netbsd(&tv, &ntv) != 0)
		return EDOM;
	memcpy(out, &ntv, sizeof(ntv));
	*outlen = sizeof(ntv);
	return 0;
}

int
abi_sockopt_set(
    const struct abi_sockopt *so, const void *in, void *out, size_t *outlen)
{
	switch (so->as_kind) {
	case ABI_SO_INT:
	case ABI_SO_BYTES:
		memcpy(out, in, so->as_size);
		*outlen = so->as_size;
		return 0;
	case ABI_SO_TIMEVAL:
		return set_timeval(in, out, outlen);
	default:
		return ENOPROTOOPT;
	}
}

size_t
abi_sockopt_size(const struct abi_sockopt *so)
{
	return so->as_kind == ABI_SO_TIMEVAL ? sizeof(struct rump_timeval)
					     : so->as_size;
}

static size_t
put(void *out, size_t size, const void *value, size_t len)
{
	if (len > size)
		len = size;
	memcpy(out, value, len);
	return len;
}

/* NetBSD answers with the option's bit where Linux has a 1. */
static bool
is_switch(const struct abi_sockopt *so)
{
	return so->as_linux_level == SOL_SOCKET && so->as_kind == ABI_SO_INT &&
	       so->as_linux_name != SO_SNDBUF &&
	       so->as_linux_name != SO_RCVBUF &&
	       so->as_linux_name != SO_RCVLOWAT;
}

static size_t
get_int(const struct abi_sockopt *so, const void *in, size_t len, void *out,
    size_t size)
{
	int value = 0;

	memcpy(&value, in, len < sizeof(value) ? len : sizeof(value));
	if (so->as_kind == ABI_SO_ERROR)
		value = abi_errno_to_linux(value);
	else if (so->as_kind == ABI_SO_TYPE)
		value = abi_socktype_to_linux(value);
	else if (is_switch(so))
		value = value != 0;
	return put(out, size, &value, sizeof(value));
}

size_t
abi_sockopt_get(const struct abi_sockopt *so, const void *in, size_t len,
    void *out, size_t size)
{
	struct rump_timeval ntv = { 0 };
	struct timeval tv;

	switch (so->as_kind) {
	case ABI_SO_TIMEVAL:
		memcpy(&ntv, in, len < sizeof(ntv) ? len : sizeof(ntv));
		abi_timeval_to_linux(&ntv, &tv);
		return put(out, size, &tv, sizeof(tv));
	case ABI_SO_BYTES:
		return put(out, size, in, len);
	default:
		return get_int(so, in, len, out, size);
	}
}
