/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The door of a tree, see sysproxy/fast.h.  It is one user's, so that who becomes
 * another one has a connection, and no door, before it does.  The first process
 * that needs a door opens it by its connection, which may do so once.
 *
 * It stays open across exec: whatever a program executes has this library.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "preload/abi/errno.h"
#include "preload/call.h"
#include "preload/config.h"
#include "preload/fdshare.h"
#include "preload/hidden.h"
#include "preload/nofile.h"
#include "preload/process.h"
#include "preload/remote.h"
#include "preload/remote_link.h"
#include "preload/text.h"
#include "rump/rumpdefs.h"
#include "rump/rumperr.h"

bool
remote_door_attach(struct remote *rm, int fd)
{
	rm->rm_door = fd;
	if (fd < 0)
		return true;
	if (remote_socket_option(fd, SO_DOMAIN) == AF_UNIX &&
	    remote_socket_option(fd, SO_TYPE) == SOCK_SEQPACKET &&
	    hidden_adopt(fd, &rm->rm_door) >= 0)
		return true;
	rm->rm_door = DOOR_SHUT;
	return false;
}

/* A pair of sockets: the first out of the program's way, the other one for the
 * server, which may be spoken to before it listens.  0 or a Linux errno. */
static int
make_pair(int type, int fds[2])
{
	const int on = 1;
	long r;

	r = nofile_socketpair(type, fds);
	if (r < 0)
		return (int)-r;
	HOST(SYS_setsockopt, fds[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on),
	    0);
	r = hidden_take(fds[0]);
	if (r < 0) {
		HOST(SYS_close, fds[1], 0, 0, 0, 0, 0);
		return (int)-r;
	}
	fds[0] = (int)r;
	return 0;
}

int
remote_pair(int fds[2])
{
	return make_pair(SOCK_STREAM, fds);
}

static bool
may_open(const struct remote *rm)
{
	return rm->rm_door == DOOR_NONE && rm == remote_of_memory() &&
	       rm->rm_fd >= 0 && process_owns_memory() &&
	       config.cf_server == NULL;
}

/* The server has not come by it, or has ended. */
static bool
leads_nowhere(int door)
{
	struct pollfd pfd = { .fd = door };

	return HOST(SYS_poll, &pfd, 1, 0, 0, 0, 0) == 1 &&
	       (pfd.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

/* Who shares descriptors closes nothing for the others. */
static void
close_door(struct remote *rm)
{
	int fd = rm->rm_door;

	rm->rm_door = DOOR_SHUT;
	if (fd >= 0 && !fdshare_on())
		hidden_close(fd);
}

bool
remote_door_open(struct remote *rm)
{
	const struct fast_message fm = { .fm_type = FAST_DOOR };
	const struct iovec iov = { (void *)(uintptr_t)&fm, sizeof(fm) };
	int fds[2];
	long r;

	if (rm->rm_door >= 0 && leads_nowhere(rm->rm_door))
		close_door(rm);
	if (rm->rm_door >= 0)
		return true;
	if (!may_open(rm) || make_pair(SOCK_SEQPACKET, fds) != 0)
		return false;
	r = remote_send_right(rm->rm_fd, &iov, 1, fds[1]);
	HOST(SYS_close, fds[1], 0, 0, 0, 0, 0);
	if (r != sizeof(fm)) {
		hidden_close(fds[0]);
		return false;
	}
	HOST(SYS_fcntl, fds[0], F_SETFD, 0, 0, 0, 0);
	if (hidden_adopt(fds[0], &rm->rm_door) < 0)
		rm->rm_door = DOOR_SHUT;
	return rm->rm_door >= 0;
}

/* 0 or an error of the kernel's. */
static int
knock(const struct remote *rm, int connection)
{
	char name[FAST_COMM] = "";
	struct fast_message fm = { .fm_type = FAST_CHILD };
	struct iovec iov[2] = { { &fm, sizeof(fm) }, { name, 0 } };
	long r;

	HOST(SYS_prctl, PR_GET_NAME, name, 0, 0, 0, 0);
	iov[1].iov_len = fm.fm_len = (uint32_t)text_length(name);
	do
		r = remote_send_right(rm->rm_door, iov, 2, connection);
	while (r == -EINTR);
	if (r == (long)(sizeof(fm) + fm.fm_len))
		return 0;
	return r == -ETOOMANYREFS || r == -ENOMEM || r == -ENOBUFS
		   ? RUMP_EAGAIN
		   : RUMP_ENOTCONN;
}

/* Others look at rm_fd as soon as it is there. */
int
remote_door_enter(struct remote *rm)
{
	int fds[2] = { -1, -1 }, error;

	if (rm->rm_door < 0) {
		remote_die(rm, REMOTE_LOST);
		return RUMP_ENOTCONN;
	}
	error = abi_errno_to_netbsd(remote_pair(fds));
	if (error != 0)
		return error;
	error = knock(rm, fds[1]);
	HOST(SYS_close, fds[1], 0, 0, 0, 0, 0);
	rm->rm_elsewhere = rm->rm_borrowed;
	if (error == 0 && rm == remote_of_memory())
		error = hidden_adopt(fds[0], &rm->rm_fd) < 0 ? RUMP_EMFILE : 0;
	else if (error == 0)
		atomic_store(&rm->rm_fd, fds[0]);
	else
		hidden_close(fds[0]);
	if (error == RUMP_ENOTCONN)
		remote_die(rm, REMOTE_LOST);
	return error;
}

int
remote_door_shut(void)
{
	struct remote *rm = remote_current();
	int error;

	if (rm->rm_door < 0)
		return 0;
	error = remote_greet(rm, true);
	if (error != 0 && error != RUMP_ENOTCONN)
		return EAGAIN;
	(void)remote_gate_enter(rm, true);
	close_door(rm);
	remote_gate_exit(rm);
	return 0;
}

size_t
remote_door_exec_env(char *buf, size_t size)
{
	const struct remote *rm = remote_current();
	struct text t;

	if (rm->rm_door == DOOR_NONE)
		return 0;
	text_init(&t, buf, size);
	text_put(&t, FAST_DOOR_VARIABLE "=");
	if (rm->rm_door >= 0)
		text_dec(&t, rm->rm_door);
	else
		text_put(&t, "shut");
	return t.t_len;
}
