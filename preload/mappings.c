/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table is an array with a gap where it was changed last: programs map and
 * unmap many files one below the other.  A thread may fork at any time, so each
 * change is made within the gap and takes effect at once, by one store of where
 * the gap lies: a child has the table as it was before or after.
 *
 * References are dropped without the lock, since the kernel may sleep over it.
 */
#include "preload/mappings.h"

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

/* Slots [g_first, g_end) of the array are free. */
struct gap {
	uint32_t g_first, g_end;
};

struct table {
	_Atomic(struct gap) t_gap;
	uint32_t t_capacity;
	struct mapping t_m[];
};

static struct lock table_lock = LOCK_INIT;
static _Atomic(struct table *) current; /* table_lock */

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
	struct table *t = current;
	struct gap g;

	if (t == NULL)
		return 0;
	g = atomic_load(&t->t_gap);
	return g.g_first + t->t_capacity - g.g_end;
}

static struct mapping *
at(unsigned i)
{
	struct table *t = current;
	struct gap g = atomic_load(&t->t_gap);

	return &t->t_m[i < g.g_first ? i : i + (g.g_end - g.g_first)];
}

static void
counted(void)
{
	mappings_n = count();
	engine_fill_first = mappings_n != 0;
}

static void
place_gap(struct table *t, struct gap g)
{
	atomic_store_explicit(&t->t_gap, g, memory_order_release);
}

static void
set_gap(uint32_t first, uint32_t end)
{
	place_gap(current, (struct gap){ first, end });
	counted();
}

/* Have the gap before entry i. */
static void
move_gap(unsigned i)
{
	struct table *t = current;
	struct gap g = atomic_load(&t->t_gap);

	while (g.g_first > i) {
		t->t_m[--g.g_end] = t->t_m[--g.g_first];
		place_gap(t, g);
	}
	while (g.g_first < i) {
		t->t_m[g.g_first++] = t->t_m[g.g_end++];
		place_gap(t, g);
	}
}

/* Faults on them find nothing. */
static void
forget_young(unsigned birth)
{
	for (unsigned i = count(); birth != 0 && i-- > 0;) {
		if ((int)(at(i)->m_birth - birth) < 0)
			continue;
		move_gap(i);
		set_gap(i, atomic_load(&current->t_gap).g_end + 1);
	}
}

void
mappings_forked(unsigned birth)
{
	lock_reset(&table_lock);
	if (current == NULL)
		return;
	forget_young(birth);
	counted();
	engine_fill_first = mappings_n != 0 && backend_reachable();
}

static size_t
table_size(uint32_t capacity)
{
	return sizeof(struct table) + capacity * sizeof(struct mapping);
}

static struct table *
table_create(uint32_t capacity)
{
	struct table *t;
	long r;

	r = HOST(SYS_mmap, 0, table_size(capacity), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r < 0 && r > -4096)
		return NULL;
	t = (struct table *)r;
	t->t_capacity = capacity;
	return t;
}

/* A larger array takes over. */
static bool
grow(void)
{
	struct table *old = current, *t;
	unsigned n = count();

	t = table_create(old == NULL ? FIRST_CAPACITY : 2 * old->t_capacity);
	if (t == NULL)
		return false;
	for (unsigned i = 0; i < n; i++)
		t->t_m[i] = *at(i);
	place_gap(t, (struct gap){ n, t->t_capacity });
	atomic_store(&current, t);
	if (old != NULL)
		HOST(SYS_munmap, old, table_size(old->t_capacity), 0, 0, 0, 0);
	return true;
}

/* Have room for two entries before entry i.  False: out of memory. */
static bool
room_at(unsigned i)
{
	if ((current == NULL || count() + 2 > current->t_capacity) && !grow())
		return false;
	move_gap(i);
	return true;
}

/* Index of the first mapping that ends behind addr. */
static unsigned
position(uintptr_t addr)
{
	unsigned lo = 0, hi = count();

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (at(mid)->m_end > addr)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

bool
mappings_insert_locked(const struct mapping *m)
{
	unsigned i = position(m->m_start);
	struct mapping *new;
	struct gap g;

	if (!room_at(i))
		return false;
	g = atomic_load(&current->t_gap);
	new = &current->t_m[i];
	*new = *m;
	new->m_birth = fdmap_births();
	set_gap(i + 1, g.g_end);
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

	return i < count() ? at(i) : NULL;
}

bool
mappings_split_locked(uintptr_t addr)
{
	unsigned i = position(addr);
	struct mapping *old, *head, *tail;
	struct gap g;

	if (i == count() || at(i)->m_start >= addr)
		return true;
	if (!room_at(i + 1))
		return false;
	/* The halves stand behind the gap, the whole before it. */
	g = atomic_load(&current->t_gap);
	old = &current->t_m[i];
	head = &current->t_m[g.g_end - 2];
	tail = &current->t_m[g.g_end - 1];
	*head = *tail = *old;
	head->m_end = tail->m_start = addr;
	tail->m_off += (int64_t)(addr - head->m_start);
	/* A child that is forked here has one reference too many, not too few. */
	if (backend_reachable())
		kernel.k_map_ref(head->m_handle);
	set_gap(i, g.g_end - 2);
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
	struct mapping *a, *b, *whole;
	struct gap g;

	if (!room_at(i + 2))
		return false;
	/* The whole stands behind the gap, the halves before it. */
	g = atomic_load(&current->t_gap);
	a = &current->t_m[i];
	b = &current->t_m[i + 1];
	whole = &current->t_m[g.g_end - 1];
	*whole = *a;
	whole->m_end = b->m_end;
	whole->m_keep = a->m_keep || b->m_keep;
	set_gap(i, g.g_end - 1);
	/* Not the last one. */
	if (backend_reachable())
		kernel.k_map_destroy(whole->m_handle);
	return true;
}

void
mappings_join_locked(uintptr_t start, uintptr_t end)
{
	unsigned i = position(start);

	if (i > 0)
		i--;
	while (i + 1 < count() && at(i)->m_start < end) {
		if (!continues(at(i), at(i + 1)) || !join_at(i))
			i++;
	}
}

/* Take the first mapping within [start, end) out: of that handle, unless it is
 * NULL. */
static bool
take_one(uintptr_t start, uintptr_t end, const void *handle, void **taken)
{
	struct mapping *m;
	unsigned i;

	(void)mappings_split_locked(start);
	(void)mappings_split_locked(end);
	i = position(start);
	while (handle != NULL && i < count() && at(i)->m_handle != handle)
		i++;
	if (i == count() || at(i)->m_start >= end)
		return false;
	m = at(i);
	*taken = m->m_handle;
	windows_forget(m->m_start, m->m_end);
	move_gap(i);
	set_gap(i, atomic_load(&current->t_gap).g_end + 1);
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
