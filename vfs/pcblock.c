/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocks of the page cache: making, dropping and reclaiming them.
 *
 * Above the limit the memory of the least recently used clean block is taken
 * over by the new one, pages and all, so that streaming through a large file
 * neither returns pages to the host nor faults new ones in.  A hit only sets
 * pb_used; the reclaimer gives such blocks a second round.  What a reader of a
 * file larger than the limit leaves behind would go before it is read again:
 * such blocks are spent and are taken over first, also below the limit, so that
 * the stream runs through few pages, which the processor's caches hold.
 *
 * Lock order: pc_lock, lru_lock, arena_lock.  The reclaimer goes the other way
 * and only tries pc_lock.
 */
#include "vfs/pcblock.h"

#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "kern/stats.h"
#include "vfs/param.h"
#include "vfs/pcdirty.h"
#include "vfs/pcmem.h"
#include "vfs/user.h"
#include "vfs/vnode.h"

#define LIMIT_DEFAULT (UINT64_C(64) << 20)
#define LIMIT_LEAST (UINT64_C(1) << 20)
/* Blocks that are kept even when the host refuses memory. */
#define LIMIT_TIGHTEST 16

static kmutex_t lru_lock;
static struct list lru = LIST_INITIALIZER(lru);     /* lru_lock */
static struct list spent = LIST_INITIALIZER(spent); /* lru_lock */
static _Atomic uint32_t nlisted; /* on both; changed under lru_lock */
static _Atomic uint32_t nlru;    /* and those that maps keep off them */
static _Atomic uint32_t nblocks;
static _Atomic uint32_t limit;

/*
 * Memory of loose blocks that were dropped, not given back to the host: a file
 * that is made, written and removed at once costs no system call.
 */
#define STASH 16
static struct arena_mem stash[STASH]; /* lru_lock */
static unsigned nstash;               /* lru_lock */

static struct kstat stats[] = {
	{ .ks_name = "pagecache_reclaimed",
	    .ks_help = "blocks of 64 KiB taken from other files or places" },
};

void
pcblock_init(void)
{
	uint64_t memory = param_get("RUMP_MEMLIMIT", LIMIT_DEFAULT * 4,
	    LIMIT_LEAST * 4, LIMIT_DEFAULT * 4);

	mutex_init(&lru_lock, "pclru");
	pcblock_setlimit((uint32_t)(memory / 4 / PC_BLOCK));
	kstat_attach(stats, NITEMS(stats));
}

void
pcblock_setlimit(uint32_t blocks)
{
	atomic_store(&limit, blocks);
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
	bool kept = false;

	mutex_enter(&lru_lock);
	if (!b->pb_window && nstash < STASH) {
		stash[nstash++] = b->pb_mem;
		kept = true;
	}
	mutex_exit(&lru_lock);
	if (!kept)
		arena_free(&b->pb_mem);
}

/* Memory that has been used before, if there is any. */
static bool
memory_reuse(struct arena_mem *am)
{
	bool found;

	mutex_enter(&lru_lock);
	found = nstash > 0;
	if (found)
		*am = stash[--nstash];
	mutex_exit(&lru_lock);
	return found;
}

/* Free a block that nobody can reach but for its memory. */
static void
block_free_struct(struct pcblock *b)
{
	struct pagecache *pc = b->pb_pc;

	atomic_fetch_sub(&nblocks, 1);
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

static void
lru_remove(struct pcblock *b)
{
	if (b->pb_pc->pc_memory)
		return;
	mutex_enter(&lru_lock);
	if (!list_empty(&b->pb_lru)) {
		list_remove(&b->pb_lru);
		atomic_fetch_sub(&nlisted, 1);
		atomic_fetch_sub(&nlru, 1);
	}
	mutex_exit(&lru_lock);
}

/* Out of the tree: from here on no pins are added. */
static void
unlink_block(struct pcblock *b) REQUIRES(b->pb_pc->pc_lock)
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
	unlink_block(b);
	lru_remove(b);
	pcblock_uncharge(b, PC_ALLPAGES);
	atomic_store_explicit(&b->pb_free, true, memory_order_relaxed);
	if (!last_pin(b))
		return;
	memory_free(b);
	cv_broadcast(&b->pb_pc->pc_cv);
	/* The caller's reference keeps the cache whose lock this is. */
	block_free_struct(b);
}

