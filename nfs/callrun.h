/* SPDX-License-Identifier: BSD-2-Clause */
/* Procedures as data; for call*.c. */
#ifndef NFS_CALLRUN_H
#define NFS_CALLRUN_H

#include "nfs/call.h"

#define FH_SIZE (4 + NFS3_FHSIZE)
#define OPT_ATTR_SIZE (4 + NFS3_ATTR_SIZE)
#define NAME_SIZE (4 + XDR_ROUND(NFS3_NAMEMAX))
/* Handle, cookie, verifier and two counts; or handle and name. */
#define ARGS_SIZE (FH_SIZE + NAME_SIZE)

struct call_args {
	const struct nfs3_fh *fh;
	const char *name;
	size_t namelen;
	uint32_t want;
	const void *more; /* the procedure's */
};

/* The structure of a result begins with the status. */
struct procedure {
	enum nfs3_proc proc;
	size_t args_size; /* 0: ARGS_SIZE */
	size_t result_size;
	void (*encode)(struct xdr_out *xo, const struct call_args *args);
	int (*decode)(struct xdr_in *xi, void *res);
	bool once; /* not to be interrupted, see rpc_call_run_once() */
};

/* Make a call with room for its arguments and results. */
struct rpc_call *nfscall_create_call(struct nfsmount *nm, enum nfs3_proc proc,
    const struct kauth_cred *cred, size_t args_size, size_t result_size);
/* Make the call and wait.  *again: rpc_call_retransmitted(). */
int nfscall_run(struct nfsmount *nm, const struct procedure *p,
    const struct call_args *args, const struct kauth_cred *cred, void *res,
    bool *again);

#endif /* !NFS_CALLRUN_H */
