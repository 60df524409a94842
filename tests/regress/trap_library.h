/* SPDX-License-Identifier: BSD-2-Clause */
/* Sites in a library: near enough to the engine to be patched. */
#ifndef REGRESS_TRAP_LIBRARY_H
#define REGRESS_TRAP_LIBRARY_H

#include <stdint.h>

/*
 * getpid() behind bytes that look like "mov $39, %eax" and are the end of a
 * longer instruction, which stores 39 at to.
 */
long lookalike_call(uint32_t *to);

/* The i-th of some calls of getpid(), each with a window for a patch that
 * crosses a cache line; a torn jump leads to breakpoints. */
#define STRADDLERS 24
void straddler(int i);

#endif /* !REGRESS_TRAP_LIBRARY_H */
