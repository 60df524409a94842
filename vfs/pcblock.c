/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocks of the page cache: making, dropping and taking them over.
 *
 * Above the limit the memory of the least recently used clean block is taken
 * over by the new one, pages and all, so that streaming through a large file
 * neither returns pages to the host nor faults new ones in.  Pages that the new
 * one has no use for are not taken over: they would be kept for nothing.
 *
 * Lock order: pc_lock, lru_lock, stash_lock, arena_lock.
 */
#include "vfs/pcblock.h"
#include "vfs/arenaown.h"

#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "vfs/param.h"
#include "vfs/pcdirty.h"
#include "vfs/pclru.h"
#include "vfs/pcmem.h"
#include "vfs/pcstash.h"
#include "vfs/user.h"
#include "vfs/vnode.h"

#define LIMIT_DEFAULT (UINT64_C(64) << 20)
#define LIMIT_LEAST (UINT64_C(1) << 20)
static _Atomic uint32_t nblocks;

void
pcblock_init(void)
{
	uint64_t memory = param_get("RUMP_MEMLIMIT", LIMIT_DEFAULT * 4,
	    LIMIT_LEAST * 4, LIMIT_DEFAULT * 4);

	pclru_init();
	pcstash_init();
	pclru_setlimit((uint32_t)(memory / 4 / PC_PAGE));
}

void
pcblock_setlimit(uint32_t blocks)
{
	pclru_setlimit(blocks * PC_PAGES);
}

uint32_t
pcblock_count(void)
{
	return atomic_load(&nblocks);
}

struct pcblock *
pcblock_find(struct pagecache *pc, uint64_t index)
{
	return pctree_get(&pc->pc_tree, index);
}

void
pcblock_pin(struct pcblock *b)
{
	atomic_fetch_add_explicit(&b->pb_pins, 1, memory_order_relaxed);
}

/* The memory of b goes to the stash or to the host. */
static void
memory_free(struct pcblock *b)
{
	if (b->pb_window || !pcstash_put(&b->pb_mem, pcblock_touched(b)))
		arena_free(&b->pb_mem);
}

/* Free a block that nobody can reach but for its memory. */
static void
block_free_struct(struct pcblock *b)
{
	struct pagecache *pc = b->pb_pc;

	atomic_fetch_sub(&nblocks, 1);
	KASSERT(b->pb_sent == NULL);
	if (b->pb_save != NULL)
		kmem_free(b->pb_save, sizeof(*b->pb_save));
	kmem_free(b, sizeof(*b));
	pagecache_unref(pc);
}

/*
 * Free a block that nobody can reach.  No pc_lock is held: somebody may be
 * waiting for its place in the window.
 */
static void
block_free(struct pcblock *b)
{
	struct pagecache *pc = b->pb_pc;

	memory_free(b);
	if (b->pb_window) {
		mutex_enter(&pc->pc_lock);
		cv_broadcast(&pc->pc_cv);
		mutex_exit(&pc->pc_lock);
	}
	block_free_struct(b);
}

/* Drop a pin; true if b is to be freed. */
static bool
last_pin(struct pcblock *b)
{
	return atomic_fetch_sub_explicit(
		   &b->pb_pins, 1, memory_order_acq_rel) == 1 &&
	       atomic_load_explicit(&b->pb_free, memory_order_relaxed);
}

void
pcblock_unpin(struct pcblock *b)
{
	if (last_pin(b))
		block_free(b);
}

void
pcblock_unlink(struct pcblock *b)
{
	b->pb_orphan = true;
	pctree_remove(&b->pb_pc->pc_tree, b->pb_index);
	b->pb_pc->pc_nblocks--;
}

void
pcblock_drop(struct pcblock *b)
{
	KASSERT(mutex_owned(&b->pb_pc->pc_lock));
	KASSERT(pcblock_unsaved(b) == 0);

	/* This pin keeps b while it is taken apart, and may be the last. */
	pcblock_pin(b);
	pclru_remove(b);
	pcblock_unlink(b);
	pcblock_uncharge(b, PC_ALLPAGES);
	atomic_store_explicit(&b->pb_free, true, memory_order_relaxed);
	if (!last_pin(b))
		return;
	memory_free(b);
	cv_broadcast(&b->pb_pc->pc_cv);
	/* The caller's reference keeps the cache whose lock this is. */
	block_free_struct(b);
}

