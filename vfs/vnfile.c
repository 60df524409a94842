/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open files that are vnodes.  f_data is a reference to the vnode.  f_lock is
 * held for the length of a read or write that moves the offset, so that two
 * threads that share the file get different bytes.
 */
#include "vfs/vnfile.h"

#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "rump/rumpdefs.h"
#include "rump/rumperr.h"
#include "rump/rumphost.h"
#include "vfs/cwd.h"
#include "vfs/fifo.h"
#include "vfs/filelimit.h"
#include "vfs/filepath.h"
#include "vfs/lockf.h"
#include "vfs/mount.h"
#include "vfs/namei.h"
#include "vfs/pagecache.h"
#include "vfs/sockname.h"
#include "vfs/specfs.h"
#include "vfs/vop.h"

/* What of the open flags stays with the file. */
#define KEEP_FLAGS                                                             \
	(FREAD | FWRITE | O_NONBLOCK | O_APPEND | O_ASYNC | O_SYNC | O_DSYNC | \
	    O_RSYNC | O_ALT_IO | O_DIRECT | O_NOSIGPIPE | RUMP_O_KEPT)

int
fd_getvnode(int fd, struct file **fpp)
{
	struct file *fp = fd_getfile(fd);

	if (fp == NULL)
		return EBADF;
	if (fp->f_type != DTYPE_VNODE) {
		fd_putfile(fp);
		return EINVAL;
	}
	*fpp = fp;
	return 0;
}

/* The device behind a node: ENXIO if there is none, or it may not be used. */
static int
find_device(struct vnode *vp, struct cdev **dp)
{
	struct vattr va;
	struct cdev *d = NULL;
	int error;

	error = VOP_GETATTR(vp, &va, curlwp->l_cred);
	if (error != 0)
		return error;
	if ((vp->v_mount->mnt_flag & MNT_NODEV) == 0)
		d = cdev_find(va.va_rdev);
	if (d == NULL || (vp->v_type == VBLK && d->d_open == NULL))
		return ENXIO;
	*dp = d;
	return 0;
}

static int
open_device(
    struct vnode *vp, int fflags, struct file *fp, const struct fileops **opsp)
{
	struct cdev *d;
	int error;

	error = find_device(vp, &d);
	if (error != 0)
		return error;
	if (d->d_open != NULL) {
		*opsp = d->d_fileops;
		return d->d_open(d, vp, fflags, fp);
	}
	*opsp = &spec_fileops;
	fp->f_fsdata = d;
	return 0;
}

int
vn_openfile(struct file *fp, struct vnode *vp, int fflags)
{
	const struct fileops *ops = &vn_fileops;
	uint32_t seen;
	int error;

	switch (vp->v_type) {
	case VREG:
	case VDIR:
		error = VOP_OPEN(vp, fflags, curlwp->l_cred, fp);
		/* Files of some file systems have operations of their own. */
		if (fp->f_ops != NULL)
			ops = fp->f_ops;
		break;
	case VCHR:
	case VBLK:
		error = open_device(vp, fflags, fp, &ops);
		break;
	case VFIFO:
		error = fifo_open(vp, fflags, fp);
		ops = &fifo_fileops;
		break;
	case VSOCK:
		error = sockname_open(vp, fflags, fp);
		ops = &sockname_fileops;
		break;
	default:
		error = EOPNOTSUPP;
		break;
	}
	if (error != 0)
		return error;
	fp->f_type = DTYPE_VNODE;
	fp->f_ops = ops;
	fp->f_data = vp;
	atomic_store(&fp->f_flag, (uint32_t)(fflags & KEEP_FLAGS));
	pagecache_error_begin(vp, &seen);
	atomic_store(&fp->f_seen, seen);
	return 0;
}

int
vn_seenerror(struct file *fp, int error)
{
	uint32_t seen = atomic_load(&fp->f_seen);
	int delayed;

	delayed = pagecache_error(fp->f_data, &seen);
	atomic_store(&fp->f_seen, seen);
	return error != 0 ? error : delayed;
}

void
vn_sayerror(struct vnode *vp, int error)
{
	char path[NAMEI_MAXPATH];

	kprintf("%s: not everything that was written could be saved: %s\n",
	    cwd_known_path(vp, path, sizeof(path)), rump_strerror(error));
}

int
vn_fsync(struct file *fp, int flags, off_t lo, off_t hi)
{
	int error;

	error = VOP_FSYNC(fp->f_data, fp->f_cred, flags, lo, hi);
	return error == ERESTART ? error : vn_seenerror(fp, error);
}

static int
vn_read(
    struct file *fp, off_t *offp, struct uio *uio, kauth_cred_t cred, int flags)
{
	struct vnode *vp = fp->f_data;
	int ioflag = 0, error;
	size_t before;

