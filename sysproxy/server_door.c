/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Doors: see fast.h.
 *
 * Most children end without a call of the kernel's, so that none of them has
 * cost anything here.
 *
 * Anybody who has a door can close it for all the others (shutdown(2)): so it is
 * one user's, whose processes could end each other anyway.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rump/rump.h"
#include "rump/rumpdefs.h"

#include "sysproxy/server.h"
#include "sysproxy/server_lane.h"

struct door {
	struct watch do_watch;
	struct lane *do_lane;
	int do_fd;
	uid_t do_uid;
	unsigned do_pending; /* server_lock: who has come and said nothing */
};

/* What somebody has sent. */
struct knock {
	struct fast_message kn_msg;
	char kn_comm[FAST_COMM + 1];
	int kn_fd; /* -1: none */
	struct sender kn_sender;
};

static void
door_close(struct door *d)
{
	loop_unwatch(d->do_fd);
	/* There may be descriptors in what nobody has read. */
	(void)shutdown(d->do_fd, SHUT_RDWR);
	lane_close(d->do_lane, d->do_fd);
	client_pending_end(&d->do_pending);
	lane_forget(d->do_lane);
	lane_unref(d->do_lane);
	free(d);
	server_client_gone();
}

/* One message; its length, 0 also at the end, or -1. */
static ssize_t
receive(const struct door *d, struct knock *kn)
{
	struct iovec iov[2] = {
		{ &kn->kn_msg, sizeof(kn->kn_msg) },
		{ kn->kn_comm, FAST_COMM },
	};

	memset(kn, 0, sizeof(*kn));
	kn->kn_fd = -1;
	return message_receive(
	    d->do_fd, iov, 2, &kn->kn_fd, &kn->kn_sender, d->do_lane);
}

/* It is as it should be. */
static bool
is_child(const struct door *d, const struct knock *kn, ssize_t n)
{
	const struct fast_message *m = &kn->kn_msg;

	return n >= (ssize_t)sizeof(*m) && m->fm_type == FAST_CHILD &&
	       m->fm_arg == 0 && m->fm_len <= FAST_COMM &&
	       (size_t)n == sizeof(*m) + m->fm_len && kn->kn_fd >= 0 &&
	       kn->kn_sender.given && kn->kn_sender.uid == d->do_uid;
}

static void
let_in(struct door *d, const struct knock *kn)
{
	struct client *c = child_create(kn->kn_fd, d->do_lane);
	int error;

	if (c == NULL)
		return;
	atomic_store(&c->c_uid, kn->kn_sender.uid);
	error = client_pend(c, &d->do_pending);
	if (error == 0)
		error = client_rfork(c, RUMP_RFCFDG, kn->kn_comm);
	child_begin(c, error);
}

static void
look_again(void *arg)
{
	struct door *d = arg;

	loop_pause(d->do_fd, &d->do_watch, false);
}

/* Empty messages look like the end, which only the host tells.  That its other end
 * has gone without reading what we said is told once, and first: what was sent
 * before follows. */
static void
door_ready(void *arg, uint32_t events)
{
	struct door *d = arg;
	struct knock kn;
	ssize_t n;

	if (!lane_admits(
		d->do_lane, events, d->do_fd, &d->do_watch, look_again))
		return;
	n = receive(d, &kn);
	if (is_child(d, &kn, n)) {
		let_in(d, &kn);
		return;
	}
	if (kn.kn_fd >= 0)
		lane_close(d->do_lane, kn.kn_fd);
	/* What we have said ourselves: nobody else would tell us of the end. */
	if ((n == (ssize_t)sizeof(kn.kn_msg) &&
		kn.kn_msg.fm_type == FAST_MADE) ||
	    (n == 0 && (events & (EPOLLHUP | EPOLLRDHUP)) != 0) ||
	    (n < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNRESET))
		door_close(d);
}

static struct door *
door_create(int fd, uid_t uid)
{
	struct door *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->do_watch = (struct watch){ door_ready, d };
	d->do_fd = fd;
	d->do_uid = uid;
	d->do_lane = lane_create();
	if (d->do_lane != NULL)
		return d;
	free(d);
	return NULL;
}

static bool
is_door(int fd)
{
	int domain = 0, type = 0;
	socklen_t len = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
	       domain == AF_UNIX &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	       type == SOCK_SEQPACKET;
}

/* Whose other end is gone, with what it has sent, is not ours. */
static bool
say_made(int fd)
{
	const struct fast_message made = { .fm_type = FAST_MADE };

	return send(fd, &made, sizeof(made), MSG_DONTWAIT | MSG_NOSIGNAL) ==
		   sizeof(made) ||
	       errno == EPIPE || errno == ECONNRESET;
}

void
door_open(struct lane *ln, int fd, uid_t uid)
{
	struct door *d = is_door(fd) ? door_create(fd, uid) : NULL;
	const int on = 1;

	if (d == NULL) {
		lane_close(ln, fd);
		return;
	}
	server_client_came();
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0 ||
	    !say_made(fd) || loop_watch(fd, &d->do_watch) != 0)
		door_close(d);
}
