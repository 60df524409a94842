/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Listings of directories: what the server told, kept while the directory does
 * not change.
 */
#ifndef NFS_DIR_H
#define NFS_DIR_H

#include "nfs/node.h"

struct uio;

/* vop_readdir. */
int nfsdir_read(struct vnode *vp, struct uio *uio, kauth_cred_t cred, bool *eof,
    off_t *cookies, size_t *ncookies);
/* A file as READDIRPLUS has told of it. */
struct nfsdir_file {
	struct nfs3_fh df_fh;
	struct nfs3_attr df_attr;
	int64_t df_asked_ns;    /* when */
	struct nfsview df_view; /* of the directory */
};
/*
 * What the listing of dvp, if there is one that is still good, says of a name.
 * May ask the server for a part of the listing again.
 */
bool nfsdir_lookup(
    struct vnode *dvp, const struct componentname *cnp, struct nfsdir_file *df);
/* We have made, or removed, a name in dvp, or both. */
void nfsdir_made(struct vnode *dvp, const struct componentname *cnp);
void nfsdir_removed(struct vnode *dvp, const struct componentname *cnp);
/* Give up the listing. */
void nfsdir_destroy(struct nfsnode *np);

#endif /* !NFS_DIR_H */
