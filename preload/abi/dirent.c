/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NetBSD: fileno 8, reclen 2, namlen 2, type 1, name, NUL, padded to 8.
 * Linux getdents64: ino 8, off 8, reclen 2, type 1, name, NUL, padded to 8.
 * Linux getdents: ino 8, off 8, reclen 2, name, NUL, padding, type as the last
 * byte.  A Linux record is at most 8 bytes longer, and 16 become 24 at worst.
 */
#include "preload/abi/dirent.h"

#include <errno.h>
#include <string.h>

#define NETBSD_NAME 13
#define LINUX64_NAME 19
#define LINUX_OLD_NAME 18

static size_t
round_up8(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

size_t
abi_dirent_request(size_t len)
{
	return len / 24 * 16;
}

size_t
abi_dirent_put(enum abi_dirent_format format, uint8_t *out, size_t size,
    uint64_t ino, uint64_t off, uint8_t type, const char *name, size_t namelen)
{
	size_t name_at = format == ABI_DIRENT64 ? LINUX64_NAME : LINUX_OLD_NAME;
	size_t len = round_up8(LINUX64_NAME + namelen + 1);
	uint16_t reclen = (uint16_t)len;

	if (len > size || len > UINT16_MAX)
		return 0;
	memset(out + name_at + namelen, 0, len - name_at - namelen);
	memcpy(out, &ino, sizeof(ino));
	memcpy(out + 8, &off, sizeof(off));
	memcpy(out + 16, &reclen, sizeof(reclen));
	memcpy(out + name_at, name, namelen);
	out[format == ABI_DIRENT64 ? 18 : len - 1] = type;
	return len;
}

struct netbsd_record {
	uint64_t fileno;
	uint16_t reclen, namlen;
	uint8_t type;
	const char *name;
};

static bool
next_record(const struct abi_dirents *d, struct netbsd_record *r)
{
	const uint8_t *p = d->in + d->in_pos;
	size_t left = d->in_len - d->in_pos;

	if (left < NETBSD_NAME)
		return false;
	memcpy(&r->fileno, p, 8);
	memcpy(&r->reclen, p + 8, 2);
	memcpy(&r->namlen, p + 10, 2);
	r->type = p[12];
	r->name = (const char *)p + NETBSD_NAME;
	return r->reclen <= left && r->reclen >= NETBSD_NAME &&
	       r->namlen <= r->reclen - NETBSD_NAME;
}

int
abi_dirents_convert(struct abi_dirents *d, enum abi_dirent_format format)
{
	struct netbsd_record r;
	size_t len;

	while (d->in_pos < d->in_len) {
		if (!next_record(d, &r))
			return EIO;
		if (r.fileno != 0 && r.namlen != 0) {
			len = abi_dirent_put(format, d->out + d->out_pos,
			    d->out_len - d->out_pos, r.fileno, d->index + 1,
			    r.type, r.name, r.namlen);
			if (len == 0)
				return 0;
			d->out_pos += len;
		}
		d->in_pos += r.reclen;
		d->index++;
	}
	return 0;
}

int
abi_dirents_skip(struct abi_dirents *d, uint64_t index)
{
	struct netbsd_record r;

	while (d->in_pos < d->in_len && d->index < index) {
		if (!next_record(d, &r))
			return EIO;
		d->in_pos += r.reclen;
		d->index++;
	}
	return 0;
}
