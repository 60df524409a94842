/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Advisory locks on vnodes, within this kernel: record locks owned by
 * processes or by open files (fcntl) and whole-file locks owned by open files
 * (flock).  The two kinds do not see each other.
 */
#ifndef VFS_LOCKF_H
#define VFS_LOCKF_H

#include "kern/types.h"
#include "rump/rumpabi.h"

struct file;
struct vnode;

/*
 * F_GETLK, F_SETLK or F_SETLKW of owner, or if that is NULL of the current
 * process; pos and size are what SEEK_CUR and SEEK_END mean.  0, EINVAL, EAGAIN,
 * ERESTART, ENOLCK; EDEADLK, where processes would wait for each other.
 */
int lockf_record(struct vnode *vp, struct file *owner, unsigned cmd,
    struct rump_flock *fl, off_t pos, off_t size);
/* flock(2) with LOCK_* in how.  0, EINVAL, EWOULDBLOCK, ERESTART, ENOLCK. */
int lockf_file(struct vnode *vp, struct file *fp, int how);
/* The file is closed for good: its locks end. */
void lockf_close(struct vnode *vp, struct file *fp);
/* The current process closed a descriptor of vp: its record locks end. */
void lockf_fdclose(struct vnode *vp);
/* The vnode goes: whatever locks are left go with it. */
void lockf_purge(struct vnode *vp);
void lockf_init(void);

#endif /* !VFS_LOCKF_H */
