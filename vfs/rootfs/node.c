/* SPDX-License-Identifier: BSD-2-Clause */
/* Nodes of rumpfs, and their vnodes. */
#include "kern/clock.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "vfs/pagecache.h"
#include "vfs/pcmem.h"
#include "vfs/rootfs/rootfs.h"

struct rootfs_node *
rootfs_node_find(struct rootfs_mount *rm, ino_t ino)
{
	struct rootfs_node *found;

	mutex_enter(&rm->rm_nodes_lock);
	found = pctree_get(&rm->rm_nodes, ino);
	mutex_exit(&rm->rm_nodes_lock);
	return found;
}

static int
set_target(struct rootfs_node *rn, const char *target)
{
	if (target == NULL)
		return 0;
	rn->rn_targetlen = strlen(target);
	rn->rn_target = kmem_alloc(rn->rn_targetlen + 1, KM_NOSLEEP);
	if (rn->rn_target == NULL)
		return ENOSPC;
	memcpy(rn->rn_target, target, rn->rn_targetlen + 1);
	atomic_init(&rn->rn_size, (off_t)rn->rn_targetlen);
	return 0;
}

static size_t
node_size(const struct rootfs_node *rn)
{
	return sizeof(*rn) + (rn->rn_target != NULL ? rn->rn_targetlen + 1 : 0);
}

static void
node_free(struct rootfs_node *rn)
{
	if (rn->rn_target != NULL)
		kmem_free(rn->rn_target, rn->rn_targetlen + 1);
	kmem_free(rn, sizeof(*rn));
}

/* Give rn a number, by which it can be found. */
static int
node_enter(struct rootfs_mount *rm, struct rootfs_node *rn)
{
	int error;

	mutex_enter(&rm->rm_nodes_lock);
	rn->rn_ino = rm->rm_lastino + 1;
	error = pctree_insert(&rm->rm_nodes, rn->rn_ino, rn);
	if (error == 0)
		rm->rm_lastino++;
	mutex_exit(&rm->rm_nodes_lock);
	return error;
}

struct rootfs_node *
rootfs_node_create(
    struct rootfs_mount *rm, const struct vattr *va, const char *target)
{
	struct rootfs_node *rn = kmem_zalloc(sizeof(*rn), KM_NOSLEEP);

	if (rn == NULL)
		return NULL;
	if (set_target(rn, target) != 0 || pcmem_charge(node_size(rn)) != 0)
		goto fail_free;
	if (node_enter(rm, rn) != 0)
		goto fail_charge;
	rn->rn_type = va->va_type;
	rn->rn_mode = va->va_mode & ALLPERMS;
	rn->rn_uid = va->va_uid;
	rn->rn_gid = va->va_gid;
	rn->rn_rdev = va->va_rdev;
	mutex_init(&rn->rn_lock, "rootfs node");
	mutex_init(&rn->rn_iolock, "rootfs io");
	getnanotime(&rn->rn_birthtime);
	rn->rn_atime = rn->rn_mtime = rn->rn_ctime = rn->rn_birthtime;
	atomic_fetch_add(&rm->rm_nnodes, 1);
	return rn;

fail_charge:
	pcmem_uncharge(node_size(rn));
fail_free:
	node_free(rn);
	return NULL;
}

void
rootfs_node_destroy(struct rootfs_mount *rm, struct rootfs_node *rn)
{
	mutex_enter(&rm->rm_nodes_lock);
	pctree_remove(&rm->rm_nodes, rn->rn_ino);
	mutex_exit(&rm->rm_nodes_lock);
	atomic_fetch_sub(&rm->rm_nnodes, 1);
	rootfs_dir_destroy(&rn->rn_dir);
	if (rn->rn_cache != NULL)
		pagecache_free(rn->rn_cache);
	mutex_destroy(&rn->rn_lock);
	mutex_destroy(&rn->rn_iolock);
	pcmem_uncharge(node_size(rn));
	node_free(rn);
}

int
rootfs_node_vnode(struct rootfs_mount *rm, ino_t ino, struct vnode **vpp)
{
	return vcache_get(rm->rm_mount, &ino, sizeof(ino), vpp);
}

/* Until the load has ended nobody can take the node away: it has links, which
 * only holders of the vnode take, or only its maker knows the number. */
int
rootfs_loadvnode(
    struct mount *mp, struct vnode *vp, const void *key, size_t keylen)
{
	struct rootfs_node *rn;
	ino_t ino;

	KASSERT(keylen == sizeof(ino));
	memcpy(&ino, key, sizeof(ino));
	rn = rootfs_node_find(mp->mnt_data, ino);
	if (rn == NULL)
		return ENOENT;
	vp->v_op = &rootfs_vnodeops;
	vp->v_type = rn->rn_type;
	vp->v_data = rn;
	vp->v_size = atomic_load(&rn->rn_size);
	pagecache_attach(vp, rn->rn_cache);
	rn->rn_cache = NULL;
	return 0;
}

void
rootfs_node_touch(struct rootfs_node *rn, uint32_t flags)
{
	struct rump_timespec now;

	if ((flags & RN_ACCESS) != 0 &&
	    !atomic_load_explicit(&rn->rn_accessed, memory_order_relaxed))
		atomic_store_explicit(
		    &rn->rn_accessed, true, memory_order_relaxed);
	if ((flags & (RN_MODIFY | RN_CHANGE)) == 0)
		return;
	mutex_enter(&rn->rn_lock);
	/* Under the lock, lest an older time overwrite a newer one. */
	getnanotime(&now);
	if ((flags & RN_MODIFY) != 0)
		rn->rn_mtime = now;
	rn->rn_ctime = now;
	mutex_exit(&rn->rn_lock);
}

void
rootfs_node_settimes(struct rootfs_node *rn)
{
	if (atomic_load_explicit(&rn->rn_accessed, memory_order_relaxed) &&
	    atomic_exchange(&rn->rn_accessed, false))
		getnanotime(&rn->rn_atime);
}
