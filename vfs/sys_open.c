/* SPDX-License-Identifier: BSD-2-Clause */
/* open(2) and openat(2). */
#include "kern/copy.h"
#include "kern/file.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "syscall_table/sysprotos.h"
#include "vfs/fifo.h"
#include "vfs/lockf.h"
#include "vfs/mount.h"
#include "vfs/protect.h"
#include "vfs/sockname.h"
#include "vfs/syspath.h"
#include "vfs/vnfile.h"
#include "vfs/vop.h"

#define FIFO_NAME 64

/* Against a file system that finds nothing and yet has it. */
#define CREATE_TRIES 8
/* Against others who replace the file all the time. */
#define STALE_TRIES 8

struct openreq {
	int or_dirfd;
	const char *or_path; /* the caller's */
	int or_flags;        /* O_* */
	mode_t or_mode;
};

static int
check_flags(int oflags)
{
	if ((oflags & O_ACCMODE) == O_ACCMODE)
		return EINVAL;
	if ((oflags & RUMP_O_NEITHER) != 0 && (oflags & O_ACCMODE) != O_RDWR)
		return EINVAL;
	if ((oflags & O_CREAT) != 0 && (oflags & (O_DIRECTORY | O_SEARCH)) != 0)
		return EINVAL;
	if ((oflags & O_SHLOCK) != 0 && (oflags & O_EXLOCK) != 0)
		return EINVAL;
	return 0;
}

/* again: it has been taken for absent, and was there. */
static int
lookup(const struct openreq * or, struct nameidata *ni, bool again)
{
	uint32_t flags = NI_FOLLOW, intent = CN_OPEN;
	enum nameiop op = LOOKUP;

	if ((or->or_flags & O_CREAT) != 0) {
		op = CREATE;
		flags |= NI_PARENT;
	}
	if ((or->or_flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)) {
		flags &= ~(uint32_t)NI_FOLLOW;
		intent |= CN_EXCL;
	}
	if ((or->or_flags & O_NOFOLLOW) != 0)
		flags &= ~(uint32_t)NI_FOLLOW;
	if (again)
		intent |= CN_SURE;
	return path_lookup(or->or_dirfd, or->or_path, op, flags, intent, ni);
}

/* The sticky bit is for directories, unless the caller's system sees that
 * differently. */
static mode_t
made_mode(const struct openreq * or)
{
	mode_t sticky = (or->or_flags & RUMP_O_STICKY) != 0 ? 0 : S_ISTXT;

	return or->or_mode & ALLPERMS & ~sticky & ~proc_umask();
}

/* Make the file that the lookup did not find. */
static int
create(const struct openreq * or, struct nameidata *ni)
{
	struct vattr va;
	int error;

	error = dir_writable(ni->ni_dvp);
	if (error != 0)
		return error;
	vattr_null(&va);
	va.va_type = VREG;
	va.va_mode = made_mode(or);
	return VOP_CREATE(ni->ni_dvp, &ni->ni_vp, &ni->ni_cn, &va);
}

/* What kind of file is it, and does that go with the flags? */
static int
check_type(const struct openreq * or, const struct vnode *vp)
{
	int oflags = or->or_flags;

	if (vp->v_type == VLNK)
		return EFTYPE;
	if (vp->v_type == VSOCK && (oflags & O_ALT_IO) == 0)
		return EOPNOTSUPP;
	if (vp->v_type != VDIR)
		return (oflags & (O_DIRECTORY | O_SEARCH)) != 0 ? ENOTDIR : 0;
	if ((oflags & (O_ACCMODE | O_CREAT | O_TRUNC)) != 0)
		return EISDIR;
	return 0;
}

/* Who may only search a directory does not read it. */
static int
open_fflags(int oflags)
{
	int fflags = FFLAGS(oflags);

	if ((oflags & RUMP_O_NEITHER) != 0)
		fflags &= ~(FREAD | FWRITE);
	return (oflags & O_SEARCH) != 0 ? fflags & ~FREAD : fflags;
}

