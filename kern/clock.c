/* SPDX-License-Identifier: BSD-2-Clause */
#include "kern/clock.h"

#include "kern/libkern.h"
#include "rump/rumpuser.h"

#define NSEC 1000000000

void
getnanotime(struct rump_timespec *ts)
{
	int64_t sec = 0;
	long nsec = 0;

	(void)rumpuser_clock_gettime(RUMPUSER_CLOCK_RELWALL, &sec, &nsec);
	ts->tv_sec = sec;
	ts->tv_nsec = nsec;
}

int64_t
uptime_ns(void)
{
	int64_t sec = 0, ns;
	long nsec = 0;

	(void)rumpuser_clock_gettime(RUMPUSER_CLOCK_ABSMONO, &sec, &nsec);
	ns = sec * NSEC + nsec;
	return ns == 0 ? 1 : ns;
}

int64_t
deadline_after(int64_t delay_ns)
{
	int64_t now = uptime_ns(), deadline;

	if (__builtin_add_overflow(now, MAX(delay_ns, 0), &deadline))
		return INT64_MAX;
	return deadline;
}

bool
timespec_to_ns(const struct rump_timespec *ts, int64_t *ns)
{
	if (ts->tv_sec < 0 || ts->tv_nsec < 0 || ts->tv_nsec >= NSEC)
		return false;
	if (ts->tv_sec >= INT64_MAX / NSEC)
		*ns = INT64_MAX;
	else
		*ns = ts->tv_sec * NSEC + ts->tv_nsec;
	return true;
}
