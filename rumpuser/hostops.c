/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of host calls with its plain meaning: the library's own system
 * call instruction, so that libc's wrappers, which set errno and which a
 * hijack library patches, are never on the way.
 */
#include "rump/rumpuser_host.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rumpuser/pthreads.h"
#include "rumpuser/syscall_intr.h"
#include "rumpuser/text.h"

static long
plain_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile(
	    "syscall"
	    : "=a"(result)
	    : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
	    : "rcx", "r11", "memory");
	return result;
}

/* The table's own call, if that has been replaced: then there is a gap between
 * check and call. */
static long
plain_syscall_intr(const volatile uint32_t *intr, long nr, const long args[6])
{
	if (intr != NULL && rumpuser_hostops.ho_syscall == plain_syscall)
		return syscall_intr(intr, nr, args);
	if (intr != NULL && *intr != 0)
		return -EINTR;
	return rumpuser_hostops.ho_syscall(
	    nr, args[0], args[1], args[2], args[3], args[4], args[5]);
}

static long
plain_fd_hide(int fd)
{
	long error;

	error =
	    rumpuser_host_syscall(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC, 0, 0, 0);
	if (error < 0) {
		rumpuser_host_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
		return error;
	}
	return fd;
}

static void
plain_fd_close(int fd)
{
	rumpuser_host_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
}

static void
plain_thread_start(void)
{
}

/* libc's getenv() may use vector registers. */
static const char *
plain_getenv(const char *name)
{
	size_t len;
	char **envp;

	if (environ == NULL)
		return NULL;
	len = text_length(name);
	for (envp = environ; *envp != NULL; envp++) {
		if (text_has_prefix(*envp, name) && (*envp)[len] == '=')
			return *envp + len + 1;
	}
	return NULL;
}

struct rumpuser_hostops rumpuser_hostops = {
	.ho_syscall = plain_syscall,
	.ho_syscall_intr = plain_syscall_intr,
	.ho_fd_hide = plain_fd_hide,
	.ho_fd_close = plain_fd_close,
	.ho_thread_start = plain_thread_start,
	.ho_thread_create = pthreads_create,
	.ho_thread_join = pthreads_join,
	.ho_getenv = plain_getenv,
};

#define TAKE(member, plain)                                                    \
	(rumpuser_hostops.member = ops->member != NULL ? ops->member : (plain))

void
rumpuser_set_hostops(const struct rumpuser_hostops *ops)
{
	TAKE(ho_syscall, plain_syscall);
	TAKE(ho_syscall_intr, plain_syscall_intr);
	TAKE(ho_fd_hide, plain_fd_hide);
	TAKE(ho_fd_close, plain_fd_close);
	TAKE(ho_thread_start, plain_thread_start);
	TAKE(ho_thread_create, pthreads_create);
	TAKE(ho_thread_join, pthreads_join);
	TAKE(ho_getenv, plain_getenv);
}
