/* SPDX-License-Identifier: BSD-2-Clause */
/* Names in directories: the mkdir, mknod, link, unlink and rename families. */
#include "kern/copy.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "rump/rumphost.h"
#include "syscall_table/sysprotos.h"
#include "vfs/fifo.h"
#include "vfs/mount.h"
#include "vfs/protect.h"
#include "vfs/sockname.h"
#include "vfs/syspath.h"
#include "vfs/vnfile.h"
#include "vfs/vop.h"

/*
 * What was not found is not to be made, because of error.  That it is there after
 * all counts more: a file system may have left it to the making to ask.
 */
static int
refuse_new(int fd, const char *path, struct nameidata *ni, int error)
{
	namei_done(ni);
	if (path_lookup(fd, path, CREATE, NI_PARENT, CN_EXCL | CN_SURE, ni) !=
	    0)
		return error;
	if (ni->ni_vp != NULL)
		error = EEXIST;
	namei_done(ni);
	return error;
}

/*
 * Resolve the name of something that is to be made: EEXIST if it is there, and
 * whether the directory may be changed.
 */
static int
lookup_new(int fd, const char *path, bool directory, struct nameidata *ni)
{
	int error;

	error = path_lookup(fd, path, CREATE, NI_PARENT, CN_EXCL, ni);
	if (error != 0)
		return error;
	if (ni->ni_vp == NULL && ni->ni_trailing_slash && !directory)
		return refuse_new(fd, path, ni, ENOENT);
	error = ni->ni_vp != NULL ? EEXIST : dir_writable(ni->ni_dvp);
	if (error != 0)
		namei_done(ni);
	return error;
}

static void
new_attributes(struct vattr *va, enum vtype type, mode_t mode)
{
	vattr_null(va);
	va->va_type = type;
	va->va_mode = mode & ALLPERMS & ~proc_umask();
}

static int
mkdirat(int fd, const char *path, mode_t mode)
{
	struct nameidata ni;
	struct vattr va;
	int error;

	error = lookup_new(fd, path, true, &ni);
	if (error != 0)
		return error;
	new_attributes(&va, VDIR, mode & (ACCESSPERMS | S_ISTXT));
	error = VOP_MKDIR(ni.ni_dvp, &ni.ni_vp, &ni.ni_cn, &va);
	namei_done(&ni);
	return error;
}

int
sys_mkdir(struct lwp *l, const struct sys_mkdir_args *uap, register_t *retval)
{
	return mkdirat(AT_FDCWD, uap->path, uap->mode);
}

int
sys_mkdirat(
    struct lwp *l, const struct sys_mkdirat_args *uap, register_t *retval)
{
	return mkdirat(uap->fd, uap->path, uap->mode);
}

int
make_node(int fd, const char *path, enum vtype type, mode_t mode, dev_t dev,
    struct vnode **vpp)
{
	struct nameidata ni;
	struct vattr va;
	int error;

	error = lookup_new(fd, path, false, &ni);
	if (error != 0)
		return error;
	if ((type == VCHR || type == VBLK) &&
	    !kauth_cred_isroot(curlwp->l_cred))
		return refuse_new(fd, path, &ni, EPERM);
	new_attributes(&va, type, mode);
	va.va_rdev = dev;
	if (type == VREG)
		error = VOP_CREATE(ni.ni_dvp, &ni.ni_vp, &ni.ni_cn, &va);
	else
		error = VOP_MKNOD(ni.ni_dvp, &ni.ni_vp, &ni.ni_cn, &va);
	if (error == 0) {
		vref(ni.ni_vp);
		*vpp = ni.ni_vp;
	}
	namei_done(&ni);
	return error;
}

static int
mknodat(int fd, const char *path, enum vtype type, mode_t mode, dev_t dev)
{
	struct vnode *vp;
	int error;

	error = make_node(fd, path, type, mode, dev, &vp);
	if (error == 0)
		vrele(vp);
	return error;
}

