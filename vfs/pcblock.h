/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of the page cache: files' caches and their blocks. */
#ifndef VFS_PCBLOCK_H
#define VFS_PCBLOCK_H

#include <stdatomic.h>

#include "kern/condvar.h"
#include "kern/mutex.h"
#include "kern/queue.h"
#include "vfs/arena.h"
#include "vfs/pagecache.h"
#include "vfs/pctree.h"

#define PC_PAGES (PC_BLOCK / PC_PAGE) /* pages of a block */
#define PC_ALLPAGES ((uint32_t)(1u << PC_PAGES) - 1)

/* Offsets beyond this are never valid, so that sums do not overflow. */
#define PC_FILE_MAX (INT64_MAX / 2)

/* The cache of one file.  Referenced by its vnode, blocks, fills and maps. */
struct pagecache {
	kmutex_t pc_lock;
	kcondvar_t pc_cv; /* pc_lock: a fill or a write has ended */
	_Atomic uint32_t pc_refcnt;
	const struct pagecacheops *pc_ops; /* i: NULL for memory files */
	bool pc_memory; /* i: nothing behind the cache, never reclaimed */
	struct pcmem_account *pc_account; /* i: of a memory file's pages */
	uint64_t pc_npages;               /* pc_lock: charged to it */
	struct pctree pc_tree;            /* pc_lock: of struct pcblock */
	uint64_t pc_nblocks;              /* pc_lock */
	off_t pc_woff, pc_wlen;           /* pc_lock: window; pc_wlen 0: none */
	struct arena_own
	    *pc_own;         /* pc_lock: the window's memfd; NULL: shared */
	uint32_t pc_cuts;    /* pc_lock: times that it was cut off */
	uint32_t pc_maps;    /* pc_lock: maps that keep the window */
	off_t pc_next;       /* pc_lock: where a sequential reader goes on */
	off_t pc_ra_end;     /* pc_lock: readahead has been started to here */
	off_t pc_ra_trigger; /* pc_lock: a reader here starts the next */

	/* Writing files that have a file system behind them, see pcdirty.h. */
	struct vnode *pc_vnode; /* i: referenced while anything is unsaved */
	struct list pc_list;    /* unsaved_lock */
	uint64_t pc_visit;      /* unsaved_lock: last walk that came by */
	int64_t pc_since_ns;    /* unsaved_lock: when it became unsaved */
	uint32_t pc_nactive;    /* pc_lock: pages dirty or in a run */
	uint32_t pc_nunsaved;   /* pc_lock: these, and uncommitted ones */
	struct list pc_runs;    /* pc_lock: of struct pcwrite, oldest first */
	uint64_t pc_runseq;     /* pc_lock: of the latest run */
	kauth_cred_t pc_wcred;  /* pc_lock: owned; who wrote last */
	off_t pc_wnext;         /* pc_lock: a sequential writer goes on here */
	off_t pc_behind;        /* pc_lock: written behind to here */
	off_t pc_mapend;        /* pc_lock: end of file of the last store */
	bool pc_loose;          /* pc_lock: some pages may be */
	bool pc_committing;     /* pc_lock: somebody is in pc_commit */
	bool pc_full;           /* pc_lock: out of space, write at once */
	uint64_t pc_verf;       /* pc_lock: of what is uncommitted */
	uint32_t pc_nlost;      /* pc_lock: times that the server lost some */
	uint32_t pc_errseq;     /* pc_lock: errors of delayed writes so far */
	int pc_error;           /* pc_lock: the latest */
	uint32_t pc_nfailed;    /* pc_lock: runs that failed, for any reason */
	int pc_failure;         /* pc_lock: of the latest */
};

/* Hashes of pages as the file system has got them. */
struct pcloose {
	uint64_t pl_hash[PC_PAGES];
};

/*
 * A block.  Pins keep its memory; they are taken under pc_lock and dropped
 * without.  A block that is dropped while pinned becomes an orphan: out of the
 * tree, freed with its last pin.
 */
