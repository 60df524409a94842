/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls of the rump kernel, wherever it runs.  Nothing above knows
 * whether that is this process or, later, a server.
 */
#ifndef PRELOAD_BACKEND_H
#define PRELOAD_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BACKEND_SLOTS 8 /* of an argument structure; args has that many */

enum backend_state {
	BACKEND_NONE,      /* nothing is routed */
	BACKEND_HERE,      /* the kernel is in this process */
	BACKEND_ELSEWHERE, /* ... in another one: a parent's */
	BACKEND_SERVER,    /* ... in a server, which each process can reach */
};
extern enum backend_state backend_state;

/* Nobody records what sockets carry: data go straight to the host's socket, of
 * which this process has a descriptor. */
extern bool backend_direct;

/* 0, a NetBSD errno, RUMP_ERESTART or RUMP_ENAMESPACE. */
long rump_backend_syscall(int num, const int64_t *args, int64_t retval[2]);

/* Can the calling process reach the kernel? */
bool backend_reachable(void);

#endif /* !PRELOAD_BACKEND_H */
