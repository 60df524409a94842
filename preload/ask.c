/* SPDX-License-Identifier: BSD-2-Clause */
#include "preload/ask.h"

#include "preload/backend.h"
#include "preload/kernel.h"
#include "rump/rumpdefs.h"

#define EXPORT __attribute__((__visibility__("default")))

EXPORT int
rumphijack_report(
    const char *name, void (*func)(const char *, size_t, void *), void *arg)
{
	if (kernel.k_report == NULL || !backend_reachable())
		return RUMP_ENXIO;
	return kernel.k_report(name, func, arg);
}

EXPORT int
rumphijack_syscall(int num, const int64_t *args, int64_t retval[2])
{
	if (kernel.k_syscall == NULL || !backend_reachable())
		return RUMP_ENXIO;
	return (int)rump_backend_syscall(num, args, retval);
}
