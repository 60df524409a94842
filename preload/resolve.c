/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A path that starts in the rump kernel (its working directory, one of its
 * descriptors) goes there as it is; the kernel says when it leaves
 * (ROUTE_ESCAPED).  A relative path that starts on the host is made absolute
 * only if it could lead into a mount.
 */
#include "preload/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "preload/abi/errno.h"
#include "preload/cwd.h"
#include "preload/cwdshare.h"
#include "preload/fdalias.h"
#include "preload/fdmap.h"
#include "preload/hostlinks.h"
#include "preload/kernel.h"
#include "preload/names.h"
#include "preload/pool.h"
#include "preload/process.h"
#include "preload/procfd.h"
#include "preload/procother.h"
#include "preload/route.h"
#include "preload/text.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"

#define MAXLINKS 40

bool resolve_shadowed;

const char *
resolve_rule_name(int rule)
{
	const struct ns_rule *nr = &names_now()->ns_rules[rule];

	return nr->nr_len != 0 ? nr->nr_prefix
			       : namespace_kind_name(nr->nr_kind);
}

void
place_init(struct place *pl)
{
	pl->pl_rump = pl->pl_changed = pl->pl_nofollow = false;
	pl->pl_rule = NS_HOST;
	pl->pl_dirfd = RUMP_AT_FDCWD;
	pl->pl_links = 0;
	pl->pl_dir = NULL;
	pl->pl_known = NULL;
	pl->pl_route = NULL;
	pl->pl_path[0] = '\0';
}

void
place_fini(struct place *pl)
{
	if (pl->pl_dir != NULL)
		(void)fdmap_put(pl->pl_dir);
	pl->pl_dir = NULL;
}

static void
place_copy(struct place *pl, const char *path)
{
	struct text t;

	text_init(&t, pl->pl_path, sizeof(pl->pl_path));
	text_put(&t, path);
}

int
place_decide(struct place *pl, const char *path)
{
	struct ns_decision nd = { .nd_path = pl->pl_path };
	int error =
	    namespace_decide(names_now(), path, &nd, sizeof(pl->pl_path));

	if (error != 0)
		return error;
	pl->pl_rump = nd.nd_rule != NS_HOST;
	pl->pl_rule = nd.nd_rule;
	pl->pl_changed = nd.nd_changed;
	return 0;
}

/* Follow the host's symbolic links to a rump name, if they lead to one. */
static int
decide_links(struct place *pl, const char *path, unsigned flags)
{
	char *out = pool_get(&pathbufs);
	int error = 0;

	if (out == NULL)
		return ENOMEM;
	/* Out of the mount again by "..", and perhaps through more links. */
	while (error == 0 && !pl->pl_rump &&
	       hostlinks_walk(names_now(), path, (flags & PLACE_NOFOLLOW) != 0,
		   out, PATHBUF_SIZE)) {
		if (++pl->pl_links > MAXLINKS)
			error = ELOOP;
		else
			error = place_decide(pl, out);
		path = pl->pl_path;
	}
	pool_put(&pathbufs, out);
	return error;
}

#define FEW 3 /* components, for which a walk costs no more than meets_link() */

static bool
has_few_components(const char *path)
{
	unsigned n = 0;

	for (; *path != '\0' && n <= FEW; path++)
		n += path[0] == '/' && path[1] != '/' && path[1] != '\0';
	return n <= FEW;
}

/*
 * Is there a symbolic link on the way, or at the end?  Three calls instead of
 * one for each component; true when in doubt.
 */
static bool
meets_link(long dirfd, long path)
{
	struct open_how how = {
		.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS,
	};
	long fd = HOST(SYS_openat2, dirfd, path, &how, sizeof(how), 0, 0), n;
	char c;

	if (fd < 0)
		return fd != -ENOENT && fd != -ENOTDIR;
	n = HOST(SYS_readlinkat, fd, "", &c, sizeof(c), 0, 0);
	HOST(SYS_close, fd, 0, 0, 0, 0, 0);
	return n >= 0;
}

