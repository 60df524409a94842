/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing files: vop_write, and the page cache's back end for it.
 *
 * One writer of a file at a time moves its end and puts bytes into the page
 * cache, which writes behind.  The file reaches as far as the server says or as
 * somebody has written here, n_end, until everything is saved.
 */
#ifndef NFS_WRITE_H
#define NFS_WRITE_H

#include "nfs/node.h"
#include "vfs/pagecache.h"

/* vop_write of a regular file, vop_fsync. */
int nfswrite_file(
    struct vnode *vp, struct uio *uio, int ioflag, kauth_cred_t cred);
int nfswrite_sync(
    struct vnode *vp, kauth_cred_t cred, int flags, off_t lo, off_t hi);
/*
 * Around a change of size by other means than writing: nobody writes
 * meanwhile.  0 or ERESTART.
 */
int nfswrite_lock(struct nfsnode *np);
void nfswrite_unlock(struct nfsnode *np);

/* For nfsread_cacheops. */
size_t nfswrite_size(struct vnode *vp);
void nfswrite_start(struct pcwrite *pw);
int nfswrite_wait(struct pcwrite *pw);
int nfswrite_commit(
    struct vnode *vp, off_t lo, off_t hi, kauth_cred_t cred, uint64_t *verf);

#endif /* !NFS_WRITE_H */
