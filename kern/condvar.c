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

/*
 * The sleep ended with error: 0 if a waker had been there first.  Passing
 * through the guard also means that no waker still uses the cv, so that the
 * sleeper may destroy it.
 */
static int
dequeue(kcondvar_t *cv, struct lwp *l, int error)
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
	error = dequeue(cv, l, error);
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
 * Wake up to n <= BATCH sleepers.  They are marked under the guard and woken
 * after it; by then only the addresses of their park words are used, since the
 * lwps may be gone.  True when there may be more.
 */
#define BATCH 16
static bool
wake(kcondvar_t *cv, unsigned n)
{
	_Atomic uint32_t *words[BATCH];
	struct lwp *l;
	unsigned i;

	guard_enter(&cv->cv_guard);
	for (i = 0; i < n && !list_empty(&cv->cv_waiters); i++) {
		l = LIST_ENTRY(cv->cv_waiters.next, struct lwp, l_sleep);
		list_remove(&l->l_sleep);
		words[i] = lwp_mark(l, &l->l_woken);
	}
	guard_exit(&cv->cv_guard);
	n = i;
	for (i = 0; i < n; i++)
		rumpcomp_kern_unpark(words[i], 1);
	return n == BATCH;
}

void
cv_signal(kcondvar_t *cv)
{
	(void)wake(cv, 1);
}

void
cv_broadcast(kcondvar_t *cv)
{
	while (wake(cv, BATCH))
		continue;
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
