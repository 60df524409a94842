/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries of entries.h.  A file (KIND f) is opened again by the
 * program's path, which may contain anything and has LENGTH bytes.  A socket
 * (s) is a host socket, whose descriptor, POSITION, stays open for once: a new
 * one of the kernel is made around it.  What has no path, an
 * O_PATH descriptor of a symbolic link, is lost (x).  The new image finds the
 * old placeholders at the numbers.
 *
 * A child of the kernel's process has nothing to hand on; but the next image is
 * to know which numbers belong to the kernel (k; FLAGS 1: a socket), so that it
 * can say why they are of no use.
 *
 * Record locks and flock(2) do not cross, nor do members of an epoll set that
 * does.
 */
#include "preload/inherit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "preload/abi/errno.h"
#include "preload/abi/open.h"
#include "preload/abi/socket.h"
#include "preload/backend.h"
#include "preload/call.h"
#include "preload/cwd.h"
#include "preload/entries.h"
#include "preload/fdmap.h"
#include "preload/handover.h"
#include "preload/kernel.h"
#include "preload/pool.h"
#include "preload/process.h"
#include "preload/readiness.h"
#include "preload/remote.h"
#include "preload/resolve.h"
#include "preload/route.h"
#include "preload/text.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumperr.h"
#include "rump/rumphost.h"

#define LOST_MAX 64 /* bytes of an entry without a path */
#define MAXLINKS 40
/* Flags that have had their effect. */
#define NOT_AGAIN (O_CREAT | O_EXCL | O_TRUNC | O_NOFOLLOW)

/* 0, RUMP_ENAMESPACE or another error of the kernel's. */
static long
kernel_call(int num, int64_t a, int64_t b, int64_t d, int64_t e, int64_t *value)
{
	int64_t args[BACKEND_SLOTS] = { a, b, d, e }, retval[2];
	long error = rump_backend_syscall(num, args, retval);

	if (error == 0 && value != NULL)
		*value = retval[0];
	return error;
}

/* --- the old image ----------------------------------------------------- */

/* A number of the kernel's in another process. */
static void
put_number(struct text *t, long fd, bool socket)
{
	text_dec(t, fd);
	text_put(t, ",k");
	entry_put_fields(t, socket, 0, 0, "");
}

static int
flags_of(const struct rfile *rf, int64_t *flags)
{
	int64_t nflags;

	*flags = O_PATH;
	if (rf->rf_path_only)
		return 0;
	if (kernel_call(
		RUMP_SYS_fcntl, rf->rf_fd, RUMP_F_GETFL, 0, 0, &nflags) != 0)
		return EBADF;
	*flags = abi_open_to_linux((int)nflags) & ~NOT_AGAIN;
	return 0;
}

static bool
put_file(struct text *t, const struct rfile *rf)
{
	int64_t flags, position = 0;
	struct rump_stat st;

	if (rf->rf_path == NULL || flags_of(rf, &flags) != 0 ||
	    kernel_call(RUMP_SYS_fstat, rf->rf_fd, (int64_t)&st, 0, 0, NULL) !=
		0)
		return false;
	/* A listing starts again. */
	if ((st.st_mode & S_IFMT) != S_IFDIR)
		(void)kernel_call(
		    RUMP_SYS_lseek, rf->rf_fd, 0, 0, RUMP_SEEK_CUR, &position);
	text_put(t, ",f");
	entry_put_fields(t, flags, position, st.st_ino, rf->rf_path);
	return true;
}

static bool
put_socket(struct text *t, struct rfile *rf)
{
	int64_t flags;
	int hostfd;

	if (member_of_file(rf, &hostfd) != MEMBER_PROXY ||
	    flags_of(rf, &flags) != 0)
		return false;
	text_put(t, ",s");
	entry_put_fields(t, flags, hostfd, 0, "");
	return true;
}

static void
put_state(struct text *t, struct rfile *rf)
{
	bool done = false;

	if (rf->rf_kind == RF_FILE)
		done = put_file(t, rf);
	else if (rf->rf_kind == RF_SOCKET)
		done = put_socket(t, rf);
	if (done)
		return;
	text_put(t, ",x");
	entry_put_fields(t, 0, 0, 0, "");
}

static void
put_all(struct text *t)
{
	for (long fd = fdmap_next(0); fd >= 0; fd = fdmap_next(fd + 1)) {
		struct rfile *rf;
		int error;

		rf = fdmap_get_rump(fd, &error);
		if (rf == NULL)
			continue;
		if (entry_crosses(fd) && !entry_is_known(fd, rf)) {
			entry_put_numbers(t, fd, rf);
			put_state(t, rf);
		}
		(void)fdmap_put(rf);
	}
}

