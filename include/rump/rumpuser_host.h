/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one table through which the hypercall layer and the components' host
 * halves make host calls.  Linked plainly it holds ordinary wrappers; the
 * hijack library sets it to raw calls from the range that Syscall User
 * Dispatch lets through, so that hypercalls are neither patched nor trapped.
 */
#ifndef RUMP_RUMPUSER_HOST_H
#define RUMP_RUMPUSER_HOST_H

#include <stddef.h>
#include <stdint.h>

struct rumpuser_hostops {
	/* Linux x86-64 call nr with six arguments: result or -errno. */
	long (*ho_syscall)(
	    long nr, long a, long b, long c, long d, long e, long f);
	/*
	 * The same, but -EINTR without making the call when *intr != 0; check
	 * and call are one step with respect to signal handlers of this thread
	 * (where the table's owner can do that).  intr may be NULL.
	 */
	long (*ho_syscall_intr)(
	    const volatile uint32_t *intr, long nr, const long args[6]);
	/*
	 * Move descriptor fd, just opened by the kernel, out of the program's
	 * range and mark it close-on-exec; returns the new number or -errno
	 * (fd is closed then).  Plainly linked: sets close-on-exec only.
	 */
	long (*ho_fd_hide)(int fd);
	/* Close fd, hidden earlier. */
	void (*ho_fd_close)(int fd);
	/* Called first in every thread made by rumpuser_thread_create(). */
	void (*ho_thread_start)(void);
	/*
	 * Start a host thread that runs func(arg) on a stack of at least
	 * stack_bytes (or, rather than fail, what the host deems right) and
	 * ends when func returns.  No handler of the program ever runs on it.
	 * *handle, unless handle is NULL, is for ho_thread_join(), which must
	 * follow.  Returns 0 or -errno; -EAGAIN may pass.  The two functions
	 * are replaced together.  Plainly linked: a pthread.  A thread of
	 * another make need not be one: what runs on it keeps to the kernel,
	 * the hypercalls and this table, and stays away from libc.
	 */
	long (*ho_thread_create)(void *(*func)(void *), void *arg,
	    size_t stack_bytes, uintptr_t *handle);
	/* Wait for the end of a thread; 0 or -errno. */
	long (*ho_thread_join)(uintptr_t handle);
	/* getenv(3) over the environment as it was at start. */
	const char *(*ho_getenv)(const char *name);
};

/* Set before rump_init(); ops is copied.  NULL members get their plain
 * meaning, which itself makes host calls by the ho_syscall of the table. */
void rumpuser_set_hostops(const struct rumpuser_hostops *ops);
/* Never NULL, no NULL members. */
extern struct rumpuser_hostops rumpuser_hostops;

#define rumpuser_host_syscall(nr, a, b, c, d, e, f)                            \
	rumpuser_hostops.ho_syscall((nr), (long)(a), (long)(b), (long)(c),     \
	    (long)(d), (long)(e), (long)(f))

#endif /* !RUMP_RUMPUSER_HOST_H */
