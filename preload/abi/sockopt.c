/* SPDX-License-Identifier: BSD-2-Clause */
#include "preload/abi/sockopt.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "preload/abi/errno.h"
#include "preload/abi/map.h"
#include "preload/abi/socket.h"
#include "preload/abi/time.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"

#define SOL(name, kind)                                                        \
	{                                                                      \
		SOL_SOCKET, name, RUMP_SOL_SOCKET, RUMP_##name, kind           \
	}
#define IP(name, kind)                                                         \
	{                                                                      \
		IPPROTO_IP, name, RUMP_IPPROTO_IP, RUMP_##name, kind           \
	}
#define IP6(name, kind)                                                        \
	{                                                                      \
		IPPROTO_IPV6, name, RUMP_IPPROTO_IPV6, RUMP_##name, kind       \
	}
#define TCP(name, kind)                                                        \
	{                                                                      \
		IPPROTO_TCP, name, RUMP_IPPROTO_TCP, RUMP_##name, kind         \
	}

static const struct abi_sockopt options[] = {
	SOL(SO_DEBUG, ABI_SO_INT),
	SOL(SO_ACCEPTCONN, ABI_SO_INT),
	SOL(SO_REUSEADDR, ABI_SO_INT),
	SOL(SO_REUSEPORT, ABI_SO_INT),
	SOL(SO_KEEPALIVE, ABI_SO_INT),
	SOL(SO_DONTROUTE, ABI_SO_INT),
	SOL(SO_BROADCAST, ABI_SO_INT),
	SOL(SO_OOBINLINE, ABI_SO_INT),
	SOL(SO_LINGER, ABI_SO_LINGER),
	SOL(SO_SNDBUF, ABI_SO_BUFSIZE),
	SOL(SO_RCVBUF, ABI_SO_BUFSIZE),
	SOL(SO_SNDLOWAT, ABI_SO_INT),
	SOL(SO_RCVLOWAT, ABI_SO_INT),
	SOL(SO_SNDTIMEO, ABI_SO_TIMEVAL),
	SOL(SO_RCVTIMEO, ABI_SO_TIMEVAL),
	SOL(SO_ERROR, ABI_SO_ERROR),
	SOL(SO_TYPE, ABI_SO_TYPE),
	{ SOL_SOCKET, SO_PRIORITY, 0, 0, ABI_SO_IGNORED },
	{ SOL_SOCKET, SO_INCOMING_CPU, 0, 0, ABI_SO_IGNORED },
	IP(IP_TOS, ABI_SO_INT),
	IP(IP_TTL, ABI_SO_INT),
	IP(IP_HDRINCL, ABI_SO_INT),
	IP(IP_RECVTTL, ABI_SO_INT),
	IP(IP_MINTTL, ABI_SO_INT),
	IP(IP_MULTICAST_TTL, ABI_SO_INT),
	IP(IP_MULTICAST_LOOP, ABI_SO_INT),
	IP(IP_MULTICAST_IF, ABI_SO_RAW),
	IP(IP_ADD_MEMBERSHIP, ABI_SO_RAW),
	IP(IP_DROP_MEMBERSHIP, ABI_SO_RAW),
	IP6(IPV6_UNICAST_HOPS, ABI_SO_INT),
	IP6(IPV6_MULTICAST_IF, ABI_SO_INT),
	IP6(IPV6_MULTICAST_HOPS, ABI_SO_INT),
	IP6(IPV6_MULTICAST_LOOP, ABI_SO_INT),
	IP6(IPV6_JOIN_GROUP, ABI_SO_RAW),
	IP6(IPV6_LEAVE_GROUP, ABI_SO_RAW),
	IP6(IPV6_V6ONLY, ABI_SO_INT),
	IP6(IPV6_TCLASS, ABI_SO_INT),
	IP6(IPV6_RECVTCLASS, ABI_SO_INT),
	IP6(IPV6_RECVPKTINFO, ABI_SO_INT),
	IP6(IPV6_RECVHOPLIMIT, ABI_SO_INT),
	TCP(TCP_NODELAY, ABI_SO_INT),
	TCP(TCP_MAXSEG, ABI_SO_INT),
	TCP(TCP_KEEPIDLE, ABI_SO_INT),
	TCP(TCP_KEEPINTVL, ABI_SO_INT),
	TCP(TCP_KEEPCNT, ABI_SO_INT),
	{ IPPROTO_TCP, TCP_CORK, 0, 0, ABI_SO_IGNORED },
	{ IPPROTO_TCP, TCP_QUICKACK, 0, 0, ABI_SO_IGNORED },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT, 0, 0, ABI_SO_IGNORED },
	{ IPPROTO_TCP, TCP_DEFER_ACCEPT, 0, 0, ABI_SO_IGNORED },
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
set_timeval(const void *in, size_t len, void *out, size_t *outlen)
{
	struct rump_timeval ntv = { 0 };
	struct timeval tv;
	int error;

	if (len < sizeof(tv))
		return EINVAL;
	memcpy(&tv, in, sizeof(tv));
	error = abi_timeval_to_netbsd(&tv, &ntv);
	if (error != 0)
		return EDOM;
	memcpy(out, &ntv, sizeof(ntv));
	*outlen = sizeof(ntv);
	return 0;
}