static int
mknod_checked(int fd, const char *path, mode_t mode, dev_t dev)
{
	enum vtype type = vtype_from_mode(mode);

	if ((mode & S_IFMT) == 0)
		type = VREG;
	switch (type) {
	case VREG:
	case VFIFO:
	case VSOCK:
		return mknodat(fd, path, type, mode, 0);
	case VCHR:
	case VBLK:
		return mknodat(fd, path, type, mode, dev);
	default:
		return EINVAL;
	}
}

int
sys_mknod(struct lwp *l, const struct sys_mknod_args *uap, register_t *retval)
{
	return mknod_checked(AT_FDCWD, uap->path, uap->mode, uap->dev);
}

int
sys_mknodat(
    struct lwp *l, const struct sys_mknodat_args *uap, register_t *retval)
{
	return mknod_checked(uap->fd, uap->path, uap->mode, uap->dev);
}

int
sys_mkfifo(struct lwp *l, const struct sys_mkfifo_args *uap, register_t *retval)
{
	return mknodat(AT_FDCWD, uap->path, VFIFO, uap->mode, 0);
}

int
sys_mkfifoat(
    struct lwp *l, const struct sys_mkfifoat_args *uap, register_t *retval)
{
	return mknodat(uap->fd, uap->path, VFIFO, uap->mode, 0);
}

static int
symlinkat(const char *utarget, int fd, const char *path)
{
	char target[NAMEI_MAXPATH];
	struct nameidata ni;
	struct vattr va;
	int error;

	error = copyinstr(utarget, target, sizeof(target), NULL);
	if (error == 0 && target[0] == '\0')
		error = ENOENT;
	if (error == 0)
		error = lookup_new(fd, path, false, &ni);
	if (error != 0)
		return error;
	new_attributes(&va, VLNK, ACCESSPERMS);
	error = VOP_SYMLINK(ni.ni_dvp, &ni.ni_vp, &ni.ni_cn, &va, target);
	namei_done(&ni);
	return error;
}

int
sys_symlink(
    struct lwp *l, const struct sys_symlink_args *uap, register_t *retval)
{
	return symlinkat(uap->path, AT_FDCWD, uap->link);
}

int
sys_symlinkat(
    struct lwp *l, const struct sys_symlinkat_args *uap, register_t *retval)
{
	return symlinkat(uap->path1, uap->fd, uap->path2);
}

static int
link_vnode(struct vnode *vp, int fd, const char *path)
{
	struct nameidata ni;
	int error;

	error = lookup_new(fd, path, false, &ni);
	if (error != 0)
		return error;
	if (ni.ni_dvp->v_mount != vp->v_mount)
		return refuse_new(fd, path, &ni, EXDEV);
	error = vp->v_type == VDIR ? EPERM : protect_link(vp, curlwp->l_cred);
	if (error != 0)
		return refuse_new(fd, path, &ni, error);
	error = VOP_LINK(ni.ni_dvp, vp, &ni.ni_cn);
	namei_done(&ni);
	return error;
}

static int
linkat(int fd1, const char *name1, int fd2, const char *name2, bool follow)
{
	struct vnode *vp;
	int error;

	error = path_vnode(fd1, name1, follow, &vp);
	if (error != 0)
		return error;
	error = link_vnode(vp, fd2, name2);
	vrele(vp);
	return error;
}

/* own: it is for whoever has opened it. */
static int
link_file(int filefd, bool own, int fd, const char *path)
{
	struct file *fp;
	int error;

	error = fd_getvnode(filefd, &fp);
	if (error != 0)
		return error;
	if (own)
		error = protect_descriptor(fp->f_cred, curlwp->l_cred);
	if (error == 0)
		error = link_vnode(fp->f_data, fd, path);
	fd_putfile(fp);
	return error;
}

/* link(2) follows symbolic links in NetBSD. */
int
sys_link(struct lwp *l, const struct sys_link_args *uap, register_t *retval)
{
	return linkat(AT_FDCWD, uap->path, AT_FDCWD, uap->link, true);
}

/* Against others who rename the same names all the time. */
#define RENAME_TRIES 1000

/* Does the name lead to another file system: is it a mount's or a key's? */
static bool
is_foreign(const struct nameidata *ni)
{
	return ni->ni_vp->v_mount != ni->ni_dvp->v_mount ||
	       is_mount_root(ni->ni_vp);
}

