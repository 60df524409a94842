/* SPDX-License-Identifier: BSD-2-Clause */
/* What other routes ask of sockets. */
#ifndef PRELOAD_SOCKETS_H
#define PRELOAD_SOCKETS_H

#include "preload/call.h"
#include "preload/fdmap.h"

/*
 * Make the program's call, an ioctl(2) or fcntl(2) (kind is one of
 * RUMP_HOSTCALL_*) with request c->arg[1] and argument c->arg[2], on the host
 * socket behind rf.  A route's result; ENOTTY when there is none.
 */
long socket_hostcall(struct call *c, struct rfile *rf, int kind);

/*
 * Make call nr on the host descriptor behind rf, with the rights and the memory of
 * the calling thread.  It must not wait.  -EOPNOTSUPP where there is none here.
 */
long socket_call_here(
    struct rfile *rf, long nr, long a, long b, long d, long e);

#endif /* !PRELOAD_SOCKETS_H */
