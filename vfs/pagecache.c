/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading and writing through the page cache.
 *
 * A page is invalid, busy (in a fill) or valid.  A reader that meets a valid
 * page pins the block, lets pc_lock go and copies; nothing is held while the
 * copy may fault.  One that meets an invalid page starts fills for what it
 * wants and, when it reads in sequence, for what comes after, and then waits
 * for the fill of its own page, which is the file system's to do.
 */
#include "vfs/pagecache.h"

#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "vfs/mount.h"
#include "vfs/pcdirty.h"
#include "vfs/pcfill.h"
#include "vfs/pcloose.h"
#include "vfs/pcsync.h"
#include "vfs/pcwrite.h"
#include "vfs/vop.h"

/* What one read may have in flight beside its readahead. */
#define READ_AHEAD_LEAST ((off_t)1 << 20)
/* A random read fills this much. */
#define RANDOM_FILL PC_PAGE

/* Up to so many blocks pagecache_bytes() counts pages. */
#define EXACT_BLOCKS 64

static const char zeros[PC_PAGE];

void
pagecache_init(void)
{
	pcblock_init();
	pcfill_init();
	pcdirty_init();
	pcwrite_init();
	pcsync_init();
}

static struct pagecache *
cache_create(struct vnode *vp, const struct pagecacheops *ops)
{
	struct pagecache *pc = kmem_zalloc(sizeof(*pc), KM_SLEEP);

	mutex_init(&pc->pc_lock, "pagecache");
	cv_init(&pc->pc_cv, "pagecache");
	atomic_init(&pc->pc_refcnt, 1);
	pc->pc_vnode = vp;
	list_init(&pc->pc_list);
	list_init(&pc->pc_runs);
	pc->pc_ops = ops;
	pc->pc_memory = ops == NULL;
	pc->pc_account = vp->v_mount->mnt_memory;
	KASSERT(!pc->pc_memory || pc->pc_account != NULL);
	return pc;
}

void
pagecache_ref(struct pagecache *pc)
{
	atomic_fetch_add_explicit(&pc->pc_refcnt, 1, memory_order_relaxed);
}

void
pagecache_unref(struct pagecache *pc)
{
	if (atomic_fetch_sub_explicit(
		&pc->pc_refcnt, 1, memory_order_acq_rel) != 1)
		return;
	KASSERT(pc->pc_nblocks == 0 && pc->pc_nunsaved == 0);
	if (pc->pc_wcred != NULL)
		kauth_cred_free(pc->pc_wcred);
	if (pc->pc_own != NULL)
		arena_own_destroy(pc->pc_own);
	else if (pc->pc_wlen != 0)
		arena_window_free(pc->pc_woff);
	cv_destroy(&pc->pc_cv);
	mutex_destroy(&pc->pc_lock);
	kmem_free(pc, sizeof(*pc));
}

struct pagecache *
pagecache_peek(const struct vnode *vp)
{
	return __atomic_load_n(&vp->v_cache, __ATOMIC_ACQUIRE);
}

struct pagecache *
pagecache_of(struct vnode *vp)
{
	struct pagecache *pc = pagecache_peek(vp), *fresh;

	if (PREDICT_TRUE(pc != NULL))
		return pc;
	fresh = cache_create(vp, vnode_liveops(vp)->vop_cacheops);
	mutex_enter(&vp->v_interlock);
	pc = vp->v_cache;
	if (pc == NULL) {
		pc = fresh;
		fresh = NULL;
		__atomic_store_n(&vp->v_cache, pc, __ATOMIC_RELEASE);
	}
	mutex_exit(&vp->v_interlock);
	if (fresh != NULL)
		pagecache_unref(fresh);
	return pc;
}

static void
drop_all(struct pagecache *pc)
{
	struct pcblock *b;
	uint64_t index = 0;

	mutex_enter(&pc->pc_lock);
	while ((b = pctree_next(&pc->pc_tree, &index)) != NULL)
		pcblock_drop(b);
	mutex_exit(&pc->pc_lock);
}

void
pagecache_free(struct pagecache *pc)
{
	drop_all(pc);
	pagecache_unref(pc);
}

struct pagecache *
pagecache_detach(struct vnode *vp)
{
	struct pagecache *pc = vp->v_cache;

	vp->v_cache = NULL;
	return pc;
}

void
pagecache_attach(struct vnode *vp, struct pagecache *pc)
{
	vp->v_cache = pc;
}

void
pagecache_destroy(struct vnode *vp)
{
	struct pagecache *pc = pagecache_detach(vp);

	if (pc != NULL)
		pagecache_free(pc);
}