/* The host may have something behind vp. */
static void
node_removed(struct vnode *vp)
{
	fifo_removed(vp);
	sockname_removed(vp);
}

/* EISDIR rather than EPERM: remove(3) and rm(1) of the host rely on it. */
static int
remove_file(struct nameidata *ni)
{
	int error;

	if (ni->ni_vp->v_type == VDIR)
		return EISDIR;
	if (is_foreign(ni))
		return EBUSY;
	error = VOP_REMOVE(ni->ni_dvp, ni->ni_vp, &ni->ni_cn);
	if (error == 0)
		node_removed(ni->ni_vp);
	return error;
}

static int
remove_directory(struct nameidata *ni)
{
	const struct componentname *cn = &ni->ni_cn;

	if (ni->ni_vp->v_type != VDIR)
		return ENOTDIR;
	if (cn->cn_namelen == 1 && cn->cn_nameptr[0] == '.')
		return EINVAL;
	if (is_dots(cn))
		return ENOTEMPTY;
	if (is_foreign(ni) || cn->cn_namelen == 0)
		return EBUSY;
	return VOP_RMDIR(ni->ni_dvp, ni->ni_vp, &ni->ni_cn);
}

static int
unlink_once(int fd, const char *path, bool directory)
{
	struct nameidata ni;
	int error;

	error = path_lookup(fd, path, DELETE, NI_PARENT, 0, &ni);
	if (error != 0)
		return error;
	if (!directory && ni.ni_trailing_slash && ni.ni_vp->v_type == VDIR)
		error = EISDIR;
	else
		error = VOP_REMOVABLE(ni.ni_dvp, ni.ni_vp, curlwp->l_cred);
	if (error == 0)
		error = directory ? remove_directory(&ni) : remove_file(&ni);
	namei_done(&ni);
	return error;
}

static int
unlinkat(int fd, const char *path, bool directory)
{
	int error, tries = 0;

	do {
		error = unlink_once(fd, path, directory);
	} while (error == ERELOOKUP && ++tries < RENAME_TRIES);
	return error == ERELOOKUP ? EBUSY : error;
}

int
sys_unlink(struct lwp *l, const struct sys_unlink_args *uap, register_t *retval)
{
	return unlinkat(AT_FDCWD, uap->path, false);
}

int
sys_rmdir(struct lwp *l, const struct sys_rmdir_args *uap, register_t *retval)
{
	return unlinkat(AT_FDCWD, uap->path, true);
}

int
sys_unlinkat(
    struct lwp *l, const struct sys_unlinkat_args *uap, register_t *retval)
{
	if ((uap->flag & ~AT_REMOVEDIR) != 0)
		return EINVAL;
	return unlinkat(uap->fd, uap->path, (uap->flag & AT_REMOVEDIR) != 0);
}

struct renamereq {
	int rn_fromfd, rn_tofd;
	const char *rn_from, *rn_to; /* the caller's */
	bool rn_posix; /* two links to one file: nothing is done */
	bool rn_noreplace, rn_exchange;
};

/* Neither ".", ".." nor a root may be renamed or replaced. */
static int
check_operand(const struct nameidata *ni)
{
	if (is_dots(&ni->ni_cn))
		return EINVAL;
	if (ni->ni_cn.cn_namelen == 0 || (ni->ni_vp != NULL && is_foreign(ni)))
		return EBUSY;
	return 0;
}

/* What rn asks for beyond a plain renaming. */
static int
check_manner(const struct renamereq *rn, const struct nameidata *from,
    const struct nameidata *to)
{
	if (rn->rn_noreplace && to->ni_vp != NULL)
		return EEXIST;
	if (rn->rn_exchange && to->ni_vp == NULL)
		return ENOENT;
	return (rn->rn_noreplace || rn->rn_exchange) &&
		       !vop_can_exchange(from->ni_dvp)
		   ? EINVAL
		   : 0;
}