static int
check_access(const struct openreq * or, struct vnode *vp)
{
	int fflags = FFLAGS(or->or_flags), mode = 0, error;

	if ((or->or_flags & O_SEARCH) != 0)
		return VOP_ACCESS(vp, X_OK, curlwp->l_cred);
	if ((fflags & FREAD) != 0)
		mode |= R_OK;
	if ((fflags & FWRITE) != 0 || (fflags & O_TRUNC) != 0)
		mode |= W_OK;
	error = VOP_ACCESS(vp, mode, curlwp->l_cred);
	if (error == 0 && (or->or_flags & RUMP_O_NOATIME) != 0)
		error = vn_owned(vp);
	return error;
}

static int
truncate_file(struct vnode *vp)
{
	struct vattr va;

	if (vp->v_type != VREG)
		return 0;
	vattr_null(&va);
	va.va_size = 0;
	return VOP_SETATTR(vp, &va, curlwp->l_cred);
}

/* Look the file up, and make it if asked to. */
static int
find_or_create(
    const struct openreq * or, struct nameidata *ni, bool again, bool *created)
{
	int error;

	*created = false;
	error = lookup(or, ni, again);
	if (error != 0)
		return error;
	*created = ni->ni_vp == NULL;
	if (ni->ni_trailing_slash && (or->or_flags & O_CREAT) != 0)
		error = EISDIR;
	else if (*created)
		error = create(or, ni);
	else if ((or->or_flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		error = EEXIST;
	if (error != 0)
		namei_done(ni);
	return error;
}

/* The vnode to open, referenced, after all checks; *made: it is new. */
static int
find(const struct openreq * or, struct vnode **vpp, bool *made)
{
	struct nameidata ni;
	bool created;
	int error, tries = 0;

	/*
	 * When somebody else was quicker to make the file, take his; when
	 * somebody removed it at once, make it again.
	 */
	do {
		error = find_or_create(or, &ni, tries > 0, &created);
	} while ((error == EEXIST || error == ENOENT) && created &&
		 (or->or_flags & O_EXCL) == 0 && ++tries < CREATE_TRIES);
	if (error != 0)
		return error;
	error = check_type(or, ni.ni_vp);
	if (error == 0 && !created && ni.ni_dvp != NULL)
		error = protect_create(ni.ni_dvp, ni.ni_vp, curlwp->l_cred);
	if (error == 0 && !created)
		error = check_access(or, ni.ni_vp);
	if (error != 0) {
		namei_done(&ni);
		return error;
	}
	if (ni.ni_dvp != NULL)
		vrele(ni.ni_dvp);
	*vpp = ni.ni_vp;
	*made = created;
	return 0;
}

/* After vn_openfile(): whatever fails here is undone by closing fp. */
static int
finish(const struct openreq * or, struct file *fp, bool made)
{
	struct vnode *vp = fp->f_data;
	int error = 0, how;

	if ((or->or_flags & (O_SHLOCK | O_EXLOCK)) != 0) {
		how = (or->or_flags & O_EXLOCK) != 0 ? LOCK_EX : LOCK_SH;
		if ((or->or_flags & O_NONBLOCK) != 0)
			how |= LOCK_NB;
		error = lockf_file(vp, fp, how);
	}
	if (error == 0 && (or->or_flags & O_TRUNC) != 0 && !made)
		error = truncate_file(vp);
	return error;
}

/* A new open file, fp, of vp, whose reference it takes over in any case. */
static int
open_vnode(
    const struct openreq * or, struct file *fp, struct vnode *vp, bool made)
{
	int error = vn_openfile(fp, vp, open_fflags(or->or_flags));

	if (error != 0) {
		vrele(vp);
		return error;
	}
	return finish(or, fp, made);
}

/* fp, open if error is 0, becomes descriptor fd, which has been kept for it. */
static int
open_done(const struct openreq * or, struct file *fp, int fd, int error,
    register_t *retval)
{
	if (error != 0) {
		fd_abort(fp, fd);
		return error;
	}
	fd_affix(fp, fd, (or->or_flags & O_CLOEXEC) != 0);
	*retval = fd;
	return 0;
}

/* A server forgets a file once it has no name: another may have its name now. */
static int
open_named(const struct openreq * or, struct file *fp)
{
	struct vnode *vp;
	bool made;
	int error, tries = 0;

	do {
		error = find(or, &vp, &made);
		if (error == 0)
			error = open_vnode(or, fp, vp, made);
	} while (error == ESTALE && fp->f_ops == NULL && ++tries < STALE_TRIES);
	return error;
}

static int
openat(const struct openreq * or, register_t *retval)
{
	struct file *fp;
	int error, fd;

	if (sockname_wanted(or->or_flags, or->or_mode))
		return sockname_make(
		    or->or_dirfd, or->or_path, or->or_mode, retval);
	error = check_flags(or->or_flags);
	if (error != 0)
		return error;
	error = fd_allocfile(&fp, &fd);
	if (error != 0)
		return error;
	return open_done(or, fp, fd, open_named(or, fp), retval);
}

/* The vnode that a descriptor has open, referenced, for who may open it so. */
static int
find_open(const struct openreq * or, struct vnode **vpp)
{
	struct vnode *vp;
	int error;

	error = descriptor_vnode(or->or_dirfd, &vp);
	if (error != 0)
		return error == EINVAL ? ENXIO : error;
	error = check_type(or, vp);
	/* To name a file by is not to look into it. */
	if (error == 0 && (or->or_flags & RUMP_O_NAME) == 0)
		error = check_access(or, vp);
	if (error != 0) {
		vrele(vp);
		return error;
	}
	*vpp = vp;
	return 0;
}

static int
open_fifo(const struct openreq * or, struct file *fp)
{
	char name[FIFO_NAME];
	int error = copyinstr(or->or_path, name, sizeof(name), NULL);

	return error != 0 ? error : fifo_openanew(name, fp);
}

static int
open_again(const struct openreq * or, register_t *retval)
{
	struct vnode *vp;
	struct file *fp;
	int error, fd;

	error = check_flags(or->or_flags);
	if (error != 0)
		return error;
	error = fd_allocfile(&fp, &fd);
	if (error != 0)
		return error;
	if ((or->or_flags & O_ALT_IO) != 0) {
		error = open_fifo(or, fp);
	} else {
		error = find_open(or, &vp);
		if (error == 0)
			error = open_vnode(or, fp, vp, false);
	}
	return open_done(or, fp, fd, error, retval);
}

/* A file without a name in directory or_path, for whoever opens it here. */
static int
make_unnamed(const struct openreq * or, struct vnode **vpp)
{
	struct vnode *dvp;
	struct vattr va;
	int error;

	error = path_vnode(
	    or->or_dirfd, or->or_path, (or->or_flags & O_NOFOLLOW) == 0, &dvp);
	if (error != 0)
		return error;
	error = dvp->v_type == VDIR ? dir_writable(dvp) : ENOTDIR;
	if (error == 0) {
		vattr_null(&va);
		va.va_type = VREG;
		va.va_mode = made_mode(or);
		error = VOP_UNNAMED(dvp, vpp, &va, (or->or_flags & O_EXCL) == 0,
		    curlwp->l_cred);
	}
	vrele(dvp);
	return error;
}

static int
open_unnamed(const struct openreq * or, register_t *retval)
{
	struct vnode *vp;
	struct file *fp;
	int error, fd;

	if ((or->or_flags & O_ACCMODE) == O_ACCMODE)
		return EINVAL;
	error = fd_allocfile(&fp, &fd);
	if (error != 0)
		return error;
	error = make_unnamed(or, &vp);
	if (error != 0)
		goto fail_file;
	error = vn_openfile(fp, vp, open_fflags(or->or_flags & ~O_ALT_IO));
	if (error != 0)
		goto fail_vnode;
	fd_affix(fp, fd, (or->or_flags & O_CLOEXEC) != 0);
	*retval = fd;
	return 0;

fail_vnode:
	vrele(vp);
fail_file:
	fd_abort(fp, fd);
	return error;
}

int
sys_open(struct lwp *l, const struct sys_open_args *uap, register_t *retval)
{
	struct openreq or = { AT_FDCWD, uap->path, uap->flags, uap->mode };

	return openat(& or, retval);
}

int
sys_openat(struct lwp *l, const struct sys_openat_args *uap, register_t *retval)
{
	struct openreq or = { uap->fd, uap->path, uap->oflags, uap->mode };

	if ((uap->oflags & RUMP_O_AGAIN) != 0)
		return open_again(& or, retval);
	if ((uap->oflags & RUMP_O_UNNAMED) == RUMP_O_UNNAMED)
		return open_unnamed(& or, retval);
	return openat(& or, retval);
}
