/* SPDX-License-Identifier: BSD-2-Clause */
/* read(2) and its kin, ioctl(2), fstat(2): calls that move data by file. */
#include "kern/copy.h"
#include "kern/file.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "kern/signal.h"
#include "kern/uio.h"
#include "syscall_table/sysprotos.h"

#define FEW 8 /* vectors on the stack */

/* The size, and the directions, that an ioctl command encodes. */
#define IOC_VOID 0x20000000UL
#define IOC_OUT 0x40000000UL
#define IOC_IN 0x80000000UL
#define IOCPARM_LEN(cmd) ((cmd) >> 16 & 0x1fff)
#define IOCPARM_STACK 128

/* An error after data have moved: the data count. */
static int
forgive(int error, bool moved)
{
	if (moved &&
	    (error == ERESTART || error == EINTR || error == EWOULDBLOCK))
		return 0;
	return error;
}

static int
fileio(struct file *fp, struct uio *uio, register_t *retval)
{
	size_t len = uio->uio_resid;
	int error = EOPNOTSUPP;

	if (uio->uio_rw == UIO_READ && fp->f_ops->fo_read != NULL)
		error = fp->f_ops->fo_read(
		    fp, &fp->f_offset, uio, fp->f_cred, FOF_UPDATE_OFFSET);
	else if (uio->uio_rw == UIO_WRITE && fp->f_ops->fo_write != NULL)
		error = fp->f_ops->fo_write(
		    fp, &fp->f_offset, uio, fp->f_cred, FOF_UPDATE_OFFSET);
	error = forgive(error, uio->uio_resid != len);
	if (error == 0)
		*retval = len - uio->uio_resid;
	/* Sockets have rules of their own. */
	if (error == EPIPE && fp->f_type != DTYPE_SOCKET &&
	    (atomic_load(&fp->f_flag) & O_NOSIGPIPE) == 0)
		proc_signal(SIGPIPE);
	return error;
}

/* The file behind fd if it is open for the direction; NULL: EBADF. */
static struct file *
getfile_for(int fd, enum uio_rw rw)
{
	uint32_t need = rw == UIO_READ ? FREAD : FWRITE;
	struct file *fp = fd_getfile(fd);

	if (fp != NULL &&
	    (atomic_load_explicit(&fp->f_flag, memory_order_relaxed) & need) ==
		0) {
		fd_putfile(fp);
		return NULL;
	}
	return fp;
}

static int
rw_buffer(int fd, void *buf, size_t len, enum uio_rw rw, register_t *retval)
{
	struct rump_iovec iov;
	struct file *fp;
	struct uio uio;
	int error;

	fp = getfile_for(fd, rw);
	if (fp == NULL)
		return EBADF;
	if (len > INT64_MAX) {
		error = EINVAL;
	} else {
		uio_init(&uio, &iov, buf, len, 0, rw, UIO_USERSPACE);
		error = fileio(fp, &uio, retval);
	}
	fd_putfile(fp);
	return error;
}

int
sys_read(struct lwp *l, const struct sys_read_args *uap, register_t *retval)
{
	return rw_buffer(uap->fd, uap->buf, uap->nbyte, UIO_READ, retval);
}

int
sys_write(struct lwp *l, const struct sys_write_args *uap, register_t *retval)
{
	return rw_buffer(uap->fd, (void *)(uintptr_t)uap->buf, uap->nbyte,
	    UIO_WRITE, retval);
}

int
iovec_copyin(
    const struct rump_iovec *uiov, int n, struct rump_iovec *iov, size_t *lenp)
{
	size_t len = 0;
	int error;

	error = copyin(uiov, iov, n * sizeof(*iov));
	if (error != 0)
		return error;
	for (int i = 0; i < n; i++)
		if (__builtin_add_overflow(len, iov[i].iov_len, &len) ||
		    len > INT64_MAX)
			return EINVAL;
	*lenp = len;
	return 0;
}

static int
vector_io(struct file *fp, const struct rump_iovec *uiov, int n, enum uio_rw rw,
    register_t *retval)
{
	struct rump_iovec few[FEW], *iov = few;
	struct uio uio = {
		.uio_iovcnt = n, .uio_rw = rw, .uio_seg = UIO_USERSPACE
	};
	int error;

	if (n <= 0 || n > IOV_MAX)
		return EINVAL;
	if (n > FEW)
		iov = kmem_alloc(n * sizeof(*iov), KM_SLEEP);
	uio.uio_iov = iov;
	error = iovec_copyin(uiov, n, iov, &uio.uio_resid);
	if (error == 0)
		error = fileio(fp, &uio, retval);
	if (iov != few)
		kmem_free(iov, n * sizeof(*iov));
	return error;
}

