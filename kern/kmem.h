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
 * any thread.  kmem_zalloc() clears them.  May sleep with KM_SLEEP.  Sizes that
 * come from outside: KM_NOSLEEP.  kmem_free() of NULL does nothing.
 */
void *kmem_alloc(size_t size, enum kmem_flag how);
void *kmem_zalloc(size_t size, enum kmem_flag how);
void kmem_free(void *p, size_t size);

/* Bytes handed out and not yet freed; what halt reports as leaked. */
size_t kmem_outstanding(void);

/* Bytes taken from the host, and the limit on them (SIZE_MAX: none). */
size_t kmem_hostbytes(void);
void kmem_setlimit(size_t bytes);

/*
 * For allocators of their own on top: zeroed host pages that are never given
 * back, NULL without memory; and their part in kmem_outstanding().
 */
void *kmem_hostalloc(size_t size);
void kmem_account(int64_t bytes);

/* The calling thread will not allocate again: give its magazines back. */
void kmem_thread_fini(void);

/* Test hook: the n-th KM_NOSLEEP allocation from now on, and no other, fails;
 * 0 none. */
void kmem_fail_nth(uint64_t n);

#endif /* !KERN_KMEM_H */
