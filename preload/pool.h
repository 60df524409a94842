/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects of one size, from pages of our own.  Memory is type-stable: it is
 * never given back, so a stale pointer still points at an object of the pool.
 */
#ifndef PRELOAD_POOL_H
#define PRELOAD_POOL_H

#include "preload/lock.h"

struct pool_free {
	struct pool_free *pf_next;
};

struct pool {
	size_t p_size;  /* i: a multiple of 8, at least 8 */
	size_t p_chunk; /* i: bytes taken from the host at a time */
	struct lock p_lock;
	struct pool_free *p_free; /* p_lock */
	struct pool *p_next;      /* of all pools in use */
	atomic_flag p_listed;
};
#define POOL_INIT(size, chunk)                                                 \
	{                                                                      \
		(size), (chunk), LOCK_INIT, NULL, NULL, ATOMIC_FLAG_INIT       \
	}

/* An object with arbitrary contents apart from what its last owner left behind
 * its first 8 bytes (0 when new), or NULL. */
void *pool_get(struct pool *p);
void pool_put(struct pool *p, void *obj);

/* In a forked child: another thread of the parent may have held a lock. */
void pools_forked(void);

/* Buffers for one path, for whoever needs one beyond its stack frame. */
#define PATHBUF_SIZE 4096
extern struct pool pathbufs;

/* A copy of s (shorter than PATHBUF_SIZE), or NULL. */
char *string_keep(const char *s);
void string_free(char *s);

#endif /* !PRELOAD_POOL_H */
