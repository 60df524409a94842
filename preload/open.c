/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * open(2) and its kin.  On success the kernel's descriptor gets a number of the
 * host's; the name space rule stays with the file, for getcwd(2) after
 * fchdir(2) and for traces.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include "preload/abi/open.h"
#include "preload/dirs.h"
#include "preload/fdmap.h"
#include "preload/process.h"
#include "preload/resolve.h"
#include "preload/route.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpdefs.h"
#include "syscall_table/linux_routes.h"

/* NetBSD's EFTYPE for a link that must not be followed is ELOOP here, or, where
 * a directory was wanted, ENOTDIR. */
static int
open_error(int64_t nerror, int flags)
{
	if (nerror == EINVAL && (flags & O_NOFOLLOW) != 0)
		return (flags & O_DIRECTORY) != 0 ? ENOTDIR : ELOOP;
	return (int)nerror;
}

static int
kernel_open(
    struct call *c, const struct place *pl, int nflags, long mode, int64_t *fd)
{
	int64_t args[BACKEND_SLOTS] = { pl->pl_dirfd, (int64_t)pl->pl_path,
		nflags & ~RUMP_O_CLOEXEC, mode & 07777 };

	return rump_call(c, RUMP_SYS_openat, args, fd);
}

static int
open_place(struct call *c, const struct place *pl, int flags, long mode,
    int64_t *value)
{
	int64_t fd = -1;
	int nflags, error = abi_open_to_netbsd(flags, &nflags);

	if (error != 0)
		return error;
	if (pl->pl_path[0] == '\0')
		return ENOENT;
	error = kernel_open(c, pl, nflags, mode, &fd);
	/* A file that can be neither searched nor read has no descriptor. */
	if (error != 0 && (flags & O_PATH) != 0 && error != ENOENT && error > 0)
		error = kernel_open(
		    c, pl, (nflags & ~RUMP_O_SEARCH) | RUMP_O_NONBLOCK, 0, &fd);
	if (error != 0)
		return open_error(error, flags);
	*value = fdmap_install((int)fd, RF_FILE, pl->pl_rule,
	    (flags & O_PATH) != 0, (flags & O_CLOEXEC) != 0);
	return 0;
}

/* The host has opened something: a directory whose listing is to be watched? */
static long
opened(struct call *c, long flags)
{
	if ((flags & O_DIRECTORY) != 0 && process_owns_memory())
		dirs_opened((int)c->result);
	return c->result;
}

static unsigned
open_place_flags(long flags)
{
	return (flags & O_NOFOLLOW) != 0 ||
		       (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)
		   ? PLACE_NOFOLLOW
		   : 0;
}

static int
open_op(struct call *c, const struct place *pl, int64_t *value)
{
	return open_place(c, pl, (int)c->arg[1], c->arg[2], value);
}

static long
open_after(struct call *c)
{
	return opened(c, c->arg[1]);
}

static const struct path_route open_path = { -1, 0, -1, 0, open_op,
	open_after };

static long
open_run(struct call *c)
{
	return path_run_flags(c, &open_path, open_place_flags(c->arg[1]));
}
ROUTE(open, open_run)

static int
openat_op(struct call *c, const struct place *pl, int64_t *value)
{
	return open_place(c, pl, (int)c->arg[2], c->arg[3], value);
}

static long
openat_after(struct call *c)
{
	return opened(c, c->arg[2]);
}

static const struct path_route openat_path = { 0, 1, -1, 0, openat_op,
	openat_after };

static long
openat_run(struct call *c)
{
	return path_run_flags(c, &openat_path, open_place_flags(c->arg[2]));
}
ROUTE(openat, openat_run)

static int
creat_op(struct call *c, const struct place *pl, int64_t *value)
{
	return open_place(
	    c, pl, O_CREAT | O_WRONLY | O_TRUNC, c->arg[1], value);
}

static const struct path_route creat_path = { -1, 0, -1, 0, creat_op, NULL };

static long
creat_run(struct call *c)
{
	return path_run(c, &creat_path);
}
ROUTE(creat, creat_run)

/* Size and contents of struct open_how as the host would judge them. */
static int
open_how(const struct call *c, struct open_how *how)
{
	if ((unsigned long)c->arg[3] < sizeof(*how))
		return EINVAL;
	if ((unsigned long)c->arg[3] > sizeof(*how))
		return E2BIG;
	return usercopy_in(how, (const void *)c->arg[2], sizeof(*how));
}

static int
openat2_op(struct call *c, const struct place *pl, int64_t *value)
{
	struct open_how how;
	int error = open_how(c, &how);

	if (error != 0)
		return error;
	if ((how.flags & ~abi_open_known()) != 0 ||
	    (how.mode & ~07777UL) != 0 ||
	    ((how.flags & (O_CREAT | O_TMPFILE)) == 0 && how.mode != 0))
		return EINVAL;
	if (how.resolve != 0) {
		route_note(c, "RESOLVE_ flags");
		return EOPNOTSUPP;
	}
	return open_place(c, pl, (int)how.flags, (long)how.mode, value);
}

static long
openat2_after(struct call *c)
{
	struct open_how how;

	return open_how(c, &how) == 0 ? opened(c, (long)how.flags) : c->result;
}

static const struct path_route openat2_path = { 0, 1, -1, 0, openat2_op,
	openat2_after };

static long
openat2_run(struct call *c)
{
	struct open_how how;

	if (open_how(c, &how) != 0)
		return path_run(c, &openat2_path);
	return path_run_flags(
	    c, &openat2_path, open_place_flags((long)how.flags));
}
ROUTE(openat2, openat2_run)
