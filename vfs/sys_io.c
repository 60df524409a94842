/* SPDX-License-Identifier: BSD-2-Clause */
/* Data of open files: positioned reads and writes, lseek, getdents, fsync. */
#include "kern/copy.h"
#include "kern/file.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "rump/rump.h"
#include "rump/rumphost.h"
#include "syscall_table/sysprotos.h"
#include "vfs/mount.h"
#include "vfs/syspath.h"
#include "vfs/vnfile.h"
#include "vfs/vop.h"

/* A file to read or write at a position: EBADF, ESPIPE, EINVAL. */
static int
seekable(int fd, uint32_t need, off_t off, struct file **fpp)
{
	struct file *fp = fd_getfile(fd);
	int error = 0;

	if (PREDICT_FALSE(fp == NULL))
		return EBADF;
	if ((atomic_load_explicit(&fp->f_flag, memory_order_relaxed) & need) ==
	    0)
		error = EBADF;
	else if (fp->f_type != DTYPE_VNODE)
		error = ESPIPE;
	else if (off < 0)
		error = EINVAL;
	if (PREDICT_FALSE(error != 0)) {
		fd_putfile(fp);
		return error;
	}
	*fpp = fp;
	return 0;
}

/* Move data at a position; a transfer that did something has succeeded. */
static int
transfer(struct file *fp, struct uio *uio, register_t *retval)
{
	size_t len = uio->uio_resid;
	off_t off = uio->uio_offset;
	int error;

	if (uio->uio_rw == UIO_READ)
		error = fp->f_ops->fo_read(fp, &off, uio, fp->f_cred, 0);
	else
		error = fp->f_ops->fo_write(fp, &off, uio, fp->f_cred, 0);
	if (error != 0 && uio->uio_resid == len)
		return error;
	*retval = (register_t)(len - uio->uio_resid);
	return 0;
}

static int
transfer_buffer(int fd, void *buf, size_t len, off_t off, enum uio_rw rw,
    register_t *retval)
{
	struct rump_iovec iov;
	struct file *fp;
	struct uio uio;
	int error;

	error = seekable(fd, rw == UIO_READ ? FREAD : FWRITE, off, &fp);
	if (PREDICT_FALSE(error != 0))
		return error;
	error = EINVAL;
	if (len <= INT64_MAX) {
		uio_init(&uio, &iov, buf, len, off, rw, UIO_USERSPACE);
		error = transfer(fp, &uio, retval);
	}
	fd_putfile(fp);
	return error;
}

int
sys_pread(struct lwp *l, const struct sys_pread_args *uap, register_t *retval)
{
	return transfer_buffer(
	    uap->fd, uap->buf, uap->nbyte, uap->offset, UIO_READ, retval);
}

int
sys_pwrite(struct lwp *l, const struct sys_pwrite_args *uap, register_t *retval)
{
	return transfer_buffer(uap->fd, (void *)(uintptr_t)uap->buf, uap->nbyte,
	    uap->offset, UIO_WRITE, retval);
}

/* Sum of the lengths: EINVAL when it is no ssize_t. */
static int
iov_total(const struct rump_iovec *iov, size_t n, size_t *total)
{
	*total = 0;
	for (size_t i = 0; i < n; i++) {
		if (__builtin_add_overflow(*total, iov[i].iov_len, total) ||
		    *total > INT64_MAX)
			return EINVAL;
	}
	return 0;
}

static int
transfer_vector(struct file *fp, const struct rump_iovec *uiov, size_t n,
    off_t off, enum uio_rw rw, register_t *retval)
{
	size_t size = n * sizeof(*uiov);
	struct rump_iovec *iov = kmem_alloc(size, KM_SLEEP);
	struct uio uio = {
		.uio_iov = iov,
		.uio_iovcnt = (int)n,
		.uio_offset = off,
		.uio_rw = rw,
		.uio_seg = UIO_USERSPACE,
	};
	int error;

	error = copyin(uiov, iov, size);
	if (error == 0)
		error = iov_total(iov, n, &uio.uio_resid);
	if (error == 0)
		error = transfer(fp, &uio, retval);
	kmem_free(iov, size);
	return error;
}

static int
transfer_iov(int fd, const struct rump_iovec *uiov, int n, off_t off,
    enum uio_rw rw, register_t *retval)
{
	struct file *fp;
	int error;

	error = seekable(fd, rw == UIO_READ ? FREAD : FWRITE, off, &fp);
	if (error != 0)
		return error;
	error = EINVAL;
	if (n > 0 && n <= IOV_MAX)
		error = transfer_vector(fp, uiov, (size_t)n, off, rw, retval);
	fd_putfile(fp);
	return error;
}

int
sys_preadv(struct lwp *l, const struct sys_preadv_args *uap, register_t *retval)
{
	return transfer_iov(
	    uap->fd, uap->iovp, uap->iovcnt, uap->offset, UIO_READ, retval);
}

int
sys_pwritev(
    struct lwp *l, const struct sys_pwritev_args *uap, register_t *retval)
{
	return transfer_iov(
	    uap->fd, uap->iovp, uap->iovcnt, uap->offset, UIO_WRITE, retval);
}

