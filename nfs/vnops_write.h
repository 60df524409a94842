/* SPDX-License-Identifier: BSD-2-Clause */
/* Vnode operations that modify, and what they share with those that look. */
#ifndef NFS_VNOPS_WRITE_H
#define NFS_VNOPS_WRITE_H

#include "nfs/node.h"

/* vnops_make.c */
int nfs_create(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp,
    struct vattr *va);
int nfs_mknod(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp,
    struct vattr *va);
int nfs_mkdir(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp,
    struct vattr *va);
int nfs_symlink(struct vnode *dvp, struct vnode **vpp,
    struct componentname *cnp, struct vattr *va, const char *target);
int nfs_link(struct vnode *dvp, struct vnode *vp, struct componentname *cnp);

/* vnops_remove.c */
int nfs_remove(struct vnode *dvp, struct vnode *vp, struct componentname *cnp);
int nfs_rmdir(struct vnode *dvp, struct vnode *vp, struct componentname *cnp);
int nfs_rename(struct vnode *fdvp, struct vnode *fvp,
    struct componentname *fcnp, struct vnode *tdvp, struct vnode *tvp,
    struct componentname *tcnp);

/* vnops_attr.c */
int nfs_setattr(struct vnode *vp, struct vattr *va, kauth_cred_t cred);
/* Does the server refuse cred to write to vp because the export is read-only?
 * Asked once per mount. */
bool nfs_export_readonly(struct vnode *vp, kauth_cred_t cred);

/* vnops.c */
/* The server has just told of vp, for an open by the same thread. */
void nfs_mark_fresh(struct vnode *vp, bool fresh);
/* Ask the server for a name, and enter it. */
int nfs_lookup_server(
    struct vnode *dvp, struct vnode **vpp, struct componentname *cnp);
/*
 * Enter what was found when the directory was at view, unless it has moved on;
 * if it does so meanwhile, whoever forgets its names may have missed this.
 */
void nfs_enter_name(struct vnode *dvp, struct vnode *vp,
    const struct componentname *cnp, const struct nfsview *view);

#endif /* !NFS_VNOPS_WRITE_H */
