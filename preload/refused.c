/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls that a rump kernel cannot do, each with the error after which programs
 * do without.  They stay the host's when no rump object is named.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include "preload/descriptor.h"
#include "preload/backend.h"
#include "preload/resolve.h"
#include "preload/route.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "syscall_table/linux_routes.h"

/* Is the descriptor argument i a rump file?  -EBADF if it is one of ours. */
static long
fd_refused(const struct call *c, int i, int error)
{
	struct rfile *rf;
	int bad;

	/* A directory counts only together with its path. */
	if (i < 0 || linux_calls[c->nr].lc_format[i] == 'F')
		return 0;
	rf = fdmap_get_rump(c->arg[i], &bad);
	if (rf == NULL)
		return -bad;
	if (rf->rf_path_only && error == EOPNOTSUPP)
		error = EBADF;
	(void)fdmap_put(rf);
	return -error;
}

/* That nothing is there is said before that nothing can be done with it. */
static int
missing(struct call *c, const struct place *pl)
{
	struct rump_stat st;
	int64_t args[BACKEND_SLOTS] = { pl->pl_dirfd, (int64_t)pl->pl_path,
		(int64_t)&st, 0 };
	int error;

	if (pl->pl_path[0] == '\0' || !backend_reachable())
		return 0;
	error = rump_call(c, RUMP_SYS_fstatat, args, NULL);
	return error > 0 ? error : 0;
}

static long
path_refused(struct call *c, int i, struct place *pl, unsigned flags, int error)
{
	const char *format = linux_calls[c->nr].lc_format;
	bool at = i > 0 && format[i - 1] == 'F';
	int bad;

	if (i < 0 || c->arg[i] == 0)
		return 0;
	if (pl == NULL)
		return -ENOMEM;
	bad = place_find(
	    pl, at ? c->arg[i - 1] : AT_FDCWD, c->arg[i], flags | PLACE_EMPTY);
	if (bad != 0)
		return -bad;
	if (pl->pl_rump) {
		route_mark_rump(c, pl->pl_rule);
		bad = error == EOPNOTSUPP ? missing(c, pl) : 0;
		return bad != 0 ? -bad : -error;
	}
	if (pl->pl_changed) {
		c->arg[i] = (long)pl->pl_path;
		if (at)
			c->arg[i - 1] = AT_FDCWD;
	}
	return 0;
}

/* The host did not find the path: a link of the host's into a mount? */
static long
refuse_after(struct call *c)
{
	const struct linux_call *lc = &linux_calls[c->nr];
	struct place *pl = route_place(c);
	long result = c->result;

	if ((result != -ENOENT && result != -ENOTDIR) || pl == NULL ||
	    path_refused(c, lc->lc_path, pl, PLACE_LINKS, EXDEV) != -EXDEV)
		return result;
	route_note(c, "not on rump objects");
	return -pl->pl_error;
}

static long
refuse(struct call *c, int error)
{
	const struct linux_call *lc = &linux_calls[c->nr];
	long result = fd_refused(c, lc->lc_fd, error);
	struct place *pl;

	if (result == 0)
		result = fd_refused(c, lc->lc_fd2, error);
	if (result == 0 && lc->lc_path >= 0) {
		pl = place_get(c);
		result = path_refused(c, lc->lc_path, pl, 0, error);
		if (pl != NULL)
			pl->pl_error = error;
	}
	if (result == 0 && lc->lc_path2 >= 0)
		result = path_refused(
		    c, lc->lc_path2, place_get_second(c), 0, error);
	if (result == 0)
		return lc->lc_path >= 0 ? route_to_host(c, refuse_after)
					: CALL_TO_HOST;
	if (result == -error)
		route_note(c, "not on rump objects");
	return result;
}

#define REFUSE(name, error)                                                    \
	static long name##_run(struct call *c)                                 \
	{                                                                      \
		return refuse(c, error);                                       \
	}                                                                      \
	ROUTE(name, name##_run)

REFUSE(refuse_enosys, ENOSYS)
REFUSE(refuse_eperm, EPERM)
REFUSE(refuse_eopnotsupp, EOPNOTSUPP)
REFUSE(inotify_add_watch, ENOSPC)

/* It would go round interception. */
static long
io_uring_setup_run(struct call *c)
{
	route_note(c, "io_uring goes round the rump kernel");
	return -ENOSYS;
}
ROUTE(io_uring_setup, io_uring_setup_run)
