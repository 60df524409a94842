/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel memory: size classes with per-thread magazines over host pages. */
#ifndef KERN_KMEM_H
#define KERN_KMEM_H

#include "kern/types.h"

enum kmem_flag {
	KM_SLEEP,   /* retry until there is memory; never returns NULL */
	KM_NOSLEEP, /* may return NULL */
};

/*
 * Return size (> 0) bytes aligned to 16, to be freed with the same size by
 * any thread.  kmem_zalloc() clears them.  May sleep with KM_SLEEP.
 */
void *kmem_alloc(size_t size, enum kmem_flag how);
void *kmem_zalloc(size_t size, enum kmem_flag how);
void kmem_free(void *p, size_t size);

/* Bytes handed out and not yet freed; what halt reports as leaked. */
size_t kmem_outstanding(void);

#endif /* !KERN_KMEM_H */
