/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Working and root directory of a process, or of several that share them.  A
 * process that never changed them and shares them with none has no cwdinfo and
 * stands at the root of the name space.
 */
#ifndef VFS_CWD_H
#define VFS_CWD_H

#include "kern/lwp.h"

struct vnode;

/* Referenced; of the current process. */
struct vnode *cwd_get(void);
struct vnode *cwd_root(void);
/* Take over a reference. */
void cwd_set(struct vnode *vp);
void cwd_set_root(struct vnode *vp);
/* Does the current process share them with another one? */
bool cwd_is_shared(void);
/*
 * The path of directory dvp below directory root (cwd_path(): the root directory of
 * the process), into the end of buf: *start is where it begins, at buf[size - 1]
 * stands the NUL.  ENOENT if dvp has no path, ERANGE if it does not fit.
 */
int cwd_path(struct vnode *dvp, char *buf, size_t size, char **start);
int cwd_path_below(struct vnode *root, struct vnode *dvp, char *buf,
    size_t size, char **start);

/*
 * The path of vp in the whole name space, as far as its names are known without
 * asking anybody, in the end of buf; that of its mount if none is.
 */
const char *cwd_known_path(struct vnode *vp, char *buf, size_t size);

void cwd_init(void);

#endif /* !VFS_CWD_H */
