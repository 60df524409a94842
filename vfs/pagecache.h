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
#include "rump/rumpabi.h"

#define PC_PAGE 4096
#define PC_BLOCK 65536

struct mount;
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

/*
 * One run of dirty bytes on its way to the file system: up to pc_wsize() bytes,
 * over as many blocks as that takes.  Pages in a run stay where they are; a
 * page is in one run at a time, so writes of one page never overtake each
 * other.  Reference counted by the cache.
 */
#define PC_WRITE_IOV 64

struct pcwrite {
	struct vnode *pw_vp;
	off_t pw_off;         /* of the first byte */
	size_t pw_len;        /* bytes; ends at or before the end of file */
	kauth_cred_t pw_cred; /* of whoever wrote */
	bool
	    pw_stable; /* wanted on stable storage at once: no commit follows */
	int pw_niov;
	struct rump_iovec pw_iov[PC_WRITE_IOV];
	void *pw_fsdata;     /* the file system's */
	_Atomic int pw_done; /* set by pagecache_write_done() */
	int pw_error;
	bool pw_committed; /* nothing is left to commit */
	uint64_t pw_verf;  /* else: the server's promise, see pc_commit */
	_Atomic uint32_t pw_refcnt;
	struct list pw_list; /* pc_lock */
	uint64_t pw_seq;     /* i: order of starting */
	bool pw_mapped;      /* i: has pages that were stored to in mappings */
	void *pw_buffer; /* i: owned, where the bytes are that have no page */
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

	/* Writing; all NULL when the file system cannot be written to. */

	/* The longest run that vp's file system wants at a time. */
	size_t (*pc_wsize)(struct vnode *vp);
	/*
	 * Start writing; must lead to exactly one pagecache_write_done(),
	 * possibly before it returns.  A short write is the file system's to
	 * continue.
	 */
	void (*pc_write)(struct pcwrite *pw);
	/* Sleep until pw->pw_done; 0 or ERESTART (the write goes on). */
	int (*pc_wait_write)(struct pcwrite *pw);
	/*
	 * Ask the server to keep what it has got for [lo, hi) (hi 0: to the
	 * end).  Sleeps.  0 and the verifier of the present server, or an errno.
	 */
	int (*pc_commit)(struct vnode *vp, off_t lo, off_t hi,
	    kauth_cred_t cred, uint64_t *verf);
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
 * Writing files that have a file system behind them.
 *
 * Written bytes are dirty until a run has taken them to the file system, and
 * held as uncommitted until pc_commit() returned the verifier that came with
 * the write; with any other verifier they are dirty again (the server has been
 * restarted and may have lost them).  Each dirty page knows one range of dirty
 * bytes; only those are written, so that two clients that write different bytes
 * of a page do not undo each other's more than the protocol makes inevitable.
 * A full run is written behind as soon as it is complete; the amount of dirty and
 * uncommitted data of all files is bounded, and writers wait at the bound.
 * What has been dirty for some seconds is written by a callout.
 *
 * An error of a delayed write is kept until it has been reported once to every
 * file that was open at the time (pagecache_error()); the pages are then
 * forgotten, except after errors that may go away by themselves; and while a
 * file has failed for want of space its writes are done at once, so that
 * ENOSPC and EDQUOT are seen by the write itself.
 */
void pagecache_write_done(
    struct pcwrite *pw, int error, bool committed, uint64_t verf);

/*
 * Write behind.  eof: the present end of file, which this may pass; the caller
 * serialises writers of the file, and moves its idea of the end by what
 * uio_offset says afterwards.  A page that is neither valid nor overwritten
 * whole nor behind eof is read first; where reading is refused the bytes go
 * through at once.  0, EFAULT, ENOMEM, ERESTART (only if nothing was moved), an
 * error of the file system.
 */
int pagecache_write_behind(
    struct vnode *vp, struct uio *uio, off_t eof, kauth_cred_t cred);
/* Is anything dirty, on its way, or uncommitted? */
bool pagecache_unsaved(struct vnode *vp);
/*
 * Write what is dirty in [lo, hi) (hi 0: to the end); with PCS_WAIT also wait
 * for it and commit.  0, ERESTART, or the error of a write that this has waited
 * for.
 */
#define PCS_WAIT 0x1
int pagecache_sync(struct vnode *vp, off_t lo, off_t hi, int flags);
/*
 * Errors of delayed writes: *seen is the caller's place in their sequence.
 * Returns the latest one behind it, or 0, and moves it.
 */
void pagecache_error_begin(struct vnode *vp, uint32_t *seen);
int pagecache_error(struct vnode *vp, uint32_t *seen);
/*
 * The file is going to end at size: writes beyond it that are on their way have
 * ended when this returns, what is dirty there is dropped, the rest of the last
 * page is zeros, and pages beyond it in mappings are no more accessible.  0 or
 * ERESTART.
 */
int pagecache_truncate(struct vnode *vp, off_t size);
/* Write everything of every vnode of mp (NULL: all), and wait if asked to. */
int pagecache_sync_mount(struct mount *mp, int flags);
/*
 * mp is gone: forget what is dirty or uncommitted, and say so.  What is on its
 * way ends in its own way.
 */
void pagecache_discard_mount(struct mount *mp);

/*
 * Drop [lo, hi) (hi 0: to the end); pages in a fill are dropped when it ends.
 * For a memory file this is truncation: the rest of lo's page is zeroed, and
 * pages that a program has mapped read as zeros.  For others lo is rounded
 * down to a page, mapped pages keep what they show until they are filled again,
 * and pages that are dirty, on their way or uncommitted stay.
 */
void pagecache_invalidate(struct vnode *vp, off_t lo, off_t hi);
/*
 * A memory file of size bytes is about to grow: what a program has written
 * behind its end through a mapping is not to appear.
 */
void pagecache_extend(struct vnode *vp, off_t size);
/*
 * Of memory files.  Make pages for [lo, hi), zeros where there was nothing: 0 or
 * ENOSPC, after which some may have been made.
 */
int pagecache_allocate(struct vnode *vp, off_t lo, off_t hi);
/* Zeros for [lo, hi), and holes where that is whole pages. */
void pagecache_punch(struct vnode *vp, off_t lo, off_t hi);
/* Move *offp forward to data or to a hole; there is one at eof.  0 or ENXIO. */
int pagecache_seek(struct vnode *vp, off_t eof, bool hole, off_t *offp);

/* Forget everything and free; from vop_reclaim.  Does not sleep for fills. */
void pagecache_destroy(struct vnode *vp);

/* Bytes that vp's cache holds; in whole blocks for a large file, unless that is
 * in memory. */
uint64_t pagecache_bytes(struct vnode *vp);
/* A memory file's data outlive its vnode: take them off, put them back. */
struct pagecache *pagecache_detach(struct vnode *vp);
void pagecache_attach(struct vnode *vp, struct pagecache *pc);
void pagecache_init(void);
/* Free a detached cache. */
void pagecache_free(struct pagecache *pc);

#endif /* !VFS_PAGECACHE_H */