/*
 * Look at one candidate: NULL if it has to stay, else it is off the tree and
 * the list, and nobody has it.
 */
static struct pcblock *
try_reclaim(struct pcblock *b) REQUIRES(lru_lock)
{
	struct pagecache *pc = b->pb_pc;
	bool ok;

	if (atomic_exchange_explicit(
		&b->pb_used, false, memory_order_relaxed) ||
	    atomic_load_explicit(&b->pb_pins, memory_order_relaxed) != 0 ||
	    !mutex_tryenter(&pc->pc_lock))
		return NULL;
	ok = atomic_load_explicit(&b->pb_pins, memory_order_acquire) == 0 &&
	     b->pb_wired == 0 && !b->pb_orphan && b->pb_save == NULL;
	if (ok) {
		unlink_block(b);
		list_remove(&b->pb_lru);
		atomic_fetch_sub(&nlisted, 1);
		atomic_fetch_sub(&nlru, 1);
		KSTAT_ADD(&stats[0], 1);
	}
	mutex_exit(&pc->pc_lock);
	return ok ? b : NULL;
}

/* A block that a stream has left behind, or NULL. */
static struct pcblock *
reclaim_spent(void)
{
	struct pcblock *b = NULL;

	mutex_enter(&lru_lock);
	if (!list_empty(&spent)) {
		struct list *n = spent.next;

		b = try_reclaim(LIST_ENTRY(n, struct pcblock, pb_lru));
		if (b == NULL) {
			list_remove(n);
			list_insert_tail(&lru, n);
		}
	}
	mutex_exit(&lru_lock);
	return b;
}

/* The least recently used block that can be had, or NULL. */
static struct pcblock *
reclaim_one(void)
{
	struct pcblock *b = NULL;
	uint32_t tries;

	b = reclaim_spent();
	mutex_enter(&lru_lock);
	tries = atomic_load(&nlisted) * 2;
	while (b == NULL && tries-- > 0 && !list_empty(&lru)) {
		struct list *n = lru.next;

		b = try_reclaim(LIST_ENTRY(n, struct pcblock, pb_lru));
		if (b == NULL) {
			list_remove(n);
			list_insert_tail(&lru, n);
		}
	}
	mutex_exit(&lru_lock);
	return b;
}

void
pcblock_spend(struct pcblock *b)
{
	mutex_enter(&lru_lock);
	if (!list_empty(&b->pb_lru)) {
		list_remove(&b->pb_lru);
		list_insert_tail(&spent, &b->pb_lru);
		atomic_store_explicit(&b->pb_used, false, memory_order_relaxed);
	}
	mutex_exit(&lru_lock);
}

void
pcblock_populate(struct pcblock *b, uint32_t mask)
{
	if (mask == PC_ALLPAGES && b->pb_zero == PC_ALLPAGES)
		rumpcomp_vfs_populate(b->pb_mem.am_addr, PC_BLOCK);
}

off_t
pcblock_capacity(void)
{
	return (off_t)atomic_load_explicit(&limit, memory_order_relaxed) *
	       PC_BLOCK;
}

/* The memory of a victim for am, if it is a loose one; the rest is freed. */
static bool
inherit(struct pcblock *victim, struct arena_mem *am)
{
	if (am == NULL || victim->pb_window) {
		block_free(victim);
		return false;
	}
	*am = victim->pb_mem;
	block_free_struct(victim);
	return true;
}

