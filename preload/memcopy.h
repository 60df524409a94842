/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of the kernel as files of the host: programs and libraries. */
#ifndef PRELOAD_MEMCOPY_H
#define PRELOAD_MEMCOPY_H

#include <stdint.h>

struct call;

/* /proc shows a copy of /data/bin/x as /memfd:/../data/bin/x (deleted). */
#define MEMCOPY_SHOWN "/memfd:/.."

/*
 * A sealed copy of the size bytes of rump descriptor fd, close-on-exec.  path:
 * the program's path of the file, which the copy is named by, or NULL.  0 and
 * *copy, or an error of rump_call().
 */
int memcopy_make(
    struct call *c, int64_t fd, long size, const char *path, long *copy);
/* The same in two steps; before the second one it can be changed. */
int memcopy_open(
    struct call *c, int64_t fd, long size, const char *path, long *copy);
int memcopy_seal(long copy);

#endif /* !PRELOAD_MEMCOPY_H */
