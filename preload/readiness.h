/* SPDX-License-Identifier: BSD-2-Clause */
/* What the calls that wait for descriptors have in common. */
#ifndef PRELOAD_READINESS_H
#define PRELOAD_READINESS_H

#include <stdbool.h>
#include <stddef.h>

struct call;
struct rfile;

enum member {
	MEMBER_HOST,  /* a descriptor of the host, or none at all */
	MEMBER_READY, /* a rump file: always ready, as files are */
	MEMBER_PROXY, /* a rump object that is a host descriptor of ours */
	MEMBER_NONE,  /* not for the program, or O_PATH: as if closed */
	MEMBER_ALIEN, /* nobody here can say whether it is ready */
};

/* Sort the descriptor; MEMBER_PROXY sets *hostfd, which is good as long as the
 * program does not close the descriptor. */
enum member member_find(int fd, int *hostfd);
/* The same for a file at hand. */
enum member member_of_file(struct rfile *rf, int *hostfd);

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
