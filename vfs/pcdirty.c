/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accounts of unsaved pages.
 *
 * Walks of the list of unsaved files need no place in it: a file that is visited
 * goes to the end and remembers the walk, so that what a walk has still to visit
 * is in front.  Walks are numbered, and a file that a later walk has visited was
 * visited late enough for an earlier one, too.
 *
 * Lock order: pc_lock, unsaved_lock, and what vrele_deferred() takes.
 */
#include "vfs/pcdirty.h"

#include "kern/clock.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "kern/stats.h"
#include "vfs/pcloose.h"
#include "vfs/vnode.h"

/* Of the cache: what may be dirty or on its way, but not more than ... */
#define ACTIVE_PART 4
#define ACTIVE_MOST ((UINT64_C(32) << 20) / PC_PAGE)
/* ... and what may be unsaved at all. */
#define UNSAVED_PART 2

static kmutex_t unsaved_lock;
static struct list unsaved = LIST_INITIALIZER(unsaved); /* unsaved_lock */
static uint64_t last_walk;                              /* unsaved_lock */
static _Atomic uint32_t nactive, nunsaved;              /* pages */
static _Atomic uint32_t active_limit, unsaved_limit;    /* 0: by the cache */

static struct kstat stats[] = {
	{ .ks_name = "pagecache_write_errors",
	    .ks_help = "delayed writes that failed" },
};

void
pcdirty_init(void)
{
	mutex_init(&unsaved_lock, "unsaved");
	kstat_attach(stats, NITEMS(stats));
}

void
pcdirty_setlimits(uint32_t active, uint32_t total)
{
	atomic_store(&active_limit, active);
	atomic_store(&unsaved_limit, total);
}

uint32_t
pcdirty_count(void)
{
	return atomic_load(&nunsaved);
}

bool
pcdirty_active_full(void)
{
	uint64_t cache = (uint64_t)pcblock_capacity() / PC_PAGE;
	uint32_t most =
	    atomic_load_explicit(&active_limit, memory_order_relaxed);

	if (most == 0)
		most = (uint32_t)MIN(cache / ACTIVE_PART, ACTIVE_MOST);
	return atomic_load_explicit(&nactive, memory_order_relaxed) >= most;
}

bool
pcdirty_unsaved_full(void)
{
	uint64_t cache = (uint64_t)pcblock_capacity() / PC_PAGE;
	uint32_t most =
	    atomic_load_explicit(&unsaved_limit, memory_order_relaxed);

	if (most == 0)
		most = (uint32_t)(cache / UNSAVED_PART);
	return atomic_load_explicit(&nunsaved, memory_order_relaxed) >= most;
}

static void
enlist(struct pagecache *pc) REQUIRES(pc->pc_lock)
{
	int64_t now = uptime_ns();

	vref(pc->pc_vnode);
	mutex_enter(&unsaved_lock);
	pc->pc_visit = 0;
	pc->pc_since_ns = now;
	list_insert_tail(&unsaved, &pc->pc_list);
	mutex_exit(&unsaved_lock);
}

/* Whoever calls has a reference to the cache. */
static void
delist(struct pagecache *pc) REQUIRES(pc->pc_lock)
{
	mutex_enter(&unsaved_lock);
	list_remove(&pc->pc_list);
	mutex_exit(&unsaved_lock);
	vrele_deferred(pc->pc_vnode);
}

static unsigned
count_active(const struct pcblock *b)
{
	return pcblock_count_pages(b->pb_dirty | b->pb_running);
}

struct pcdirty_change
pcdirty_begin(const struct pcblock *b)
{
	KASSERT(mutex_owned(&b->pb_pc->pc_lock));
	return (struct pcdirty_change){
		.ch_active = count_active(b),
		.ch_unsaved = pcblock_count_pages(pcblock_unsaved(b)),
	};
}

void
pcdirty_end(struct pcblock *b, const struct pcdirty_change *ch)
{
	struct pagecache *pc = b->pb_pc;
	unsigned total = pcblock_count_pages(pcblock_unsaved(b));
	uint32_t active = count_active(b) - ch->ch_active;
	uint32_t grown = total - ch->ch_unsaved, old = pc->pc_nunsaved;

	/* Looked at without the lock, too. */
	__atomic_store_n(
	    &pc->pc_nactive, pc->pc_nactive + active, __ATOMIC_RELAXED);
	__atomic_store_n(
	    &pc->pc_nunsaved, pc->pc_nunsaved + grown, __ATOMIC_RELAXED);
	atomic_fetch_add_explicit(&nactive, active, memory_order_relaxed);
	atomic_fetch_add_explicit(&nunsaved, grown, memory_order_relaxed);
	if (total == 0 && b->pb_writing == 0) {
		kmem_free(b->pb_save, sizeof(*b->pb_save));
		b->pb_save = NULL;
	}
	if (old == 0 && pc->pc_nunsaved != 0)
		enlist(pc);
	else if (old != 0 && pc->pc_nunsaved == 0)
		delist(pc);
}

int
pcdirty_prepare(struct pcblock *b)
{
	if (b->pb_save == NULL)
		b->pb_save = kmem_alloc(sizeof(*b->pb_save), KM_NOSLEEP);
	return b->pb_save == NULL ? ENOMEM : 0;
}

