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
#include "preload/cwd.h"
#include "preload/dirs.h"
#include "preload/fdinfo.h"
#include "preload/fdmap.h"
#include "preload/fifo.h"
#include "preload/mounts.h"
#include "preload/pool.h"
#include "preload/process.h"
#include "preload/procfd.h"
#include "preload/resolve.h"
#include "preload/route.h"
#include "preload/scoped.h"
#include "preload/text.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "syscall_table/linux_routes.h"

#define MAXLINKS 40
#define HOW_MOST 4096 /* bytes of a struct open_how */

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif
#define RESOLVE_SCOPE (RESOLVE_BENEATH | RESOLVE_IN_ROOT)
#define RESOLVE_WALKED (RESOLVE_SCOPE | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV)
#define RESOLVE_KNOWN (RESOLVE_WALKED | RESOLVE_NO_MAGICLINKS | RESOLVE_CACHED)

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
kernel_openat(struct call *c, int dirfd, const char *path, int nflags,
    long mode, int64_t *fd)
{
	int64_t args[BACKEND_SLOTS] = { dirfd, (int64_t)path,
		nflags & ~RUMP_O_CLOEXEC, mode & 07777 };

	if ((nflags & RUMP_O_CREAT) != 0 && (mode & S_ISVTX) != 0)
		args[2] |= RUMP_O_STICKY;
	return rump_call(c, RUMP_SYS_openat, args, fd);
}

static int
kernel_open(
    struct call *c, const struct place *pl, int nflags, long mode, int64_t *fd)
{
	return kernel_openat(c, pl->pl_dirfd, pl->pl_path, nflags, mode, fd);
}

/* The directory that pl's last component lies in; *name is the component. */
static int
parent_of(const struct place *pl, struct place *parent, const char **name)
{
	const char *path = pl->pl_path;
	size_t len = text_length(path), slash = len;
	struct text t;

	while (slash > 0 && path[slash - 1] != '/')
		slash--;
	*name = path + slash;
	if (**name == '\0' || text_equal(*name, ".") || text_equal(*name, ".."))
		return EINVAL;
	parent->pl_dirfd = pl->pl_dirfd;
	text_init(&t, parent->pl_path, sizeof(parent->pl_path));
	text_putn(&t, path, slash);
	if (slash == 0)
		text_char(&t, '.');
	return 0;
}

static int
install_name(struct call *c, const struct place *pl, int dirfd,
    const char *name, bool cloexec, int64_t *value)
{
	int64_t args[BACKEND_SLOTS] = { dirfd };
	char *kept = string_keep(name);

	if (kept == NULL) {
		(void)rump_call(c, RUMP_SYS_close, args, NULL);
		return ENOMEM;
	}
	*value = fdmap_install_path(
	    dirfd, RF_NAME, pl->pl_rule, true, cloexec, kept);
	return 0;
}

static int
kernel_stat(
    struct call *c, int dirfd, const char *path, int at, struct rump_stat *st)
{
	int64_t args[BACKEND_SLOTS] = { dirfd, (int64_t)path, (int64_t)st, at };

	return rump_call(c, RUMP_SYS_fstatat, args, NULL);
}

/* Replace the symbolic link that pl ends in by what it says.  0, or an error:
 * what is absolute has been followed by the router. */
static int
splice_link(struct call *c, struct place *pl)
{
	size_t dir = text_length(pl->pl_path);
	char *target = pool_get(&pathbufs);
	int64_t args[BACKEND_SLOTS] = { pl->pl_dirfd, (int64_t)pl->pl_path,
		(int64_t)target, PATHBUF_SIZE - 1 },
		len;
	struct text t;
	int error;

	if (target == NULL)
		return ENOMEM;
	while (dir > 0 && pl->pl_path[dir - 1] != '/')
		dir--;
	error = rump_call(c, RUMP_SYS_readlinkat, args, &len);
	if (error == 0) {
		pl->pl_path[dir] = '\0';
		text_continue(&t, pl->pl_path, sizeof(pl->pl_path));
		text_putn(&t, target, (size_t)len);
		if (target[0] == '/')
			error = EINVAL;
		else if (t.t_len + 1 >= t.t_size)
			error = ENAMETOOLONG;
	}
	pool_put(&pathbufs, target);
	return error;
}

