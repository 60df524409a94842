/* SPDX-License-Identifier: BSD-2-Clause */
/* Time: wall clock and monotonic, read from the host. */
#ifndef KERN_CLOCK_H
#define KERN_CLOCK_H

#include "kern/types.h"
#include "rump/rumpabi.h"

void getnanotime(struct rump_timespec *ts);
int64_t uptime_ns(void); /* monotonic, never 0 */

#endif /* !KERN_CLOCK_H */
