/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way there: a name that the program gives.  The host's file is reached as
 * /proc/self/fd/N, N being an O_PATH descriptor that the kernel gives to who may
 * write to the node; the host makes the call on the program's stack, since it
 * may wait.  What it needs meanwhile lies in the memory of the call's place.
 */
#include "preload/unixname.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "preload/backend.h"
#include "preload/hidden.h"
#include "preload/kernel.h"
#include "preload/resolve.h"
#include "preload/rights.h"
#include "preload/route.h"
#include "preload/text.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpdefs.h"

#define HEAD offsetof(struct sockaddr_un, sun_path)
#define NAME_MAX_UN (sizeof(struct sockaddr_un) - HEAD)
#define MESSAGES_MAX 1024 /* the host takes no more at a time */

/* Where a name leads. */
struct target {
	socklen_t tg_len; /* of tg_sun; 0: the program's address is right */
	struct sockaddr_un tg_sun;
	int tg_hostfd; /* what tg_sun names, or -1 */
	int64_t tg_fd; /* the kernel's descriptor that it belongs to, or -1 */
};

/* A call of the host's under way, in the place's memory. */
struct sending {
	struct target sd_target;
	struct mmsghdr *sd_user; /* sendmmsg(2): whose length is to be told */
	struct mmsghdr sd_header;
	long (*sd_after)(struct call *c); /* rights_send()'s */
};
_Static_assert(offsetof(struct place, pl_path) % _Alignof(struct sending) == 0,
    "it can lie there");
_Static_assert(sizeof(struct sending) <= PLACE_PATH, "it has room there");

static struct sending *
sending_of(const struct call *c)
{
	return (struct sending *)(void *)route_place(c)->pl_path;
}

/* The path in an address, with a NUL.  False: there is none, or the host knows
 * what is wrong with it. */
static bool
read_path(long addr, long addrlen, char path[NAME_MAX_UN + 1])
{
	size_t len = (uint32_t)addrlen;
	struct sockaddr_un sun;

	if (addr == 0 || len <= HEAD || len > sizeof(sun) ||
	    usercopy_in(
		&sun.sun_family, (void *)addr, sizeof(sun.sun_family)) != 0 ||
	    sun.sun_family != AF_UNIX ||
	    usercopy_in(&sun, (void *)addr, len) != 0 ||
	    sun.sun_path[0] == '\0')
		return false;
	memcpy(path, sun.sun_path, len - HEAD);
	path[len - HEAD] = '\0';
	return true;
}

static bool
make_address(struct sockaddr_un *sun, socklen_t *len, const char *path)
{
	size_t n = text_length(path);

	if (n > sizeof(sun->sun_path))
		return false;
	sun->sun_family = AF_UNIX;
	memcpy(sun->sun_path, path, n);
	*len = (socklen_t)(HEAD + n);
	return true;
}

/*
 * Call op for the place that path leads to, if that is a rump one.  0 and
 * pl_rump, or an errno or ROUTE_RESTART.
 */
static int
find(struct call *c, const char *path, unsigned flags, struct place **plp,
    int (*op)(struct call *c, const struct place *pl, void *arg), void *arg)
{
	struct place *pl = route_place(c);
	int error;

	if (pl == NULL)
		pl = place_get(c);
	if (pl == NULL)
		return ENOMEM;
	*plp = pl;
	pl->pl_links = 0;
	/* What is wrong with a path of the host's, the host says. */
	if (place_find(pl, AT_FDCWD, (long)path, flags) != 0)
		pl->pl_rump = pl->pl_changed = false;
	while (pl->pl_rump) {
		route_mark_rump(c, pl->pl_rule);
		error = op(c, pl, arg);
		if (error == ROUTE_ESCAPED)
			error = place_escaped(pl, flags);
		else
			return error;
		if (error != 0)
			return error;
	}
	route_mark_host(c);
	return 0;
}

/* Redirect the call, whose address is argument `at'. */
static void
redirect(struct call *c, int at, const struct target *tg)
{
	struct sending *sd = sending_of(c);

	sd->sd_target = *tg;
	c->arg[at] = (long)&sd->sd_target.tg_sun;
	c->arg[at + 1] = (long)tg->tg_len;
}

static void
close_rump(struct call *c, int64_t fd)
{
	const int64_t args[BACKEND_SLOTS] = { fd };

	(void)rump_call(c, RUMP_SYS_close, args, NULL);
}

/* --- bind(2) ------------------------------------------------------------ */

struct binding {
	long bi_socket;
	const char *bi_name;
};

/* The kernel's node is made, and open at fd. */
static int
bind_host(struct call *c, const struct binding *bi, int64_t fd)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const int64_t wargs[BACKEND_SLOTS] = { fd, (int64_t)bi->bi_name,
		(int64_t)text_length(bi->bi_name) };
	const int64_t rargs[BACKEND_SLOTS] = { fd, (int64_t)sun.sun_path,
		sizeof(sun.sun_path) };
	int64_t n = 0;
	int error;

	error = rump_call(c, RUMP_SYS_write, wargs, NULL);
	if (error == 0)
		error = rump_call(c, RUMP_SYS_read, rargs, &n);
	if (error != 0)
		return error;
	/* A kernel that knows nothing of this has made a file. */
	if (n <= 0 || sun.sun_path[0] != '/')
		return EOPNOTSUPP;
	return (int)-HOST(
	    SYS_bind, bi->bi_socket, &sun, HEAD + (size_t)n, 0, 0, 0);
}

