/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first number takes the socket's own host descriptor, others get
 * duplicates.  A watch counts its members: each success of EPOLL_CTL_ADD less
 * each of EPOLL_CTL_DEL.  The close of an epoll set is not counted, so that a
 * watch may stay, with its duplicate, until the socket is closed; there is one
 * at most for each number.
 */
#include "preload/watch.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/fdmap.h"
#include "preload/hidden.h"
#include "preload/pool.h"

struct watch {
	struct pool_free *w_free; /* the pool's */
	struct watch *w_next;
	int w_number; /* the program's */
	int w_hostfd;
	bool w_own; /* w_hostfd is a duplicate of ours */
	unsigned w_members;
};

static struct pool watches = POOL_INIT(sizeof(struct watch), 4096);

static struct watch *
watch_find(const struct rfile *rf, int number)
{
	struct watch *w;

	for (w = rf->rf_watches; w != NULL; w = w->w_next) {
		if (w->w_number == number)
			return w;
	}
	return NULL;
}

static bool
is_taken(const struct rfile *rf, int hostfd)
{
	const struct watch *w;

	for (w = rf->rf_watches; w != NULL; w = w->w_next) {
		if (w->w_hostfd == hostfd)
			return true;
	}
	return false;
}

/* 0 and *wp, or -errno. */
static long
watch_create(struct rfile *rf, int number, int hostfd, struct watch **wp)
{
	bool own = is_taken(rf, hostfd);
	struct watch *w;
	long fd = hostfd;

	if (own)
		fd = hidden_dup(hostfd);
	if (fd < 0)
		return -ENOSPC;
	w = pool_get(&watches);
	if (w == NULL) {
		if (own)
			hidden_close((int)fd);
		return -ENOMEM;
	}
	w->w_number = number;
	w->w_hostfd = (int)fd;
	w->w_own = own;
	w->w_members = 0;
	w->w_next = rf->rf_watches;
	rf->rf_watches = w;
	*wp = w;
	return 0;
}

static void
watch_free(struct watch *w)
{
	/* Others who share the table may have done so. */
	if (w->w_own && fdmap_is_hidden(w->w_hostfd))
		hidden_close(w->w_hostfd);
	pool_put(&watches, w);
}

static void
watch_remove(struct rfile *rf, struct watch *w)
{
	struct watch **at = &rf->rf_watches;

	while (*at != w)
		at = &(*at)->w_next;
	*at = w->w_next;
	watch_free(w);
}

static long
ctl_locked(struct rfile *rf, int fd, int hostfd, long epfd, long op,
    struct epoll_event *event)
{
	struct watch *w = watch_find(rf, fd);
	long result = 0;

	/* Also where there cannot be a member: the host says what is wrong. */
	if (w == NULL)
		result = watch_create(rf, fd, hostfd, &w);
	if (result != 0)
		return result;
	result = HOST(SYS_epoll_ctl, epfd, op, w->w_hostfd, event, 0, 0);
	if (result == 0 && op == EPOLL_CTL_ADD)
		w->w_members++;
	if (result == 0 && op == EPOLL_CTL_DEL && w->w_members > 0)
		w->w_members--;
	if (w->w_members == 0)
		watch_remove(rf, w);
	return result;
}

long
watch_ctl(struct rfile *rf, int fd, int hostfd, long epfd, long op,
    struct epoll_event *event)
{
	long result;

	lock_enter(&rf->rf_watch_lock);
	result = ctl_locked(rf, fd, hostfd, epfd, op, event);
	lock_exit(&rf->rf_watch_lock);
	return result;
}

void
watches_destroy(struct rfile *rf)
{
	struct watch *w;

	while ((w = rf->rf_watches) != NULL) {
		rf->rf_watches = w->w_next;
		watch_free(w);
	}
}

void
watches_forked(struct rfile *rf)
{
	rf->rf_watches = NULL;
	lock_reset(&rf->rf_watch_lock);
}
