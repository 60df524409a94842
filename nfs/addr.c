/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPv6 text is read in two halves: groups before "::" and groups behind it,
 * which are then moved to the end.
 */
#include "nfs/addr.h"

#include "kern/libkern.h"
#include "kern/netbsd.h"

#define GROUPS 8 /* of 16 bits */

/* A decimal number of at most max without superfluous zeros. */
static bool
decimal(const char **sp, const char *end, uint32_t max, uint32_t *value)
{
	const char *s = *sp;
	uint64_t v = 0;

	while (s < end && *s >= '0' && *s <= '9') {
		if (s != *sp && v == 0)
			return false;
		v = v * 10 + (uint64_t)(*s++ - '0');
		if (v > max)
			return false;
	}
	if (s == *sp)
		return false;
	*sp = s;
	*value = (uint32_t)v;
	return true;
}

static bool
parse_v4(const char *s, const char *end, uint8_t bytes[4])
{
	uint32_t v;

	for (size_t i = 0; i < 4; i++) {
		if (i > 0 && (s == end || *s++ != '.'))
			return false;
		if (!decimal(&s, end, 255, &v))
			return false;
		bytes[i] = (uint8_t)v;
	}
	return s == end;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One to four hexadecimal digits. */
static bool
hex_group(const char **sp, const char *end, uint8_t out[2])
{
	const char *s = *sp;
	unsigned v = 0;
	int digit;

	while (s < end && s - *sp < 4 && (digit = hex_digit(*s)) >= 0) {
		v = v << 4 | (unsigned)digit;
		s++;
	}
	if (s == *sp)
		return false;
	*sp = s;
	out[0] = (uint8_t)(v >> 8);
	out[1] = (uint8_t)v;
	return true;
}

/* IPv6 in the making: groups so far, and how many came before "::". */
struct v6_text {
	uint8_t bytes[2 * GROUPS];
	size_t n;
	bool has_gap;
	size_t gap;
};

/* The next group, or the IPv4 address that takes the place of the last two. */
static bool
take_group(struct v6_text *t, const char **sp, const char *end)
{
	if (t->n + 2 <= GROUPS && parse_v4(*sp, end, t->bytes + 2 * t->n)) {
		*sp = end;
		t->n += 2;
		return true;
	}
	if (t->n == GROUPS || !hex_group(sp, end, t->bytes + 2 * t->n))
		return false;
	t->n++;
	return true;
}

/* What stands between groups; false when the text is bad. */
static bool
take_colons(struct v6_text *t, const char **sp, const char *end)
{
	const char *s = *sp;

	if (s == end || *s++ != ':')
		return false;
	if (s < end && *s == ':') {
		if (t->has_gap)
			return false;
		t->has_gap = true;
		t->gap = t->n;
		s++;
	} else if (t->n == 0 || s == end) {
		return false; /* a single colon at an end */
	}
	*sp = s;
	return true;
}

static bool
parse_v6(const char *s, const char *end, uint8_t bytes[2 * GROUPS])
{
	struct v6_text t = { .n = 0 };
	size_t behind;

	if (s < end && *s == ':' && !take_colons(&t, &s, end))
		return false;
	while (s < end) {
		if (!take_group(&t, &s, end))
			return false;
		if (s < end && !take_colons(&t, &s, end))
			return false;
	}
	if (t.has_gap ? t.n >= GROUPS : t.n != GROUPS)
		return false;
	behind = t.has_gap ? t.n - t.gap : 0;
	memset(bytes, 0, 2 * GROUPS);
	memcpy(bytes, t.bytes, 2 * (t.n - behind));
	memcpy(bytes + 2 * (GROUPS - behind), t.bytes + 2 * (t.n - behind),
	    2 * behind);
	return true;
}

bool
nfs_addr_parse(const char *s, size_t len, struct nfs_addr *ad)
{
	struct nfs_addr got = { .ad_family = AF_INET };
	const char *end = s + len, *scope = s;

	if (parse_v4(s, end, got.ad_bytes)) {
		*ad = got;
		return true;
	}
	got.ad_family = AF_INET6;
	while (scope < end && *scope != '%')
		scope++;
	if (!parse_v6(s, scope, got.ad_bytes))
		return false;
	if (scope < end) {
		scope++;
		if (!decimal(&scope, end, UINT32_MAX, &got.ad_scope) ||
		    scope != end || got.ad_scope == 0)
			return false;
	}
	*ad = got;
	return true;
}

static unsigned
group(const struct nfs_addr *ad, size_t i)
{
	return (unsigned)(ad->ad_bytes[2 * i] << 8 | ad->ad_bytes[2 * i + 1]);
}

/* The first of the longest runs of at least two zero groups. */
static size_t
longest_gap(const struct nfs_addr *ad, size_t *start)
{
	size_t best = 1, n = 0;

	*start = GROUPS;
	for (size_t i = 0; i < GROUPS; i++) {
		n = group(ad, i) == 0 ? n + 1 : 0;
		if (n > best) {
			best = n;
			*start = i + 1 - n;
		}
	}
	return best > 1 ? best : 0;
}

static void
format_v6(const struct nfs_addr *ad, char *buf, size_t size)
{
	size_t start, gap = longest_gap(ad, &start), n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < GROUPS; i++) {
		if (i == start) {
			ksnprintf(buf + n, size - n, "::");
			i += gap - 1;
		} else {
			ksnprintf(buf + n, size - n, "%s%x",
			    i > 0 && i != start + gap ? ":" : "", group(ad, i));
		}
		n = strlen(buf);
	}
	if (ad->ad_scope != 0)
		ksnprintf(buf + n, size - n, "%%%u", ad->ad_scope);
}

