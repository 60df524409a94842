/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mounts.
 *
 * While dir->v_mountedhere points to a mount, the mount owns a reference to its
 * root; both are read and changed under dir's interlock, so that whoever
 * crosses gets a reference without any wider lock.  mountlist_lock, which comes
 * first, keeps mounts off what is being unmounted.
 *
 * A forced unmount makes all vnodes answer EIO and detaches the mount at once;
 * the file system's vfs_unmount follows when the last vnode is given up, since
 * calls in progress may still be using its data.
 */
#include "vfs/mount.h"

#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "vfs/fifo.h"
#include "vfs/namei.h"
#include "vfs/pcdirty.h"
#include "vfs/pagecache.h"
#include "vfs/sockname.h"
#include "vfs/vnode.h"

static struct list vfs_types = LIST_INITIALIZER(vfs_types); /* boot only */
static struct list mountlist = LIST_INITIALIZER(mountlist); /* m */
static kmutex_t mountlist_lock;
static uint64_t last_fsid; /* m */

struct vnode *rootvnode;

void
mount_init(void)
{
	mutex_init(&mountlist_lock, "mountlist");
}

void
vfs_attach(struct vfsops *ops)
{
	list_insert_tail(&vfs_types, &ops->vfs_list);
}

const struct vfsops *
vfs_byname(const char *name)
{
	struct list *n;

	LIST_FOREACH (n, &vfs_types) {
		struct vfsops *ops = LIST_ENTRY(n, struct vfsops, vfs_list);

		if (strcmp(ops->vfs_name, name) == 0)
			return ops;
	}
	return NULL;
}

const struct vfsops *
vfs_byscheme(const char *url)
{
	struct list *n;

	LIST_FOREACH (n, &vfs_types) {
		struct vfsops *ops = LIST_ENTRY(n, struct vfsops, vfs_list);
		size_t len;

		if (ops->vfs_scheme == NULL || ops->vfs_mount_url == NULL)
			continue;
		len = strlen(ops->vfs_scheme);
		if (strncmp(ops->vfs_scheme, url, len) == 0 && url[len] == ':')
			return ops;
	}
	return NULL;
}

void
mount_ref(struct mount *mp)
{
	atomic_fetch_add_explicit(&mp->mnt_refcnt, 1, memory_order_relaxed);
}

void
mount_unref(struct mount *mp)
{
	if (atomic_fetch_sub_explicit(
		&mp->mnt_refcnt, 1, memory_order_acq_rel) != 1)
		return;
	if (!mp->mnt_unmounted)
		(void)mp->mnt_op->vfs_unmount(mp, MNT_FORCE);
	fifo_unmounted(mp);
	sockname_unmounted(mp);
	if (mp->mnt_covered != NULL)
		vrele(mp->mnt_covered);
	mutex_destroy(&mp->mnt_lock);
	kmem_free(mp, sizeof(*mp));
}

static struct mount *
mount_alloc(const struct vfsops *ops, const char *onpath, uint32_t flags,
    uint32_t iflags)
{
	struct mount *mp = kmem_zalloc(sizeof(*mp), KM_SLEEP);

	mp->mnt_op = ops;
	mp->mnt_flag = flags;
	mp->mnt_iflag = iflags;
	mp->mnt_unmounted = true;
	list_init(&mp->mnt_list);
	list_init(&mp->mnt_vnodes);
	mutex_init(&mp->mnt_lock, "mount");
	atomic_init(&mp->mnt_refcnt, 1);
	strlcpy(mp->mnt_onname, onpath, sizeof(mp->mnt_onname));
	strlcpy(mp->mnt_fromname, ops->vfs_name, sizeof(mp->mnt_fromname));
	mutex_enter(&mountlist_lock);
	mp->mnt_fsid = ++last_fsid;
	mutex_exit(&mountlist_lock);
	return mp;
}

struct mount *
mount_hidden(const struct vfsops *ops, uint32_t iflags)
{
	return mount_alloc(ops, "/", MNT_LOCAL, iflags);
}

static void
mount_publish(struct mount *mp)
{
	mutex_enter(&mountlist_lock);
	list_insert_tail(&mountlist, &mp->mnt_list);
	mutex_exit(&mountlist_lock);
}

static int
cover_locked(struct mount *mp, struct vnode *dir) REQUIRES(mountlist_lock)
{
	/* What is below a mount that goes would go with it, and nobody would
	 * ever reach it to unmount it. */
	if (dir->v_mount->mnt_leaving)
		return EBUSY;
	mutex_enter(&dir->v_interlock);
	/* One that is being unmounted may come back. */
	if (dir->v_mountedhere != NULL || dir->v_uncovering) {
		mutex_exit(&dir->v_interlock);
		return EBUSY;
	}
	vref(dir);
	mp->mnt_covered = dir;
	__atomic_store_n(&dir->v_mountedhere, mp, __ATOMIC_RELEASE);
	mutex_exit(&dir->v_interlock);
	list_insert_tail(&mountlist, &mp->mnt_list);
	return 0;
}

