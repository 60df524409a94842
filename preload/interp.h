/* SPDX-License-Identifier: BSD-2-Clause */
/* Dynamic linkers that lie in the kernel. */
#ifndef PRELOAD_INTERP_H
#define PRELOAD_INTERP_H

struct call;

/*
 * The program of which copy, not yet sealed, has the size bytes: if its dynamic
 * linker lies in the kernel, *linker becomes a copy of that, close-on-exec, which
 * the host finds by the program's copy as long as it is open; else -1.  0, or an
 * error of rump_call().
 */
int interp_give(struct call *c, long copy, long size, long *linker);

#endif /* !PRELOAD_INTERP_H */
