/* SPDX-License-Identifier: BSD-2-Clause */
/* What the calls that wait for descriptors have in common. */
#ifndef PRELOAD_READINESS_H
#define PRELOAD_READINESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct call;
struct rfile;

enum member {
	MEMBER_HOST,  /* the host's, or none; O_PATH: its placeholder */
	MEMBER_READY, /* a rump file: always ready, as files are */
	MEMBER_PROXY, /* a rump object that is a host descriptor of ours */
	MEMBER_ASKED, /* a rump object that a classic server knows about */
	MEMBER_NONE,  /* not for the program: as if closed */
	MEMBER_ALIEN, /* nobody here can say whether it is ready */
};

/* Sort the descriptor; MEMBER_PROXY sets *hostfd, which is good as long as the
 * program does not close the descriptor; MEMBER_ASKED to what it is for
 * classic_poll(). */
enum member member_find(int fd, int *hostfd);
/* The same for a file at hand. */
enum member member_of_file(struct rfile *rf, int *hostfd);
/* Is it an epoll set with members that a classic server knows about?  It is a
 * MEMBER_ALIEN, which only epoll_wait(2) itself waits for. */
bool member_is_mixed(int fd);

/*
 * The call waits by asking a classic server: take over the signal mask at user
 * address mask, of size bytes (0: none).  0 or -errno.  What is left of ms
 * milliseconds (< 0: for ever) since a time of waiting_clock().
 */
long waiting_mask(long mask, long size);
int64_t waiting_clock(void);
int64_t waiting_left(int64_t ms, int64_t since);

/* There is a MEMBER_ALIEN: say why; what the call returns. */
long member_refuse(struct call *c);

/*
 * Memory of at least size bytes that lives as long as the call, also while the
 * host waits: not zeroed if it is small.  NULL when there is none.  c is the
 * call that will wait, or NULL.  What a longjmp out of the wait has left behind
 * is freed by the next call that has its struct call in the same place.
 */
void *waitmem_get(size_t size, const struct call *c);
void waitmem_put(void *mem);
/* In a forked child. */
void waitmem_forked(void);

#endif /* !PRELOAD_READINESS_H */
