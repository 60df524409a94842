/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What files in memory may take: half of RUMP_MEMLIMIT, or of the host's
 * memory.  All memory file systems share it, as they share the memory, and each
 * may have a limit of its own below.  Counted are the pages of their files,
 * nodes and names; they are their users' to make, and what the kernel needs for
 * itself must be left.
 */
#ifndef VFS_PCMEM_H
#define VFS_PCMEM_H

#include <stdatomic.h>

#include "kern/types.h"

/* What one file system has taken, and how much that may be at most. */
struct pcmem_account {
	_Atomic uint64_t pa_used;
	_Atomic uint64_t pa_limit;
};

void pcmem_account_init(struct pcmem_account *pa, uint64_t limit);
/* Take bytes; 0 or ENOSPC. */
int pcmem_charge(struct pcmem_account *pa, uint64_t bytes);
void pcmem_uncharge(struct pcmem_account *pa, uint64_t bytes);
/* What is left of the account and of the whole. */
uint64_t pcmem_free(struct pcmem_account *pa);

/* Of all file systems in memory. */
uint64_t pcmem_used(void);
uint64_t pcmem_limit(void);
void pcmem_init(void);
/* For tests. */
void pcmem_setlimit(uint64_t bytes);

#endif /* !VFS_PCMEM_H */