/* Make pl's last component the object itself. */
static int
follow_last(struct call *c, struct place *pl, bool follow, struct rump_stat *st)
{
	int error;

	for (int i = 0; i < MAXLINKS; i++) {
		error = kernel_stat(
		    c, pl->pl_dirfd, pl->pl_path, RUMP_AT_SYMLINK_NOFOLLOW, st);
		if (error != 0 || !follow || !S_ISLNK(st->st_mode))
			return error;
		error = splice_link(c, pl);
		if (error != 0)
			return error;
	}
	return ELOOP;
}

/* O_PATH of an object known by its directory and its name.  0 and *value, or an
 * error. */
static int
open_name(struct call *c, const struct place *pl, int flags, int nflags,
    int64_t *value)
{
	struct place *at = place_create(), *parent = place_create();
	int error = at == NULL || parent == NULL ? ENOMEM : 0;
	struct rump_stat st;
	const char *name;
	struct text t;
	int64_t fd;

	if (error == 0) {
		at->pl_dirfd = pl->pl_dirfd;
		text_init(&t, at->pl_path, sizeof(at->pl_path));
		text_put(&t, pl->pl_path);
		error = follow_last(c, at, (flags & O_NOFOLLOW) == 0, &st);
	}
	if (error == 0 && !S_ISDIR(st.st_mode) && (flags & O_DIRECTORY) != 0)
		error = ENOTDIR;
	if (error == 0)
		error = parent_of(at, parent, &name);
	if (error == 0)
		error = kernel_open(c, parent,
		    RUMP_O_RDONLY | RUMP_O_SEARCH | RUMP_O_DIRECTORY |
			RUMP_O_NAME | (nflags & RUMP_O_KEPT),
		    0, &fd);
	if (error == 0)
		error = install_name(
		    c, pl, (int)fd, name, (flags & O_CLOEXEC) != 0, value);
	if (parent != NULL)
		place_destroy(parent);
	if (at != NULL)
		place_destroy(at);
	return error;
}

static bool
is_regular(struct call *c, const struct place *pl, int flags)
{
	struct rump_stat st;

	return kernel_stat(c, pl->pl_dirfd, pl->pl_path,
		   (flags & O_NOFOLLOW) != 0 ? RUMP_AT_SYMLINK_NOFOLLOW : 0,
		   &st) == 0 &&
	       S_ISREG(st.st_mode);
}

/*
 * O_PATH.  A directory, or a file that may be read, gets a descriptor of the
 * kernel's.  All else (symbolic links, devices and pipes, which opening would
 * act on, and what the caller may not open) is known by its name.
 */
static int
open_path_only(struct call *c, const struct place *pl, int flags, int nflags,
    int64_t *value)
{
	int64_t fd;
	int error = kernel_open(c, pl, nflags, 0, &fd);

	if (error > 0 && error != ENOENT && is_regular(c, pl, flags))
		error = kernel_open(c, pl, nflags & ~RUMP_O_SEARCH, 0, &fd);
	if (error == 0) {
		*value = fdmap_install_path((int)fd, RF_FILE, pl->pl_rule, true,
		    (flags & O_CLOEXEC) != 0, procfd_name(pl));
		return 0;
	}
	if (error > 0 && error != ENOENT &&
	    open_name(c, pl, flags, nflags, value) == 0)
		return 0;
	return error < 0 ? error : open_error(error, flags);
}

static int open_place(struct call *c, const struct place *pl, int flags,
    long mode, int64_t *value);

/* Anew, by the path, if that still leads there. */
static int
open_by_path(struct call *c, const struct place *pl, int flags, int64_t *value)
{
	struct place *again;
	bool exact = false;
	int error = ENOENT;
	char *path;

	path = procfd_path(c, pl->pl_dir, &exact);
	again = exact ? place_create() : NULL;
	if (again != NULL && place_decide(again, path) == 0 && again->pl_rump)
		error = open_place(c, again, flags & ~O_CREAT, 0, value);
	if (again != NULL)
		place_destroy(again);
	if (path != NULL)
		pool_put(&pathbufs, path);
	return error;
}