void
nfs_addr_format(const struct nfs_addr *ad, char *buf, size_t size)
{
	const uint8_t *b = ad->ad_bytes;

	if (ad->ad_family == AF_INET6)
		format_v6(ad, buf, size);
	else
		ksnprintf(buf, size, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
}

void
nfs_addr_format_host(const struct nfs_addr *ad, char *buf, size_t size)
{
	char text[NFS_ADDR_TEXT];

	nfs_addr_format(ad, text, sizeof(text));
	if (ad->ad_family == AF_INET6)
		ksnprintf(buf, size, "[%s]", text);
	else
		ksnprintf(buf, size, "%s", text);
}

bool
nfs_addr_is_linklocal(const struct nfs_addr *ad)
{
	return ad->ad_family == AF_INET6 && ad->ad_bytes[0] == 0xfe &&
	       (ad->ad_bytes[1] & 0xc0) == 0x80;
}

void
nfs_addr_to_sockaddr(
    const struct nfs_addr *ad, uint16_t port, struct rump_sockaddr_storage *ss)
{
	struct rump_sockaddr_in sin = {
		.sin_len = sizeof(sin),
		.sin_family = AF_INET,
		.sin_port = __builtin_bswap16(port),
	};
	struct rump_sockaddr_in6 sin6 = {
		.sin6_len = sizeof(sin6),
		.sin6_family = AF_INET6,
		.sin6_port = __builtin_bswap16(port),
		.sin6_scope_id = ad->ad_scope,
	};

	memset(ss, 0, sizeof(*ss));
	if (ad->ad_family == AF_INET6) {
		memcpy(sin6.sin6_addr, ad->ad_bytes, 16);
		memcpy(ss, &sin6, sizeof(sin6));
	} else {
		memcpy(&sin.sin_addr, ad->ad_bytes, 4);
		memcpy(ss, &sin, sizeof(sin));
	}
}

int
nfs_addr_from_sockaddr(const struct rump_sockaddr_storage *ss, size_t len,
    struct nfs_addr *ad, uint16_t *port)
{
	struct nfs_addr got = { 0 };
	struct rump_sockaddr_in sin;
	struct rump_sockaddr_in6 sin6;

	if (len < 2)
		return EINVAL;
	got.ad_family = ss->ss_family;
	switch (ss->ss_family) {
	case AF_INET:
		if (len != sizeof(sin))
			return EINVAL;
		memcpy(&sin, ss, sizeof(sin));
		memcpy(got.ad_bytes, &sin.sin_addr, 4);
		*port = __builtin_bswap16(sin.sin_port);
		break;
	case AF_INET6:
		if (len != sizeof(sin6))
			return EINVAL;
		memcpy(&sin6, ss, sizeof(sin6));
		memcpy(got.ad_bytes, sin6.sin6_addr, 16);
		got.ad_scope = sin6.sin6_scope_id;
		*port = __builtin_bswap16(sin6.sin6_port);
		break;
	default:
		return EAFNOSUPPORT;
	}
	*ad = got;
	return 0;
}
