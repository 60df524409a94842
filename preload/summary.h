/* SPDX-License-Identifier: BSD-2-Clause */
/* What --summary prints when the program ends. */
#ifndef PRELOAD_SUMMARY_H
#define PRELOAD_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>

/* One routed call has ended in the rump kernel (rump) or was left to the
 * host. */
void summary_count(bool rump, bool refused, long nr, long result, uint64_t ns);
/* Monotonic time; 0 when no summary is wanted. */
uint64_t summary_clock(void);
void summary_print(void);

#endif /* !PRELOAD_SUMMARY_H */
