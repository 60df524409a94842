/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reader/writer locks with hand-off: who cannot have the lock queues up, and
 * whoever makes it available gives it to the head of the queue, one writer or
 * all readers before the next writer.  Nobody overtakes the queue, so neither
 * side starves, and a downgrade lets no writer through because it gives the
 * lock to nobody but readers.
 */
#include "rump/rumpuser.h"

#include <stddef.h>

#include "rump/rumpdefs.h"

#include "rumpuser/bug.h"
#include "rumpuser/cpu.h"
#include "rumpuser/futex.h"
#include "rumpuser/lockword.h"
#include "rumpuser/lwp.h"
#include "rumpuser/waiter.h"

struct rumpuser_rw {
	lockword_t rw_guard;
	bool rw_writing;              /* g: rw_guard */
	int rw_nreaders;              /* g */
	struct lwp *rw_writer;        /* g: valid while rw_writing */
	struct waiter_queue rw_queue; /* g */
};

void
rumpuser_rw_init(struct rumpuser_rw **rwp)
{
	struct rumpuser_rw *rw;
	void *mem;
	int error;

	error = rumpuser_malloc(sizeof(*rw), 0, &mem);
	CHECK(error == 0);
	rw = mem;
	*rw = (struct rumpuser_rw){ .rw_writing = false };
	TAILQ_INIT(&rw->rw_queue);
	*rwp = rw;
}

void
rumpuser_rw_destroy(struct rumpuser_rw *rw)
{
	lockword_enter(&rw->rw_guard);
	CHECK(!rw->rw_writing && rw->rw_nreaders == 0 &&
	      TAILQ_EMPTY(&rw->rw_queue));
	lockword_exit(&rw->rw_guard);
	rumpuser_free(rw, sizeof(*rw));
}

static bool
rw_available(const struct rumpuser_rw *rw, int op)
{
	if (rw->rw_writing)
		return false;
	return op == RUMPUSER_RW_READER || rw->rw_nreaders == 0;
}

static void
rw_take(struct rumpuser_rw *rw, int op, struct lwp *l)
{
	if (op == RUMPUSER_RW_READER) {
		rw->rw_nreaders++;
		return;
	}
	rw->rw_writing = true;
	rw->rw_writer = l;
}

/* Give the lock to as many at the head of the queue as can have it. */
static void
rw_hand_off(struct rumpuser_rw *rw)
{
	struct waiter *w;

	while ((w = TAILQ_FIRST(&rw->rw_queue)) != NULL &&
	       rw_available(rw, w->w_op)) {
		rw_take(rw, w->w_op, w->w_lwp);
		waiter_wake(&rw->rw_queue, w);
	}
}

/* Take the lock if nobody has to wait for that; called with the guard. */
static bool
rw_try_locked(struct rumpuser_rw *rw, int op)
{
	if (!rw_available(rw, op) || !TAILQ_EMPTY(&rw->rw_queue))
		return false;
	rw_take(rw, op, lwp_current());
	return true;
}

void
rumpuser_rw_enter(int op, struct rumpuser_rw *rw)
{
	struct waiter w = { .w_op = op, .w_lwp = lwp_current() };
	bool taken;
	int nlocks;

	CHECK(op == RUMPUSER_RW_READER || op == RUMPUSER_RW_WRITER);
	lockword_enter(&rw->rw_guard);
	taken = rw_try_locked(rw, op);
	if (!taken)
		TAILQ_INSERT_TAIL(&rw->rw_queue, &w, w_link);
	lockword_exit(&rw->rw_guard);
	if (taken)
		return;
	nlocks = cpu_release(NULL);
	waiter_sleep(&w, FUTEX_NEVER);
	cpu_acquire(nlocks, NULL);
}

int
rumpuser_rw_tryenter(int op, struct rumpuser_rw *rw)
{
	bool taken;

	if (op != RUMPUSER_RW_READER && op != RUMPUSER_RW_WRITER)
		return RUMP_EINVAL;
	lockword_enter(&rw->rw_guard);
	taken = rw_try_locked(rw, op);
	lockword_exit(&rw->rw_guard);
	return taken ? 0 : RUMP_EBUSY;
}

/* The caller reads; if nobody else does, it may go before the queue. */
int
rumpuser_rw_tryupgrade(struct rumpuser_rw *rw)
{
	int error = RUMP_EBUSY;

	lockword_enter(&rw->rw_guard);
	CHECK(!rw->rw_writing && rw->rw_nreaders > 0);
	if (rw->rw_nreaders == 1) {
		rw->rw_nreaders = 0;
		rw_take(rw, RUMPUSER_RW_WRITER, lwp_current());
		error = 0;
	}
	lockword_exit(&rw->rw_guard);
	return error;
}

void
rumpuser_rw_downgrade(struct rumpuser_rw *rw)
{
	lockword_enter(&rw->rw_guard);
	CHECK(rw->rw_writing);
	rw->rw_writing = false;
	rw_take(rw, RUMPUSER_RW_READER, NULL);
	rw_hand_off(rw);
	lockword_exit(&rw->rw_guard);
}

void
rumpuser_rw_exit(struct rumpuser_rw *rw)
{
	lockword_enter(&rw->rw_guard);
	CHECK(rw->rw_writing || rw->rw_nreaders > 0);
	if (rw->rw_writing)
		rw->rw_writing = false;
	else
		rw->rw_nreaders--;
	rw_hand_off(rw);
	lockword_exit(&rw->rw_guard);
}

void
rumpuser_rw_held(int op, struct rumpuser_rw *rw, int *held)
{
	CHECK(op == RUMPUSER_RW_READER || op == RUMPUSER_RW_WRITER);
	lockword_enter(&rw->rw_guard);
	if (op == RUMPUSER_RW_READER)
		*held = rw->rw_nreaders;
	else
		*held = rw->rw_writing && rw->rw_writer == lwp_current();
	lockword_exit(&rw->rw_guard);
}
