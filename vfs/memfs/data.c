/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Contents of files.  They live in the page cache and nowhere else.  Bytes of
 * valid pages behind the end of the file are always zero, so that a file can be
 * extended by changing its size.
 */
#include "kern/file.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "rump/rumphost.h"
#include "vfs/filelimit.h"
#include "vfs/memfs/memfs.h"
#include "vfs/pcblock.h"
#include "vfs/pcmap.h"

#define SIZE_MOST (INT64_MAX / 4)

int
memfs_read(struct vnode *vp, struct uio *uio, int ioflag, kauth_cred_t cred)
{
	struct memfs_node *mn = vp->v_data;
	off_t size = atomic_load_explicit(&mn->mn_size, memory_order_acquire);

	if (vp->v_type != VREG)
		return EINVAL;
	if ((ioflag & IO_NOATIME) == 0)
		memfs_node_touch(mn, MN_ACCESS);
	return pagecache_read(vp, uio, size, 0, cred);
}

/* The contents were changed: set-id bits stay only if root did it, who need not
 * be the one who has opened the file. */
static void
drop_bits(struct memfs_mount *mm, struct memfs_node *mn) REQUIRES(mn->mn_lock)
{
	const struct kauth_cred *cred = curlwp->l_cred;

	memfs_xattr_changed(mm, mn);
	if (kauth_cred_isroot(cred))
		return;
	mn->mn_mode &= ~(mode_t)S_ISUID;
	if ((mn->mn_mode & S_IXGRP) != 0 ||
	    !kauth_cred_ismember(cred, mn->mn_gid))
		mn->mn_mode &= ~(mode_t)S_ISGID;
}

static void
modified(struct vnode *vp)
{
	struct memfs_node *mn = vp->v_data;

	mutex_enter(&mn->mn_lock);
	drop_bits(memfs_mount_of(vp), mn);
	memfs_node_touch_locked(mn, MN_MODIFY);
	mutex_exit(&mn->mn_lock);
}

static void
set_size(struct memfs_node *mn, off_t size)
{
	atomic_store_explicit(&mn->mn_size, size, memory_order_release);
}

static int
write_locked(struct vnode *vp, struct memfs_node *mn, struct uio *uio)
    REQUIRES(mn->mn_content)
{
	off_t size = atomic_load(&mn->mn_size);
	size_t before = uio->uio_resid;
	int error;

	if (uio->uio_offset > SIZE_MOST ||
	    before > (size_t)(SIZE_MOST - uio->uio_offset))
		return EFBIG;
	if (uio->uio_offset + (off_t)before > size)
		pagecache_extend(vp, size);
	error = pagecache_write(vp, uio);
	if (uio->uio_resid != before && uio->uio_offset > size) {
		size = uio->uio_offset;
		set_size(mn, size);
	}
	/* A fault may have left bytes that were never counted. */
	if (error != 0)
		pagecache_invalidate(vp, size, 0);
	return error;
}

int
memfs_write(struct vnode *vp, struct uio *uio, int ioflag, kauth_cred_t cred)
{
	struct memfs_node *mn = vp->v_data;
	size_t before = uio->uio_resid;
	int error;

	if (vp->v_type != VREG)
		return EINVAL;
	mutex_enter(&mn->mn_content);
	if ((ioflag & IO_APPEND) != 0)
		uio->uio_offset = atomic_load(&mn->mn_size);
	if (memfs_has_flags(mn, MEMFS_APPEND) &&
	    uio->uio_offset != atomic_load(&mn->mn_size))
		error = EPERM;
	else
		error = write_locked(vp, mn, uio);
	mutex_exit(&mn->mn_content);
	if (uio->uio_resid != before)
		modified(vp);
	return error;
}

bool
memfs_has_size(struct vnode *vp, off_t size)
{
	struct memfs_node *mn = vp->v_data;

	if (vp->v_type != VREG || atomic_load(&mn->mn_size) != size)
		return false;
	mutex_enter(&mn->mn_lock);
	drop_bits(memfs_mount_of(vp), mn);
	mutex_exit(&mn->mn_lock);
	return true;
}

