/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Theory of operation.  Sizes up to MAXCLASS are rounded up to one of NCLASSES
 * size classes, four to each power of two.  A class has a depot, a list of free
 * objects; objects are carved from chunks of host memory and never change their
 * class, nor do they go back to the host.  In front of the depots each thread
 * that has an lwp keeps a magazine per class: a list that only it touches, and
 * that trades half of its capacity with the depot when it is empty or full.  So
 * the usual allocation takes no lock.  Larger sizes are mapped and unmapped.
 *
 * Sized free is what makes headers superfluous; KMEM_DEBUG builds append the
 * size to each object and check it, fill freed memory with DEADBYTE, and tell
 * the address sanitizer what is free.
 *
 * Bytes handed out are counted per thread, without atomic operations, and
 * summed up when somebody asks.
 */
#include "kern/kmem.h"

#include <stdatomic.h>

#include "kern/clock.h"
#include "kern/guard.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "kern/queue.h"
#include "rump/rumpuser.h"

#define CHUNK (256 * 1024)
#define PAGE 4096
#define LINEAR 128 /* up to here the classes are 16 bytes apart */
#define NLINEAR (LINEAR / 16)
#define MAXCLASS (128 * 1024)
#define NCLASSES (NLINEAR + 4 * 10) /* 2^7 .. 2^17 */
#define MAGAZINE_BYTES 16384
#define MAGAZINE_MAX 64
#define DIRECT 32768 /* objects from here on are not carved from chunks */
#define RETRY_NS 10000000

#ifdef KMEM_DEBUG
#define TRAILER 16
#define DEADBYTE 0xdb
#else
#define TRAILER 0
#endif

#if defined(__SANITIZE_ADDRESS__)
#define KMEM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KMEM_ASAN 1
#endif
#endif
#ifdef KMEM_ASAN
void __asan_poison_memory_region(const volatile void *, size_t);
void __asan_unpoison_memory_region(const volatile void *, size_t);
#endif

struct freeobj {
	struct freeobj *fo_next;
};

struct magazine {
	struct freeobj *m_head;
	uint32_t m_count;
};

struct kmem_cache {
	struct list kc_list;            /* caches_guard */
	_Atomic int64_t kc_outstanding; /* written by its thread only */
	struct magazine kc_mag[NCLASSES];
};

static struct depot {
	_Atomic uint32_t d_guard;
	struct magazine d_free; /* d_guard */
} depots[NCLASSES];

static struct {
	_Atomic uint32_t guard;
	char *cur, *end; /* guard: the rest of the current chunk */
} arena;

static _Atomic uint32_t caches_guard;
static struct list caches = LIST_INITIALIZER(caches);
static _Atomic int64_t outstanding; /* of threads without a cache, and gone */
static _Atomic size_t hostbytes;
static _Atomic size_t hostlimit = SIZE_MAX;
static _Atomic uint64_t fail_after;

static unsigned
size_to_class(size_t size)
{
	unsigned e;

	if (size <= LINEAR)
		return (size - 1) / 16;
	e = 63 - __builtin_clzl(size - 1);
	return NLINEAR + (e - 7) * 4 + ((size - 1) >> (e - 2)) - 4;
}

static size_t
class_to_size(unsigned c)
{
	unsigned e;

	if (c < NLINEAR)
		return (c + 1) * 16;
	e = 7 + (c - NLINEAR) / 4;
	return (size_t)(4 + (c - NLINEAR) % 4 + 1) << (e - 2);
}

/* How many free objects of size bytes a thread keeps. */
static uint32_t
magazine_limit(size_t size)
{
	return size * MAGAZINE_MAX <= MAGAZINE_BYTES
		   ? MAGAZINE_MAX
		   : MAX(MAGAZINE_BYTES / size, 1);
}

static void
push(struct magazine *m, void *p)
{
	struct freeobj *fo = p;

	fo->fo_next = m->m_head;
	m->m_head = fo;
	m->m_count++;
}

static void *
pop(struct magazine *m)
{
	struct freeobj *fo = m->m_head;

	if (fo == NULL)
		return NULL;
	m->m_head = fo->fo_next;
	m->m_count--;
	return fo;
}

void *
kmem_hostalloc(size_t size)
{
	void *p;

	if (atomic_fetch_add(&hostbytes, size) + size >
		atomic_load_explicit(&hostlimit, memory_order_relaxed) ||
	    rumpuser_anonmmap(NULL, size, 0, 0, &p) != 0) {
		atomic_fetch_sub(&hostbytes, size);
		return NULL;
	}
	return p;
}

static void
kmem_hostfree(void *p, size_t size)
{
	rumpuser_unmap(p, size);
	atomic_fetch_sub(&hostbytes, size);
}