void
pcblock_touch(struct pcblock *b, uint32_t mask)
{
	uint32_t fresh = mask & b->pb_zero;

	b->pb_zero &= ~mask;
	if (fresh != 0 && !b->pb_orphan)
		pclru_grow(b, pcblock_count_pages(fresh));
}

void
pcblock_populate(struct pcblock *b, uint32_t mask, uint32_t zero)
{
	if (mask == PC_ALLPAGES && zero == PC_ALLPAGES)
		rumpcomp_vfs_populate(b->pb_mem.am_addr, PC_BLOCK);
}

off_t
pcblock_capacity(void)
{
	return (off_t)pclru_limit() * PC_PAGE;
}

/*
 * The memory of a victim, of which pages in *touched have been used, for am, if
 * it is loose and these are among the wanted ones; the rest is freed.
 */
static bool
inherit(struct pcblock *victim, struct arena_mem *am, uint32_t want,
    uint32_t *touched)
{
	if (am == NULL || victim->pb_window ||
	    (pcblock_touched(victim) & ~want) != 0) {
		block_free(victim);
		return false;
	}
	*am = victim->pb_mem;
	*touched = pcblock_touched(victim);
	block_free_struct(victim);
	return true;
}

/*
 * Reclaim down to the limit, with room for the wanted pages.  am, unless NULL,
 * gets the memory of one victim, if there was one that suits; true then.
 */
static bool
take_over(struct arena_mem *am, uint32_t want, uint32_t *touched)
{
	struct pcblock *victim = pclru_take_spent();
	unsigned pages = pcblock_count_pages(want);
	bool got = victim != NULL && inherit(victim, am, want, touched);

	while (pclru_over(pages)) {
		victim = pclru_take();
		/* All are in use: go beyond the limit. */
		if (victim == NULL)
			break;
		if (inherit(victim, got ? NULL : am, want, touched))
			got = true;
	}
	return got;
}

/*
 * Memory for a loose block with the wanted pages; *touched: what of it has been
 * used before.  The file's own lock is not held, so that its blocks can be
 * reclaimed, too.
 */
static int
loose_memory(
    struct arena_mem *am, bool memory, uint32_t want, uint32_t *touched)
{
	if (!memory && take_over(am, want, touched))
		return 0;
	if (pcstash_get(am, memory ? PC_ALLPAGES : want, touched))
		return 0;
	*touched = 0;
	if (arena_alloc(am) == 0)
		return 0;
	pclru_tighten();
	if (take_over(am, PC_ALLPAGES, touched) ||
	    pcstash_get(am, PC_ALLPAGES, touched))
		return 0;
	*touched = 0;
	return arena_alloc(am);
}

/* Blocks in windows lie where they lie: make room for them elsewhere. */
static int
window_memory(
    struct arena_own *ao, off_t off, uint32_t want, struct arena_mem *am)
{
	int error;

	take_over(NULL, want, NULL);
	error = arena_alloc_at(ao, off, am);
	if (error != ENOMEM)
		return error;
	pclru_tighten();
	take_over(NULL, want, NULL);
	return arena_alloc_at(ao, off, am);
}

/* A block to be made, and the pages of it that are wanted. */
struct wanted {
	struct pagecache *wa_pc;
	uint64_t wa_index;
	uint32_t wa_pages;
	bool wa_window;           /* in the window ... */
	off_t wa_woff;            /* ... which begins here ... */
	struct arena_own *wa_own; /* ... in this memory */
};

/*
 * A new block outside of the tree; no pc_lock is held.  EBUSY: its place in the
 * window is still in use.
 */
