/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What all routes have in common: the trace line, the counters, calls into the
 * rump kernel and the conversion of their results.
 *
 * c->scratch[0] to [4] are this file's; [5] to [7] the engine's.
 */
#ifndef PRELOAD_ROUTE_H
#define PRELOAD_ROUTE_H

#include <stdint.h>

#include "preload/backend.h"
#include "preload/call.h"

struct place;
struct rfile;

/* Results of rump_call() beyond 0 and a Linux errno. */
#define ROUTE_ESCAPED (-1) /* the path left the kernel: place_escaped() */
#define ROUTE_RESTART (-2) /* a signal ended the sleep */

/* Define route_NAME as fn with everything around it. */
#define ROUTE(name, fn)                                                        \
	long route_##name(struct call *c)                                      \
	{                                                                      \
		return route_run(c, fn);                                       \
	}
long route_run(struct call *c, long (*fn)(struct call *));
/* For exec, which is no route: fn says whether the program is to be run (0), and
 * may change c.  What it did with the rump kernel is traced and counted. */
long route_exec(struct call *c, long *fd, long (*fn)(struct call *, long *));

/* The call is refused, for this reason (a string constant). */
void route_note(struct call *c, const char *note);
/* The call belongs to the rump kernel, by this rule of the name space (or
 * NS_HOST: by its descriptor). */
void route_mark_rump(struct call *c, int rule);
/* ... or not after all. */
void route_mark_host(struct call *c);

/* Let the host do it, and then after (may be NULL). */
long route_to_host(struct call *c, long (*after)(struct call *));

/* The places of the call's paths: from a pool, given back when the call has
 * ended.  NULL when memory is out. */
struct place *place_get(struct call *c);
struct place *place_get_second(struct call *c);
/* One that is not given back by itself, for use outside a route. */
struct place *place_create(void);
void place_destroy(struct place *pl);
/* The first one, if there is one. */
struct place *route_place(const struct call *c);
struct place *route_second_place(const struct call *c);

/*
 * Make system call num of the rump kernel.  0 and *value (may be NULL), a Linux
 * errno, ROUTE_ESCAPED or ROUTE_RESTART.  A buffer in a mapping of a rump file
 * is filled and the call made again.
 */
int rump_call(
    struct call *c, int num, const int64_t args[BACKEND_SLOTS], int64_t *value);

/* rump_call()'s results as a route's. */
long route_result(int error, int64_t value);

#endif /* !PRELOAD_ROUTE_H */
