/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls into file systems.  What a file system leaves out is answered here,
 * so that neither callers nor file systems test for it.
 *
 * v_op changes once at most, when vgone() puts the dead operations in; a call
 * that has read the old pointer runs to its end, since v_data lives until the
 * last reference is gone.
 */
#include "vfs/vop.h"

#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "vfs/mount.h"

/* Read once: between a test and a call vgone() may come. */
#define OP(vp, name) (__atomic_load_n(&(vp)->v_op, __ATOMIC_ACQUIRE)->name)
#define CALL_OR(fallback, vp, name, ...)                                       \
	({                                                                     \
		__auto_type op_ = OP(vp, name);                                \
		op_ == NULL ? (fallback) : op_(__VA_ARGS__);                   \
	})
#define CALL(vp, name, ...) CALL_OR(EOPNOTSUPP, vp, name, __VA_ARGS__)
#define CALL_OR_0(vp, name, ...) CALL_OR(0, vp, name, __VA_ARGS__)

const struct vnodeops *
vnode_liveops(const struct vnode *vp)
{
	const struct vnodeops *op =
	    __atomic_load_n(&vp->v_op, __ATOMIC_ACQUIRE);

	return op == &dead_vnodeops && vp->v_goneop != NULL ? vp->v_goneop : op;
}

bool
vnode_readonly(const struct vnode *vp)
{
	const struct mount *mp = vp->v_mount;

	return mp != NULL && (mp->mnt_flag & MNT_RDONLY) != 0;
}

/* A modifying operation: EROFS first. */
#define MODIFY(vp, name, ...)                                                  \
	(vnode_readonly(vp) ? EROFS : CALL(vp, name, __VA_ARGS__))

int
VOP_LOOKUP(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp)
{
	return CALL(dvp, vop_lookup, dvp, vpp, cnp);
}

int
VOP_CREATE(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp,
    struct vattr *va)
{
	return MODIFY(dvp, vop_create, dvp, vpp, cnp, va);
}

int
VOP_MKNOD(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp,
    struct vattr *va)
{
	return MODIFY(dvp, vop_mknod, dvp, vpp, cnp, va);
}

int
VOP_UNNAMED(struct vnode *dvp, struct vnode **vpp, struct vattr *va,
    bool linkable, kauth_cred_t cred)
{
	return MODIFY(dvp, vop_unnamed, dvp, vpp, va, linkable, cred);
}

int
VOP_OPEN(struct vnode *vp, int fflags, kauth_cred_t cred, struct file *fp)
{
	return CALL_OR_0(vp, vop_open, vp, fflags, cred, fp);
}

int
VOP_CLOSE(struct vnode *vp, int fflags, kauth_cred_t cred, struct file *fp)
{
	/* What open set up has to be undone also after vgone(). */
	const struct vnodeops *op = vnode_liveops(vp);

	return op->vop_close == NULL ? 0 : op->vop_close(vp, fflags, cred, fp);
}

int
VOP_ACCESS(struct vnode *vp, int mode, kauth_cred_t cred)
{
	if ((mode & W_OK) != 0 && vnode_readonly(vp) &&
	    (vp->v_type == VREG || vp->v_type == VDIR || vp->v_type == VLNK))
		return EROFS;
	if (mode == 0)
		return 0;
	return CALL(vp, vop_access, vp, mode, cred);
}

int
VOP_GETATTR(struct vnode *vp, struct vattr *va, kauth_cred_t cred)
{
	return CALL(vp, vop_getattr, vp, va, cred);
}

int
VOP_SETATTR(struct vnode *vp, struct vattr *va, kauth_cred_t cred)
{
	return MODIFY(vp, vop_setattr, vp, va, cred);
}

int
VOP_READ(struct vnode *vp, struct uio *uio, int ioflag, kauth_cred_t cred)
{
	return CALL(vp, vop_read, vp, uio, ioflag, cred);
}

int
VOP_WRITE(struct vnode *vp, struct uio *uio, int ioflag, kauth_cred_t cred)
{
	return MODIFY(vp, vop_write, vp, uio, ioflag, cred);
}

