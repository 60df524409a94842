/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the page cache and the mappings of its files (map.c).
 *
 * A store to a shared mapping is noticed once: the page is shown read-only, the
 * first store faults, the page becomes dirty and writable.  It is made
 * inaccessible again before a run with it is sent, so that the next store is
 * noticed, too.
 */
#ifndef VFS_PCMAP_H
#define VFS_PCMAP_H

#include "kern/types.h"

struct pagecache;
struct vnode;

/*
 * The page cache's: [lo, hi), page aligned and within one or several blocks, is
 * going to be written to by the program.  Its pages become dirty up to the end
 * of file eof.  Short, does not sleep, since the caller holds a lock of the
 * host side; takes pc_lock.  0, or EAGAIN when a page is not valid (any more) or
 * wholly behind the end.
 */
int pagecache_map_dirty(struct vnode *vp, off_t lo, off_t hi, off_t eof);

/*
 * The mappings': what the program writes to [lo, hi) from now on is reported by
 * another pagecache_map_dirty().  What it has written before is in memory when
 * this returns.  No lock of the page cache is held.
 */
void pcmap_protect(struct pagecache *pc, off_t lo, off_t hi);
/* Does pcmap_protect() of this thread reach everybody who maps the file?  No
 * lock of the page cache is held. */
bool pcmap_alone(const struct pagecache *pc);
/* The file ends at size now: pages wholly behind it are not accessible until
 * they have been filled again.  No lock of the page cache is held. */
void pcmap_cut(struct pagecache *pc, off_t size);
/* The same of a memory file, whose pages there are zeros already, for the maps
 * of all processes. */
void pagecache_cut_maps(struct pagecache *pc, off_t size);

#endif /* !VFS_PCMAP_H */
