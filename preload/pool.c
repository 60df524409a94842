/* SPDX-License-Identifier: BSD-2-Clause */
#include "preload/pool.h"

#include <sys/mman.h>

struct pool pathbufs = POOL_INIT(PATHBUF_SIZE, 8 * PATHBUF_SIZE);

static void
pool_grow(struct pool *p)
{
	long r = HOST(SYS_mmap, 0, p->p_chunk, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *mem = (char *)r;

	if (r < 0 && r > -4096)
		return;
	for (size_t at = 0; at + p->p_size <= p->p_chunk; at += p->p_size)
		pool_put(p, mem + at);
}

void *
pool_get(struct pool *p)
{
	struct pool_free *f = NULL;

	for (int tries = 0; tries < 2; tries++) {
		lock_enter(&p->p_lock);
		f = p->p_free;
		if (f != NULL)
			p->p_free = f->pf_next;
		lock_exit(&p->p_lock);
		if (f != NULL)
			return f;
		pool_grow(p);
	}
	return NULL;
}

void
pool_put(struct pool *p, void *obj)
{
	struct pool_free *f = obj;

	lock_enter(&p->p_lock);
	f->pf_next = p->p_free;
	p->p_free = f;
	lock_exit(&p->p_lock);
}
