/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linux: cmsg_len 8, level 4, type 4; NetBSD: cmsg_len 4, level 4, type 4, and
 * 4 of padding.  Data are at +16 on both, lengths count from the header, and
 * both round up to 8.  Descriptors (SCM_RIGHTS) name different things in the
 * two kernels and are refused here.
 */
#include "preload/abi/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "preload/abi/map.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"

#define DATA 16 /* offset of the data in both formats */

struct cmsg_kind {
	int linux_level, linux_type;
	int netbsd_level, netbsd_type;
};

static const struct cmsg_kind kinds[] = {
	{ IPPROTO_IP, IP_TTL, RUMP_IPPROTO_IP, RUMP_IP_TTL },
	{ IPPROTO_IPV6, IPV6_HOPLIMIT, RUMP_IPPROTO_IPV6, RUMP_IPV6_HOPLIMIT },
	{ IPPROTO_IPV6, IPV6_PKTINFO, RUMP_IPPROTO_IPV6, RUMP_IPV6_PKTINFO },
	{ IPPROTO_IPV6, IPV6_TCLASS, RUMP_IPPROTO_IPV6, RUMP_IPV6_TCLASS },
};

static const struct cmsg_kind *
kind_of_linux(int level, int type)
{
	for (size_t i = 0; i < ABI_NITEMS(kinds); i++) {
		if (kinds[i].linux_level == level &&
		    kinds[i].linux_type == type)
			return &kinds[i];
	}
	return NULL;
}

static const struct cmsg_kind *
kind_of_netbsd(int level, int type)
{
	for (size_t i = 0; i < ABI_NITEMS(kinds); i++) {
		if (kinds[i].netbsd_level == level &&
		    kinds[i].netbsd_type == type)
			return &kinds[i];
	}
	return NULL;
}

static size_t
round_up8(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

int
abi_cmsg_to_netbsd(
    const void *in, size_t len, void *out, size_t size, size_t *outlen)
{
	size_t at = 0, done = 0;

	while (len - at >= DATA) {
		const char *p = (const char *)in + at;
		const struct cmsg_kind *kind;
		struct rump_cmsghdr nh;
		struct cmsghdr lh;

		memcpy(&lh, p, DATA);
		if (lh.cmsg_len < DATA || lh.cmsg_len > len - at)
			return EINVAL;
		kind = kind_of_linux(lh.cmsg_level, lh.cmsg_type);
		if (kind == NULL)
			return EOPNOTSUPP;
		if (round_up8(lh.cmsg_len) > size - done)
			return EINVAL;
		nh = (struct rump_cmsghdr){ (uint32_t)lh.cmsg_len,
			kind->netbsd_level, kind->netbsd_type };
		memset((char *)out + done, 0, round_up8(lh.cmsg_len));
		memcpy((char *)out + done, &nh, sizeof(nh));
		memcpy((char *)out + done + DATA, p + DATA, lh.cmsg_len - DATA);
		done += round_up8(lh.cmsg_len);
		if (round_up8(lh.cmsg_len) >= len - at)
			break;
		at += round_up8(lh.cmsg_len);
	}
	*outlen = done;
	return 0;
}

int
abi_cmsg_to_linux(const void *in, size_t len, void *out, size_t size,
    size_t *outlen, int *truncated)
{
	size_t at = 0, done = 0;

	*truncated = 0;
	while (len - at >= DATA) {
		const char *p = (const char *)in + at;
		const struct cmsg_kind *kind;
		struct rump_cmsghdr nh;
		struct cmsghdr lh;
		size_t clen, padded, room;

		memcpy(&nh, p, sizeof(nh));
		clen = nh.cmsg_len;
		if (clen < DATA || clen > len - at)
			return EIO;
		kind = kind_of_netbsd(nh.cmsg_level, nh.cmsg_type);
		room = size - done;
		if (kind != NULL && clen > room) {
			*truncated = 1;
			break;
		}
		if (kind != NULL) {
			lh.cmsg_len = clen;
			lh.cmsg_level = kind->linux_level;
			lh.cmsg_type = kind->linux_type;
			memcpy((char *)out + done, &lh, DATA);
			memcpy(
			    (char *)out + done + DATA, p + DATA, clen - DATA);
			padded =
			    round_up8(clen) < room ? round_up8(clen) : room;
			memset((char *)out + done + clen, 0, padded - clen);
			done += padded;
		}
		if (round_up8(clen) >= len - at)
			break;
		at += round_up8(clen);
	}
	*outlen = done;
	return 0;
}
