/* SPDX-License-Identifier: BSD-2-Clause */
/* ioctl(2) on files of a rump kernel. */
#ifndef PRELOAD_FILEIOCTL_H
#define PRELOAD_FILEIOCTL_H

struct call;
struct rfile;

/* What is for any kind of descriptor has been dealt with; ENOTTY for the rest. */
long fileioctl(struct call *c, struct rfile *rf);

#endif /* !PRELOAD_FILEIOCTL_H */
