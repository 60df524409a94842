/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of the page cache: what of a file is unsaved.
 *
 * A page is dirty (has bytes to write), in a run, uncommitted, being committed,
 * or several of these at once, since a writer need not wait for a run.  As long
 * as any page of a file is, its vnode is referenced and it stands in one list of
 * unsaved files; a block with such pages stays in the cache.
 */
#ifndef VFS_PCDIRTY_H
#define VFS_PCDIRTY_H

#include "vfs/pcblock.h"

/* Bytes within pages: good for pages with the bit set in the block. */
struct pcsave {
	uint16_t ps_lo[PC_PAGES], ps_hi[PC_PAGES];   /* dirty */
	uint16_t ps_ulo[PC_PAGES], ps_uhi[PC_PAGES]; /* uncommitted */
};

/* A change to the masks of b happens between these two. */
struct pcdirty_change {
	unsigned ch_active, ch_unsaved;
};
struct pcdirty_change pcdirty_begin(const struct pcblock *b)
    REQUIRES(b->pb_pc->pc_lock);
void pcdirty_end(struct pcblock *b, const struct pcdirty_change *ch)
    REQUIRES(b->pb_pc->pc_lock);

/* See to a pb_save, before anything can become dirty.  0 or ENOMEM. */
int pcdirty_prepare(struct pcblock *b) REQUIRES(b->pb_pc->pc_lock);
/* Bytes [lo, hi) of a page are dirty.  Within a change. */
void pcdirty_mark(struct pcblock *b, unsigned page, unsigned lo, unsigned hi)
    REQUIRES(b->pb_pc->pc_lock);
/* Bytes [lo, hi) of the file, within b, are. */
void pcdirty_mark_range(struct pcblock *b, off_t lo, off_t hi)
    REQUIRES(b->pb_pc->pc_lock);
/* Bytes [lo, hi) of a page are with the server, but not for good. */
void pcdirty_mark_uncommitted(struct pcblock *b, unsigned page, unsigned lo,
    unsigned hi) REQUIRES(b->pb_pc->pc_lock);
/* The server has lost what is uncommitted of the pages in mask. */
void pcdirty_lost(struct pcblock *b, uint32_t mask) REQUIRES(b->pb_pc->pc_lock);
/* Pages that are no longer unsaved, and are not what the file has. */
void pcdirty_forget(struct pcblock *b, uint32_t mask)
    REQUIRES(b->pb_pc->pc_lock);
/* The file grows to end: see to its last page if a program has it mapped. */
void pcbehind_grow(struct pagecache *pc, off_t end) REQUIRES(pc->pc_lock);
/* Zeros from the end of file eof, as far as it has a page, up to to. */
void pcbehind_zero(struct pagecache *pc, off_t eof, off_t to)
    REQUIRES(pc->pc_lock);
/* An error of a delayed write, for pagecache_error(). */
void pcdirty_error(struct pagecache *pc, int error) REQUIRES(pc->pc_lock);

/* Is there so much dirty, or unsaved, data that writers have to wait? */
bool pcdirty_active_full(void);
bool pcdirty_unsaved_full(void);

/*
 * A walk over unsaved files: the next one of mp (NULL: any) that became unsaved
 * at or before since_ns and was not visited by this walk, referenced; NULL at
 * the end.  pcdirty_walk() begins one.
 */
uint64_t pcdirty_walk(void);
struct vnode *pcdirty_next(
    uint64_t walk, const struct mount *mp, int64_t since_ns);
/* Some unsaved file, referenced, or NULL; another one each time. */
struct vnode *pcdirty_some(void);
/* Is any file unsaved? */
bool pcdirty_any(void);

void pcdirty_init(void);
/* For tests: bounds in pages. */
void pcdirty_setlimits(uint32_t active, uint32_t unsaved);
uint32_t pcdirty_count(void);

#endif /* !VFS_PCDIRTY_H */
