/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this process shows of itself to others of its tree that look at /proc: which
 * of its numbers are the kernel's, and whether its working directory is.  A vfork
 * child, which has these for itself, shows nothing.
 */
#ifndef PRELOAD_SHOWN_H
#define PRELOAD_SHOWN_H

#include <stdbool.h>

struct fast_slot;
struct rfile;

/* Show it in the head of the first slot from now on; and no more. */
void shown_begin(struct fast_slot *first);
void shown_end(void);

/* What is at a number now; NULL: nothing of the kernel's. */
void shown_number(long number, const struct rfile *rf);
void shown_cwd(bool rump);

#endif /* !PRELOAD_SHOWN_H */
