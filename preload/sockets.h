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

#endif /* !PRELOAD_SOCKETS_H */