uint64_t
pagecache_bytes(struct vnode *vp)
{
	struct pagecache *pc = pagecache_peek(vp);
	struct pcblock *b;
	uint64_t index = 0, pages = 0;

	if (pc == NULL)
		return 0;
	mutex_enter(&pc->pc_lock);
	if (pc->pc_memory)
		pages = pc->pc_npages;
	else if (pc->pc_nblocks > EXACT_BLOCKS)
		pages = pc->pc_nblocks * PC_PAGES;
	else
		for (; (b = pctree_next(&pc->pc_tree, &index)) != NULL; index++)
			pages += pcblock_count_pages(b->pb_valid);
	mutex_exit(&pc->pc_lock);
	return pages * PC_PAGE;
}

struct readreq {
	struct vnode *rr_vp;
	struct pagecache *rr_pc;
	struct uio *rr_uio;
	off_t rr_eof;
	off_t rr_ahead; /* bytes of readahead; 0 none */
	bool rr_stream; /* the file does not fit into the cache */
	kauth_cred_t rr_cred;
};

static off_t
read_end(const struct readreq *rr)
{
	const struct uio *uio = rr->rr_uio;

	if (uio->uio_resid >= (size_t)(rr->rr_eof - uio->uio_offset))
		return rr->rr_eof;
	return uio->uio_offset + (off_t)uio->uio_resid;
}

/* The page at the offset is there: is it time to start more readahead? */
static bool
plan_ahead(const struct readreq *rr, off_t *lo, off_t *hi)
    REQUIRES(rr->rr_pc->pc_lock)
{
	struct pagecache *pc = rr->rr_pc;
	off_t off = rr->rr_uio->uio_offset, end = pc_page_ceil(rr->rr_eof);

	if (off < pc->pc_ra_trigger || off >= pc->pc_ra_end ||
	    pc->pc_ra_end >= end)
		return false;
	*lo = pc->pc_ra_end;
	*hi = MIN(end, ROUNDUP(off + rr->rr_ahead, PC_BLOCK));
	if (*hi <= *lo)
		return false;
	pc->pc_ra_end = *hi;
	pc->pc_ra_trigger = *hi - rr->rr_ahead / 2;
	return true;
}

/* The page at the offset is missing: what is to be filled? */
static void
plan_miss(const struct readreq *rr, off_t *lo, off_t *hi)
    REQUIRES(rr->rr_pc->pc_lock)
{
	struct pagecache *pc = rr->rr_pc;
	off_t off = rr->rr_uio->uio_offset, end = pc_page_ceil(rr->rr_eof);
	off_t most = rr->rr_ahead + READ_AHEAD_LEAST;

	*lo = off - off % PC_PAGE;
	if (off != 0 && off != pc->pc_next) {
		*hi = ROUNDUP(MIN(read_end(rr), off + most), PC_PAGE);
		*hi = MIN(MAX(*hi, *lo + RANDOM_FILL), end);
		return;
	}
	*hi = MIN(read_end(rr) + rr->rr_ahead, off + most);
	*hi = MIN(ROUNDUP(*hi, PC_BLOCK), end);
	pc->pc_ra_end = *hi;
	pc->pc_ra_trigger = MAX(off, *hi - rr->rr_ahead / 2);
}

/* Valid pages of b from the offset on, as bytes. */
static size_t
valid_run(const struct pcblock *b, off_t off)
{
	unsigned first = (unsigned)(off % PC_BLOCK / PC_PAGE);
	unsigned n = (unsigned)__builtin_ctz(~(b->pb_valid >> first));

	return (size_t)n * PC_PAGE - (size_t)(off % PC_PAGE);
}

/* Start readahead and forget about it. */
static void
start_ahead(struct vnode *vp, struct pagecache *pc, off_t lo, off_t hi,
    kauth_cred_t cred)
{
	struct pcfill *first = NULL;

	(void)pcfill_start(vp, pc, lo, hi, cred, &first);
	if (first != NULL)
		pcfill_unref(first);
}

