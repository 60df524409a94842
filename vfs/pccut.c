/* SPDX-License-Identifier: BSD-2-Clause */
/* Taking unsaved data away: a file is cut off, or its file system is. */
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "vfs/mount.h"
#include "vfs/pcdirty.h"
#include "vfs/pcmap.h"
#include "vfs/pcwrite.h"
#include "vfs/vnode.h"

/* Nothing of pages in mask is to be saved any more. */
static void
unmark(struct pcblock *b, uint32_t mask) REQUIRES(b->pb_pc->pc_lock)
{
	struct pcdirty_change ch = pcdirty_begin(b);

	b->pb_dirty &= ~mask;
	b->pb_mapdirty &= ~mask;
	b->pb_uncommitted &= ~mask;
	b->pb_committing &= ~mask;
	pcdirty_end(b, &ch);
}

static void
drop_fills(struct pcblock *b, uint32_t mask) REQUIRES(b->pb_pc->pc_lock)
{
	struct list *n;

	LIST_FOREACH (n, &b->pb_fills)
		LIST_ENTRY(n, struct pcfill, pf_list)->pf_dropped |= mask;
}

/* The page ends after n bytes. */
static void
cut_page(struct pcblock *b, unsigned page, unsigned n)
    REQUIRES(b->pb_pc->pc_lock)
{
	struct pcsave *ps = b->pb_save;
	uint32_t bit = 1u << page;

	drop_fills(b, bit);
	/* A mapping shows it even if it has become invalid. */
	if ((b->pb_valid & bit) != 0 || b->pb_wired != 0)
		memset(pcblock_page(b, page) + n, 0, PC_PAGE - n);
	if (ps == NULL)
		return;
	ps->ps_hi[page] = (uint16_t)MIN(ps->ps_hi[page], n);
	ps->ps_uhi[page] = (uint16_t)MIN(ps->ps_uhi[page], n);
	if (ps->ps_lo[page] >= n && (b->pb_dirty & bit) != 0) {
		struct pcdirty_change ch = pcdirty_begin(b);

		b->pb_dirty &= ~bit;
		b->pb_mapdirty &= ~bit;
		pcdirty_end(b, &ch);
	}
	ps = b->pb_save;
	if (ps != NULL && ps->ps_ulo[page] >= n &&
	    ((b->pb_uncommitted | b->pb_committing) & bit) != 0) {
		struct pcdirty_change ch = pcdirty_begin(b);

		b->pb_uncommitted &= ~bit;
		b->pb_committing &= ~bit;
		pcdirty_end(b, &ch);
	}
}

/* hidden: what maps show of pages behind size is gone. */
static void
cut_block(struct pcblock *b, off_t size, bool hidden)
    REQUIRES(b->pb_pc->pc_lock)
{
	off_t base = pcblock_off(b);
	off_t rest = pc_page_ceil(size);
	uint32_t mask = 0;

	if (size > base && size % PC_PAGE != 0)
		cut_page(b, (unsigned)((size - base) / PC_PAGE),
		    (unsigned)(size % PC_PAGE));
	if (rest < base + PC_BLOCK)
		mask = pc_pages_within(b->pb_index, rest, base + PC_BLOCK);
	unmark(b, mask);
	drop_fills(b, mask);
	/* A map may show them again as soon as the file is longer: with zeros
	 * then, and without asking. */
	if (!hidden || b->pb_wired == 0)
		b->pb_valid &= ~mask;
	if (b->pb_valid == 0 && b->pb_busy == 0 && b->pb_wired == 0 &&
	    b->pb_writing == 0 && pcblock_unsaved(b) == 0)
		pcblock_drop(b);
}

static void
cut(struct pagecache *pc, off_t size) REQUIRES(pc->pc_lock)
{
	struct pcblock *b;
	uint64_t index = (uint64_t)size / PC_BLOCK;
	bool hidden = pagecache_hide(pc, size);

	for (; (b = pctree_next(&pc->pc_tree, &index)) != NULL; index++)
		cut_block(b, size, hidden);
	pc->pc_behind = MIN(pc->pc_behind, size);
	pc->pc_mapend = MIN(pc->pc_mapend, size);
}

/* Where the last block that a map shows ends, from off on; 0: there is none. */
static off_t
shown_end(struct pagecache *pc, off_t off) REQUIRES(pc->pc_lock)
{
	uint64_t index = (uint64_t)off / PC_BLOCK;
	struct pcblock *b;
	off_t end = 0;

	for (; (b = pctree_next(&pc->pc_tree, &index)) != NULL; index++) {
		if (b->pb_wired != 0)
			end = pcblock_off(b) + PC_BLOCK;
	}
	return end;
}

bool
pagecache_hide(struct pagecache *pc, off_t size)
{
	off_t from = pc_page_ceil(size), to;

	pc->pc_cuts++;
	if (pc->pc_own == NULL)
		return false;
	to = shown_end(pc, from);
	return to > from && arena_own_cut(pc->pc_own, from, to);
}

void
pagecache_cut_maps(struct pagecache *pc, off_t size)
{
	mutex_enter(&pc->pc_lock);
	(void)pagecache_hide(pc, size);
	mutex_exit(&pc->pc_lock);
	pcmap_cut(pc, size);
}

/* Pages in runs are what the run has: they are cut when it has ended. */
static int
end_runs(struct pagecache *pc, off_t size) REQUIRES(pc->pc_lock)
{
	struct pcwrite *pw;
	int error = 0;

	while (error != ERESTART &&
	       (pw = pcwrite_find(pc, size, PC_FILE_MAX, UINT64_MAX)) != NULL) {
		mutex_exit(&pc->pc_lock);
		error = pcwrite_wait(pc, pw);
		mutex_enter(&pc->pc_lock);
	}
	return error == ERESTART ? error : 0;
}

int
pagecache_truncate(struct vnode *vp, off_t size)
{
	struct pagecache *pc = pagecache_peek(vp);
	int error;

	if (pc == NULL || pc->pc_memory)
		return 0;
	mutex_enter(&pc->pc_lock);
	pcbehind_grow(pc, size);
	mutex_exit(&pc->pc_lock);
	pcmap_cut(pc, size);
	mutex_enter(&pc->pc_lock);
	error = end_runs(pc, size);
	if (error == 0)
		cut(pc, size);
	mutex_exit(&pc->pc_lock);
	return error;
}

/* Everything that is not on its way. */
static uint64_t
discard(struct pagecache *pc)
{
	struct pcblock *b;
	uint64_t index = 0, pages;

	mutex_enter(&pc->pc_lock);
	pages = pc->pc_nunsaved;
	for (; (b = pctree_next(&pc->pc_tree, &index)) != NULL; index++) {
		uint32_t mask = pcblock_unsaved(b) & ~b->pb_running;

		if (mask == 0)
			continue;
		unmark(b, pcblock_unsaved(b));
		pcdirty_forget(b, mask);
	}
	mutex_exit(&pc->pc_lock);
	return pages * PC_PAGE;
}

void
pagecache_discard_mount(struct mount *mp)
{
	uint64_t walk = pcdirty_walk(), bytes = 0;
	struct vnode *vp;

	while ((vp = pcdirty_next(walk, mp, INT64_MAX)) != NULL) {
		bytes += discard(pagecache_of(vp));
		vrele(vp);
	}
	if (bytes != 0)
		kprintf("%s: %ju KiB of unsaved data are lost\n",
		    mp->mnt_onname, (uintmax_t)(bytes / 1024));
}