	if (PREDICT_FALSE(vp->v_type == VDIR))
		return EISDIR;
	if ((atomic_load(&fp->f_flag) & RUMP_O_NOATIME) != 0)
		ioflag |= IO_NOATIME;
	if ((flags & FOF_UPDATE_OFFSET) == 0) {
		uio->uio_offset = *offp;
		return VOP_READ(vp, uio, ioflag, cred);
	}
	before = uio->uio_resid;
	mutex_enter(&fp->f_lock);
	uio->uio_offset = *offp;
	error = VOP_READ(vp, uio, ioflag, cred);
	*offp = uio->uio_offset;
	mutex_exit(&fp->f_lock);
	/* The position has moved: say by how much. */
	return uio->uio_resid != before ? 0 : error;
}

static int
write_limited(struct vnode *vp, struct uio *uio, int ioflag, kauth_cred_t cred)
{
	size_t cut;
	int error;

	/* At whatever position. */
	if (uio->uio_resid == 0)
		return 0;
	error = filelimit_write(vp, ioflag, uio, &cut);
	if (error != 0)
		return error;
	error = VOP_WRITE(vp, uio, ioflag, cred);
	uio->uio_resid += cut;
	return error;
}

static int
vn_write(
    struct file *fp, off_t *offp, struct uio *uio, kauth_cred_t cred, int flags)
{
	struct vnode *vp = fp->f_data;
	uint32_t fflags = atomic_load(&fp->f_flag);
	size_t before = uio->uio_resid;
	int ioflag = 0, error;

	if ((fflags & O_APPEND) != 0)
		ioflag |= IO_APPEND;
	if ((fflags & (O_SYNC | O_DSYNC)) != 0)
		ioflag |= IO_SYNC;
	if ((flags & FOF_UPDATE_OFFSET) == 0) {
		uio->uio_offset = *offp;
		return write_limited(vp, uio, ioflag, cred);
	}
	mutex_enter(&fp->f_lock);
	uio->uio_offset = *offp;
	error = write_limited(vp, uio, ioflag, cred);
	*offp = uio->uio_offset;
	mutex_exit(&fp->f_lock);
	return uio->uio_resid != before ? 0 : error;
}

static int
readable_bytes(struct file *fp, int *n)
{
	struct vattr va;
	off_t left;
	int error;

	error = VOP_GETATTR(fp->f_data, &va, curlwp->l_cred);
	if (error != 0)
		return error;
	mutex_enter(&fp->f_lock);
	left = MAX(va.va_size - fp->f_offset, 0);
	mutex_exit(&fp->f_lock);
	*n = (int)MIN(left, INT32_MAX);
	return 0;
}

static int
vn_ioctl(struct file *fp, unsigned long cmd, void *data)
{
	struct vnode *vp = fp->f_data;

	if (cmd == FIONBIO || cmd == FIOASYNC)
		return 0;
	if (cmd == FIONREAD && vp->v_type == VREG)
		return readable_bytes(fp, data);
	return VOP_IOCTL(
	    vp, cmd, data, (int)atomic_load(&fp->f_flag), curlwp->l_cred);
}

/* Locking for reading needs a file open for reading, and so on. */
static int
check_lock_mode(const struct file *fp, const struct rump_flock *fl)
{
	uint32_t fflags = atomic_load(&fp->f_flag);

	if (fl->l_type == F_RDLCK && (fflags & FREAD) == 0)
		return EBADF;
	if (fl->l_type == F_WRLCK && (fflags & FWRITE) == 0)
		return EBADF;
	return 0;
}

/* A command for locks that belong to the file, as the one for those of
 * processes; with these, *owner becomes NULL. */
static bool
lock_command(unsigned *cmd, struct file **owner)
{
	switch (*cmd) {
	case RUMP_F_OFD_GETLK:
		*cmd = F_GETLK;
		return true;
	case RUMP_F_OFD_SETLK:
		*cmd = F_SETLK;
		return true;
	case RUMP_F_OFD_SETLKW:
		*cmd = F_SETLKW;
		return true;
	default:
		*owner = NULL;
		return *cmd == F_GETLK || *cmd == F_SETLK || *cmd == F_SETLKW;
	}
}

int
vn_owned(struct vnode *vp)
{
	kauth_cred_t cred = curlwp->l_cred;
	struct vattr va;
	int error;

	if (kauth_cred_isroot(cred))
		return 0;
	error = VOP_GETATTR(vp, &va, cred);
	if (error != 0 || kauth_cred_rules(cred, va.va_uid, va.va_gid))
		return error;
	return va.va_uid != cred->cr_euid ? EPERM : 0;
}

static int
vn_traceless(struct file *fp)
{
	return vn_owned(fp->f_data);
}

static int
set_hint(struct vnode *vp, uint64_t hint)
{
	int error = hint > UINT8_MAX ? EINVAL : vn_owned(vp);

	if (error == 0)
		atomic_store(&vp->v_hint, (uint8_t)hint);
	return error;
}