/* Carve up to want objects of size bytes; the number got, 0 without memory. */
static unsigned
carve(size_t size, unsigned want, char **pp)
{
	unsigned n;

	guard_enter(&arena.guard);
	if ((size_t)(arena.end - arena.cur) < size) {
		arena.cur = kmem_hostalloc(CHUNK);
		arena.end = arena.cur + (arena.cur == NULL ? 0 : CHUNK);
	}
	n = MIN(want, (size_t)(arena.end - arena.cur) / size);
	*pp = arena.cur;
	arena.cur += n * size;
	guard_exit(&arena.guard);
	return n;
}

/* Fill m, which is empty, from new memory. */
static void
grow(struct magazine *m, size_t size, unsigned want)
{
	unsigned n;
	char *p;

	if (size >= DIRECT) {
		p = kmem_hostalloc(ROUNDUP(size, PAGE));
		if (p != NULL)
			push(m, p);
		return;
	}
	n = carve(size, want, &p);
	while (n-- > 0)
		push(m, p + n * size);
}

/* Move n objects, or as many as there are. */
static void
transfer(struct magazine *from, struct magazine *to, unsigned n)
{
	void *p;

	while (n-- > 0 && (p = pop(from)) != NULL)
		push(to, p);
}

static void
refill(struct magazine *m, unsigned c)
{
	struct depot *d = &depots[c];
	size_t size = class_to_size(c);
	unsigned n = (magazine_limit(size) + 1) / 2;

	guard_enter(&d->d_guard);
	transfer(&d->d_free, m, n);
	guard_exit(&d->d_guard);
	if (m->m_head == NULL)
		grow(m, size, n);
}

static void
drain(struct magazine *m, unsigned c, unsigned n)
{
	struct depot *d = &depots[c];

	guard_enter(&d->d_guard);
	transfer(m, &d->d_free, n);
	guard_exit(&d->d_guard);
}

/* Without a cache of the thread. */
static void *
class_alloc(unsigned c)
{
	struct magazine m = { NULL, 0 };
	void *p;

	refill(&m, c);
	p = pop(&m);
	drain(&m, c, m.m_count);
	return p;
}

static void
class_free(void *p, unsigned c)
{
	struct magazine m = { NULL, 0 };

	push(&m, p);
	drain(&m, c, 1);
}

/* What was free becomes an object of size bytes. */
static void
mark_alloc(void *p, size_t size)
{
#ifdef KMEM_ASAN
	__asan_unpoison_memory_region(p, size + TRAILER);
#endif
#ifdef KMEM_DEBUG
	uint64_t tag = size;

	memcpy((char *)p + size, &tag, sizeof(tag));
#endif
#ifdef KMEM_ASAN
	__asan_poison_memory_region((char *)p + size, TRAILER);
#endif
}

static void
mark_free(void *p, size_t size)
{
#ifdef KMEM_ASAN
	__asan_unpoison_memory_region((char *)p + size, TRAILER);
#endif
#ifdef KMEM_DEBUG
	uint64_t tag;

	memcpy(&tag, (char *)p + size, sizeof(tag));
	if (tag != size)
		panic("kmem_free: %p has %lu bytes, not %lu, or was overrun", p,
		    (unsigned long)tag, (unsigned long)size);
	memset(p, DEADBYTE, size + sizeof(tag));
#endif
}

/* The free list uses the first word, nobody may use the rest. */
static void
mark_rest(void *p, size_t size)
{
#ifdef KMEM_ASAN
	__asan_poison_memory_region((char *)p + 8, size + TRAILER - 8);
#endif
}

#define CACHE_CLASS size_to_class(sizeof(struct kmem_cache) + TRAILER)

/*
 * The cache of the calling thread.  Only a thread that has an lwp gets one,
 * since only its end is noticed.
 */
static struct kmem_cache *
cache_get(void)
{
	struct kmem_cache *kc = rump_tls.kmem;

	if (PREDICT_TRUE(kc != NULL) || curlwp == NULL)
		return kc;
	kc = class_alloc(CACHE_CLASS);
	if (kc == NULL)
		return NULL;
	mark_alloc(kc, sizeof(*kc));
	memset(kc, 0, sizeof(*kc));
	guard_enter(&caches_guard);
	list_insert_tail(&caches, &kc->kc_list);
	guard_exit(&caches_guard);
	rump_tls.kmem = kc;
	return kc;
}