/* Copy from valid pages; pc_lock is given up. */
static int
copy_hit(const struct readreq *rr, struct pcblock *b)
    RELEASES(rr->rr_pc->pc_lock)
{
	struct pagecache *pc = rr->rr_pc;
	struct uio *uio = rr->rr_uio;
	off_t off = uio->uio_offset, lo = 0, hi = 0;
	size_t n = MIN(valid_run(b, off), (size_t)(read_end(rr) - off));
	bool ahead, spent;
	int error;

	pcblock_pin(b);
	spent = rr->rr_stream && off == pc->pc_next &&
		(off + (off_t)n) % PC_BLOCK == 0;
	pc->pc_next = off + (off_t)n;
	ahead = rr->rr_ahead != 0 && plan_ahead(rr, &lo, &hi);
	mutex_exit(&pc->pc_lock);
	if (!atomic_load_explicit(&b->pb_used, memory_order_relaxed))
		atomic_store_explicit(&b->pb_used, true, memory_order_relaxed);
	if (PREDICT_FALSE(ahead))
		start_ahead(rr->rr_vp, pc, lo, hi, rr->rr_cred);
	error = uiomove((char *)b->pb_mem.am_addr + off % PC_BLOCK, n, uio);
	if (spent)
		pcblock_spend(b);
	pcblock_unpin(b);
	return error;
}

/* Nothing was ever written here. */
static int
copy_hole(const struct readreq *rr)
{
	struct uio *uio = rr->rr_uio;
	size_t n = PC_PAGE - (size_t)(uio->uio_offset % PC_PAGE);

	n = MIN(n, (size_t)(read_end(rr) - uio->uio_offset));
	return uiomove((char *)(uintptr_t)zeros, n, uio);
}

/* The page is missing or on its way: see to it that it comes. */
static int
read_miss(const struct readreq *rr, struct pcblock *b)
    RELEASES(rr->rr_pc->pc_lock)
{
	struct pagecache *pc = rr->rr_pc;
	unsigned page = (unsigned)(rr->rr_uio->uio_offset % PC_BLOCK / PC_PAGE);
	struct pcfill *pf = NULL;
	off_t lo, hi;
	int error;

	if (b != NULL && (b->pb_busy & 1u << page) != 0) {
		bool ahead = rr->rr_ahead != 0 && plan_ahead(rr, &lo, &hi);

		pf = pcfill_find(b, page);
		mutex_exit(&pc->pc_lock);
		if (ahead)
			start_ahead(rr->rr_vp, pc, lo, hi, rr->rr_cred);
		return pcfill_wait(pc, pf);
	}
	if (b != NULL && (b->pb_writing & 1u << page) != 0) {
		error = cv_wait_sig(&pc->pc_cv, &pc->pc_lock);
		mutex_exit(&pc->pc_lock);
		return error;
	}
	plan_miss(rr, &lo, &hi);
	mutex_exit(&pc->pc_lock);
	error = pcfill_start(rr->rr_vp, pc, lo, hi, rr->rr_cred, &pf);
	if (pf == NULL)
		return error;
	return pcfill_wait(pc, pf);
}

static int
read_step(const struct readreq *rr)
{
	struct pagecache *pc = rr->rr_pc;
	off_t off = rr->rr_uio->uio_offset;
	struct pcblock *b;

	mutex_enter(&pc->pc_lock);
	b = pcblock_find(pc, (uint64_t)off / PC_BLOCK);
	if (b != NULL && (b->pb_valid & 1u << (off % PC_BLOCK / PC_PAGE)) != 0)
		return copy_hit(rr, b);
	if (!pc->pc_memory)
		return read_miss(rr, b);
	mutex_exit(&pc->pc_lock);
	return copy_hole(rr);
}

int
pagecache_read(struct vnode *vp, struct uio *uio, off_t eof, unsigned ra_blocks,
    kauth_cred_t cred)
{
	struct readreq rr = {
		.rr_vp = vp,
		.rr_pc = pagecache_of(vp),
		.rr_uio = uio,
		.rr_eof = MIN(eof, PC_FILE_MAX),
		.rr_ahead = (off_t)ra_blocks * PC_BLOCK,
		.rr_stream = eof > pcblock_capacity(),
		.rr_cred = cred,
	};
	size_t before = uio->uio_resid;
	int error = 0;

	while (error == 0 && uio->uio_resid > 0 && uio->uio_offset < rr.rr_eof)
		error = read_step(&rr);
	if (error == EFAULT || uio->uio_resid == before)
		return error;
	return 0;
}

/* The pages of a block that n bytes at within are on. */
static uint32_t
pages_of(off_t within, size_t n)
{
	return pc_page_mask((unsigned)(within / PC_PAGE),
	    (unsigned)(pc_page_ceil(within + (off_t)n) / PC_PAGE));
}

/* Make the pages for n bytes of b; for those of one page, *n then, if there is
 * no space for more. */
static int
prepare_write(struct pcblock *b, off_t within, size_t *n)
    REQUIRES(b->pb_pc->pc_lock)
{
	size_t least = MIN(*n, (size_t)(PC_PAGE - within % PC_PAGE));
	uint32_t mask = pages_of(within, *n);

	pcblock_populate(b, mask, b->pb_zero);
	if (pcblock_validate(b, mask) == 0)
		return 0;
	*n = least;
	return pcblock_validate(b, pages_of(within, least));
}

