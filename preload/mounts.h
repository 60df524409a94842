/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables of mounts that a program reads: /proc/self/mounts and mountinfo. */
#ifndef PRELOAD_MOUNTS_H
#define PRELOAD_MOUNTS_H

struct call;

/*
 * The host has opened descriptor fd by the path at upath.  If that is a table of
 * this process's mounts, the kernel's are added to it.  fd, or -errno, and then fd
 * is closed.
 */
long mounts_opened(struct call *c, long fd, long upath, long flags);

#endif /* !PRELOAD_MOUNTS_H */
