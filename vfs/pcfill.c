/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fills: runs of pages on their way from the file system.
 *
 * A fill holds a reference to its vnode, to the cache and a pin on the block.
 * Pages that are invalidated while busy are noted in the fill and stay invalid
 * when it ends.  The reference to the vnode is given back without entering the
 * file system, which may be in the middle of receiving.
 */
#include "vfs/pcfill.h"

#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "kern/stats.h"
#include "vfs/pcloose.h"
#include "vfs/vnode.h"

static struct kstat stats[] = {
	{ .ks_name = "pagecache_fills", .ks_help = "runs of pages read" },
	{ .ks_name = "pagecache_fill_bytes",
	    .ks_help = "bytes of the runs of pages read" },
	{ .ks_name = "pagecache_fill_errors",
	    .ks_help = "runs of pages that could not be read" },
};
enum { FILLS, FILL_BYTES, FILL_ERRORS };

void
pcfill_init(void)
{
	kstat_attach(stats, NITEMS(stats));
}

static uint32_t
fill_mask(const struct pcfill *pf)
{
	unsigned first = (unsigned)(pf->pf_off % PC_BLOCK / PC_PAGE);

	return pc_page_mask(first, first + (unsigned)(pf->pf_len / PC_PAGE));
}

void
pcfill_unref(struct pcfill *pf)
{
	if (atomic_fetch_sub_explicit(
		&pf->pf_refcnt, 1, memory_order_acq_rel) != 1)
		return;
	kauth_cred_free(pf->pf_cred);
	kmem_free(pf, sizeof(*pf));
}

/* A fill of pages [first, last) of b, with two references: one is dropped by
 * pagecache_fill_done(). */
static struct pcfill *
fill_create(struct vnode *vp, struct pcblock *b, unsigned first, unsigned last,
    kauth_cred_t cred) REQUIRES(b->pb_pc->pc_lock)
{
	struct pcfill *pf;

	if (pcblock_reach(b, pc_page_mask(first, last)) != 0)
		return NULL;
	pf = kmem_zalloc(sizeof(*pf), KM_NOSLEEP);
	if (pf == NULL)
		return NULL;
	vref(vp);
	pf->pf_vp = vp;
	pf->pf_off = (off_t)b->pb_index * PC_BLOCK + (off_t)first * PC_PAGE;
	pf->pf_len = (size_t)(last - first) * PC_PAGE;
	pf->pf_addr = pcblock_page(b, first);
	kauth_cred_hold(cred);
	pf->pf_cred = cred;
	pf->pf_block = b;
	atomic_init(&pf->pf_refcnt, 2);
	list_insert_tail(&b->pb_fills, &pf->pf_list);
	pcblock_pin(b);
	pagecache_ref(b->pb_pc);
	b->pb_busy |= pc_page_mask(first, last);
	pcblock_touch(b, pc_page_mask(first, last));
	KSTAT_ADD(&stats[FILLS], 1);
	KSTAT_ADD(&stats[FILL_BYTES], pf->pf_len);
	return pf;
}

/* What did not come, of pages that are to be valid: a mapping may show others
 * with the data that they had. */
static void
zero_rest(const struct pcfill *pf, size_t got)
{
	unsigned page = (unsigned)(pf->pf_off % PC_BLOCK / PC_PAGE);
	size_t off;

	for (off = 0; off < pf->pf_len; off += PC_PAGE, page++) {
		size_t from = MAX(got, off);

		if (from < off + PC_PAGE && (pf->pf_dropped & 1u << page) == 0)
			memset((char *)pf->pf_addr + from, 0,
			    off + PC_PAGE - from);
	}
}

void
pagecache_fill_done(struct pcfill *pf, size_t got, int error)
{
	struct pcblock *b = pf->pf_block;
	struct pagecache *pc = b->pb_pc;
	struct vnode *vp = pf->pf_vp;
	uint32_t mask = fill_mask(pf);

	if (error != 0)
		KSTAT_ADD(&stats[FILL_ERRORS], 1);
	mutex_enter(&pc->pc_lock);
	if (error == 0)
		zero_rest(pf, got);
	list_remove(&pf->pf_list);
	b->pb_busy &= ~mask;
	if (error == 0) {
		b->pb_valid |= mask & ~pf->pf_dropped;
		pcloose_settle(b, mask & ~pf->pf_dropped, true);
	}
	pf->pf_error = error;
	atomic_store_explicit(&pf->pf_done, 1, memory_order_release);
	cv_broadcast(&pc->pc_cv);
	mutex_exit(&pc->pc_lock);
	pcblock_unpin(b);
	pcfill_unref(pf);
	pagecache_unref(pc);
	vrele_deferred(vp);
}

