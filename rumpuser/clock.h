/* SPDX-License-Identifier: BSD-2-Clause */
/* Host clocks, in a form that condition waits can use. */
#ifndef RUMPUSER_CLOCK_H
#define RUMPUSER_CLOCK_H

#include <stdint.h>

#define NSEC_PER_SEC 1000000000L

/* Find the way to read clocks without a system call; until then, with one. */
void clock_init(void);

/*
 * The monotonic time in nanoseconds that lies sec and nsec from now; a time
 * that does not fit is FUTEX_NEVER, a negative one is now.
 */
int64_t clock_deadline(int64_t sec, int64_t nsec);

/* Keep the calling thread, CPU and all, for that long. */
void clock_pause(long nsec);

#endif /* !RUMPUSER_CLOCK_H */