/* pl is an open file. */
static int
open_descriptor(struct call *c, const struct place *pl, int flags, int nflags,
    int64_t *value)
{
	const struct rfile *rf = pl->pl_dir;
	char *name = NULL;
	int64_t fd;
	int error;

	if (rf == NULL)
		return ENOENT;
	if (rf->rf_kind == RF_SOCKET)
		return ENXIO;
	if ((flags & O_EXCL) != 0 && (nflags & RUMP_O_CREAT) != 0)
		return EEXIST;
	/* What is named only may be no directory, or one of somebody else's. */
	nflags = (nflags & ~RUMP_O_SEARCH) | RUMP_O_AGAIN;
	error = kernel_open(c, pl, nflags, 0, &fd);
	/* Not every kernel knows that. */
	if (error == ENOENT)
		return open_by_path(c, pl, flags, value);
	if (error != 0)
		return error;
	if (rf->rf_path != NULL)
		name = string_keep(rf->rf_path);
	*value = fdmap_install_path((int)fd, RF_FILE, rf->rf_rule,
	    (flags & O_PATH) != 0, (flags & O_CLOEXEC) != 0, name);
	return 0;
}

/* A kernel that does not know files without names calls the flags EINVAL. */
static int
open_unnamed(struct call *c, const struct place *pl, int flags, int nflags,
    long mode, int64_t *value)
{
	const char *path = pl->pl_path[0] != '\0' ? pl->pl_path : ".";
	int64_t fd;
	int error = kernel_openat(c, pl->pl_dirfd, path, nflags, mode, &fd);

	if (error == EINVAL)
		error = EOPNOTSUPP;
	if (error == 0)
		*value = fdmap_install((int)fd, RF_FILE, pl->pl_rule, false,
		    (flags & O_CLOEXEC) != 0);
	return error;
}

static int
open_place(struct call *c, const struct place *pl, int flags, long mode,
    int64_t *value)
{
	int64_t fd = -1;
	int nflags, error;

	error = abi_open_to_netbsd(flags, &nflags);
	if (error != 0)
		return error;
	if (pl->pl_nofollow) {
		flags |= O_NOFOLLOW;
		nflags |= RUMP_O_NOFOLLOW;
	}
	if (pl->pl_path[0] == '\0' && (flags & O_TMPFILE) != O_TMPFILE)
		return open_descriptor(c, pl, flags, nflags, value);
	if ((flags & O_PATH) != 0)
		return open_path_only(c, pl, flags, nflags, value);
	if ((flags & O_TMPFILE) == O_TMPFILE)
		return open_unnamed(c, pl, flags, nflags, mode, value);
	/* Nothing is made or cut off for want of a number. */
	if ((flags & (O_CREAT | O_TRUNC)) != 0)
		error = fdmap_room();
	if (error == 0)
		error = kernel_open(c, pl, nflags, mode, &fd);
	if (error == EOPNOTSUPP)
		return fifo_open(c, pl, nflags, value);
	if (error != 0)
		return open_error(error, flags);
	*value = fdmap_install_path((int)fd, RF_FILE, pl->pl_rule, false,
	    (flags & O_CLOEXEC) != 0, procfd_name(pl));
	return 0;
}

/* The host has opened something: a directory whose listing is to be watched, or a
 * table of mounts? */
static long
opened(struct call *c, long upath, long flags)
{
	/* Without O_DIRECTORY it may be one too. */
	if (((flags & O_DIRECTORY) != 0 ||
		((flags & (O_ACCMODE | O_CREAT | O_PATH)) == O_RDONLY &&
		    dirs_have_overlays())) &&
	    process_owns_table())
		dirs_opened((int)c->result);
	return fdinfo_opened(
	    c, mounts_opened(c, c->result, upath, flags), upath, flags);
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
	return opened(c, c->arg[0], c->arg[1]);
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
	return opened(c, c->arg[1], c->arg[2]);
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
	size_t size = (size_t)c->arg[3];
	int error;

	if (size < sizeof(*how))
		return EINVAL;
	if (size > HOW_MOST)
		return E2BIG;
	error = usercopy_in(how, (const void *)c->arg[2], sizeof(*how));
	for (size_t i = sizeof(*how); i < size && error == 0; i++) {
		char more;

		error = usercopy_in(&more, (const char *)c->arg[2] + i, 1);
		if (error == 0 && more != 0)
			error = E2BIG;
	}
	return error;
}

