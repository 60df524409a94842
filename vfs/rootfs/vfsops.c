/* SPDX-License-Identifier: BSD-2-Clause */
/* rumpfs as a file system type, and as the root of the name space. */
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "rump/rumperr.h"
#include "vfs/memfs/memfs.h"
#include "vfs/rootfs/rootfs.h"
#include "vfs/specfs.h"

#define DIR_MODE (S_IRWXU | S_IRGRP | S_IXGRP | S_IROTH | S_IXOTH)

static int
rootfs_mount(struct mount *mp, const char *path, void *data, size_t *len)
{
	const struct memfs_options mo = {
		.mo_size = UINT64_MAX,
		.mo_nodes = UINT64_MAX,
		.mo_mode = DIR_MODE,
		.mo_devices = true,
	};

	if ((mp->mnt_flag & MNT_GETARGS) != 0)
		return EOPNOTSUPP;
	if ((mp->mnt_flag & MNT_UPDATE) != 0)
		return 0;
	return memfs_mount(mp, &mo);
}

static struct vfsops rootfs_vfsops = {
	.vfs_name = "rumpfs",
	.vfs_mount = rootfs_mount,
	.vfs_unmount = memfs_unmount,
	.vfs_root = memfs_root,
	.vfs_statvfs = memfs_statvfs,
	.vfs_loadvnode = memfs_loadvnode,
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
	error = memfs_make(dvp, &vp, &cn, &va, NULL);
	if (error != 0)
		panic("rumpfs: cannot make %s: %s", name, rump_strerror(error));
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
		panic(
		    "rumpfs: cannot mount the root: %s", rump_strerror(error));
	devs_init();
	dev = boot_make(rootvnode, "dev", VDIR, DIR_MODE, 0);
	for (size_t n = 0; (d = cdev_nth(n)) != NULL; n++)
		if (d->d_name != NULL)
			vrele(boot_make(
			    dev, d->d_name, VCHR, d->d_mode, d->d_dev));
	vrele(dev);
	/* Where a program that is not the superuser can write. */
	vrele(boot_make(
	    rootvnode, "tmp", VDIR, S_ISTXT | S_IRWXU | S_IRWXG | S_IRWXO, 0));
}
