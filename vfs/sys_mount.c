/* SPDX-License-Identifier: BSD-2-Clause */
/* mount(2) and unmount(2). */
#include "kern/copy.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "syscall_table/sysprotos.h"
#include "vfs/cwd.h"
#include "vfs/mount.h"
#include "vfs/syspath.h"

#define MOUNT_DATA_MAX 8192
#define TYPENAME_MAX 32

struct mountreq {
	const struct vfsops *mr_ops;
	uint32_t mr_flags;
	void *mr_data;  /* kernel memory, NULL without arguments */
	size_t mr_size; /* of mr_data */
};

/* The length rule of mount(2), then the arguments themselves. */
static int
copyin_data(const struct sys_mount_args *uap, struct mountreq *mr)
{
	size_t len = uap->data_len;

	mr->mr_data = NULL;
	mr->mr_size = 0;
	if (uap->data == NULL)
		return 0;
	if (len == 0)
		len = mr->mr_ops->vfs_min_mount_data;
	if (len == 0 || len > MOUNT_DATA_MAX)
		return EINVAL;
	mr->mr_data = kmem_alloc(len, KM_SLEEP);
	mr->mr_size = len;
	return copyin(uap->data, mr->mr_data, len);
}

/* MNT_GETARGS and MNT_UPDATE concern the mount that vp is the root of. */
static int
control(const struct sys_mount_args *uap, struct vnode *vp, struct mountreq *mr,
    register_t *retval)
{
	struct mount *mp = vp->v_mount;
	size_t len = mr->mr_size;
	int error;

	if (!is_mount_root(vp))
		return EINVAL;
	if ((mr->mr_flags & MNT_GETARGS) == 0)
		return mount_control(
		    mp, MNT_UPDATE, mr->mr_flags, mr->mr_data, &len);
	if (mr->mr_data == NULL)
		return EINVAL;
	error = mount_control(mp, MNT_GETARGS, 0, mr->mr_data, &len);
	if (error != 0)
		return error;
	len = MIN(len, mr->mr_size);
	*retval = (register_t)len;
	return copyout(mr->mr_data, uap->data, len);
}

static int
mount_new(struct vnode *vp, struct mountreq *mr)
{
	char path[MAXPATHLEN], *start;
	size_t len = mr->mr_size;
	int error;

	if (vp->v_type != VDIR)
		return ENOTDIR;
	error = cwd_path(vp, path, sizeof(path), &start);
	if (error != 0)
		return error;
	return vfs_domount(mr->mr_ops, vp, start, mr->mr_flags, 0, mr->mr_data,
	    &len, NULL, NULL, 0);
}

int
sys_mount(struct lwp *l, const struct sys_mount_args *uap, register_t *retval)
{
	char type[TYPENAME_MAX];
	struct mountreq mr = { .mr_flags = (uint32_t)uap->flags };
	struct vnode *vp;
	int error;

	if (!kauth_cred_isroot(l->l_cred))
		return EPERM;
	error = copyinstr(uap->type, type, sizeof(type), NULL);
	if (error != 0)
		return error;
	mr.mr_ops = vfs_byname(type);
	if (mr.mr_ops == NULL)
		return ENODEV;
	error = path_vnode(AT_FDCWD, uap->path, true, &vp);
	if (error != 0)
		return error;
	error = copyin_data(uap, &mr);
	if (error == 0) {
		if ((mr.mr_flags & (MNT_UPDATE | MNT_GETARGS)) != 0)
			error = control(uap, vp, &mr, retval);
		else
			error = mount_new(vp, &mr);
	}
	kmem_free(mr.mr_data, mr.mr_size);
	vrele(vp);
	return error;
}

int
sys_unmount(
    struct lwp *l, const struct sys_unmount_args *uap, register_t *retval)
{
	struct mount *mp;
	struct vnode *vp;
	bool root;
	int error;

	if (!kauth_cred_isroot(l->l_cred))
		return EPERM;
	if ((uap->flags & ~MNT_FORCE) != 0)
		return EINVAL;
	error = path_vnode(AT_FDCWD, uap->path, true, &vp);
	if (error != 0)
		return error;
	mp = vp->v_mount;
	root = is_mount_root(vp);
	mount_ref(mp);
	vrele(vp);
	error = root ? vfs_dounmount(mp, uap->flags) : EINVAL;
	mount_unref(mp);
	return error;
}