/* When maps keep most of what may be kept, some is left to readers. */
static bool
over_limit(void)
{
	uint32_t most = atomic_load(&limit);

	return atomic_load(&nlru) >= most && atomic_load(&nlisted) > most / 16;
}

/*
 * Reclaim down to the limit, with room for one more.  am, unless NULL, gets the
 * memory of one victim, if there was a loose one; true then.
 */
static bool
take_over(struct arena_mem *am)
{
	struct pcblock *victim = reclaim_spent();
	bool got = victim != NULL && inherit(victim, am);

	while (over_limit()) {
		victim = reclaim_one();
		/* All are in use: go beyond the limit. */
		if (victim == NULL)
			break;
		if (inherit(victim, got ? NULL : am))
			got = true;
	}
	return got;
}

/* The host gives no more memory or addresses: make do with less, and leave some
 * to others. */
static void
tighten(void)
{
	uint32_t now = atomic_load(&nlru);

	if (now > LIMIT_TIGHTEST)
		atomic_store(&limit, MAX(now - now / 4, LIMIT_TIGHTEST));
}

/*
 * Memory for a loose block: *zero says that it is fresh.  The file's own lock
 * is not held, so that its blocks can be reclaimed, too.
 */
static int
loose_memory(struct arena_mem *am, bool memory, bool *zero)
{
	*zero = false;
	if (!memory && take_over(am))
		return 0;
	if (memory_reuse(am))
		return 0;
	*zero = true;
	if (arena_alloc(am) == 0)
		return 0;
	tighten();
	*zero = false;
	if (take_over(am))
		return 0;
	*zero = true;
	return arena_alloc(am);
}

/* Blocks in windows lie where they lie: make room for them elsewhere. */
static int
window_memory(off_t off, struct arena_mem *am)
{
	int error;

	take_over(NULL);
	error = arena_alloc_at(off, am);
	if (error != ENOMEM)
		return error;
	tighten();
	take_over(NULL);
	return arena_alloc_at(off, am);
}

/*
 * A new block outside of the tree; no pc_lock is held.  EBUSY: its place in the
 * window is still in use.
 */
static int
block_alloc(struct pagecache *pc, uint64_t index, off_t woff, bool window,
    struct pcblock **bp)
{
	struct pcblock *b = kmem_zalloc(sizeof(*b), KM_NOSLEEP);
	bool zero = true;
	int error;

	if (b == NULL)
		return ENOMEM;
	if (window)
		error =
		    window_memory(woff + (off_t)index * PC_BLOCK, &b->pb_mem);
	else
		error = loose_memory(&b->pb_mem, pc->pc_memory, &zero);
	if (error != 0) {
		kmem_free(b, sizeof(*b));
		return error;
	}
	list_init(&b->pb_lru);
	list_init(&b->pb_fills);
	pagecache_ref(pc);
	b->pb_pc = pc;
	b->pb_index = index;
	b->pb_window = window;
	b->pb_zero = zero ? PC_ALLPAGES : 0;
	atomic_fetch_add(&nblocks, 1);
	*bp = b;
	return 0;
}

static bool
in_window(const struct pagecache *pc, uint64_t index)
{
	return index < (uint64_t)pc->pc_wlen / PC_BLOCK;
}

static void
lru_insert(struct pcblock *b)
{
	if (b->pb_pc->pc_memory)
		return;
	mutex_enter(&lru_lock);
	list_insert_tail(&lru, &b->pb_lru);
	atomic_fetch_add(&nlisted, 1);
	atomic_fetch_add(&nlru, 1);
	mutex_exit(&lru_lock);
}

void
pcblock_wire(struct pcblock *b)
{
	if (b->pb_wired++ != 0 || b->pb_pc->pc_memory)
		return;
	mutex_enter(&lru_lock);
	list_remove(&b->pb_lru);
	atomic_fetch_sub(&nlisted, 1);
	mutex_exit(&lru_lock);
}

