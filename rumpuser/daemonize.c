/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Going into the background in two steps: the parent lives on until the child
 * says how its start went, and takes that with it as exit status.  A stream
 * socket carries the one int, since a child that dies without a word closes it.
 *
 * This comes before the kernel exists; libc's fork() is the right one here,
 * because libc lives on in the child.
 */
#include "rump/rumpuser.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rump/rumpdefs.h"
#include "rump/rumpuser_host.h"

#include "rumpuser/errtrans.h"

static int to_parent = -1;

static void
host_close(long fd)
{
	rumpuser_host_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
}

static __attribute__((__noreturn__)) void
wait_and_exit(int from_child)
{
	int status = RUMP_ESRCH;
	long got;

	do
		got = rumpuser_host_syscall(SYS_recvfrom, from_child, &status,
		    sizeof(status), MSG_WAITALL, 0, 0);
	while (got == -EINTR);
	if (got != sizeof(status))
		status = RUMP_ESRCH;
	for (;;)
		rumpuser_host_syscall(SYS_exit_group, status, 0, 0, 0, 0, 0);
}

/* Out of the way of the standard descriptors, which done() replaces. */
static long
move_up(int fd)
{
	long high;

	if (fd > STDERR_FILENO)
		return fd;
	high = rumpuser_host_syscall(
	    SYS_fcntl, fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1, 0, 0, 0);
	host_close(fd);
	return high;
}

int
rumpuser_daemonize_begin(void)
{
	long fd, hidden, result;
	int pair[2];
	pid_t pid;

	if (to_parent != -1)
		return RUMP_EINPROGRESS;
	result = rumpuser_host_syscall(
	    SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair, 0, 0);
	if (result < 0)
		return errtrans_result(result);
	pid = fork();
	if (pid == -1) {
		result = -errno;
		goto fail_pair;
	}
	if (pid > 0) {
		host_close(pair[0]);
		wait_and_exit(pair[1]);
	}
	host_close(pair[1]);
	/* On failure the descriptor is closed, and the parent goes. */
	fd = move_up(pair[0]);
	hidden = fd < 0 ? fd : rumpuser_hostops.ho_fd_hide((int)fd);
	if (hidden < 0)
		return errtrans_result(hidden);
	to_parent = (int)hidden;
	rumpuser_host_syscall(SYS_setsid, 0, 0, 0, 0, 0, 0);
	return 0;

fail_pair:
	host_close(pair[0]);
	host_close(pair[1]);
	return errtrans_result(result);
}

/* Point the standard descriptors to nowhere. */
static long
detach_console(void)
{
	long fd, result = 0;
	int i;

	fd = rumpuser_host_syscall(
	    SYS_openat, AT_FDCWD, "/dev/null", O_RDWR, 0, 0, 0);
	if (fd < 0)
		return fd;
	for (i = 0; i <= STDERR_FILENO && result >= 0; i++)
		result = rumpuser_host_syscall(SYS_dup2, fd, i, 0, 0, 0, 0);
	if (fd > STDERR_FILENO)
		host_close(fd);
	return result;
}

int
rumpuser_daemonize_done(int error)
{
	long result = 0, sent;

	if (to_parent == -1)
		return RUMP_ENOENT;
	if (error == 0) {
		result = detach_console();
		error = errtrans_result(result);
	}
	do
		sent = rumpuser_host_syscall(SYS_sendto, to_parent, &error,
		    sizeof(error), MSG_NOSIGNAL, 0, 0);
	while (sent == -EINTR);
	rumpuser_hostops.ho_fd_close(to_parent);
	to_parent = -1;
	return errtrans_result(result < 0 ? result : sent);
}
