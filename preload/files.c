/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls with one path, apart from open(2).  Each becomes NetBSD's *at(2) call;
 * an empty path (AT_EMPTY_PATH) the one on a descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/time.h>
#include <utime.h>

#include "preload/abi/open.h"
#include "preload/abi/stat.h"
#include "preload/abi/time.h"
#include "preload/descriptor.h"
#include "preload/fifostat.h"
#include "preload/pool.h"
#include "preload/procfd.h"
#include "preload/resolve.h"
#include "preload/route.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "syscall_table/linux_routes.h"

/* route_NAME from a path_route; the fields as in resolve.h. */
#define PATH_ROUTE(name, dirfd, path, at, flags, op)                           \
	PATH_ROUTE_AFTER(name, dirfd, path, at, flags, op, NULL)
#define PATH_ROUTE_AFTER(name, dirfd, path, at, flags, op, after)              \
	static const struct path_route name##_path = { dirfd, path, at, flags, \
		op, after };                                                   \
	static long name##_run(struct call *c)                                 \
	{                                                                      \
		return path_run(c, &name##_path);                              \
	}                                                                      \
	ROUTE(name, name##_run)

/* --- attributes -------------------------------------------------------- */

static int
place_stat(struct call *c, const struct place *pl, int at, struct rump_stat *st)
{
	int64_t args[BACKEND_SLOTS] = { pl->pl_dirfd, (int64_t)pl->pl_path,
		(int64_t)st, at };
	int64_t fargs[BACKEND_SLOTS] = { pl->pl_dirfd, (int64_t)st };

	if (pl->pl_path[0] == '\0')
		return rump_call(c, RUMP_SYS_fstat, fargs, NULL);
	if (pl->pl_nofollow)
		args[3] |= RUMP_AT_SYMLINK_NOFOLLOW;
	return rump_call(c, RUMP_SYS_fstatat, args, NULL);
}

static int
stat_out(struct call *c, const struct place *pl, int at, long addr)
{
	struct rump_stat nst;
	struct stat st;
	int error = place_stat(c, pl, at, &nst);

	if (error != 0)
		return error;
	abi_stat(&nst, &st);
	return usercopy_out(&st, (void *)addr, sizeof(st));
}

static int
stat_op(struct call *c, const struct place *pl, int64_t *value)
{
	return stat_out(c, pl, 0, c->arg[1]);
}
PATH_ROUTE_AFTER(stat, -1, 0, -1, 0, stat_op, fifostat_after)

static int
lstat_op(struct call *c, const struct place *pl, int64_t *value)
{
	return stat_out(c, pl, RUMP_AT_SYMLINK_NOFOLLOW, c->arg[1]);
}
PATH_ROUTE(lstat, -1, 0, -1, PLACE_NOFOLLOW, lstat_op)

static int
fstatat_op(struct call *c, const struct place *pl, int64_t *value)
{
	int at, error = abi_at_to_netbsd(ABI_AT_STAT, (int)c->arg[3], &at);

	return error != 0 ? error : stat_out(c, pl, at, c->arg[2]);
}
PATH_ROUTE_AFTER(newfstatat, 0, 1, 3, 0, fstatat_op, fifostat_after)

static int
statx_op(struct call *c, const struct place *pl, int64_t *value)
{
	struct rump_stat nst;
	struct statx stx;
	int at, error = abi_at_to_netbsd(ABI_AT_STAT, (int)c->arg[2], &at);

	if ((c->arg[3] & STATX__RESERVED) != 0 ||
	    (c->arg[2] & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return EINVAL;
	if (error == 0)
		error = place_stat(c, pl, at, &nst);
	if (error != 0)
		return error;
	abi_statx(&nst, &stx);
	return usercopy_out(&stx, (void *)c->arg[4], sizeof(stx));
}
PATH_ROUTE_AFTER(statx, 0, 1, 2, 0, statx_op, fifostat_after)

static int
statfs_op(struct call *c, const struct place *pl, int64_t *value)
{
	struct rump_statvfs sv;
	struct statfs sf;
	int64_t args[BACKEND_SLOTS] = { (int64_t)pl->pl_path, (int64_t)&sv,
		RUMP_ST_WAIT };
	int64_t fargs[BACKEND_SLOTS] = { pl->pl_dirfd, (int64_t)&sv,
		RUMP_ST_WAIT };
	int error;

	if (pl->pl_path[0] == '\0')
		error = rump_call(c, RUMP_SYS_fstatvfs1, fargs, NULL);
	else if (pl->pl_dir != NULL)
		error =
		    place_by_descriptor(c, pl, RUMP_O_RDONLY | RUMP_O_NONBLOCK,
			RUMP_SYS_fstatvfs1, fargs, NULL);
	else
		error = rump_call(c, RUMP_SYS_statvfs1, args, NULL);
	if (error != 0)
		return error;
	abi_statfs(&sv, &sf);
	return usercopy_out(&sf, (void *)c->arg[1], sizeof(sf));
}
PATH_ROUTE(statfs, -1, 0, -1, 0, statfs_op)

/* A descriptor of a file: by the path that it was opened by. */
static int
access_open_file(struct call *c, const struct place *pl, long mode, int at)
{
	struct place *again = place_create();
	bool exact = false;
	char *path = procfd_path(c, pl->pl_dir, &exact);
	int error = EOPNOTSUPP;

	if (again != NULL && exact && place_decide(again, path) == 0) {
		int64_t args[BACKEND_SLOTS] = { again->pl_dirfd,
			(int64_t)again->pl_path, mode, at };

		error = rump_call(c, RUMP_SYS_faccessat, args, NULL);
	}
	if (path != NULL)
		pool_put(&pathbufs, path);
	if (again != NULL)
		place_destroy(again);
	return error;
}

static int
access_at(struct call *c, const struct place *pl, long mode, int linux_at)
{
	const char *path = pl->pl_path;
	int at, error = abi_at_to_netbsd(ABI_AT_ACCESS, linux_at, &at);

	if (error != 0)
		return error;
	if ((mode & ~7L) != 0)
		return EINVAL;
	if (pl->pl_nofollow)
		at |= RUMP_AT_SYMLINK_NOFOLLOW;
	/* NetBSD knows only directories as starting points. */
	if (path[0] == '\0')
		path = ".";
	int64_t args[BACKEND_SLOTS] = { pl->pl_dirfd, (int64_t)path, mode, at };

	error = rump_call(c, RUMP_SYS_faccessat, args, NULL);
	return error == ENOTDIR && pl->pl_path[0] == '\0'
		   ? access_open_file(c, pl, mode, at)
		   : error;
}

static int
access_op(struct call *c, const struct place *pl, int64_t *value)
{
	return access_at(c, pl, (int)c->arg[1], 0);
}
PATH_ROUTE(access, -1, 0, -1, 0, access_op)

static int
faccessat_op(struct call *c, const struct place *pl, int64_t *value)
{
	return access_at(c, pl, (int)c->arg[2], 0);
}
PATH_ROUTE(faccessat, 0, 1, -1, 0, faccessat_op)

static int
faccessat2_op(struct call *c, const struct place *pl, int64_t *value)
{
	return access_at(c, pl, (int)c->arg[2], (int)c->arg[3]);
}
PATH_ROUTE(faccessat2, 0, 1, 3, 0, faccessat2_op)

static int
readlink_at(
    struct call *c, const struct place *pl, long buf, long size, int64_t *value)
{
	int64_t args[BACKEND_SLOTS] = { pl->pl_dirfd, (int64_t)pl->pl_path, buf,
		size };

	if ((int)size <= 0)
		return EINVAL;
	if (pl->pl_path[0] == '\0')
		return ENOENT;
	return rump_call(c, RUMP_SYS_readlinkat, args, value);
}

static int
readlink_op(struct call *c, const struct place *pl, int64_t *value)
{
	return readlink_at(c, pl, c->arg[1], c->arg[2], value);
}
static const struct path_route readlink_path = { -1, 0, -1, PLACE_NOFOLLOW,
	readlink_op, NULL };

static long
readlink_run(struct call *c)
{
	long result = procfd_readlink(c, c->arg[0], c->arg[1], c->arg[2]);

	return result == CALL_TO_HOST ? path_run(c, &readlink_path) : result;
}
ROUTE(readlink, readlink_run)

static int
readlinkat_op(struct call *c, const struct place *pl, int64_t *value)
{
	return readlink_at(c, pl, c->arg[2], c->arg[3], value);
}
static const struct path_route readlinkat_path = { 0, 1, -1,
	PLACE_NOFOLLOW | PLACE_EMPTY, readlinkat_op, NULL };

static long
readlinkat_run(struct call *c)
{
	long result = procfd_readlink(c, c->arg[1], c->arg[2], c->arg[3]);

	return result == CALL_TO_HOST ? path_run(c, &readlinkat_path) : result;
}
ROUTE(readlinkat, readlinkat_run)

/* --- changes ----------------------------------------------------------- */

/* NetBSD call num (dirfd, path, a, b, d). */
static int
at_call(struct call *c, const struct place *pl, int num, int64_t a, int64_t b,
    int64_t d)
{
	int64_t args[BACKEND_SLOTS] = { pl->pl_dirfd, (int64_t)pl->pl_path, a,
		b, d };

	return rump_call(c, num, args, NULL);
}

#define CHANGE(name, dirfd, path, at, flags, number, a, b, d)                  \
	static int name##_op(                                                  \
	    struct call *c, const struct place *pl, int64_t *value)            \
	{                                                                      \
		return at_call(c, pl, RUMP_SYS_##number, a, b, d);             \
	}                                                                      \
	PATH_ROUTE(name, dirfd, path, at, flags, name##_op)

CHANGE(mkdir, -1, 0, -1, PLACE_NOFOLLOW, mkdirat, c->arg[1] & 07777, 0, 0)
CHANGE(mkdirat, 0, 1, -1, PLACE_NOFOLLOW, mkdirat, c->arg[2] & 07777, 0, 0)
CHANGE(rmdir, -1, 0, -1, PLACE_NOFOLLOW, unlinkat, RUMP_AT_REMOVEDIR, 0, 0)
CHANGE(unlink, -1, 0, -1, PLACE_NOFOLLOW, unlinkat, 0, 0, 0)
CHANGE(lchown, -1, 0, -1, PLACE_NOFOLLOW, fchownat, (uint32_t)c->arg[1],
    (uint32_t)c->arg[2], RUMP_AT_SYMLINK_NOFOLLOW)

static int
unlinkat_op(struct call *c, const struct place *pl, int64_t *value)
{
	int at, error = abi_at_to_netbsd(ABI_AT_UNLINK, (int)c->arg[2], &at);

	return error != 0 ? error : at_call(c, pl, RUMP_SYS_unlinkat, at, 0, 0);
}
PATH_ROUTE(unlinkat, 0, 1, -1, PLACE_NOFOLLOW, unlinkat_op)

/* mknod: what is none of these the host refuses without a look at the path. */
static bool
is_node(long mode)
{
	switch ((mode_t)mode & S_IFMT) {
	case 0:
	case S_IFREG:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return true;
	default:
		return false;
	}
}

static int
mknod_op(struct call *c, const struct place *pl, int64_t *value)
{
	bool at = c->nr == SYS_mknodat;

	return at_call(c, pl, RUMP_SYS_mknodat, (uint32_t)c->arg[1 + at], 0,
	    (uint32_t)c->arg[2 + at]);
}

static long
mknod_run(struct call *c)
{
	static const struct path_route pr = { -1, 0, -1, PLACE_NOFOLLOW,
		mknod_op, NULL };

	return is_node(c->arg[1]) ? path_run(c, &pr) : CALL_TO_HOST;
}
ROUTE(mknod, mknod_run)

static long
mknodat_run(struct call *c)
{
	static const struct path_route pr = { 0, 1, -1, PLACE_NOFOLLOW,
		mknod_op, NULL };

	return is_node(c->arg[2]) ? path_run(c, &pr) : CALL_TO_HOST;
}
ROUTE(mknodat, mknodat_run)

static int
change_mode(struct call *c, const struct place *pl, long mode, int at)
{
	int64_t fargs[BACKEND_SLOTS] = { pl->pl_dirfd, mode & 07777 };

	if (pl->pl_path[0] == '\0')
		return rump_call(c, RUMP_SYS_fchmod, fargs, NULL);
	if (pl->pl_nofollow)
		at |= RUMP_AT_SYMLINK_NOFOLLOW;
	if ((at & RUMP_AT_SYMLINK_NOFOLLOW) != 0) {
		struct rump_stat st;
		int error = place_stat(c, pl, at, &st);

		/* Links have modes on NetBSD, but not on Linux. */
		if (error != 0 || S_ISLNK(st.st_mode))
			return error != 0 ? error : EOPNOTSUPP;
	}
	return at_call(c, pl, RUMP_SYS_fchmodat, mode & 07777, at, 0);
}

static int
chmod_op(struct call *c, const struct place *pl, int64_t *value)
{
	return change_mode(c, pl, c->arg[1], 0);
}
PATH_ROUTE(chmod, -1, 0, -1, 0, chmod_op)

static int
fchmodat_op(struct call *c, const struct place *pl, int64_t *value)
{
	return change_mode(c, pl, c->arg[2], 0);
}
PATH_ROUTE(fchmodat, 0, 1, -1, 0, fchmodat_op)

static int
fchmodat2_op(struct call *c, const struct place *pl, int64_t *value)
{
	int at, error = abi_at_to_netbsd(ABI_AT_CHOWN, (int)c->arg[3], &at);

	return error != 0 ? error : change_mode(c, pl, c->arg[2], at);
}
PATH_ROUTE(fchmodat2, 0, 1, 3, 0, fchmodat2_op)

static int
change_owner(
    struct call *c, const struct place *pl, uint32_t uid, uint32_t gid, int at)
{
	int64_t fargs[BACKEND_SLOTS] = { pl->pl_dirfd, uid, gid };

	if (pl->pl_path[0] == '\0')
		return rump_call(c, RUMP_SYS_fchown, fargs, NULL);
	if (pl->pl_nofollow)
		at |= RUMP_AT_SYMLINK_NOFOLLOW;
	return at_call(c, pl, RUMP_SYS_fchownat, uid, gid, at);
}

static int
chown_op(struct call *c, const struct place *pl, int64_t *value)
{
	return change_owner(c, pl, (uint32_t)c->arg[1], (uint32_t)c->arg[2], 0);
}
PATH_ROUTE(chown, -1, 0, -1, 0, chown_op)

static int
fchownat_op(struct call *c, const struct place *pl, int64_t *value)
{
	int at, error = abi_at_to_netbsd(ABI_AT_CHOWN, (int)c->arg[4], &at);

	return error != 0 ? error
			  : change_owner(c, pl, (uint32_t)c->arg[2],
				(uint32_t)c->arg[3], at);
}
PATH_ROUTE(fchownat, 0, 1, 4, 0, fchownat_op)

static int
symlink_op(struct call *c, const struct place *pl, int64_t *value)
{
	int64_t args[BACKEND_SLOTS] = { c->arg[0], pl->pl_dirfd,
		(int64_t)pl->pl_path };

	return rump_call(c, RUMP_SYS_symlinkat, args, NULL);
}
PATH_ROUTE(symlink, -1, 1, -1, PLACE_NOFOLLOW, symlink_op)
PATH_ROUTE(symlinkat, 1, 2, -1, PLACE_NOFOLLOW, symlink_op)

/* A descriptor's file, however the descriptor was opened.  A kernel that does not
 * open such a file anew does it by the path. */
static int
truncate_open_file(struct call *c, const struct place *pl)
{
	int64_t fargs[BACKEND_SLOTS] = { 0, 0, c->arg[1] };
	int error = place_by_descriptor(c, pl, RUMP_O_WRONLY | RUMP_O_AGAIN,
	    RUMP_SYS_ftruncate, fargs, NULL);
	struct place *again;
	bool exact = false;
	char *path;

	if (error != ENOENT)
		return error;
	again = place_create();
	path = procfd_path(c, pl->pl_dir, &exact);
	if (again != NULL && exact && place_decide(again, path) == 0 &&
	    again->pl_rump) {
		int64_t args[BACKEND_SLOTS] = { (int64_t)again->pl_path, 0,
			c->arg[1] };

		error = rump_call(c, RUMP_SYS_truncate, args, NULL);
	}
	if (path != NULL)
		pool_put(&pathbufs, path);
	if (again != NULL)
		place_destroy(again);
	return error;
}

static int
truncate_op(struct call *c, const struct place *pl, int64_t *value)
{
	int64_t args[BACKEND_SLOTS] = { (int64_t)pl->pl_path, 0, c->arg[1] };
	int64_t fargs[BACKEND_SLOTS] = { 0, 0, c->arg[1] };

	if (pl->pl_path[0] == '\0')
		return truncate_open_file(c, pl);
	if (pl->pl_dir != NULL)
		return place_by_descriptor(
		    c, pl, RUMP_O_WRONLY, RUMP_SYS_ftruncate, fargs, NULL);
	return rump_call(c, RUMP_SYS_truncate, args, NULL);
}
static const struct path_route truncate_path = { -1, 0, -1, 0, truncate_op,
	NULL };

/* The length is looked at before the path. */
static long
truncate_run(struct call *c)
{
	return c->arg[1] < 0 ? -EINVAL : path_run(c, &truncate_path);
}
ROUTE(truncate, truncate_run)

/* --- times ------------------------------------------------------------- */

static int
set_times(struct call *c, const struct place *pl,
    const struct rump_timespec *ts, int at)
{
	int64_t fargs[BACKEND_SLOTS] = { pl->pl_dirfd, (int64_t)ts };

	if (pl->pl_path[0] == '\0')
		return rump_call(c, RUMP_SYS_futimens, fargs, NULL);
	if (pl->pl_nofollow)
		at |= RUMP_AT_SYMLINK_NOFOLLOW;
	return at_call(c, pl, RUMP_SYS_utimensat, (int64_t)ts, at, 0);
}

static int
utimensat_op(struct call *c, const struct place *pl, int64_t *value)
{
	struct rump_timespec ts[2];
	int at, error = abi_at_to_netbsd(ABI_AT_UTIMENS, (int)c->arg[3], &at);

	/* struct timespec is the same on both systems. */
	if (error == 0 && c->arg[2] != 0)
		error = usercopy_in(ts, (const void *)c->arg[2], sizeof(ts));
	if (error != 0)
		return error;
	return set_times(c, pl, c->arg[2] == 0 ? NULL : ts, at);
}

static const struct path_route utimensat_path = { 0, 1, 3, 0, utimensat_op,
	NULL };

/* rf NULL: of a FIFO that is open, if it is the kernel's. */
static long
set_open_times(struct call *c, struct rfile *rf)
{
	struct rump_timespec ts[2];
	int64_t times = c->arg[2] == 0 ? 0 : (int64_t)ts;
	int error = 0;

	if (c->arg[2] != 0)
		error = usercopy_in(ts, (const void *)c->arg[2], sizeof(ts));
	if (error != 0)
		return -error;
	if (rf == NULL)
		return fifostat_change(c, RUMP_SYS_futimens, times, 0);
	return fd_call(c, rf, RUMP_SYS_futimens, times, 0, 0, 0);
}

static long
futimens_run(struct call *c)
{
	long result = fd_run(c, true, set_open_times);

	return result == CALL_TO_HOST ? set_open_times(c, NULL) : result;
}

/* Nothing is to be set, so that nothing is looked at. */
static bool
leaves_both(const struct call *c)
{
	struct timespec ts[2];

	return c->arg[2] != 0 &&
	       usercopy_in(ts, (const void *)c->arg[2], sizeof(ts)) == 0 &&
	       ts[0].tv_nsec == UTIME_OMIT && ts[1].tv_nsec == UTIME_OMIT;
}

/* Without a path it is futimens(3). */
static long
utimensat_run(struct call *c)
{
	if (leaves_both(c))
		return 0;
	if (c->arg[1] == 0 && (int)c->arg[0] != AT_FDCWD && c->arg[3] == 0)
		return futimens_run(c);
	if (c->arg[1] == 0)
		return CALL_TO_HOST;
	return path_run(c, &utimensat_path);
}
ROUTE(utimensat, utimensat_run)

/* 0 and *where, which is NULL for now; or an error. */
static int
timevals_in(long addr, struct rump_timespec ts[2], struct rump_timespec **where)
{
	struct timeval tv[2];
	int error = 0;

	*where = addr == 0 ? NULL : ts;
	if (addr != 0)
		error = usercopy_in(tv, (const void *)addr, sizeof(tv));
	for (int i = 0; i < 2 && addr != 0 && error == 0; i++)
		error = abi_timeval_to_timespec(&tv[i], &ts[i]);
	return error;
}

static int
timevals_op(struct call *c, const struct place *pl, long addr)
{
	struct rump_timespec ts[2], *where;
	int error = timevals_in(addr, ts, &where);

	return error != 0 ? error : set_times(c, pl, where, 0);
}

static int
utimes_op(struct call *c, const struct place *pl, int64_t *value)
{
	return timevals_op(c, pl, c->arg[1]);
}
PATH_ROUTE(utimes, -1, 0, -1, 0, utimes_op)

static int
futimesat_op(struct call *c, const struct place *pl, int64_t *value)
{
	return timevals_op(c, pl, c->arg[2]);
}
static const struct path_route futimesat_path = { 0, 1, -1, 0, futimesat_op,
	NULL };

static long
futimes_rump(struct call *c, struct rfile *rf)
{
	struct rump_timespec ts[2], *where;
	int error = timevals_in(c->arg[2], ts, &where);

	return error != 0
		   ? -error
		   : fd_call(c, rf, RUMP_SYS_futimens, (int64_t)where, 0, 0, 0);
}

static long
futimesat_run(struct call *c)
{
	if (c->arg[1] == 0 && (int)c->arg[0] != AT_FDCWD)
		return fd_run(c, true, futimes_rump);
	return path_run(c, &futimesat_path);
}
ROUTE(futimesat, futimesat_run)

static int
utime_op(struct call *c, const struct place *pl, int64_t *value)
{
	struct rump_timespec ts[2] = { 0 };
	struct utimbuf ut;
	int error;

	if (c->arg[1] == 0)
		return set_times(c, pl, NULL, 0);
	error = usercopy_in(&ut, (const void *)c->arg[1], sizeof(ut));
	if (error != 0)
		return error;
	ts[0].tv_sec = ut.actime;
	ts[1].tv_sec = ut.modtime;
	return set_times(c, pl, ts, 0);
}
PATH_ROUTE(utime, -1, 0, -1, 0, utime_op)
