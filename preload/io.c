/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading, writing, positions and sizes.  Buffers and I/O vectors have the same
 * form on both systems and are handed to the kernel as they are.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "preload/abi/stat.h"
#include "preload/descriptor.h"
#include "preload/dirs.h"
#include "preload/pool.h"
#include "preload/route.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "syscall_table/linux_routes.h"

/* Routes whose arguments are passed as they are, or with a PAD slot. */
#define IO_ROUTE(name, number, a, b, d, e)                                     \
	static long name##_rump(struct call *c, struct rfile *rf)              \
	{                                                                      \
		return fd_call(c, rf, RUMP_SYS_##number, a, b, d, e);          \
	}                                                                      \
	static long name##_run(struct call *c)                                 \
	{                                                                      \
		return fd_run(c, true, name##_rump);                           \
	}                                                                      \
	ROUTE(name, name##_run)

#define WRITE_ROUTE(name, number, a, b)                                        \
	static long name##_rump(struct call *c, struct rfile *rf)              \
	{                                                                      \
		return fd_sigpipe(                                             \
		    fd_call(c, rf, RUMP_SYS_##number, a, b, 0, 0));            \
	}                                                                      \
	static long name##_run(struct call *c)                                 \
	{                                                                      \
		return fd_run(c, true, name##_rump);                           \
	}                                                                      \
	ROUTE(name, name##_run)

IO_ROUTE(read, read, c->arg[1], c->arg[2], 0, 0)
WRITE_ROUTE(write, write, c->arg[1], c->arg[2])
IO_ROUTE(pread64, pread, c->arg[1], c->arg[2], 0, c->arg[3])
IO_ROUTE(pwrite64, pwrite, c->arg[1], c->arg[2], 0, c->arg[3])
IO_ROUTE(ftruncate, ftruncate, 0, c->arg[1], 0, 0)
IO_ROUTE(fsync, fsync, 0, 0, 0, 0)
IO_ROUTE(fdatasync, fdatasync, 0, 0, 0, 0)
IO_ROUTE(syncfs, fsync, 0, 0, 0, 0)

/* NetBSD wants at least one element. */
static long
vector(struct call *c, struct rfile *rf, int plain)
{
	if ((int)c->arg[2] == 0)
		return fd_call(c, rf, plain, 0, 0, 0, 0);
	if (plain == RUMP_SYS_read)
		return fd_call(
		    c, rf, RUMP_SYS_readv, c->arg[1], c->arg[2], 0, 0);
	return fd_sigpipe(
	    fd_call(c, rf, RUMP_SYS_writev, c->arg[1], c->arg[2], 0, 0));
}

static long
vector_at(struct call *c, struct rfile *rf, int plain)
{
	bool read = plain == RUMP_SYS_read;

	if ((int)c->arg[2] == 0)
		return fd_call(c, rf, read ? RUMP_SYS_pread : RUMP_SYS_pwrite,
		    0, 0, 0, c->arg[3]);
	return fd_call(c, rf, read ? RUMP_SYS_preadv : RUMP_SYS_pwritev,
	    c->arg[1], c->arg[2], 0, c->arg[3]);
}

/* Position -1: the file's own.  RWF_HIPRI is a matter of speed. */
static long
vector2(struct call *c, struct rfile *rf, int plain)
{
	if ((c->arg[5] & ~(long)RWF_HIPRI) != 0) {
		route_note(c, "RWF_ flags");
		return -EOPNOTSUPP;
	}
	return c->arg[3] == -1 ? vector(c, rf, plain) : vector_at(c, rf, plain);
}

#define VECTOR_ROUTE(name, fn, plain)                                          \
	static long name##_rump(struct call *c, struct rfile *rf)              \
	{                                                                      \
		return fn(c, rf, plain);                                       \
	}                                                                      \
	static long name##_run(struct call *c)                                 \
	{                                                                      \
		return fd_run(c, true, name##_rump);                           \
	}                                                                      \
	ROUTE(name, name##_run)

VECTOR_ROUTE(readv, vector, RUMP_SYS_read)
VECTOR_ROUTE(writev, vector, RUMP_SYS_write)
VECTOR_ROUTE(preadv, vector_at, RUMP_SYS_read)
VECTOR_ROUTE(pwritev, vector_at, RUMP_SYS_write)
VECTOR_ROUTE(preadv2, vector2, RUMP_SYS_read)
VECTOR_ROUTE(pwritev2, vector2, RUMP_SYS_write)

static long
rump_seek(struct call *c, struct rfile *rf, int64_t off, int whence)
{
	return fd_call(c, rf, RUMP_SYS_lseek, 0, off, whence, 0);
}

/* NetBSD has no holes: data until the end of file, and one hole there. */
static long
seek_data(struct call *c, struct rfile *rf, int64_t off, int whence)
{
	struct rump_stat st;
	long result = fd_call(c, rf, RUMP_SYS_fstat, (int64_t)&st, 0, 0, 0);

	if (result < 0)
		return result;
	if ((st.st_mode & S_IFMT) != S_IFREG)
		return -EINVAL;
	if (off < 0 || off >= st.st_size)
		return -ENXIO;
	return rump_seek(
	    c, rf, whence == SEEK_DATA ? off : st.st_size, RUMP_SEEK_SET);
}

static long
lseek_rump(struct call *c, struct rfile *rf)
{
	int whence = (int)c->arg[2];

	if (dirs_is_directory(c, rf))
		return dirs_seek(c, rf, c->arg[1], whence);
	if (whence == SEEK_DATA || whence == SEEK_HOLE)
		return seek_data(c, rf, c->arg[1], whence);
	if (whence < SEEK_SET || whence > SEEK_END)
		return -EINVAL;
	return rump_seek(c, rf, c->arg[1], whence);
}

static long
lseek_run(struct call *c)
{
	long result = dirs_host_seek(c->arg[0], c->arg[1], (int)c->arg[2]);

	return result != CALL_TO_HOST ? result : fd_run(c, true, lseek_rump);
}
ROUTE(lseek, lseek_run)

static long
fstat_rump(struct call *c, struct rfile *rf)
{
	struct rump_stat nst;
	struct stat st;
	long result;

	if (rf->rf_kind == RF_NAME)
		result = fd_call(c, rf, RUMP_SYS_fstatat, (int64_t)rf->rf_path,
		    (int64_t)&nst, RUMP_AT_SYMLINK_NOFOLLOW, 0);
	else
		result = fd_call(c, rf, RUMP_SYS_fstat, (int64_t)&nst, 0, 0, 0);
	if (result < 0)
		return result;
	abi_stat(&nst, &st);
	return -usercopy_out(&st, (void *)c->arg[1], sizeof(st));
}

static long
fstat_run(struct call *c)
{
	return fd_run(c, false, fstat_rump);
}
ROUTE(fstat, fstat_run)

static long
fstatfs_rump(struct call *c, struct rfile *rf)
{
	struct rump_statvfs sv;
	struct statfs sf;
	long result = fd_call(
	    c, rf, RUMP_SYS_fstatvfs1, (int64_t)&sv, RUMP_ST_WAIT, 0, 0);

	if (result < 0)
		return result;
	abi_statfs(&sv, &sf);
	return -usercopy_out(&sf, (void *)c->arg[1], sizeof(sf));
}

static long
fstatfs_run(struct call *c)
{
	return fd_run(c, false, fstatfs_rump);
}
ROUTE(fstatfs, fstatfs_run)

/* Advice: taken or not, the result is the same. */
static long
fadvise_rump(struct call *c, struct rfile *rf)
{
	int64_t args[BACKEND_SLOTS] = { rf->rf_fd, 0, c->arg[1], c->arg[2],
		c->arg[3] },
		value;

	if (c->arg[3] < 0 || c->arg[3] > POSIX_FADV_NOREUSE)
		return -EINVAL;
	(void)rump_call(c, RUMP_SYS_posix_fadvise, args, &value);
	return 0;
}

static long
fadvise64_run(struct call *c)
{
	return fd_run(c, true, fadvise_rump);
}
ROUTE(fadvise64, fadvise64_run)

static long
readahead_rump(struct call *c, struct rfile *rf)
{
	return 0;
}

static long
readahead_run(struct call *c)
{
	return fd_run(c, true, readahead_rump);
}
ROUTE(readahead, readahead_run)

static long
fchmod_rump(struct call *c, struct rfile *rf)
{
	return fd_call(c, rf, RUMP_SYS_fchmod, c->arg[1] & 07777, 0, 0, 0);
}

static long
fchmod_run(struct call *c)
{
	return fd_run(c, true, fchmod_rump);
}
ROUTE(fchmod, fchmod_run)

static long
fchown_rump(struct call *c, struct rfile *rf)
{
	return fd_call(c, rf, RUMP_SYS_fchown, c->arg[1], c->arg[2], 0, 0);
}

static long
fchown_run(struct call *c)
{
	return fd_run(c, true, fchown_rump);
}
ROUTE(fchown, fchown_run)
