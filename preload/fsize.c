/* SPDX-License-Identifier: BSD-2-Clause */
/* Without a limit there is nothing to tell: that is how the kernel starts. */
#include "preload/fsize.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "preload/abi/time.h"
#include "preload/backend.h"
#include "preload/call.h"
#include "preload/route.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"

static atomic_bool told;

bool
fsize_is_told(void)
{
	return atomic_load_explicit(&told, memory_order_relaxed);
}

static bool
get_limit(struct rlimit *rl)
{
	return HOST(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, rl, 0, 0) == 0;
}

bool
fsize_allows(int64_t size)
{
	struct rlimit rl;

	return !get_limit(&rl) || (uint64_t)size <= rl.rlim_cur;
}

static void
tell_limit(const struct rlimit *host)
{
	struct rump_rlimit rl;
	int64_t args[BACKEND_SLOTS] = { RUMP_RLIMIT_FSIZE, (int64_t)&rl },
		retval[2];

	abi_rlimit_to_netbsd(host, &rl);
	atomic_store_explicit(&told, true, memory_order_relaxed);
	if (backend_reachable())
		(void)rump_backend_syscall(RUMP_SYS_setrlimit, args, retval);
}

void
fsize_begin(void)
{
	struct rlimit host;

	if (get_limit(&host) && host.rlim_cur != RLIM_INFINITY)
		tell_limit(&host);
}

/* Another process's has become that: of its kernel process nothing is known. */
static bool
concerns_me(const struct call *c)
{
	return c->nr != SYS_prlimit64 || (int)c->arg[0] == 0 ||
	       (int)c->arg[0] == HOST(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

static long
limit_after(struct call *c)
{
	long given = c->nr == SYS_prlimit64 ? c->arg[2] : c->arg[1];
	struct rlimit host;

	if (c->result == 0 && given != 0 && concerns_me(c) && get_limit(&host))
		tell_limit(&host);
	return c->result;
}

long
fsize_run(struct call *c)
{
	return c->nr == SYS_getrlimit ? CALL_TO_HOST
				      : route_to_host(c, limit_after);
}

void
fsize_exceeded(void)
{
	struct rlimit host;

	if (get_limit(&host) && host.rlim_cur != RLIM_INFINITY)
		HOST(SYS_tgkill, HOST(SYS_getpid, 0, 0, 0, 0, 0, 0),
		    HOST(SYS_gettid, 0, 0, 0, 0, 0, 0), SIGXFSZ, 0, 0, 0);
}
