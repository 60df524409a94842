/* SPDX-License-Identifier: BSD-2-Clause */
/* Routes that start from one descriptor. */
#ifndef PRELOAD_DESCRIPTOR_H
#define PRELOAD_DESCRIPTOR_H

#include "preload/call.h"
#include "preload/fdmap.h"

/*
 * Run op on the rump file behind descriptor c->arg[0], with a reference; host
 * descriptors go to the host.  io: refuse O_PATH descriptors with EBADF.
 */
long fd_run(
    struct call *c, bool io, long (*op)(struct call *c, struct rfile *rf));

/* The same for calls that move data: where the kernel need not see them
 * (backend_direct), the host makes the call on the socket that rf rides on. */
long fd_run_data(struct call *c, long (*op)(struct call *c, struct rfile *rf));
/* The socket that data for rf may go to without the kernel, or -1. */
int fd_direct(struct rfile *rf);

/* Make system call num on rf with up to four arguments behind the
 * descriptor. */
long fd_call(struct call *c, struct rfile *rf, int num, int64_t a, int64_t b,
    int64_t d, int64_t e);

/* The result of a write to rf: EPIPE raises SIGPIPE where the host's kernel
 * would, which is not on a socket of datagrams. */
long fd_sigpipe(struct rfile *rf, long result);

#endif /* !PRELOAD_DESCRIPTOR_H */
