/* SPDX-License-Identifier: BSD-2-Clause */
#include "preload/pool.h"

#include <sys/mman.h>

#define STRING_SIZE 128 /* longer ones take a path buffer */

struct pool pathbufs = POOL_INIT(PATHBUF_SIZE, 8 * PATHBUF_SIZE);
static struct pool strings = POOL_INIT(STRING_SIZE, 64 * STRING_SIZE);

static _Atomic(struct pool *) pools;

static void
pool_list(struct pool *p)
{
	struct pool *head = atomic_load(&pools);

	if (atomic_flag_test_and_set(&p->p_listed))
		return;
	do
		p->p_next = head;
	while (!atomic_compare_exchange_weak(&pools, &head, p));
}

static void
pool_grow(struct pool *p)
{
	long r = HOST(SYS_mmap, 0, p->p_chunk, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *mem = (char *)r;

	if (r < 0 && r > -4096)
		return;
	pool_list(p);
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
	__atomic_store_n(&p->p_free, f, __ATOMIC_RELEASE);
	lock_exit(&p->p_lock);
}

/* A list is consistent at each instant: one store takes or gives an object. */
void
pools_forked(void)
{
	for (struct pool *p = atomic_load(&pools); p != NULL; p = p->p_next)
		lock_reset(&p->p_lock);
}

static struct pool *
string_pool(const char *s)
{
	size_t len = 0;

	while (s[len] != '\0')
		len++;
	return len < STRING_SIZE ? &strings : &pathbufs;
}

char *
string_keep(const char *s)
{
	char *copy = pool_get(string_pool(s));

	for (size_t i = 0; copy != NULL; i++) {
		copy[i] = s[i];
		if (s[i] == '\0')
			break;
	}
	return copy;
}

void
string_free(char *s)
{
	pool_put(string_pool(s), s);
}
