/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of the page cache: starting fills and waiting for them. */
#ifndef VFS_PCFILL_H
#define VFS_PCFILL_H

#include "vfs/pcblock.h"

/*
 * Start fills for what is missing in [lo, hi), page aligned.  The first one is
 * handed to the caller in *firstp, with a reference, if that is NULL.  An error
 * (ENOMEM) counts only if not even the first block could be had.
 */
int pcfill_start(struct vnode *vp, struct pagecache *pc, off_t lo, off_t hi,
    kauth_cred_t cred, struct pcfill **firstp);
/* The fill that a busy page is in, with a reference. */
struct pcfill *pcfill_find(struct pcblock *b, unsigned page)
    REQUIRES(b->pb_pc->pc_lock);
/* Let the file system wait; takes the reference over.  0, ERESTART or the
 * fill's error. */
int pcfill_wait(struct pagecache *pc, struct pcfill *pf);
void pcfill_unref(struct pcfill *pf);
void pcfill_init(void);

#endif /* !VFS_PCFILL_H */