/* The fill that page is in, with a reference. */
struct pcfill *
pcfill_find(struct pcblock *b, unsigned page)
{
	struct list *n;

	LIST_FOREACH (n, &b->pb_fills) {
		struct pcfill *pf = LIST_ENTRY(n, struct pcfill, pf_list);

		if ((fill_mask(pf) & 1u << page) != 0) {
			atomic_fetch_add_explicit(
			    &pf->pf_refcnt, 1, memory_order_relaxed);
			return pf;
		}
	}
	panic("pagecache: a busy page is in no fill");
}

/* The first run of pages in want: [*first, *last). */
static void
first_run(uint32_t want, unsigned *first, unsigned *last)
{
	*first = (unsigned)__builtin_ctz(want);
	*last = *first + (unsigned)__builtin_ctz(~(want >> *first));
}

/*
 * Start fills for what is missing of pages [lo, hi) of one block.  The first
 * fill is handed to the caller in *firstp if that is NULL.
 */
static int
start_block(struct vnode *vp, struct pagecache *pc, off_t lo, off_t hi,
    kauth_cred_t cred, struct pcfill **firstp)
{
	uint64_t index = (uint64_t)lo / PC_BLOCK;
	off_t base = (off_t)index * PC_BLOCK;
	struct pcblock *b;
	uint32_t all, want, zero;
	int error;

	all = pc_page_mask((unsigned)((lo - base) / PC_PAGE),
	    (unsigned)((hi - base) / PC_PAGE));
	mutex_enter(&pc->pc_lock);
	error = pcblock_get_pages(pc, index, all, &b);
	if (error != 0) {
		mutex_exit(&pc->pc_lock);
		return error;
	}
	pcloose_collect_block(b, all);
	while (!b->pb_orphan && (want = all & ~(b->pb_valid | b->pb_busy |
						  b->pb_writing)) != 0) {
		unsigned first, last;
		struct pcfill *pf;

		first_run(want, &first, &last);
		zero = b->pb_zero;
		pf = fill_create(vp, b, first, last, cred);
		if (pf == NULL) {
			error = ENOMEM;
			break;
		}
		mutex_exit(&pc->pc_lock);
		pcblock_populate(b, pc_page_mask(first, last), zero);
		pc->pc_ops->pc_start(pf);
		if (*firstp == NULL)
			*firstp = pf;
		else
			pcfill_unref(pf);
		mutex_enter(&pc->pc_lock);
		/* A fill that failed at once is not tried again here. */
		all &= ~pc_page_mask(first, last);
	}
	mutex_exit(&pc->pc_lock);
	pcblock_unpin(b);
	return error;
}

/* Start fills for [lo, hi), page aligned.  An error counts only if not even
 * the first block could be had. */
int
pcfill_start(struct vnode *vp, struct pagecache *pc, off_t lo, off_t hi,
    kauth_cred_t cred, struct pcfill **firstp)
{
	const struct pagecacheops *ops = pc->pc_ops;
	off_t start = lo;
	int error = 0;

	while (lo < hi && error == 0) {
		off_t end = MIN(hi, lo - lo % PC_BLOCK + PC_BLOCK);

		error = start_block(vp, pc, lo, end, cred, firstp);
		if (error == 0)
			lo = end;
	}
	/* Also when the first block failed half-way. */
	if (ops->pc_flush != NULL)
		ops->pc_flush(vp);
	return lo > start ? 0 : error;
}

int
pcfill_wait(struct pagecache *pc, struct pcfill *pf)
{
	int error = 0;

	if (atomic_load_explicit(&pf->pf_done, memory_order_acquire) == 0)
		error = pc->pc_ops->pc_wait(pf);
	if (error == 0)
		error = pf->pf_error;
	pcfill_unref(pf);
	return error;
}
