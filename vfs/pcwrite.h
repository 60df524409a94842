/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of the page cache: runs of dirty bytes on their way to the file
 * system. */
#ifndef VFS_PCWRITE_H
#define VFS_PCWRITE_H

#include "vfs/pcblock.h"

/* If a run has all that is unsaved, it is to be on stable storage at once. */
#define PCW_STABLE 0x1

/*
 * Start runs for what is dirty in [lo, hi) and not in a run already; true if
 * there was something that was.  Does not wait for them.
 */
bool pcwrite_start(
    struct vnode *vp, struct pagecache *pc, off_t lo, off_t hi, unsigned flags);
/* The oldest run in [lo, hi) that is not younger than seq, with a reference. */
struct pcwrite *pcwrite_find(struct pagecache *pc, off_t lo, off_t hi,
    uint64_t seq) REQUIRES(pc->pc_lock);
/* Let the file system wait; takes the reference over.  0, ERESTART, or the
 * error of the run. */
int pcwrite_wait(struct pagecache *pc, struct pcwrite *pw);
/*
 * Write len <= PC_PAGE bytes at buf, which are in no page, to stable storage,
 * and wait.  0, ERESTART, or the error.
 */
int pcwrite_through(struct vnode *vp, struct pagecache *pc, off_t off,
    const void *buf, size_t len, kauth_cred_t cred);
/* Errors that say nothing about the data: it is tried again. */
bool pcwrite_passes(int error);
void pcwrite_unref(struct pcwrite *pw);
void pcwrite_init(void);

#endif /* !VFS_PCWRITE_H */