int
VOP_IOCTL(struct vnode *vp, unsigned long cmd, void *data, int fflags,
    kauth_cred_t cred)
{
	return CALL_OR(ENOTTY, vp, vop_ioctl, vp, cmd, data, fflags, cred);
}

int
VOP_POLL(struct vnode *vp, int events, struct selector *sel)
{
	return CALL_OR(events & (POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM),
	    vp, vop_poll, vp, events, sel);
}

int
VOP_FALLOCATE(struct vnode *vp, off_t pos, off_t len, kauth_cred_t cred)
{
	return MODIFY(vp, vop_fallocate, vp, pos, len, cred);
}

int
VOP_FDISCARD(struct vnode *vp, off_t pos, off_t len, kauth_cred_t cred)
{
	return MODIFY(vp, vop_fdiscard, vp, pos, len, cred);
}

int
VOP_FSYNC(struct vnode *vp, kauth_cred_t cred, int flags, off_t lo, off_t hi)
{
	return CALL_OR_0(vp, vop_fsync, vp, cred, flags, lo, hi);
}

int
VOP_REMOVABLE(struct vnode *dvp, struct vnode *vp, kauth_cred_t cred)
{
	int error;

	error = VOP_ACCESS(dvp, W_OK, cred);
	return error != 0 ? error
			  : CALL_OR_0(dvp, vop_removable, dvp, vp, cred);
}

int
VOP_REMOVE(struct vnode *dvp, struct vnode *vp, struct componentname *cnp)
{
	return MODIFY(dvp, vop_remove, dvp, vp, cnp);
}

int
VOP_LINK(struct vnode *dvp, struct vnode *vp, struct componentname *cnp)
{
	return MODIFY(dvp, vop_link, dvp, vp, cnp);
}

int
VOP_RENAME(struct vnode *fdvp, struct vnode *fvp, struct componentname *fcnp,
    struct vnode *tdvp, struct vnode *tvp, struct componentname *tcnp)
{
	return MODIFY(fdvp, vop_rename, fdvp, fvp, fcnp, tdvp, tvp, tcnp);
}

int
VOP_EXCHANGE(struct vnode *fdvp, struct vnode *fvp, struct componentname *fcnp,
    struct vnode *tdvp, struct vnode *tvp, struct componentname *tcnp)
{
	return MODIFY(fdvp, vop_exchange, fdvp, fvp, fcnp, tdvp, tvp, tcnp);
}

bool
vop_can_exchange(const struct vnode *dvp)
{
	return OP(dvp, vop_exchange) != NULL;
}

int
VOP_MKDIR(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp,
    struct vattr *va)
{
	return MODIFY(dvp, vop_mkdir, dvp, vpp, cnp, va);
}

int
VOP_RMDIR(struct vnode *dvp, struct vnode *vp, struct componentname *cnp)
{
	return MODIFY(dvp, vop_rmdir, dvp, vp, cnp);
}

int
VOP_SYMLINK(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp,
    struct vattr *va, const char *target)
{
	return MODIFY(dvp, vop_symlink, dvp, vpp, cnp, va, target);
}

int
VOP_READDIR(struct vnode *vp, struct uio *uio, kauth_cred_t cred, bool *eof,
    off_t *cookies, size_t *ncookies)
{
	return CALL(vp, vop_readdir, vp, uio, cred, eof, cookies, ncookies);
}

int
VOP_NAMEOF(struct vnode *dvp, struct vnode *vp, char *name)
{
	return CALL(dvp, vop_nameof, dvp, vp, name);
}

int
VOP_READLINK(struct vnode *vp, struct uio *uio, kauth_cred_t cred)
{
	return CALL(vp, vop_readlink, vp, uio, cred);
}

int
VOP_PATHCONF(struct vnode *vp, int name, register_t *retval)
{
	return CALL_OR(EINVAL, vp, vop_pathconf, vp, name, retval);
}

int
VOP_GETXATTR(struct vnode *vp, const char *name, void *buf, size_t room,
    size_t *size, kauth_cred_t cred)
{
	return CALL(vp, vop_getxattr, vp, name, buf, room, size, cred);
}

