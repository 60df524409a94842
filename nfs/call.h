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

/*
 * Procedures that modify.  *again: the call was sent more than once, and a
 * server that has forgotten the first time may have refused the second.
 */
int nfscall_setattr(struct nfsmount *nm, const struct nfs3_fh *fh,
    const struct nfs3_sattr *sa, kauth_cred_t cred, struct nfs3_change *res);
/* What CREATE, MKDIR, SYMLINK and MKNOD make, by nw_type. */
struct nfs_new {
	struct nfs3_dirname nw_dn;
	enum nfs3_type nw_type;
	const struct nfs3_sattr *nw_sattr;
	enum nfs3_createmode nw_how;          /* NFS3_REG */
	uint8_t nw_verf[NFS3_CREATEVERFSIZE]; /* NFS3_REG, exclusive */
	const char *nw_target;                /* NFS3_LNK */
	uint32_t nw_major, nw_minor;          /* NFS3_CHR, NFS3_BLK */
};
int nfscall_make(struct nfsmount *nm, const struct nfs_new *nw,
    kauth_cred_t cred, struct nfs3_made *res, bool *again);
/* REMOVE, or RMDIR. */
int nfscall_remove(struct nfsmount *nm, const struct nfs3_dirname *dn,
    bool directory, kauth_cred_t cred, struct nfs3_change *res, bool *again);
int nfscall_rename(struct nfsmount *nm, const struct nfs3_dirname *from,
    const struct nfs3_dirname *to, kauth_cred_t cred, struct nfs3_rename *res,
    bool *again);
int nfscall_link(struct nfsmount *nm, const struct nfs3_fh *fh,
    const struct nfs3_dirname *to, kauth_cred_t cred, struct nfs3_link *res,
    bool *again);
/* count 0: to the end of the file. */
int nfscall_commit(struct nfsmount *nm, const struct nfs3_fh *fh, uint64_t off,
    uint32_t count, kauth_cred_t cred, struct nfs3_commit *res);

/* A WRITE of what rpc_call_attach() has still to attach, made but not started;
 * see nfs/write.c. */
struct rpc_call *nfscall_write_create(struct nfsmount *nm,
    const struct nfs3_fh *fh, uint64_t off, uint32_t count,
    enum nfs3_stable stable, const struct kauth_cred *cred);

/* Sleep a second; 0 or ERESTART. */
int nfscall_nap(struct nfsmount *nm);
/* May the server be asked again, which has said "later" tries times? */
bool nfscall_may_retry(const struct nfsmount *nm, unsigned tries);

#endif /* !NFS_CALL_H */
