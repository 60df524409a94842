/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel knows a FIFO of the host behind its node (vfs/fifo.h).  The call
 * goes on with that one's name below /proc/self/fd, and waits on the host for
 * the other end; the program gets a descriptor of the host.  Until then a rump
 * descriptor keeps the FIFO.
 *
 * scratch[5]  rump descriptor + 1
 * scratch[6]  host descriptor + 1 that is ours to close, or 0
 */
#include "preload/fifo.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include "preload/backend.h"
#include "preload/hidden.h"
#include "preload/kernel.h"
#include "preload/resolve.h"
#include "preload/route.h"
#include "preload/text.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpdefs.h"

/* What has been looked at by the kernel, and what would not go with a name that
 * is a link. */
#define DONE_FLAGS (O_CREAT | O_EXCL | O_NOFOLLOW | O_TRUNC)

static void
fifo_done(struct call *c)
{
	int64_t args[BACKEND_SLOTS] = { (int64_t)c->scratch[5] - 1 };

	(void)rump_call(c, RUMP_SYS_close, args, NULL);
	if (c->scratch[6] != 0)
		hidden_close((int)c->scratch[6] - 1);
}

static long
fifo_after(struct call *c)
{
	fifo_done(c);
	return c->result;
}

/* The call as the host is to make it. */
static void
redirect(struct call *c, const char *path)
{
	switch (c->nr) {
	case SYS_creat:
		c->arg[0] = (long)path;
		break;
	case SYS_open:
		c->arg[0] = (long)path;
		c->arg[1] &= ~(long)DONE_FLAGS;
		break;
	case SYS_openat:
		c->arg[1] = (long)path;
		c->arg[2] &= ~(long)DONE_FLAGS;
		break;
	default: /* openat2 */
		c->arg[1] = (long)path;
		break;
	}
}

static int
fifo_host(struct call *c, int fd)
{
	struct place *pl = route_place(c);
	struct text t;
	int hostfd;

	if (kernel.k_hostfd(fd, &hostfd) != 0)
		return ENXIO;
	if (backend_state == BACKEND_SERVER)
		c->scratch[6] = (uint64_t)hostfd + 1;
	text_init(&t, pl->pl_path, sizeof(pl->pl_path));
	text_put(&t, "/proc/self/fd/");
	text_dec(&t, hostfd);
	redirect(c, pl->pl_path);
	return 0;
}

int
fifo_open(struct call *c, const struct place *pl, int nflags, int64_t *value)
{
	int64_t args[BACKEND_SLOTS] = { pl->pl_dirfd, (int64_t)pl->pl_path,
		(nflags | RUMP_O_ALT_IO | RUMP_O_NONBLOCK) & ~RUMP_O_CLOEXEC },
		fd;
	int error;

	error = rump_call(c, RUMP_SYS_openat, args, &fd);
	if (error != 0)
		return error == EOPNOTSUPP && backend_reachable() ? ENXIO
								  : error;
	c->scratch[5] = (uint64_t)fd + 1;
	c->scratch[6] = 0;
	error = fifo_host(c, (int)fd);
	if (error != 0) {
		fifo_done(c);
		return error;
	}
	*value = route_to_host(c, fifo_after);
	return 0;
}
