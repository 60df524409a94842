/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The limit of open files.  It is the program's; our own descriptors go above
 * it, where the hard limit lets them, so that they neither count nor get in the
 * way.
 */
#ifndef PRELOAD_NOFILE_H
#define PRELOAD_NOFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct call;
struct msghdr;
struct rlimit;

/* The soft limit that the host enforces, and the one that the program has been
 * told (nofilehard.c); 0 if the host does not say. */
uint64_t nofile_limit(void);
uint64_t nofile_told(void);

/* Is number the program's to ask for, although the host would not give it? */
bool nofile_in_headroom(long number);

/* Duplicate fd, close-on-exec, to the lowest free number >= min, which may lie
 * above the soft limit.  The number or -errno. */
long nofile_dup(int fd, uint64_t min);

/* dup2(2), or dup3(2) with flags >= 0; likewise. */
long nofile_dup2(int fd, int to, long flags);

/*
 * How many of the first nfds numbers the host would look at if our descriptors
 * were not there: its table of descriptors grows to the highest one.  Never
 * less than a set of select(2) has.  What the host does not say is taken for
 * nfds.
 */
unsigned nofile_visible(unsigned nfds);

/* A recvmsg(2) that does not wait, whose descriptor may lie above the soft
 * limit, too.  The host's result. */
long nofile_recvmsg(int fd, struct msghdr *mh, int flags);

/* A pair of connected local sockets of that type, close-on-exec; likewise. */
long nofile_socketpair(int type, int fds[2]);

/* getrlimit, setrlimit and prlimit64 with this limit. */
long nofile_run(struct call *c);

/*
 * A low hard limit, and a soft one as high as the hard one, would leave no
 * numbers for our own descriptors, and are ours alone to remember (nofilehard.c).
 * The program's limit goes to was, and becomes to if that is not NULL; under the
 * lock of the soft limit.  0 or -errno.  The next image learns of it by a
 * variable.
 */
long nofile_exchange(const struct rlimit *to, struct rlimit *was);
/* Is the program told more than the host enforces? */
bool nofile_has_headroom(void);
#define NOFILE_VARIABLE "RUMPKIT_NOFILE"
size_t nofile_exec_env(char *buf, size_t size);
void nofile_take(const char *value);

/* The first number of that room. */
uint64_t nofile_room(void);

/* After that: make room below the hard limit for descriptors of ours, or, where
 * no call is routed, give back what an earlier image has taken for that. */
void nofile_start(bool routes);

/* A stream socket; likewise. */
long nofile_socket(int family);

/* In a forked child. */
void nofile_forked(void);

#endif /* !PRELOAD_NOFILE_H */
