/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Linux forbids beyond permissions, lest somebody fall into a trap that
 * another has laid in a directory where all may write.  A program that counts on
 * it counts on it here, too: the rules are those of proc_sys_fs(5), and hold as
 * far as the host has them set.
 */
#ifndef VFS_PROTECT_H
#define VFS_PROTECT_H

#include "vfs/vnode.h"

void protect_init(void);

/* May cred make another name for vp?  0 or EPERM. */
int protect_link(struct vnode *vp, kauth_cred_t cred);
/* ... follow a symbolic link at the end of a path, found in dvp?  0 or EACCES. */
int protect_follow(struct vnode *dvp, struct vnode *link, kauth_cred_t cred);
/* ... open what was in dvp already when a file was to be made?  0 or EACCES. */
int protect_create(struct vnode *dvp, struct vnode *vp, kauth_cred_t cred);
/* ... make a name for what it has a descriptor of, and perhaps could not reach
 * by any path?  0 or ENOENT. */
int protect_descriptor(
    const struct kauth_cred *opener, const struct kauth_cred *cred);

#endif /* !VFS_PROTECT_H */
