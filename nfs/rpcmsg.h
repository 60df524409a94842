/* SPDX-License-Identifier: BSD-2-Clause */
/* ONC RPC messages (RFC 5531): headers and record marking, without I/O. */
#ifndef NFS_RPCMSG_H
#define NFS_RPCMSG_H

#include "nfs/xdr.h"

#define RPC_MARK 4          /* bytes of a record mark */
#define RPC_AUTH_GROUPS 16  /* AUTH_SYS, RFC 5531 appendix A */
#define RPC_AUTH_MACHINE 64 /* of the 255 allowed */
#define RPC_AUTH_MAX 400    /* body of a credential or verifier */

/* The caller's identity for AUTH_SYS. */
struct rpc_auth {
	uint32_t ra_uid;
	uint32_t ra_gid;
	uint32_t ra_ngroups;
	uint32_t ra_groups[RPC_AUTH_GROUPS];
	const char *ra_machine;
};

/* Largest call header with its record mark. */
#define RPC_CALL_HEADER                                                        \
	(RPC_MARK + 6 * 4 + (2 + 5 + RPC_AUTH_GROUPS) * 4 + RPC_AUTH_MACHINE + \
	    2 * 4)

/*
 * Begin a call in an empty cursor: the record mark's place and the header.
 * auth NULL means AUTH_NONE.
 */
void rpc_call_begin(struct xdr_out *xo, uint32_t xid, uint32_t prog,
    uint32_t vers, uint32_t proc, const struct rpc_auth *auth);
/* Give the call another transaction id. */
void rpc_call_number(struct xdr_out *xo, uint32_t xid);
/*
 * Fill in the record mark; behind what is in the cursor the record will have so
 * many more bytes.  0, or EMSGSIZE when the call did not fit.
 */
int rpc_call_end(struct xdr_out *xo, size_t more);

enum rpc_outcome {
	RPC_SUCCESS,
	RPC_PROG_UNAVAIL,
	RPC_PROG_MISMATCH,
	RPC_PROC_UNAVAIL,
	RPC_GARBAGE_ARGS,
	RPC_SYSTEM_ERR,
	RPC_VERSION_MISMATCH, /* of RPC itself */
	RPC_AUTH_ERROR,
};

struct rpc_reply {
	uint32_t re_xid;
	enum rpc_outcome re_outcome;
	uint32_t re_low, re_high; /* versions spoken, of the two mismatches */
	uint32_t re_auth;         /* auth_stat of RPC_AUTH_ERROR */
};

/*
 * Decode a reply header; the cursor is then at the results if the outcome is
 * RPC_SUCCESS.  0 or EBADRPC.
 */
int rpc_reply_decode(struct xdr_in *xi, struct rpc_reply *re);
/* 0, EPROGUNAVAIL, EPROGMISMATCH, EPROCUNAVAIL, EBADRPC, EIO, ERPCMISMATCH,
 * EAUTH. */
int rpc_outcome_errno(enum rpc_outcome outcome);

/*
 * Record marking: a cursor over a byte stream that takes the marks out.
 *
 *	while bytes are left:
 *		switch (rpc_record_step(rr, p, n, &used))
 *		RR_MORE  all n bytes were marks (used == n); bring more
 *		RR_DATA  behind used marks stand up to rr_left bytes of the
 *		         record; tell with rpc_record_take() how many were taken
 *		RR_END   the record is complete
 *		RR_BAD   longer than rr_max, or the stream makes no sense
 */
enum rpc_record_event { RR_MORE, RR_DATA, RR_END, RR_BAD };

struct rpc_record {
	uint8_t rr_mark[RPC_MARK];
	uint8_t rr_nmark; /* bytes of a mark seen */
	bool rr_last;     /* in the last fragment */
	uint32_t rr_left; /* data bytes left in the fragment */
	uint64_t rr_size; /* announced so far */
	uint64_t rr_max;
};

void rpc_record_init(struct rpc_record *rr, size_t max);
enum rpc_record_event rpc_record_step(
    struct rpc_record *rr, const uint8_t *p, size_t n, size_t *used);
/* n <= rr_left. */
void rpc_record_take(struct rpc_record *rr, size_t n);
/* True between records. */
bool rpc_record_idle(const struct rpc_record *rr);

#endif /* !NFS_RPCMSG_H */
