/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages that a program may be storing to unnoticed; see pcloose.c. */
#ifndef VFS_PCLOOSE_H
#define VFS_PCLOOSE_H

#include "vfs/pcblock.h"

/* Stores to pages in mask have been noticed, and more may follow. */
void pcloose_note(struct pcblock *b, uint32_t mask) REQUIRES(b->pb_pc->pc_lock);
/* All of pages in mask is going to be sent, or has been read.  kept: some may
 * still store to them. */
void pcloose_settle(struct pcblock *b, uint32_t mask, bool kept)
    REQUIRES(b->pb_pc->pc_lock);
/* What has been stored since is dirty. */
void pcloose_collect(struct pagecache *pc) REQUIRES(pc->pc_lock);
/* The same of pages in mask, which may be invalid: then they are not read. */
void pcloose_collect_block(struct pcblock *b, uint32_t mask)
    REQUIRES(b->pb_pc->pc_lock);
/* Nobody can store to b's pages any more: the same, for the last time. */
void pcloose_end(struct pcblock *b) REQUIRES(b->pb_pc->pc_lock);

#endif /* !VFS_PCLOOSE_H */
