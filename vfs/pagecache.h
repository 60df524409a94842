/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page cache.
 *
 * File data live in blocks of PC_BLOCK bytes, contiguous in memory and in one
 * sparse memfd owned by the host half (vfs/user.h), so that a mapping of a
 * rump file maps the very pages that read and write use.  A block knows which
 * of its pages are valid.  A mapped vnode owns a contiguous window of the
 * memfd and its blocks live there; other blocks lie anywhere.  Clean blocks are
 * reclaimed in LRU order above a limit; only touched pages are resident.
 *
 * Filling is asynchronous: the cache starts a fill for a run of pages of one
 * block and the file system completes it from whatever thread receives the
 * data.  A thread that needs the pages asks the file system to wait, so that
 * it can do the receiving itself.
 */
#ifndef VFS_PAGECACHE_H
#define VFS_PAGECACHE_H

#include "kern/cred.h"
#include "kern/queue.h"
#include "kern/types.h"

#define PC_PAGE 4096
#define PC_BLOCK 65536

struct uio;
struct vnode;

/* One run of pages being read; reference counted by the cache. */
struct pcfill {
	struct vnode *pf_vp;
	off_t pf_off;  /* page aligned, within one block */
	size_t pf_len; /* whole pages */
	void *pf_addr; /* kernel memory to put the bytes at */
	kauth_cred_t pf_cred;
	void *pf_fsdata;     /* the file system's */
	_Atomic int pf_done; /* set by pagecache_fill_done() */
	int pf_error;
	_Atomic uint32_t pf_refcnt;
	void *pf_block;
	struct list pf_list; /* pc_lock */
	uint32_t pf_dropped; /* pc_lock: pages invalidated meanwhile */
};

struct pagecacheops {
	/* Start reading; must lead to exactly one pagecache_fill_done(),
	 * possibly before it returns. */
	void (*pc_start)(struct pcfill *pf);
	/* Sleep until pf->pf_done; 0 or ERESTART (the fill goes on). */
	int (*pc_wait)(struct pcfill *pf);
	/*
	 * A batch of pc_start calls is complete, and nobody may be going to
	 * wait: send what pc_start has gathered.  NULL if it gathers nothing.
	 */
	void (*pc_flush)(struct vnode *vp);
};

/* got: bytes that were there; the rest of the run is zeroed.  error 0 or an
 * errno, which the waiting read gets; pages stay invalid then. */
void pagecache_fill_done(struct pcfill *pf, size_t got, int error);

/*
 * Read through the cache up to end of file eof, with readahead: up to ra_blocks
 * blocks beyond what is asked for are started when access is sequential.
 * 0 or EFAULT, EIO, ERESTART (only if nothing was moved).
 */
int pagecache_read(struct vnode *vp, struct uio *uio, off_t eof,
    unsigned ra_blocks, kauth_cred_t cred);

/*
 * Memory file systems have no vop_cacheops: what was never written reads as
 * zeros, and their pages are never reclaimed.
 *
 * Write into the cache of such a file: pages become valid.  0, EFAULT or
 * ENOSPC; what moved stays accounted.
 */
int pagecache_write(struct vnode *vp, struct uio *uio);

/*
 * Drop [lo, hi) (hi 0: to the end); pages in a fill are dropped when it ends.
 * For a memory file this is truncation: the rest of lo's page is zeroed, and
 * pages that a program has mapped read as zeros.  For others lo is rounded
 * down to a page, and mapped pages keep what they show until they are filled
 * again.
 */
void pagecache_invalidate(struct vnode *vp, off_t lo, off_t hi);
/*
 * A memory file of size bytes is about to grow: what a program has written
 * behind its end through a mapping is not to appear.
 */
void pagecache_extend(struct vnode *vp, off_t size);
/* Forget everything and free; from vop_reclaim.  Does not sleep for fills. */
void pagecache_destroy(struct vnode *vp);

/* Bytes that vp's cache holds; of a large file, in whole blocks. */
uint64_t pagecache_bytes(struct vnode *vp);
/* A memory file's data outlive its vnode: take them off, put them back. */
struct pagecache *pagecache_detach(struct vnode *vp);
void pagecache_attach(struct vnode *vp, struct pagecache *pc);
void pagecache_init(void);
/* Free a detached cache. */
void pagecache_free(struct pagecache *pc);

#endif /* !VFS_PAGECACHE_H */
