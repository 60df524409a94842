/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Theory of operation
 *
 * Whatever a program can wait for is a host descriptor: its own ones, and those
 * behind rump sockets, which sockin keeps hidden (rump_hostfd()).  So a call
 * that waits becomes one host call on a copy of the set, in which hidden
 * descriptors stand for the rump ones; an epoll set is the host's and has the
 * hidden descriptors as members.  There is no thread, no pipe, and nothing to
 * be paid for a socket that is idle.
 *
 * A rump file is ready at once: then the rest of the set is only looked at.
 *
 * No reference is held while the host waits: a handler that interrupts the wait
 * may longjmp away.  A descriptor that is closed meanwhile is missed by the
 * host, as one of its own would be.
 */
#include "preload/readiness.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "preload/backend.h"
#include "preload/call.h"
#include "preload/fdmap.h"
#include "preload/kernel.h"
#include "preload/pool.h"
#include "preload/process.h"
#include "preload/route.h"

static struct pool small = POOL_INIT(WAITMEM_SMALL, 16 * WAITMEM_SMALL);

/* The kernel's answer does not change: ask once. */
static int
hostfd_of(struct rfile *rf)
{
	int fd = atomic_load_explicit(&rf->rf_hostfd, memory_order_relaxed);

	if (fd != RF_HOSTFD_UNKNOWN)
		return fd;
	if (kernel.k_hostfd(rf->rf_fd, &fd) != 0)
		fd = RF_HOSTFD_NONE;
	atomic_store_explicit(&rf->rf_hostfd, fd, memory_order_relaxed);
	return fd;
}

enum member
member_of_file(struct rfile *rf, int *hostfd)
{
	int fd;

	if (rf->rf_path_only)
		return MEMBER_NONE;
	if (rf->rf_kind != RF_SOCKET)
		return MEMBER_READY;
	if (!backend_reachable())
		return MEMBER_ALIEN;
	fd = hostfd_of(rf);
	if (fd < 0)
		return MEMBER_ALIEN;
	*hostfd = fd;
	return MEMBER_PROXY;
}

enum member
member_find(int fd, int *hostfd)
{
	enum member kind;
	struct rfile *rf;
	int error;

	rf = fdmap_get_rump(fd, &error);
	if (error != 0)
		return MEMBER_NONE;
	if (rf == NULL)
		return MEMBER_HOST;
	kind = member_of_file(rf, hostfd);
	(void)fdmap_put(rf);
	return kind;
}

long
member_refuse(struct call *c)
{
	if (!backend_reachable())
		return -process_refuse(c);
	route_note(c, "no host descriptor to wait for");
	return -EOPNOTSUPP;
}

void *
waitmem_get(size_t size)
{
	long r;

	if (size <= WAITMEM_SMALL)
		return pool_get(&small);
	r = HOST(SYS_mmap, 0, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return r < 0 && r > -4096 ? NULL : (void *)r;
}

void
waitmem_put(void *mem, size_t size)
{
	if (size <= WAITMEM_SMALL)
		pool_put(&small, mem);
	else
		HOST(SYS_munmap, mem, size, 0, 0, 0, 0);
}
