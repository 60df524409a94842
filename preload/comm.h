/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The name of a process for ps(1), pgrep(1) and /proc/PID/comm.  The host takes it
 * from the file that it executes, which is the interpreter of a script, or a copy
 * of a program: the new image gives itself the name that it would have.
 */
#ifndef PRELOAD_COMM_H
#define PRELOAD_COMM_H

#include <stddef.h>

#define COMM_VARIABLE "RUMPKIT_COMM"

/* This thread is about to execute path; "": the host's own name is right. */
void comm_set(const char *path);
/* For router_exec_env(). */
size_t comm_exec_env(char *buf, size_t size);
/* In the new image. */
void comm_take(const char *name);

#endif /* !PRELOAD_COMM_H */
