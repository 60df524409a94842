/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls with two paths.  Both must lead to the same kernel: otherwise EXDEV,
 * after which programs copy.  The kernel says that a path leaves it, but not
 * which of the two: they are looked at one by one then, and decided anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "preload/abi/open.h"
#include "preload/resolve.h"
#include "preload/route.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "syscall_table/linux_routes.h"

struct two_paths {
	int8_t tp_dirfd1, tp_path1, tp_dirfd2, tp_path2; /* -1: cwd */
};

static const struct two_paths plain = { -1, 0, -1, 1 };
static const struct two_paths at = { 0, 1, 2, 3 };

/* What is asked of the kernel. */
struct request {
	const struct two_paths *rq_paths;
	unsigned rq_flags; /* PLACE_*, of the first path */
	int rq_num, rq_nflags;
};

static int
find_one(
    struct place *pl, const struct call *c, int dirfd, int path, unsigned flags)
{
	return place_find(
	    pl, dirfd < 0 ? AT_FDCWD : c->arg[dirfd], c->arg[path], flags);
}

static void
host_path(struct call *c, struct place *pl, int dirfd, int path)
{
	if (!pl->pl_changed)
		return;
	c->arg[path] = (long)pl->pl_path;
	if (dirfd >= 0)
		c->arg[dirfd] = AT_FDCWD;
}

/* "." and ".." cannot be renamed. */
static bool
ends_in_dots(const struct place *pl)
{
	const char *p = pl->pl_path, *last = p;

	for (; *p != '\0'; p++) {
		if (*p == '/' && p[1] != '/' && p[1] != '\0')
			last = p + 1;
	}
	for (p = last; *p == '.'; p++)
		continue;
	return p > last && p - last <= 2 && (*p == '/' || *p == '\0');
}

/* A relative path of the host's whose directory is no descriptor. */
static bool
starts_nowhere(const struct call *c, const struct place *pl, int dirfd)
{
	return !pl->pl_rump && !pl->pl_changed && dirfd >= 0 &&
	       pl->pl_path[0] != '/' && (int)c->arg[dirfd] != AT_FDCWD &&
	       HOST(SYS_fcntl, c->arg[dirfd], F_GETFD, 0, 0, 0, 0) < 0;
}

static long two_paths_after(struct call *c);

static unsigned
second_flags(const struct request *rq)
{
	return (rq->rq_flags & PLACE_LINKS) | PLACE_NOFOLLOW;
}

static long
two_host_paths(struct call *c, const struct two_paths *tp, struct place *a,
    struct place *b)
{
	host_path(c, a, tp->tp_dirfd1, tp->tp_path1);
	host_path(c, b, tp->tp_dirfd2, tp->tp_path2);
	return route_to_host(c, two_paths_after);
}

/* Decide anew if this is a path that leaves the kernel. */
static int
follow_escape(struct call *c, struct place *pl, unsigned flags, bool *followed)
{
	struct rump_stat st;
	int64_t args[BACKEND_SLOTS] = { pl->pl_dirfd, (int64_t)pl->pl_path,
		(int64_t)&st,
		(flags & PLACE_NOFOLLOW) != 0 ? RUMP_AT_SYMLINK_NOFOLLOW : 0 };

	if (*followed || !pl->pl_rump || pl->pl_path[0] == '\0' ||
	    rump_call(c, RUMP_SYS_fstatat, args, NULL) != ROUTE_ESCAPED)
		return 0;
	*followed = true;
	return place_escaped(pl, flags);
}

/* An open file, which may have no name: through /proc it is anybody's who has the
 * descriptor, by AT_EMPTY_PATH not. */
static int
descriptor_flag(const struct call *c, const struct request *rq)
{
	char first;

	if ((rq->rq_flags & PLACE_EMPTY) != 0 &&
	    usercopy_in(
		&first, (const void *)c->arg[rq->rq_paths->tp_path1], 1) == 0 &&
	    first == '\0')
		return RUMP_AT_FD_OWN;
	return RUMP_AT_FD;
}

/* The call, as often as a path of it leaves the kernel and comes back. */
static int
ask_kernel(
    struct call *c, const struct request *rq, struct place *a, struct place *b)
{
	bool followed;
	int error;

	do {
		int64_t args[BACKEND_SLOTS] = { a->pl_dirfd,
			(int64_t)a->pl_path, b->pl_dirfd, (int64_t)b->pl_path,
			a->pl_path[0] == '\0' ? descriptor_flag(c, rq)
					      : rq->rq_nflags };

		error = rump_call(c, rq->rq_num, args, NULL);
		if (error != ROUTE_ESCAPED)
			return error;
		followed = false;
		error = follow_escape(c, a, rq->rq_flags, &followed);
		if (error == 0)
			error =
			    follow_escape(c, b, second_flags(rq), &followed);
		if (error != 0)
			return error;
	} while (followed && a->pl_rump && b->pl_rump);
	return ROUTE_ESCAPED;
}

/* Does the call rename what cannot be?  The kernel says EINVAL then, or that the
 * path leaves it. */
static bool
renames_dots(const struct call *c, const struct place *a, const struct place *b)
{
	return c->nr != SYS_link && c->nr != SYS_linkat &&
	       (ends_in_dots(a) || ends_in_dots(b));
}

/* One path is the host's as it is written: does a link lead into a mount? */
static int
find_link(struct call *c, struct place *pl, int dirfd, int path, unsigned flags)
{
	return pl->pl_rump ? 0
			   : find_one(pl, c, dirfd, path, flags | PLACE_LINKS);
}

