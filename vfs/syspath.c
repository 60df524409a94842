/* SPDX-License-Identifier: BSD-2-Clause */
#include "vfs/syspath.h"

#include "kern/copy.h"
#include "kern/file.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "vfs/mount.h"
#include "vfs/vnfile.h"
#include "vfs/vop.h"

int
descriptor_vnode(int fd, struct vnode **vpp)
{
	struct file *fp;
	int error;

	error = fd_getvnode(fd, &fp);
	if (error != 0)
		return error;
	*vpp = fp->f_data;
	vref(*vpp);
	fd_putfile(fp);
	return 0;
}

/* Only a relative path looks at the descriptor. */
static int
start_directory(int fd, const char *path, struct vnode **startp)
{
	int error;

	*startp = NULL;
	if (fd == AT_FDCWD || path[0] == '/' || path[0] == '\0')
		return 0;
	error = descriptor_vnode(fd, startp);
	return error == EINVAL ? ENOTDIR : error;
}

int
path_lookup(int fd, const char *upath, enum nameiop op, uint32_t flags,
    uint32_t intent, struct nameidata *ni)
{
	struct vnode *start;
	int error;

	ni->ni_cn.cn_flags = 0;
	error = copyinstr(upath, ni->ni_path, sizeof(ni->ni_path), NULL);
	if (error != 0)
		return error;
	error = start_directory(fd, ni->ni_path, &start);
	if (error != 0)
		return error;
	ni->ni_startdir = start;
	ni->ni_op = op;
	ni->ni_flags = flags;
	ni->ni_intent = intent;
	ni->ni_cred = curlwp->l_cred;
	error = namei(ni);
	if (start != NULL)
		vrele(start);
	return error;
}

int
path_vnode(int fd, const char *upath, bool follow, struct vnode **vpp)
{
	struct nameidata ni;
	int error;

	error = path_lookup(
	    fd, upath, LOOKUP, follow ? NI_FOLLOW : 0, CN_WANTATTR, &ni);
	if (error != 0)
		return error;
	*vpp = ni.ni_vp;
	return 0;
}

int
dir_writable(struct vnode *dvp)
{
	return VOP_ACCESS(dvp, W_OK, curlwp->l_cred);
}

mode_t
proc_umask(void)
{
	return __atomic_load_n(&curproc->p_umask, __ATOMIC_RELAXED);
}

bool
is_mount_root(const struct vnode *vp)
{
	return vp->v_mount->mnt_root == vp;
}

bool
is_dots(const struct componentname *cn)
{
	return (cn->cn_namelen == 1 && cn->cn_nameptr[0] == '.') ||
	       (cn->cn_namelen == 2 && cn->cn_nameptr[0] == '.' &&
		   cn->cn_nameptr[1] == '.');
}
