/* SPDX-License-Identifier: BSD-2-Clause */
/* Anonymous memory from the host, by pages. */
#ifndef RUMPUSER_PAGES_H
#define RUMPUSER_PAGES_H

#include <stddef.h>

/*
 * Map len bytes of zeros, aligned to align (0 or a power of two), near hint
 * (may be NULL), executable if exec.  Returns 0 and sets *mem, or a NetBSD
 * errno.
 */
int pages_map(void *hint, size_t len, size_t align, int exec, void **mem);
void pages_unmap(void *mem, size_t len);

#endif /* !RUMPUSER_PAGES_H */
