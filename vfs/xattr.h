/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended attributes as callers see them: who may read, change and see which,
 * before a file system is asked.
 *
 * An attribute is known by one name, whose beginning says what it is for:
 * "user." for whoever may read or write the file's contents, "trusted." for
 * root alone, "security." for everybody to read and root to change.  Nothing in
 * this kernel acts upon the latter; a program that lies on a mount gains nothing
 * by a "security.capability".  Other names there are not, EOPNOTSUPP.
 */
#ifndef VFS_XATTR_H
#define VFS_XATTR_H

#include "vfs/vnode.h"

#define XATTR_LIST_MAX 65536 /* all names of a file, each with its NUL */
#define XATTR_USER "user."
#define XATTR_TRUSTED "trusted."
#define XATTR_CAPABILITY "security.capability"

/*
 * As the operations of struct vnodeops, for names of at most XATTR_NAME_MAX and
 * values of at most XATTR_SIZE_MAX bytes.  EACCES, EPERM, EROFS, EOPNOTSUPP,
 * and EINVAL for a name that only begins.  What the caller may not read is not
 * there (ENOATTR), and not in the list.
 */
int xattr_get(struct vnode *vp, const char *name, void *buf, size_t room,
    size_t *size, kauth_cred_t cred);
int xattr_set(struct vnode *vp, const char *name, const void *value,
    size_t size, int flags, kauth_cred_t cred);
int xattr_remove(struct vnode *vp, const char *name, kauth_cred_t cred);
int xattr_each(
    struct vnode *vp, xattr_name_fn *fn, void *arg, kauth_cred_t cred);

#endif /* !VFS_XATTR_H */
