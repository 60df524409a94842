/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended attributes.  Linux has four calls in four forms each; they differ in
 * how the file is named, so that there is a route for each form.  What follows
 * the file in the first three forms is what NetBSD's calls of the same names
 * take; the last form, *xattrat(2), has some of it in a structure.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "preload/abi/open.h"
#include "preload/descriptor.h"
#include "preload/pool.h"
#include "preload/procfd.h"
#include "preload/resolve.h"
#include "preload/route.h"
#include "preload/text.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "syscall_table/linux_routes.h"

#ifndef SYS_setxattrat
#define SYS_setxattrat 463
#define SYS_getxattrat 464
#define SYS_listxattrat 465
#define SYS_removexattrat 466
#endif

#define NARGS 4 /* at most, behind the file */
#define PAGE 4096

enum kind { SET, GET, LIST, REMOVE };

/* NetBSD's numbers. */
static const struct {
	int n_file, n_link, n_fd;
} numbers[] = {
	[SET] = { RUMP_SYS_setxattr, RUMP_SYS_lsetxattr, RUMP_SYS_fsetxattr },
	[GET] = { RUMP_SYS_getxattr, RUMP_SYS_lgetxattr, RUMP_SYS_fgetxattr },
	[LIST] = { RUMP_SYS_listxattr, RUMP_SYS_llistxattr,
	    RUMP_SYS_flistxattr },
	[REMOVE] = { RUMP_SYS_removexattr, RUMP_SYS_lremovexattr,
	    RUMP_SYS_fremovexattr },
};

/* What a call wants, wherever it found that. */
struct request {
	enum kind rq_kind;
	int64_t rq_args[NARGS];
};

static enum kind
kind_of(long nr)
{
	switch (nr) {
	case SYS_setxattr:
	case SYS_lsetxattr:
	case SYS_fsetxattr:
	case SYS_setxattrat:
		return SET;
	case SYS_getxattr:
	case SYS_lgetxattr:
	case SYS_fgetxattr:
	case SYS_getxattrat:
		return GET;
	case SYS_listxattr:
	case SYS_llistxattr:
	case SYS_flistxattr:
	case SYS_listxattrat:
		return LIST;
	default:
		return REMOVE;
	}
}

/* Linux's struct xattr_args. */
struct value {
	uint64_t v_addr;
	uint32_t v_size;
	uint32_t v_flags;
};

/* A structure that may have grown since: what is not known must be 0. */
static int
value_in(struct value *v, long addr, unsigned long size)
{
	const char *more = (const char *)addr + sizeof(*v);
	int error;
	char c;

	if (size < sizeof(*v))
		return EINVAL;
	if (size > PAGE)
		return E2BIG;
	error = usercopy_in(v, (const void *)addr, sizeof(*v));
	for (size -= sizeof(*v); size > 0 && error == 0; size--) {
		error = usercopy_in(&c, more++, 1);
		if (error == 0 && c != 0)
			error = E2BIG;
	}
	return error;
}

/* Of the last form: a value is in a structure. */
static int
request_at(const struct call *c, struct request *rq)
{
	struct value v;
	int error;

	rq->rq_args[0] = c->arg[3];
	rq->rq_args[1] = c->arg[4];
	if (rq->rq_kind != SET && rq->rq_kind != GET)
		return 0;
	error = value_in(&v, c->arg[4], (unsigned long)c->arg[5]);
	if (error != 0)
		return error;
	if (rq->rq_kind == GET && v.v_flags != 0)
		return EINVAL;
	rq->rq_args[1] = (int64_t)v.v_addr;
	rq->rq_args[2] = v.v_size;
	rq->rq_args[3] = (int)v.v_flags;
	return 0;
}

static int
request_of(const struct call *c, struct request *rq)
{
	*rq = (struct request){ .rq_kind = kind_of(c->nr) };
	if (c->nr >= SYS_setxattrat)
		return request_at(c, rq);
	for (int i = 0; i < NARGS; i++)
		rq->rq_args[i] = c->arg[1 + i];
	return 0;
}

static int
ask(struct call *c, int num, int64_t file, const struct request *rq,
    int64_t *value)
{
	int64_t args[BACKEND_SLOTS] = { file, rq->rq_args[0], rq->rq_args[1],
		rq->rq_args[2], (int)rq->rq_args[3] };

	return rump_call(c, num, args, value);
}

/* By the path of the directory that pl starts from; error if that has none. */
static int
ask_by_name(struct call *c, const struct place *pl, bool follow,
    const struct request *rq, int error, int64_t *value)
{
	struct place *again = place_create();
	bool exact = false;
	char *path = procfd_path(c, pl->pl_dir, &exact);
	struct text t;

	if (again != NULL && path != NULL && exact) {
		text_continue(&t, path, PATHBUF_SIZE);
		text_char(&t, '/');
		text_put(&t, pl->pl_path);
		error = t.t_len + 1 < t.t_size ? place_decide(again, path)
					       : ENAMETOOLONG;
	}
	if (error == 0)
		error = ask(c,
		    follow ? numbers[rq->rq_kind].n_file
			   : numbers[rq->rq_kind].n_link,
		    (int64_t)again->pl_path, rq, value);
	if (path != NULL)
		pool_put(&pathbufs, path);
	if (again != NULL)
		place_destroy(again);
	return error;
}

