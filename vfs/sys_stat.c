/* SPDX-License-Identifier: BSD-2-Clause */
/* Looking at files: the stat, access, readlink and pathconf families. */
#include "kern/copy.h"
#include "kern/file.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "syscall_table/sysprotos.h"
#include "vfs/mount.h"
#include "vfs/syspath.h"
#include "vfs/vnfile.h"
#include "vfs/vop.h"

static int
statat(int fd, const char *path, bool follow, struct rump_stat *ub)
{
	struct rump_stat st;
	struct vnode *vp;
	int error;

	error = path_vnode(fd, path, follow, &vp);
	if (error != 0)
		return error;
	error = vn_getstat(vp, &st, curlwp->l_cred);
	vrele(vp);
	return error != 0 ? error : copyout(&st, ub, sizeof(st));
}

int
sys_stat(struct lwp *l, const struct sys_stat_args *uap, register_t *retval)
{
	return statat(AT_FDCWD, uap->path, true, uap->ub);
}

int
sys_lstat(struct lwp *l, const struct sys_lstat_args *uap, register_t *retval)
{
	return statat(AT_FDCWD, uap->path, false, uap->ub);
}

int
sys_fstatat(
    struct lwp *l, const struct sys_fstatat_args *uap, register_t *retval)
{
	if ((uap->flag & ~AT_SYMLINK_NOFOLLOW) != 0)
		return EINVAL;
	return statat(uap->fd, uap->path,
	    (uap->flag & AT_SYMLINK_NOFOLLOW) == 0, uap->buf);
}

/* The credential with its real ids in place of the effective ones. */
static kauth_cred_t
real_cred(kauth_cred_t cred)
{
	kauth_cred_t real;

	if (cred->cr_uid == cred->cr_euid && cred->cr_gid == cred->cr_egid) {
		kauth_cred_hold(cred);
		return cred;
	}
	real = kauth_cred_dup(cred);
	real->cr_euid = real->cr_uid;
	real->cr_egid = real->cr_gid;
	return real;
}

/* access(2) resolves the path with the real ids, too. */
static int
accessat(int fd, const char *path, int amode, int flag)
{
	kauth_cred_t saved = curlwp->l_cred;
	struct vnode *vp;
	int error;

	if ((amode & ~(R_OK | W_OK | X_OK)) != 0 ||
	    (flag & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW)) != 0)
		return EINVAL;
	if ((flag & AT_EACCESS) == 0)
		curlwp->l_cred = real_cred(saved);
	error = path_vnode(fd, path, (flag & AT_SYMLINK_NOFOLLOW) == 0, &vp);
	if (error == 0) {
		error = VOP_ACCESS(vp, amode, curlwp->l_cred);
		vrele(vp);
	}
	if ((flag & AT_EACCESS) == 0) {
		kauth_cred_free(curlwp->l_cred);
		curlwp->l_cred = saved;
	}
	return error;
}

int
sys_access(struct lwp *l, const struct sys_access_args *uap, register_t *retval)
{
	return accessat(AT_FDCWD, uap->path, uap->flags, 0);
}

int
sys_faccessat(
    struct lwp *l, const struct sys_faccessat_args *uap, register_t *retval)
{
	return accessat(uap->fd, uap->path, uap->amode, uap->flag);
}

static int
readlinkat(int fd, const char *path, char *buf, size_t size, register_t *retval)
{
	struct rump_iovec iov;
	struct vnode *vp;
	struct uio uio;
	int error;

	if (size > INT64_MAX)
		return EINVAL;
	error = path_vnode(fd, path, false, &vp);
	if (error != 0)
		return error;
	error = EINVAL;
	if (vp->v_type == VLNK) {
		uio_init(&uio, &iov, buf, size, 0, UIO_READ, UIO_USERSPACE);
		error = VOP_READLINK(vp, &uio, curlwp->l_cred);
	}
	vrele(vp);
	if (error == 0)
		*retval = (register_t)(size - uio.uio_resid);
	return error;
}

int
sys_readlink(
    struct lwp *l, const struct sys_readlink_args *uap, register_t *retval)
{
	return readlinkat(AT_FDCWD, uap->path, uap->buf, uap->count, retval);
}

int
sys_readlinkat(
    struct lwp *l, const struct sys_readlinkat_args *uap, register_t *retval)
{
	return readlinkat(uap->fd, uap->path, uap->buf, uap->bufsize, retval);
}

int
sys_pathconf(
    struct lwp *l, const struct sys_pathconf_args *uap, register_t *retval)
{
	struct vnode *vp;
	int error;

	error = path_vnode(AT_FDCWD, uap->path, true, &vp);
	if (error != 0)
		return error;
	error = vn_pathconf(vp, uap->name, retval);
	vrele(vp);
	return error;
}

static int
statvfs_of(struct vnode *vp, struct rump_statvfs *ub, int flags)
{
	struct rump_statvfs sv;
	int error;

	error = mount_statvfs(vp->v_mount, &sv, flags);
	return error != 0 ? error : copyout(&sv, ub, sizeof(sv));
}

int
sys_statvfs1(
    struct lwp *l, const struct sys_statvfs1_args *uap, register_t *retval)
{
	struct vnode *vp;
	int error;

	error = path_vnode(AT_FDCWD, uap->path, true, &vp);
	if (error != 0)
		return error;
	error = statvfs_of(vp, uap->buf, uap->flags);
	vrele(vp);
	return error;
}

int
sys_fstatvfs1(
    struct lwp *l, const struct sys_fstatvfs1_args *uap, register_t *retval)
{
	struct vnode *vp;
	int error;

	error = descriptor_vnode(uap->fd, &vp);
	if (error != 0)
		return error;
	error = statvfs_of(vp, uap->buf, uap->flags);
	vrele(vp);
	return error;
}

int
sys_getvfsstat(
    struct lwp *l, const struct sys_getvfsstat_args *uap, register_t *retval)
{
	size_t room = uap->bufsize / sizeof(struct rump_statvfs), n;
	struct mount *mp;
	int error = 0;

	for (n = 0; error == 0 && (mp = mount_nth(n)) != NULL; n++) {
		struct rump_statvfs sv;

		if (uap->buf != NULL && n < room) {
			error = mount_statvfs(mp, &sv, uap->flags);
			if (error == 0)
				error = copyout(&sv, uap->buf + n, sizeof(sv));
		}
		mount_unref(mp);
	}
	if (error == 0)
		*retval = (register_t)(uap->buf != NULL ? MIN(n, room) : n);
	return error;
}
