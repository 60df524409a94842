/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The path is walked here, a component at a time, with a descriptor of the
 * kernel's for each directory on the way.  ".." is the descriptor before, so
 * that no renaming by others leads out of the directory where the walk began;
 * symbolic links are read and put in front of what is left of the path.
 */
#include "preload/scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "preload/pool.h"
#include "preload/procfd.h"
#include "preload/resolve.h"
#include "preload/route.h"
#include "preload/text.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"

#define DEPTH_MAX 500 /* more does not fit into a path */
#define MAXLINKS 40
#define SCOPE (RESOLVE_BENEATH | RESOLVE_IN_ROOT)

struct walk {
	struct call *w_call;
	uint64_t w_resolve;
	int w_flags;
	int w_links;
	uint64_t w_dev; /* of the start */
	char *w_rest;   /* what is left of the path */
	char *w_name;   /* the component in hand */
	char
	    *w_program; /* the program's path of the directory in hand, or "" */
	int w_depth;    /* of the directory in hand; 0: the start */
	int w_fds[DEPTH_MAX + 1];
	uint16_t w_lens[DEPTH_MAX + 1]; /* of w_program */
};

static void
copy(char *to, const char *from, size_t size)
{
	struct text t;

	text_init(&t, to, size);
	text_put(&t, from);
}

/* Put a name behind the path of its directory, where that is known. */
static bool
append(char *path, const char *name)
{
	struct text t;

	if (path[0] == '\0')
		return false;
	text_continue(&t, path, PATHBUF_SIZE);
	if (path[t.t_len - 1] != '/')
		text_char(&t, '/');
	text_put(&t, name);
	return t.t_len + 1 < t.t_size;
}

static int
call_at(struct walk *w, int num, int64_t a, int64_t b, int64_t d, int64_t *out)
{
	int64_t args[BACKEND_SLOTS] = { w->w_fds[w->w_depth], a, b, d };

	return rump_call(w->w_call, num, args, out);
}

static void
close_fd(struct call *c, int fd)
{
	int64_t args[BACKEND_SLOTS] = { fd };

	(void)rump_call(c, RUMP_SYS_close, args, NULL);
}

static int
start(struct walk *w, const struct place *pl)
{
	int64_t args[BACKEND_SLOTS] = { pl->pl_dirfd,
		(int64_t)(pl->pl_path[0] == '/' ? "/" : "."),
		RUMP_O_RDONLY | RUMP_O_SEARCH | RUMP_O_DIRECTORY };
	struct rump_stat st;
	int64_t fd;
	int error = rump_call(w->w_call, RUMP_SYS_openat, args, &fd);

	if (error != 0)
		return error;
	w->w_fds[0] = (int)fd;
	error = call_at(w, RUMP_SYS_fstat, (int64_t)&st, 0, 0, NULL);
	if (error != 0)
		close_fd(w->w_call, (int)fd);
	w->w_dev = st.st_dev;
	w->w_lens[0] = (uint16_t)text_length(w->w_program);
	return error;
}

static void
pop(struct walk *w)
{
	close_fd(w->w_call, w->w_fds[w->w_depth--]);
	w->w_program[w->w_lens[w->w_depth]] = '\0';
}

static void
pop_all(struct walk *w)
{
	while (w->w_depth > 0)
		pop(w);
}

/* Into the directory w_name. */
static int
enter(struct walk *w)
{
	int64_t fd;
	int error;

	if (w->w_depth == DEPTH_MAX)
		return ENAMETOOLONG;
	error = call_at(w, RUMP_SYS_openat, (int64_t)w->w_name,
	    RUMP_O_RDONLY | RUMP_O_SEARCH | RUMP_O_DIRECTORY | RUMP_O_NOFOLLOW,
	    0, &fd);
	if (error != 0)
		return error == EINVAL ? ENOTDIR : error;
	if (!append(w->w_program, w->w_name))
		w->w_program[0] = '\0';
	w->w_fds[++w->w_depth] = (int)fd;
	w->w_lens[w->w_depth] = (uint16_t)text_length(w->w_program);
	return 0;
}

