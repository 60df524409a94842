/* SPDX-License-Identifier: BSD-2-Clause */
/* The root directory: the host's, or one of the kernel's after chroot(2). */
#ifndef PRELOAD_ROOT_H
#define PRELOAD_ROOT_H

#include <stddef.h>

/* Hands one of the kernel's from one image of a process to the next. */
#define ROOT_VARIABLE "RUMPKIT_ROOT"

/* NAME=value for the next image; the length, 0: the root is the host's. */
size_t root_exec_env(char *buf, size_t size);

/* What the image before has handed on, before anything else that it names is
 * looked at: a kernel in a server has it, one in this process goes there.  0 or a
 * Linux errno. */
int root_inherit(const char *path);

#endif /* !PRELOAD_ROOT_H */