/* Flags that openat(2) would ignore are errors here. */
static bool
how_is_odd(const struct open_how *how)
{
	const uint64_t with_path =
	    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

	return (how->flags & ~abi_open_known()) != 0 ||
	       (how->mode & ~07777UL) != 0 ||
	       ((how->flags & (O_CREAT | O_TMPFILE)) == 0 && how->mode != 0) ||
	       ((how->flags & O_PATH) != 0 && (how->flags & ~with_path) != 0);
}

/* Through /proc/self/fd and the like, which are absolute paths. */
static bool
came_by_magic(const struct call *c, const struct place *pl)
{
	char first;

	return pl->pl_dir != NULL &&
	       usercopy_in(&first, (const void *)c->arg[1], 1) == 0 &&
	       first == '/';
}

static int
open_scoped(struct call *c, const struct place *pl, const struct open_how *how,
    int64_t *value)
{
	struct place *at = place_create();
	int flags, error = ENOMEM;

	if (at == NULL)
		return ENOMEM;
	error = scoped_walk(c, pl, how->resolve, (int)how->flags, at, &flags);
	if (error == 0) {
		error = open_place(c, at, flags, (long)how->mode, value);
		scoped_done(c, at);
	}
	place_destroy(at);
	return error;
}

static int
openat2_op(struct call *c, const struct place *pl, int64_t *value)
{
	struct open_how how;
	int error = open_how(c, &how);

	if (error != 0)
		return error;
	if (how_is_odd(&how))
		return EINVAL;
	if ((how.resolve & ~(uint64_t)RESOLVE_KNOWN) != 0 ||
	    (how.resolve & RESOLVE_SCOPE) == RESOLVE_SCOPE)
		return EINVAL;
	/* Who asks for what needs no waiting asks again without that. */
	if ((how.resolve & RESOLVE_CACHED) != 0)
		return EAGAIN;
	if (came_by_magic(c, pl) &&
	    (how.resolve & (RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS |
			       RESOLVE_NO_XDEV)) != 0)
		return (how.resolve & RESOLVE_NO_XDEV) != 0 ? EXDEV : ELOOP;
	if (pl->pl_path[0] == '\0' || (how.resolve & RESOLVE_WALKED) == 0)
		return open_place(c, pl, (int)how.flags, (long)how.mode, value);
	return open_scoped(c, pl, &how, value);
}

static long
openat2_after(struct call *c)
{
	struct open_how how;

	if (open_how(c, &how) != 0)
		return c->result;
	return opened(c, c->arg[1], (long)how.flags);
}

static const struct path_route openat2_path = { 0, 1, -1, 0, openat2_op,
	openat2_after };

static bool
starts_on_host(long dirfd)
{
	return (int)dirfd == AT_FDCWD ? cwd_rule() == NS_HOST
				      : !fdmap_is_rump(dirfd);
}

/* Relative to a directory of the kernel's, whatever the path looks like. */
static long
openat2_beneath(struct call *c, const struct open_how *how)
{
	char *path = pool_get(&pathbufs);
	long given = c->arg[1], result;
	int error;

	if (path == NULL)
		return -ENOMEM;
	error = usercopy_string(path, (const void *)given, PATHBUF_SIZE, NULL);
	if (error == 0 && path[0] == '/') {
		if ((how->resolve & RESOLVE_BENEATH) != 0)
			error = EXDEV;
		for (c->arg[1] = (long)path; *(char *)c->arg[1] == '/';)
			c->arg[1]++;
		if (*(char *)c->arg[1] == '\0')
			c->arg[1] = (long)".";
	}
	result = error != 0 ? -error
			    : path_run_flags(c, &openat2_path,
				  open_place_flags((long)how->flags));
	c->arg[1] = given;
	pool_put(&pathbufs, path);
	/* Not from a directory that only leads to mounts. */
	if (result == CALL_TO_HOST) {
		route_note(c, "RESOLVE_ flags");
		return -EOPNOTSUPP;
	}
	return result;
}

static long
openat2_run(struct call *c)
{
	struct open_how how;

	if (open_how(c, &how) != 0)
		return path_run(c, &openat2_path);
	if ((how.resolve & RESOLVE_SCOPE) != 0) {
		if (!starts_on_host(c->arg[0]))
			return openat2_beneath(c, &how);
		/* No mount is where the host has something. */
		if (!resolve_shadowed)
			return CALL_TO_HOST;
	}
	return path_run_flags(
	    c, &openat2_path, open_place_flags((long)how.flags));
}
ROUTE(openat2, openat2_run)
