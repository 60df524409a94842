/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FIFOs.  A node of any file system has a FIFO of the host behind it, which has
 * no name there, and whoever opens the node opens that one: waiting for the
 * other end, readiness, SIGPIPE and inheritance are then the host's.
 */
#ifndef VFS_FIFO_H
#define VFS_FIFO_H

#include "kern/types.h"

struct file;
struct fileops;
struct mount;
struct vnode;

extern const struct fileops fifo_fileops;

/*
 * Make fp, whose opener has passed the checks for fflags, a file of FIFO vp;
 * fo_hostfd is an O_PATH descriptor, to be opened through the host's
 * /proc/self/fd, and all that the file is good for.  Only with O_ALT_IO, from
 * those who know (EOPNOTSUPP), and who may both read and write it: the host
 * cannot tell them apart (EOPNOTSUPP, too).  ENFILE, and errors of the host.
 */
int fifo_open(struct vnode *vp, int fflags, struct file *fp);

/*
 * The node whose FIFO is open somewhere: name is DEVICE.NUMBER, in hexadecimal
 * digits, as the host's FIFO was called (vfs/user.h).  Make fp a file of it that
 * fstat(2), fchmod(2), fchown(2) and futimens(2) can be used on, and nothing
 * else.  ENOENT: its last name has gone.
 */
int fifo_openanew(const char *name, struct file *fp);

/* A name of vp has been removed: was it the last? */
void fifo_removed(struct vnode *vp);
/* There will be no vnode of mp any more. */
void fifo_unmounted(const struct mount *mp);
void fifo_init(void);

#endif /* !VFS_FIFO_H */
