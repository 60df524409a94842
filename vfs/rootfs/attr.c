/* SPDX-License-Identifier: BSD-2-Clause */
/* Attributes of rumpfs nodes: reading, checking and changing them. */
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "vfs/pagecache.h"
#include "vfs/rootfs/rootfs.h"

int
rootfs_access(struct vnode *vp, int mode, kauth_cred_t cred)
{
	struct rootfs_node *rn = vp->v_data;
	int error;

	mutex_enter(&rn->rn_lock);
	error = vaccess(
	    rn->rn_type, rn->rn_mode, rn->rn_uid, rn->rn_gid, mode, cred);
	mutex_exit(&rn->rn_lock);
	return error;
}

int
rootfs_getattr(struct vnode *vp, struct vattr *va, kauth_cred_t cred)
{
	struct rootfs_mount *rm = rootfs_mount_of(vp);
	struct rootfs_node *rn = vp->v_data;

	memset(va, 0, sizeof(*va));
	va->va_type = rn->rn_type;
	va->va_fsid = vp->v_mount->mnt_fsid;
	va->va_fileid = rn->rn_ino;
	va->va_blocksize = PC_PAGE;
	va->va_rdev = rn->rn_rdev;
	va->va_bytes = pagecache_bytes(vp);
	rw_enter(&rm->rm_tree, RW_READER);
	va->va_nlink = rn->rn_nlink;
	va->va_size = rn->rn_type == VDIR ? (off_t)(rn->rn_dir.d_count + 2) * 16
					  : atomic_load(&rn->rn_size);
	rw_exit(&rm->rm_tree);
	mutex_enter(&rn->rn_lock);
	rootfs_node_settimes(rn);
	va->va_mode = rn->rn_mode;
	va->va_uid = rn->rn_uid;
	va->va_gid = rn->rn_gid;
	va->va_atime = rn->rn_atime;
	va->va_mtime = rn->rn_mtime;
	va->va_ctime = rn->rn_ctime;
	va->va_birthtime = rn->rn_birthtime;
	mutex_exit(&rn->rn_lock);
	return 0;
}

static bool
owns(const struct rootfs_node *rn, const struct kauth_cred *cred)
{
	return cred->cr_euid == 0 || cred->cr_euid == rn->rn_uid;
}

static int
check_owner(const struct rootfs_node *rn, const struct vattr *va,
    const struct kauth_cred *cred)
{
	if (va->va_uid == (uid_t)VNOVAL && va->va_gid == (gid_t)VNOVAL)
		return 0;
	if (cred->cr_euid == 0)
		return 0;
	if (!owns(rn, cred))
		return EPERM;
	if (va->va_uid != (uid_t)VNOVAL && va->va_uid != rn->rn_uid)
		return EPERM;
	if (va->va_gid != (gid_t)VNOVAL && va->va_gid != rn->rn_gid &&
	    !kauth_cred_ismember(cred, va->va_gid))
		return EPERM;
	return 0;
}

static bool
sets_times(const struct vattr *va)
{
	return va->va_atime.tv_nsec != VNOVAL ||
	       va->va_mtime.tv_nsec != VNOVAL ||
	       va->va_birthtime.tv_nsec != VNOVAL;
}

static int
check_times(const struct rootfs_node *rn, const struct vattr *va,
    const struct kauth_cred *cred)
{
	if (!sets_times(va) || owns(rn, cred))
		return 0;
	if ((va->va_vaflags & VA_UTIMES_NULL) == 0)
		return EPERM;
	return vaccess(
	    rn->rn_type, rn->rn_mode, rn->rn_uid, rn->rn_gid, W_OK, cred);
}

/* Everything is checked before anything is changed. */
static int
check_change(const struct rootfs_node *rn, const struct vattr *va,
    const struct kauth_cred *cred)
{
	int error;

	if (va->va_flags != (uint32_t)VNOVAL)
		return EOPNOTSUPP;
	error = check_owner(rn, va, cred);
	if (error == 0)
		error = check_times(rn, va, cred);
	if (error == 0 && va->va_mode != (mode_t)VNOVAL && !owns(rn, cred))
		error = EPERM;
	return error;
}

static void
change(struct rootfs_node *rn, const struct vattr *va,
    const struct kauth_cred *cred)
{
	rootfs_node_settimes(rn);
	if (va->va_uid != (uid_t)VNOVAL)
		rn->rn_uid = va->va_uid;
	if (va->va_gid != (gid_t)VNOVAL)
		rn->rn_gid = va->va_gid;
	if (va->va_mode != (mode_t)VNOVAL) {
		rn->rn_mode = va->va_mode & ALLPERMS;
		if (cred->cr_euid != 0 &&
		    !kauth_cred_ismember(cred, rn->rn_gid))
			rn->rn_mode &= ~(mode_t)S_ISGID;
	}
	if (va->va_atime.tv_nsec != VNOVAL)
		rn->rn_atime = va->va_atime;
	if (va->va_mtime.tv_nsec != VNOVAL)
		rn->rn_mtime = va->va_mtime;
	if (va->va_birthtime.tv_nsec != VNOVAL)
		rn->rn_birthtime = va->va_birthtime;
}

int
rootfs_setattr(struct vnode *vp, struct vattr *va, kauth_cred_t cred)
{
	struct rootfs_node *rn = vp->v_data;
	int error;

	mutex_enter(&rn->rn_lock);
	error = check_change(rn, va, cred);
	if (error == 0)
		change(rn, va, cred);
	mutex_exit(&rn->rn_lock);
	if (error != 0)
		return error;
	rootfs_node_touch(rn, RN_CHANGE);
	return va->va_size == VNOVAL ? 0
				     : rootfs_resize(vp, va->va_size,
					   (va->va_vaflags & VA_GROW) != 0);
}
