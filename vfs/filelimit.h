/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RLIMIT_FSIZE: how far the calling process may let regular files grow.  What
 * goes beyond is EFBIG, and SIGXFSZ for the process.
 */
#ifndef VFS_FILELIMIT_H
#define VFS_FILELIMIT_H

#include "kern/types.h"

struct uio;
struct vnode;

/*
 * Before a write of uio, at the end of the file with IO_APPEND in ioflag: take
 * what lies beyond the limit from uio_resid.  *cut: how much that is, to be
 * added again after the write.
 */
int filelimit_write(struct vnode *vp, int ioflag, struct uio *uio, size_t *cut);

/* Before a change of the size, or an allocation up to size. */
int filelimit_size(struct vnode *vp, off_t size);

#endif /* !VFS_FILELIMIT_H */
