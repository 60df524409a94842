/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of the page cache: saving what is unsaved. */
#ifndef VFS_PCSYNC_H
#define VFS_PCSYNC_H

#include "kern/types.h"

struct mount;
struct pagecache;
struct vnode;

/* Something has become unsaved: it will be written after some seconds. */
void pcsync_arm(void);
/*
 * Writers have to wait until there is less unsaved data; vp's comes first.  0,
 * ERESTART, or the error of a write.
 */
int pcsync_throttle(struct vnode *vp, struct pagecache *pc);
/* Write all that is dirty in vp, and wait for it, but not for the commit. */
int pcsync_writeout(struct vnode *vp, struct pagecache *pc);
void pcsync_init(void);

#endif /* !VFS_PCSYNC_H */
