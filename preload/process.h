/* SPDX-License-Identifier: BSD-2-Clause */
/* Which process is this: the kernel's, a forked child, a vfork child. */
#ifndef PRELOAD_PROCESS_H
#define PRELOAD_PROCESS_H

#include <stdbool.h>

struct call;

/* Have the engine tell of tables of descriptors that are shared. */
void process_init(void);

/* False in a vfork child, whose changes must not be recorded: the memory is
 * its parent's. */
bool process_owns_memory(void);

/* Likewise for the table of descriptors: a vfork child may have one of its
 * own. */
bool process_owns_table(void);

/* The kernel cannot be reached from here: say so, once, on standard error, and
 * return EOPNOTSUPP. */
int process_refuse(struct call *c);

/* This image of the program ends: have the kernel write what is unsaved, and
 * say on standard error what could not be. */
void process_save_files(void);

/* The pid of the process that the kernel is in (0: there is none). */
void process_set_kernel(int pid);

#endif /* !PRELOAD_PROCESS_H */
