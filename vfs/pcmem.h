/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What files in memory may take: half of RUMP_MEMLIMIT, or 1 GiB.  All memory
 * file systems share it, as they share the memory.  Counted are the pages of
 * their files, nodes and names; they are their users' to make, and what the
 * kernel needs for itself must be left.
 */
#ifndef VFS_PCMEM_H
#define VFS_PCMEM_H

#include "kern/types.h"

/* Take bytes; 0 or ENOSPC. */
int pcmem_charge(uint64_t bytes);
void pcmem_uncharge(uint64_t bytes);
uint64_t pcmem_used(void);
uint64_t pcmem_limit(void);
/* What is left. */
uint64_t pcmem_free(void);
void pcmem_init(void);
/* For tests. */
void pcmem_setlimit(uint64_t bytes);

#endif /* !VFS_PCMEM_H */
