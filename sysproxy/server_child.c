/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fork of a fast client.  The client makes a pair of sockets, sends us one end
 * and goes on at once; the other one is its child's connection.  The process of
 * the kernel is copied here, by the loop, when it is that message's turn.  What
 * the client calls afterwards says how many children there have been before it,
 * and waits until there are so many: the copy does not have what comes later.
 *
 * Whoever sends us both ends of a connection, or its own, would have us wait for
 * our own end.  So we speak first: no client says MADE, and the connection where
 * we hear it ends.  A child hears there why it has no process, too.
 */
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "rump/rump.h"
#include "rump/rumpdefs.h"
#include "rump/rumpuser.h"
#include "rump/rumpuser_host.h"

#include "rumpuser/cpu.h"
#include "sysproxy/server.h"
#include "sysproxy/server_lane.h"
#include "sysproxy/server_worker.h"

static int
copy_process(struct client *c, struct client *parent, uint32_t shares)
{
	int flags = (shares & FAST_SHARES) != 0 ? RUMP_RFFD_SHARE : RUMP_RFFDG;
	char comm[sizeof(parent->c_comm)];
	int error;

	pthread_mutex_lock(&parent->c_lock);
	memcpy(comm, parent->c_comm, sizeof(comm));
	pthread_mutex_unlock(&parent->c_lock);
	if (!worker_bind_lwp(parent))
		return RUMP_ESRCH;
	if ((shares & FAST_SHARES_CWD) != 0)
		flags |= RUMP_RFCWD_SHARE;
	error = client_rfork(c, flags, comm);
	worker_unbind_lwp();
	return error;
}

static int
copy_maps(struct client *c, struct client *parent)
{
	struct maps *from = parent->c_maps;

	if (from == NULL)
		return 0;
	c->c_maps = maps_copy(from);
	return c->c_maps != NULL ? 0 : RUMP_ENOMEM;
}

static void
say(int fd, enum fast_type type, int error)
{
	struct fast_message m = {
		.fm_type = type,
		.fm_arg = (uint32_t)error,
	};

	(void)send(fd, &m, sizeof(m), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* A connected stream: nothing else tells us when its other end is gone. */
static bool
is_connection(int fd)
{
	int domain = 0, type = 0;
	socklen_t len = sizeof(int);
	struct sockaddr_un sun;
	socklen_t namelen = sizeof(sun);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
	       domain == AF_UNIX &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	       type == SOCK_STREAM &&
	       getpeername(fd, (struct sockaddr *)&sun, &namelen) == 0;
}

/* What others have is watched. */
static void
inherit_sharing(struct client *c, struct client *parent, uint32_t shares)
{
	if ((shares & FAST_SHARES_CWD) != 0) {
		atomic_store(&parent->c_mask, true);
		atomic_store(&c->c_mask, true);
	}
	if ((shares & FAST_SHARES) != 0)
		parent->c_shares = true;
	c->c_shares = parent->c_shares;
	if ((shares & FAST_SHARES) != 0 && parent->c_pidfd >= 0)
		life_watch(parent);
}

struct client *
child_create(int fd, struct lane *ln)
{
	struct client *c = NULL;

	if (is_connection(fd)) {
		c = client_create(fd, CLIENT_FAST);
		if (c != NULL)
			return c;
		say(fd, FAST_REFUSED, RUMP_ENOMEM);
	}
	lane_close(ln, fd);
	return NULL;
}

void
child_begin(struct client *c, int error)
{
	if (error == 0) {
		say(c->c_fd, FAST_MADE, 0);
		error = control_begin(c);
	}
	if (error == 0)
		return;
	say(c->c_fd, FAST_REFUSED, error);
	client_destroy(c);
}

static void
make(struct client *parent, int fd, uint32_t shares)
{
	struct client *c = child_create(fd, parent->c_lane);
	int error;

	if (c == NULL)
		return;
	inherit_sharing(c, parent, shares);
	counts_join(c, parent);
	atomic_store(&c->c_uid, parent->c_uid); /* until it speaks */
	error = client_pend(c, &parent->c_pending);
	if (error == 0)
		error = copy_process(c, parent, shares);
	if (error == 0)
		error = copy_maps(c, parent);
	child_begin(c, error);
}

void
child_make(struct client *parent, int fd, uint32_t shares)
{
	if (fd >= 0)
		make(parent, fd, shares);
	atomic_fetch_add(&parent->c_children, 1);
	(void)rumpuser_host_syscall(SYS_futex, &parent->c_children,
	    FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX, 0, 0, 0);
}

bool
child_await(struct worker *w, uint32_t number)
{
	_Atomic uint32_t *made = &w->w_client->c_children;
	uint32_t now;

	while ((int32_t)(number - (now = atomic_load(made))) > 0) {
		const long args[6] = { (long)made,
			FUTEX_WAIT | FUTEX_PRIVATE_FLAG, now };

		if (atomic_load(&w->w_stop) != 0)
			return false;
		(void)rumpuser_hostops.ho_syscall_intr(
		    (const volatile uint32_t *)&w->w_stop, SYS_futex, args);
	}
	return true;
}
