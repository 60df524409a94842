/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a file is to be found. */
#ifndef VFS_FILEPATH_H
#define VFS_FILEPATH_H

#include "kern/types.h"

struct vnode;

/*
 * The path of vp below the root directory of the process, without links and
 * detours, to buf.  That of a directory is sure.  Else it is that which buf's
 * contents lead to, or, of what has one name alone, the one that was used not long
 * ago, which the file need not have any more.  ENOENT: none is known; ERANGE.
 */
int filepath_get(struct vnode *vp, char *buf, size_t size);

#endif /* !VFS_FILEPATH_H */
