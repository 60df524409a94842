/* SPDX-License-Identifier: BSD-2-Clause */
/* rumpfs as a file system type, and as the root of the name space. */
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "vfs/pagecache.h"
#include "vfs/pcmem.h"
#include "vfs/rootfs/rootfs.h"
#include "vfs/specfs.h"
#include "vfs/vop.h"

static int
rootfs_close(struct vnode *vp, int fflags, kauth_cred_t cred, struct file *fp)
{
	struct rootfs_node *rn = vp->v_data;

	mutex_enter(&rn->rn_lock);
	rootfs_node_settimes(rn);
	mutex_exit(&rn->rn_lock);
	return 0;
}

static int
rootfs_reclaim(struct vnode *vp)
{
	struct rootfs_node *rn = vp->v_data;

	rn->rn_cache = pagecache_detach(vp);
	vp->v_data = NULL;
	if (rn->rn_nlink == 0)
		rootfs_node_destroy(rootfs_mount_of(vp), rn);
	return 0;
}

const struct vnodeops rootfs_vnodeops = {
	.vop_lookup = rootfs_lookup,
	.vop_create = rootfs_create,
	.vop_mknod = rootfs_create,
	.vop_mkdir = rootfs_create,
	.vop_symlink = rootfs_symlink,
	.vop_remove = rootfs_remove,
	.vop_rmdir = rootfs_rmdir,
	.vop_link = rootfs_link,
	.vop_rename = rootfs_rename,
	.vop_readdir = rootfs_readdir,
	.vop_access = rootfs_access,
	.vop_getattr = rootfs_getattr,
	.vop_setattr = rootfs_setattr,
	.vop_read = rootfs_read,
	.vop_write = rootfs_write,
	.vop_readlink = rootfs_readlink,
	.vop_close = rootfs_close,
	.vop_reclaim = rootfs_reclaim,
};

static void
destroy_all(struct rootfs_mount *rm)
{
	struct rootfs_node *rn;
	uint64_t ino = 0;

	while ((rn = pctree_next(&rm->rm_nodes, &ino)) != NULL)
		rootfs_node_destroy(rm, rn);
}

static void
rootfs_free(struct rootfs_mount *rm)
{
	mutex_destroy(&rm->rm_nodes_lock);
	rw_destroy(&rm->rm_tree);
	kmem_free(rm, sizeof(*rm));
}

static int
rootfs_mount(struct mount *mp, const char *path, void *data, size_t *len)
{
	struct rootfs_mount *rm;
	struct vattr va;

	if ((mp->mnt_flag & MNT_GETARGS) != 0)
		return EOPNOTSUPP;
	if ((mp->mnt_flag & MNT_UPDATE) != 0)
		return 0;
	rm = kmem_zalloc(sizeof(*rm), KM_SLEEP);
	rm->rm_mount = mp;
	rm->rm_lastino = ROOTFS_ROOTINO - 1;
	rw_init(&rm->rm_tree, "rootfs tree");
	mutex_init(&rm->rm_nodes_lock, "rootfs nodes");
	vattr_null(&va);
	va.va_type = VDIR;
	va.va_mode = S_IRWXU | S_IRGRP | S_IXGRP | S_IROTH | S_IXOTH;
	va.va_uid = 0;
	va.va_gid = 0;
	rm->rm_root = rootfs_node_create(rm, &va, NULL);
	if (rm->rm_root == NULL) {
		rootfs_free(rm);
		return ENOSPC;
	}
	rm->rm_root->rn_nlink = 2;
	mp->mnt_data = rm;
	return 0;
}

static int
rootfs_unmount(struct mount *mp, int mntflags)
{
	destroy_all(mp->mnt_data);
	rootfs_free(mp->mnt_data);
	mp->mnt_data = NULL;
	return 0;
}

static int
rootfs_root(struct mount *mp, struct vnode **vpp)
{
	struct rootfs_mount *rm = mp->mnt_data;

	return rootfs_node_vnode(rm, rm->rm_root->rn_ino, vpp);
}

static int
rootfs_statvfs(struct mount *mp, struct rump_statvfs *sv)
{
	struct rootfs_mount *rm = mp->mnt_data;
	uint64_t free_nodes = pcmem_free() / sizeof(struct rootfs_node);

	sv->f_bsize = sv->f_frsize = PC_PAGE;
	sv->f_iosize = PC_BLOCK;
	sv->f_bfree = sv->f_bavail = pcmem_free() / PC_PAGE;
	sv->f_blocks = pcmem_limit() / PC_PAGE;
	sv->f_ffree = sv->f_favail = free_nodes;
	sv->f_files = free_nodes + atomic_load(&rm->rm_nnodes);
	return 0;
}

static struct vfsops rootfs_vfsops = {
	.vfs_name = "rumpfs",
	.vfs_mount = rootfs_mount,
	.vfs_unmount = rootfs_unmount,
	.vfs_root = rootfs_root,
	.vfs_statvfs = rootfs_statvfs,
	.vfs_loadvnode = rootfs_loadvnode,
};

/* A name made at boot. */
static struct vnode *
boot_make(struct vnode *dvp, const char *name, enum vtype type, mode_t mode,
    dev_t dev)
{
	struct componentname cn = {
		.cn_nameiop = CREATE,
		.cn_flags = CN_ISLAST,
		.cn_cred = kauth_cred_kernel(),
		.cn_nameptr = name,
		.cn_namelen = strlen(name),
		.cn_hash = cache_hash(name, strlen(name)),
	};
	struct vnode *vp;
	struct vattr va;
	int error;

	vattr_null(&va);
	va.va_type = type;
	va.va_mode = mode;
	va.va_rdev = dev;
	error = rootfs_create(dvp, &vp, &cn, &va);
	if (error != 0)
		panic("rumpfs: cannot make %s: error %d", name, error);
	return vp;
}

void
rootfs_init(void)
{
	struct vnode *dev;
	struct cdev *d;
	int error;

	vfs_attach(&rootfs_vfsops);
	error = vfs_mountroot(&rootfs_vfsops);
	if (error != 0)
		panic("rumpfs: cannot mount the root: error %d", error);
	devs_init();
	dev = boot_make(rootvnode, "dev", VDIR,
	    S_IRWXU | S_IRGRP | S_IXGRP | S_IROTH | S_IXOTH, 0);
	for (size_t n = 0; (d = cdev_nth(n)) != NULL; n++)
		vrele(boot_make(dev, d->d_name, VCHR, d->d_mode, d->d_dev));
	vrele(dev);
	/* Where a program that is not the superuser can write. */
	vrele(boot_make(
	    rootvnode, "tmp", VDIR, S_ISTXT | S_IRWXU | S_IRWXG | S_IRWXO, 0));
}