/* Does an absolute path of the program's stay as it is, for the host? */
static bool
stays(const char *path, unsigned flags)
{
	return (flags & (PLACE_LINKS | PLACE_ABSOLUTE)) == 0 &&
	       !resolve_shadowed && !namespace_leads(names_now(), path);
}

static int
find_absolute(struct place *pl, const char *path, unsigned flags)
{
	int error = place_decide(pl, path);

	if (error != 0 || pl->pl_rump ||
	    ((flags & PLACE_LINKS) == 0 && !resolve_shadowed))
		return error;
	if (pl->pl_changed)
		path = pl->pl_path;
	if (!has_few_components(path) && !meets_link(AT_FDCWD, (long)path))
		return 0;
	return decide_links(pl, path, flags);
}

/* Relative, from a directory of the host. */
static int
find_from_host(struct place *pl, long dirfd, const char *path, unsigned flags)
{
	char *whole;
	struct text t;
	int error;

	/* Whose root directory is the kernel's comes to its mounts that way only. */
	if (path[0] == '\0' || names_entered() ||
	    ((flags & (PLACE_LINKS | PLACE_ABSOLUTE)) == 0 &&
		!resolve_shadowed && !namespace_maybe(names_now(), path)))
		return 0;
	whole = pool_get(&pathbufs);
	if (whole == NULL)
		return ENOMEM;
	error = cwd_host_path(dirfd, whole, PATHBUF_SIZE);
	if (error == 0) {
		text_continue(&t, whole, PATHBUF_SIZE);
		text_char(&t, '/');
		text_put(&t, path);
		error = t.t_len + 1 < t.t_size ? find_absolute(pl, whole, flags)
					       : 0;
	} else {
		error = 0; /* unreachable: the host's to judge */
	}
	pool_put(&pathbufs, whole);
	return error;
}

/*
 * Relative, from a directory that only leads to mounts: what is above the
 * highest of them is the host's, although the kernel has a root there.
 */
static int
find_from_parent(struct place *pl, const char *path, unsigned flags)
{
	char *whole = pool_get(&pathbufs);
	int64_t args[BACKEND_SLOTS] = { (int64_t)whole, PATHBUF_SIZE };
	int64_t retval[2];
	struct text t;
	int error = ENOENT;

	if (whole == NULL)
		return ENOMEM;
	if (backend_reachable() &&
	    rump_backend_syscall(RUMP_SYS___getcwd, args, retval) == 0) {
		text_continue(&t, whole, PATHBUF_SIZE);
		text_char(&t, '/');
		text_put(&t, path);
		error = find_absolute(pl, whole, flags);
		pl->pl_changed = !pl->pl_rump;
	}
	pool_put(&pathbufs, whole);
	return error;
}

static bool
leads_to_mounts(const struct place *pl)
{
	return pl->pl_rump && pl->pl_dir == NULL &&
	       names_now()->ns_rules[pl->pl_rule].nr_kind == NS_PARENT;
}

static void
start_from(struct place *pl, struct rfile *rf)
{
	pl->pl_rump = true;
	pl->pl_dir = rf;
	pl->pl_dirfd = rf->rf_fd;
	pl->pl_rule = rf->rf_rule;
}

/* The object behind an O_PATH descriptor that the kernel has no descriptor
 * for. */
static int
find_named(struct place *pl)
{
	place_copy(pl, pl->pl_dir->rf_path);
	pl->pl_nofollow = true;
	return 0;
}

/*
 * Below such an object.  A directory is one if nobody may look into it, which
 * the kernel says; and it has become another one if somebody may.
 */
