/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An array that grows by mapping a larger one.  References are dropped without
 * the lock, since the kernel may sleep over it.
 */
#include "preload/mappings.h"

#include <string.h>
#include <sys/mman.h>

#include "preload/backend.h"
#include "preload/kernel.h"
#include "preload/lock.h"
#include "preload/windows.h"

#define FIRST_CAPACITY 256
#define TAKEN_MAX 32 /* mappings taken out at a time */

atomic_uint mappings_n;

static struct lock table_lock = LOCK_INIT;
static struct mapping *table; /* table_lock */
static unsigned capacity;     /* table_lock */

void
mappings_lock(void)
{
	lock_enter(&table_lock);
}

void
mappings_unlock(void)
{
	lock_exit(&table_lock);
}

void
mappings_reset(void)
{
	lock_reset(&table_lock);
}

static bool
grow(void)
{
	unsigned wanted = capacity == 0 ? FIRST_CAPACITY : 2 * capacity;
	struct mapping *bigger;
	long r;

	r = HOST(SYS_mmap, 0, wanted * sizeof(*table), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r < 0 && r > -4096)
		return false;
	bigger = (struct mapping *)r;
	if (table != NULL) {
		memcpy(bigger, table, mappings_n * sizeof(*table));
		HOST(SYS_munmap, table, capacity * sizeof(*table), 0, 0, 0, 0);
	}
	table = bigger;
	capacity = wanted;
	return true;
}

/* Index of the first mapping that ends behind addr. */
static unsigned
position(uintptr_t addr)
{
	unsigned lo = 0, hi = mappings_n;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (table[mid].m_end > addr)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

static bool
insert_at(unsigned i, const struct mapping *m)
{
	if (mappings_n == capacity && !grow())
		return false;
	memmove(&table[i + 1], &table[i], (mappings_n - i) * sizeof(*table));
	table[i] = *m;
	mappings_n++;
	return true;
}

static void
remove_at(unsigned i)
{
	mappings_n--;
	memmove(&table[i], &table[i + 1], (mappings_n - i) * sizeof(*table));
}

bool
mappings_insert_locked(const struct mapping *m)
{
	return insert_at(position(m->m_start), m);
}

struct mapping *
mappings_find_locked(uintptr_t addr)
{
	struct mapping *m = mappings_next_locked(addr);

	return m != NULL && m->m_start <= addr ? m : NULL;
}

struct mapping *
mappings_next_locked(uintptr_t addr)
{
	unsigned i = position(addr);

	return i < mappings_n ? &table[i] : NULL;
}

bool
mappings_split_locked(uintptr_t addr)
{
	unsigned i = position(addr);
	struct mapping head;

	if (i == mappings_n || table[i].m_start >= addr)
		return true;
	head = table[i];
	head.m_end = addr;
	if (!insert_at(i, &head))
		return false;
	table[i + 1].m_off += (int64_t)(addr - head.m_start);
	table[i + 1].m_start = addr;
	if (backend_reachable())
		kernel.k_map_ref(head.m_handle);
	return true;
}

static bool
continues(const struct mapping *a, const struct mapping *b)
{
	return a->m_end == b->m_start && a->m_handle == b->m_handle &&
	       a->m_off + (int64_t)(a->m_end - a->m_start) == b->m_off &&
	       a->m_prot == b->m_prot && a->m_shared == b->m_shared;
}

void
mappings_join_locked(uintptr_t start, uintptr_t end)
{
	unsigned i = position(start);

	if (i > 0)
		i--;
	while (i + 1 < mappings_n && table[i].m_start < end) {
		struct mapping *a = &table[i], *b = &table[i + 1];

		if (!continues(a, b)) {
			i++;
			continue;
		}
		a->m_end = b->m_end;
		a->m_keep = a->m_keep || b->m_keep;
		/* Not the last one. */
		if (backend_reachable())
			kernel.k_map_destroy(b->m_handle);
		remove_at(i + 1);
	}
}

/* Take the first mapping within [start, end) out: of that handle, unless it is
 * NULL. */
static bool
take_one(uintptr_t start, uintptr_t end, const void *handle, void **taken)
{
	unsigned i;

	(void)mappings_split_locked(start);
	(void)mappings_split_locked(end);
	i = position(start);
	while (handle != NULL && i < mappings_n && table[i].m_handle != handle)
		i++;
	if (i == mappings_n || table[i].m_start >= end)
		return false;
	*taken = table[i].m_handle;
	windows_forget(table[i].m_start, table[i].m_end);
	remove_at(i);
	return true;
}

/* A forked child has no kernel that holds the reference; a vfork child gives it
 * up, and has its parent's memory. */
static void
put(void *handle)
{
	if (backend_reachable())
		kernel.k_map_destroy(handle);
}

void
mappings_remove_handle(uintptr_t start, uintptr_t end, const void *handle)
{
	void *taken;
	bool found;

	do {
		mappings_lock();
		found = take_one(start, end, handle, &taken);
		mappings_unlock();
		if (found)
			put(taken);
	} while (found);
}

void
mappings_remove(uintptr_t start, uintptr_t end)
{
	if (mappings_n != 0)
		mappings_remove_handle(start, end, NULL);
}

bool
mappings_replace(const struct mapping *m)
{
	void *taken[TAKEN_MAX];
	bool entered = false, full;
	unsigned n;

	do {
		mappings_lock();
		for (n = 0; n < TAKEN_MAX; n++) {
			if (!take_one(m->m_start, m->m_end, NULL, &taken[n]))
				break;
		}
		full = n == TAKEN_MAX;
		if (!full)
			entered = mappings_insert_locked(m);
		mappings_unlock();
		while (n > 0)
			put(taken[--n]);
	} while (full);
	return entered;
}
