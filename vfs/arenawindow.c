/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Windows of the memfd, one for each mapped file.
 *
 * They are put into the middle of wide gaps, since what lies before a window can
 * grow as far as the window.  A wide gap is one of at least wide_gap bytes; if
 * there is none any more, half of that is wide enough.  The search goes on where
 * the last one ended, so that it costs the same however many windows there are.
 */
#include "vfs/arena.h"

#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/mutex.h"
#include "kern/netbsd.h"
#include "kern/queue.h"

#define HASH_SIZE 1024
/* Each costs a mapping of the host at least, of which it allows 65530; what is
 * not in windows has to have some, too. */
#define WINDOWS_MOST 40000

struct window {
	struct list w_list; /* w: windows, by offset */
	struct list w_hash; /* w */
	off_t w_off;        /* i */
	off_t w_len;        /* w */
};

static kmutex_t window_lock; /* w */
static struct list windows = LIST_INITIALIZER(windows);
static struct list buckets[HASH_SIZE];      /* w: by offset */
static off_t low, high;                     /* i */
static struct list *next_search = &windows; /* w: where it begins */
static off_t wide_gap;                      /* w */
static uint32_t nwindows;                   /* w */

void
arena_window_init(off_t from, off_t to)
{
	mutex_init(&window_lock, "window");
	for (size_t i = 0; i < HASH_SIZE; i++)
		list_init(&buckets[i]);
	low = from;
	high = to;
	wide_gap = to - from;
}

static struct list *
bucket(off_t off)
{
	return &buckets[(uint64_t)(off / ARENA_CHUNK) * 0x9e3779b97f4a7c15u >>
			54];
}

_Static_assert(HASH_SIZE == 1 << (64 - 54), "bucket() has a shift for it");

/* Where the gap behind n begins; n may be the head of the list. */
static off_t
gap_start(const struct list *n) REQUIRES(window_lock)
{
	const struct window *w = LIST_ENTRY(n, const struct window, w_list);

	return n == &windows ? low : w->w_off + w->w_len;
}

static off_t
gap_end(const struct list *n) REQUIRES(window_lock)
{
	if (n->next == &windows)
		return high;
	return LIST_ENTRY(n->next, const struct window, w_list)->w_off;
}

static off_t
gap_room(const struct list *n) REQUIRES(window_lock)
{
	return gap_end(n) - gap_start(n);
}

/* What the next gap of at least room bytes is behind, or NULL. */
static struct list *
find_gap(off_t room) REQUIRES(window_lock)
{
	struct list *n = next_search;

	do {
		if (gap_room(n) >= room)
			return n;
		n = n->next;
	} while (n != next_search);
	return NULL;
}

/* The same, preferring wide ones. */
static struct list *
choose_gap(off_t len) REQUIRES(window_lock)
{
	struct list *n;

	while ((n = find_gap(MAX(len, wide_gap))) == NULL && wide_gap > len)
		wide_gap /= 2;
	return n;
}

/* Put w, which has a length, behind n. */
static void
insert(struct window *w, struct list *n) REQUIRES(window_lock)
{
	w->w_off = gap_start(n);
	/* Nobody is in front of the first one, and wants to grow. */
	if (n != &windows)
		w->w_off +=
		    (gap_room(n) - w->w_len) / 2 / ARENA_CHUNK * ARENA_CHUNK;
	list_insert_head(n, &w->w_list);
	list_insert_head(bucket(w->w_off), &w->w_hash);
	next_search = &w->w_list;
}

int
arena_window_alloc(off_t len, off_t *off)
{
	struct window *w = kmem_alloc(sizeof(*w), KM_SLEEP);
	struct list *n;

	w->w_len = ROUNDUP(len, ARENA_CHUNK);
	mutex_enter(&window_lock);
	n = nwindows < WINDOWS_MOST ? choose_gap(w->w_len) : NULL;
	if (n != NULL) {
		insert(w, n);
		nwindows++;
		*off = w->w_off;
	}
	mutex_exit(&window_lock);
	if (n != NULL)
		return 0;
	kmem_free(w, sizeof(*w));
	return ENOMEM;
}

static struct window *
find_window(off_t off) REQUIRES(window_lock)
{
	struct list *head = bucket(off), *n;

	LIST_FOREACH (n, head) {
		struct window *w = LIST_ENTRY(n, struct window, w_hash);

		if (w->w_off == off)
			return w;
	}
	return NULL;
}

int
arena_window_grow(off_t off, off_t len)
{
	struct window *w;
	int error = ENOMEM;

	len = ROUNDUP(len, ARENA_CHUNK);
	mutex_enter(&window_lock);
	w = find_window(off);
	KASSERT(w != NULL && len >= w->w_len);
	if (len <= gap_end(&w->w_list) - off) {
		w->w_len = len;
		error = 0;
	}
	mutex_exit(&window_lock);
	return error;
}

void
arena_window_free(off_t off)
{
	struct window *w;
	struct list *before;

	mutex_enter(&window_lock);
	w = find_window(off);
	KASSERT(w != NULL);
	before = w->w_list.prev;
	list_remove(&w->w_list);
	list_remove(&w->w_hash);
	nwindows--;
	next_search = before;
	wide_gap = MAX(wide_gap, gap_room(before));
	mutex_exit(&window_lock);
	kmem_free(w, sizeof(*w));
}
