/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hard limit of open files.  Numbers above it cannot be had from the host any
 * more, and processes that are made later need some.  So a program that lowers it
 * beyond the place of our descriptors changes what it is told, not the host's:
 * its soft limit, which the host enforces, can then not be raised above what it
 * has asked for, and the next image inherits that.
 *
 * Where the soft limit is as high as the hard one nothing would be left for us
 * once the program has all it may have.  So the host enforces a soft limit a bit
 * lower than what the program is told; no more than what those that try the limit
 * out take for their standard descriptors and libraries.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/nofile.h"
#include "preload/process.h"
#include "preload/text.h"

#define ROOM 4096   /* a limit that our descriptors stand below */
#define HEADROOM 24 /* at most, below the hard limit */

static rlim_t ceiling =
    RLIM_INFINITY; /* limit_lock: the program's hard limit */
static rlim_t
    asked; /* limit_lock: its soft limit, or 0 where that is the host's */

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

bool
nofile_has_headroom(void)
{
	return __atomic_load_n(&asked, __ATOMIC_RELAXED) != 0;
}

/* What the host may be told of the soft limit. */
static rlim_t
highest(const struct rlimit *host)
{
	rlim_t room = host->rlim_max / 8;

	return host->rlim_max - (room < HEADROOM ? room : HEADROOM);
}

/* The program's limit. */
static long
get_limit(struct rlimit *rl)
{
	long r = host_limit(NULL, rl);

	/* It may have been changed from outside. */
	if (r == 0 && rl->rlim_cur < asked && rl->rlim_cur == highest(rl))
		rl->rlim_cur = asked;
	if (r == 0 && rl->rlim_max > ceiling)
		rl->rlim_max = ceiling;
	return r;
}

/* Change the host's limit so that there is room above the soft one. */
static long
set_with_headroom(const struct rlimit *to)
{
	struct rlimit now = *to;
	long r;

	if (now.rlim_cur > highest(&now))
		now.rlim_cur = highest(&now);
	r = host_limit(&now, NULL);
	if (r == 0)
		asked = now.rlim_cur < to->rlim_cur ? to->rlim_cur : 0;
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
	if (!process_owns_memory())
		return host_limit(&now, NULL);
	r = set_with_headroom(&now);
	if (r == 0)
		ceiling = low ? to->rlim_max : RLIM_INFINITY;
	return r;
}

long
nofile_exchange(const struct rlimit *to, struct rlimit *was)
{
	long r = get_limit(was);

	return r == 0 && to != NULL ? set_limit(to) : r;
}

uint64_t
nofile_room(void)
{
	struct rlimit rl;

	return host_limit(NULL, &rl) == 0 ? highest(&rl) : 0;
}

size_t
nofile_exec_env(char *buf, size_t size)
{
	struct text t;

	if (ceiling == RLIM_INFINITY && asked == 0)
		return 0;
	text_init(&t, buf, size);
	text_put(&t, NOFILE_VARIABLE "=");
	text_udec(&t, ceiling < ROOM ? ceiling : ROOM);
	text_put(&t, " ");
	text_udec(&t, asked);
	return t.t_len;
}

/* A number that is no larger than most, or most. */
static const char *
take_number(const char *p, rlim_t most, rlim_t *number)
{
	*number = 0;
	for (; *p >= '0' && *p <= '9'; p++) {
		*number = *number * 10 + (rlim_t)(*p - '0');
		if (*number > most)
			*number = most;
	}
	return p;
}

void
nofile_take(const char *value)
{
	rlim_t number;

	value = take_number(value, ROOM, &number);
	if (number < ROOM)
		ceiling = number;
	if (*value == ' ')
		(void)take_number(value + 1, UINT32_MAX, &asked);
}

void
nofile_start(bool routes)
{
	struct rlimit rl;

	if (host_limit(NULL, &rl) != 0)
		return;
	if (rl.rlim_cur < asked && rl.rlim_cur == highest(&rl))
		rl.rlim_cur = asked < rl.rlim_max ? asked : rl.rlim_max;
	if (routes)
		(void)set_with_headroom(&rl);
	else if (asked != 0)
		(void)host_limit(&rl, NULL);
}
