/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors on their way to the server and from it: tokens, which stand for
 * what it has, and sockets of the host's that it is to have.  What is sent to it
 * is named by its inode in the call that is about it.
 */
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "preload/abi/errno.h"
#include "preload/call.h"
#include "preload/remote.h"
#include "preload/remote_link.h"
#include "rump/rumpdefs.h"

static int
send_token(struct remote *rm, int fd, uint64_t inode)
{
	const struct fast_message fm = {
		.fm_type = FAST_TOKEN,
		.fm_addr = inode,
	};
	const struct iovec iov = { (void *)(uintptr_t)&fm, sizeof(fm) };
	long r = remote_send_right(rm->rm_fd, &iov, 1, fd);

	if (r == sizeof(fm))
		return 0;
	/* More are on their way than the user may have open. */
	if (r == -ETOOMANYREFS || r == -ENOMEM || r == -ENOBUFS)
		return RUMP_ENOBUFS;
	remote_die(rm, REMOTE_LOST);
	return RUMP_ENOTCONN;
}

/* Call num is about fd; its inode is the last of n arguments.  0 or an error of
 * the kernel's. */
static int
pass(int fd, int num, int64_t *args, size_t n, int *rumpfd)
{
	struct remote *rm = remote_current();
	int64_t retval[2];
	struct stat st;
	int error;

	if (rm->rm_classic != NULL)
		return RUMP_EOPNOTSUPP;
	if (HOST(SYS_fstat, fd, &st, 0, 0, 0, 0) < 0)
		return RUMP_EBADF;
	args[n - 1] = (int64_t)st.st_ino;
	error = remote_greet(rm, true);
	if (error == 0)
		error = send_token(rm, fd, st.st_ino);
	if (error == 0)
		error = remote_call_patient(rm, num, args, n, retval);
	if (error == 0)
		*rumpfd = (int)retval[0];
	return error;
}

int
remote_export(int rumpfd, int *fd)
{
	const int64_t args[1] = { rumpfd };
	int error =
	    remote_call_fd(remote_current(), FASTCALL_EXPORT, args, 1, fd);

	return abi_errno_to_linux(error);
}

int
remote_import(int fd, int *rumpfd)
{
	int64_t args[1];
	int error;

	if (remote_socket_option(fd, SO_DOMAIN) != AF_UNIX)
		return EBADF;
	error = pass(fd, FASTCALL_IMPORT, args, 1, rumpfd);
	return error == RUMP_EOPNOTSUPP ? EBADF : abi_errno_to_linux(error);
}

int
remote_hostsocket(int family, int type, int protocol, int hostfd, int *rumpfd)
{
	int64_t args[4] = { family, type, protocol };

	return pass(hostfd, FASTCALL_HOSTSOCKET, args, 4, rumpfd);
}
