/* SPDX-License-Identifier: BSD-2-Clause */
/* Time: wall clock and monotonic, read from the host. */
#ifndef KERN_CLOCK_H
#define KERN_CLOCK_H

#include "kern/types.h"
#include "rump/rumpabi.h"

void getnanotime(struct rump_timespec *ts);
int64_t uptime_ns(void); /* monotonic, never 0 */

/* The moment delay_ns from now, saturating; never 0. */
int64_t deadline_after(int64_t delay_ns);
/* False when ts is negative or not normalised; saturates. */
bool timespec_to_ns(const struct rump_timespec *ts, int64_t *ns);

#endif /* !KERN_CLOCK_H */
