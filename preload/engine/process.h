/* SPDX-License-Identifier: BSD-2-Clause */
/* Children and ends of processes. */
#ifndef ENGINE_PROCESS_H
#define ENGINE_PROCESS_H

#include <stdbool.h>

/* This process is a forked child of the one that the library started in. */
extern bool process_forked;

struct call;

/* ptrace in a vfork child. */
long process_ptrace(struct call *c);

#endif /* !ENGINE_PROCESS_H */
