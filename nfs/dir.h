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
/* The directory is not in use: give up a listing that is large. */
void nfsdir_shrink(struct nfsnode *np);
/* Give up the listing. */
void nfsdir_destroy(struct nfsnode *np);

#endif /* !NFS_DIR_H */