/* Is it what can be opened, and nobody would notice? */
static int
can_be_opened(struct call *c, const struct place *pl, bool follow, bool *opens)
{
	struct rump_stat st;
	int64_t args[BACKEND_SLOTS] = { pl->pl_dirfd, (int64_t)pl->pl_path,
		(int64_t)&st, follow ? 0 : RUMP_AT_SYMLINK_NOFOLLOW };
	int error = rump_call(c, RUMP_SYS_fstatat, args, NULL);

	if (error == 0)
		*opens = S_ISREG(st.st_mode) || S_ISDIR(st.st_mode);
	return error;
}

/* NetBSD has no such calls that start from a directory. */
static int
ask_below(struct call *c, const struct place *pl, bool follow,
    const struct request *rq, int64_t *value)
{
	int64_t args[BACKEND_SLOTS] = { 0, rq->rq_args[0], rq->rq_args[1],
		rq->rq_args[2], (int)rq->rq_args[3] };
	bool opens = false;
	int error = can_be_opened(c, pl, follow, &opens);

	if (error != 0)
		return error;
	if (!opens)
		return ask_by_name(c, pl, follow, rq, EOPNOTSUPP, value);
	error = place_by_descriptor(c, pl,
	    RUMP_O_RDONLY | RUMP_O_NONBLOCK | (follow ? 0 : RUMP_O_NOFOLLOW),
	    numbers[rq->rq_kind].n_fd, args, value);
	return error == EACCES ? ask_by_name(c, pl, follow, rq, error, value)
			       : error;
}

static int
ask_place(struct call *c, const struct place *pl, bool nofollow, int64_t *value)
{
	const bool follow = !nofollow && !pl->pl_nofollow;
	struct request rq;
	int error = request_of(c, &rq);

	if (error != 0)
		return error;
	if (pl->pl_path[0] == '\0')
		return ask(
		    c, numbers[rq.rq_kind].n_fd, pl->pl_dirfd, &rq, value);
	if (pl->pl_dir != NULL)
		return ask_below(c, pl, follow, &rq, value);
	return ask(c,
	    follow ? numbers[rq.rq_kind].n_file : numbers[rq.rq_kind].n_link,
	    (int64_t)pl->pl_path, &rq, value);
}

static int
file_op(struct call *c, const struct place *pl, int64_t *value)
{
	return ask_place(c, pl, false, value);
}

static long
xattr_run(struct call *c)
{
	static const struct path_route pr = { -1, 0, -1, 0, file_op, NULL };

	return path_run(c, &pr);
}
ROUTE(xattr, xattr_run)

static int
link_op(struct call *c, const struct place *pl, int64_t *value)
{
	return ask_place(c, pl, true, value);
}

static long
lxattr_run(struct call *c)
{
	static const struct path_route pr = { -1, 0, -1, PLACE_NOFOLLOW,
		link_op, NULL };

	return path_run(c, &pr);
}
ROUTE(lxattr, lxattr_run)

static long
ask_descriptor(struct call *c, struct rfile *rf)
{
	struct request rq;
	int64_t value = 0;
	int error = request_of(c, &rq);

	/* Sockets have none that anybody could set. */
	if (error == 0 && rf->rf_kind == RF_SOCKET)
		error = EOPNOTSUPP;
	if (error == 0)
		error =
		    ask(c, numbers[rq.rq_kind].n_fd, rf->rf_fd, &rq, &value);
	return route_result(error, value);
}

static long
fxattr_run(struct call *c)
{
	return fd_run(c, true, ask_descriptor);
}
ROUTE(fxattr, fxattr_run)

static int
at_op(struct call *c, const struct place *pl, int64_t *value)
{
	int at, error = abi_at_to_netbsd(ABI_AT_CHOWN, (int)c->arg[2], &at);

	return error != 0 ? error
			  : ask_place(c, pl,
				(at & RUMP_AT_SYMLINK_NOFOLLOW) != 0, value);
}

static bool
is_empty(long path)
{
	char first;

	return path == 0 || (usercopy_in(&first, (const void *)path, 1) == 0 &&
				first == '\0');
}

/* Without a path it is the form for descriptors. */
static long
xattrat_run(struct call *c)
{
	static const struct path_route pr = { 0, 1, 2, 0, at_op, NULL };

	if ((c->arg[2] & AT_EMPTY_PATH) == 0 || !is_empty(c->arg[1]))
		return path_run(c, &pr);
	if ((c->arg[2] & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) != 0)
		return CALL_TO_HOST;
	if ((int)c->arg[0] != AT_FDCWD)
		return fxattr_run(c);
	c->arg[1] = (long)"";
	return path_run(c, &pr);
}
ROUTE(xattrat, xattrat_run)