static int
block_alloc(const struct wanted *wa, struct pcblock **bp)
{
	struct pcblock *b = kmem_zalloc(sizeof(*b), KM_NOSLEEP);
	struct pagecache *pc = wa->wa_pc;
	off_t off = wa->wa_woff + (off_t)wa->wa_index * PC_BLOCK;
	uint32_t touched = 0;
	int error;

	if (b == NULL)
		return ENOMEM;
	if (wa->wa_window)
		error =
		    window_memory(wa->wa_own, off, wa->wa_pages, &b->pb_mem);
	else
		error = loose_memory(
		    &b->pb_mem, pc->pc_memory, wa->wa_pages, &touched);
	if (error != 0) {
		kmem_free(b, sizeof(*b));
		return error;
	}
	list_init(&b->pb_lru);
	list_init(&b->pb_fills);
	pagecache_ref(pc);
	b->pb_pc = pc;
	b->pb_index = wa->wa_index;
	b->pb_window = wa->wa_window;
	b->pb_zero = PC_ALLPAGES & ~touched;
	atomic_fetch_add(&nblocks, 1);
	*bp = b;
	return 0;
}

static bool
in_window(const struct pagecache *pc, uint64_t index)
{
	return index < (uint64_t)pc->pc_wlen / PC_BLOCK;
}

void
pcblock_wire(struct pcblock *b)
{
	if (b->pb_wired == 0)
		pclru_wire(b);
	b->pb_wired++;
}

void
pcblock_unwire(struct pcblock *b)
{
	KASSERT(b->pb_wired > 0);
	if (--b->pb_wired == 0)
		pclru_unwire(b);
}

static int
block_enter(struct pcblock *b) REQUIRES(b->pb_pc->pc_lock)
{
	struct pagecache *pc = b->pb_pc;
	int error;

	error = pctree_insert(&pc->pc_tree, b->pb_index, b);
	if (error != 0)
		return error;
	pc->pc_nblocks++;
	pclru_insert(b);
	return 0;
}

/* Make the block that is not there; enters and leaves with pc_lock held. */
static int
make_block(struct pagecache *pc, uint64_t index, uint32_t pages)
    REQUIRES(pc->pc_lock)
{
	struct wanted wa = { pc, index, pages, in_window(pc, index),
		pc->pc_woff, pc->pc_own };
	struct pcblock *fresh;
	int error;

	mutex_exit(&pc->pc_lock);
	error = block_alloc(&wa, &fresh);
	if (error == EBUSY) {
		wa.wa_window = false;
		error = block_alloc(&wa, &fresh);
	}
	mutex_enter(&pc->pc_lock);
	if (error != 0)
		return error;
	if (pcblock_find(pc, index) == NULL) {
		error = block_enter(fresh);
		if (error == 0)
			return 0;
	}
	mutex_exit(&pc->pc_lock);
	block_free(fresh);
	mutex_enter(&pc->pc_lock);
	return error;
}

/* Pages of b, which is there, are going to be touched: is there room? */
static bool
has_room(const struct pcblock *b, uint32_t pages) REQUIRES(b->pb_pc->pc_lock)
{
	unsigned n = pcblock_count_pages(pages & b->pb_zero);

	return n == 0 || b->pb_pc->pc_memory || !pclru_over_pages(n);
}

int
pcblock_get_pages(
    struct pagecache *pc, uint64_t index, uint32_t pages, struct pcblock **bp)
{
	struct pcblock *b;
	bool made_room = false;
	int error = 0;

	/* What is found is pinned before pc_lock is given up again: else it
	 * could be an orphan by then. */
	for (;;) {
		b = pcblock_find(pc, index);
		if (b != NULL && (made_room || has_room(b, pages)))
			break;
		if (b == NULL) {
			error = make_block(pc, index, pages);
		} else {
			mutex_exit(&pc->pc_lock);
			(void)take_over(NULL, pages, NULL);
			mutex_enter(&pc->pc_lock);
		}
		if (error != 0)
			return error;
		made_room = true;
	}
	pcblock_pin(b);
	*bp = b;
	return 0;
}

int
pcblock_get(struct pagecache *pc, uint64_t index, struct pcblock **bp)
{
	return pcblock_get_pages(pc, index, PC_ALLPAGES, bp);
}

