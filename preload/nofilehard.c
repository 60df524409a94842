/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hard limit of open files.  Numbers above it cannot be had from the host any
 * more, and processes that are made later need some.  So a program that lowers it
 * beyond the place of our descriptors changes what it is told, not the host's:
 * its soft limit, which the host enforces, can then not be raised above what it
 * has asked for, and the next image inherits that.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/nofile.h"
#include "preload/process.h"
#include "preload/text.h"

#define ROOM 4096 /* a limit that our descriptors stand below */

static rlim_t ceiling =
    RLIM_INFINITY; /* limit_lock: the program's hard limit */

static long
host_limit(const struct rlimit *to, struct rlimit *was)
{
	return HOST(SYS_prlimit64, 0, RLIMIT_NOFILE, to, was, 0, 0);
}

static bool
may_raise(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3,
		0 };
	struct __user_cap_data_struct data[2];

	return HOST(SYS_capget, &head, data, 0, 0, 0, 0) == 0 &&
	       (data[0].effective & 1U << CAP_SYS_RESOURCE) != 0;
}

/* The program's limit. */
static long
get_limit(struct rlimit *rl)
{
	long r = host_limit(NULL, rl);

	if (r == 0 && rl->rlim_max > ceiling)
		rl->rlim_max = ceiling;
	return r;
}

static long
set_limit(const struct rlimit *to)
{
	struct rlimit host, now;
	bool low = to->rlim_max < ROOM && process_owns_memory();
	long r = host_limit(NULL, &host);

	if (r != 0)
		return r;
	if (to->rlim_cur > to->rlim_max)
		return -EINVAL;
	if (to->rlim_max > ceiling && !may_raise())
		return -EPERM;
	now = *to;
	if (low && now.rlim_max < host.rlim_max)
		now.rlim_max = host.rlim_max;
	r = host_limit(&now, NULL);
	if (r == 0 && process_owns_memory())
		ceiling = low ? to->rlim_max : RLIM_INFINITY;
	return r;
}

long
nofile_exchange(const struct rlimit *to, struct rlimit *was)
{
	long r = get_limit(was);

	return r == 0 && to != NULL ? set_limit(to) : r;
}

size_t
nofile_exec_env(char *buf, size_t size)
{
	struct text t;

	if (ceiling == RLIM_INFINITY)
		return 0;
	text_init(&t, buf, size);
	text_put(&t, NOFILE_VARIABLE "=");
	text_udec(&t, ceiling);
	return t.t_len;
}

void
nofile_take(const char *value)
{
	rlim_t number = 0;

	for (; *value >= '0' && *value <= '9' && number < ROOM; value++)
		number = number * 10 + (rlim_t)(*value - '0');
	if (number < ROOM)
		ceiling = number;
}