void
kmem_thread_fini(void)
{
	struct kmem_cache *kc = rump_tls.kmem;

	if (kc == NULL)
		return;
	rump_tls.kmem = NULL;
	for (unsigned c = 0; c < NCLASSES; c++)
		if (kc->kc_mag[c].m_count > 0)
			drain(&kc->kc_mag[c], c, kc->kc_mag[c].m_count);
	guard_enter(&caches_guard);
	list_remove(&kc->kc_list);
	atomic_fetch_add_explicit(&outstanding,
	    atomic_load_explicit(&kc->kc_outstanding, memory_order_relaxed),
	    memory_order_relaxed);
	guard_exit(&caches_guard);
	mark_free(kc, sizeof(*kc));
	mark_rest(kc, sizeof(*kc));
	class_free(kc, CACHE_CLASS);
}

static void
account(struct kmem_cache *kc, int64_t n)
{
	if (kc == NULL) {
		atomic_fetch_add_explicit(
		    &outstanding, n, memory_order_relaxed);
		return;
	}
	n += atomic_load_explicit(&kc->kc_outstanding, memory_order_relaxed);
	atomic_store_explicit(&kc->kc_outstanding, n, memory_order_relaxed);
}

void
kmem_account(int64_t n)
{
	account(rump_tls.kmem, n);
}

size_t
kmem_outstanding(void)
{
	struct list *n;
	int64_t sum;

	guard_enter(&caches_guard);
	sum = atomic_load_explicit(&outstanding, memory_order_relaxed);
	LIST_FOREACH (n, &caches)
		sum += atomic_load_explicit(
		    &LIST_ENTRY(n, struct kmem_cache, kc_list)->kc_outstanding,
		    memory_order_relaxed);
	guard_exit(&caches_guard);
	return sum;
}

static void *
try_alloc(size_t size)
{
	size_t need = size + TRAILER;
	struct kmem_cache *kc;
	struct magazine *m;
	unsigned c;
	void *p;

	kc = cache_get();
	if (need > MAXCLASS) {
		p = kmem_hostalloc(ROUNDUP(need, PAGE));
	} else if (kc == NULL) {
		p = class_alloc(size_to_class(need));
	} else {
		c = size_to_class(need);
		m = &kc->kc_mag[c];
		if (PREDICT_FALSE(m->m_head == NULL))
			refill(m, c);
		p = pop(m);
	}
	if (p == NULL)
		return NULL;
	account(kc, size);
	mark_alloc(p, size);
	return p;
}

/* Test hook: the n-th KM_NOSLEEP allocation from now on and no other fails. */
void
kmem_fail_nth(uint64_t n)
{
	atomic_store(&fail_after, n);
}

static bool
injected_failure(void)
{
	uint64_t n = atomic_load_explicit(&fail_after, memory_order_relaxed);

	while (PREDICT_FALSE(n != 0))
		if (atomic_compare_exchange_weak(&fail_after, &n, n - 1))
			return n == 1;
	return false;
}

/* Memory is short: say so once, and wait for somebody to free some. */
static void
wait_for_memory(void)
{
	static _Atomic uint32_t said, never;

	if (atomic_exchange(&said, 1) == 0)
		kprintf("kmem: out of memory, waiting\n");
	(void)rumpcomp_kern_park(&never, 0, uptime_ns() + RETRY_NS, NULL);
}

void *
kmem_alloc(size_t size, enum kmem_flag how)
{
	void *p;

	KASSERT(size > 0);
	if (how == KM_NOSLEEP && injected_failure())
		return NULL;
	/* No addition below can wrap, and no host has that much. */
	if (size > SIZE_MAX / 2) {
		KASSERT(how == KM_NOSLEEP);
		return NULL;
	}
	while ((p = try_alloc(size)) == NULL && how == KM_SLEEP)
		wait_for_memory();
	return p;
}

void *
kmem_zalloc(size_t size, enum kmem_flag how)
{
	void *p = kmem_alloc(size, how);

	/* The host gives zeroed pages. */
	if (p != NULL && size + TRAILER <= MAXCLASS)
		memset(p, 0, size);
	return p;
}

void
kmem_free(void *p, size_t size)
{
	size_t need = size + TRAILER;
	struct kmem_cache *kc;
	unsigned c;

	if (p == NULL)
		return;
	KASSERT(size > 0);
	mark_free(p, size);
	kc = cache_get();
	account(kc, -(int64_t)size);
	if (need > MAXCLASS) {
		kmem_hostfree(p, ROUNDUP(need, PAGE));
		return;
	}
	mark_rest(p, size);
	c = size_to_class(need);
	if (kc == NULL) {
		class_free(p, c);
		return;
	}
	if (kc->kc_mag[c].m_count >= magazine_limit(class_to_size(c)))
		drain(&kc->kc_mag[c], c, (kc->kc_mag[c].m_count + 1) / 2);
	push(&kc->kc_mag[c], p);
}

void
kmem_setlimit(size_t bytes)
{
	atomic_store(&hostlimit, bytes);
}

size_t
kmem_hostbytes(void)
{
	return atomic_load_explicit(&hostbytes, memory_order_relaxed);
}