static void
extend(uint16_t *lo, uint16_t *hi, bool there, unsigned newlo, unsigned newhi)
{
	*lo = (uint16_t)(there ? MIN(*lo, newlo) : newlo);
	*hi = (uint16_t)(there ? MAX(*hi, newhi) : newhi);
}

void
pcdirty_mark(struct pcblock *b, unsigned page, unsigned lo, unsigned hi)
{
	struct pcsave *ps = b->pb_save;
	uint32_t bit = 1u << page;

	KASSERT(lo < hi && hi <= PC_PAGE && (b->pb_valid & bit) != 0);
	extend(&ps->ps_lo[page], &ps->ps_hi[page], (b->pb_dirty & bit) != 0, lo,
	    hi);
	b->pb_dirty |= bit;
}

void
pcdirty_mark_range(struct pcblock *b, off_t lo, off_t hi)
{
	off_t base = pcblock_off(b);

	while (lo < hi) {
		off_t end = MIN(hi, lo - lo % PC_PAGE + PC_PAGE);
		unsigned first = (unsigned)(lo % PC_PAGE);

		pcdirty_mark(b, (unsigned)((lo - base) / PC_PAGE), first,
		    first + (unsigned)(end - lo));
		lo = end;
	}
}

void
pcdirty_mark_uncommitted(
    struct pcblock *b, unsigned page, unsigned lo, unsigned hi)
{
	struct pcsave *ps = b->pb_save;
	uint32_t bit = 1u << page;

	extend(&ps->ps_ulo[page], &ps->ps_uhi[page],
	    ((b->pb_uncommitted | b->pb_committing) & bit) != 0, lo, hi);
	b->pb_uncommitted |= bit;
}

void
pcdirty_lost(struct pcblock *b, uint32_t mask)
{
	const struct pcsave *ps = b->pb_save;

	for (; mask != 0; mask &= mask - 1) {
		unsigned page = (unsigned)__builtin_ctz(mask);

		pcdirty_mark(b, page, ps->ps_ulo[page], ps->ps_uhi[page]);
	}
}

/* Whoever is copying into a page makes it dirty when he is through. */
void
pcdirty_forget(struct pcblock *b, uint32_t mask)
{
	b->pb_valid &= ~(mask & ~(pcblock_unsaved(b) | b->pb_writing));
}

void
pcdirty_error(struct pagecache *pc, int error)
{
	pc->pc_error = error;
	pc->pc_errseq++;
	KSTAT_ADD(&stats[0], 1);
}

void
pagecache_error_begin(struct vnode *vp, uint32_t *seen)
{
	struct pagecache *pc = pagecache_peek(vp);

	*seen =
	    pc == NULL ? 0 : __atomic_load_n(&pc->pc_errseq, __ATOMIC_RELAXED);
}

int
pagecache_error(struct vnode *vp, uint32_t *seen)
{
	struct pagecache *pc = pagecache_peek(vp);
	int error = 0;

	if (pc == NULL)
		return 0;
	mutex_enter(&pc->pc_lock);
	if (*seen != pc->pc_errseq) {
		*seen = pc->pc_errseq;
		error = pc->pc_error;
	}
	mutex_exit(&pc->pc_lock);
	return error;
}

bool
pagecache_unsaved(struct vnode *vp)
{
	struct pagecache *pc = pagecache_peek(vp);

	if (pc == NULL)
		return false;
	if (PREDICT_FALSE(__atomic_load_n(&pc->pc_loose, __ATOMIC_RELAXED))) {
		mutex_enter(&pc->pc_lock);
		pcloose_collect(pc);
		mutex_exit(&pc->pc_lock);
	}
	return __atomic_load_n(&pc->pc_nunsaved, __ATOMIC_RELAXED) != 0;
}

uint64_t
pcdirty_walk(void)
{
	uint64_t walk;

	mutex_enter(&unsaved_lock);
	walk = ++last_walk;
	mutex_exit(&unsaved_lock);
	return walk;
}

/* Remember the visit and go to the end of the list. */
static struct vnode *
visit(struct pagecache *pc, uint64_t walk) REQUIRES(unsaved_lock)
{
	pc->pc_visit = MAX(walk, pc->pc_visit);
	list_remove(&pc->pc_list);
	list_insert_tail(&unsaved, &pc->pc_list);
	vref(pc->pc_vnode);
	return pc->pc_vnode;
}

struct vnode *
pcdirty_next(uint64_t walk, const struct mount *mp, int64_t since_ns)
{
	struct vnode *vp = NULL;
	struct list *n;

	mutex_enter(&unsaved_lock);
	LIST_FOREACH (n, &unsaved) {
		struct pagecache *pc = LIST_ENTRY(n, struct pagecache, pc_list);

		if (pc->pc_visit >= walk || pc->pc_since_ns > since_ns ||
		    (mp != NULL && pc->pc_vnode->v_mount != mp))
			continue;
		vp = visit(pc, walk);
		break;
	}
	mutex_exit(&unsaved_lock);
	return vp;
}

struct vnode *
pcdirty_some(void)
{
	struct vnode *vp = NULL;

	mutex_enter(&unsaved_lock);
	if (!list_empty(&unsaved))
		vp = visit(
		    LIST_ENTRY(unsaved.next, struct pagecache, pc_list), 0);
	mutex_exit(&unsaved_lock);
	return vp;
}

bool
pcdirty_any(void)
{
	return atomic_load_explicit(&nunsaved, memory_order_relaxed) != 0;
}