/* Make mp visible at dir; EBUSY when another mount was quicker, or dir is about
 * to be unmounted. */
static int
mount_cover(struct mount *mp, struct vnode *dir)
{
	int error;

	mutex_enter(&mountlist_lock);
	error = cover_locked(mp, dir);
	mutex_exit(&mountlist_lock);
	return error;
}

int
vfs_domount(const struct vfsops *ops, struct vnode *dir, const char *onpath,
    uint32_t flags, uint32_t iflags, void *data, size_t *len, const char *url,
    char *text, size_t textsize)
{
	struct mount *mp;
	int error;

	if (dir->v_type != VDIR)
		return ENOTDIR;
	mp = mount_alloc(ops, onpath, flags & ~(uint32_t)MNT_OP_FLAGS, iflags);
	if (url != NULL)
		error = ops->vfs_mount_url(mp, url, text, textsize);
	else
		error = ops->vfs_mount(mp, onpath, data, len);
	if (error != 0)
		goto fail_unref;
	mp->mnt_unmounted = false;
	error = ops->vfs_root(mp, &mp->mnt_root);
	if (error != 0)
		goto fail_unref;
	error = mount_cover(mp, dir);
	if (error != 0)
		goto fail_root;
	return 0;

fail_root:
	vrele(mp->mnt_root);
	mp->mnt_root = NULL;
	(void)vcache_flush(mp, NULL);
fail_unref:
	mount_unref(mp);
	return error;
}

int
vfs_mountroot(const struct vfsops *ops)
{
	struct mount *mp = mount_alloc(ops, "/", MNT_ROOTFS | MNT_LOCAL, 0);
	size_t len = 0;
	int error;

	error = ops->vfs_mount(mp, "/", NULL, &len);
	if (error != 0)
		goto fail;
	mp->mnt_unmounted = false;
	error = ops->vfs_root(mp, &mp->mnt_root);
	if (error != 0)
		goto fail;
	rootvnode = mp->mnt_root;
	mount_publish(mp);
	return 0;

fail:
	mount_unref(mp);
	return error;
}

struct vnode *
mount_cross(struct vnode *vp)
{
	for (;;) {
		struct vnode *root = NULL;

		if (__atomic_load_n(&vp->v_mountedhere, __ATOMIC_ACQUIRE) ==
		    NULL)
			return vp;
		mutex_enter(&vp->v_interlock);
		if (vp->v_mountedhere != NULL) {
			root = vp->v_mountedhere->mnt_root;
			vref(root);
		}
		mutex_exit(&vp->v_interlock);
		if (root == NULL)
			return vp;
		vrele(vp);
		vp = root;
	}
}

int
mount_control(
    struct mount *mp, uint32_t op, uint32_t flags, void *data, size_t *len)
{
	uint32_t keep = MNT_ROOTFS | MNT_LOCAL, saved, wanted;
	int error;

	mutex_enter(&mp->mnt_lock);
	saved = wanted = atomic_load(&mp->mnt_flag);
	if (op == MNT_UPDATE)
		wanted =
		    (saved & keep) | (flags & ~(uint32_t)(MNT_OP_FLAGS | keep));
	atomic_store(&mp->mnt_flag, wanted | op);
	error = mp->mnt_op->vfs_mount(mp, mp->mnt_onname, data, len);
	if (error != 0 || op != MNT_UPDATE)
		atomic_store(&mp->mnt_flag, saved);
	else
		atomic_fetch_and(&mp->mnt_flag, ~op);
	mutex_exit(&mp->mnt_lock);
	return error;
}

/* Take the mount out of the name space; nothing is mounted there meanwhile. */
static void
mount_detach(struct mount *mp)
{
	mutex_enter(&mp->mnt_covered->v_interlock);
	__atomic_store_n(
	    &mp->mnt_covered->v_mountedhere, NULL, __ATOMIC_RELEASE);
	mp->mnt_covered->v_uncovering = true;
	mutex_exit(&mp->mnt_covered->v_interlock);
}

/* After mount_detach(): to stay uncovered (NULL) or covered again. */
static void
mount_settle(struct mount *mp, struct mount *by)
{
	mutex_enter(&mp->mnt_covered->v_interlock);
	mp->mnt_covered->v_uncovering = false;
	__atomic_store_n(&mp->mnt_covered->v_mountedhere, by, __ATOMIC_RELEASE);
	mutex_exit(&mp->mnt_covered->v_interlock);
}

/* Is anything but the mount itself using its vnodes? */
static int
mount_busy(struct mount *mp)
{
	if (atomic_load(&mp->mnt_root->v_usecount) > 1)
		return EBUSY;
	return vcache_flush(mp, mp->mnt_root);
}

/* Is anything mounted below mp? */
static bool
has_mounts(const struct mount *mp) REQUIRES(mountlist_lock)
{
	struct list *n;

	LIST_FOREACH (n, &mountlist) {
		const struct mount *other =
		    LIST_ENTRY(n, struct mount, mnt_list);

		if (other->mnt_covered != NULL &&
		    other->mnt_covered->v_mount == mp)
			return true;
	}
	return false;
}

