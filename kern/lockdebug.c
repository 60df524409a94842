/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Theory of operation.  Locks of one name are a class, since they are used
 * alike.  The classes are the nodes of a graph with an edge from each class to
 * those that were ever waited for while it was held.  Threads can only
 * deadlock by their locks if the graph has a cycle; so the edge that would
 * close one is a bug, whether or not a second thread was there to suffer.
 *
 * A thread's held classes stand in its rump_tls; what does not fit there, or
 * into the table of classes, is not checked.  Two locks of one class are the
 * shortest cycle: whoever needs that must take the second by a try.
 */
#include "kern/lockdebug.h"

#include "kern/guard.h"
#include "kern/libkern.h"
#include "kern/lwp.h"

#define NCLASSES 64 /* bits of an edge set */

static _Atomic uint32_t graph_guard;
static const char *class_name[NCLASSES];     /* graph_guard to append */
static _Atomic uint32_t nclasses;            /* graph_guard to write */
static _Atomic uint64_t followers[NCLASSES]; /* graph_guard to write */

static unsigned
class_find(const char *name)
{
	unsigned n = atomic_load_explicit(&nclasses, memory_order_acquire);

	for (unsigned c = 0; c < n; c++)
		if (class_name[c] == name || strcmp(class_name[c], name) == 0)
			return c;
	return NCLASSES;
}

/* NCLASSES when there is no room. */
static unsigned
class_get(const char *name)
{
	unsigned c = class_find(name);

	if (c < NCLASSES)
		return c;
	guard_enter(&graph_guard);
	c = class_find(name);
	if (c == NCLASSES && nclasses < NCLASSES) {
		c = nclasses;
		class_name[c] = name;
		atomic_store_explicit(&nclasses, c + 1, memory_order_release);
	}
	guard_exit(&graph_guard);
	return c;
}

static bool
follows(unsigned first, unsigned then)
{
	return (atomic_load_explicit(&followers[first], memory_order_relaxed) >>
		       then &
		   1) != 0;
}

/* Is there a way from one class to another, or are they the same? */
static bool
reaches(unsigned from, unsigned to)
{
	uint64_t seen = 0, todo = (uint64_t)1 << from;
	unsigned c;

	while (todo != 0) {
		c = __builtin_ctzl(todo);
		if (c == to)
			return true;
		seen |= (uint64_t)1 << c;
		todo = (todo | followers[c]) & ~seen;
	}
	return false;
}

/* A lock of class then is waited for with one of class first held. */
static void
note_order(unsigned first, unsigned then)
{
	bool cycle;

	if (follows(first, then))
		return;
	guard_enter(&graph_guard);
	cycle = reaches(then, first);
	if (!cycle)
		atomic_fetch_or(&followers[first], (uint64_t)1 << then);
	guard_exit(&graph_guard);
	if (cycle)
		panic("lock order: \"%s\" is waited for with \"%s\" held, "
		      "which elsewhere is taken under it",
		    class_name[then], class_name[first]);
}

void
lockdebug_enter(const char *name, bool wait)
{
	struct rump_tls *t = &rump_tls;
	unsigned c = class_get(name);

	if (c == NCLASSES)
		return;
	for (unsigned i = 0; wait && i < t->nheld; i++)
		note_order(t->held[i], c);
	if (t->nheld < NITEMS(t->held))
		t->held[t->nheld++] = c;
}

/* The latest of its class goes. */
void
lockdebug_exit(const char *name)
{
	struct rump_tls *t = &rump_tls;
	unsigned c = class_find(name), i = t->nheld;

	while (i > 0 && t->held[i - 1] != c)
		i--;
	if (i == 0)
		return;
	for (; i < t->nheld; i++)
		t->held[i - 1] = t->held[i];
	t->nheld--;
}
