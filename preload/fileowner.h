/* SPDX-License-Identifier: BSD-2-Clause */
/* What a file is told by fcntl(2) and keeps: whom SIGIO is for, and how long its
 * data may live. */
#ifndef PRELOAD_FILEOWNER_H
#define PRELOAD_FILEOWNER_H

struct call;
struct rfile;

/* F_GETOWN, F_SETOWN, F_GETOWN_EX, F_SETOWN_EX, F_GETSIG and F_SETSIG of a
 * file that is no socket.  A Linux result. */
long fileowner_fcntl(struct call *c, struct rfile *rf);

/* F_GET_RW_HINT and F_SET_RW_HINT. */
long fileowner_hint(struct call *c, struct rfile *rf);

#endif /* !PRELOAD_FILEOWNER_H */
