/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading, writing, positions and sizes.  Buffers and I/O vectors have the same
 * form on both systems and are handed to the kernel as they are.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "preload/abi/errno.h"
#include "preload/abi/stat.h"
#include "preload/descriptor.h"
#include "preload/dirs.h"
#include "preload/fifostat.h"
#include "preload/fsize.h"
#include "preload/mappings.h"
#include "preload/memory.h"
#include "preload/partial.h"
#include "preload/pool.h"
#include "preload/route.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "syscall_table/linux_routes.h"

#define SOCKET_BLOCK 4096 /* of the file system that sockets seem to be on */

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

/*
 * A transfer that is shorter than asked for because the rest of the buffer is a
 * mapped rump file that was not there yet: go on behind it.
 */
static long
complete(struct call *c, struct rfile *rf, int num, long done)
{
	bool at = num == RUMP_SYS_pread || num == RUMP_SYS_pwrite;
	bool write = num == RUMP_SYS_read || num == RUMP_SYS_pread;
	long len = c->arg[2], more = 1;

	if (mappings_n == 0 || rf->rf_kind != RF_FILE)
		return done;
	while (done > 0 && done < len && more > 0 &&
	       memory_present((uintptr_t)(c->arg[1] + done),
		   (size_t)(len - done), write)) {
		more = fd_call(c, rf, num, c->arg[1] + done, len - done, 0,
		    at ? c->arg[3] + done : 0);
		done += more > 0 ? more : 0;
	}
	return done;
}

static long
buffer(struct call *c, struct rfile *rf, int num, int64_t at)
{
	const struct partial pa = { rf, num, at };
	uint64_t len = (uint64_t)c->arg[2];
	bool possible = partial_possible((uint64_t)c->arg[1], len);
	int64_t end;
	long done;

	if (at < 0)
		return -EINVAL;
	if (!possible && rf->rf_kind != RF_FILE)
		return -EFAULT;
	/* Whether the descriptor is good comes first. */
	if (!possible)
		len = 0;
	if (len > PARTIAL_MOST)
		len = PARTIAL_MOST;
	if (len != 0 && __builtin_add_overflow(at, (int64_t)len, &end))
		return -EINVAL;
	done = fd_call(c, rf, num, c->arg[1], (int64_t)len, 0, at);
	if (!possible)
		return done < 0 ? done : -EFAULT;
	if (done == -EFAULT && rf->rf_kind == RF_FILE)
		done = partial_buffer(c, &pa, (uint64_t)c->arg[1], len);
	return complete(c, rf, num, fd_sigpipe(rf, done));
}