static bool
is_unix_socket(long fd, mode_t *mode)
{
	struct stat st;
	int domain = 0;
	socklen_t len = sizeof(domain);

	if (HOST(SYS_getsockopt, fd, SOL_SOCKET, SO_DOMAIN, &domain, &len, 0) !=
		0 ||
	    domain != AF_UNIX || HOST(SYS_fstat, fd, &st, 0, 0, 0, 0) != 0)
		return false;
	*mode = st.st_mode;
	return true;
}

static int
bind_op(struct call *c, const struct place *pl, void *arg)
{
	const struct binding *bi = arg;
	int64_t args[BACKEND_SLOTS] = { pl->pl_dirfd, (int64_t)pl->pl_path,
		RUMP_O_RDWR | RUMP_O_CREAT | RUMP_O_EXCL | RUMP_O_ALT_IO },
		fd;
	mode_t mode;
	int error;

	/* What is wrong with it, the host says. */
	if (!is_unix_socket(bi->bi_socket, &mode))
		return (int)-HOST(
		    c->nr, c->arg[0], c->arg[1], c->arg[2], 0, 0, 0);
	args[3] = S_IFSOCK | (mode & 07777);
	/* An open file. */
	if (pl->pl_path[0] == '\0')
		return EADDRINUSE;
	unixname_see();
	error = rump_call(c, RUMP_SYS_openat, args, &fd);
	if (error != 0)
		return error == EEXIST ? EADDRINUSE : error;
	error = bind_host(c, bi, fd);
	if (error != 0) {
		const int64_t uargs[BACKEND_SLOTS] = { pl->pl_dirfd,
			(int64_t)pl->pl_path };

		(void)rump_call(c, RUMP_SYS_unlinkat, uargs, NULL);
	}
	close_rump(c, fd);
	return error;
}

static long
bind_by(struct call *c, const char *path, unsigned flags)
{
	struct binding bi = { c->arg[0], path };
	struct target tg = { .tg_hostfd = -1, .tg_fd = -1 };
	struct place *pl;
	int error;

	error = find(c, path, flags | PLACE_NOFOLLOW, &pl, bind_op, &bi);
	if (error != 0 || pl->pl_rump)
		return route_result(error, 0);
	if (!pl->pl_changed)
		return CALL_TO_HOST;
	if (!make_address(&tg.tg_sun, &tg.tg_len, pl->pl_path))
		return -ENAMETOOLONG;
	redirect(c, 1, &tg);
	return CALL_TO_HOST;
}

/* Does a link of the host's lead to a mount? */
static long
bound(struct call *c)
{
	char path[NAME_MAX_UN + 1];
	long result;

	if ((c->result != -ENOENT && c->result != -ENOTDIR) ||
	    !read_path(c->arg[1], c->arg[2], path))
		return c->result;
	result = bind_by(c, path, PLACE_LINKS);
	return result == CALL_TO_HOST   ? c->result
	       : result == CALL_RESTART ? -EINTR
					: result;
}

long
unixname_bind(struct call *c)
{
	char path[NAME_MAX_UN + 1];
	long result;

	if (!read_path(c->arg[1], c->arg[2], path))
		return CALL_TO_HOST;
	result = bind_by(c, path, 0);
	return result == CALL_TO_HOST ? route_to_host(c, bound) : result;
}

/* --- connect(2) and sending ---------------------------------------------- */

/* What the host says of a file that is no socket, or of one that nobody has
 * bound. */
static int
open_error(int error)
{
	switch (error) {
	case EISDIR:
	case ENXIO:
	case ENODEV:
	case EOPNOTSUPP:
		return backend_reachable() ? ECONNREFUSED : error;
	default:
		return error;
	}
}

static int
target_op(struct call *c, const struct place *pl, void *arg)
{
	struct target *tg = arg;
	const int64_t args[BACKEND_SLOTS] = { pl->pl_dirfd,
		(int64_t)pl->pl_path,
		RUMP_O_WRONLY | RUMP_O_NONBLOCK | RUMP_O_ALT_IO };
	int error;

	if (pl->pl_path[0] == '\0')
		return ECONNREFUSED;
	error = rump_call(c, RUMP_SYS_openat, args, &tg->tg_fd);
	if (error != 0)
		return open_error(error);
	if (kernel.k_hostfd((int)tg->tg_fd, &tg->tg_hostfd) != 0) {
		close_rump(c, tg->tg_fd);
		return ECONNREFUSED;
	}
	/* A server has given us a duplicate. */
	if (backend_state == BACKEND_SERVER) {
		close_rump(c, tg->tg_fd);
		tg->tg_fd = -1;
	}
	return 0;
}

