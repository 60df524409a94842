/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * epoll: the sets are the host's, with the program's own events and data; a
 * rump socket is a member by its host descriptor.  So levels, edges, single
 * shots, nested sets and threads that share a set are the host's business, and
 * waiting is a plain host call.
 *
 * Sockets of a classic server have no such descriptor; classic_set.h says what
 * stands beside the host's set then.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>

#include "preload/backend.h"
#include "preload/classic_set.h"
#include "preload/engine/engine.h"
#include "preload/fdmap.h"
#include "preload/readiness.h"
#include "preload/remote.h"
#include "preload/remote_classic.h"
#include "preload/resolve.h"
#include "preload/route.h"
#include "preload/usercopy.h"
#include "preload/watch.h"
#include "syscall_table/linux_routes.h"

#define NSEC 1000000000

/* --- with a classic server ---------------------------------------------- */

static bool
is_classic(void)
{
	return backend_state == BACKEND_SERVER && backend_reachable() &&
	       remote_kind() != CONFIG_KERNEL_FAST;
}

/* The host's descriptor epfd is an epoll set. */
static void
enter_set(int epfd)
{
	struct epset *es = epset_create();

	if (es != NULL)
		fdmap_enter_epoll(epfd, es);
}

static long
create_after(struct call *c)
{
	if (c->result >= 0)
		enter_set((int)c->result);
	return c->result;
}

/* Known from its beginning: who waits must learn of members that come. */
static long
epoll_create_run(struct call *c)
{
	return route_to_host(c, is_classic() ? create_after : NULL);
}
ROUTE(epoll_create, epoll_create_run)
ROUTE(epoll_create1, epoll_create_run)

/* The host finds no member that way, or that epfd is no set. */
static bool
is_set(long epfd)
{
	return HOST(SYS_epoll_ctl, epfd, EPOLL_CTL_DEL, remote_descriptor(), 0,
		   0, 0) == -ENOENT;
}

/* The member is rf. */
static long
ctl_classic(struct call *c, struct rfile *rf, const struct epoll_event *event)
{
	struct rfile *set = fdmap_get_epoll(c->arg[0]);
	int error;

	if (set == NULL && !is_set(c->arg[0]))
		return -EINVAL;
	if (set == NULL) { /* an image before this one has made it */
		enter_set((int)c->arg[0]);
		set = fdmap_get_epoll(c->arg[0]);
	}
	if (set == NULL)
		return -ENOMEM;
	error =
	    epset_ctl(set->rf_epset, (int)c->arg[1], rf, (int)c->arg[2], event);
	(void)fdmap_put(set);
	return -error;
}

/* In milliseconds, < 0: for ever. */
static int
get_timeout(const struct call *c, int64_t *ms)
{
	struct timespec ts;

	*ms = c->nr == SYS_epoll_pwait2 ? -1 : (int)c->arg[3];
	if (c->nr != SYS_epoll_pwait2 || c->arg[3] == 0)
		return 0;
	if (usercopy_in(&ts, (const void *)c->arg[3], sizeof(ts)) != 0)
		return EFAULT;
	if (ts.tv_sec < 0 || (unsigned long)ts.tv_nsec >= NSEC)
		return EINVAL;
	if (ts.tv_sec <= INT_MAX)
		*ms = ts.tv_sec * 1000 +
		      (ts.tv_nsec + NSEC / 1000 - 1) / (NSEC / 1000);
	return 0;
}

static long
wait_classic(struct call *c, struct rfile *set)
{
	int64_t ms;
	int error = get_timeout(c, &ms);
	long result = -error;

	route_mark_rump(c, NS_HOST);
	if (error == 0 && c->nr != SYS_epoll_wait)
		result = waiting_mask(c->arg[4], c->arg[5]);
	if (result == 0)
		result = classic_epoll(set->rf_epset, (int)c->arg[0],
		    (struct epoll_event *)c->arg[1], (int)c->arg[2], ms);
	(void)fdmap_put(set);
	return result;
}

/* --- calls -------------------------------------------------------------- */

/* The descriptor is not of a set; but what is to be read is read first. */
static long
wait_refused(struct call *c)
{
	char some[sizeof(struct timespec)];
	int error = 0;

	if (c->nr == SYS_epoll_pwait2 && c->arg[3] != 0)
		error = usercopy_in(
		    some, (const void *)c->arg[3], sizeof(struct timespec));
	if (error == 0 && c->nr != SYS_epoll_wait && c->arg[4] != 0)
		error = c->arg[5] != sizeof(uint64_t)
			    ? EINVAL
			    : usercopy_in(some, (const void *)c->arg[4],
				  sizeof(uint64_t));
	return error != 0 ? -error : -EINVAL;
}

static long
epoll_wait_run(struct call *c)
{
	struct rfile *set = fdmap_get_epoll(c->arg[0]);
	int hostfd;
	long result;

	if (set != NULL)
		return wait_classic(c, set);
	if (fdmap_is_rump(c->arg[0]) &&
	    member_find((int)c->arg[0], &hostfd) != MEMBER_HOST)
		return fdmap_is_hidden(c->arg[0]) ? -EBADF : wait_refused(c);
	result = engine_filter_mask(c);
	return result != 0 ? result : CALL_TO_HOST;
}
ROUTE(epoll_wait, epoll_wait_run)
ROUTE(epoll_pwait, epoll_wait_run)
ROUTE(epoll_pwait2, epoll_wait_run)

/* A rump file's O_PATH descriptor. */
static bool
names_only(long fd)
{
	struct rfile *rf;
	bool only;
	int error;

	rf = fdmap_get_rump(fd, &error);
	if (rf == NULL)
		return false;
	only = rf->rf_path_only;
	(void)fdmap_put(rf);
	return only;
}

/* What the host looks at first. */
static int
check_set(const struct call *c, struct epoll_event *event)
{
	if ((int)c->arg[1] != EPOLL_CTL_DEL &&
	    usercopy_in(event, (const void *)c->arg[3], sizeof(*event)) != 0)
		return EFAULT;
	if (fdmap_is_hidden(c->arg[0]) ||
	    HOST(SYS_fcntl, c->arg[0], F_GETFD, 0, 0, 0, 0) < 0 ||
	    names_only(c->arg[0]))
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
	if (kind == MEMBER_NONE || kind == MEMBER_HOST)
		return -EBADF;
	if (kind == MEMBER_READY ||
	    (kind == MEMBER_ASKED && rf->rf_kind != RF_SOCKET))
		return -EPERM;
	if (kind == MEMBER_ALIEN)
		return member_refuse(c);
	if (kind == MEMBER_ASKED)
		return ctl_classic(c, rf, &event);
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
	if (member_is_mixed((int)c->arg[2]))
		return member_refuse(c);
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
