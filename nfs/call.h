/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The procedures of NFS version 3 as functions that wait for the reply.  0: the
 * server answered, and the result has its verdict; otherwise the errors of
 * rpc_call_run(), and EBADRPC for results that make no sense.  A server that
 * says "later" (NFS3ERR_JUKEBOX) is asked again.
 */
#ifndef NFS_CALL_H
#define NFS_CALL_H

#include "kern/cred.h"
#include "nfs/nfsmount.h"

int nfscall_null(struct nfsmount *nm);
int nfscall_getattr(struct nfsmount *nm, const struct nfs3_fh *fh,
    kauth_cred_t cred, struct nfs3_getattr *res);
int nfscall_lookup(struct nfsmount *nm, const struct nfs3_fh *dir,
    const char *name, size_t len, kauth_cred_t cred, struct nfs3_lookup *res);
int nfscall_access(struct nfsmount *nm, const struct nfs3_fh *fh, uint32_t want,
    kauth_cred_t cred, struct nfs3_access *res);
/* The path is copied to path (NFS3_PATHMAX bytes), where rl_path points. */
int nfscall_readlink(struct nfsmount *nm, const struct nfs3_fh *fh,
    kauth_cred_t cred, char *path, struct nfs3_readlink *res);
int nfscall_fsstat(struct nfsmount *nm, const struct nfs3_fh *fh,
    kauth_cred_t cred, struct nfs3_fsstat *res);
int nfscall_fsinfo(struct nfsmount *nm, const struct nfs3_fh *fh,
    kauth_cred_t cred, struct nfs3_fsinfo *res);
int nfscall_pathconf(struct nfsmount *nm, const struct nfs3_fh *fh,
    kauth_cred_t cred, struct nfs3_pathconf *res);

/*
 * READDIR or READDIRPLUS.  With NFS3_OK *cap holds the reply and *xi is at its
 * first entry; the caller frees it with rpc_call_unref().  *cap is NULL
 * otherwise.
 */
int nfscall_readdir(struct nfsmount *nm, const struct nfs3_fh *fh, bool plus,
    const struct nfs3_dirpos *pos, kauth_cred_t cred, struct nfs3_readdir *res,
    struct rpc_call **cap, struct xdr_in *xi);

/* A READ of count bytes at off, made but not started; see nfs/read.c. */
struct rpc_call *nfscall_read_create(struct nfsmount *nm,
    const struct nfs3_fh *fh, uint64_t off, uint32_t count,
    const struct kauth_cred *cred);

/* Sleep a second; 0 or ERESTART. */
int nfscall_nap(struct nfsmount *nm);

#endif /* !NFS_CALL_H */
