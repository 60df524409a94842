/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_getpid: nanoseconds for getpid through the C API with an lwp bound,
 * without one, and for a native getppid(): "bound unbound native".
 */
#include <err.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "rump/rump.h"
#include "rump/rump_syscalls.h"

#define CALLS 2000000

static double
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static double
rump_calls(int32_t want)
{
	double before = now_ns();

	for (int i = 0; i < CALLS; i++)
		if (rump_sys_getpid() != want)
			errx(1, "getpid");
	return (now_ns() - before) / CALLS;
}

static double
native_calls(void)
{
	double before = now_ns();

	for (int i = 0; i < CALLS; i++)
		(void)getppid();
	return (now_ns() - before) / CALLS;
}

int
main(void)
{
	double bound, unbound;

	if (rump_init() != 0)
		errx(1, "rump_init");
	unbound = rump_calls(rump_sys_getpid());
	if (rump_pub_lwproc_rfork(RUMP_RFCFDG) != 0)
		errx(1, "rfork");
	bound = rump_calls(rump_sys_getpid());
	printf("%.2f %.2f %.2f\n", bound, unbound, native_calls());
	return 0;
}