/*
 * Only one at a time unmounts mp, and only he looks at mnt_root without a
 * reference of his own.  EBUSY when another one does, EINVAL when he has done.
 */
static int
unmount_begin(struct mount *mp)
{
	int error = 0;

	mutex_enter(&mountlist_lock);
	if (list_empty(&mp->mnt_list))
		error = EINVAL;
	else if (mp->mnt_leaving || has_mounts(mp))
		error = EBUSY;
	else
		mp->mnt_leaving = true;
	mutex_exit(&mountlist_lock);
	return error;
}

static void
unmount_cancel(struct mount *mp)
{
	mutex_enter(&mountlist_lock);
	mp->mnt_leaving = false;
	mutex_exit(&mountlist_lock);
}

/* Off the list and out of the name space. */
static int
mount_leave(struct mount *mp, bool force)
{
	if (!force && mount_busy(mp) != 0)
		return EBUSY;
	mount_detach(mp);
	/* Who came across meanwhile has references. */
	if (!force && mount_busy(mp) != 0) {
		mount_settle(mp, mp);
		return EBUSY;
	}
	mount_settle(mp, NULL);
	mutex_enter(&mountlist_lock);
	list_remove(&mp->mnt_list);
	mutex_exit(&mountlist_lock);
	return 0;
}

/* Nobody uses the mount any more: end it. */
static int
unmount_clean(struct mount *mp, int flags)
{
	int error;

	vrele(mp->mnt_root);
	(void)vcache_flush(mp, NULL);
	error = mp->mnt_op->vfs_unmount(mp, flags);
	mp->mnt_unmounted = true;
	mount_unref(mp);
	return error;
}

static void
unmount_forced(struct mount *mp)
{
	if (mp->mnt_op->vfs_abort != NULL)
		mp->mnt_op->vfs_abort(mp);
	pagecache_discard_mount(mp);
	vcache_gone(mp);
	vrele(mp->mnt_root);
	mount_unref(mp);
}

int
vfs_dounmount(struct mount *mp, int flags)
{
	bool force = (flags & MNT_FORCE) != 0;
	int error;

	if (mp->mnt_covered == NULL)
		return EBUSY;
	error = unmount_begin(mp);
	if (error != 0)
		return error;
	/* What cannot be saved keeps the mount busy, or is lost by now. */
	if (!force)
		(void)pagecache_sync_mount(mp, PCS_WAIT);
	error = mount_leave(mp, force);
	if (error != 0) {
		unmount_cancel(mp);
		return error;
	}
	if (force) {
		unmount_forced(mp);
		return 0;
	}
	return unmount_clean(mp, flags);
}

struct mount *
mount_nth(size_t n)
{
	struct mount *mp = NULL;
	struct list *node;

	mutex_enter(&mountlist_lock);
	LIST_FOREACH (node, &mountlist) {
		if (n-- == 0) {
			mp = LIST_ENTRY(node, struct mount, mnt_list);
			mount_ref(mp);
			break;
		}
	}
	mutex_exit(&mountlist_lock);
	return mp;
}

int
mount_statvfs(struct mount *mp, struct rump_statvfs *sv, int flags)
{
	memset(sv, 0, sizeof(*sv));
	sv->f_bsize = sv->f_frsize = sv->f_iosize = 4096;
	sv->f_namemax = NAMEI_MAXNAME;
	strlcpy(
	    sv->f_fstypename, mp->mnt_op->vfs_name, sizeof(sv->f_fstypename));
	strlcpy(sv->f_mntonname, mp->mnt_onname, sizeof(sv->f_mntonname));
	strlcpy(sv->f_mntfromname, mp->mnt_fromname, sizeof(sv->f_mntfromname));
	sv->f_flag = mp->mnt_flag & MNT_VISFLAGMASK;
	sv->f_fsid = mp->mnt_fsid;
	sv->f_fsidx.fsid_val[0] = (int32_t)mp->mnt_fsid;
	if (mp->mnt_op->vfs_statvfs == NULL ||
	    ((flags & MNT_NOWAIT) != 0 && (mp->mnt_iflag & IMNT_FAR) != 0))
		return 0;
	return mp->mnt_op->vfs_statvfs(mp, sv);
}

int
mount_sync_all(kauth_cred_t cred)
{
	struct mount *mp;
	int error, first;

	/* All files of all mounts together, before one after the other. */
	first = pagecache_sync_mount(NULL, PCS_WAIT);
	for (size_t n = 0; (mp = mount_nth(n)) != NULL; n++) {
		error = 0;
		if (mp->mnt_op->vfs_sync != NULL &&
		    (mp->mnt_flag & MNT_RDONLY) == 0)
			error = mp->mnt_op->vfs_sync(mp, MNT_WAIT, cred);
		if (first == 0)
			first = error;
		mount_unref(mp);
	}
	/* What could not be sent, but perhaps later, has been put off. */
	if (first == 0 && pcdirty_any())
		first = EIO;
	return first;
}
