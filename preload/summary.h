/* SPDX-License-Identifier: BSD-2-Clause */
/* What --summary prints when the program ends. */
#ifndef PRELOAD_SUMMARY_H
#define PRELOAD_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>

struct call;

/*
 * A call that was routed has ended, in the rump kernel (rump) or on the host,
 * to which it was left.
 */
void summary_count(
    const struct call *c, bool rump, bool refused, long result, uint64_t ns);
/* Monotonic time; 0 when no summary is wanted. */
uint64_t summary_clock(void);
/* Lines with the totals, the kernel's statistics and its sockets. */
void summary_print(void);

#endif /* !PRELOAD_SUMMARY_H */
