/* SPDX-License-Identifier: BSD-2-Clause */
/* Nodes, their links, times and vnodes. */
#include "kern/clock.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "vfs/memfs/memfs.h"
#include "vfs/pagecache.h"

#define NLINK_MAX INT32_MAX

static size_t
node_size(const struct memfs_node *mn)
{
	return sizeof(*mn) + (mn->mn_type == VLNK ? mn->mn_link.l_len + 1 : 0);
}

static void
node_free(struct memfs_node *mn)
{
	if (mn->mn_type == VLNK)
		kmem_free(mn->mn_link.l_target, mn->mn_link.l_len + 1);
	kmem_free(mn, sizeof(*mn));
}

static int
set_target(struct memfs_node *mn, const char *target)
{
	size_t len = strlen(target);

	mn->mn_link.l_len = len;
	mn->mn_link.l_target = kmem_alloc(len + 1, KM_NOSLEEP);
	if (mn->mn_link.l_target == NULL)
		return ENOSPC;
	memcpy(mn->mn_link.l_target, target, len + 1);
	atomic_init(&mn->mn_size, (off_t)len);
	return 0;
}

/* Count one node more, if there may be one. */
static int
count_node(struct memfs_mount *mm)
{
	if (atomic_fetch_add(&mm->mm_nnodes, 1) <
	    atomic_load_explicit(&mm->mm_maxnodes, memory_order_relaxed))
		return 0;
	atomic_fetch_sub(&mm->mm_nnodes, 1);
	return ENOSPC;
}

static void
node_init(struct memfs_mount *mm, struct memfs_node *mn, const struct vattr *va)
{
	bool dir = va->va_type == VDIR;

	atomic_init(&mn->mn_refcnt, 1);
	mn->mn_ino =
	    atomic_fetch_add_explicit(&mm->mm_lastino, 1, memory_order_relaxed);
	if (va->va_flags != (uint32_t)VNOVAL)
		mn->mn_flags = va->va_flags;
	mn->mn_mode = va->va_mode & ALLPERMS;
	mn->mn_uid = va->va_uid;
	mn->mn_gid = va->va_gid;
	mn->mn_rdev = va->va_rdev;
	mutex_init(&mn->mn_lock, "memfs node");
	mutex_init(&mn->mn_content, dir ? "memfs directory" : "memfs file");
	getnanotime(&mn->mn_birthtime);
	mn->mn_atime = mn->mn_mtime = mn->mn_ctime = mn->mn_birthtime;
}

int
memfs_node_create(struct memfs_mount *mm, const struct vattr *va,
    const char *target, struct memfs_node **mnp)
{
	struct memfs_node *mn = kmem_zalloc(sizeof(*mn), KM_NOSLEEP);
	int error;

	if (mn == NULL)
		return ENOSPC;
	mn->mn_type = va->va_type;
	if (mn->mn_type == VLNK) {
		error = set_target(mn, target);
		if (error != 0) {
			kmem_free(mn, sizeof(*mn));
			return error;
		}
	}
	error = pcmem_charge(&mm->mm_memory, node_size(mn));
	if (error != 0)
		goto fail_free;
	error = count_node(mm);
	if (error != 0)
		goto fail_charge;
	node_init(mm, mn, va);
	*mnp = mn;
	return 0;

fail_charge:
	pcmem_uncharge(&mm->mm_memory, node_size(mn));
fail_free:
	node_free(mn);
	return error;
}

void
memfs_node_ref(struct memfs_node *mn)
{
	atomic_fetch_add_explicit(&mn->mn_refcnt, 1, memory_order_relaxed);
}

static void
node_destroy(struct memfs_mount *mm, struct memfs_node *mn)
{
	if (mn->mn_type == VDIR)
		memfs_dir_fini(mm, &mn->mn_dir);
	else if (mn->mn_type == VREG && mn->mn_cache != NULL)
		pagecache_free(mn->mn_cache);
	memfs_xattr_fini(mm, mn);
	mutex_destroy(&mn->mn_lock);
	mutex_destroy(&mn->mn_content);
	atomic_fetch_sub(&mm->mm_nnodes, 1);
	pcmem_uncharge(&mm->mm_memory, node_size(mn));
	node_free(mn);
}

/* The parent that mn references, or NULL. */
static struct memfs_node *
way_up(const struct memfs_node *mn)
{
	if (mn->mn_type != VDIR || !mn->mn_removed || mn->mn_dir.d_parent == mn)
		return NULL;
	return mn->mn_dir.d_parent;
}

void
memfs_node_unref(struct memfs_mount *mm, struct memfs_node *mn)
{
	while (mn != NULL && atomic_fetch_sub_explicit(&mn->mn_refcnt, 1,
				 memory_order_acq_rel) == 1) {
		struct memfs_node *up = way_up(mn);

		node_destroy(mm, mn);
		mn = up;
	}
}

