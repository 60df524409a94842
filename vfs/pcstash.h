/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of the page cache: memory of loose blocks that were dropped, not given
 * back to the host, so that a file that is made, written and removed at once,
 * or pages read here and there, cost no system call.
 */
#ifndef VFS_PCSTASH_H
#define VFS_PCSTASH_H

#include "vfs/arena.h"

/* Keep am, of which the pages in touched have been used; false: no room. */
bool pcstash_put(const struct arena_mem *am, uint32_t touched);
/* Some memory of which no pages but these have been used, if there is any. */
bool pcstash_get(struct arena_mem *am, uint32_t pages, uint32_t *touched);
void pcstash_init(void);

#endif /* !VFS_PCSTASH_H */