/* Where whence and offset lead; f_lock is held. */
static int
seek_target(struct file *fp, off_t offset, int whence, off_t *target)
    REQUIRES(fp->f_lock)
{
	struct vattr va;
	off_t base = 0;
	int error;

	switch (whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		base = fp->f_offset;
		break;
	case SEEK_END:
		error = VOP_GETATTR(fp->f_data, &va, curlwp->l_cred);
		if (error != 0)
			return error;
		base = va.va_size;
		break;
	default:
		return EINVAL;
	}
	if (__builtin_add_overflow(base, offset, target))
		return EOVERFLOW;
	return *target < 0 ? EINVAL : 0;
}

int
sys_lseek(struct lwp *l, const struct sys_lseek_args *uap, register_t *retval)
{
	struct file *fp = fd_getfile(uap->fd);
	off_t target;
	int error = ESPIPE;

	if (fp == NULL)
		return EBADF;
	if (fp->f_type == DTYPE_VNODE) {
		mutex_enter(&fp->f_lock);
		error = seek_target(fp, uap->offset, uap->whence, &target);
		if (error == 0) {
			fp->f_offset = target;
			*retval = target;
		}
		mutex_exit(&fp->f_lock);
	}
	fd_putfile(fp);
	return error;
}

static int
getdents(struct file *fp, char *buf, size_t count, register_t *retval)
{
	struct vnode *vp = fp->f_data;
	struct rump_iovec iov;
	struct uio uio;
	bool eof;
	int error;

	if ((atomic_load(&fp->f_flag) & FREAD) == 0)
		return EBADF;
	if (vp->v_type != VDIR)
		return EINVAL;
	mutex_enter(&fp->f_lock);
	uio_init(&uio, &iov, buf, count, fp->f_offset, UIO_READ, UIO_USERSPACE);
	uio.uio_unseen = (atomic_load(&fp->f_flag) & RUMP_O_NOATIME) != 0;
	error = VOP_READDIR(vp, &uio, fp->f_cred, &eof, NULL, NULL);
	if (error == 0) {
		fp->f_offset = uio.uio_offset;
		*retval = (register_t)(count - uio.uio_resid);
	}
	mutex_exit(&fp->f_lock);
	return error;
}

int
sys_getdents(
    struct lwp *l, const struct sys_getdents_args *uap, register_t *retval)
{
	struct file *fp;
	int error;

	error = fd_getvnode(uap->fd, &fp);
	if (error != 0)
		return error;
	error = getdents(fp, uap->buf, MIN(uap->count, INT32_MAX), retval);
	fd_putfile(fp);
	return error;
}

static int
sync_range(int fd, int flags, off_t lo, off_t hi)
{
	struct file *fp;
	int error;

	error = fd_getvnode(fd, &fp);
	if (error != 0)
		return error;
	error = vn_fsync(fp, flags, lo, hi);
	fd_putfile(fp);
	return error;
}

int
sys_fsync(struct lwp *l, const struct sys_fsync_args *uap, register_t *retval)
{
	return sync_range(uap->fd, FSYNC_WAIT, 0, 0);
}

int
sys_fdatasync(
    struct lwp *l, const struct sys_fdatasync_args *uap, register_t *retval)
{
	return sync_range(uap->fd, FSYNC_WAIT | FSYNC_DATAONLY, 0, 0);
}

int
sys_fsync_range(
    struct lwp *l, const struct sys_fsync_range_args *uap, register_t *retval)
{
	int flags = FSYNC_WAIT;
	off_t end;

	if ((uap->flags & (FDATASYNC | FFILESYNC)) == 0)
		return EINVAL;
	if (uap->start < 0 || uap->length < 0 ||
	    __builtin_add_overflow(uap->start, uap->length, &end))
		return EINVAL;
	if ((uap->flags & FFILESYNC) == 0)
		flags |= FSYNC_DATAONLY;
	return sync_range(
	    uap->fd, flags, uap->start, uap->length == 0 ? 0 : end);
}

int
sys_sync(struct lwp *l, const struct sys_sync_args *uap, register_t *retval)
{
	(void)mount_sync_all(l->l_cred);
	return 0;
}

int
rump_save_files(void)
{
	int error;

	rump_schedule();
	error = mount_sync_all(curlwp->l_cred);
	rump_unschedule();
	return error;
}

/* [pos, pos + len) of a regular file that can be written to: where is it? */
static int
check_range(struct file *fp, off_t pos, off_t len)
{
	const struct vnode *vp = fp->f_data;

	if (pos < 0 || len <= 0)
		return EINVAL;
	if (len > INT64_MAX - pos)
		return EFBIG;
	if ((atomic_load(&fp->f_flag) & FWRITE) == 0)
		return EBADF;
	return vp->v_type != VREG ? ENODEV : 0;
}

typedef int range_op(struct vnode *vp, off_t pos, off_t len, kauth_cred_t cred);

static int
apply_range(int fd, off_t pos, off_t len, range_op *op)
{
	struct file *fp;
	int error;

	error = fd_getvnode(fd, &fp);
	if (error != 0)
		return error == EINVAL ? ESPIPE : error;
	error = check_range(fp, pos, len);
	if (error == 0)
		error = op(fp->f_data, pos, len, fp->f_cred);
	fd_putfile(fp);
	return error;
}

int
sys_fdiscard(
    struct lwp *l, const struct sys_fdiscard_args *uap, register_t *retval)
{
	return apply_range(uap->fd, uap->pos, uap->len, VOP_FDISCARD);
}

int
sys_posix_fallocate(struct lwp *l, const struct sys_posix_fallocate_args *uap,
    register_t *retval)
{
	*retval = apply_range(uap->fd, uap->pos, uap->len, VOP_FALLOCATE);
	return 0;
}