void
pcblock_unwire(struct pcblock *b)
{
	KASSERT(b->pb_wired > 0);
	if (--b->pb_wired != 0 || b->pb_pc->pc_memory)
		return;
	mutex_enter(&lru_lock);
	list_insert_tail(&lru, &b->pb_lru);
	atomic_fetch_add(&nlisted, 1);
	mutex_exit(&lru_lock);
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
	lru_insert(b);
	return 0;
}

int
pcblock_get(struct pagecache *pc, uint64_t index, struct pcblock **bp)
{
	struct pcblock *b;
	int error = 0;

	/* What is found is pinned before pc_lock is given up again: else it
	 * could be an orphan by then. */
	while ((b = pcblock_find(pc, index)) == NULL) {
		bool window = in_window(pc, index);
		off_t woff = pc->pc_woff;
		struct pcblock *fresh;

		mutex_exit(&pc->pc_lock);
		error = block_alloc(pc, index, woff, window, &fresh);
		if (error == EBUSY)
			error = block_alloc(pc, index, 0, false, &fresh);
		mutex_enter(&pc->pc_lock);
		if (error != 0)
			return error;
		if (pcblock_find(pc, index) == NULL) {
			error = block_enter(fresh);
			if (error == 0)
				continue;
		}
		mutex_exit(&pc->pc_lock);
		block_free(fresh);
		mutex_enter(&pc->pc_lock);
		if (error != 0)
			return error;
	}
	pcblock_pin(b);
	*bp = b;
	return 0;
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
	lru_insert(nb);
	b->pb_orphan = true;
	lru_remove(b);
	atomic_store_explicit(&b->pb_free, true, memory_order_relaxed);
	cv_broadcast(&b->pb_pc->pc_cv);
}

int
pcblock_move(struct pcblock *b)
{
	struct pagecache *pc = b->pb_pc;
	off_t woff = pc->pc_woff;
	struct pcblock *nb;
	int error;

	KASSERT(mutex_owned(&pc->pc_lock));

	mutex_exit(&pc->pc_lock);
	error = block_alloc(pc, b->pb_index, woff, true, &nb);
	mutex_enter(&pc->pc_lock);
	/*
	 * Whoever is there gives notice under pc_lock when he has gone, or when
	 * he has come to stay: another thread has moved b, then an orphan.
	 */
	while (error == EBUSY && !b->pb_orphan &&
	       arena_busy(woff + (off_t)b->pb_index * PC_BLOCK))
		error = cv_wait_sig(&pc->pc_cv, &pc->pc_lock) == 0 ? EBUSY
								   : ERESTART;
	if (error != 0)
		return error == EBUSY ? 0 : error;
	if (!b->pb_orphan && b->pb_busy == 0 && b->pb_writers == 0 &&
	    b->pb_running == 0) {
		replace(b, nb);
		return 0;
	}
	mutex_exit(&pc->pc_lock);
	block_free(nb);
	mutex_enter(&pc->pc_lock);
	return 0;
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
	mask &= b->pb_valid;
	if (b->pb_pc->pc_memory && mask != 0)
		pcmem_uncharge((uint64_t)pcblock_count_pages(mask) * PC_PAGE);
}

int
pcblock_validate(struct pcblock *b, uint32_t mask)
{
	uint32_t fresh = mask & ~b->pb_valid, dirty = fresh & ~b->pb_zero;
	int error;

	if (fresh == 0)
		return 0;
	error = pcmem_charge((uint64_t)pcblock_count_pages(fresh) * PC_PAGE);
	if (error != 0)
		return error;
	for (; dirty != 0; dirty &= dirty - 1)
		memset(pcblock_page(b, (unsigned)__builtin_ctz(dirty)), 0,
		    PC_PAGE);
	b->pb_valid |= mask;
	b->pb_zero &= ~mask;
	return 0;
}
