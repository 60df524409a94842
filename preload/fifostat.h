/* SPDX-License-Identifier: BSD-2-Clause */
/* The attributes of an open FIFO of a rump kernel. */
#ifndef PRELOAD_FIFOSTAT_H
#define PRELOAD_FIFOSTAT_H

struct call;

/* After the host's fstat, stat, newfstatat or statx: what belongs to a FIFO of the
 * kernel's gets the numbers of its node.  The result for the program. */
long fifostat_after(struct call *c);

#endif /* !PRELOAD_FIFOSTAT_H */