/* "..": a path that may leave its start goes where the kernel says. */
static int
leave(struct walk *w)
{
	struct rump_stat st;
	int error;

	if (w->w_depth > 0) {
		pop(w);
		return 0;
	}
	if ((w->w_resolve & RESOLVE_BENEATH) != 0)
		return EXDEV;
	if ((w->w_resolve & RESOLVE_IN_ROOT) != 0)
		return 0;
	error =
	    call_at(w, RUMP_SYS_fstatat, (int64_t) "..", (int64_t)&st, 0, NULL);
	if (error != 0)
		return error == ROUTE_ESCAPED &&
			       (w->w_resolve & RESOLVE_NO_XDEV) != 0
			   ? EXDEV
			   : error;
	if ((w->w_resolve & RESOLVE_NO_XDEV) != 0 && st.st_dev != w->w_dev)
		return EXDEV;
	w->w_program[0] = '\0';
	w->w_lens[0] = 0;
	copy(w->w_name, "..", PATHBUF_SIZE);
	error = enter(w);
	if (error == 0) {
		close_fd(w->w_call, w->w_fds[0]);
		w->w_fds[0] = w->w_fds[1];
		w->w_depth = 0;
	}
	return error;
}

/* Put what the link w_name says in front of the rest. */
static int
follow(struct walk *w)
{
	char *target = pool_get(&pathbufs);
	struct text t;
	int64_t len;
	int error;

	if (target == NULL)
		return ENOMEM;
	error = call_at(w, RUMP_SYS_readlinkat, (int64_t)w->w_name,
	    (int64_t)target, PATHBUF_SIZE - 1, &len);
	if (error == 0) {
		target[len] = '\0';
		text_continue(&t, target, PATHBUF_SIZE);
		text_char(&t, '/');
		text_put(&t, w->w_rest);
		if (t.t_len + 1 >= t.t_size)
			error = ENAMETOOLONG;
		/* A final link is not a directory for its slash. */
		else if (w->w_rest[0] == '\0')
			target[len] = '\0';
	}
	if (error == 0 && target[0] == '/') {
		if ((w->w_resolve & RESOLVE_IN_ROOT) == 0)
			error = EXDEV;
		else
			pop_all(w);
	}
	if (error == 0)
		copy(w->w_rest, target, PATHBUF_SIZE);
	pool_put(&pathbufs, target);
	return error;
}

/* Cut the first component off the rest: w_name, "" when there is none.  *last:
 * nothing but slashes follows; *slash: at least one. */
static void
next_name(struct walk *w, bool *last, bool *slash)
{
	const char *p = w->w_rest, *end;
	struct text t;

	while (*p == '/')
		p++;
	for (end = p; *end != '\0' && *end != '/';)
		end++;
	text_init(&t, w->w_name, PATHBUF_SIZE);
	text_putn(&t, p, (size_t)(end - p));
	*slash = *end == '/';
	while (*end == '/')
		end++;
	*last = *end == '\0';
	memmove(w->w_rest, end, text_length(end) + 1);
}

