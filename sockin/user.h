/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host half of sockin: host sockets, driven with NetBSD's families, addresses,
 * flags, options and structures.  Functions return 0 or a NetBSD errno and
 * write results on success only.  Only what is marked "blocks" can take long;
 * EINTR ends it, at once when *intr (may be NULL) is not 0.  The functions have
 * the names of the genuine component's, and its shapes where nothing more is
 * needed.
 */
#ifndef SOCKIN_USER_H
#define SOCKIN_USER_H

#include "kern/types.h"
#include "rump/rumpabi.h"
#include "rump/rumphostsock.h"

enum sockin_name { SOCKIN_NAME_OWN, SOCKIN_NAME_PEER };

/* A descriptor that the program cannot see; close it with ..._close().  type
 * may have SOCK_NONBLOCK: the socket never blocks. */
int rumpcomp_sockin_socket(int domain, int type, int proto, int *fd);
/* ... a duplicate of hostfd, which blocks as type says from now on.  EPROTOTYPE
 * when that is not such a socket. */
int rumpcomp_sockin_adopt(int domain, int type, int hostfd, int *fd);
/*
 * EWOULDBLOCK when nothing can be moved; EPIPE raises no signal.  Both block
 * where fd does and flags have neither MSG_DONTWAIT nor MSG_NBIO.
 */
int rumpcomp_sockin_sendmsg(int fd, const struct rump_msghdr *msg, int flags,
    const volatile uint32_t *intr, size_t *sent);
/* msg_namelen, msg_controllen and msg_flags are results, the last two not
 * always where msg_flags was SOCKIN_PLAIN.  *received may be more than there is
 * room for, with MSG_TRUNC. */
#define SOCKIN_PLAIN 1
int rumpcomp_sockin_recvmsg(int fd, struct rump_msghdr *msg, int flags,
    const volatile uint32_t *intr, size_t *received);
/* blocks where fd does */
int rumpcomp_sockin_connect(int fd, const struct rump_sockaddr *sa, int len,
    const volatile uint32_t *intr);
int rumpcomp_sockin_bind(int fd, const struct rump_sockaddr *sa, int len);
/* blocks where fd does.  *len: in the size at sa, out the length.  flags: 0 or
 * SOCK_NONBLOCK, for the new socket. */
int rumpcomp_sockin_accept(int fd, struct rump_sockaddr *sa, int *len,
    int flags, const volatile uint32_t *intr, int *newfd);
int rumpcomp_sockin_listen(int fd, int backlog);
int rumpcomp_sockin_getname(
    int fd, struct rump_sockaddr *sa, int *len, int which);
/* ENOPROTOOPT for what the host has not; EINVAL for a wrong length. */
int rumpcomp_sockin_setsockopt(
    int fd, int level, int name, const void *val, int len);
/* blocks; timeout_ms -1: none.  *ready: how many have revents. */
int rumpcomp_sockin_poll(
    struct rump_pollfd *fds, int n, int timeout_ms, int *ready);

/* *len: in the size at val, out the length. */
int rumpcomp_sockin_getsockopt(
    int fd, int level, int name, void *val, int *len);
int rumpcomp_sockin_shutdown(int fd, int how);
/* blocks, if lingers, as long as the socket does; else that goes on without us */
void rumpcomp_sockin_close(int fd, bool lingers);
/* FIONREAD, FIONWRITE, SIOCATMARK, FIONBIO, FIOASYNC; ENOTTY for others. */
int rumpcomp_sockin_ioctl(int fd, unsigned long cmd, int *value);
/* hc_result is the result.  EINVAL for what the host is not to be asked. */
int rumpcomp_sockin_hostcall(int fd, struct rump_hostcall *hc);
/* Mode, inode number and size of a block. */
int rumpcomp_sockin_stat(int fd, struct rump_stat *st);
/*
 * blocks.  Wait in this thread until one of events (or an error or hang-up) is
 * there; timeout_ns -1: none.  0 and *revents, EWOULDBLOCK, or EINTR when the
 * host call was interrupted, at once when *intr (may be NULL) is not 0.
 */
int rumpcomp_sockin_wait(int fd, int events, int64_t timeout_ns,
    const volatile uint32_t *intr, int *revents);

/* Watching many sockets for one event each. */
struct sockin_watch {
	int sw_epfd;
	int sw_kickfd;
};
struct sockin_watch_event {
	uint64_t swe_cookie;
	int swe_events; /* NetBSD POLL* */
};
int rumpcomp_sockin_watch_open(struct sockin_watch *sw);
void rumpcomp_sockin_watch_close(struct sockin_watch *sw);
/*
 * Watch fd (add: for the first time) until one of events is there, or an error
 * or hang-up; then it is reported once.
 */
int rumpcomp_sockin_watch_arm(const struct sockin_watch *sw, int fd, int events,
    uint64_t cookie, bool add);
void rumpcomp_sockin_watch_remove(const struct sockin_watch *sw, int fd);
/*
 * blocks, until something is reported, the timeout (-1 none: EWOULDBLOCK) or a
 * kick.  Fills at most size (<= SOCKIN_WATCH_BATCH) events, perhaps none.
 */
#define SOCKIN_WATCH_BATCH 32
int rumpcomp_sockin_watch_wait(const struct sockin_watch *sw,
    struct sockin_watch_event *events, int size, int timeout_ms, int *n);
/* End the present or next wait of the watch. */
void rumpcomp_sockin_watch_kick(const struct sockin_watch *sw);

#endif /* !SOCKIN_USER_H */
