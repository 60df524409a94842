/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory files: making pages before they are written, making holes, and finding
 * them. */
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "vfs/pcblock.h"
#include "vfs/pcmem.h"

static int
allocate_in_block(struct pagecache *pc, off_t lo, off_t hi)
{
	uint64_t index = (uint64_t)lo / PC_BLOCK;
	struct pcblock *b;
	int error;

	mutex_enter(&pc->pc_lock);
	error = pcblock_get(pc, index, &b);
	if (error != 0) {
		mutex_exit(&pc->pc_lock);
		return ENOSPC;
	}
	error = pcblock_validate(b, pc_pages_within(index, lo, hi));
	if (b->pb_valid == 0 && !b->pb_orphan)
		pcblock_drop(b);
	mutex_exit(&pc->pc_lock);
	pcblock_unpin(b);
	return error;
}

int
pagecache_allocate(struct vnode *vp, off_t lo, off_t hi)
{
	struct pagecache *pc = pagecache_of(vp);
	int error = 0;

	KASSERT(pc->pc_memory && lo < hi);
	/* What cannot be had is not begun; pages that are there already count
	 * for it at most once. */
	if ((uint64_t)(hi - lo) >
	    pcmem_free(pc->pc_account) + pagecache_bytes(vp))
		return ENOSPC;
	while (lo < hi && error == 0) {
		off_t end = MIN(hi, lo - lo % PC_BLOCK + PC_BLOCK);

		error = allocate_in_block(pc, lo, end);
		lo = end;
	}
	return error;
}

/* Bytes [lo, hi) of one page become zeros. */
static void
zero_within_page(struct pagecache *pc, off_t lo, off_t hi) REQUIRES(pc->pc_lock)
{
	struct pcblock *b = pcblock_find(pc, (uint64_t)lo / PC_BLOCK);
	unsigned page = (unsigned)(lo % PC_BLOCK / PC_PAGE);

	if (b != NULL && (b->pb_valid & 1u << page) != 0)
		memset(
		    pcblock_page(b, page) + lo % PC_PAGE, 0, (size_t)(hi - lo));
}

void
pagecache_punch(struct vnode *vp, off_t lo, off_t hi)
{
	struct pagecache *pc = pagecache_peek(vp);
	off_t first = pc_page_ceil(lo), last = hi - hi % PC_PAGE;

	if (pc == NULL)
		return;
	KASSERT(pc->pc_memory && lo < hi);
	mutex_enter(&pc->pc_lock);
	if (lo < first)
		zero_within_page(pc, lo, MIN(first, hi));
	if (last < hi && last >= first)
		zero_within_page(pc, last, hi);
	mutex_exit(&pc->pc_lock);
	if (first < last)
		pagecache_invalidate(vp, first, last);
}

/* The first page at or behind off that is valid, or is not, as wanted; eof if
 * there is none. */
static off_t
find_page(struct pagecache *pc, off_t off, off_t eof, bool valid)
    REQUIRES(pc->pc_lock)
{
	while (off < eof) {
		uint64_t index = (uint64_t)off / PC_BLOCK;
		unsigned page = (unsigned)(off % PC_BLOCK / PC_PAGE);
		struct pcblock *b = pctree_next(&pc->pc_tree, &index);
		uint32_t mask;

		if (b == NULL || (off_t)index * PC_BLOCK > off) {
			if (!valid)
				return off;
			if (b == NULL)
				return eof;
			off = (off_t)index * PC_BLOCK;
			page = 0;
		}
		mask = valid ? b->pb_valid : ~b->pb_valid & PC_ALLPAGES;
		mask = mask >> page << page;
		if (mask != 0)
			return (off_t)index * PC_BLOCK +
			       (off_t)__builtin_ctz(mask) * PC_PAGE;
		off = ((off_t)index + 1) * PC_BLOCK;
	}
	return eof;
}

int
pagecache_seek(struct vnode *vp, off_t eof, bool hole, off_t *offp)
{
	struct pagecache *pc = pagecache_peek(vp);
	off_t off = *offp, found = hole ? off : eof;

	if (off < 0 || off >= eof)
		return ENXIO;
	if (pc != NULL) {
		mutex_enter(&pc->pc_lock);
		found = find_page(pc, off, eof, !hole);
		mutex_exit(&pc->pc_lock);
	}
	if (!hole && found >= eof)
		return ENXIO;
	*offp = MIN(MAX(found, off), eof);
	return 0;
}