static bool
keeps_link(const struct walk *w)
{
	return (w->w_flags & O_NOFOLLOW) != 0 ||
	       (w->w_flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
}

/* A component that is neither "." nor "..".  *done: it is what is opened. */
static int
component(struct walk *w, bool last, bool slash, bool *done)
{
	struct rump_stat st = { 0 };
	int error = call_at(w, RUMP_SYS_fstatat, (int64_t)w->w_name,
	    (int64_t)&st, RUMP_AT_SYMLINK_NOFOLLOW, NULL);

	*done = last;
	if (error == ENOENT && last && !slash && (w->w_flags & O_CREAT) != 0)
		return 0;
	if (error != 0)
		return error;
	if (S_ISLNK(st.st_mode) && !(last && !slash && keeps_link(w))) {
		*done = false;
		if ((w->w_resolve & RESOLVE_NO_SYMLINKS) != 0 ||
		    ++w->w_links > MAXLINKS)
			return ELOOP;
		/* What a final slash says holds for the target. */
		if (last && slash)
			copy(w->w_rest, ".", PATHBUF_SIZE);
		return follow(w);
	}
	if ((w->w_resolve & RESOLVE_NO_XDEV) != 0 && st.st_dev != w->w_dev)
		return EXDEV;
	if (slash && !S_ISDIR(st.st_mode))
		return ENOTDIR;
	return last ? 0 : enter(w);
}

/* To the directory of the last component, which is w_name then. */
static int
walk(struct walk *w)
{
	bool last = false, slash, done = false;
	int error = 0;

	while (error == 0 && !done) {
		next_name(w, &last, &slash);
		if (text_equal(w->w_name, "..")) {
			error = leave(w);
		} else if (w->w_name[0] != '\0' &&
			   !text_equal(w->w_name, ".")) {
			error = component(w, last, slash, &done);
			continue;
		}
		if (last) {
			copy(w->w_name, ".", PATHBUF_SIZE);
			done = true;
		}
	}
	return error;
}

static void
fill_place(struct walk *w, const struct place *pl, struct place *at)
{
	at->pl_rump = true;
	at->pl_rule = pl->pl_rule;
	at->pl_dirfd = w->w_fds[w->w_depth];
	copy(at->pl_path, w->w_name, sizeof(at->pl_path));
	if (text_equal(w->w_name, ".") ? w->w_program[0] != '\0'
				       : append(w->w_program, w->w_name))
		at->pl_known = string_keep(w->w_program);
}

static int
run(struct walk *w, const struct place *pl, struct place *at)
{
	int error;

	copy(w->w_rest, pl->pl_path, PATHBUF_SIZE);
	if (!procfd_base(pl, w->w_program))
		w->w_program[0] = '\0';
	error = start(w, pl);
	if (error != 0)
		return error;
	error = walk(w);
	if (error == 0)
		fill_place(w, pl, at);
	/* The last one is the place's. */
	for (int i = 0; i <= w->w_depth; i++) {
		if (error != 0 || i < w->w_depth)
			close_fd(w->w_call, w->w_fds[i]);
	}
	return error;
}

int
scoped_walk(struct call *c, const struct place *pl, uint64_t resolve, int flags,
    struct place *at, int *atflags)
{
	struct walk w = {
		.w_call = c,
		.w_resolve = resolve,
		.w_flags = flags,
		.w_rest = pool_get(&pathbufs),
		.w_name = pool_get(&pathbufs),
		.w_program = pool_get(&pathbufs),
	};
	int error = ENOMEM;

	/* From the kernel's root it would cross from the host's. */
	if (pl->pl_path[0] == '/' && (resolve & RESOLVE_NO_XDEV) != 0)
		error = EXDEV;
	else if (pl->pl_path[0] == '/' && (resolve & SCOPE) != 0)
		error = EOPNOTSUPP;
	else if (w.w_rest != NULL && w.w_name != NULL && w.w_program != NULL)
		error = run(&w, pl, at);
	if (w.w_rest != NULL)
		pool_put(&pathbufs, w.w_rest);
	if (w.w_name != NULL)
		pool_put(&pathbufs, w.w_name);
	if (w.w_program != NULL)
		pool_put(&pathbufs, w.w_program);
	*atflags = flags | O_NOFOLLOW;
	return error;
}

void
scoped_done(struct call *c, struct place *at)
{
	close_fd(c, at->pl_dirfd);
	if (at->pl_known != NULL)
		string_free(at->pl_known);
	at->pl_known = NULL;
}
