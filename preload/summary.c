/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counters are touched only when a summary is wanted.  Time in the kernel
 * includes what it waited for.
 */
#include "preload/summary.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>

#include "preload/call.h"
#include "preload/config.h"
#include "preload/kernel.h"
#include "preload/text.h"
#include "preload/trace.h"

static _Atomic(uint64_t) routed, passed, refused_calls, failed;
static _Atomic(uint64_t) bytes_in, bytes_out, time_ns;

uint64_t
summary_clock(void)
{
	struct timespec ts;

	if (!config.cf_summary)
		return 0;
	HOST(SYS_clock_gettime, CLOCK_MONOTONIC, &ts, 0, 0, 0, 0);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void
count_bytes(long nr, uint64_t n)
{
	switch (nr) {
	case SYS_read:
	case SYS_pread64:
	case SYS_readv:
	case SYS_preadv:
	case SYS_preadv2:
	case SYS_recvfrom:
	case SYS_recvmsg:
		atomic_fetch_add(&bytes_in, n);
		break;
	case SYS_write:
	case SYS_pwrite64:
	case SYS_writev:
	case SYS_pwritev:
	case SYS_pwritev2:
	case SYS_sendto:
	case SYS_sendmsg:
		atomic_fetch_add(&bytes_out, n);
		break;
	default:
		break;
	}
}

void
summary_count(bool rump, bool refused, long nr, long result, uint64_t ns)
{
	if (!config.cf_summary)
		return;
	if (refused) {
		atomic_fetch_add(&refused_calls, 1);
		return;
	}
	if (!rump) {
		atomic_fetch_add(&passed, 1);
		return;
	}
	atomic_fetch_add(&routed, 1);
	atomic_fetch_add(&time_ns, ns);
	if (result < 0)
		atomic_fetch_add(&failed, 1);
	else
		count_bytes(nr, (uint64_t)result);
}

static void
put_number(struct text *t, uint64_t n, const char *what)
{
	text_udec(t, n);
	text_put(t, what);
}

static void
print_counter(const char *name, const char *help, uint64_t value, void *arg)
{
	char line[160];
	struct text t;

	if (value == 0)
		return;
	text_init(&t, line, sizeof(line));
	text_put(&t, "summary: ");
	text_put(&t, name);
	text_char(&t, ' ');
	text_udec(&t, value);
	trace_line(line);
}

void
summary_print(void)
{
	uint64_t us = atomic_load(&time_ns) / 1000;
	char line[256];
	struct text t;

	/* A forked child that touched nothing has nothing to tell. */
	if (!config.cf_summary || (!engine_is_owner() && routed == 0))
		return;
	text_init(&t, line, sizeof(line));
	text_put(&t, "summary: ");
	put_number(&t, routed, " calls routed (");
	put_number(&t, failed, " failed), ");
	put_number(&t, passed, " passed through, ");
	put_number(&t, refused_calls, " refused; ");
	put_number(&t, bytes_in, " bytes in, ");
	put_number(&t, bytes_out, " bytes out; ");
	put_number(&t, us / 1000, ".");
	text_put(&t, us % 1000 < 100 ? us % 1000 < 10 ? "00" : "0" : "");
	put_number(&t, us % 1000, " ms in the kernel");
	trace_line(line);
	if (kernel.k_stats != NULL)
		kernel.k_stats(print_counter, NULL);
}
