/* SPDX-License-Identifier: BSD-2-Clause */
/* Attributes of nodes: reading, checking and changing them. */
#include "kern/file.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "vfs/memfs/memfs.h"
#include "vfs/pagecache.h"

#define DIRENT_BYTES 20 /* of a directory's size, for each name */

int
memfs_access(struct vnode *vp, int mode, kauth_cred_t cred)
{
	struct memfs_node *mn = vp->v_data;
	int error = EPERM;

	mutex_enter(&mn->mn_lock);
	if ((mode & W_OK) == 0 || !memfs_has_flags(mn, MEMFS_IMMUTABLE))
		error = vaccess(mn->mn_type, mn->mn_mode, mn->mn_uid,
		    mn->mn_gid, mode, cred);
	mutex_exit(&mn->mn_lock);
	return error;
}

int
memfs_open(struct vnode *vp, int fflags, kauth_cred_t cred, struct file *fp)
{
	if ((fflags & (FWRITE | O_APPEND)) == FWRITE &&
	    memfs_has_flags(vp->v_data, MEMFS_APPEND))
		return EPERM;
	return 0;
}

static off_t
size_of(struct memfs_node *mn)
{
	if (mn->mn_type == VDIR)
		return (off_t)(atomic_load(&mn->mn_dir.d_count) + 2) *
		       DIRENT_BYTES;
	return atomic_load_explicit(&mn->mn_size, memory_order_acquire);
}

int
memfs_getattr(struct vnode *vp, struct vattr *va, kauth_cred_t cred)
{
	struct memfs_node *mn = vp->v_data;

	memset(va, 0, sizeof(*va));
	va->va_type = mn->mn_type;
	va->va_fsid = vp->v_mount->mnt_fsid;
	va->va_fileid = mn->mn_ino;
	va->va_blocksize = PC_PAGE;
	va->va_rdev = mn->mn_rdev;
	va->va_bytes = mn->mn_type == VREG ? pagecache_bytes(vp) : 0;
	va->va_size = size_of(mn);
	mutex_enter(&mn->mn_lock);
	va->va_nlink = mn->mn_nlink;
	va->va_flags = mn->mn_flags;
	va->va_mode = mn->mn_mode;
	va->va_uid = mn->mn_uid;
	va->va_gid = mn->mn_gid;
	va->va_atime = mn->mn_atime;
	va->va_mtime = mn->mn_mtime;
	va->va_ctime = mn->mn_ctime;
	va->va_birthtime = mn->mn_birthtime;
	mutex_exit(&mn->mn_lock);
	return 0;
}

static bool
owns(const struct memfs_node *mn, const struct kauth_cred *cred)
    REQUIRES(mn->mn_lock)
{
	return kauth_cred_rules(cred, mn->mn_uid, mn->mn_gid) ||
	       cred->cr_euid == mn->mn_uid;
}

static bool
sets_owner(const struct vattr *va)
{
	return va->va_uid != (uid_t)VNOVAL || va->va_gid != (gid_t)VNOVAL;
}

