/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * epoll: the sets are the host's, with the program's own events and data; a
 * rump socket is a member by its host descriptor.  So levels, edges, single
 * shots, nested sets and threads that share a set are the host's business, and
 * waiting is a plain host call.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#include "preload/engine/engine.h"
#include "preload/fdmap.h"
#include "preload/readiness.h"
#include "preload/resolve.h"
#include "preload/route.h"
#include "preload/usercopy.h"
#include "preload/watch.h"
#include "syscall_table/linux_routes.h"

static long
epoll_wait_run(struct call *c)
{
	int hostfd;
	long result;

	if (fdmap_is_rump(c->arg[0]) &&
	    member_find((int)c->arg[0], &hostfd) != MEMBER_HOST)
		return fdmap_is_hidden(c->arg[0]) ? -EBADF : -EINVAL;
	result = engine_filter_mask(c);
	return result != 0 ? result : CALL_TO_HOST;
}
ROUTE(epoll_pwait, epoll_wait_run)
ROUTE(epoll_pwait2, epoll_wait_run)

/* What the host looks at first. */
static int
check_set(const struct call *c, struct epoll_event *event)
{
	if ((int)c->arg[1] != EPOLL_CTL_DEL &&
	    usercopy_in(event, (const void *)c->arg[3], sizeof(*event)) != 0)
		return EFAULT;
	if (fdmap_is_hidden(c->arg[0]) ||
	    HOST(SYS_fcntl, c->arg[0], F_GETFD, 0, 0, 0, 0) < 0)
		return EBADF;
	return 0;
}

/* The member is rf. */
static long
ctl_rump(struct call *c, struct rfile *rf)
{
	struct epoll_event event;
	int hostfd, error;
	enum member kind = member_of_file(rf, &hostfd);

	route_mark_rump(c, NS_HOST);
	error = check_set(c, &event);
	if (error != 0)
		return -error;
	if (kind == MEMBER_NONE)
		return -EBADF;
	if (kind == MEMBER_READY ||
	    (kind == MEMBER_ASKED && rf->rf_kind != RF_SOCKET))
		return -EPERM;
	if (kind == MEMBER_ALIEN || kind == MEMBER_ASKED)
		return member_refuse(c);
	if (fdmap_is_rump(c->arg[0]))
		return -EINVAL;
	return watch_ctl(
	    rf, (int)c->arg[2], hostfd, c->arg[0], (int)c->arg[1], &event);
}

static long
epoll_ctl_run(struct call *c)
{
	struct rfile *rf;
	long result;
	int error;

	rf = fdmap_get_rump(c->arg[2], &error);
	if (rf != NULL) {
		result = ctl_rump(c, rf);
		(void)fdmap_put(rf);
		return result;
	}
	if (error != 0 || fdmap_is_hidden(c->arg[0]))
		return -EBADF;
	/* The host cannot tell a rump file from a closed number. */
	rf = fdmap_get_rump(c->arg[0], &error);
	if (rf == NULL)
		return CALL_TO_HOST;
	error = rf->rf_path_only ? EBADF : EINVAL;
	(void)fdmap_put(rf);
	if (HOST(SYS_fcntl, c->arg[2], F_GETFD, 0, 0, 0, 0) < 0)
		error = EBADF;
	return -error;
}
ROUTE(epoll_ctl, epoll_ctl_run)
