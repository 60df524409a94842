/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A socket belongs to the network of the thread that makes it, whatever becomes
 * of either, and so do the connections that it accepts.  So it is enough that
 * who is elsewhere makes the host's sockets itself; the kernel takes them over
 * (rump_hostsocket()).
 *
 * Nobody asks which namespace a thread has entered, nor whether it has come back:
 * this way to make a socket is right everywhere, and only a little longer.
 */
#include "preload/netspace.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "preload/abi/errno.h"
#include "preload/backend.h"
#include "preload/call.h"
#include "preload/config.h"
#include "preload/engine/thread.h"
#include "preload/hidden.h"
#include "preload/kernel.h"
#include "preload/remote.h"
#include "preload/route.h"
#include "preload/text.h"
#include "rump/rumpdefs.h"

#define OTHER "other"

/* A kernel in this process makes its host calls in the thread that asks, and one
 * that speaks the genuine protocol cannot be given anything. */
bool
netspace_has_server(void)
{
	return backend_state == BACKEND_SERVER && backend_reachable() &&
	       remote_kind() == CONFIG_KERNEL_FAST;
}

bool
netspace_is_other(void)
{
	return engine_thread.t_network && netspace_has_server();
}

int
netspace_socket(struct call *c, int family, int type, int64_t *fd)
{
	int protocol = (int)c->arg[2], error, rumpfd;
	long host;

	route_mark_rump(c, -1);
	host = HOST(
	    SYS_socket, c->arg[0], c->arg[1] | SOCK_CLOEXEC, protocol, 0, 0, 0);
	if (host >= 0)
		host = hidden_take((int)host);
	if (host < 0)
		return (int)-host;
	error = kernel.k_hostsocket(
	    family, type & ~RUMP_SOCK_CLOEXEC, protocol, (int)host, &rumpfd);
	hidden_close((int)host);
	if (error == 0)
		*fd = rumpfd;
	return abi_errno_to_linux(error);
}

size_t
netspace_exec_env(char *buf, size_t size)
{
	struct text t;

	if (!engine_thread.t_network)
		return 0;
	text_init(&t, buf, size);
	text_put(&t, NETSPACE_VARIABLE "=" OTHER);
	return t.t_len;
}

void
netspace_take(const char *value)
{
	engine_thread.t_network = text_equal(value, OTHER);
}
