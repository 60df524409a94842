/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of the page cache: which blocks are kept, and which go first.  Memory
 * files' blocks stay and are not counted.
 *
 * What counts is memory: the touched pages of the blocks, so that many small
 * files, or pages read here and there, are as good as one large file.  The
 * number of blocks has a limit of its own for a host that has no more addresses
 * to give.
 */
#ifndef VFS_PCLRU_H
#define VFS_PCLRU_H

#include "vfs/pcblock.h"

/* b is in the tree from now on, or no more. */
void pclru_insert(struct pcblock *b) REQUIRES(b->pb_pc->pc_lock);
void pclru_remove(struct pcblock *b) REQUIRES(b->pb_pc->pc_lock);
/* A map shows b, or none does any more: it stays, and is in nobody's way. */
void pclru_wire(struct pcblock *b) REQUIRES(b->pb_pc->pc_lock);
void pclru_unwire(struct pcblock *b) REQUIRES(b->pb_pc->pc_lock);
/* n more pages of b, which is in the tree, are touched. */
void pclru_grow(struct pcblock *b, unsigned n) REQUIRES(b->pb_pc->pc_lock);

/* With one block and so many pages more, or only the pages, is there too much?
 */
bool pclru_over(unsigned pages);
bool pclru_over_pages(unsigned pages);
/*
 * A block that nobody has any more, off the tree: one that a stream has left
 * behind; the one that was used least recently; or NULL.  No pc_lock is held.
 */
struct pcblock *pclru_take_spent(void);
struct pcblock *pclru_take(void);
/* The host gives no more memory or addresses: make do with less, and leave some
 * to others. */
void pclru_tighten(void);

/* In pages: what there is, and what there may be. */
uint32_t pclru_pages(void);
uint32_t pclru_limit(void);
void pclru_setlimit(uint32_t pages);
void pclru_init(void);

#endif /* !VFS_PCLRU_H */
