/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A universal address is the host's address as text and the two bytes of the
 * port in decimal, each behind a dot; it is read from its end.
 */
#include "nfs/rpcbind.h"

#include "kern/libkern.h"
#include "kern/netbsd.h"

#define UADDR_MAX 128

void
rpcbind_getaddr_args(
    struct xdr_out *xo, uint32_t prog, uint32_t vers, const char *netid)
{
	xdr_put_u32(xo, prog);
	xdr_put_u32(xo, vers);
	xdr_put_opaque(xo, netid, strlen(netid));
	xdr_put_opaque(xo, "", 0); /* address: a hint that we do not give */
	xdr_put_opaque(xo, "", 0); /* owner */
}

/* The number from 0 to 255 behind the last dot of s; cuts both off. */
static bool
last_byte(const uint8_t *s, size_t *len, unsigned *value)
{
	unsigned v = 0, weight = 1;
	size_t n = *len;

	while (n > 0 && s[n - 1] >= '0' && s[n - 1] <= '9' && weight <= 100) {
		v += weight * (unsigned)(s[--n] - '0');
		weight *= 10;
	}
	if (weight == 1 || v > 255 || n == 0 || s[n - 1] != '.')
		return false;
	*len = n - 1;
	*value = v;
	return true;
}

int
rpcbind_getaddr_result(struct xdr_in *xi, uint16_t *port)
{
	const uint8_t *uaddr;
	unsigned high, low;
	size_t len;

	uaddr = xdr_get_opaque(xi, UADDR_MAX, &len);
	if (xi->xi_failed)
		return EBADRPC;
	if (len == 0) {
		*port = 0;
		return 0;
	}
	if (!last_byte(uaddr, &len, &low) || !last_byte(uaddr, &len, &high) ||
	    (high | low) == 0)
		return EBADRPC;
	*port = (uint16_t)(high << 8 | low);
	return 0;
}
