/* SPDX-License-Identifier: BSD-2-Clause */
/* Mappings of rump files in the program's memory; see memory.c. */
#ifndef PRELOAD_MEMORY_H
#define PRELOAD_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Make what [addr, addr + len) covers of mapped rump files accessible, up to a
 * limit; false when there was nothing to do or it cannot be done.
 */
bool memory_present(uintptr_t addr, size_t len, bool write);

/* In a forked child: what is filled stays, the rest cannot be filled. */
void memory_forked(void);

#endif /* !PRELOAD_MEMORY_H */