int
VOP_SETXATTR(struct vnode *vp, const char *name, const void *value, size_t size,
    int flags, kauth_cred_t cred)
{
	return MODIFY(vp, vop_setxattr, vp, name, value, size, flags, cred);
}

int
VOP_REMOVEXATTR(struct vnode *vp, const char *name, kauth_cred_t cred)
{
	return MODIFY(vp, vop_removexattr, vp, name, cred);
}

int
VOP_EACHXATTR(struct vnode *vp, xattr_name_fn *fn, void *arg, kauth_cred_t cred)
{
	return CALL(vp, vop_eachxattr, vp, fn, arg, cred);
}

int
VOP_INACTIVE(struct vnode *vp, bool *recycle)
{
	return CALL_OR_0(vp, vop_inactive, vp, recycle);
}

static int
dead_lookup(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp)
{
	return EIO;
}

static int
dead_access(struct vnode *vp, int mode, kauth_cred_t cred)
{
	return EIO;
}

static int
dead_getattr(struct vnode *vp, struct vattr *va, kauth_cred_t cred)
{
	return EIO;
}

static int
dead_rw(struct vnode *vp, struct uio *uio, int ioflag, kauth_cred_t cred)
{
	return EIO;
}

static int
dead_open(struct vnode *vp, int fflags, kauth_cred_t cred, struct file *fp)
{
	return EIO;
}

static int
dead_readdir(struct vnode *vp, struct uio *uio, kauth_cred_t cred, bool *eof,
    off_t *cookies, size_t *ncookies)
{
	return EIO;
}

static int
dead_readlink(struct vnode *vp, struct uio *uio, kauth_cred_t cred)
{
	return EIO;
}

static int
dead_make(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp,
    struct vattr *va)
{
	return EIO;
}

static int
dead_remove(struct vnode *dvp, struct vnode *vp, struct componentname *cnp)
{
	return EIO;
}

static int
dead_symlink(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp,
    struct vattr *va, const char *target)
{
	return EIO;
}

static int
dead_rename(struct vnode *fdvp, struct vnode *fvp, struct componentname *fcnp,
    struct vnode *tdvp, struct vnode *tvp, struct componentname *tcnp)
{
	return EIO;
}

static int
dead_allocate(struct vnode *vp, off_t pos, off_t len, kauth_cred_t cred)
{
	return EIO;
}

static int
dead_fsync(struct vnode *vp, kauth_cred_t cred, int flags, off_t lo, off_t hi)
{
	return EIO;
}

static int
dead_getxattr(struct vnode *vp, const char *name, void *buf, size_t room,
    size_t *size, kauth_cred_t cred)
{
	return EIO;
}

static int
dead_setxattr(struct vnode *vp, const char *name, const void *value,
    size_t size, int flags, kauth_cred_t cred)
{
	return EIO;
}

static int
dead_removexattr(struct vnode *vp, const char *name, kauth_cred_t cred)
{
	return EIO;
}

static int
dead_eachxattr(
    struct vnode *vp, xattr_name_fn *fn, void *arg, kauth_cred_t cred)
{
	return EIO;
}

const struct vnodeops dead_vnodeops = {
	.vop_lookup = dead_lookup,
	.vop_create = dead_make,
	.vop_mknod = dead_make,
	.vop_mkdir = dead_make,
	.vop_open = dead_open,
	.vop_access = dead_access,
	.vop_getattr = dead_getattr,
	.vop_setattr = dead_getattr,
	.vop_read = dead_rw,
	.vop_write = dead_rw,
	.vop_remove = dead_remove,
	.vop_rmdir = dead_remove,
	.vop_link = dead_remove,
	.vop_readdir = dead_readdir,
	.vop_readlink = dead_readlink,
	.vop_symlink = dead_symlink,
	.vop_rename = dead_rename,
	.vop_exchange = dead_rename,
	.vop_fallocate = dead_allocate,
	.vop_fdiscard = dead_allocate,
	.vop_fsync = dead_fsync,
	.vop_getxattr = dead_getxattr,
	.vop_setxattr = dead_setxattr,
	.vop_removexattr = dead_removexattr,
	.vop_eachxattr = dead_eachxattr,
};
