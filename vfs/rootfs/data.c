/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Contents of rumpfs files, which are in the page cache and nowhere else.
 * Bytes of valid pages behind the end of the file are always zero, so that a
 * file can be extended by changing its size.
 */
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "vfs/pcblock.h"
#include "vfs/pcmap.h"
#include "vfs/pcmem.h"
#include "vfs/rootfs/rootfs.h"

#define SIZE_MOST (INT64_MAX / 4)

int
rootfs_read(struct vnode *vp, struct uio *uio, int ioflag, kauth_cred_t cred)
{
	struct rootfs_node *rn = vp->v_data;
	off_t size = atomic_load_explicit(&rn->rn_size, memory_order_acquire);

	if (vp->v_type != VREG)
		return EINVAL;
	rootfs_node_touch(rn, RN_ACCESS);
	return pagecache_read(vp, uio, size, 0, cred);
}

/* Writing by others than root takes the set-id bits away. */
static void
drop_setid(struct rootfs_node *rn, const struct kauth_cred *cred)
{
	if (cred->cr_euid == 0)
		return;
	mutex_enter(&rn->rn_lock);
	rn->rn_mode &= ~(mode_t)(S_ISUID | S_ISGID);
	mutex_exit(&rn->rn_lock);
}

int
rootfs_write(struct vnode *vp, struct uio *uio, int ioflag, kauth_cred_t cred)
{
	struct rootfs_node *rn = vp->v_data;
	size_t before = uio->uio_resid;
	off_t size;
	int error;

	if (vp->v_type != VREG)
		return EINVAL;
	mutex_enter(&rn->rn_iolock);
	size = atomic_load(&rn->rn_size);
	if ((ioflag & IO_APPEND) != 0)
		uio->uio_offset = size;
	error = EFBIG;
	if (uio->uio_offset <= SIZE_MOST &&
	    before <= (size_t)(SIZE_MOST - uio->uio_offset)) {
		if (uio->uio_offset + (off_t)before > size)
			pagecache_extend(vp, size);
		error = pagecache_write(vp, uio);
		if (uio->uio_resid != before && uio->uio_offset > size) {
			size = uio->uio_offset;
			atomic_store(&rn->rn_size, size);
		}
		/* A fault may have left bytes that were never counted. */
		if (error != 0)
			pagecache_invalidate(vp, size, 0);
	}
	mutex_exit(&rn->rn_iolock);
	if (uio->uio_resid != before) {
		drop_setid(rn, cred);
		rootfs_node_touch(rn, RN_MODIFY);
	}
	return error;
}

int
rootfs_resize(struct vnode *vp, off_t size, bool grow)
{
	struct rootfs_node *rn = vp->v_data;
	off_t old;
	int error = 0;

	if (vp->v_type != VREG)
		return vp->v_type == VDIR ? EISDIR : EINVAL;
	if (size > SIZE_MOST)
		return EFBIG;
	mutex_enter(&rn->rn_iolock);
	old = atomic_load(&rn->rn_size);
	if (size > old)
		pagecache_extend(vp, old);
	if (grow && size > old && (uint64_t)(size - old) > pcmem_free())
		error = ENOSPC;
	else if (!grow || size > old)
		atomic_store(&rn->rn_size, size);
	if (!grow && size < old) {
		pagecache_invalidate(vp, size, 0);
		pcmap_cut(pagecache_of(vp), size);
	}
	mutex_exit(&rn->rn_iolock);
	if (error == 0)
		rootfs_node_touch(rn, RN_MODIFY);
	return error;
}

int
rootfs_readlink(struct vnode *vp, struct uio *uio, kauth_cred_t cred)
{
	struct rootfs_node *rn = vp->v_data;

	rootfs_node_touch(rn, RN_ACCESS);
	return uiomove(rn->rn_target, rn->rn_targetlen, uio);
}
