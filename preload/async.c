/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host notes for si_fd the number under which O_ASYNC was switched on, and
 * no other call tells it one.  So the socket stands at the program's number for
 * that one call, in place of the placeholder; the kernel's own call finds
 * O_ASYNC on and changes nothing.
 */
#include "preload/async.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/fdmap.h"
#include "preload/fdslots.h"
#include "preload/process.h"
#include "preload/readiness.h"

/* Does the program still have rf there? */
static bool
is_at(const struct rfile *rf, int fd)
{
	int error;
	struct rfile *now = fdmap_get_rump(fd, &error);

	if (now != NULL)
		(void)fdmap_put(now);
	return now == rf;
}

void
async_begin(struct rfile *rf, int fd)
{
	long flags, cloexec;
	int hostfd;

	if (rf->rf_kind != RF_SOCKET || !process_owns_table() ||
	    member_of_file(rf, &hostfd) != MEMBER_PROXY)
		return;
	flags = HOST(SYS_fcntl, hostfd, F_GETFL, 0, 0, 0, 0);
	cloexec = HOST(SYS_fcntl, fd, F_GETFD, 0, 0, 0, 0);
	if (flags < 0 || cloexec < 0 || (flags & O_ASYNC) != 0)
		return;
	cloexec = (cloexec & FD_CLOEXEC) != 0 ? O_CLOEXEC : 0;
	if (host_dup2(hostfd, fd, cloexec) < 0)
		return;
	HOST(SYS_fcntl, fd, F_SETFL, flags | O_ASYNC, 0, 0, 0);
	/* Unless another thread has closed it meanwhile. */
	if (is_at(rf, fd))
		(void)placeholder_dup2(fd, cloexec);
}
