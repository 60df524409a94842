/* SPDX-License-Identifier: BSD-2-Clause */
/* How system calls name files: by path, by directory and path, by descriptor.*/
#ifndef VFS_SYSPATH_H
#define VFS_SYSPATH_H

#include "vfs/namei.h"

/*
 * Copy upath in and resolve it, relative to directory descriptor fd (AT_FDCWD:
 * the working directory) when it is not absolute.  Errors of namei(), EBADF,
 * EFAULT.  namei_done() drops the result.
 */
int path_lookup(int fd, const char *upath, enum nameiop op, uint32_t flags,
    uint32_t intent, struct nameidata *ni);
/* The vnode alone, referenced. */
int path_vnode(int fd, const char *upath, bool follow, struct vnode **vpp);
/* The vnode of a descriptor, referenced; EBADF, EINVAL. */
int descriptor_vnode(int fd, struct vnode **vpp);

/* mknod(2), for who may: *vpp is the new node, referenced. */
int make_node(int fd, const char *upath, enum vtype type, mode_t mode,
    dev_t dev, struct vnode **vpp);

/* May the current lwp change directory dvp?  EROFS, EACCES. */
int dir_writable(struct vnode *dvp);
/* The file creation mask of the current process. */
mode_t proc_umask(void);
/* Is vp the root of a mount, the one that paths lead to? */
bool is_mount_root(const struct vnode *vp);
/* Is the last component "." or ".."? */
bool is_dots(const struct componentname *cn);

#endif /* !VFS_SYSPATH_H */
