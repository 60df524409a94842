/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A sleeper puts its lwp on cv_waiters under cv_guard while it still holds the
 * mutex, so that no wake-up after the mutex is released can be missed.  A waker
 * takes the lwp off and sets l_woken: from then on the sleeper belongs to
 * itself again.  A sleeper that gives up (signal, deadline) takes itself off;
 * if a waker was faster, the wake-up counts and is reported as one.
 */
#include "kern/condvar.h"

#include "kern/guard.h"
#include "kern/libkern.h"
#include "kern/lwp.h"

void
cv_init(kcondvar_t *cv, const char *name)
{
	atomic_init(&cv->cv_guard, GUARD_FREE);
	list_init(&cv->cv_waiters);
	cv->cv_name = name;
}

void
cv_destroy(kcondvar_t *cv)
{
	KASSERT(list_empty(&cv->cv_waiters));
}

static void
enqueue(kcondvar_t *cv, struct lwp *l)
{
	atomic_store_explicit(&l->l_woken, 0, memory_order_relaxed);
	guard_enter(&cv->cv_guard);
	list_insert_tail(&cv->cv_waiters, &l->l_sleep);
	guard_exit(&cv->cv_guard);
}

/* The sleep ended with error: 0 if a waker had been there first. */
static int
give_up(kcondvar_t *cv, struct lwp *l, int error)
{
	guard_enter(&cv->cv_guard);
	if (atomic_load_explicit(&l->l_woken, memory_order_relaxed) != 0)
		error = 0;
	else
		list_remove(&l->l_sleep);
	guard_exit(&cv->cv_guard);
	return error;
}

static int NO_THREAD_SAFETY
cv_sleep(kcondvar_t *cv, kmutex_t *mtx, int64_t deadline_ns, bool sig)
{
	struct lwp *l = curlwp;
	int error;

	KASSERT(mutex_owned(mtx));
	enqueue(cv, l);
	mutex_exit(mtx);
	error = lwp_park(l, &l->l_woken, deadline_ns, sig);
	if (error != 0)
		error = give_up(cv, l, error);
	mutex_enter(mtx);
	return error;
}

void
cv_wait(kcondvar_t *cv, kmutex_t *mtx)
{
	(void)cv_sleep(cv, mtx, 0, false);
}

int
cv_wait_sig(kcondvar_t *cv, kmutex_t *mtx)
{
	return cv_sleep(cv, mtx, 0, true);
}

int
cv_timedwait(kcondvar_t *cv, kmutex_t *mtx, int64_t deadline_ns)
{
	return cv_sleep(cv, mtx, deadline_ns, false);
}

int
cv_timedwait_sig(kcondvar_t *cv, kmutex_t *mtx, int64_t deadline_ns)
{
	return cv_sleep(cv, mtx, deadline_ns, true);
}

/*
 * Wake the first of waiters.  l_woken is set under the guard, which give_up()
 * takes; so the lwp cannot leave before the guard is free.
 */
static bool
wake_first(kcondvar_t *cv, struct list *waiters)
{
	struct lwp *l;

	if (list_empty(waiters))
		return false;
	l = LIST_ENTRY(waiters->next, struct lwp, l_sleep);
	list_remove(&l->l_sleep);
	lwp_unpark(l, &l->l_woken);
	return true;
}

void
cv_signal(kcondvar_t *cv)
{
	guard_enter(&cv->cv_guard);
	(void)wake_first(cv, &cv->cv_waiters);
	guard_exit(&cv->cv_guard);
}

void
cv_broadcast(kcondvar_t *cv)
{
	guard_enter(&cv->cv_guard);
	while (wake_first(cv, &cv->cv_waiters))
		continue;
	guard_exit(&cv->cv_guard);
}

bool
cv_has_waiters(kcondvar_t *cv)
{
	bool waiters;

	guard_enter(&cv->cv_guard);
	waiters = !list_empty(&cv->cv_waiters);
	guard_exit(&cv->cv_guard);
	return waiters;
}
