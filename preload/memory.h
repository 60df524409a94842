/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages of mapped rump files: making them accessible; see memory.c. */
#ifndef PRELOAD_MEMORY_H
#define PRELOAD_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rump_maphooks;

/* For a new mapping of len bytes: how much is made accessible at a time.  keep:
 * its pages are not taken away again. */
size_t memory_window_size(size_t len, bool keep);

/*
 * Make what [addr, addr + len) covers of mapped rump files accessible, up to a
 * limit; write: for writing too, where the mapping allows it.  False when there
 * was nothing to do or it cannot be done.
 */
bool memory_present(uintptr_t addr, size_t len, bool write);

/* In a forked child: what is filled stays; where the kernel cannot be reached
 * the rest cannot be filled, and what could be lost cannot be written to.
 * birth: as fdmap_forked(). */
void memory_forked(unsigned birth);

/* What the kernel calls; see rumphost.h. */
extern const struct rump_maphooks memory_hooks;

#endif /* !PRELOAD_MEMORY_H */
