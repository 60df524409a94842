/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Under which host descriptors a rump socket is a member of epoll sets.
 *
 * On Linux a member is a pair of a number and an open file description.  The
 * pair of a rump socket is that of its host descriptor; if the program has the
 * same socket under a second number, that is a second member, and so needs a
 * second host descriptor, a duplicate.
 *
 * As on Linux a member outlives its number: it goes when it is deleted, or with
 * the description.
 */
#ifndef PRELOAD_WATCH_H
#define PRELOAD_WATCH_H

struct epoll_event;
struct rfile;

/*
 * epoll_ctl(2) for number fd of the program, which is rf, a socket with host
 * descriptor hostfd.  A Linux result.
 */
long watch_ctl(struct rfile *rf, int fd, int hostfd, long epfd, long op,
    struct epoll_event *event);

/* rf is closed; and in a forked child: what there was is not there. */
void watches_destroy(struct rfile *rf);
void watches_forked(struct rfile *rf);

#endif /* !PRELOAD_WATCH_H */
