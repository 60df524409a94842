/* SPDX-License-Identifier: BSD-2-Clause */
/* The attributes of an open FIFO of a rump kernel. */
#ifndef PRELOAD_FIFOSTAT_H
#define PRELOAD_FIFOSTAT_H

#include <stdint.h>

struct call;

/* After the host's fstat, stat, newfstatat or statx: what belongs to a FIFO of the
 * kernel's gets the attributes of its node.  The result for the program. */
long fifostat_after(struct call *c);

/* A call of the host's descriptor c->arg[0] that changes attributes: if that is of
 * such a FIFO, NetBSD call num (descriptor, a, b) changes the node.  Its result, or
 * CALL_TO_HOST. */
long fifostat_change(struct call *c, int num, int64_t a, int64_t b);

#endif /* !PRELOAD_FIFOSTAT_H */