/* Put nb, a copy of b, in its place; b becomes an orphan. */
static void
replace(struct pcblock *b, struct pcblock *nb) REQUIRES(b->pb_pc->pc_lock)
{
	for (unsigned page = 0; page < PC_PAGES; page++) {
		if ((b->pb_valid & 1u << page) == 0)
			continue;
		memcpy(pcblock_page(nb, page), pcblock_page(b, page), PC_PAGE);
		nb->pb_valid |= 1u << page;
		nb->pb_zero &= ~(1u << page);
	}
	nb->pb_dirty = b->pb_dirty;
	nb->pb_mapdirty = b->pb_mapdirty;
	nb->pb_uncommitted = b->pb_uncommitted;
	nb->pb_committing = b->pb_committing;
	nb->pb_save = b->pb_save;
	b->pb_save = NULL;
	pctree_replace(&b->pb_pc->pc_tree, b->pb_index, nb);
	pclru_insert(nb);
	pclru_remove(b);
	b->pb_orphan = true;
	atomic_store_explicit(&b->pb_free, true, memory_order_relaxed);
	cv_broadcast(&b->pb_pc->pc_cv);
}

int
pcblock_move(struct pcblock *b)
{
	struct pagecache *pc = b->pb_pc;
	struct wanted wa = { pc, b->pb_index, b->pb_valid, true, pc->pc_woff,
		pc->pc_own };
	off_t woff = pc->pc_woff;
	struct pcblock *nb;
	int error;

	KASSERT(mutex_owned(&pc->pc_lock));

	mutex_exit(&pc->pc_lock);
	error = block_alloc(&wa, &nb);
	mutex_enter(&pc->pc_lock);
	/*
	 * Whoever is there gives notice under pc_lock when he has gone, or when
	 * he has come to stay: another thread has moved b, then an orphan.
	 */
	while (error == EBUSY && !b->pb_orphan &&
	       arena_busy(wa.wa_own, woff + (off_t)b->pb_index * PC_BLOCK))
		error = cv_wait_sig(&pc->pc_cv, &pc->pc_lock) == 0 ? EBUSY
								   : ERESTART;
	if (error != 0)
		return error == EBUSY ? 0 : error;
	error = pcblock_reach(nb, b->pb_valid);
	if (error == 0 && !b->pb_orphan && b->pb_busy == 0 &&
	    b->pb_writers == 0 && b->pb_running == 0) {
		replace(b, nb);
		return 0;
	}
	mutex_exit(&pc->pc_lock);
	block_free(nb);
	mutex_enter(&pc->pc_lock);
	return error;
}

/* By hand: the compiler's popcount is a function of a library. */
unsigned
pcblock_count_pages(uint32_t mask)
{
	unsigned n = 0;

	for (; mask != 0; mask &= mask - 1)
		n++;
	return n;
}

void
pcblock_uncharge(struct pcblock *b, uint32_t mask)
{
	struct pagecache *pc = b->pb_pc;
	unsigned n = pcblock_count_pages(mask & b->pb_valid);

	if (!pc->pc_memory || n == 0)
		return;
	pc->pc_npages -= n;
	pcmem_uncharge(pc->pc_account, (uint64_t)n * PC_PAGE);
}

bool
pcblock_reached(const struct pcblock *b, uint32_t mask)
{
	const struct arena_own *ao = b->pb_pc->pc_own;

	if (PREDICT_TRUE(ao == NULL) || !b->pb_window || mask == 0)
		return true;
	return pcblock_off(b) + (off_t)(32 - __builtin_clz(mask)) * PC_PAGE <=
	       ao->ao_size;
}

int
pcblock_reach(const struct pcblock *b, uint32_t mask)
{
	if (PREDICT_TRUE(pcblock_reached(b, mask)))
		return 0;
	return arena_own_reach(b->pb_pc->pc_own,
	    pcblock_off(b) + (off_t)(32 - __builtin_clz(mask)) * PC_PAGE);
}

int
pcblock_validate(struct pcblock *b, uint32_t mask)
{
	struct pagecache *pc = b->pb_pc;
	uint32_t fresh = mask & ~b->pb_valid, dirty = fresh & ~b->pb_zero;
	unsigned n = pcblock_count_pages(fresh);
	int error;

	error = pcblock_reach(b, mask);
	if (error != 0 || fresh == 0)
		return error;
	error = pcmem_charge(pc->pc_account, (uint64_t)n * PC_PAGE);
	if (error != 0)
		return error;
	for (; dirty != 0; dirty &= dirty - 1)
		memset(pcblock_page(b, (unsigned)__builtin_ctz(dirty)), 0,
		    PC_PAGE);
	pc->pc_npages += n;
	b->pb_valid |= mask;
	b->pb_zero &= ~mask;
	return 0;
}
