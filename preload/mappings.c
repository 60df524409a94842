/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table is an array.  While the program has threads, one of which may fork
 * at any time, nobody changes its order in place: a changed copy is made and
 * takes over at once, so that a child has the table as it was before or after.
 * Two arrays take turns.
 *
 * References are dropped without the lock, since the kernel may sleep over it.
 */
#include "preload/mappings.h"

#include <string.h>
#include <sys/mman.h>

#include "preload/backend.h"
#include "preload/call.h"
#include "preload/engine/engine.h"
#include "preload/fdmap.h"
#include "preload/kernel.h"
#include "preload/lock.h"
#include "preload/windows.h"

#define FIRST_CAPACITY 256
#define TAKEN_MAX 32 /* mappings taken out at a time */

atomic_uint mappings_n;

struct table {
	unsigned t_n, t_capacity;
	struct mapping t_m[];
};

static struct lock table_lock = LOCK_INIT;
static _Atomic(struct table *) current; /* table_lock */
static struct table *spare;             /* table_lock */

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

static unsigned
count(void)
{
	return current == NULL ? 0 : current->t_n;
}

/* Faults on them find nothing. */
static void
forget_young(unsigned birth)
{
	struct table *t = current;
	unsigned n = 0;

	for (unsigned i = 0; i < count(); i++) {
		if (birth != 0 && (int)(t->t_m[i].m_birth - birth) >= 0)
			continue;
		if (n != i)
			t->t_m[n] = t->t_m[i];
		n++;
	}
	if (n != count())
		t->t_n = n;
}

void
mappings_forked(unsigned birth)
{
	lock_reset(&table_lock);
	if (mappings_n == 0 && count() == 0 && spare == NULL)
		return;
	/* The copy may have been unmapped at that moment. */
	spare = NULL;
	forget_young(birth);
	mappings_n = count();
	engine_fill_first = mappings_n != 0 && backend_reachable();
}

static struct table *
table_create(unsigned capacity)
{
	struct table *t;
	long r;

	r = HOST(SYS_mmap, 0, sizeof(*t) + capacity * sizeof(t->t_m[0]),
	    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r < 0 && r > -4096)
		return NULL;
	t = (struct table *)r;
	t->t_capacity = capacity;
	return t;
}

static void
table_destroy(struct table *t)
{
	if (t != NULL)
		HOST(SYS_munmap, t,
		    sizeof(*t) + t->t_capacity * sizeof(t->t_m[0]), 0, 0, 0, 0);
}

/* The table to be changed, with room for one more; NULL: out of memory. */
static struct table *
edit_begin(void)
{
	struct table *old = current, *t = spare;
	unsigned n = count(), capacity = FIRST_CAPACITY;

	if (old != NULL && n < old->t_capacity && !engine_is_threaded())
		return old;
	while (capacity <= n)
		capacity *= 2;
	if (t == NULL || t->t_capacity <= n) {
		t = table_create(capacity);
		if (t == NULL)
			return NULL;
		table_destroy(spare);
		spare = t;
	}
	t->t_n = n;
	if (old != NULL)
		memcpy(t->t_m, old->t_m, n * sizeof(t->t_m[0]));
	return t;
}

static void
edit_end(struct table *t)
{
	struct table *old = current;

	if (t != old) {
		atomic_store(&current, t);
		spare = old;
	}
	mappings_n = t->t_n;
	engine_fill_first = t->t_n != 0;
}

/* Index of the first mapping that ends behind addr. */
static unsigned
position(uintptr_t addr)
{
	unsigned lo = 0, hi = count();
	const struct table *t = current;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (t->t_m[mid].m_end > addr)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

static void
insert_at(struct table *t, unsigned i, const struct mapping *m)
{
	memmove(&t->t_m[i + 1], &t->t_m[i], (t->t_n - i) * sizeof(t->t_m[0]));
	t->t_m[i] = *m;
	t->t_n++;
}

static void
remove_at(struct table *t, unsigned i)
{
	t->t_n--;
	memmove(&t->t_m[i], &t->t_m[i + 1], (t->t_n - i) * sizeof(t->t_m[0]));
}

bool
mappings_insert_locked(const struct mapping *m)
{
	struct table *t = edit_begin();
	unsigned i = position(m->m_start);

	if (t == NULL)
		return false;
	insert_at(t, i, m);
	t->t_m[i].m_birth = fdmap_births();
	edit_end(t);
	return true;
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

	return i < count() ? &current->t_m[i] : NULL;
}

bool
mappings_split_locked(uintptr_t addr)
{
	unsigned i = position(addr);
	struct mapping head;
	struct table *t;

	if (i == count() || current->t_m[i].m_start >= addr)
		return true;
	t = edit_begin();
	if (t == NULL)
		return false;
	head = t->t_m[i];
	head.m_end = addr;
	insert_at(t, i, &head);
	t->t_m[i + 1].m_off += (int64_t)(addr - head.m_start);
	t->t_m[i + 1].m_start = addr;
	edit_end(t);
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

/* Make one mapping of those at i and behind it.  False: out of memory. */
static bool
join_at(unsigned i)
{
	struct table *t = edit_begin();
	struct mapping *a, *b;

	if (t == NULL)
		return false;
	a = &t->t_m[i];
	b = &t->t_m[i + 1];
	a->m_end = b->m_end;
	a->m_keep = a->m_keep || b->m_keep;
	/* Not the last one. */
	if (backend_reachable())
		kernel.k_map_destroy(b->m_handle);
	remove_at(t, i + 1);
	edit_end(t);
	return true;
}

void
mappings_join_locked(uintptr_t start, uintptr_t end)
{
	unsigned i = position(start);

	if (i > 0)
		i--;
	while (i + 1 < count() && current->t_m[i].m_start < end) {
		if (!continues(&current->t_m[i], &current->t_m[i + 1]) ||
		    !join_at(i))
			i++;
	}
}

/* Take the first mapping within [start, end) out: of that handle, unless it is
 * NULL. */
static bool
take_one(uintptr_t start, uintptr_t end, const void *handle, void **taken)
{
	struct table *t;
	unsigned i;

	(void)mappings_split_locked(start);
	(void)mappings_split_locked(end);
	i = position(start);
	while (
	    handle != NULL && i < count() && current->t_m[i].m_handle != handle)
		i++;
	if (i == count() || current->t_m[i].m_start >= end)
		return false;
	t = edit_begin();
	/* Without memory the order is changed where it is. */
	if (t == NULL)
		t = current;
	*taken = t->t_m[i].m_handle;
	windows_forget(t->t_m[i].m_start, t->t_m[i].m_end);
	remove_at(t, i);
	edit_end(t);
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
