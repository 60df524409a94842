/* SPDX-License-Identifier: BSD-2-Clause */
/* Which number the host's signals about a socket speak of. */
#ifndef PRELOAD_ASYNC_H
#define PRELOAD_ASYNC_H

struct rfile;

/*
 * Number fd of the program, which is rf, is about to have O_ASYNC: si_fd of
 * SIGIO and of what F_SETSIG puts in its place will be fd.  Of sockets that are
 * host sockets; nothing for others.
 */
void async_begin(struct rfile *rf, int fd);

#endif /* !PRELOAD_ASYNC_H */