struct pcblock {
	struct list pb_lru;      /* lru_lock, see pclru.h */
	struct pagecache *pb_pc; /* i: reference */
	uint64_t pb_index;       /* i */
	struct arena_mem pb_mem; /* i */
	bool pb_window;          /* i: lies in the window */
	bool pb_orphan;          /* pc_lock */
	_Atomic bool pb_free;    /* orphan: the last pin frees */
	_Atomic bool pb_used;    /* hit since the reclaimer came by */
	_Atomic uint32_t pb_pins;
	uint32_t pb_wired;    /* pc_lock: maps that show it */
	uint32_t pb_writers;  /* pc_lock: copies into it under way */
	uint32_t pb_valid;    /* pc_lock: pages with the file's data */
	uint32_t pb_busy;     /* pc_lock: pages in a fill */
	uint32_t pb_zero;     /* pc_lock: pages that nobody has touched, which
				 are all zeros and take no memory */
	uint32_t pb_writing;  /* pc_lock: pages that a writer is copying into;
				 those that are not valid are his alone */
	uint32_t pb_dirty;    /* pc_lock: pages with bytes to write */
	uint32_t pb_mapdirty; /* pc_lock: these by stores to a mapping */
	uint32_t pb_running;  /* pc_lock: pages in a run */
	uint32_t pb_uncommitted; /* pc_lock: the server may still lose them */
	uint32_t pb_committing;  /* pc_lock: these, and asked not to */
	struct pcsave *pb_save;  /* pc_lock: what of them; else NULL */
	uint32_t pb_loose; /* pc_lock: may be stored to unnoticed, pcloose.h */
	struct pcloose *pb_sent; /* pc_lock: what was sent of them, or NULL */
	struct list pb_fills;    /* pc_lock: of struct pcfill */
};

/*
 * Make pages of a memory file valid before they are written to: what the copy
 * does not reach, because it is short or faults, is zeros.  0 or ENOSPC.
 */
int pcblock_validate(struct pcblock *b, uint32_t mask)
    REQUIRES(b->pb_pc->pc_lock);
/* Valid pages in mask are going to be dropped. */
void pcblock_uncharge(struct pcblock *b, uint32_t mask)
    REQUIRES(b->pb_pc->pc_lock);
unsigned pcblock_count_pages(uint32_t mask);
/*
 * Pages in mask are going to have contents, or to be shown.  Whoever makes pages
 * valid, or writes to valid ones, calls this before.  0 or ENOMEM.
 */
int pcblock_reach(const struct pcblock *b, uint32_t mask)
    REQUIRES(b->pb_pc->pc_lock);
/* Is that so already, since the file was cut off? */
bool pcblock_reached(const struct pcblock *b, uint32_t mask)
    REQUIRES(b->pb_pc->pc_lock);

/* The cache of vp, or NULL; made at first use. */
struct pagecache *pagecache_peek(const struct vnode *vp);
struct pagecache *pagecache_of(struct vnode *vp);
void pagecache_ref(struct pagecache *pc);
void pagecache_unref(struct pagecache *pc);

/*
 * The block at index, made if there is none, pinned.  ENOMEM.  Enters and
 * leaves with pc_lock held, but gives it up meanwhile.
 */
int pcblock_get(struct pagecache *pc, uint64_t index, struct pcblock **bp)
    REQUIRES(pc->pc_lock);
/* The same; a new one is made for these pages. */
int pcblock_get_pages(struct pagecache *pc, uint64_t index, uint32_t pages,
    struct pcblock **bp) REQUIRES(pc->pc_lock);
struct pcblock *pcblock_find(struct pagecache *pc, uint64_t index)
    REQUIRES(pc->pc_lock);
void pcblock_pin(struct pcblock *b) REQUIRES(b->pb_pc->pc_lock);
void pcblock_unpin(struct pcblock *b);
/* Out of the tree: from here on no pins are added. */
void pcblock_unlink(struct pcblock *b) REQUIRES(b->pb_pc->pc_lock);
/* Out of the cache; freed when nobody has it pinned any more. */
void pcblock_drop(struct pcblock *b) REQUIRES(b->pb_pc->pc_lock);
/*
 * A map shows b: it stays, and does not stand in the reclaimer's way.
 */
