/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host: cmsg_len 8 bytes, level 4, type 4; NetBSD: cmsg_len 4, level 4, type 4,
 * and 4 of padding.  Data are at 16 and lengths are rounded up to 8 on both.
 */
#include "sockin/user_cmsg.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphostsock.h"

#define NITEMS(a) (sizeof(a) / sizeof((a)[0]))
#define DATA 16 /* offset of the data in both formats */

struct kind {
	int level, type; /* NetBSD's */
	int hlevel, htype;
};

/* Those whose data are the same, too. */
static const struct kind kinds[] = {
	{ RUMP_SOL_SOCKET, RUMP_SCM_TIMESTAMP, SOL_SOCKET, SCM_TIMESTAMP },
	{ RUMP_IPPROTO_IPV6, RUMP_IPV6_PKTINFO, IPPROTO_IPV6, IPV6_PKTINFO },
	{ RUMP_IPPROTO_IPV6, RUMP_IPV6_HOPLIMIT, IPPROTO_IPV6, IPV6_HOPLIMIT },
	{ RUMP_IPPROTO_IPV6, RUMP_IPV6_TCLASS, IPPROTO_IPV6, IPV6_TCLASS },
};

static size_t
round_up8(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

static int
kind_to_host(const struct rump_cmsghdr *nh, struct cmsghdr *hh)
{
	size_t i;

	if ((nh->cmsg_level & RUMP_SOL_HOST_MASK) == RUMP_SOL_HOST) {
		hh->cmsg_level = nh->cmsg_level & ~RUMP_SOL_HOST_MASK;
		hh->cmsg_type = nh->cmsg_type;
		return 0;
	}
	for (i = 0; i < NITEMS(kinds); i++) {
		if (kinds[i].level == nh->cmsg_level &&
		    kinds[i].type == nh->cmsg_type) {
			hh->cmsg_level = kinds[i].hlevel;
			hh->cmsg_type = kinds[i].htype;
			return 0;
		}
	}
	return RUMP_EINVAL;
}

static void
kind_from_host(const struct cmsghdr *hh, struct rump_cmsghdr *nh)
{
	size_t i;

	for (i = 0; i < NITEMS(kinds); i++) {
		if (kinds[i].hlevel == hh->cmsg_level &&
		    kinds[i].htype == hh->cmsg_type) {
			nh->cmsg_level = kinds[i].level;
			nh->cmsg_type = kinds[i].type;
			return;
		}
	}
	nh->cmsg_level = RUMP_SOL_HOST | hh->cmsg_level;
	nh->cmsg_type = hh->cmsg_type;
}

size_t
sockin_cmsg_raw(const void *control, size_t len)
{
	struct rump_cmsghdr nh;

	if (len < DATA)
		return 0;
	__builtin_memcpy(&nh, control, sizeof(nh));
	return nh.cmsg_level == RUMP_SOL_HOST_RAW ? DATA : 0;
}

int
sockin_cmsg_to_host(void *control, size_t len)
{
	struct rump_cmsghdr nh;
	struct cmsghdr hh;
	size_t at;
	char *p;

	for (at = 0; at < len && len - at >= DATA;
	     at += round_up8(hh.cmsg_len)) {
		p = (char *)control + at;
		__builtin_memcpy(&nh, p, sizeof(nh));
		if (nh.cmsg_len < DATA || nh.cmsg_len > len - at)
			return RUMP_EINVAL;
		hh.cmsg_len = nh.cmsg_len;
		if (kind_to_host(&nh, &hh) != 0)
			return RUMP_EINVAL;
		__builtin_memcpy(p, &hh, DATA);
	}
	return 0;
}

void
sockin_cmsg_from_host(void *control, size_t len)
{
	struct {
		struct rump_cmsghdr h;
		uint32_t pad;
	} n = { .pad = 0 };
	struct cmsghdr hh;
	size_t at;
	char *p;

	for (at = 0; at < len && len - at >= DATA;
	     at += round_up8(hh.cmsg_len)) {
		p = (char *)control + at;
		__builtin_memcpy(&hh, p, DATA);
		/* The last one may have been cut short. */
		if (hh.cmsg_len < DATA || hh.cmsg_len > len - at)
			hh.cmsg_len = len - at;
		n.h.cmsg_len = (uint32_t)hh.cmsg_len;
		kind_from_host(&hh, &n.h);
		__builtin_memcpy(p, &n, DATA);
	}
}