static int
find_both(
    struct call *c, const struct request *rq, struct place *a, struct place *b)
{
	const struct two_paths *tp = rq->rq_paths;
	unsigned second = second_flags(rq);
	int error;

	error = find_one(a, c, tp->tp_dirfd1, tp->tp_path1, rq->rq_flags);
	if (error == 0)
		error = find_one(b, c, tp->tp_dirfd2, tp->tp_path2, second);
	if (error != 0 || a->pl_rump == b->pl_rump)
		return error;
	error = find_link(c, a, tp->tp_dirfd1, tp->tp_path1, rq->rq_flags);
	return error != 0
		   ? error
		   : find_link(c, b, tp->tp_dirfd2, tp->tp_path2, second);
}

static long
two_paths_call(
    struct call *c, const struct request *rq, struct place *a, struct place *b)
{
	const struct two_paths *tp = rq->rq_paths;
	bool dots;
	int error;

	if (a == NULL || b == NULL)
		return -ENOMEM;
	error = find_both(c, rq, a, b);
	if (error != 0)
		return -error;
	if (!a->pl_rump && !b->pl_rump)
		return two_host_paths(c, tp, a, b);
	route_mark_rump(c, a->pl_rump ? a->pl_rule : b->pl_rule);
	if (starts_nowhere(c, a, tp->tp_dirfd1) ||
	    starts_nowhere(c, b, tp->tp_dirfd2))
		return -EBADF;
	if (a->pl_rump != b->pl_rump)
		return -EXDEV;
	dots = renames_dots(c, a, b);
	error = ask_kernel(c, rq, a, b);
	if (dots && (error == EINVAL || error == ROUTE_ESCAPED))
		return -EBUSY;
	if (error != ROUTE_ESCAPED)
		return route_result(error, 0);
	if (a->pl_rump || b->pl_rump)
		return -EXDEV;
	route_mark_host(c);
	return two_host_paths(c, tp, a, b);
}

static void
ask_for_manner(struct request *rq, unsigned flags)
{
	rq->rq_num = RUMP_SYS_linkat;
	rq->rq_nflags =
	    flags == RENAME_EXCHANGE ? RUMP_AT_EXCHANGE : RUMP_AT_NOREPLACE;
}

static struct request
request_of(const struct call *c)
{
	struct request rq = { &at, PLACE_NOFOLLOW, RUMP_SYS_renameat, 0 };

	if (c->nr == SYS_rename || c->nr == SYS_link)
		rq.rq_paths = &plain;
	if (c->nr == SYS_link || c->nr == SYS_linkat)
		rq.rq_num = RUMP_SYS_linkat;
	if (c->nr == SYS_renameat2 && c->arg[4] != 0)
		ask_for_manner(&rq, (unsigned)c->arg[4]);
	if (c->nr != SYS_linkat)
		return rq;
	if ((c->arg[4] & AT_SYMLINK_FOLLOW) != 0)
		rq.rq_flags = 0;
	if ((c->arg[4] & AT_EMPTY_PATH) != 0)
		rq.rq_flags |= PLACE_EMPTY;
	(void)abi_at_to_netbsd(ABI_AT_LINK, (int)c->arg[4], &rq.rq_nflags);
	return rq;
}

/* The host did not find one of them: does a link of its lead into a mount? */
static long
two_paths_after(struct call *c)
{
	struct request rq = request_of(c);
	long result;

	if (c->result != -ENOENT && c->result != -ENOTDIR)
		return c->result;
	rq.rq_flags |= PLACE_LINKS;
	result = two_paths_call(c, &rq, route_place(c), route_second_place(c));
	if (result == CALL_TO_HOST)
		return c->result;
	return result == CALL_RESTART ? -EINTR : result;
}

static long
two_paths_run(struct call *c)
{
	struct request rq = request_of(c);

	return two_paths_call(c, &rq, place_get(c), place_get_second(c));
}

static long
rename_run(struct call *c)
{
	return two_paths_run(c);
}
ROUTE(rename, rename_run)

/* Whose paths they are decides first. */
static long
refuse_flags(struct call *c)
{
	struct place *a = place_get(c), *b = place_get_second(c);

	if (a == NULL || b == NULL)
		return -ENOMEM;
	if (find_one(a, c, 0, 1, PLACE_NOFOLLOW) != 0 ||
	    find_one(b, c, 2, 3, PLACE_NOFOLLOW) != 0 ||
	    (!a->pl_rump && !b->pl_rump)) {
		host_path(c, a, 0, 1);
		host_path(c, b, 2, 3);
		return CALL_TO_HOST;
	}
	route_note(c, "flags of renameat2");
	return -EINVAL;
}

static long
renameat_run(struct call *c)
{
	return two_paths_run(c);
}
ROUTE(renameat, renameat_run)

/* A file system that cannot do it says EINVAL, and programs do without. */
static long
renameat2_run(struct call *c)
{
	const unsigned long flags = (unsigned int)c->arg[4];

	if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)) != 0 ||
	    flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
		return refuse_flags(c);
	return two_paths_run(c);
}
ROUTE(renameat2, renameat2_run)

static long
link_run(struct call *c)
{
	return two_paths_run(c);
}
ROUTE(link, link_run)

static long
linkat_run(struct call *c)
{
	int nflags;

	if (abi_at_to_netbsd(ABI_AT_LINK, (int)c->arg[4], &nflags) != 0)
		return CALL_TO_HOST;
	return two_paths_run(c);
}
ROUTE(linkat, linkat_run)