void pcblock_wire(struct pcblock *b) REQUIRES(b->pb_pc->pc_lock);
void pcblock_unwire(struct pcblock *b) REQUIRES(b->pb_pc->pc_lock);
/* Pages in mask are going to have contents. */
void pcblock_touch(struct pcblock *b, uint32_t mask)
    REQUIRES(b->pb_pc->pc_lock);
/*
 * Pages in mask of b are going to be written to, of which those in zero were not
 * touched before: if that is all of it, fault them in at once.
 */
void pcblock_populate(struct pcblock *b, uint32_t mask, uint32_t zero);
/* A stream has read b and will not come back: first to be taken over. */
void pcblock_spend(struct pcblock *b);
/*
 * The file ends at size now.  Pages behind it that maps of other processes show
 * are accessible no more, and zeros as soon as the file is longer again.  False:
 * there are none, or they still are.
 */
bool pagecache_hide(struct pagecache *pc, off_t size) REQUIRES(pc->pc_lock);
/* Bytes that the cache may hold: a file that is larger streams through. */
off_t pcblock_capacity(void);
/*
 * Try to move a pinned loose block into the window, where maps want it.  Gives
 * pc_lock up meanwhile: whether b has become an orphan, or is busy and has not
 * moved, is to be looked at again.  0, ENOMEM or ERESTART.
 */
int pcblock_move(struct pcblock *b) REQUIRES(b->pb_pc->pc_lock);

/*
 * Make pages [lo, hi) of one block valid and pin it: fills for what is missing,
 * or zeros in a memory file.  The block lies in the window then.  cuts: pc_cuts
 * at a time before the caller has seen that they lie within the file; PC_CUT if
 * it has changed.  0, ERESTART, ENOMEM or the error of a fill; pc_lock is held on
 * return of 0 only.
 */
#define PC_CUT (-16) /* no errno, nor like ERESTART */
int pagecache_present(struct vnode *vp, struct pagecache *pc, off_t lo,
    off_t hi, kauth_cred_t cred, uint32_t cuts, struct pcblock **bp);

static inline char *
pcblock_page(const struct pcblock *b, unsigned page)
{
	return (char *)b->pb_mem.am_addr + (size_t)page * PC_PAGE;
}

/* Pages that take memory. */
static inline uint32_t
pcblock_touched(const struct pcblock *b)
{
	return ~b->pb_zero & PC_ALLPAGES;
}

/* Pages whose only good copy is here, or may be. */
static inline uint32_t
pcblock_unsaved(const struct pcblock *b)
{
	return b->pb_dirty | b->pb_running | b->pb_uncommitted |
	       b->pb_committing;
}

static inline off_t
pcblock_off(const struct pcblock *b)
{
	return (off_t)b->pb_index * PC_BLOCK;
}

static inline off_t
pc_page_ceil(off_t off)
{
	return ROUNDUP(off, PC_PAGE);
}

/* The bits of pages [first, last). */
static inline uint32_t
pc_page_mask(unsigned first, unsigned last)
{
	return (PC_ALLPAGES >> (PC_PAGES - (last - first))) << first;
}

/* The pages of block index that lie in [lo, hi). */
static inline uint32_t
pc_pages_within(uint64_t index, off_t lo, off_t hi)
{
	off_t base = (off_t)index * PC_BLOCK;
	off_t first = MAX(lo - base, 0), last = MIN(hi - base, PC_BLOCK);

	return pc_page_mask((unsigned)(first / PC_PAGE),
	    (unsigned)(pc_page_ceil(last) / PC_PAGE));
}

void pcblock_init(void);
/* For tests: change the limit to that of so many whole blocks; the number that
 * there are. */
void pcblock_setlimit(uint32_t blocks);
uint32_t pcblock_count(void);

#endif /* !VFS_PCBLOCK_H */