int
memfs_resize(struct vnode *vp, off_t size)
{
	struct memfs_node *mn = vp->v_data;
	off_t old;

	if (vp->v_type != VREG)
		return vp->v_type == VDIR ? EISDIR : EINVAL;
	if (size > SIZE_MOST)
		return EFBIG;
	mutex_enter(&mn->mn_content);
	old = atomic_load(&mn->mn_size);
	if (size > old)
		pagecache_extend(vp, old);
	set_size(mn, size);
	if (size < old) {
		pagecache_invalidate(vp, size, 0);
		pagecache_cut_maps(pagecache_of(vp), size);
	}
	mutex_exit(&mn->mn_content);
	modified(vp);
	return 0;
}

int
memfs_fallocate(struct vnode *vp, off_t pos, off_t len, kauth_cred_t cred)
{
	struct memfs_node *mn = vp->v_data;
	off_t size, end;
	int error;

	if (memfs_has_flags(mn, MEMFS_IMMUTABLE))
		return EPERM;
	if (__builtin_add_overflow(pos, len, &end) || end > SIZE_MOST)
		return EFBIG;
	error = filelimit_size(vp, end);
	if (error != 0)
		return error;
	mutex_enter(&mn->mn_content);
	size = atomic_load(&mn->mn_size);
	if (end > size)
		pagecache_extend(vp, size);
	error = pagecache_allocate(vp, pos, end);
	if (error == 0 && end > size)
		set_size(mn, end);
	else if (error != 0)
		pagecache_invalidate(vp, size, 0);
	mutex_exit(&mn->mn_content);
	if (error == 0)
		modified(vp);
	return error;
}

int
memfs_fdiscard(struct vnode *vp, off_t pos, off_t len, kauth_cred_t cred)
{
	struct memfs_node *mn = vp->v_data;
	off_t end;

	if (memfs_check_fixed(mn) != 0)
		return EPERM;
	mutex_enter(&mn->mn_content);
	if (__builtin_add_overflow(pos, len, &end) || end > SIZE_MOST)
		end = SIZE_MOST;
	/* What is reserved behind the end goes as well. */
	if (pos < end)
		pagecache_punch(vp, pos, end);
	mutex_exit(&mn->mn_content);
	modified(vp);
	return 0;
}

/* Pages behind the end are zeros, and go when the file is cut off. */
static int
reserve(struct vnode *vp, const struct rump_reserve *rr)
{
	struct memfs_node *mn = vp->v_data;
	off_t end;
	int error;

	if (memfs_has_flags(mn, MEMFS_IMMUTABLE))
		return EPERM;
	if (rr->rr_pos < 0 || rr->rr_len <= 0)
		return EINVAL;
	if (__builtin_add_overflow(rr->rr_pos, rr->rr_len, &end) ||
	    end > SIZE_MOST)
		return EFBIG;
	mutex_enter(&mn->mn_content);
	error = pagecache_allocate(vp, rr->rr_pos, end);
	if (error != 0)
		pagecache_invalidate(vp, atomic_load(&mn->mn_size), 0);
	mutex_exit(&mn->mn_content);
	if (error == 0)
		modified(vp);
	return error;
}

int
memfs_ioctl(struct vnode *vp, unsigned long cmd, void *data, int fflags,
    kauth_cred_t cred)
{
	struct memfs_node *mn = vp->v_data;
	off_t *offp = data;
	uint32_t *flags = data;

	if (cmd == RUMP_FIOGETFLAGS) {
		*flags = atomic_load(&mn->mn_flags);
		return 0;
	}
	if (cmd == RUMP_FIORESERVE && (fflags & FWRITE) == 0)
		return EBADF;
	if (cmd == RUMP_FIORESERVE && vp->v_type == VREG)
		return reserve(vp, data);
	if (vp->v_type != VREG ||
	    (cmd != RUMP_FIOSEEKDATA && cmd != RUMP_FIOSEEKHOLE))
		return ENOTTY;
	return pagecache_seek(
	    vp, atomic_load(&mn->mn_size), cmd == RUMP_FIOSEEKHOLE, offp);
}

int
memfs_readlink(struct vnode *vp, struct uio *uio, kauth_cred_t cred)
{
	struct memfs_node *mn = vp->v_data;

	memfs_node_touch(mn, MN_ACCESS);
	return uiomove(mn->mn_link.l_target, mn->mn_link.l_len, uio);
}