static int
rw_vector(int fd, const struct rump_iovec *uiov, int n, enum uio_rw rw,
    register_t *retval)
{
	struct file *fp;
	int error;

	fp = getfile_for(fd, rw);
	if (fp == NULL)
		return EBADF;
	error = vector_io(fp, uiov, n, rw, retval);
	fd_putfile(fp);
	return error;
}

int
sys_readv(struct lwp *l, const struct sys_readv_args *uap, register_t *retval)
{
	return rw_vector(uap->fd, uap->iovp, uap->iovcnt, UIO_READ, retval);
}

int
sys_writev(struct lwp *l, const struct sys_writev_args *uap, register_t *retval)
{
	return rw_vector(uap->fd, uap->iovp, uap->iovcnt, UIO_WRITE, retval);
}

int
file_ioctl(struct file *fp, unsigned long cmd, void *data)
{
	int error = ENOTTY;

	if (fp->f_ops->fo_ioctl != NULL)
		error = fp->f_ops->fo_ioctl(fp, cmd, data);
	return error == EPASSTHROUGH ? ENOTTY : error;
}

/* Returns what the flag was. */
static bool
flag_switch(struct file *fp, uint32_t flag, bool on)
{
	uint32_t old;

	if (on)
		old = atomic_fetch_or(&fp->f_flag, flag);
	else
		old = atomic_fetch_and(&fp->f_flag, ~flag);
	return (old & flag) != 0;
}

/*
 * O_NONBLOCK and O_ASYNC live in f_flag and are told to the object.  Whoever
 * has nothing to do about it says ENOTTY or EOPNOTSUPP, which is fine.
 */
int
file_setflag(struct file *fp, uint32_t flag, bool on)
{
	int error, value = on;

	if (flag_switch(fp, flag, on) == on)
		return 0;
	error = file_ioctl(fp, flag == O_NONBLOCK ? FIONBIO : FIOASYNC, &value);
	if (error == 0 || error == ENOTTY || error == EOPNOTSUPP)
		return 0;
	(void)flag_switch(fp, flag, !on);
	return error;
}

/* With the argument in the kernel. */
static int
ioctl_data(struct file *fp, unsigned long cmd, void *data)
{
	switch (cmd) {
	case FIONBIO:
		return file_setflag(fp, O_NONBLOCK, *(int *)data != 0);
	case FIOASYNC:
		return file_setflag(fp, O_ASYNC, *(int *)data != 0);
	default:
		return file_ioctl(fp, cmd, data);
	}
}

static int
ioctl_moved(struct file *fp, unsigned long cmd, void *udata, void *data)
{
	size_t size = IOCPARM_LEN(cmd);
	int error = 0;

	if ((cmd & IOC_IN) != 0)
		error = copyin(udata, data, size);
	if (error == 0)
		error = ioctl_data(fp, cmd, data);
	if (error == 0 && (cmd & IOC_OUT) != 0)
		error = copyout(data, udata, size);
	return error;
}

static int
ioctl_sized(struct file *fp, unsigned long cmd, void *udata)
{
	uint64_t few[IOCPARM_STACK / sizeof(uint64_t)] = { 0 };
	size_t size = IOCPARM_LEN(cmd);
	void *data = few;
	int error;

	if ((cmd & (IOC_IN | IOC_OUT)) == 0 || size == 0) {
		/* The argument, if it has one, is the value itself. */
		few[0] = (uintptr_t)udata;
		return file_ioctl(fp, cmd, data);
	}
	if (size > sizeof(few)) {
		data = kmem_zalloc(size, KM_NOSLEEP);
		if (data == NULL)
			return ENOMEM;
	}
	error = ioctl_moved(fp, cmd, udata, data);
	if (data != few)
		kmem_free(data, size);
	return error;
}

int
sys_ioctl(struct lwp *l, const struct sys_ioctl_args *uap, register_t *retval)
{
	/* The kernel reads 32 bits of the command: an int that a caller sign
	 * extended means the same. */
	unsigned long cmd = (uint32_t)uap->com;
	struct file *fp;
	int error;

	if (cmd == FIOCLEX || cmd == FIONCLEX)
		return fd_setcloexec(uap->fd, cmd == FIOCLEX);
	fp = fd_getfile(uap->fd);
	if (fp == NULL)
		return EBADF;
	error = ioctl_sized(fp, cmd, uap->data);
	fd_putfile(fp);
	return error;
}

int
sys_fstat(struct lwp *l, const struct sys_fstat_args *uap, register_t *retval)
{
	struct rump_stat st = { 0 };
	struct file *fp;
	int error = EOPNOTSUPP;

	fp = fd_getfile(uap->fd);
	if (fp == NULL)
		return EBADF;
	if (fp->f_ops->fo_stat != NULL)
		error = fp->f_ops->fo_stat(fp, &st);
	fd_putfile(fp);
	return error != 0 ? error : copyout(&st, uap->sb, sizeof(st));
}
