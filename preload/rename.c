/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls with two paths.  Both must lead to the same kernel: otherwise EXDEV,
 * after which programs copy.  When one path turns out, inside the kernel, to
 * leave it, that is the same.
 */
#include <errno.h>
#include <fcntl.h>

#include "preload/abi/open.h"
#include "preload/resolve.h"
#include "preload/route.h"
#include "rump/rump_syscallnum.h"
#include "syscall_table/linux_routes.h"

struct two_paths {
	int8_t tp_dirfd1, tp_path1, tp_dirfd2, tp_path2; /* -1: cwd */
};

static const struct two_paths plain = { -1, 0, -1, 1 };
static const struct two_paths at = { 0, 1, 2, 3 };

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

static long
two_paths_run(struct call *c, const struct two_paths *tp, unsigned flags,
    int num, int64_t nflags)
{
	struct place *a = place_get(c), *b = place_get_second(c);
	int error;

	if (a == NULL || b == NULL)
		return -ENOMEM;
	error = find_one(a, c, tp->tp_dirfd1, tp->tp_path1, flags);
	if (error == 0)
		error =
		    find_one(b, c, tp->tp_dirfd2, tp->tp_path2, PLACE_NOFOLLOW);
	if (error != 0)
		return -error;
	if (!a->pl_rump && !b->pl_rump) {
		host_path(c, a, tp->tp_dirfd1, tp->tp_path1);
		host_path(c, b, tp->tp_dirfd2, tp->tp_path2);
		return CALL_TO_HOST;
	}
	route_mark_rump(c, a->pl_rump ? a->pl_rule : b->pl_rule);
	if (a->pl_rump != b->pl_rump)
		return -EXDEV;
	int64_t args[BACKEND_SLOTS] = { a->pl_dirfd, (int64_t)a->pl_path,
		b->pl_dirfd, (int64_t)b->pl_path, nflags };

	error = rump_call(c, num, args, NULL);
	return error == ROUTE_ESCAPED ? -EXDEV : route_result(error, 0);
}

static long
rename_run(struct call *c)
{
	return two_paths_run(c, &plain, PLACE_NOFOLLOW, RUMP_SYS_renameat, 0);
}
ROUTE(rename, rename_run)

static long
renameat_run(struct call *c)
{
	return two_paths_run(c, &at, PLACE_NOFOLLOW, RUMP_SYS_renameat, 0);
}
ROUTE(renameat, renameat_run)

/* Only the host can do RENAME_NOREPLACE and its kin; whose paths they are
 * decides first. */
static long
renameat2_run(struct call *c)
{
	struct place *a, *b;

	if (c->arg[4] == 0)
		return renameat_run(c);
	a = place_get(c);
	b = place_get_second(c);
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
	return a->pl_rump != b->pl_rump ? -EXDEV : -EINVAL;
}
ROUTE(renameat2, renameat2_run)

static long
link_run(struct call *c)
{
	return two_paths_run(c, &plain, PLACE_NOFOLLOW, RUMP_SYS_linkat, 0);
}
ROUTE(link, link_run)

static long
linkat_run(struct call *c)
{
	bool follow = (c->arg[4] & AT_SYMLINK_FOLLOW) != 0;
	int nflags;

	if (abi_at_to_netbsd(ABI_AT_LINK, (int)c->arg[4], &nflags) != 0)
		return CALL_TO_HOST;
	return two_paths_run(c, &at,
	    (follow ? 0 : PLACE_NOFOLLOW) |
		((c->arg[4] & AT_EMPTY_PATH) != 0 ? PLACE_EMPTY : 0),
	    RUMP_SYS_linkat, nflags);
}
ROUTE(linkat, linkat_run)
