/* SPDX-License-Identifier: BSD-2-Clause */
/* Children and ends of processes. */
#ifndef ENGINE_PROCESS_H
#define ENGINE_PROCESS_H

#include <stdatomic.h>
#include <stdbool.h>

/* This process is a forked child of the one that the library started in. */
extern bool process_forked;

/* Threads of the program that are alive, without ours. */
extern atomic_uint program_threads;

struct call;

/* ptrace in a vfork child. */
long process_ptrace(struct call *c);

#endif /* !ENGINE_PROCESS_H */
