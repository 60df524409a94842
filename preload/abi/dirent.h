/* SPDX-License-Identifier: BSD-2-Clause */
/* Directory records. */
#ifndef PRELOAD_ABI_DIRENT_H
#define PRELOAD_ABI_DIRENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum abi_dirent_format { ABI_DIRENT64, ABI_DIRENT_OLD };

/*
 * A conversion under way.  The caller sets in, in_len, out, out_len and index
 * (the ordinal number of the record at in), and zeroes the positions; records
 * get d_off = their ordinal number + 1.
 */
struct abi_dirents {
	const uint8_t *in;
	size_t in_len, in_pos;
	uint8_t *out;
	size_t out_len, out_pos;
	uint64_t index;
};

/* The bytes of NetBSD records that always fit into len bytes of Linux's. */
size_t abi_dirent_request(size_t len);

/* One Linux record at out; returns its length, or 0 if size is too small. */
size_t abi_dirent_put(enum abi_dirent_format format, uint8_t *out, size_t size,
    uint64_t ino, uint64_t off, uint8_t type, const char *name, size_t namelen);

/*
 * Convert records until in is used up or out is full; empty ones (d_fileno 0)
 * are counted and left out.  0, or EIO when in is not a sequence of records.
 */
int abi_dirents_convert(struct abi_dirents *d, enum abi_dirent_format format);

/* Skip records until index has reached the given number or in is used up. */
int abi_dirents_skip(struct abi_dirents *d, uint64_t index);

#endif /* !PRELOAD_ABI_DIRENT_H */
