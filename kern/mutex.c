/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The word is a guard (see guard.h); the owner is there for assertions.  A
 * sleeper marks the word before it sleeps and takes it marked, since it cannot
 * know whether others sleep still; the price is one superfluous wake-up.
 *
 * mtx_owner is written by the holder only, so that "is it me?" needs no order:
 * nobody else can have stored the asker's own address.
 */
#include "kern/mutex.h"

#include "kern/guard.h"
#include "kern/libkern.h"
#include "kern/lockdebug.h"
#include "kern/lwp.h"

#define SPINS 40 /* about the time of a short critical section */

void
guard_enter_slow(_Atomic uint32_t *g)
{
	uint32_t word;

	for (unsigned i = 0; i < SPINS; i++) {
		if (atomic_load_explicit(g, memory_order_relaxed) ==
			GUARD_FREE &&
		    guard_tryenter(g))
			return;
		__builtin_ia32_pause();
	}
	for (;;) {
		word = atomic_exchange_explicit(
		    g, GUARD_WAITERS, memory_order_acquire);
		if (word == GUARD_FREE)
			return;
		(void)rumpcomp_kern_park(g, GUARD_WAITERS, 0, NULL);
	}
}

void
mutex_init(kmutex_t *mtx, const char *name)
{
	atomic_init(&mtx->mtx_word, GUARD_FREE);
	atomic_init(&mtx->mtx_owner, NULL);
	mtx->mtx_name = name;
}

void
mutex_destroy(kmutex_t *mtx)
{
	KASSERT(atomic_load_explicit(&mtx->mtx_word, memory_order_relaxed) ==
		GUARD_FREE);
}

static inline void
set_owner(kmutex_t *mtx, struct lwp *l)
{
	atomic_store_explicit(&mtx->mtx_owner, l, memory_order_relaxed);
}

void NO_THREAD_SAFETY
mutex_enter(kmutex_t *mtx)
{
	struct lwp *l = curlwp;

	LOCKDEBUG_ENTER(mtx->mtx_name, true);
	if (PREDICT_FALSE(!guard_tryenter(&mtx->mtx_word))) {
		if (l != NULL && mutex_owned(mtx))
			panic("mutex %s: entered twice", mtx->mtx_name);
		guard_enter_slow(&mtx->mtx_word);
	}
	set_owner(mtx, l);
}

bool NO_THREAD_SAFETY
mutex_tryenter(kmutex_t *mtx)
{
	if (!guard_tryenter(&mtx->mtx_word))
		return false;
	LOCKDEBUG_ENTER(mtx->mtx_name, false);
	set_owner(mtx, curlwp);
	return true;
}

void NO_THREAD_SAFETY
mutex_exit(kmutex_t *mtx)
{
	KASSERT(mutex_owned(mtx));
	LOCKDEBUG_EXIT(mtx->mtx_name);
	set_owner(mtx, NULL);
	guard_exit(&mtx->mtx_word);
}

bool
mutex_owned(const kmutex_t *mtx)
{
	return atomic_load_explicit(&mtx->mtx_word, memory_order_relaxed) !=
		   GUARD_FREE &&
	       atomic_load_explicit(&mtx->mtx_owner, memory_order_relaxed) ==
		   curlwp;
}
