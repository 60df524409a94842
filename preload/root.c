/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chroot(2).  To a directory of the host: mounts below it stay where they are,
 * the others are out of reach.
 *
 * To a directory of the kernel's: its process has that root directory, and all
 * absolute paths of the program are the kernel's.  The host's process keeps the
 * root that it has, which only the library knows about: from there it loads
 * itself into what is executed, and has /proc for itself.  As on the host the
 * working directory stays, and what is open can be used.
 *
 * Programs come back by a descriptor of the old root directory, fchdir(2) and
 * chroot(2): the kernel's process, too, by one of its own.  It is lost in an exec;
 * then there is no way back.
 */
#include "preload/root.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "preload/abi/errno.h"
#include "preload/backend.h"
#include "preload/call.h"
#include "preload/cred.h"
#include "preload/cwd.h"
#include "preload/cwdshare.h"
#include "preload/engine/late.h"
#include "preload/kernel.h"
#include "preload/names.h"
#include "preload/pool.h"
#include "preload/process.h"
#include "preload/resolve.h"
#include "preload/route.h"
#include "preload/text.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "syscall_table/linux_routes.h"

/* The kernel's path of the root directory, for an image that starts a kernel of
 * its own; a process changes it alone. */
static LATE char root_path[PATHBUF_SIZE];
/* The kernel's own root directory, open there; -1: not before it is needed, or
 * lost. */
static atomic_int way_back = -1;

static bool
may_change(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	return HOST(SYS_capget, &head, data, 0, 0, 0, 0) == 0 &&
	       (data[CAP_TO_INDEX(CAP_SYS_CHROOT)].effective &
		   CAP_TO_MASK(CAP_SYS_CHROOT)) != 0;
}

/* --- to a directory of the kernel's --------------------------------------- */

/* The path of directory fd below the root directory that is, or "": a server has
 * no need of it. */
static int
path_of(struct call *c, int64_t fd, char *path)
{
	int64_t args[BACKEND_SLOTS] = { fd, (int64_t)RUMP_F_GETPATH,
		(int64_t)path };
	int error = 0;

	path[0] = '\0';
	if (backend_state == BACKEND_HERE)
		error = rump_call(c, RUMP_SYS_fcntl, args, NULL);
	if (path[0] == '/' && path[1] == '\0')
		path[0] = '\0';
	return error;
}

static void
append_path(const char *path)
{
	struct text t;

	text_continue(&t, root_path, sizeof(root_path));
	text_put(&t, path);
}

static void
keep_way_back(struct call *c)
{
	int64_t args[BACKEND_SLOTS] = { RUMP_AT_FDCWD, (int64_t) "/",
		RUMP_O_RDONLY | RUMP_O_DIRECTORY | RUMP_O_CLOEXEC };
	int64_t fd;

	if (!names_entered() && way_back < 0 &&
	    rump_call(c, RUMP_SYS_openat, args, &fd) == 0)
		atomic_store(&way_back, (int)fd);
}

static void
tell_entered(void)
{
	if (names_entered())
		return;
	if (cwd_is_shared()) {
		cwdshare_tell_root("");
		cwdshare_look();
	} else {
		(void)names_enter();
	}
}

/* fd: the directory. */
static int
enter(struct call *c, int64_t fd)
{
	int64_t args[BACKEND_SLOTS] = { fd };
	char *path = pool_get(&pathbufs);
	int error;

	if (path == NULL)
		return ENOMEM;
	keep_way_back(c);
	error = path_of(c, fd, path);
	if (error == 0)
		error = rump_call(c, RUMP_SYS_fchroot, args, NULL);
	if (error == 0) {
		append_path(path);
		tell_entered();
	}
	pool_put(&pathbufs, path);
	return error;
}

/* That it may not be is said last. */
static int
enter_place(struct call *c, const struct place *pl)
{
	const char *path = pl->pl_path[0] != '\0' ? pl->pl_path : ".";
	int64_t args[BACKEND_SLOTS] = { pl->pl_dirfd, (int64_t)path,
		RUMP_O_SEARCH | RUMP_O_DIRECTORY | RUMP_O_CLOEXEC };
	int64_t fd;
	int error = rump_call(c, RUMP_SYS_openat, args, &fd);

	if (error != 0)
		return error;
	error = may_change() ? enter(c, fd) : EPERM;
	args[0] = fd;
	(void)rump_call(c, RUMP_SYS_close, args, NULL);
	return error;
}