static int
find_below_named(struct place *pl, const char *path)
{
	const char *name = pl->pl_dir->rf_path;
	struct rump_stat st;
	int64_t args[BACKEND_SLOTS] = { pl->pl_dirfd, (int64_t)name,
		(int64_t)&st, RUMP_AT_SYMLINK_NOFOLLOW };
	int64_t retval[2];
	struct text t;
	long error = rump_backend_syscall(RUMP_SYS_fstatat, args, retval);

	if (error != 0)
		return error < 0 ? EINTR : abi_errno_to_linux((int)error);
	if (!S_ISDIR(st.st_mode))
		return ENOTDIR;
	text_init(&t, pl->pl_path, sizeof(pl->pl_path));
	text_put(&t, name);
	text_char(&t, '/');
	text_put(&t, path);
	return t.t_len + 1 < t.t_size ? 0 : ENAMETOOLONG;
}

static int
find_relative(struct place *pl, long dirfd, const char *path, unsigned flags)
{
	struct rfile *rf;
	int error;

	if ((int)dirfd == AT_FDCWD) {
		pl->pl_rule = cwd_rule();
		pl->pl_rump = pl->pl_rule != NS_HOST;
	} else {
		rf = fdmap_get_rump(dirfd, &error);
		if (error != 0)
			return error;
		if (rf != NULL)
			start_from(pl, rf);
	}
	if (!pl->pl_rump)
		return find_from_host(pl, dirfd, path, flags);
	if (leads_to_mounts(pl) && path[0] != '\0')
		return find_from_parent(pl, path, flags);
	/* Only a rump place has to say so: the host says it itself. */
	if (path[0] == '\0' && (flags & PLACE_EMPTY) == 0)
		return ENOENT;
	if (pl->pl_dir != NULL && pl->pl_dir->rf_kind == RF_NAME)
		return path[0] == '\0' ? find_named(pl)
				       : find_below_named(pl, path);
	place_copy(pl, path[0] == '\0' && pl->pl_dir == NULL ? "." : path);
	return 0;
}

/* What follows a name, as a relative path. */
static const char *
below(const char *rest, const char *nothing)
{
	while (*rest == '/')
		rest++;
	return *rest != '\0' ? rest : nothing;
}

/* The host's descriptor that the program knows by another number. */
static void
find_alias(struct place *pl, long place, const char *rest)
{
	struct text t;

	text_init(&t, pl->pl_path, sizeof(pl->pl_path));
	text_put(&t, "/proc/self/fd/");
	text_dec(&t, place);
	text_put(&t, rest);
	pl->pl_changed = true;
}

/* Through the working directory of another process, if that is the kernel's. */
static bool
find_others_cwd(
    struct place *pl, long pid, const char *rest, unsigned flags, int *error)
{
	char *path = pool_get(&pathbufs);
	struct text t;
	bool found;

	*error = ENOMEM;
	if (path == NULL)
		return true;
	found = procother_cwd(pid, path) != NS_HOST;
	if (found) {
		text_continue(&t, path, PATHBUF_SIZE);
		text_put(&t, rest);
		*error = t.t_len + 1 < t.t_size ? find_absolute(pl, path, flags)
						: ENAMETOOLONG;
		pl->pl_changed = !pl->pl_rump;
	}
	pool_put(&pathbufs, path);
	return found;
}

/* ... or through what it has open. */
static bool
find_other(struct place *pl, const char *path, unsigned flags, int *error)
{
	const char *rest;
	struct rfile *rf;
	long pid, fd;

	if (!procfd_other(path, &pid, &fd, &rest) ||
	    (*rest == '\0' && (flags & PLACE_NOFOLLOW) != 0))
		return false;
	if (fd < 0)
		return find_others_cwd(pl, pid, rest, flags, error);
	rf = procother_file(pid, fd);
	if (rf == NULL)
		return false;
	start_from(pl, rf);
	place_copy(pl, *rest == '\0' ? "" : below(rest, "."));
	return true;
}

