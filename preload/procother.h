/* SPDX-License-Identifier: BSD-2-Clause */
/* What another process of the tree has open, and where it is: /proc/PID/fd/N and
 * /proc/PID/cwd. */
#ifndef PRELOAD_PROCOTHER_H
#define PRELOAD_PROCOTHER_H

struct rfile;

/* A file without a number, with one reference, which is what process pid has at
 * number fd; NULL: that is nothing of the kernel's, or not to be had. */
struct rfile *procother_file(long pid, long fd);

/* The program's path of the working directory of process pid to path, which has
 * PATHBUF_SIZE bytes, and the rule for it; or NS_HOST: it is the host's. */
int procother_cwd(long pid, char *path);

#endif /* !PRELOAD_PROCOTHER_H */