/* Is dir the directory dvp, or one above it? */
static bool
lies_in(struct vnode *dvp, const struct vnode *dir, kauth_cred_t cred)
{
	struct componentname cn = {
		.cn_nameptr = "..",
		.cn_namelen = 2,
		.cn_hash = cache_hash("..", 2),
		.cn_nameiop = LOOKUP,
		.cn_flags = CN_ISDOTDOT | CN_ISLAST,
		.cn_cred = cred,
	};
	struct vnode *up;
	bool found;

	vref(dvp);
	while (dvp != dir && dvp != dvp->v_mount->mnt_root &&
	       VOP_LOOKUP(dvp, &up, &cn) == 0) {
		vrele(dvp);
		dvp = up;
	}
	found = dvp == dir;
	vrele(dvp);
	return found;
}

/* Does either of them lie in the other? */
static int
check_loop(const struct renamereq *rn, const struct nameidata *from,
    const struct nameidata *to)
{
	kauth_cred_t cred = from->ni_cn.cn_cred;

	if (from->ni_dvp == to->ni_dvp)
		return 0;
	if (from->ni_vp->v_type == VDIR &&
	    lies_in(to->ni_dvp, from->ni_vp, cred))
		return EINVAL;
	if (to->ni_vp != NULL && to->ni_vp->v_type == VDIR &&
	    lies_in(from->ni_dvp, to->ni_vp, cred))
		return rn->rn_exchange ? EINVAL : ENOTEMPTY;
	return 0;
}

/* May both names be changed, and do they go together? */
static int
check_change(const struct renamereq *rn, const struct nameidata *from,
    const struct nameidata *to)
{
	kauth_cred_t cred = from->ni_cn.cn_cred;
	bool dir = from->ni_vp->v_type == VDIR;
	int error;

	error = VOP_REMOVABLE(from->ni_dvp, from->ni_vp, cred);
	if (error != 0)
		return error;
	if (to->ni_vp == NULL)
		return dir_writable(to->ni_dvp);
	error = VOP_REMOVABLE(to->ni_dvp, to->ni_vp, cred);
	if (error != 0 || rn->rn_exchange || dir == (to->ni_vp->v_type == VDIR))
		return error;
	return dir ? ENOTDIR : EISDIR;
}

/*
 * In the host's order.  What lies in what, which it takes a walk to see, is
 * looked for where anything else is wrong; else the file system finds it.
 */
static int
check_pair(const struct renamereq *rn, const struct nameidata *from,
    const struct nameidata *to)
{
	int error, loop;

	error = check_change(rn, from, to);
	if (error == 0)
		return 0;
	loop = check_loop(rn, from, to);
	return loop != 0 ? loop : error;
}

static bool
same_name(const struct nameidata *from, const struct nameidata *to)
{
	return from->ni_dvp == to->ni_dvp &&
	       from->ni_cn.cn_namelen == to->ni_cn.cn_namelen &&
	       memcmp(from->ni_cn.cn_nameptr, to->ni_cn.cn_nameptr,
		   from->ni_cn.cn_namelen) == 0;
}

static int
rename_resolved(
    const struct renamereq *rn, struct nameidata *from, struct nameidata *to)
{
	int error;

	error = check_operand(from);
	if (error == 0)
		error = check_manner(rn, from, to);
	if (error == 0)
		error = check_operand(to);
	if (error != 0)
		return error;
	if (from->ni_dvp->v_mount != to->ni_dvp->v_mount)
		return EXDEV;
	if (!rn->rn_exchange && to->ni_trailing_slash &&
	    from->ni_vp->v_type != VDIR)
		return ENOTDIR;
	if (rn->rn_posix && from->ni_vp == to->ni_vp)
		return 0;
	error = check_pair(rn, from, to);
	if (error != 0)
		return error;
	if (rn->rn_exchange)
		return VOP_EXCHANGE(from->ni_dvp, from->ni_vp, &from->ni_cn,
		    to->ni_dvp, to->ni_vp, &to->ni_cn);
	if (from->ni_vp != to->ni_vp) {
		error = VOP_RENAME(from->ni_dvp, from->ni_vp, &from->ni_cn,
		    to->ni_dvp, to->ni_vp, &to->ni_cn);
		if (error == 0 && to->ni_vp != NULL)
			node_removed(to->ni_vp);
		return error;
	}
	if (same_name(from, to))
		return 0;
	return VOP_REMOVE(from->ni_dvp, from->ni_vp, &from->ni_cn);
}

