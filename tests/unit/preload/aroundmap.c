/* SPDX-License-Identifier: BSD-2-Clause */
#include "aroundmap.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload/backend.h"
#include "preload/call.h"
#include "preload/cwd.h"
#include "preload/dirs.h"
#include "preload/engine/engine.h"
#include "preload/engine/thread.h"
#include "preload/namespace.h"
#include "preload/process.h"
#include "preload/route.h"
#include "preload/usercopy.h"

bool watched;
int complaints;

const struct linux_call linux_calls[] = {
	[SYS_read] = { .lc_fd = 0, .lc_fd2 = -1 },
	[SYS_close] = { .lc_fd = 0, .lc_fd2 = -1 },
	[SYS_dup2] = { .lc_fd = 0, .lc_fd2 = 1 },
	[SYS_splice] = { .lc_fd = 0, .lc_fd2 = 2 },
};
const unsigned linux_ncalls = sizeof(linux_calls) / sizeof(linux_calls[0]);

static long
raw_call(long nr, long a, long b, long c, long d, long e, long f)
{
	long r = syscall(nr, a, b, c, d, e, f);

	return r < 0 ? -errno : r;
}

long (*host_call)(long, long, long, long, long, long, long) = raw_call;

__thread struct thread engine_thread;

bool
process_owns_memory(void)
{
	return !engine_thread.t_borrowed;
}

bool
process_owns_table(void)
{
	return !engine_thread.t_borrowed || engine_thread.t_view != NULL;
}

bool
backend_reachable(void)
{
	return true;
}

bool
engine_is_threaded(void)
{
	return true;
}

void
engine_say(const char *fmt, ...)
{
	complaints++;
}

void
engine_watch_descriptors(void)
{
	watched = true;
}

void
dirpos_destroy(struct dirpos *dp)
{
}

void
dirpos_forked(struct dirpos *dp)
{
}

long
route_run(struct call *c, long (*fn)(struct call *))
{
	return fn(c);
}

int
usercopy_in(void *dst, const void *uaddr, size_t len)
{
	memcpy(dst, uaddr, len);
	return 0;
}

int
usercopy_out(const void *src, void *uaddr, size_t len)
{
	memcpy(uaddr, src, len);
	return 0;
}

int
cwd_rule(void)
{
	return NS_HOST;
}
