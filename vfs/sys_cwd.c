/* SPDX-License-Identifier: BSD-2-Clause */
/* Working directory, root directory and file creation mask. */
#include "kern/copy.h"
#include "kern/file.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "rump/rump.h"
#include "rump/rumphost.h"
#include "syscall_table/sysprotos.h"
#include "vfs/cwd.h"
#include "vfs/mount.h"
#include "vfs/syspath.h"
#include "vfs/vop.h"

/* Hand a directory that may be entered to set; gives vp up in any case. */
static int
enter(struct vnode *vp, void (*set)(struct vnode *))
{
	int error = ENOTDIR;

	if (vp->v_type == VDIR)
		error = VOP_ACCESS(vp, X_OK, curlwp->l_cred);
	if (error == 0)
		set(vp);
	else
		vrele(vp);
	return error;
}

static int
enter_path(const char *path, void (*set)(struct vnode *))
{
	struct vnode *vp;
	int error;

	error = path_vnode(AT_FDCWD, path, true, &vp);
	return error != 0 ? error : enter(vp, set);
}

static int
enter_fd(int fd, void (*set)(struct vnode *))
{
	struct vnode *vp;
	int error;

	error = descriptor_vnode(fd, &vp);
	if (error == EINVAL)
		error = ENOTDIR;
	return error != 0 ? error : enter(vp, set);
}

int
sys_chdir(struct lwp *l, const struct sys_chdir_args *uap, register_t *retval)
{
	return enter_path(uap->path, cwd_set);
}

int
sys_fchdir(struct lwp *l, const struct sys_fchdir_args *uap, register_t *retval)
{
	return enter_fd(uap->fd, cwd_set);
}

int
sys_chroot(struct lwp *l, const struct sys_chroot_args *uap, register_t *retval)
{
	if (l->l_cred->cr_euid != 0)
		return EPERM;
	return enter_path(uap->path, cwd_set_root);
}

int
sys_fchroot(
    struct lwp *l, const struct sys_fchroot_args *uap, register_t *retval)
{
	if (l->l_cred->cr_euid != 0)
		return EPERM;
	return enter_fd(uap->fd, cwd_set_root);
}

/* The path of the working directory below root stands at *start, to the end of
 * buf, with its NUL: *len bytes.  Takes over a reference to root. */
static int
current_path(
    struct vnode *root, char buf[NAMEI_MAXPATH], char **start, size_t *len)
{
	struct vnode *vp = cwd_get();
	int error;

	error = cwd_path_below(root, vp, buf, NAMEI_MAXPATH, start);
	vrele(vp);
	vrele(root);
	if (error == 0)
		*len = (size_t)(buf + NAMEI_MAXPATH - *start);
	return error;
}

int
rump_cwd_path(char *path, size_t size)
{
	char buf[NAMEI_MAXPATH], *start;
	size_t len;
	int error;

	rump_schedule();
	vref(rootvnode);
	error = current_path(rootvnode, buf, &start, &len);
	rump_unschedule();
	if (error == 0 && len > size)
		error = ERANGE;
	if (error == 0)
		memcpy(path, start, len);
	return error;
}

int
sys___getcwd(
    struct lwp *l, const struct sys___getcwd_args *uap, register_t *retval)
{
	char buf[NAMEI_MAXPATH], *start;
	size_t len;
	int error;

	error = current_path(cwd_root(), buf, &start, &len);
	if (error != 0)
		return error;
	if (uap->length < len)
		return ERANGE;
	error = copyout(start, uap->bufp, len);
	if (error == 0)
		*retval = (register_t)len;
	return error;
}

int
sys_umask(struct lwp *l, const struct sys_umask_args *uap, register_t *retval)
{
	struct proc *p = l->l_proc;
	mode_t mask = uap->newmask & ALLPERMS;

	if (!cwd_is_shared()) {
		*retval =
		    __atomic_exchange_n(&p->p_umask, mask, __ATOMIC_RELAXED);
		return 0;
	}
	mutex_enter(&proc_lock);
	*retval = proc_setumask(p, mask);
	mutex_exit(&proc_lock);
	return 0;
}