/* An absolute path that names an open rump file: *error is the result. */
static bool
find_descriptor(struct place *pl, const char *path, unsigned flags, int *error)
{
	const char *rest;
	struct rfile *rf;
	bool link;
	long n, place;

	if (procfd_cwd(path, &rest) &&
	    (*rest != '\0' || (flags & PLACE_NOFOLLOW) == 0)) {
		*error = find_relative(pl, AT_FDCWD, below(rest, "."), flags);
		return true;
	}
	n = procfd_number(path, &rest, &link);
	if (n < 0)
		return find_other(pl, path, flags, error);
	if (*rest == '\0' && (flags & PLACE_NOFOLLOW) != 0)
		return false;
	place = fdalias_place(n);
	rf = fdmap_get_rump(place >= 0 ? place : n, error);
	if (rf == NULL) {
		if (*error != 0)
			*error = ENOENT;
		else if (place >= 0)
			find_alias(pl, place, rest);
		return *error != 0 || place >= 0;
	}
	start_from(pl, rf);
	if (rf->rf_kind == RF_NAME) {
		*error = *rest == '\0' ? find_named(pl)
				       : find_below_named(pl, below(rest, "."));
		return true;
	}
	place_copy(pl, *rest == '\0' ? "" : below(rest, "."));
	return true;
}

int
place_find(struct place *pl, long dirfd, long upath, unsigned flags)
{
	char *path = pool_get(&pathbufs);
	int error;

	if (path == NULL)
		return ENOMEM;
	cwdshare_look();
	place_fini(pl);
	pl->pl_rump = pl->pl_changed = pl->pl_nofollow = false;
	pl->pl_rule = NS_HOST;
	pl->pl_dirfd = RUMP_AT_FDCWD;
	error = usercopy_string(path, (const void *)upath, PATHBUF_SIZE, NULL);
	if (error == 0 && path[0] == '/') {
		if ((names_entered() ||
			!find_descriptor(pl, path, flags, &error)) &&
		    !stays(path, flags))
			error = find_absolute(pl, path, flags);
	} else if (error == 0) {
		error = find_relative(pl, dirfd, path, flags);
	}
	pool_put(&pathbufs, path);
	return error;
}

/* A path of a kernel whose root the program sees at a prefix. */
static bool
needs_prefix(int rule)
{
	return rule != NS_HOST &&
	       (names_now()->ns_rules[rule].nr_kind == NS_PATH ||
		   names_now()->ns_rules[rule].nr_kind == NS_LITERAL);
}

static int
find_escaped(struct place *pl, char *path, char *prefixed, unsigned flags)
{
	unsigned followed = 0;
	int error, rule = pl->pl_rule;

	if (kernel.k_escaped == NULL ||
	    kernel.k_escaped(path, PATHBUF_SIZE, &followed) == 0)
		return ENAMETOOLONG;
	pl->pl_links += followed > 0 ? followed : 1;
	if (pl->pl_links > MAXLINKS)
		return ELOOP;
	place_fini(pl);
	pl->pl_dirfd = RUMP_AT_FDCWD;
	error = find_absolute(pl, path, flags);
	if (error == 0 && !pl->pl_rump && needs_prefix(rule)) {
		if (namespace_program_path(
			names_now(), rule, path, prefixed, PATHBUF_SIZE) == 0)
			return ENAMETOOLONG;
		error = find_absolute(pl, prefixed, flags);
	}
	if (!pl->pl_rump)
		pl->pl_changed = true;
	return error;
}

int
place_escaped(struct place *pl, unsigned flags)
{
	char *path = pool_get(&pathbufs), *prefixed = pool_get(&pathbufs);
	int error = ENOMEM;

	if (path != NULL && prefixed != NULL)
		error = find_escaped(pl, path, prefixed, flags);
	if (path != NULL)
		pool_put(&pathbufs, path);
	if (prefixed != NULL)
		pool_put(&pathbufs, prefixed);
	return error;
}

