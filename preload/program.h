/* SPDX-License-Identifier: BSD-2-Clause */
/* Executing programs that lie in the kernel. */
#ifndef PRELOAD_PROGRAM_H
#define PRELOAD_PROGRAM_H

struct call;

/*
 * execve or execveat: if the program, or the interpreter of a script, lies in
 * the kernel, change the call into one that the host can make; see
 * engine_hooks for what becomes of it.  0, or -errno as Linux would have it; after
 * 0 *fd is the host's file in question, open for reading, or -1.
 */
long program_find(struct call *c, long *fd);

#endif /* !PRELOAD_PROGRAM_H */
