/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * XDR (RFC 4506) over bounded memory.  A cursor that has met its bound fails
 * and stays failed: reads give 0, writes do nothing.  Callers run through a
 * whole message and ask once at its end.
 */
#ifndef NFS_XDR_H
#define NFS_XDR_H

#include "kern/types.h"

struct xdr_out {
	uint8_t *xo_base;
	size_t xo_size;
	size_t xo_len; /* bytes written */
	bool xo_failed;
};

struct xdr_in {
	const uint8_t *xi_base;
	size_t xi_size;
	size_t xi_pos; /* bytes read */
	bool xi_failed;
};

/* Length of len opaque bytes with their padding; len < 2^32. */
#define XDR_ROUND(len) (((size_t)(len) + 3) & ~(size_t)3)

void xdr_out_init(struct xdr_out *xo, void *buf, size_t size);
void xdr_put_u32(struct xdr_out *xo, uint32_t v);
void xdr_put_u64(struct xdr_out *xo, uint64_t v);
/* Fixed-length opaque: bytes and padding, no length word. */
void xdr_put_fixed(struct xdr_out *xo, const void *p, size_t len);
/* Variable-length opaque or string. */
void xdr_put_opaque(struct xdr_out *xo, const void *p, size_t len);

void xdr_in_init(struct xdr_in *xi, const void *buf, size_t size);
/* Mark the message as bad for a reason of the caller's. */
void xdr_fail(struct xdr_in *xi);
/* Bytes not yet read; 0 after a failure. */
size_t xdr_left(const struct xdr_in *xi);
uint32_t xdr_get_u32(struct xdr_in *xi);
uint64_t xdr_get_u64(struct xdr_in *xi);
/* An XDR bool; anything but 0 and 1 is a failure. */
bool xdr_get_bool(struct xdr_in *xi);
void xdr_get_fixed(struct xdr_in *xi, void *p, size_t len);
/* The next len bytes and their padding where they lie, or NULL. */
const uint8_t *xdr_get_view(struct xdr_in *xi, size_t len);
/*
 * Variable-length opaque of at most max bytes where it lies; *len gets its
 * length.  NULL (and *len 0) on failure; never NULL otherwise.
 */
const uint8_t *xdr_get_opaque(struct xdr_in *xi, size_t max, size_t *len);

#endif /* !NFS_XDR_H */