static unsigned
route_flags(const struct call *c, const struct path_route *pr)
{
	unsigned flags = pr->pr_flags;
	long at = pr->pr_at < 0 ? 0 : c->arg[pr->pr_at];

	if ((at & AT_SYMLINK_NOFOLLOW) != 0)
		flags |= PLACE_NOFOLLOW;
	if ((at & AT_EMPTY_PATH) != 0)
		flags |= PLACE_EMPTY;
	return flags;
}

static long path_after(struct call *c);

static long
path_to_host(struct call *c, struct place *pl)
{
	const struct path_route *pr = pl->pl_route;

	route_mark_host(c);
	if (pl->pl_changed) {
		c->arg[pr->pr_path] = (long)pl->pl_path;
		if (pr->pr_dirfd >= 0)
			c->arg[pr->pr_dirfd] = AT_FDCWD;
	}
	return route_to_host(c, path_after);
}

static long
path_to_rump(struct call *c, struct place *pl, unsigned flags)
{
	int64_t value = 0;
	int error;

	for (;;) {
		route_mark_rump(c, pl->pl_rule);
		error = pl->pl_route->pr_op(c, pl, &value);
		if (error != ROUTE_ESCAPED)
			return route_result(error, value);
		error = place_escaped(pl, flags);
		if (error != 0)
			return -error;
		if (!pl->pl_rump)
			return path_to_host(c, pl);
	}
}

/* The host did not find it: does one of its links lead into a mount? */
static long
path_retry(struct call *c, struct place *pl)
{
	const struct path_route *pr = pl->pl_route;
	long dirfd = pr->pr_dirfd < 0 ? AT_FDCWD : c->arg[pr->pr_dirfd];
	unsigned flags = route_flags(c, pr) | PLACE_LINKS;
	long result;

	if (!meets_link(dirfd, c->arg[pr->pr_path]) ||
	    place_find(pl, dirfd, c->arg[pr->pr_path], flags) != 0 ||
	    !pl->pl_rump)
		return c->result;
	result = path_to_rump(c, pl, flags);
	if (result == CALL_TO_HOST)
		result = HOST(c->nr, c->arg[0], c->arg[1], c->arg[2], c->arg[3],
		    c->arg[4], c->arg[5]);
	return result == CALL_RESTART ? -EINTR : result;
}

static long
path_after(struct call *c)
{
	struct place *pl = route_place(c);
	const struct path_route *pr = pl->pl_route;

	if (c->result == -ENOENT || c->result == -ENOTDIR)
		return path_retry(c, pl);
	if (c->result >= 0 && pr->pr_after != NULL)
		return pr->pr_after(c);
	return c->result;
}

long
path_run_flags(struct call *c, const struct path_route *pr, unsigned flags)
{
	struct place *pl = place_get(c);
	int error;

	if (pl == NULL)
		return -ENOMEM;
	pl->pl_route = pr;
	flags |= route_flags(c, pr);
	error =
	    place_find(pl, pr->pr_dirfd < 0 ? AT_FDCWD : c->arg[pr->pr_dirfd],
		c->arg[pr->pr_path], flags);
	if (error != 0)
		return -error;
	return pl->pl_rump ? path_to_rump(c, pl, flags) : path_to_host(c, pl);
}

long
path_run(struct call *c, const struct path_route *pr)
{
	return path_run_flags(c, pr, 0);
}

int
place_by_descriptor(struct call *c, const struct place *pl, int nflags, int num,
    int64_t *args, int64_t *value)
{
	int64_t oargs[BACKEND_SLOTS] = { pl->pl_dirfd, (int64_t)pl->pl_path,
		nflags };
	int error = rump_call(c, RUMP_SYS_openat, oargs, &args[0]);

	if (error != 0)
		return error;
	error = rump_call(c, num, args, value);
	(void)rump_call(c, RUMP_SYS_close, args, NULL);
	return error;
}
