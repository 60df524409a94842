/* SPDX-License-Identifier: BSD-2-Clause */
/* UTIME_NOW and UTIME_OMIT have the same values on both systems. */
#include "preload/abi/time.h"

#include <errno.h>
#include <time.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "preload/abi/map.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"

_Static_assert(UTIME_NOW == RUMP_UTIME_NOW, "passed unchanged");
_Static_assert(UTIME_OMIT == RUMP_UTIME_OMIT, "passed unchanged");

void
abi_timespec_to_netbsd(const struct timespec *in, struct rump_timespec *out)
{
	*out = (struct rump_timespec){ in->tv_sec, in->tv_nsec };
}

void
abi_timespec_to_linux(const struct rump_timespec *in, struct timespec *out)
{
	*out =
	    (struct timespec){ .tv_sec = in->tv_sec, .tv_nsec = in->tv_nsec };
}

int
abi_timeval_to_netbsd(const struct timeval *in, struct rump_timeval *out)
{
	if (in->tv_usec < 0 || in->tv_usec >= 1000000)
		return EINVAL;
	*out = (struct rump_timeval){ in->tv_sec, (int32_t)in->tv_usec };
	return 0;
}

void
abi_timeval_to_linux(const struct rump_timeval *in, struct timeval *out)
{
	*out = (struct timeval){ .tv_sec = in->tv_sec, .tv_usec = in->tv_usec };
}

int
abi_timeval_to_timespec(const struct timeval *in, struct rump_timespec *out)
{
	if (in->tv_usec < 0 || in->tv_usec >= 1000000)
		return EINVAL;
	*out = (struct rump_timespec){ in->tv_sec, in->tv_usec * 1000 };
	return 0;
}

static const struct abi_pair clocks[] = {
	{ CLOCK_REALTIME, RUMP_CLOCK_REALTIME },
	{ CLOCK_MONOTONIC, RUMP_CLOCK_MONOTONIC },
	{ CLOCK_PROCESS_CPUTIME_ID, RUMP_CLOCK_PROCESS_CPUTIME_ID },
	{ CLOCK_THREAD_CPUTIME_ID, RUMP_CLOCK_THREAD_CPUTIME_ID },
};

static const struct abi_pair rlimits[] = {
	{ RLIMIT_CPU, RUMP_RLIMIT_CPU },
	{ RLIMIT_FSIZE, RUMP_RLIMIT_FSIZE },
	{ RLIMIT_DATA, RUMP_RLIMIT_DATA },
	{ RLIMIT_STACK, RUMP_RLIMIT_STACK },
	{ RLIMIT_CORE, RUMP_RLIMIT_CORE },
	{ RLIMIT_RSS, RUMP_RLIMIT_RSS },
	{ RLIMIT_MEMLOCK, RUMP_RLIMIT_MEMLOCK },
	{ RLIMIT_NPROC, RUMP_RLIMIT_NPROC },
	{ RLIMIT_NOFILE, RUMP_RLIMIT_NOFILE },
	{ RLIMIT_AS, RUMP_RLIMIT_AS },
};

static int
number_to_netbsd(const struct abi_pair *map, size_t n, int in, int *out)
{
	uint32_t value;

	if (!abi_to_netbsd(map, n, (uint32_t)in, &value))
		return EINVAL;
	*out = (int)value;
	return 0;
}

int
abi_clock_to_netbsd(int clock, int *out)
{
	return number_to_netbsd(clocks, ABI_NITEMS(clocks), clock, out);
}

int
abi_rlimit_id_to_netbsd(int resource, int *out)
{
	return number_to_netbsd(rlimits, ABI_NITEMS(rlimits), resource, out);
}

static uint64_t
limit_to_netbsd(uint64_t limit)
{
	return limit > RUMP_RLIM_INFINITY ? RUMP_RLIM_INFINITY : limit;
}

static uint64_t
limit_to_linux(uint64_t limit)
{
	return limit >= RUMP_RLIM_INFINITY ? RLIM_INFINITY : limit;
}

void
abi_rlimit_to_netbsd(const struct rlimit *in, struct rump_rlimit *out)
{
	out->rlim_cur = limit_to_netbsd(in->rlim_cur);
	out->rlim_max = limit_to_netbsd(in->rlim_max);
}

void
abi_rlimit_to_linux(const struct rump_rlimit *in, struct rlimit *out)
{
	out->rlim_cur = limit_to_linux(in->rlim_cur);
	out->rlim_max = limit_to_linux(in->rlim_max);
}
