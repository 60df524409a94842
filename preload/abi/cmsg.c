/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linux: cmsg_len 8, level 4, type 4; NetBSD: cmsg_len 4, level 4, type 4, and
 * 4 of padding.  Data are at +16 on both, lengths count from the header, and
 * both round up to 8.
 */
#include "preload/abi/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "preload/abi/map.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphostsock.h"

#define DATA 16 /* offset of the data in both formats */

struct cmsg_kind {
	int linux_level, linux_type;
	int netbsd_level, netbsd_type;
};

/* Those whose data are the same, too. */
static const struct cmsg_kind kinds[] = {
	{ SOL_SOCKET, SCM_TIMESTAMP, RUMP_SOL_SOCKET, RUMP_SCM_TIMESTAMP },
	{ IPPROTO_IPV6, IPV6_HOPLIMIT, RUMP_IPPROTO_IPV6, RUMP_IPV6_HOPLIMIT },
	{ IPPROTO_IPV6, IPV6_PKTINFO, RUMP_IPPROTO_IPV6, RUMP_IPV6_PKTINFO },
	{ IPPROTO_IPV6, IPV6_TCLASS, RUMP_IPPROTO_IPV6, RUMP_IPV6_TCLASS },
};

static void
kind_to_netbsd(const struct cmsghdr *lh, struct rump_cmsghdr *nh)
{
	nh->cmsg_level = RUMP_SOL_HOST | (lh->cmsg_level & ~RUMP_SOL_HOST_MASK);
	nh->cmsg_type = lh->cmsg_type;
	for (size_t i = 0; i < ABI_NITEMS(kinds); i++) {
		if (kinds[i].linux_level == lh->cmsg_level &&
		    kinds[i].linux_type == lh->cmsg_type) {
			nh->cmsg_level = kinds[i].netbsd_level;
			nh->cmsg_type = kinds[i].netbsd_type;
		}
	}
}

static bool
kind_to_linux(const struct rump_cmsghdr *nh, struct cmsghdr *lh)
{
	if ((nh->cmsg_level & RUMP_SOL_HOST_MASK) == RUMP_SOL_HOST) {
		lh->cmsg_level = nh->cmsg_level & ~RUMP_SOL_HOST_MASK;
		lh->cmsg_type = nh->cmsg_type;
		return true;
	}
	for (size_t i = 0; i < ABI_NITEMS(kinds); i++) {
		if (kinds[i].netbsd_level == nh->cmsg_level &&
		    kinds[i].netbsd_type == nh->cmsg_type) {
			lh->cmsg_level = kinds[i].linux_level;
			lh->cmsg_type = kinds[i].linux_type;
			return true;
		}
	}
	return false;
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
		struct rump_cmsghdr nh;
		struct cmsghdr lh;

		memcpy(&lh, p, DATA);
		if (lh.cmsg_len < DATA || lh.cmsg_len > len - at)
			return EINVAL;
		if (round_up8(lh.cmsg_len) > size - done)
			return EINVAL;
		nh.cmsg_len = (uint32_t)lh.cmsg_len;
		kind_to_netbsd(&lh, &nh);
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
abi_cmsg_wrap(
    const void *in, size_t len, void *out, size_t size, size_t *outlen)
{
	struct {
		struct rump_cmsghdr h;
		uint32_t pad;
	} n = { .h.cmsg_level = RUMP_SOL_HOST_RAW };

	if (size < DATA || len > size - DATA)
		return EINVAL;
	n.h.cmsg_len = (uint32_t)(DATA + len);
	memcpy(out, &n, DATA);
	memcpy((char *)out + DATA, in, len);
	*outlen = DATA + len;
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
		struct rump_cmsghdr nh;
		struct cmsghdr lh;
		size_t clen, padded, room;
		bool known;

		memcpy(&nh, p, sizeof(nh));
		clen = nh.cmsg_len;
		if (clen < DATA || clen > len - at)
			return EIO;
		known = kind_to_linux(&nh, &lh);
		room = size - done;
		if (known && clen > room) {
			*truncated = 1;
			break;
		}
		if (known) {
			lh.cmsg_len = clen;
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