/* --- to one of the host's -------------------------------------------------- */

/* The host's own path of what c names, in pl_path and for the call: without
 * symbolic links.  False: it is not a directory that could be opened. */
static bool
find_real(struct call *c, struct place *pl)
{
	long fd = HOST(SYS_openat, AT_FDCWD, c->arg[0],
	    O_PATH | O_DIRECTORY | O_CLOEXEC, 0, 0, 0);
	int error;

	if (fd < 0)
		return false;
	error = cwd_host_path(fd, pl->pl_path, sizeof(pl->pl_path));
	HOST(SYS_close, fd, 0, 0, 0, 0, 0);
	return error == 0;
}

static void
tell_changed(const char *root)
{
	if (cwd_is_shared()) {
		/* "" is a root of the kernel's. */
		cwdshare_tell_root(*root != '\0' ? root : "/");
		cwdshare_look();
	} else if (process_owns_memory()) {
		(void)names_chroot(root);
	}
}

/* The kernel's process leaves its own root directory, too. */
static int
leave(struct call *c)
{
	int64_t args[BACKEND_SLOTS] = { way_back };
	int error = rump_call(c, RUMP_SYS_fchroot, args, NULL);

	if (error == 0)
		root_path[0] = '\0';
	return error;
}

static long
changed(struct call *c)
{
	struct place *pl = route_place(c);

	if (c->result != 0 || pl == NULL)
		return c->result;
	if (names_entered() && leave(c) != 0)
		return -EPERM;
	tell_changed(pl->pl_path);
	return 0;
}

static long
change_host(struct call *c, struct place *pl)
{
	if (names_entered() &&
	    (way_back < 0 || !process_owns_memory() || !find_real(c, pl))) {
		route_note(c, "no way back to the host's root directory");
		return -EPERM;
	}
	if (pl->pl_changed)
		c->arg[0] = (long)pl->pl_path;
	return route_to_host(c, changed);
}

/* --- the call --------------------------------------------------------------- */

/* A vfork child's memory is its parent's, whose root directory stays; and the
 * kernel has one for all threads. */
static long
refuse(struct call *c)
{
	route_note(c, "not by a part of a process");
	return -EPERM;
}

static long
chroot_run(struct call *c)
{
	struct place *pl = place_get(c);
	int error;

	if (pl == NULL || names_reserve() != 0)
		return -ENOMEM;
	if (cwd_is_shared() && !cwdshare_may_root())
		return -EAGAIN;
	error = place_find(pl, AT_FDCWD, c->arg[0], PLACE_ABSOLUTE);
	while (error == 0 && pl->pl_rump) {
		route_mark_rump(c, pl->pl_rule);
		if (!process_owns_memory() || cwd_is_apart())
			return refuse(c);
		error = enter_place(c, pl);
		if (error != ROUTE_ESCAPED)
			return route_result(error, 0);
		error = place_escaped(pl, PLACE_ABSOLUTE);
	}
	return error != 0 ? -error : change_host(c, pl);
}
ROUTE(chroot, chroot_run)

/* --- from image to image ---------------------------------------------------- */

size_t
root_exec_env(char *buf, size_t size)
{
	struct text t;

	if (router_idle || !names_entered())
		return 0;
	text_init(&t, buf, size);
	text_put(&t, ROOT_VARIABLE "=");
	text_put(&t, root_path[0] != '\0' ? root_path : "/");
	return t.t_len;
}

/* The image before was allowed to; this one may have lost that since. */
static long
go_there(const char *path)
{
	int64_t args[BACKEND_SLOTS] = { (int64_t)path }, retval[2];
	long error;

	kernel.k_set_hostcred(0, 0, 0, 0, 0, NULL);
	error = rump_backend_syscall(RUMP_SYS_chroot, args, retval);
	cred_set_process();
	return error;
}

int
root_inherit(const char *path)
{
	struct text t;
	long error;

	if (path[0] != '/')
		return EINVAL;
	error = backend_state == BACKEND_HERE ? go_there(path) : 0;
	if (error != 0)
		return error < 0 ? EINTR : abi_errno_to_linux((int)error);
	text_init(&t, root_path, sizeof(root_path));
	text_put(&t, path[1] != '\0' ? path : "");
	return names_enter() ? 0 : ENOMEM;
}