/* F_FSCTL commands that are not for locks. */
static int
private_fcntl(struct vnode *vp, unsigned cmd, void *data)
{
	switch (cmd) {
	case RUMP_F_GETHINT:
		*(uint64_t *)data = atomic_load(&vp->v_hint);
		return 0;
	case RUMP_F_SETHINT:
		return set_hint(vp, *(uint64_t *)data);
	case RUMP_F_GETPATH:
		return filepath_get(vp, data, RUMP_PATHMAX);
	default:
		return EINVAL;
	}
}

int
vn_fcntl(struct file *fp, unsigned cmd, void *data)
{
	struct file *owner = fp;
	struct rump_flock *fl = data;
	struct vattr va = { .va_size = 0 };
	off_t pos;
	int error = 0;

	if (!lock_command(&cmd, &owner))
		return private_fcntl(fp->f_data, cmd, data);
	if (cmd != F_GETLK)
		error = check_lock_mode(fp, fl);
	if (error == 0 && fl->l_whence == SEEK_END)
		error = VOP_GETATTR(fp->f_data, &va, curlwp->l_cred);
	if (error != 0)
		return error;
	mutex_enter(&fp->f_lock);
	pos = fp->f_offset;
	mutex_exit(&fp->f_lock);
	return lockf_record(fp->f_data, owner, cmd, fl, pos, va.va_size);
}

int
vn_flock(struct file *fp, int how)
{
	return lockf_file(fp->f_data, fp, how);
}

static int
vn_poll(struct file *fp, int events, struct selector *sel)
{
	return VOP_POLL(fp->f_data, events, sel);
}

int
vn_getstat(struct vnode *vp, struct rump_stat *st, kauth_cred_t cred)
{
	const struct idmap *caller = curlwp->l_cred->cr_idmap;
	struct vattr va;
	int error;

	error = VOP_GETATTR(vp, &va, cred);
	if (error != 0)
		return error;
	vattr_to_stat(&va, st);
	st->st_uid = idmap_inside(caller, IDMAP_UID, st->st_uid);
	st->st_gid = idmap_inside(caller, IDMAP_GID, st->st_gid);
	return 0;
}

int
vn_stat(struct file *fp, struct rump_stat *st)
{
	return vn_getstat(fp->f_data, st, curlwp->l_cred);
}

int
vn_closefile(struct file *fp)
{
	struct vnode *vp = fp->f_data;
	int error = 0;

	lockf_close(vp, fp);
	if (vp->v_type == VREG || vp->v_type == VDIR)
		error = VOP_CLOSE(
		    vp, (int)atomic_load(&fp->f_flag), fp->f_cred, fp);
	if ((atomic_load(&fp->f_flag) & FWRITE) != 0)
		error = vn_seenerror(fp, error);
	if (error != 0 && error != ERESTART &&
	    (curlwp->l_flag & LW_UNHEARD) != 0)
		vn_sayerror(vp, error);
	vrele(vp);
	return error;
}

void
vn_fdclose(struct file *fp)
{
	if ((atomic_load(&fp->f_flag) & RUMP_O_NAME) == 0)
		lockf_fdclose(fp->f_data);
}

int
vn_pathconf(struct vnode *vp, int name, register_t *retval)
{
	register_t value = 0;
	int error;

	error = VOP_PATHCONF(vp, name, &value);
	if (error != EINVAL && error != EOPNOTSUPP) {
		if (error == 0)
			*retval = value;
		return error;
	}
	switch (name) {
	case _PC_LINK_MAX:
		value = LINK_MAX;
		break;
	case _PC_NAME_MAX:
		value = 255;
		break;
	case _PC_PATH_MAX:
		value = PATH_MAX;
		break;
	case _PC_PIPE_BUF:
		value = PIPE_BUF;
		break;
	case _PC_CHOWN_RESTRICTED:
	case _PC_NO_TRUNC:
	case _PC_SYNC_IO:
	case _PC_2_SYMLINKS:
		value = 1;
		break;
	case _PC_FILESIZEBITS:
		value = 64;
		break;
	case _PC_SYMLINK_MAX:
		value = MAXPATHLEN - 1;
		break;
	default:
		return EINVAL;
	}
	*retval = value;
	return 0;
}

int
vn_fpathconf(struct file *fp, int name, register_t *retval)
{
	return vn_pathconf(fp->f_data, name, retval);
}

const struct fileops vn_fileops = {
	.fo_name = "vnode",
	.fo_traceless = vn_traceless,
	.fo_read = vn_read,
	.fo_write = vn_write,
	.fo_ioctl = vn_ioctl,
	.fo_fcntl = vn_fcntl,
	.fo_poll = vn_poll,
	.fo_stat = vn_stat,
	.fo_close = vn_closefile,
	.fo_fpathconf = vn_fpathconf,
	.fo_flock = vn_flock,
	.fo_fdclose = vn_fdclose,
};
