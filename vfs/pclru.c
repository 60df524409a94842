/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Theory of operation.
 *
 * A hit only sets pb_used; the reclaimer gives such blocks a second round.  What
 * a reader of a file larger than the cache leaves behind would go before it is
 * read again: such blocks are spent and are taken first, also below the limit,
 * so that the stream runs through few pages, which the processor's caches hold.
 *
 * Lock order: pc_lock, lru_lock.  The reclaimer goes the other way and only
 * tries pc_lock.
 */
#include "vfs/pclru.h"

#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "kern/stats.h"

/* Blocks that are kept even when the host refuses memory. */
#define BLOCKS_LEAST 16

/* How much there is; changed with the pc_lock of the block. */
struct amount {
	_Atomic uint32_t am_blocks;
	_Atomic uint32_t am_pages;
};

static kmutex_t lru_lock;
static struct list lru = LIST_INITIALIZER(lru);     /* lru_lock */
static struct list spent = LIST_INITIALIZER(spent); /* lru_lock */
static struct amount listed;                        /* on both */
static struct amount all; /* and what maps keep off them */
static struct amount limit;

uint32_t
pclru_pages(void)
{
	return atomic_load(&all.am_pages);
}

static uint64_t
cached_bytes(void)
{
	return (uint64_t)pclru_pages() * PC_PAGE;
}

static struct kstat stats[] = {
	{ .ks_name = "pagecache_reclaimed",
	    .ks_help = "blocks of 64 KiB taken from other files or places" },
	{ .ks_name = "pagecache_bytes",
	    .ks_help = "memory for contents of files of servers",
	    .ks_kind = KSTAT_GAUGE,
	    .ks_read = cached_bytes },
};

void
pclru_init(void)
{
	mutex_init(&lru_lock, "pclru");
	kstat_attach(stats, NITEMS(stats));
}

void
pclru_setlimit(uint32_t pages)
{
	atomic_store(&limit.am_pages, pages);
	/* Each block that is of use has a page. */
	atomic_store(&limit.am_blocks, pages);
}

uint32_t
pclru_limit(void)
{
	return atomic_load_explicit(&limit.am_pages, memory_order_relaxed);
}

static void
amount_add(struct amount *am, uint32_t blocks, uint32_t pages)
{
	atomic_fetch_add(&am->am_blocks, blocks);
	atomic_fetch_add(&am->am_pages, pages);
}

static void
amount_sub(struct amount *am, const struct pcblock *b)
{
	atomic_fetch_sub(&am->am_blocks, 1);
	atomic_fetch_sub(
	    &am->am_pages, pcblock_count_pages(pcblock_touched(b)));
}

static void
enlist(struct pcblock *b) REQUIRES(b->pb_pc->pc_lock)
{
	mutex_enter(&lru_lock);
	list_insert_tail(&lru, &b->pb_lru);
	mutex_exit(&lru_lock);
	amount_add(&listed, 1, pcblock_count_pages(pcblock_touched(b)));
}

void
pclru_insert(struct pcblock *b)
{
	if (b->pb_pc->pc_memory)
		return;
	enlist(b);
	amount_add(&all, 1, pcblock_count_pages(pcblock_touched(b)));
}

static void
delist(struct pcblock *b) REQUIRES(b->pb_pc->pc_lock)
{
	mutex_enter(&lru_lock);
	list_remove(&b->pb_lru);
	mutex_exit(&lru_lock);
	amount_sub(&listed, b);
}

void
pclru_remove(struct pcblock *b)
{
	if (b->pb_pc->pc_memory)
		return;
	if (b->pb_wired == 0)
		delist(b);
	amount_sub(&all, b);
}

void
pclru_wire(struct pcblock *b)
{
	if (!b->pb_pc->pc_memory)
		delist(b);
}

void
pclru_unwire(struct pcblock *b)
{
	if (!b->pb_pc->pc_memory)
		enlist(b);
}

void
pclru_grow(struct pcblock *b, unsigned n)
{
	if (b->pb_pc->pc_memory)
		return;
	amount_add(&all, 0, n);
	if (b->pb_wired == 0)
		amount_add(&listed, 0, n);
}

/*
 * Look at one candidate: NULL if it has to stay, else it is off the tree and
 * the list, and nobody has it.
 */
static struct pcblock *
try_take(struct pcblock *b) REQUIRES(lru_lock)
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
		pcblock_unlink(b);
		list_remove(&b->pb_lru);
		amount_sub(&listed, b);
		amount_sub(&all, b);
		KSTAT_ADD(&stats[0], 1);
	}
	mutex_exit(&pc->pc_lock);
	return ok ? b : NULL;
}

/* The first of a list; if it has to stay, it goes to the end of the other. */
static struct pcblock *
try_first(struct list *head) REQUIRES(lru_lock)
{
	struct list *n = head->next;
	struct pcblock *b = try_take(LIST_ENTRY(n, struct pcblock, pb_lru));

	if (b == NULL) {
		list_remove(n);
		list_insert_tail(&lru, n);
	}
	return b;
}

struct pcblock *
pclru_take_spent(void)
{
	struct pcblock *b = NULL;

	mutex_enter(&lru_lock);
	if (!list_empty(&spent))
		b = try_first(&spent);
	mutex_exit(&lru_lock);
	return b;
}

struct pcblock *
pclru_take(void)
{
	struct pcblock *b = pclru_take_spent();
	uint32_t tries;

	mutex_enter(&lru_lock);
	tries = atomic_load(&listed.am_blocks) * 2;
	while (b == NULL && tries-- > 0 && !list_empty(&lru))
		b = try_first(&lru);
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

/* When maps keep most of what may be kept, some is left to readers. */
static bool
exceeds(uint32_t there, uint32_t to_take, uint32_t most)
{
	return there > most && to_take > most / 16;
}

bool
pclru_over_pages(unsigned pages)
{
	return exceeds(atomic_load(&all.am_pages) + pages,
	    atomic_load(&listed.am_pages), atomic_load(&limit.am_pages));
}

bool
pclru_over(unsigned pages)
{
	return pclru_over_pages(pages) ||
	       exceeds(atomic_load(&all.am_blocks) + 1,
		   atomic_load(&listed.am_blocks),
		   atomic_load(&limit.am_blocks));
}

void
pclru_tighten(void)
{
	uint32_t now = atomic_load(&all.am_blocks);

	if (now > BLOCKS_LEAST)
		atomic_store(
		    &limit.am_blocks, MAX(now - now / 4, BLOCKS_LEAST));
}
