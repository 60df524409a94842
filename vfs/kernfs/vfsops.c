/* SPDX-License-Identifier: BSD-2-Clause */
/* The file system type "kernfs", mounted by type or as "kernfs:". */
#include "kern/component.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "kern/stats.h"
#include "vfs/kernfs/kernfs.h"
#include "vfs/mount.h"

#define URL "kernfs:"
#define BLOCK 512

static int
kernfs_mount(struct mount *mp, const char *path, void *data, size_t *len)
{
	if ((mp->mnt_flag & MNT_GETARGS) != 0)
		return EOPNOTSUPP;
	kstat_watch();
	mp->mnt_flag |= MNT_RDONLY;
	return 0;
}

static int
kernfs_mount_url(struct mount *mp, const char *url, char *text, size_t size)
{
	if (strcmp(url, URL) != 0) {
		ksnprintf(text, size,
		    "%s: nothing may follow '" URL "': it has no options", url);
		return EINVAL;
	}
	kstat_watch();
	mp->mnt_flag |= MNT_RDONLY;
	return 0;
}

static int
kernfs_unmount(struct mount *mp, int mntflags)
{
	return 0;
}

static int
kernfs_root(struct mount *mp, struct vnode **vpp)
{
	kernfs_key key = KERNFS_ROOT;

	return vcache_get(mp, &key, sizeof(key), vpp);
}

static int
kernfs_statvfs(struct mount *mp, struct rump_statvfs *sv)
{
	sv->f_bsize = sv->f_frsize = sv->f_iosize = BLOCK;
	return 0;
}

static int
kernfs_loadvnode(
    struct mount *mp, struct vnode *vp, const void *key, size_t keylen)
{
	struct kernfs_node *kn;

	KASSERT(keylen == sizeof(kn->kn_key));
	kn = kmem_zalloc(sizeof(*kn), KM_SLEEP);
	memcpy(&kn->kn_key, key, keylen);
	if (kn->kn_key != KERNFS_ROOT)
		kn->kn_report = report_nth(kn->kn_key);
	vp->v_op = &kernfs_vnodeops;
	vp->v_type = kn->kn_key == KERNFS_ROOT ? VDIR : VREG;
	vp->v_data = kn;
	return 0;
}

static struct vfsops kernfs_vfsops = {
	.vfs_name = "kernfs",
	.vfs_mount = kernfs_mount,
	.vfs_unmount = kernfs_unmount,
	.vfs_root = kernfs_root,
	.vfs_statvfs = kernfs_statvfs,
	.vfs_loadvnode = kernfs_loadvnode,
	.vfs_scheme = "kernfs",
	.vfs_mount_url = kernfs_mount_url,
};

RUMP_COMPONENT(RUMP_COMPONENT_VFS, kernfs)
{
	vfs_attach(&kernfs_vfsops);
}