static int
check_owner(const struct memfs_node *mn, const struct vattr *va,
    const struct kauth_cred *cred) REQUIRES(mn->mn_lock)
{
	if (!sets_owner(va) || kauth_cred_rules(cred, mn->mn_uid, mn->mn_gid))
		return 0;
	if (!owns(mn, cred))
		return EPERM;
	if (va->va_uid != (uid_t)VNOVAL && va->va_uid != mn->mn_uid)
		return EPERM;
	if (va->va_gid != (gid_t)VNOVAL && va->va_gid != mn->mn_gid &&
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
check_times(const struct memfs_node *mn, const struct vattr *va,
    const struct kauth_cred *cred) REQUIRES(mn->mn_lock)
{
	if (!sets_times(va) || owns(mn, cred))
		return 0;
	if ((va->va_vaflags & VA_UTIMES_NULL) == 0)
		return EPERM;
	return vaccess(
	    mn->mn_type, mn->mn_mode, mn->mn_uid, mn->mn_gid, W_OK, cred);
}

/* Those of the system's are root's to change. */
static int
check_flags(const struct memfs_node *mn, const struct vattr *va,
    const struct kauth_cred *cred) REQUIRES(mn->mn_lock)
{
	if (va->va_flags == (uint32_t)VNOVAL)
		return 0;
	if (!owns(mn, cred))
		return EPERM;
	if ((va->va_flags & ~(uint32_t)MEMFS_FLAGS) != 0)
		return EOPNOTSUPP;
	if (!kauth_cred_isroot(cred) &&
	    ((va->va_flags ^ mn->mn_flags) & SF_SETTABLE) != 0)
		return EPERM;
	return 0;
}

/* May attributes change?  That the file was used may be noted where it grows. */
static int
check_fixed(const struct memfs_node *mn, const struct vattr *va)
    REQUIRES(mn->mn_lock)
{
	uint32_t fixed = MEMFS_IMMUTABLE | MEMFS_APPEND;

	if (va->va_mode == (mode_t)VNOVAL && !sets_owner(va) && !sets_times(va))
		return 0;
	if (va->va_mode == (mode_t)VNOVAL && !sets_owner(va) &&
	    (va->va_vaflags & VA_UTIMES_NULL) != 0)
		fixed = MEMFS_IMMUTABLE;
	return memfs_has_flags(mn, fixed) ? EPERM : 0;
}

/* Everything is checked before anything is changed. */
static int
check_change(const struct memfs_node *mn, const struct vattr *va,
    const struct kauth_cred *cred) REQUIRES(mn->mn_lock)
{
	int error;

	error = check_fixed(mn, va);
	if (error == 0)
		error = check_flags(mn, va, cred);
	if (error == 0)
		error = check_owner(mn, va, cred);
	if (error == 0)
		error = check_times(mn, va, cred);
	if (error == 0 && va->va_mode != (mode_t)VNOVAL && !owns(mn, cred))
		error = EPERM;
	return error;
}

static void
change_marks(struct memfs_node *mn, const struct vattr *va,
    const struct kauth_cred *cred) REQUIRES(mn->mn_lock)
{
	if (va->va_flags != (uint32_t)VNOVAL)
		mn->mn_flags = va->va_flags;
	if (va->va_uid != (uid_t)VNOVAL)
		mn->mn_uid = va->va_uid;
	if (va->va_gid != (gid_t)VNOVAL)
		mn->mn_gid = va->va_gid;
	if (va->va_mode == (mode_t)VNOVAL)
		return;
	mn->mn_mode = va->va_mode & ALLPERMS;
	if (!kauth_cred_rules(cred, mn->mn_uid, mn->mn_gid) &&
	    !kauth_cred_ismember(cred, mn->mn_gid))
		mn->mn_mode &= ~(mode_t)S_ISGID;
}

/* The present is the time of this very change, which mn_ctime is. */
static void
change_times(struct memfs_node *mn, const struct vattr *va)
    REQUIRES(mn->mn_lock)
{
	if ((va->va_vaflags & VA_ATIME_NOW) != 0)
		mn->mn_atime = mn->mn_ctime;
	else if (va->va_atime.tv_nsec != VNOVAL)
		mn->mn_atime = va->va_atime;
	if ((va->va_vaflags & VA_MTIME_NOW) != 0)
		mn->mn_mtime = mn->mn_ctime;
	else if (va->va_mtime.tv_nsec != VNOVAL)
		mn->mn_mtime = va->va_mtime;
	if (va->va_birthtime.tv_nsec != VNOVAL)
		mn->mn_birthtime = va->va_birthtime;
}

int
memfs_setattr(struct vnode *vp, struct vattr *va, kauth_cred_t cred)
{
	struct memfs_node *mn = vp->v_data;
	int error;

	if (va->va_size != VNOVAL && memfs_has_flags(mn, MEMFS_APPEND))
		return EPERM;
	if ((va->va_vaflags & VA_SIZE_IF_NEW) != 0 &&
	    memfs_has_size(vp, va->va_size))
		return 0;
	mutex_enter(&mn->mn_lock);
	error = check_change(mn, va, cred);
	if (error == 0) {
		change_marks(mn, va, cred);
		if (sets_owner(va))
			memfs_xattr_changed(memfs_mount_of(vp), mn);
		memfs_node_touch_locked(mn, MN_CHANGE);
		change_times(mn, va);
	}
	mutex_exit(&mn->mn_lock);
	if (error != 0 || va->va_size == VNOVAL)
		return error;
	return memfs_resize(vp, va->va_size);
}