#define BUFFER_ROUTE(name, number, offset)                                     \
	static long name##_rump(struct call *c, struct rfile *rf)              \
	{                                                                      \
		return buffer(c, rf, RUMP_SYS_##number, offset);               \
	}                                                                      \
	static long name##_run(struct call *c)                                 \
	{                                                                      \
		return fd_run_data(c, name##_rump);                            \
	}                                                                      \
	ROUTE(name, name##_run)

BUFFER_ROUTE(read, read, 0)
BUFFER_ROUTE(write, write, 0)
BUFFER_ROUTE(pread64, pread, c->arg[3])
BUFFER_ROUTE(pwrite64, pwrite, c->arg[3])
IO_ROUTE(ftruncate, ftruncate, 0, c->arg[1], 0, 0)
IO_ROUTE(fsync, fsync, 0, 0, 0, 0)
IO_ROUTE(fdatasync, fdatasync, 0, 0, 0, 0)
IO_ROUTE(syncfs, sync, 0, 0, 0, 0)

/* What vectors hold that are partly bad. */
static long
rest_of(struct call *c, struct rfile *rf, int num, int64_t at, long done)
{
	const struct partial pa = { rf, num, at };

	if (done == -EFAULT && rf->rf_kind == RF_FILE)
		done = partial_vector(
		    c, &pa, (uint64_t)c->arg[1], (unsigned)c->arg[2]);
	return done;
}

/* Vectors without a byte do not reach a socket, where an empty write is a
 * message. */
static bool
vector_is_empty(const struct call *c)
{
	const struct iovec *iov = (const struct iovec *)c->arg[1];
	struct iovec one;
	int i, count = (int)c->arg[2];

	for (i = 0; i < count; i++)
		if (usercopy_in(&one, iov + i, sizeof(one)) != 0 ||
		    one.iov_len != 0)
			return false;
	return count >= 0;
}

/* NetBSD wants at least one element. */
static long
vector(struct call *c, struct rfile *rf, int plain)
{
	bool read = plain == RUMP_SYS_read;
	long done;

	if (rf->rf_kind == RF_SOCKET && vector_is_empty(c))
		return 0;
	if ((int)c->arg[2] == 0)
		return fd_call(c, rf, plain, 0, 0, 0, 0);
	done = fd_call(c, rf, read ? RUMP_SYS_readv : RUMP_SYS_writev,
	    c->arg[1], c->arg[2], 0, 0);
	done = rest_of(c, rf, plain, 0, done);
	return read ? done : fd_sigpipe(rf, done);
}

static long
vector_at(struct call *c, struct rfile *rf, int plain)
{
	bool read = plain == RUMP_SYS_read;
	long done;

	if (c->arg[3] < 0)
		return -EINVAL;
	if ((int)c->arg[2] == 0)
		return fd_call(c, rf, read ? RUMP_SYS_pread : RUMP_SYS_pwrite,
		    0, 0, 0, c->arg[3]);
	done = fd_call(c, rf, read ? RUMP_SYS_preadv : RUMP_SYS_pwritev,
	    c->arg[1], c->arg[2], 0, c->arg[3]);
	return rest_of(
	    c, rf, read ? RUMP_SYS_pread : RUMP_SYS_pwrite, c->arg[3], done);
}

#define RWF_KNOWN (RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_APPEND)

/* To the end of the file as it is now; others' writes may come between. */
static long
append_vector(struct call *c, struct rfile *rf)
{
	struct rump_stat st;
	long result = fd_call(c, rf, RUMP_SYS_fstat, (int64_t)&st, 0, 0, 0);
	long end;

	if (result < 0)
		return result;
	result = fd_call(
	    c, rf, RUMP_SYS_pwritev, c->arg[1], c->arg[2], 0, st.st_size);
	end = st.st_size + result;
	if (result > 0 && c->arg[3] == -1)
		(void)fd_call(c, rf, RUMP_SYS_lseek, 0, end, RUMP_SEEK_SET, 0);
	return result;
}

/* Position -1: the file's own.  RWF_HIPRI is a matter of speed. */
static long
vector2(struct call *c, struct rfile *rf, int plain)
{
	bool write = plain == RUMP_SYS_write, file = rf->rf_kind == RF_FILE;
	long flags = (int)c->arg[5], result, error;

	if (!file && c->arg[3] != -1)
		return vector_at(c, rf, plain);
	if ((flags & ~(long)RWF_KNOWN) != 0) {
		route_note(c, "these RWF_ flags");
		return -EOPNOTSUPP;
	}
	/* What is read is not written, and a socket has no end to append to. */
	if (!write || !file)
		flags = 0;
	if ((flags & RWF_APPEND) != 0 && (int)c->arg[2] != 0)
		result = append_vector(c, rf);
	else
		result = c->arg[3] == -1 ? vector(c, rf, plain)
					 : vector_at(c, rf, plain);
	if (result <= 0 || (flags & (RWF_SYNC | RWF_DSYNC)) == 0)
		return result;
	error = fd_call(c, rf,
	    (flags & RWF_SYNC) != 0 ? RUMP_SYS_fsync : RUMP_SYS_fdatasync, 0, 0,
	    0, 0);
	/* What was written stays written, also when a signal comes. */
	return error == 0 || error == CALL_RESTART ? result : error;
}

#define VECTOR_ROUTE(name, fn, plain)                                          \
	static long name##_rump(struct call *c, struct rfile *rf)              \
	{                                                                      \
		return fn(c, rf, plain);                                       \
	}                                                                      \
	static long name##_run(struct call *c)                                 \
	{                                                                      \
		return fd_run_data(c, name##_rump);                            \
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
	long result = fd_call(c, rf, RUMP_SYS_lseek, 0, off, whence, 0);

	return result == -EOVERFLOW ? -EINVAL : result;
}

/* Where the file system knows no holes: data until the end of file, and one
 * hole there. */
static long
seek_end(struct call *c, struct rfile *rf, int64_t off, int whence)
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
seek_data(struct call *c, struct rfile *rf, int64_t off, int whence)
{
	unsigned long cmd =
	    whence == SEEK_DATA ? RUMP_FIOSEEKDATA : RUMP_FIOSEEKHOLE;
	int64_t at = off;
	long result =
	    fd_call(c, rf, RUMP_SYS_ioctl, (int64_t)cmd, (int64_t)&at, 0, 0);

	if (result == -ENOTTY)
		return seek_end(c, rf, off, whence);
	return result < 0 ? result : rump_seek(c, rf, at, RUMP_SEEK_SET);
}

static long
lseek_rump(struct call *c, struct rfile *rf)
{
	int whence = (int)c->arg[2];

	if (dirs_is_directory(c, rf))
		return dirs_seek(c, rf, c->arg[1], whence);
	if (whence == SEEK_DATA || whence == SEEK_HOLE)
		return rf->rf_kind == RF_SOCKET
			   ? -ESPIPE
			   : seek_data(c, rf, c->arg[1], whence);
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
	long result = fd_run(c, false, fstat_rump);

	return result == CALL_TO_HOST ? route_to_host(c, fifostat_after)
				      : result;
}
ROUTE(fstat, fstat_run)

static long
fstatfs_rump(struct call *c, struct rfile *rf)
{
	struct rump_statvfs sv;
	struct statfs sf = { .f_type = SOCKFS_MAGIC,
		.f_bsize = SOCKET_BLOCK,
		.f_frsize = SOCKET_BLOCK,
		.f_namelen = NAME_MAX };
	long result;

	if (rf->rf_kind != RF_SOCKET) {
		result = fd_call(c, rf, RUMP_SYS_fstatvfs1, (int64_t)&sv,
		    RUMP_ST_WAIT, 0, 0);
		if (result < 0)
			return result;
		abi_statfs(&sv, &sf);
	}
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

	if (c->arg[3] < 0 || c->arg[3] > POSIX_FADV_NOREUSE || c->arg[2] < 0)
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
	long flags = fd_call(c, rf, RUMP_SYS_fcntl, RUMP_F_GETFL, 0, 0, 0);
	int64_t args[BACKEND_SLOTS] = { rf->rf_fd, 0, c->arg[1], c->arg[2],
		POSIX_FADV_WILLNEED };

	if (flags < 0)
		return flags;
	if ((flags & RUMP_O_ACCMODE) == RUMP_O_WRONLY)
		return -EBADF;
	if (rf->rf_kind != RF_FILE || dirs_is_directory(c, rf))
		return -EINVAL;
	(void)rump_call(c, RUMP_SYS_posix_fadvise, args, NULL);
	return 0;
}

static long
readahead_run(struct call *c)
{
	return fd_run(c, true, readahead_rump);
}
ROUTE(readahead, readahead_run)

#define RANGE_WAIT (SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER)

/* To start writing is the kernel's own business. */
static long
sync_file_range_rump(struct call *c, struct rfile *rf)
{
	unsigned flags = (unsigned)c->arg[3];
	int64_t end;

	if ((flags & ~(unsigned)(RANGE_WAIT | SYNC_FILE_RANGE_WRITE)) != 0 ||
	    c->arg[1] < 0 || c->arg[2] < 0 ||
	    __builtin_add_overflow(c->arg[1], c->arg[2], &end))
		return -EINVAL;
	if (rf->rf_kind != RF_FILE)
		return -ESPIPE;
	if ((flags & RANGE_WAIT) == 0)
		return 0;
	return fd_call(c, rf, RUMP_SYS_fdatasync, 0, 0, 0, 0);
}

static long
sync_file_range_run(struct call *c)
{
	return fd_run(c, true, sync_file_range_rump);
}
ROUTE(sync_file_range, sync_file_range_run)

/* Space that may lie behind the end, which stays where it is. */
static int
reserve(struct call *c, struct rfile *rf)
{
	struct rump_reserve rr = { c->arg[2], c->arg[3] };
	int64_t args[BACKEND_SLOTS] = { rf->rf_fd, (int64_t)RUMP_FIORESERVE,
		(int64_t)&rr };
	int error = rump_call(c, RUMP_SYS_ioctl, args, NULL);

	return error == ENOTTY ? EOPNOTSUPP : error;
}

static long
fallocate_rump(struct call *c, struct rfile *rf)
{
	int64_t args[BACKEND_SLOTS] = { rf->rf_fd, 0, c->arg[2], c->arg[3] },
		value;
	int error;

	if (c->arg[2] < 0 || c->arg[3] <= 0)
		return -EINVAL;
	if (rf->rf_kind == RF_SOCKET)
		return -ENODEV;
	if ((int)c->arg[1] == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)) {
		error = rump_call(c, RUMP_SYS_fdiscard, args, NULL);
		return route_result(error, 0);
	}
	if ((int)c->arg[1] == FALLOC_FL_KEEP_SIZE)
		return route_result(reserve(c, rf), 0);
	if ((int)c->arg[1] != 0) {
		route_note(c, "this mode of fallocate");
		return -EOPNOTSUPP;
	}
	error = rump_call(c, RUMP_SYS_posix_fallocate, args, &value);
	if (error == 0 && value == RUMP_EFBIG)
		fsize_exceeded();
	return error != 0 ? route_result(error, 0)
			  : -abi_errno_to_linux((int)value);
}

static long
fallocate_run(struct call *c)
{
	return fd_run(c, true, fallocate_rump);
}
ROUTE(fallocate, fallocate_run)

static long
fchmod_rump(struct call *c, struct rfile *rf)
{
	return fd_call(c, rf, RUMP_SYS_fchmod, c->arg[1] & 07777, 0, 0, 0);
}

static long
fchmod_run(struct call *c)
{
	long result = fd_run(c, true, fchmod_rump);

	return result == CALL_TO_HOST
		   ? fifostat_change(c, RUMP_SYS_fchmod, c->arg[1] & 07777, 0)
		   : result;
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
	long result = fd_run(c, true, fchown_rump);

	return result == CALL_TO_HOST
		   ? fifostat_change(c, RUMP_SYS_fchown, c->arg[1], c->arg[2])
		   : result;
}
ROUTE(fchown, fchown_run)
