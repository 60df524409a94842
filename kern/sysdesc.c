/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls about descriptors: close(2), dup(2), fcntl(2) and what else asks a
 * file about itself. */
#include "kern/copy.h"
#include "kern/file.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "rump/rumpdefs.h"
#include "syscall_table/sysprotos.h"

/* What F_SETFL may change. */
#define SETTABLE                                                               \
	(O_APPEND | O_ASYNC | O_NONBLOCK | O_SYNC | O_DSYNC | O_RSYNC |        \
	    O_ALT_IO | O_DIRECT | O_NOSIGPIPE | RUMP_O_NOATIME)
#define FSCTL_LEN(cmd) ((unsigned)(cmd) >> 16 & F_PARAM_MASK)

int
sys_close(struct lwp *l, const struct sys_close_args *uap, register_t *retval)
{
	int error = fd_close(uap->fd);

	/* The descriptor is gone: nothing is left to be restarted. */
	return error == ERESTART ? EINTR : error;
}

/* A duplicate of fd, the lowest >= min. */
static int
duplicate(int fd, int min, bool cloexec, register_t *retval)
{
	struct file *fp = fd_getfile(fd);
	int error, newfd;

	if (fp == NULL)
		return EBADF;
	error = fd_dup(fp, min, &newfd, cloexec);
	fd_putfile(fp);
	if (error == 0)
		*retval = newfd;
	return error;
}

/* Make to a duplicate of from.  flags, O_*, concern the file but O_CLOEXEC. */
static int
duplicate_to(int from, int to, int flags, register_t *retval)
{
	struct file *fp = fd_getfile(from);
	int error = 0;

	if (fp == NULL)
		return EBADF;
	if ((flags & O_NOSIGPIPE) != 0)
		atomic_fetch_or(&fp->f_flag, O_NOSIGPIPE);
	if ((flags & O_NONBLOCK) != 0)
		error = file_setflag(fp, O_NONBLOCK, true);
	if (error == 0 && from != to)
		error = fd_dup2(fp, to, (flags & O_CLOEXEC) != 0);
	fd_putfile(fp);
	if (error == 0)
		*retval = to;
	return error;
}

int
sys_dup(struct lwp *l, const struct sys_dup_args *uap, register_t *retval)
{
	return duplicate(uap->fd, 0, false, retval);
}

int
sys_dup2(struct lwp *l, const struct sys_dup2_args *uap, register_t *retval)
{
	return duplicate_to(uap->from, uap->to, 0, retval);
}

static int
set_flags(struct file *fp, uint32_t want)
{
	uint32_t keep = SETTABLE & ~(uint32_t)(O_NONBLOCK | O_ASYNC);
	uint32_t old = atomic_load(&fp->f_flag);
	int error = 0;

	if ((want & ~old & RUMP_O_NOATIME) != 0 &&
	    fp->f_ops->fo_traceless != NULL)
		error = fp->f_ops->fo_traceless(fp);
	if (error != 0)
		return error;
	while (!atomic_compare_exchange_weak(
	    &fp->f_flag, &old, (old & ~keep) | (want & keep)))
		continue;
	error = file_setflag(fp, O_NONBLOCK, (want & O_NONBLOCK) != 0);
	if (error == 0)
		error = file_setflag(fp, O_ASYNC, (want & O_ASYNC) != 0);
	return error;
}

int
sys_dup3(struct lwp *l, const struct sys_dup3_args *uap, register_t *retval)
{
	if ((uap->flags & ~(O_CLOEXEC | O_NONBLOCK | O_NOSIGPIPE)) != 0)
		return EINVAL;
	return duplicate_to(uap->from, uap->to, uap->flags, retval);
}

static int
object_fcntl(struct file *fp, unsigned cmd, void *data)
{
	return fp->f_ops->fo_fcntl == NULL ? EOPNOTSUPP
					   : fp->f_ops->fo_fcntl(fp, cmd, data);
}

static int
lock_fcntl(struct file *fp, unsigned cmd, void *arg)
{
	struct rump_flock fl;
	int error;

	error = copyin(arg, &fl, sizeof(fl));
	if (error == 0)
		error = object_fcntl(fp, cmd, &fl);
	if (error == 0 && cmd == F_GETLK)
		error = copyout(&fl, arg, sizeof(fl));
	return error;
}

/* A command whose argument's size and directions are encoded in it. */
static int
fsctl_fcntl(struct file *fp, unsigned cmd, void *arg)
{
	size_t size = MAX(FSCTL_LEN(cmd), sizeof(void *));
	void *data;
	int error = 0;

	data = kmem_zalloc(size, KM_NOSLEEP);
	if (data == NULL)
		return ENOMEM;
	if ((cmd & F_FSIN) != 0)
		error = copyin(arg, data, FSCTL_LEN(cmd));
	else if ((cmd & F_FSVOID) != 0)
		memcpy(data, &arg, sizeof(arg));
	if (error == 0)
		error = object_fcntl(fp, cmd, data);
	if (error == 0 && (cmd & F_FSOUT) != 0)
		error = copyout(data, arg, FSCTL_LEN(cmd));
	kmem_free(data, size);
	return error;
}