bool
memfs_node_vnode_try(struct memfs_node *mn, struct vnode **vpp)
{
	struct vnode *vp;
	bool found;

	mutex_enter(&mn->mn_lock);
	vp = mn->mn_vnode;
	found = vp != NULL && vref_try(vp);
	mutex_exit(&mn->mn_lock);
	if (found)
		*vpp = vp;
	return found;
}

int
memfs_node_vnode(
    struct memfs_mount *mm, struct memfs_node *mn, struct vnode **vpp)
{
	return vcache_get(mm->mm_mount, &mn, sizeof(mn), vpp);
}

/* Whoever looks the vnode up references the node. */
int
memfs_loadvnode(
    struct mount *mp, struct vnode *vp, const void *key, size_t keylen)
{
	struct memfs_node *mn;

	KASSERT(keylen == sizeof(mn));
	memcpy(&mn, key, sizeof(mn));
	mutex_enter(&mn->mn_lock);
	if (mn->mn_removed) {
		mutex_exit(&mn->mn_lock);
		return ENOENT;
	}
	memfs_node_ref(mn);
	vp->v_op = &memfs_vnodeops;
	vp->v_type = mn->mn_type;
	vp->v_data = mn;
	vp->v_size = atomic_load(&mn->mn_size);
	if (mn->mn_type == VREG) {
		pagecache_attach(vp, mn->mn_cache);
		mn->mn_cache = NULL;
	}
	/* Last: from here on others find it. */
	mn->mn_vnode = vp;
	mutex_exit(&mn->mn_lock);
	return 0;
}

int
memfs_reclaim(struct vnode *vp)
{
	struct memfs_node *mn = vp->v_data;

	mutex_enter(&mn->mn_lock);
	mn->mn_vnode = NULL;
	if (mn->mn_type == VREG)
		mn->mn_cache = pagecache_detach(vp);
	mutex_exit(&mn->mn_lock);
	vp->v_data = NULL;
	memfs_node_unref(memfs_mount_of(vp), mn);
	return 0;
}

static bool
later(const struct rump_timespec *a, const struct rump_timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec
				      : a->tv_nsec > b->tv_nsec;
}

/* Is the access the first after a change? */
static bool
is_due(const struct memfs_node *mn) REQUIRES(mn->mn_lock)
{
	return !later(&mn->mn_atime, &mn->mn_mtime) ||
	       !later(&mn->mn_atime, &mn->mn_ctime);
}

void
memfs_node_touch_locked(struct memfs_node *mn, uint32_t what)
{
	struct rump_timespec now;

	/* Under the lock, lest an older time overwrite a newer one. */
	getnanotime(&now);
	if ((what & MN_ACCESS) != 0) {
		if (is_due(mn))
			mn->mn_atime = now;
		atomic_store_explicit(&mn->mn_seen, true, memory_order_relaxed);
		return;
	}
	if ((what & MN_MODIFY) != 0)
		mn->mn_mtime = now;
	mn->mn_ctime = now;
	atomic_store_explicit(&mn->mn_seen, false, memory_order_relaxed);
}

/* Only the first access after a change is noted. */
void
memfs_node_touch(struct memfs_node *mn, uint32_t what)
{
	if (what == MN_ACCESS &&
	    atomic_load_explicit(&mn->mn_seen, memory_order_relaxed))
		return;
	mutex_enter(&mn->mn_lock);
	memfs_node_touch_locked(mn, what);
	mutex_exit(&mn->mn_lock);
}

int
memfs_node_link(struct memfs_node *mn)
{
	int error = 0;

	mutex_enter(&mn->mn_lock);
	if (mn->mn_removed)
		error = ENOENT;
	else if (mn->mn_nlink >= NLINK_MAX)
		error = EMLINK;
	else if (mn->mn_nlink++ == 0)
		memfs_node_ref(mn);
	mutex_exit(&mn->mn_lock);
	return error;
}

void
memfs_node_bar(struct memfs_node *mn)
{
	mutex_enter(&mn->mn_lock);
	KASSERT(mn->mn_nlink == 0);
	mn->mn_removed = true;
	mutex_exit(&mn->mn_lock);
}

static bool
take_links(struct memfs_node *mn, uint32_t n)
{
	bool last;

	mutex_enter(&mn->mn_lock);
	KASSERT(mn->mn_nlink >= n);
	mn->mn_nlink -= n;
	last = mn->mn_nlink == 0;
	mn->mn_removed = last;
	memfs_node_touch_locked(mn, MN_CHANGE);
	mutex_exit(&mn->mn_lock);
	return last;
}

bool
memfs_node_unlink(struct memfs_node *mn)
{
	return take_links(mn, 1);
}

/* Its own "." is a link, too. */
bool
memfs_node_unlink_dir(struct memfs_node *mn)
{
	if (mn->mn_dir.d_parent != mn)
		memfs_node_ref(mn->mn_dir.d_parent);
	return take_links(mn, 2);
}

void
memfs_node_changed(struct memfs_node *dir, int by)
{
	mutex_enter(&dir->mn_lock);
	dir->mn_nlink += (uint32_t)by;
	memfs_node_touch_locked(dir, MN_MODIFY);
	mutex_exit(&dir->mn_lock);
}