/* Did the search for ni get as far as the last name? */
static bool
found_parent(const struct nameidata *ni)
{
	return (ni->ni_cn.cn_flags & CN_ISLAST) != 0;
}

/* The source has no such name, or one that only a directory could have: whether
 * the target's directory is there counts more. */
static int
no_source(const struct renamereq *rn, const struct nameidata *from, int error)
{
	struct nameidata to;
	int toerror;

	if (error == ENAMESPACE || !found_parent(from))
		return error;
	toerror =
	    path_lookup(rn->rn_tofd, rn->rn_to, RENAME, NI_PARENT, 0, &to);
	if (toerror == ENAMESPACE ||
	    (toerror != 0 && (error == ENOTDIR || !found_parent(&to))))
		return toerror;
	if (is_dots(&to.ni_cn))
		error = EINVAL;
	if (toerror == 0)
		namei_done(&to);
	return error;
}

static int
rename_once(const struct renamereq *rn)
{
	struct nameidata from, to;
	int error;

	error = path_lookup(
	    rn->rn_fromfd, rn->rn_from, DELETE, NI_PARENT, 0, &from);
	if (error != 0)
		return no_source(rn, &from, error);
	error = path_lookup(rn->rn_tofd, rn->rn_to, RENAME, NI_PARENT, 0, &to);
	if (error == 0) {
		error = rename_resolved(rn, &from, &to);
		namei_done(&to);
	} else if (error != ENAMESPACE && found_parent(&to) &&
		   is_dots(&from.ni_cn)) {
		error = EINVAL;
	}
	namei_done(&from);
	return error;
}

static int
renameat(const struct renamereq *rn)
{
	int error, tries = 0;

	do {
		error = rename_once(rn);
	} while (error == ERELOOKUP && ++tries < RENAME_TRIES);
	return error == ERELOOKUP ? EBUSY : error;
}

int
sys_rename(struct lwp *l, const struct sys_rename_args *uap, register_t *retval)
{
	struct renamereq rn = {
		.rn_fromfd = AT_FDCWD,
		.rn_tofd = AT_FDCWD,
		.rn_from = uap->from,
		.rn_to = uap->to,
	};

	return renameat(&rn);
}

int
sys___posix_rename(struct lwp *l, const struct sys___posix_rename_args *uap,
    register_t *retval)
{
	struct renamereq rn = {
		.rn_fromfd = AT_FDCWD,
		.rn_tofd = AT_FDCWD,
		.rn_from = uap->from,
		.rn_to = uap->to,
		.rn_posix = true,
	};

	return renameat(&rn);
}

int
sys_renameat(
    struct lwp *l, const struct sys_renameat_args *uap, register_t *retval)
{
	struct renamereq rn = {
		.rn_fromfd = uap->fromfd,
		.rn_tofd = uap->tofd,
		.rn_from = uap->from,
		.rn_to = uap->to,
		.rn_posix = true,
	};

	return renameat(&rn);
}

/* One name more for a file, or with flags of ours another one. */
int
sys_linkat(struct lwp *l, const struct sys_linkat_args *uap, register_t *retval)
{
	struct renamereq rn = {
		.rn_fromfd = uap->fd1,
		.rn_tofd = uap->fd2,
		.rn_from = uap->name1,
		.rn_to = uap->name2,
		.rn_posix = true,
		.rn_noreplace = uap->flags == RUMP_AT_NOREPLACE,
		.rn_exchange = uap->flags == RUMP_AT_EXCHANGE,
	};

	if (rn.rn_noreplace || rn.rn_exchange)
		return renameat(&rn);
	if (uap->flags == RUMP_AT_FD || uap->flags == RUMP_AT_FD_OWN)
		return link_file(uap->fd1, uap->flags == RUMP_AT_FD_OWN,
		    uap->fd2, uap->name2);
	if ((uap->flags & ~AT_SYMLINK_FOLLOW) != 0)
		return EINVAL;
	return linkat(uap->fd1, uap->name1, uap->fd2, uap->name2,
	    (uap->flags & AT_SYMLINK_FOLLOW) != 0);
}
