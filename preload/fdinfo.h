/* SPDX-License-Identifier: BSD-2-Clause */
/* What /proc says of open files: /proc/PID/fdinfo/N. */
#ifndef PRELOAD_FDINFO_H
#define PRELOAD_FDINFO_H

struct call;

/*
 * The host has opened descriptor fd by the path at upath.  If that tells of a file
 * of the kernel's, of this process or another of its tree, what the host says of
 * the placeholder is replaced.  fd, or -errno, and then fd is closed.
 */
long fdinfo_opened(struct call *c, long fd, long upath, long flags);

#endif /* !PRELOAD_FDINFO_H */
