/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open rump files and sockets that cross an exec.  A kernel in a server keeps
 * them, see handover.h.  A kernel in the process ends with the image that it is
 * in; the next one has a kernel of its own and opens the same files again, under
 * their old numbers and at their old positions, before the program starts.  A
 * socket is the same host socket.
 */
#ifndef PRELOAD_INHERIT_H
#define PRELOAD_INHERIT_H

#include <stddef.h>

/* Hands the files from one image of a process to the next. */
#define INHERIT_VARIABLE "RUMPKIT_FDS"

/* Before an exec: 0, or a Linux errno: the files cannot be handed on. */
int inherit_check(void);
/* The exec is about to be made; and it has failed. */
void inherit_begin(void);
void inherit_failed(void);
/* NAME=value for the next image; the length, 0: there is nothing to hand on. */
size_t inherit_exec_env(char *buf, size_t size);

/*
 * In the next image, with its kernel running if it has one.  A file that is not to be had any
 * more, or is another one now, is said and its numbers are closed.
 */
void inherit_open(const char *value);

#endif /* !PRELOAD_INHERIT_H */
