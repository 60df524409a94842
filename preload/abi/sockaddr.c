/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Apart from the first two bytes (Linux: family, 16 bits; NetBSD: length,
 * family) the layouts of PF_INET, PF_INET6 and PF_LOCAL addresses agree.
 */
#include "preload/abi/socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphostsock.h"

#define HEAD 2 /* bytes that differ */

/* The shortest address of a family that the host accepts. */
static size_t
sockaddr_min(int netbsd_family)
{
	switch (netbsd_family) {
	case RUMP_AF_INET:
		return sizeof(struct rump_sockaddr_in);
	case RUMP_AF_INET6:
		/* Without sin6_scope_id (RFC 2133) is accepted too. */
		return offsetof(struct rump_sockaddr_in6, sin6_scope_id);
	default:
		return HEAD;
	}
}

static size_t
sockaddr_max(int netbsd_family)
{
	switch (netbsd_family) {
	case RUMP_AF_INET:
		return sizeof(struct rump_sockaddr_in);
	case RUMP_AF_INET6:
		return sizeof(struct rump_sockaddr_in6);
	case RUMP_AF_LOCAL:
		return sizeof(struct rump_sockaddr_un);
	default:
		return sizeof(struct rump_sockaddr_storage);
	}
}

int
abi_sockaddr_to_netbsd(const void *in, size_t len,
    struct rump_sockaddr_storage *out, size_t *outlen)
{
	uint16_t family;
	int netbsd_family;
	int error;

	if (len < HEAD || len > sizeof(struct sockaddr_storage))
		return EINVAL;
	memcpy(&family, in, sizeof(family));
	error = abi_family_to_netbsd(family, &netbsd_family);
	if (error != 0)
		return error;
	if (len < sockaddr_min(netbsd_family))
		return EINVAL;
	if (netbsd_family == RUMP_AF_LOCAL &&
	    len > sizeof(struct rump_sockaddr_un))
		return EINVAL;
	if (len > sockaddr_max(netbsd_family))
		len = sockaddr_max(netbsd_family);
	memset(out, 0, sizeof(*out));
	memcpy((char *)out + HEAD, (const char *)in + HEAD, len - HEAD);
	/* An AF_INET6 address without scope is completed with 0. */
	if (netbsd_family == RUMP_AF_INET6)
		len = sizeof(struct rump_sockaddr_in6);
	out->ss_len = (uint8_t)len;
	out->ss_family = (uint8_t)netbsd_family;
	*outlen = len;
	return 0;
}

void
abi_sockaddr_wrap(const void *in, size_t len, struct rump_sockaddr_storage *out,
    size_t *outlen)
{
	/* The host looks at less than what is cut off. */
	if (len > sizeof(*out) - HEAD)
		len = sizeof(*out) - HEAD;
	memset(out, 0, sizeof(*out));
	memcpy((char *)out + HEAD, in, len);
	out->ss_len = (uint8_t)(len + HEAD);
	out->ss_family = RUMP_AF_HOST;
	*outlen = len + HEAD;
}

size_t
abi_sockaddr_to_linux(
    const struct rump_sockaddr_storage *in, size_t len, void *out, size_t size)
{
	char whole[sizeof(struct sockaddr_storage)];
	int family;
	uint16_t family16;

	if (len < HEAD)
		return 0;
	if (len > sizeof(*in))
		len = sizeof(*in);
	if (abi_family_to_linux(in->ss_family, &family) != 0)
		family = AF_UNSPEC;
	family16 = (uint16_t)family;
	memcpy(whole, in, len);
	memcpy(whole, &family16, sizeof(family16));
	memcpy(out, whole, len < size ? len : size);
	return len;
}
