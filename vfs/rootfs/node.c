/* SPDX-License-Identifier: BSD-2-Clause */
/* Nodes of rumpfs, and their vnodes. */
#include "kern/clock.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "vfs/pagecache.h"
#include "vfs/rootfs/rootfs.h"

static struct list *
bucket(struct rootfs_mount *rm, ino_t ino)
{
	return &rm->rm_nodes[ino % ROOTFS_HASH];
}

struct rootfs_node *
rootfs_node_find(struct rootfs_mount *rm, ino_t ino)
{
	struct rootfs_node *found = NULL;
	struct list *n;

	mutex_enter(&rm->rm_nodes_lock);
	LIST_FOREACH (n, bucket(rm, ino)) {
		struct rootfs_node *rn =
		    LIST_ENTRY(n, struct rootfs_node, rn_hash);

		if (rn->rn_ino == ino) {
			found = rn;
			break;
		}
	}
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

struct rootfs_node *
rootfs_node_create(
    struct rootfs_mount *rm, const struct vattr *va, const char *target)
{
	struct rootfs_node *rn = kmem_zalloc(sizeof(*rn), KM_NOSLEEP);

	if (rn == NULL)
		return NULL;
	if (set_target(rn, target) != 0) {
		kmem_free(rn, sizeof(*rn));
		return NULL;
	}
	rn->rn_type = va->va_type;
	rn->rn_mode = va->va_mode & ALLPERMS;
	rn->rn_uid = va->va_uid;
	rn->rn_gid = va->va_gid;
	rn->rn_rdev = va->va_rdev;
	mutex_init(&rn->rn_lock, "rootfs node");
	mutex_init(&rn->rn_iolock, "rootfs io");
	getnanotime(&rn->rn_birthtime);
	rn->rn_atime = rn->rn_mtime = rn->rn_ctime = rn->rn_birthtime;
	mutex_enter(&rm->rm_nodes_lock);
	rn->rn_ino = ++rm->rm_lastino;
	list_insert_head(bucket(rm, rn->rn_ino), &rn->rn_hash);
	mutex_exit(&rm->rm_nodes_lock);
	atomic_fetch_add(&rm->rm_nnodes, 1);
	return rn;
}

void
rootfs_node_destroy(struct rootfs_mount *rm, struct rootfs_node *rn)
{
	mutex_enter(&rm->rm_nodes_lock);
	list_remove(&rn->rn_hash);
	mutex_exit(&rm->rm_nodes_lock);
	atomic_fetch_sub(&rm->rm_nnodes, 1);
	if (rn->rn_type == VREG)
		atomic_fetch_sub(&rm->rm_bytes, atomic_load(&rn->rn_size));
	rootfs_dir_destroy(&rn->rn_dir);
	if (rn->rn_cache != NULL)
		pagecache_free(rn->rn_cache);
	if (rn->rn_target != NULL)
		kmem_free(rn->rn_target, rn->rn_targetlen + 1);
	mutex_destroy(&rn->rn_lock);
	mutex_destroy(&rn->rn_iolock);
	kmem_free(rn, sizeof(*rn));
}

int
rootfs_node_vnode(struct rootfs_mount *rm, ino_t ino, struct vnode **vpp)
{
	return vcache_get(rm->rm_mount, &ino, sizeof(ino), vpp);
}

/* Until the load has ended nobody can take the node away: it has links, and
 * taking one needs the vnode. */
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
	uint32_t have =
	    atomic_load_explicit(&rn->rn_flags, memory_order_relaxed);

	if ((have & flags) != flags)
		atomic_fetch_or(&rn->rn_flags, flags);
}

void
rootfs_node_settimes(struct rootfs_node *rn)
{
	uint32_t flags = atomic_exchange(&rn->rn_flags, 0);
	struct rump_timespec now;

	if (flags == 0)
		return;
	getnanotime(&now);
	if ((flags & RN_ACCESS) != 0)
		rn->rn_atime = now;
	if ((flags & RN_MODIFY) != 0)
		rn->rn_mtime = now;
	if ((flags & (RN_MODIFY | RN_CHANGE)) != 0)
		rn->rn_ctime = now;
}
