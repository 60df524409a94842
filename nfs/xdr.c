/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one place where bytes of messages are counted.  Every access goes
 * through room() or take(), which compare against what is left and never add
 * a foreign length to a pointer or a position first.
 */
#include "nfs/xdr.h"

#include "kern/libkern.h"

void
xdr_out_init(struct xdr_out *xo, void *buf, size_t size)
{
	*xo = (struct xdr_out){ .xo_base = buf, .xo_size = size };
}

static uint8_t *
room(struct xdr_out *xo, size_t len)
{
	uint8_t *p;

	if (xo->xo_failed || len > xo->xo_size - xo->xo_len) {
		xo->xo_failed = true;
		return NULL;
	}
	p = xo->xo_base + xo->xo_len;
	xo->xo_len += len;
	return p;
}

void
xdr_put_u32(struct xdr_out *xo, uint32_t v)
{
	uint8_t *p = room(xo, 4);

	if (p == NULL)
		return;
	v = __builtin_bswap32(v);
	memcpy(p, &v, sizeof(v));
}

void
xdr_put_u64(struct xdr_out *xo, uint64_t v)
{
	xdr_put_u32(xo, (uint32_t)(v >> 32));
	xdr_put_u32(xo, (uint32_t)v);
}

void
xdr_put_fixed(struct xdr_out *xo, const void *p, size_t len)
{
	uint8_t *dst;

	/* Longer than any message, and XDR_ROUND() would wrap. */
	if (len > UINT32_MAX) {
		xo->xo_failed = true;
		return;
	}
	dst = room(xo, XDR_ROUND(len));
	if (dst == NULL)
		return;
	memset(dst + len, 0, XDR_ROUND(len) - len);
	if (len != 0)
		memcpy(dst, p, len);
}

void
xdr_put_opaque(struct xdr_out *xo, const void *p, size_t len)
{
	xdr_put_u32(xo, (uint32_t)len);
	xdr_put_fixed(xo, p, len);
}

void
xdr_in_init(struct xdr_in *xi, const void *buf, size_t size)
{
	*xi = (struct xdr_in){ .xi_base = buf, .xi_size = size };
}

void
xdr_fail(struct xdr_in *xi)
{
	xi->xi_failed = true;
}

size_t
xdr_left(const struct xdr_in *xi)
{
	return xi->xi_failed ? 0 : xi->xi_size - xi->xi_pos;
}

static const uint8_t *
take(struct xdr_in *xi, size_t len)
{
	const uint8_t *p;

	if (xi->xi_failed || len > xi->xi_size - xi->xi_pos) {
		xi->xi_failed = true;
		return NULL;
	}
	p = xi->xi_base + xi->xi_pos;
	xi->xi_pos += len;
	return p;
}

uint32_t
xdr_get_u32(struct xdr_in *xi)
{
	const uint8_t *p = take(xi, 4);
	uint32_t v;

	if (p == NULL)
		return 0;
	memcpy(&v, p, sizeof(v));
	return __builtin_bswap32(v);
}

uint64_t
xdr_get_u64(struct xdr_in *xi)
{
	uint64_t hi = xdr_get_u32(xi);

	return hi << 32 | xdr_get_u32(xi);
}

bool
xdr_get_bool(struct xdr_in *xi)
{
	uint32_t v = xdr_get_u32(xi);

	if (v > 1)
		xdr_fail(xi);
	return v == 1;
}

const uint8_t *
xdr_get_view(struct xdr_in *xi, size_t len)
{
	if (len > UINT32_MAX) {
		xdr_fail(xi);
		return NULL;
	}
	return take(xi, XDR_ROUND(len));
}

void
xdr_get_fixed(struct xdr_in *xi, void *p, size_t len)
{
	const uint8_t *src = xdr_get_view(xi, len);

	if (src != NULL)
		memcpy(p, src, len);
	else
		memset(p, 0, len);
}

const uint8_t *
xdr_get_opaque(struct xdr_in *xi, size_t max, size_t *len)
{
	size_t n = xdr_get_u32(xi);
	const uint8_t *p;

	if (n > max)
		xdr_fail(xi);
	p = xdr_get_view(xi, n);
	*len = p != NULL ? n : 0;
	return p;
}
