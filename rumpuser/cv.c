/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Condition variables: a queue of waiters in order of arrival.  A signal takes
 * one out, so it can neither be stolen by a thread that begins to wait later
 * nor be lost to a timeout that happens at the same time.
 *
 * The order of a wait is the interface's (it matters to the kernel's scheduler
 * lock, which the upcalls lock and unlock on our behalf when it is the
 * interlock):
 *
 *   queue and count, give the CPU up, disown and unlock the mutex, sleep,
 *   lock the mutex, then CPU and ownership, uncount.
 *
 * A thread holds neither CPU nor mutex while it sleeps.  In the end it waits
 * for a CPU with the mutex locked, except for mutexes that others take
 * without giving their CPU up: there the mutex comes last, or all CPUs could
 * be held by threads that wait for it.
 */
#include "rump/rumpuser.h"

#include <stddef.h>

#include "rump/rumpdefs.h"

#include "rumpuser/bug.h"
#include "rumpuser/clock.h"
#include "rumpuser/cpu.h"
#include "rumpuser/futex.h"
#include "rumpuser/mutex.h"
#include "rumpuser/waiter.h"

struct rumpuser_cv {
	lockword_t cv_guard;
	_Atomic int cv_nwaiters;      /* threads inside a wait */
	struct waiter_queue cv_queue; /* g: cv_guard */
};

void
rumpuser_cv_init(struct rumpuser_cv **cvp)
{
	struct rumpuser_cv *cv;
	void *mem;
	int error;

	error = rumpuser_malloc(sizeof(*cv), 0, &mem);
	CHECK(error == 0);
	cv = mem;
	atomic_init(&cv->cv_guard, LOCKWORD_FREE);
	atomic_init(&cv->cv_nwaiters, 0);
	TAILQ_INIT(&cv->cv_queue);
	*cvp = cv;
}

void
rumpuser_cv_destroy(struct rumpuser_cv *cv)
{
	/* Whoever was woken last may still be on its way out of the guard. */
	lockword_enter(&cv->cv_guard);
	CHECK(TAILQ_EMPTY(&cv->cv_queue));
	lockword_exit(&cv->cv_guard);
	rumpuser_free(cv, sizeof(*cv));
}

static void
wait_begin(struct rumpuser_cv *cv, struct waiter *w)
{
	atomic_init(&w->w_woken, 0);
	atomic_fetch_add_explicit(&cv->cv_nwaiters, 1, memory_order_relaxed);
	lockword_enter(&cv->cv_guard);
	TAILQ_INSERT_TAIL(&cv->cv_queue, w, w_link);
	lockword_exit(&cv->cv_guard);
}

/* Sleep until signalled; ETIMEDOUT when the deadline was first. */
static int
wait_sleep(struct rumpuser_cv *cv, struct waiter *w, int64_t deadline_ns)
{
	int error = 0;

	if (waiter_sleep(w, deadline_ns))
		return 0;
	lockword_enter(&cv->cv_guard);
	if (atomic_load_explicit(&w->w_woken, memory_order_acquire) == 0) {
		TAILQ_REMOVE(&cv->cv_queue, w, w_link);
		error = RUMP_ETIMEDOUT;
	}
	lockword_exit(&cv->cv_guard);
	return error;
}

static void
wait_end(struct rumpuser_cv *cv)
{
	atomic_fetch_sub_explicit(&cv->cv_nwaiters, 1, memory_order_relaxed);
}

/* Take a CPU for a thread that holds only the host side of mtx. */
static void
wait_reacquire(struct rumpuser_mtx *mtx, int nlocks)
{
	if (mtx->mtx_flags == (RUMPUSER_MTX_SPIN | RUMPUSER_MTX_KMUTEX)) {
		lockword_exit(&mtx->mtx_word);
		cpu_acquire(nlocks, mtx);
		lockword_enter(&mtx->mtx_word);
		mutex_own(mtx);
		return;
	}
	mutex_own(mtx);
	cpu_acquire(nlocks, mtx);
}

static int
wait_wrapped(
    struct rumpuser_cv *cv, struct rumpuser_mtx *mtx, int64_t deadline_ns)
{
	struct waiter w;
	int error, nlocks;

	wait_begin(cv, &w);
	nlocks = cpu_release(mtx);
	mutex_disown(mtx);
	lockword_exit(&mtx->mtx_word);
	error = wait_sleep(cv, &w, deadline_ns);
	lockword_enter(&mtx->mtx_word);
	wait_reacquire(mtx, nlocks);
	wait_end(cv);
	return error;
}

void
rumpuser_cv_wait(struct rumpuser_cv *cv, struct rumpuser_mtx *mtx)
{
	wait_wrapped(cv, mtx, FUTEX_NEVER);
}

void
rumpuser_cv_wait_nowrap(struct rumpuser_cv *cv, struct rumpuser_mtx *mtx)
{
	struct waiter w;

	wait_begin(cv, &w);
	mutex_disown(mtx);
	lockword_exit(&mtx->mtx_word);
	wait_sleep(cv, &w, FUTEX_NEVER);
	lockword_enter(&mtx->mtx_word);
	mutex_own(mtx);
	wait_end(cv);
}

int
rumpuser_cv_timedwait(
    struct rumpuser_cv *cv, struct rumpuser_mtx *mtx, int64_t sec, int64_t nsec)
{
	return wait_wrapped(cv, mtx, clock_deadline(sec, nsec));
}

void
rumpuser_cv_signal(struct rumpuser_cv *cv)
{
	struct waiter *w;

	lockword_enter(&cv->cv_guard);
	w = TAILQ_FIRST(&cv->cv_queue);
	if (w != NULL)
		waiter_wake(&cv->cv_queue, w);
	lockword_exit(&cv->cv_guard);
}

void
rumpuser_cv_broadcast(struct rumpuser_cv *cv)
{
	struct waiter *w;

	lockword_enter(&cv->cv_guard);
	while ((w = TAILQ_FIRST(&cv->cv_queue)) != NULL)
		waiter_wake(&cv->cv_queue, w);
	lockword_exit(&cv->cv_guard);
}

void
rumpuser_cv_has_waiters(struct rumpuser_cv *cv, int *n)
{
	*n = atomic_load_explicit(&cv->cv_nwaiters, memory_order_relaxed);
}
