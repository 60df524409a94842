/* SPDX-License-Identifier: BSD-2-Clause */
/* Limits of resources are the host's, but for two that we have a hand in. */
#include <sys/resource.h>

#include "preload/call.h"
#include "preload/fsize.h"
#include "preload/nofile.h"
#include "preload/route.h"
#include "syscall_table/linux_routes.h"

static long
limit_run(struct call *c, int resource)
{
	switch (resource) {
	case RLIMIT_NOFILE:
		return nofile_run(c);
	case RLIMIT_FSIZE:
		return fsize_run(c);
	default:
		return CALL_TO_HOST;
	}
}

static long
rlimit_run(struct call *c)
{
	return limit_run(c, (int)c->arg[0]);
}
ROUTE(getrlimit, rlimit_run)
ROUTE(setrlimit, rlimit_run)

static long
prlimit64_run(struct call *c)
{
	return limit_run(c, (int)c->arg[1]);
}
ROUTE(prlimit64, prlimit64_run)