/* Who opened a file only to search it can do neither, too. */
static int
open_flags(uint32_t fflags)
{
	if ((fflags & (FREAD | FWRITE)) != 0)
		return OFLAGS((int)fflags);
	return (int)fflags |
	       ((fflags & RUMP_O_NEITHER) != 0 ? O_RDWR : O_RDONLY);
}

static int
get_owner(struct file *fp, void *arg)
{
	struct rump_fileowner owner;

	mutex_enter(&fp->f_lock);
	owner = fp->f_owner;
	mutex_exit(&fp->f_lock);
	return copyout(&owner, arg, sizeof(owner));
}

static int
set_owner(struct file *fp, const void *arg)
{
	struct rump_fileowner owner;
	int error = copyin(arg, &owner, sizeof(owner));

	if (error != 0)
		return error;
	mutex_enter(&fp->f_lock);
	if (owner.fo_type >= 0) {
		fp->f_owner.fo_type = owner.fo_type;
		fp->f_owner.fo_pid = owner.fo_pid;
	}
	if (owner.fo_signal >= 0)
		fp->f_owner.fo_signal = owner.fo_signal;
	mutex_exit(&fp->f_lock);
	return 0;
}

static int
file_fcntl(struct file *fp, unsigned cmd, void *arg, register_t *retval)
{
	switch (cmd) {
	case F_GETFL:
		*retval = open_flags(atomic_load(&fp->f_flag));
		return 0;
	case F_SETFL:
		return set_flags(fp, (uintptr_t)arg);
	case F_GETNOSIGPIPE:
		*retval = (atomic_load(&fp->f_flag) & O_NOSIGPIPE) != 0;
		return 0;
	case F_SETNOSIGPIPE:
		if (arg != NULL)
			atomic_fetch_or(&fp->f_flag, O_NOSIGPIPE);
		else
			atomic_fetch_and(&fp->f_flag, ~(uint32_t)O_NOSIGPIPE);
		return 0;
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
		return lock_fcntl(fp, cmd, arg);
	case RUMP_F_GETOWNER:
		return get_owner(fp, arg);
	case RUMP_F_SETOWNER:
		return set_owner(fp, arg);
	default:
		return (cmd & F_FSCTL) != 0 ? fsctl_fcntl(fp, cmd, arg)
					    : EINVAL;
	}
}

/* Commands on the descriptor rather than the file. */
static int
desc_fcntl(int fd, unsigned cmd, void *arg, register_t *retval)
{
	int value = (int)(intptr_t)arg;
	bool cloexec = false;
	int error;

	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		return duplicate(fd, value, cmd == F_DUPFD_CLOEXEC, retval);
	case F_GETFD:
		error = fd_getcloexec(fd, &cloexec);
		if (error == 0)
			*retval = cloexec ? FD_CLOEXEC : 0;
		return error;
	case F_SETFD:
		return fd_setcloexec(fd, (value & FD_CLOEXEC) != 0);
	case F_CLOSEM:
		if (fd < 0)
			return EBADF;
		fd_closefrom(fd);
		return 0;
	case F_MAXFD:
		*retval = fd_highest();
		return 0;
	default:
		return EPASSTHROUGH;
	}
}

int
sys_fcntl(struct lwp *l, const struct sys_fcntl_args *uap, register_t *retval)
{
	struct file *fp;
	int error;

	error = desc_fcntl(uap->fd, uap->cmd, uap->arg, retval);
	if (error != EPASSTHROUGH)
		return error;
	fp = fd_getfile(uap->fd);
	if (fp == NULL)
		return EBADF;
	error = file_fcntl(fp, uap->cmd, uap->arg, retval);
	fd_putfile(fp);
	return error;
}

int
sys_flock(struct lwp *l, const struct sys_flock_args *uap, register_t *retval)
{
	int error = EOPNOTSUPP, how = uap->how & ~LOCK_NB;
	struct file *fp;

	if (how != LOCK_SH && how != LOCK_EX && how != LOCK_UN)
		return EINVAL;
	fp = fd_getfile(uap->fd);
	if (fp == NULL)
		return EBADF;
	if (fp->f_ops->fo_flock != NULL)
		error = fp->f_ops->fo_flock(fp, uap->how);
	fd_putfile(fp);
	return error;
}

int
sys_fpathconf(
    struct lwp *l, const struct sys_fpathconf_args *uap, register_t *retval)
{
	struct file *fp;
	int error = EINVAL;

	fp = fd_getfile(uap->fd);
	if (fp == NULL)
		return EBADF;
	if (fp->f_ops->fo_fpathconf != NULL)
		error = fp->f_ops->fo_fpathconf(fp, uap->name, retval);
	fd_putfile(fp);
	return error;
}

/* Advice is checked and then ignored.  The error is the result. */
int
sys_posix_fadvise(
    struct lwp *l, const struct sys_posix_fadvise_args *uap, register_t *retval)
{
	struct file *fp;

	fp = fd_getfile(uap->fd);
	if (fp == NULL)
		*retval = EBADF;
	else if (fp->f_type == DTYPE_PIPE)
		*retval = ESPIPE;
	else if (fp->f_type != DTYPE_VNODE)
		*retval = ENODEV;
	else if (uap->advice < POSIX_FADV_NORMAL ||
		 uap->advice > POSIX_FADV_NOREUSE || uap->len < 0)
		*retval = EINVAL;
	if (fp != NULL)
		fd_putfile(fp);
	return 0;
}
