/* SPDX-License-Identifier: BSD-2-Clause */
#include "rumpuser/futex.h"

#include <errno.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>

#include "rump/rumpuser_host.h"

#include "rumpuser/clock.h"

bool
futex_sleep(_Atomic uint32_t *word, uint32_t expect, int64_t deadline_ns)
{
	struct timespec ts, *tsp;
	long result;

	tsp = NULL;
	if (deadline_ns != FUTEX_NEVER) {
		ts.tv_sec = deadline_ns / NSEC_PER_SEC;
		ts.tv_nsec = deadline_ns % NSEC_PER_SEC;
		tsp = &ts;
	}
	result = rumpuser_host_syscall(SYS_futex, word,
	    FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expect, tsp, NULL,
	    FUTEX_BITSET_MATCH_ANY);
	return result == -ETIMEDOUT;
}

void
futex_wake(_Atomic uint32_t *word, int n)
{
	rumpuser_host_syscall(
	    SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, n, NULL, NULL, 0);
}
