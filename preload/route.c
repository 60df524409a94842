/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scratch[0]  the route's own "after"
 * scratch[1]  first place, scratch[2] second place
 * scratch[3]  note (48 bits), rule + 1 (8 bits), marks (8 bits)
 * scratch[4]  text of the arguments, when traced
 * from scratch[5] on the route's own
 */
#include "preload/route.h"

#include <errno.h>

#include "preload/abi/errno.h"
#include "preload/config.h"
#include "preload/engine/engine.h"
#include "preload/fdmap.h"
#include "preload/fsize.h"
#include "preload/memory.h"
#include "preload/pool.h"
#include "preload/process.h"
#include "preload/remote.h"
#include "preload/resolve.h"
#include "preload/summary.h"
#include "preload/trace.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

#define NOTE_MASK 0xffffffffffffUL
#define RULE_SHIFT 48
#define MARK_RUMP (1UL << 56)
#define MARK_REFUSED (1UL << 57)
#define MARK_UNBEGUN (1UL << 58)

#define EFAULT_TRIES 3

static struct pool places = POOL_INIT(sizeof(struct place), 16 * 1024);

void
route_note(struct call *c, const char *note)
{
	c->scratch[3] =
	    (c->scratch[3] & ~NOTE_MASK) | (uintptr_t)note | MARK_REFUSED;
}

void
route_mark_rump(struct call *c, int rule)
{
	c->scratch[3] |= MARK_RUMP;
	if (rule >= 0)
		c->scratch[3] = (c->scratch[3] & ~(0xffUL << RULE_SHIFT)) |
				(uint64_t)(rule + 1) << RULE_SHIFT;
}

void
route_mark_host(struct call *c)
{
	c->scratch[3] &= ~(MARK_RUMP | 0xffUL << RULE_SHIFT);
}

long
route_to_host(struct call *c, long (*after)(struct call *))
{
	c->after = after;
	return CALL_TO_HOST;
}

struct place *
place_create(void)
{
	struct place *pl = pool_get(&places);

	if (pl != NULL)
		place_init(pl);
	return pl;
}

void
place_destroy(struct place *pl)
{
	place_fini(pl);
	pool_put(&places, pl);
}

static struct place *
place_get_at(struct call *c, int i)
{
	struct place *pl = place_create();

	c->scratch[i] = (uintptr_t)pl;
	return pl;
}

struct place *
place_get(struct call *c)
{
	return place_get_at(c, 1);
}

struct place *
place_get_second(struct call *c)
{
	return place_get_at(c, 2);
}

struct place *
route_place(const struct call *c)
{
	return (struct place *)c->scratch[1];
}

struct place *
route_second_place(const struct call *c)
{
	return (struct place *)c->scratch[2];
}

static void
release(struct call *c)
{
	for (int i = 1; i <= 2; i++) {
		struct place *pl = (struct place *)c->scratch[i];

		if (pl != NULL)
			place_destroy(pl);
		c->scratch[i] = 0;
	}
	if (c->scratch[4] != 0)
		pool_put(&pathbufs, (void *)c->scratch[4]);
	c->scratch[4] = 0;
}

static void
trace_result(const struct call *c, long result, bool rump, bool refused)
{
	int rule = (int)(c->scratch[3] >> RULE_SHIFT & 0xff) - 1;
	const char *note = (const char *)(c->scratch[3] & NOTE_MASK);

	if (!trace_wants(c, rump, refused))
		return;
	trace_call(c, (const char *)c->scratch[4], result,
	    rump ? "rump" : "host",
	    rule >= 0 ? resolve_rule_name(rule)
	    : rump    ? "fd"
		      : NULL,
	    note);
}

static long
finish(struct call *c, long result, uint64_t ns)
{
	bool rump = (c->scratch[3] & MARK_RUMP) != 0;
	bool refused = (c->scratch[3] & MARK_REFUSED) != 0;

	/* Who is killed has counted what it did; the line takes longer. */
	summary_count(c, rump, refused, result, ns);
	if (c->scratch[4] != 0)
		trace_result(c, result, rump, refused);
	release(c);
	return result;
}

static long
route_after(struct call *c)
{
	long (*after)(struct call *) = (long (*)(struct call *))c->scratch[0];

	return finish(c, after != NULL ? after(c) : c->result, 0);
}

static bool
must_finish(const struct call *c)
{
	return c->after != NULL || c->scratch[1] != 0 || c->scratch[2] != 0 ||
	       c->scratch[4] != 0 || config.cf_summary;
}

static void
start(struct call *c)
{
	c->after = NULL;
	for (int i = 0; i <= 4; i++)
		c->scratch[i] = 0;
	if (config.cf_trace == 0)
		return;
	c->scratch[4] = (uintptr_t)pool_get(&pathbufs);
	if (c->scratch[4] != 0)
		trace_arguments(c, (char *)c->scratch[4], PATHBUF_SIZE);
}

long
route_exec(struct call *c, long *fd, long (*fn)(struct call *, long *))
{
	struct call asked = *c;
	uint64_t since = summary_clock();
	long result;

	start(&asked);
	c->scratch[3] = 0;
	result = fn(c, fd);
	asked.scratch[3] = c->scratch[3];
	if (result != 0 || asked.scratch[3] != 0)
		return finish(&asked, result, summary_clock() - since);
	release(&asked);
	return 0;
}

long
route_run(struct call *c, long (*fn)(struct call *))
{
	uint64_t since = summary_clock();
	bool unbegun;
	long result;

	start(c);
	result = fn(c);
	if (result != CALL_TO_HOST) {
		c->after = NULL;
		unbegun = (c->scratch[3] & MARK_UNBEGUN) != 0;
		result = finish(c, result, summary_clock() - since);
		return result == CALL_RESTART && unbegun ? CALL_AGAIN : result;
	}
	if (must_finish(c)) {
		c->scratch[0] = (uintptr_t)c->after;
		c->after = route_after;
	}
	return result;
}

int
rump_call(
    struct call *c, int num, const int64_t args[BACKEND_SLOTS], int64_t *value)
{
	int64_t retval[2];
	long error;

	if (!backend_reachable())
		return process_refuse(c);
	route_mark_rump(c, -1);
	error = rump_backend_syscall(num, args, retval);
	/* More than once: another thread's faults may take pages away. */
	for (int i = 0; i < EFAULT_TRIES && error == RUMP_EFAULT; i++) {
		if (!router_efault(c))
			break;
		error = rump_backend_syscall(num, args, retval);
	}
	if (error == 0) {
		if (value != NULL)
			*value = retval[0];
		return 0;
	}
	/* What the server has not heard of is not what a signal ended. */
	c->scratch[3] &= ~MARK_UNBEGUN;
	if (error == RUMP_ERESTART && remote_unbegun)
		c->scratch[3] |= MARK_UNBEGUN;
	if (error == RUMP_ERESTART)
		return ROUTE_RESTART;
	if (error == RUMP_ENAMESPACE)
		return ROUTE_ESCAPED;
	if (error == RUMP_EFBIG)
		fsize_exceeded();
	return abi_errno_to_linux((int)error);
}

long
route_result(int error, int64_t value)
{
	if (error == 0)
		return value;
	if (error == ROUTE_RESTART)
		return CALL_RESTART;
	/* An escape from a call without a path cannot be followed. */
	return error == ROUTE_ESCAPED ? -ENOENT : -error;
}