static int
write_step(struct pagecache *pc, struct uio *uio)
{
	off_t off = uio->uio_offset, within = off % PC_BLOCK;
	size_t n = MIN(uio->uio_resid, (size_t)(PC_BLOCK - within));
	struct pcblock *b;
	int error;

	mutex_enter(&pc->pc_lock);
	error = pcblock_get(pc, (uint64_t)off / PC_BLOCK, &b);
	if (error != 0) {
		mutex_exit(&pc->pc_lock);
		return ENOSPC;
	}
	error = prepare_write(b, within, &n);
	if (error != 0) {
		if (b->pb_valid == 0)
			pcblock_drop(b);
		mutex_exit(&pc->pc_lock);
		pcblock_unpin(b);
		return error;
	}
	b->pb_writers++;
	mutex_exit(&pc->pc_lock);
	error = uiomove((char *)b->pb_mem.am_addr + within, n, uio);
	mutex_enter(&pc->pc_lock);
	if (--b->pb_writers == 0 && cv_has_waiters(&pc->pc_cv))
		cv_broadcast(&pc->pc_cv);
	mutex_exit(&pc->pc_lock);
	pcblock_unpin(b);
	return error;
}

int
pagecache_write(struct vnode *vp, struct uio *uio)
{
	struct pagecache *pc = pagecache_of(vp);
	int error = 0;

	KASSERT(pc->pc_memory);
	while (error == 0 && uio->uio_resid > 0)
		error = write_step(pc, uio);
	return error;
}

/* Drop pages of one block; a memory file's mapped pages become zeros. */
static void
invalidate_pages(struct pcblock *b, uint32_t mask) REQUIRES(b->pb_pc->pc_lock)
{
	struct list *n;

	if (b->pb_pc->pc_memory && b->pb_wired > 0) {
		for (mask &= b->pb_valid; mask != 0; mask &= mask - 1)
			memset(pcblock_page(b, (unsigned)__builtin_ctz(mask)),
			    0, PC_PAGE);
		return;
	}
	mask &= ~(pcblock_unsaved(b) | b->pb_writing);
	pcblock_uncharge(b, mask);
	b->pb_valid &= ~mask;
	LIST_FOREACH (n, &b->pb_fills)
		LIST_ENTRY(n, struct pcfill, pf_list)->pf_dropped |= mask;
	if (b->pb_valid == 0 && b->pb_busy == 0 && b->pb_wired == 0 &&
	    b->pb_writing == 0)
		pcblock_drop(b);
}

/* A memory file ends within a page: what is behind reads as zeros later. */
static void
zero_tail(struct pagecache *pc, off_t lo) REQUIRES(pc->pc_lock)
{
	struct pcblock *b = pcblock_find(pc, (uint64_t)lo / PC_BLOCK);
	unsigned page = (unsigned)(lo % PC_BLOCK / PC_PAGE);

	if (b != NULL && (b->pb_valid & 1u << page) != 0)
		memset(pcblock_page(b, page) + lo % PC_PAGE, 0,
		    PC_PAGE - (size_t)(lo % PC_PAGE));
}

void
pagecache_invalidate(struct vnode *vp, off_t lo, off_t hi)
{
	struct pagecache *pc = pagecache_peek(vp);
	struct pcblock *b;
	uint64_t index;

	if (pc == NULL)
		return;
	if (hi == 0)
		hi = PC_FILE_MAX;
	mutex_enter(&pc->pc_lock);
	pcloose_collect(pc);
	if (pc->pc_memory && lo % PC_PAGE != 0) {
		zero_tail(pc, lo);
		lo = pc_page_ceil(lo);
	}
	lo -= lo % PC_PAGE;
	index = (uint64_t)lo / PC_BLOCK;
	for (; (b = pctree_next(&pc->pc_tree, &index)) != NULL; index++) {
		if ((off_t)index * PC_BLOCK >= hi)
			break;
		invalidate_pages(b, pc_pages_within(index, lo, hi));
	}
	mutex_exit(&pc->pc_lock);
}

void
pagecache_extend(struct vnode *vp, off_t size)
{
	struct pagecache *pc = pagecache_peek(vp);
	bool mapped;

	if (pc == NULL)
		return;
	mutex_enter(&pc->pc_lock);
	mapped = pc->pc_wlen != 0;
	mutex_exit(&pc->pc_lock);
	if (mapped)
		pagecache_invalidate(vp, size, 0);
}
