/* SPDX-License-Identifier: BSD-2-Clause */
/* What --summary counts, and prints when the program ends. */
#ifndef PRELOAD_SUMMARY_H
#define PRELOAD_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>

#include "sysproxy/fast.h"

struct call;
struct remote;

/* A program begins: there is a kernel. */
void summary_begin(void);
/* A server has given rm's process the area that is descriptor fd: from now on
 * its counts go there; and not any more, the server has them. */
void summary_attach(struct remote *rm, int fd);
void summary_detach(struct remote *rm);
/* We are a forked child. */
void summary_forked(void);
/* The program is about to end, or to execute another one: what could not be
 * counted where others see it is, now. */
void summary_settle(void);

/*
 * A call that was routed has ended, in the rump kernel (rump) or on the host,
 * to which it was left.
 */
void summary_count(
    const struct call *c, bool rump, bool refused, long result, uint64_t ns);
/* Monotonic time; 0 when no summary is wanted. */
uint64_t summary_clock(void);
/* The numbers so far, of this process. */
void summary_numbers(uint64_t number[COUNT_N]);

/* Lines with the totals, the kernel's statistics and its sockets; of a tree by
 * the process that rumpkit became, by others nothing (summary_print.c). */
void summary_print(void);

#endif /* !PRELOAD_SUMMARY_H */
