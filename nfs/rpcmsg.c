/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls are built with room for their record mark in front, so that a call is
 * one piece of memory and one send.  Replies are decoded from whatever prefix
 * has arrived: a cursor that fails may succeed when more bytes are there.
 */
#include "nfs/rpcmsg.h"

#include "kern/libkern.h"
#include "kern/netbsd.h"

enum { CALL = 0, REPLY = 1 };
enum { MSG_ACCEPTED = 0, MSG_DENIED = 1 };
enum { AUTH_NONE = 0, AUTH_SYS = 1 };
#define RPC_VERSION 2
#define LAST_FRAGMENT 0x80000000u

static void
put_auth_sys(struct xdr_out *xo, const struct rpc_auth *auth)
{
	size_t machine = strnlen(auth->ra_machine, RPC_AUTH_MACHINE);
	uint32_t n = MIN(auth->ra_ngroups, RPC_AUTH_GROUPS);

	xdr_put_u32(xo, AUTH_SYS);
	xdr_put_u32(xo, (uint32_t)(5 * 4 + XDR_ROUND(machine) + n * 4));
	xdr_put_u32(xo, 0); /* stamp: nobody looks at it */
	xdr_put_opaque(xo, auth->ra_machine, machine);
	xdr_put_u32(xo, auth->ra_uid);
	xdr_put_u32(xo, auth->ra_gid);
	xdr_put_u32(xo, n);
	for (uint32_t i = 0; i < n; i++)
		xdr_put_u32(xo, auth->ra_groups[i]);
}

static void
put_auth_none(struct xdr_out *xo)
{
	xdr_put_u32(xo, AUTH_NONE);
	xdr_put_u32(xo, 0);
}

void
rpc_call_begin(struct xdr_out *xo, uint32_t xid, uint32_t prog, uint32_t vers,
    uint32_t proc, const struct rpc_auth *auth)
{
	xdr_put_u32(xo, 0); /* rpc_call_end() writes the mark here */
	xdr_put_u32(xo, xid);
	xdr_put_u32(xo, CALL);
	xdr_put_u32(xo, RPC_VERSION);
	xdr_put_u32(xo, prog);
	xdr_put_u32(xo, vers);
	xdr_put_u32(xo, proc);
	if (auth != NULL)
		put_auth_sys(xo, auth);
	else
		put_auth_none(xo);
	put_auth_none(xo); /* verifier */
}

void
rpc_call_number(struct xdr_out *xo, uint32_t xid)
{
	struct xdr_out number;

	if (xo->xo_len < RPC_MARK + 4)
		return;
	xdr_out_init(&number, xo->xo_base + RPC_MARK, 4);
	xdr_put_u32(&number, xid);
}

int
rpc_call_end(struct xdr_out *xo, size_t more)
{
	struct xdr_out mark;

	if (xo->xo_failed || xo->xo_len < RPC_MARK ||
	    more >= LAST_FRAGMENT - xo->xo_len)
		return EMSGSIZE;
	xdr_out_init(&mark, xo->xo_base, RPC_MARK);
	xdr_put_u32(
	    &mark, LAST_FRAGMENT | (uint32_t)(xo->xo_len - RPC_MARK + more));
	return 0;
}

static void
get_denied(struct xdr_in *xi, struct rpc_reply *re)
{
	enum { RPC_MISMATCH_STAT = 0, AUTH_ERROR_STAT = 1 };

	switch (xdr_get_u32(xi)) {
	case RPC_MISMATCH_STAT:
		re->re_outcome = RPC_VERSION_MISMATCH;
		re->re_low = xdr_get_u32(xi);
		re->re_high = xdr_get_u32(xi);
		break;
	case AUTH_ERROR_STAT:
		re->re_outcome = RPC_AUTH_ERROR;
		re->re_auth = xdr_get_u32(xi);
		break;
	default:
		xdr_fail(xi);
		break;
	}
}

static void
get_accepted(struct xdr_in *xi, struct rpc_reply *re)
{
	uint32_t stat;
	size_t len;

	(void)xdr_get_u32(xi); /* verifier: flavour and body */
	(void)xdr_get_opaque(xi, RPC_AUTH_MAX, &len);
	stat = xdr_get_u32(xi);
	if (stat > RPC_SYSTEM_ERR)
		xdr_fail(xi);
	re->re_outcome = (enum rpc_outcome)stat;
	if (stat == RPC_PROG_MISMATCH) {
		re->re_low = xdr_get_u32(xi);
		re->re_high = xdr_get_u32(xi);
	}
}

int
rpc_reply_decode(struct xdr_in *xi, struct rpc_reply *re)
{
	struct rpc_reply got = { .re_xid = xdr_get_u32(xi) };

	if (xdr_get_u32(xi) != REPLY)
		xdr_fail(xi);
	switch (xdr_get_u32(xi)) {
	case MSG_ACCEPTED:
		get_accepted(xi, &got);
		break;
	case MSG_DENIED:
		get_denied(xi, &got);
		break;
	default:
		xdr_fail(xi);
		break;
	}
	if (xi->xi_failed)
		return EBADRPC;
	*re = got;
	return 0;
}

int
rpc_outcome_errno(enum rpc_outcome outcome)
{
	static const int error[] = {
		[RPC_SUCCESS] = 0,
		[RPC_PROG_UNAVAIL] = EPROGUNAVAIL,
		[RPC_PROG_MISMATCH] = EPROGMISMATCH,
		[RPC_PROC_UNAVAIL] = EPROCUNAVAIL,
		[RPC_GARBAGE_ARGS] = EBADRPC,
		[RPC_SYSTEM_ERR] = EIO,
		[RPC_VERSION_MISMATCH] = ERPCMISMATCH,
		[RPC_AUTH_ERROR] = EAUTH,
	};

	return error[outcome];
}

void
rpc_record_init(struct rpc_record *rr, size_t max)
{
	*rr = (struct rpc_record){ .rr_max = max };
}

bool
rpc_record_idle(const struct rpc_record *rr)
{
	return rr->rr_left == 0 && !rr->rr_last && rr->rr_nmark == 0 &&
	       rr->rr_size == 0;
}

/* Read a mark; false when bytes are missing. */
static bool
read_mark(struct rpc_record *rr, const uint8_t *p, size_t n, size_t *used)
{
	uint32_t mark;

	while (rr->rr_nmark < RPC_MARK) {
		if (*used == n)
			return false;
		rr->rr_mark[rr->rr_nmark++] = p[(*used)++];
	}
	memcpy(&mark, rr->rr_mark, sizeof(mark));
	mark = __builtin_bswap32(mark);
	rr->rr_nmark = 0;
	rr->rr_last = (mark & LAST_FRAGMENT) != 0;
	rr->rr_left = mark & ~LAST_FRAGMENT;
	/* The mark counts too, so that empty fragments come to an end. */
	rr->rr_size += RPC_MARK + rr->rr_left;
	return true;
}

enum rpc_record_event
rpc_record_step(struct rpc_record *rr, const uint8_t *p, size_t n, size_t *used)
{
	*used = 0;
	while (rr->rr_left == 0 && !rr->rr_last) {
		if (!read_mark(rr, p, n, used))
			return RR_MORE;
		if (rr->rr_size > rr->rr_max)
			return RR_BAD;
	}
	if (rr->rr_left == 0) {
		rpc_record_init(rr, (size_t)rr->rr_max);
		return RR_END;
	}
	return *used < n ? RR_DATA : RR_MORE;
}

void
rpc_record_take(struct rpc_record *rr, size_t n)
{
	KASSERT(n <= rr->rr_left);
	rr->rr_left -= (uint32_t)n;
}
