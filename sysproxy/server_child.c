/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fork of a fast client.  The client makes a pair of sockets, sends us one end
 * and goes on at once; the other one is its child's connection.  The process of
 * the kernel is copied here, by the loop, when it is that message's turn.  What
 * the client calls afterwards says how many children there have been before it,
 * and waits until there are so many: the copy does not have what comes later.
 */
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rump/rump.h"
#include "rump/rumpdefs.h"
#include "rump/rumpuser.h"
#include "rump/rumpuser_host.h"

#include "rumpuser/cpu.h"
#include "sysproxy/server.h"
#include "sysproxy/server_worker.h"

static int
copy_process(struct client *c, struct client *parent)
{
	char comm[sizeof(parent->c_comm)];
	int error;

	pthread_mutex_lock(&parent->c_lock);
	memcpy(comm, parent->c_comm, sizeof(comm));
	pthread_mutex_unlock(&parent->c_lock);
	if (!worker_bind_lwp(parent))
		return RUMP_ESRCH;
	error = client_rfork(c, RUMP_RFFDG, comm);
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

/* The child hears why, if it ever listens. */
static void
refuse(int fd, int error)
{
	struct fast_message m = {
		.fm_type = FAST_REFUSED,
		.fm_arg = (uint32_t)error,
	};

	(void)send(fd, &m, sizeof(m), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void
make(struct client *parent, int fd)
{
	struct client *c = client_create(fd, CLIENT_FAST);
	int error;

	if (c == NULL) {
		refuse(fd, RUMP_ENOMEM);
		(void)close(fd);
		return;
	}
	error = client_pend(c, parent);
	if (error == 0)
		error = copy_process(c, parent);
	if (error == 0)
		error = copy_maps(c, parent);
	if (error == 0)
		error = control_begin(c);
	if (error == 0)
		return;
	refuse(fd, error);
	client_destroy(c);
}

void
child_make(struct client *parent, int fd)
{
	if (fd >= 0)
		make(parent, fd);
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
