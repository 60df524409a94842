/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vnode operations as callers see them: NULL members have their default
 * answer, read-only mounts answer EROFS, and vp's mount is what it was.  All
 * may sleep; contracts are those of struct vnodeops.
 */
#ifndef VFS_VOP_H
#define VFS_VOP_H

#include "vfs/vnode.h"

int VOP_LOOKUP(
    struct vnode *dvp, struct vnode **vpp, struct componentname *cnp);
int VOP_CREATE(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp,
    struct vattr *va);
int VOP_MKNOD(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp,
    struct vattr *va);
int VOP_UNNAMED(struct vnode *dvp, struct vnode **vpp, struct vattr *va,
    bool linkable, kauth_cred_t cred);
int VOP_OPEN(struct vnode *vp, int fflags, kauth_cred_t cred, struct file *fp);
int VOP_CLOSE(struct vnode *vp, int fflags, kauth_cred_t cred, struct file *fp);
/* mode 0 succeeds; W_OK on a read-only mount is EROFS (not for devices). */
int VOP_ACCESS(struct vnode *vp, int mode, kauth_cred_t cred);
int VOP_GETATTR(struct vnode *vp, struct vattr *va, kauth_cred_t cred);
int VOP_SETATTR(struct vnode *vp, struct vattr *va, kauth_cred_t cred);
int VOP_READ(struct vnode *vp, struct uio *uio, int ioflag, kauth_cred_t cred);
int VOP_WRITE(struct vnode *vp, struct uio *uio, int ioflag, kauth_cred_t cred);
int VOP_IOCTL(struct vnode *vp, unsigned long cmd, void *data, int fflags,
    kauth_cred_t cred);
/* Returns ready bits. */
int VOP_POLL(struct vnode *vp, int events, struct selector *sel);
int VOP_FALLOCATE(struct vnode *vp, off_t pos, off_t len, kauth_cred_t cred);
int VOP_FDISCARD(struct vnode *vp, off_t pos, off_t len, kauth_cred_t cred);
int VOP_FSYNC(
    struct vnode *vp, kauth_cred_t cred, int flags, off_t lo, off_t hi);
/* May the name of vp in dvp be taken away?  EROFS, EACCES, EPERM. */
int VOP_REMOVABLE(struct vnode *dvp, struct vnode *vp, kauth_cred_t cred);
int VOP_REMOVE(struct vnode *dvp, struct vnode *vp, struct componentname *cnp);
int VOP_LINK(struct vnode *dvp, struct vnode *vp, struct componentname *cnp);
int VOP_RENAME(struct vnode *fdvp, struct vnode *fvp,
    struct componentname *fcnp, struct vnode *tdvp, struct vnode *tvp,
    struct componentname *tcnp);
int VOP_EXCHANGE(struct vnode *fdvp, struct vnode *fvp,
    struct componentname *fcnp, struct vnode *tdvp, struct vnode *tvp,
    struct componentname *tcnp);
/* Is there such an operation for names in dvp? */
bool vop_can_exchange(const struct vnode *dvp);
int VOP_MKDIR(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp,
    struct vattr *va);
int VOP_RMDIR(struct vnode *dvp, struct vnode *vp, struct componentname *cnp);
int VOP_SYMLINK(struct vnode *dvp, struct vnode **vpp,
    struct componentname *cnp, struct vattr *va, const char *target);
int VOP_READDIR(struct vnode *vp, struct uio *uio, kauth_cred_t cred, bool *eof,
    off_t *cookies, size_t *ncookies);
int VOP_NAMEOF(struct vnode *dvp, struct vnode *vp, char *name);
int VOP_READLINK(struct vnode *vp, struct uio *uio, kauth_cred_t cred);
int VOP_PATHCONF(struct vnode *vp, int name, register_t *retval);
int VOP_GETXATTR(struct vnode *vp, const char *name, void *buf, size_t room,
    size_t *size, kauth_cred_t cred);
int VOP_SETXATTR(struct vnode *vp, const char *name, const void *value,
    size_t size, int flags, kauth_cred_t cred);
int VOP_REMOVEXATTR(struct vnode *vp, const char *name, kauth_cred_t cred);
int VOP_EACHXATTR(
    struct vnode *vp, xattr_name_fn *fn, void *arg, kauth_cred_t cred);
int VOP_INACTIVE(struct vnode *vp, bool *recycle);

/* Is vp's mount a read-only one? */
bool vnode_readonly(const struct vnode *vp);
/* The file system's operations of vp, also after vgone(). */
const struct vnodeops *vnode_liveops(const struct vnode *vp);

/* Operations of a vnode after vgone(). */
extern const struct vnodeops dead_vnodeops;

#endif /* !VFS_VOP_H */
