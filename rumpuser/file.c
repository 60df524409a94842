/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host files.  Descriptors are hidden from the program as soon as they exist.
 * Transfers at an offset leave the file position alone, so that two of them
 * on one descriptor do not disturb each other.
 */
#include "rump/rumpuser.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rump/rumpdefs.h"
#include "rump/rumpuser_host.h"

#include "rumpuser/cpu.h"
#include "rumpuser/errtrans.h"

static long
host_open(const char *path, int flags)
{
	return rumpuser_host_syscall(SYS_openat, AT_FDCWD, path,
	    flags | O_CLOEXEC | O_NOCTTY, 0644, 0, 0);
}

static long
host_close(int fd)
{
	return rumpuser_host_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
}

/* RUMPUSER_OPEN_* to O_*; false for an access mode that is none. */
static bool
host_open_flags(int flags, int *hostp)
{
	static const int modes[] = {
		[RUMPUSER_OPEN_RDONLY] = O_RDONLY,
		[RUMPUSER_OPEN_WRONLY] = O_WRONLY,
		[RUMPUSER_OPEN_RDWR] = O_RDWR,
	};
	int mode;

	mode = flags & RUMPUSER_OPEN_ACCMODE;
	if (mode == RUMPUSER_OPEN_ACCMODE)
		return false;
	*hostp = modes[mode] |
		 ((flags & RUMPUSER_OPEN_CREATE) != 0 ? O_CREAT : 0) |
		 ((flags & RUMPUSER_OPEN_EXCL) != 0 ? O_EXCL : 0);
	return true;
}

int
rumpuser_open(const char *path, int flags, int *fd)
{
	long result;
	int hostflags, nlocks;

	if (!host_open_flags(flags, &hostflags))
		return RUMP_EINVAL;
	nlocks = cpu_release(NULL);
	result = host_open(path, hostflags);
	if (result >= 0)
		result = rumpuser_hostops.ho_fd_hide((int)result);
	cpu_acquire(nlocks, NULL);
	if (result < 0)
		return errtrans_result(result);
	*fd = (int)result;
	return 0;
}

int
rumpuser_close(int fd)
{
	int nlocks;

	nlocks = cpu_release(NULL);
	rumpuser_host_syscall(SYS_fsync, fd, 0, 0, 0, 0, 0);
	rumpuser_hostops.ho_fd_close(fd);
	cpu_acquire(nlocks, NULL);
	return 0;
}

/* The size of a device is where its end is. */
static int
device_size(const char *path, uint64_t *size)
{
	long end, fd;

	/* A tape or a line without carrier must not hold us up. */
	fd = host_open(path, O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return errtrans_result(fd);
	end = rumpuser_host_syscall(SYS_lseek, fd, 0, SEEK_END, 0, 0, 0);
	host_close((int)fd);
	if (end < 0)
		return errtrans_result(end);
	if (end == 0) {
		rumpuser_dprintf(
		    "rumpuser: cannot tell the size of %s\n", path);
		return RUMP_EOPNOTSUPP;
	}
	*size = (uint64_t)end;
	return 0;
}

static int
file_type(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return RUMPUSER_FT_DIR;
	case S_IFREG:
		return RUMPUSER_FT_REG;
	case S_IFBLK:
		return RUMPUSER_FT_BLK;
	case S_IFCHR:
		return RUMPUSER_FT_CHR;
	default:
		return RUMPUSER_FT_OTHER;
	}
}

int
rumpuser_getfileinfo(const char *path, uint64_t *size, int *type)
{
	struct stat st;
	uint64_t bytes;
	long result;
	int error;

	result =
	    rumpuser_host_syscall(SYS_newfstatat, AT_FDCWD, path, &st, 0, 0, 0);
	if (result < 0)
		return errtrans_result(result);
	bytes = (uint64_t)st.st_size;
	if (size != NULL && (S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode))) {
		error = device_size(path, &bytes);
		if (error != 0)
			return error;
	}
	if (size != NULL)
		*size = bytes;
	if (type != NULL)
		*type = file_type(st.st_mode);
	return 0;
}

/* One transfer without a CPU: at off with pnr, at the position with nr. */
static int
transfer(long nr, long pnr, int fd, const struct rumpuser_iovec *iov, size_t n,
    int64_t off, size_t *done)
{
	long result;
	int nlocks;

	nlocks = cpu_release(NULL);
	if (off == RUMPUSER_IOV_NOSEEK)
		result = rumpuser_host_syscall(nr, fd, iov, n, 0, 0, 0);
	else
		result = rumpuser_host_syscall(pnr, fd, iov, n, off, 0, 0);
	cpu_acquire(nlocks, NULL);
	if (result < 0)
		return errtrans_result(result);
	*done = (size_t)result;
	return 0;
}

int
rumpuser_iovread(
    int fd, struct rumpuser_iovec *iov, size_t n, int64_t off, size_t *got)
{
	return transfer(SYS_readv, SYS_preadv, fd, iov, n, off, got);
}

int
rumpuser_iovwrite(int fd, const struct rumpuser_iovec *iov, size_t n,
    int64_t off, size_t *put)
{
	return transfer(SYS_writev, SYS_pwritev, fd, iov, n, off, put);
}

int
rumpuser_syncfd(int fd, int flags, uint64_t start, uint64_t len)
{
	if ((flags & (RUMPUSER_SYNCFD_READ | RUMPUSER_SYNCFD_WRITE)) == 0)
		return RUMP_EINVAL;
	if ((flags & RUMPUSER_SYNCFD_WRITE) == 0)
		return 0;
	return errtrans_result(
	    rumpuser_host_syscall(SYS_fsync, fd, 0, 0, 0, 0, 0));
}
