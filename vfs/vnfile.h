/* SPDX-License-Identifier: BSD-2-Clause */
/* Open files that are vnodes. */
#ifndef VFS_VNFILE_H
#define VFS_VNFILE_H

#include "kern/file.h"

struct vnode;

extern const struct fileops vn_fileops;

/*
 * Make fp an open file of vp: VOP_OPEN, device lookup.  Takes over the
 * reference on success.  fflags as FFLAGS().  ENXIO, EOPNOTSUPP.
 */
int vn_openfile(struct file *fp, struct vnode *vp, int fflags);

/* Members of vn_fileops that device files share. */
int vn_fcntl(struct file *fp, unsigned cmd, void *data);
int vn_stat(struct file *fp, struct rump_stat *st);
int vn_closefile(struct file *fp);
int vn_fpathconf(struct file *fp, int name, register_t *retval);
int vn_flock(struct file *fp, int how);
void vn_fdclose(struct file *fp);

/*
 * Errors of delayed writes that this open file has not been told of are told
 * now: error if there is one already, else the latest of them, or 0.
 */
int vn_seenerror(struct file *fp, int error);
/* vp's data could not be saved, and nobody else says so. */
void vn_sayerror(struct vnode *vp, int error);
/* fsync(2) and its kin, flags and range as for VOP_FSYNC. */
int vn_fsync(struct file *fp, int flags, off_t lo, off_t hi);

/* Is vp the caller's, or is he root?  0, EPERM, or what VOP_GETATTR says. */
int vn_owned(struct vnode *vp);
/* The attributes of vp as stat(2) shows them. */
int vn_getstat(struct vnode *vp, struct rump_stat *st, kauth_cred_t cred);
/* pathconf(2) on vp: the file system's answer or the usual one. */
int vn_pathconf(struct vnode *vp, int name, register_t *retval);
/* The file behind fd if it is a vnode's, with a reference: EBADF, EINVAL. */
int fd_getvnode(int fd, struct file **fpp);

#endif /* !VFS_VNFILE_H */