static int
set_bytes(const void *in, size_t len, size_t min, size_t max, void *out,
    size_t *outlen)
{
	if (len < min)
		return EINVAL;
	if (len > max)
		len = max;
	memcpy(out, in, len);
	*outlen = len;
	return 0;
}

/* Linux takes a single byte for a few options of PF_INET. */
static int
set_int(const struct abi_sockopt *so, const void *in, size_t len, void *out,
    size_t *outlen)
{
	int value;

	if (len >= sizeof(int) || len == 0 || so->as_linux_level != IPPROTO_IP)
		return set_bytes(
		    in, len, sizeof(int), sizeof(int), out, outlen);
	value = *(const unsigned char *)in;
	memcpy(out, &value, sizeof(value));
	*outlen = sizeof(value);
	return 0;
}

int
abi_sockopt_set(const struct abi_sockopt *so, const void *in, size_t len,
    void *out, size_t *outlen)
{
	switch (so->as_kind) {
	case ABI_SO_INT:
	case ABI_SO_BUFSIZE:
		return set_int(so, in, len, out, outlen);
	case ABI_SO_LINGER:
		return set_bytes(in, len, sizeof(struct linger),
		    sizeof(struct linger), out, outlen);
	case ABI_SO_TIMEVAL:
		return set_timeval(in, len, out, outlen);
	case ABI_SO_ERROR:
	case ABI_SO_TYPE:
		return ENOPROTOOPT;
	case ABI_SO_RAW:
		return set_bytes(in, len, 1, ABI_SOCKOPT_MAX, out, outlen);
	case ABI_SO_IGNORED:
		*outlen = 0;
		return 0;
	}
	return EINVAL;
}

size_t
abi_sockopt_size(const struct abi_sockopt *so, size_t asked)
{
	switch (so->as_kind) {
	case ABI_SO_LINGER:
		return sizeof(struct rump_linger);
	case ABI_SO_TIMEVAL:
		return sizeof(struct rump_timeval);
	case ABI_SO_RAW:
		return asked < ABI_SOCKOPT_MAX ? asked : ABI_SOCKOPT_MAX;
	default:
		return sizeof(int);
	}
}

static size_t
put(void *out, size_t size, const void *value, size_t len)
{
	if (len > size)
		len = size;
	memcpy(out, value, len);
	return len;
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
	else if (so->as_linux_level == SOL_SOCKET &&
		 so->as_kind == ABI_SO_INT &&
		 so->as_linux_name != SO_SNDLOWAT &&
		 so->as_linux_name != SO_RCVLOWAT)
		value = value != 0; /* NetBSD answers with the option's bit */
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
	case ABI_SO_LINGER:
	case ABI_SO_RAW:
		return put(out, size, in, len);
	case ABI_SO_IGNORED:
		return put(out, size, &(int){ 0 }, sizeof(int));
	default:
		return get_int(so, in, len, out, size);
	}
}