/* In a child of the kernel's process, as far as there is room. */
static void
put_lost(struct text *t)
{
	for (long fd = fdmap_next(0);
	     fd >= 0 && t->t_len + LOST_MAX < t->t_size;
	     fd = fdmap_next(fd + 1)) {
		struct rfile *rf;
		int error;

		rf = fdmap_get_rump(fd, &error);
		if (rf == NULL)
			continue;
		if (entry_crosses(fd))
			put_number(t, fd, rf->rf_kind == RF_SOCKET);
		(void)fdmap_put(rf);
	}
}

/* What a child of vfork(2) has given its program stands in no table. */
static void
put_streams(struct text *t)
{
	for (long fd = 0; fd <= 2; fd++) {
		if (fdmap_is_rump(fd) || !fdmap_is_placeholder(fd) ||
		    !entry_crosses(fd))
			continue;
		put_number(t, fd, false);
	}
}

size_t
inherit_exec_env(char *buf, size_t size)
{
	struct text t;
	size_t empty;

	if (backend_state == BACKEND_SERVER)
		return handover_exec_env(buf, size);
	text_init(&t, buf, size);
	text_put(&t, INHERIT_VARIABLE "=");
	empty = t.t_len;
	if (backend_reachable())
		put_all(&t);
	else
		put_lost(&t);
	if (!process_owns_memory())
		put_streams(&t);
	return t.t_len == empty ? 0 : t.t_len;
}

int
inherit_check(void)
{
	char *buf;
	size_t len;

	if (backend_state == BACKEND_SERVER)
		return handover_check();
	if (!backend_reachable() || fdmap_next(0) < 0)
		return 0;
	buf = waitmem_get(ENTRIES_MAX, NULL);
	if (buf == NULL)
		return ENOMEM;
	len = inherit_exec_env(buf, ENTRIES_MAX);
	waitmem_put(buf);
	return len + 1 < ENTRIES_MAX ? 0 : E2BIG;
}

/* The host sockets of those that cross stay open, or not. */
static void
mark_sockets(bool open)
{
	for (long fd = fdmap_next(0); fd >= 0; fd = fdmap_next(fd + 1)) {
		struct rfile *rf;
		int error, hostfd;

		rf = fdmap_get_rump(fd, &error);
		if (rf == NULL)
			continue;
		if (rf->rf_kind == RF_SOCKET && entry_crosses(fd) &&
		    member_of_file(rf, &hostfd) == MEMBER_PROXY)
			HOST(SYS_fcntl, hostfd, F_SETFD, open ? 0 : FD_CLOEXEC,
			    0, 0, 0);
		(void)fdmap_put(rf);
	}
}

void
inherit_begin(void)
{
	if (backend_state == BACKEND_SERVER) {
		remote_keep(true);
		cwd_keep(true);
	} else if (backend_reachable()) {
		mark_sockets(true);
	}
}

void
inherit_failed(void)
{
	if (backend_state == BACKEND_SERVER) {
		remote_keep(false);
		cwd_keep(false);
	} else if (backend_reachable()) {
		mark_sockets(false);
	}
}

/* --- the new image ----------------------------------------------------- */

/* Open pl in the kernel, through links that leave it and come back. */
static int
open_links(struct place *pl, int nflags, int64_t *fd)
{
	long error;
	int left;

	for (int i = 0; i < MAXLINKS; i++) {
		if (!pl->pl_rump)
			return ENOENT;
		error = kernel_call(RUMP_SYS_openat, pl->pl_dirfd,
		    (int64_t)pl->pl_path, nflags, 0, fd);
		if (error >= 0)
			return abi_errno_to_linux((int)error);
		left = error == RUMP_ENAMESPACE ? place_escaped(pl, 0) : EINTR;
		if (left != 0)
			return left;
	}
	return ELOOP;
}

/* 0 and a descriptor of the kernel's, at the old position, and the rule. */
static int
open_again(const struct entry *e, int64_t *fd, int *rule)
{
	struct place *pl = place_create();
	struct rump_stat st;
	int nflags, error;

	if (pl == NULL)
		return ENOMEM;
	error = abi_open_to_netbsd((int)e->e_flags & ~NOT_AGAIN, &nflags);
	if (error == 0)
		error = place_decide(pl, e->e_path);
	if (error == 0)
		error = open_links(pl, nflags & ~RUMP_O_CLOEXEC, fd);
	*rule = pl->pl_rule;
	place_destroy(pl);
	if (error != 0)
		return error;
	if (kernel_call(RUMP_SYS_fstat, *fd, (int64_t)&st, 0, 0, NULL) != 0 ||
	    st.st_ino != e->e_inode)
		error = ESTALE;
	else if (e->e_position > 0 &&
		 kernel_call(RUMP_SYS_lseek, *fd, 0, e->e_position,
		     RUMP_SEEK_SET, NULL) != 0)
		error = EIO;
	if (error != 0)
		(void)kernel_call(RUMP_SYS_close, *fd, 0, 0, 0, NULL);
	return error;
}

