/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading files: the page cache's back end. */
#ifndef NFS_READ_H
#define NFS_READ_H

#include "nfs/node.h"
#include "vfs/pagecache.h"

extern const struct pagecacheops nfsread_cacheops;

/* vop_read of a regular file. */
int nfsread_file(struct vnode *vp, struct uio *uio, kauth_cred_t cred);
/* The file is closed: end readahead that nobody waits for. */
void nfsread_stop(struct nfsnode *np);

#endif /* !NFS_READ_H */