static void
target_release(struct call *c, const struct target *tg)
{
	if (tg->tg_fd >= 0)
		close_rump(c, tg->tg_fd);
	else if (tg->tg_hostfd >= 0)
		hidden_close(tg->tg_hostfd);
}

/* 0, an errno, or ROUTE_RESTART. */
static int
target_find(
    struct call *c, long addr, long len, unsigned flags, struct target *tg)
{
	char path[NAME_MAX_UN + 1], link[64];
	struct place *pl;
	struct text t;
	int error;

	*tg = (struct target){ .tg_hostfd = -1, .tg_fd = -1 };
	if (!read_path(addr, len, path))
		return 0;
	error = find(c, path, flags, &pl, target_op, tg);
	if (error != 0)
		return error;
	if (!pl->pl_rump)
		return pl->pl_changed && !make_address(&tg->tg_sun, &tg->tg_len,
					     pl->pl_path)
			   ? ENAMETOOLONG
			   : 0;
	unixname_see();
	text_init(&t, link, sizeof(link));
	text_put(&t, "/proc/self/fd/");
	text_dec(&t, tg->tg_hostfd);
	(void)make_address(&tg->tg_sun, &tg->tg_len, link);
	return 0;
}

static long
reached(struct call *c)
{
	target_release(c, &sending_of(c)->sd_target);
	return c->result;
}

/* The host did not find it: does one of its links lead to a mount? */
static long
missed(struct call *c)
{
	int at = c->nr == SYS_connect ? 1 : 4, error;
	struct target tg;
	long result;

	if (c->result != -ENOENT && c->result != -ENOTDIR)
		return c->result;
	error = target_find(c, c->arg[at], c->arg[at + 1], PLACE_LINKS, &tg);
	if (error != 0)
		return error > 0 ? -error : -EINTR;
	if (tg.tg_hostfd < 0)
		return c->result;
	redirect(c, at, &tg);
	result = HOST(c->nr, c->arg[0], c->arg[1], c->arg[2], c->arg[3],
	    c->arg[4], c->arg[5]);
	target_release(c, &tg);
	return result;
}

long
unixname_to(struct call *c, int at)
{
	struct target tg;
	int error;

	error = target_find(c, c->arg[at], c->arg[at + 1], 0, &tg);
	if (error != 0)
		return route_result(error, 0);
	/* Of other families, or without a path. */
	if (route_place(c) == NULL)
		return CALL_TO_HOST;
	if (tg.tg_len == 0)
		return route_to_host(c, missed);
	redirect(c, at, &tg);
	return route_to_host(c, reached);
}

/* --- messages ------------------------------------------------------------ */

static bool
read_header(const struct call *c, unsigned i, bool many, struct mmsghdr *mm)
{
	const struct mmsghdr *vec = (const struct mmsghdr *)c->arg[1];

	return usercopy_in(mm, many ? (const void *)&vec[i] : (const void *)vec,
		   many ? sizeof(*mm) : sizeof(mm->msg_hdr)) == 0;
}

static long
sent(struct call *c)
{
	const struct sending *sd = sending_of(c);
	long result = c->result;

	if (sd->sd_after != NULL)
		result = sd->sd_after(c);
	if (sd->sd_user != NULL && result > 0)
		(void)usercopy_out(&sd->sd_header.msg_len,
		    &sd->sd_user->msg_len, sizeof(sd->sd_user->msg_len));
	target_release(c, &sd->sd_target);
	return result;
}

/* The first message, alone, to a name of ours. */
static long
send_first(struct call *c, bool many, const struct mmsghdr *mm,
    const struct target *tg)
{
	struct sending *sd = sending_of(c);
	long result;

	*sd = (struct sending){
		.sd_target = *tg,
		.sd_user = many ? (struct mmsghdr *)c->arg[1] : NULL,
		.sd_header = *mm,
	};
	sd->sd_header.msg_hdr.msg_name = &sd->sd_target.tg_sun;
	sd->sd_header.msg_hdr.msg_namelen = tg->tg_len;
	c->arg[1] = (long)&sd->sd_header;
	c->arg[2] = many ? 1 : c->arg[2];
	result = rights_send(c, many);
	if (result != CALL_TO_HOST) {
		target_release(c, tg);
		return result;
	}
	sd->sd_after = c->after;
	return route_to_host(c, sent);
}

/*
 * Of several messages the host may send fewer than it is given: those before the
 * first that has such a name, or that one.
 */
long
unixname_send(struct call *c, bool many)
{
	unsigned n = many ? (unsigned)c->arg[2] : 1;
	struct mmsghdr mm = { 0 };
	struct target tg;
	int error;

	for (unsigned i = 0; i < n && i < MESSAGES_MAX; i++) {
		if (!read_header(c, i, many, &mm))
			break;
		error = target_find(c, (long)mm.msg_hdr.msg_name,
		    mm.msg_hdr.msg_namelen, 0, &tg);
		if (error == 0 && tg.tg_len == 0)
			continue;
		if (i == 0)
			return error != 0 ? route_result(error, 0)
					  : send_first(c, many, &mm, &tg);
		if (error == 0)
			target_release(c, &tg);
		c->arg[2] = i;
		break;
	}
	return rights_send(c, many);
}