/* Give number, a file of ours, the inherited numbers instead; or, negative,
 * close these. */
static void
set_numbers(const char *p, long number)
{
	int fd;

	while ((fd = entry_next_number(&p)) >= 0) {
		if (!entry_is_left(fd))
			continue;
		if (number < 0)
			HOST(SYS_close, fd, 0, 0, 0, 0, 0);
		else
			(void)fdmap_dup2(number, fd, -1);
	}
	if (number >= 0)
		(void)fdmap_close(number);
}

/* A number, or -errno. */
static long
take_file(const struct entry *e)
{
	int64_t fd = -1;
	int rule, error = open_again(e, &fd, &rule);

	if (error != 0)
		return -error;
	return fdmap_install_path((int)fd, RF_FILE, rule,
	    (e->e_flags & O_PATH) != 0, false, string_keep(e->e_path));
}

static bool
socket_option(int fd, int name, int *value)
{
	socklen_t len = sizeof(*value);

	return HOST(SYS_getsockopt, fd, SOL_SOCKET, name, value, &len, 0) == 0;
}

/* The host socket that a socket's entry names, or -1. */
static int
old_socket(const struct entry *e)
{
	int fd = (int)e->e_position, type;

	return fd == e->e_position && !fdmap_is_hidden(fd) &&
		       socket_option(fd, SO_TYPE, &type)
		   ? fd
		   : -1;
}

/* The kernel's socket around host socket old.  0 or a Linux errno. */
static int
socket_around(int old, int *fd)
{
	int value[3], family, type, error;

	if (!socket_option(old, SO_DOMAIN, &value[0]) ||
	    !socket_option(old, SO_TYPE, &value[1]) ||
	    !socket_option(old, SO_PROTOCOL, &value[2]))
		return EBADF;
	error = abi_family_to_netbsd(value[0], &family);
	if (error == 0)
		error = abi_socktype_to_netbsd(value[1], &type);
	if (error != 0)
		return error;
	return abi_errno_to_linux(
	    kernel.k_hostsocket(family, type, value[2], old, fd));
}

static long
take_socket(const struct entry *e)
{
	int64_t nflags = abi_status_to_netbsd((int)e->e_flags);
	int fd = -1, error = socket_around(old_socket(e), &fd);

	if (error != 0)
		return -error;
	(void)kernel_call(RUMP_SYS_fcntl, fd, RUMP_F_SETFL, nflags, 0, NULL);
	return fdmap_install(fd, RF_SOCKET, NS_HOST, false, false);
}

/* The number of a file of ours, or -errno. */
static long
take_entry_over(const struct entry *e)
{
	/* Without a kernel here its descriptor is never used. */
	if (!backend_reachable())
		return fdmap_install(0,
		    e->e_kind == 's' || e->e_flags == 1 ? RF_SOCKET : RF_FILE,
		    NS_HOST, false, false);
	if (e->e_kind == 'f')
		return take_file(e);
	if (e->e_kind == 's')
		return take_socket(e);
	return -EOPNOTSUPP;
}

static void
take_over(const struct entry *e)
{
	const char *first = e->e_numbers;
	long number;
	int error;

	if (!entry_is_left(entry_next_number(&first)))
		return;
	number = take_entry_over(e);
	if (e->e_kind == 's' && old_socket(e) >= 0)
		HOST(SYS_close, old_socket(e), 0, 0, 0, 0, 0);
	if (number >= 0) {
		set_numbers(e->e_numbers, number);
		return;
	}
	first = e->e_numbers;
	error = (int)-number;
	engine_say("descriptor %d: %s: open before exec, and now %s (%s):"
		   " closed",
	    entry_next_number(&first), e->e_path[0] != '\0' ? e->e_path : "?",
	    error == ESTALE ? "another file" : "not to be had",
	    rump_strerror(abi_errno_to_netbsd(error)));
	set_numbers(e->e_numbers, -1);
}

void
inherit_open(const char *value)
{
	struct entry *e;

	if (backend_state == BACKEND_SERVER) {
		handover_take(value);
		return;
	}
	e = waitmem_get(sizeof(*e), NULL);
	while (e != NULL && *value != '\0') {
		if (!entry_take(&value, e)) {
			engine_say(INHERIT_VARIABLE " is not understood");
			break;
		}
		take_over(e);
	}
	if (e != NULL)
		waitmem_put(e);
}
