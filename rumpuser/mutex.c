/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel mutexes.  The owner is what the kernel asks for in mutex_owner();
 * exclusion itself is the lock word's.
 *
 * A thread that spins (SPIN) keeps its CPU while it waits: the kernel takes
 * such locks where it must not be rescheduled, and holds them briefly.
 */
#include "rumpuser/mutex.h"

#include "rump/rumpdefs.h"

#include "rumpuser/bug.h"
#include "rumpuser/cpu.h"
#include "rumpuser/lwp.h"

void
mutex_own(struct rumpuser_mtx *mtx)
{
	if ((mtx->mtx_flags & RUMPUSER_MTX_KMUTEX) == 0)
		return;
	atomic_store_explicit(
	    &mtx->mtx_owner, lwp_current(), memory_order_relaxed);
}

void
mutex_disown(struct rumpuser_mtx *mtx)
{
	if ((mtx->mtx_flags & RUMPUSER_MTX_KMUTEX) == 0)
		return;
	atomic_store_explicit(&mtx->mtx_owner, NULL, memory_order_relaxed);
}

void
rumpuser_mutex_init(struct rumpuser_mtx **mtxp, int flags)
{
	struct rumpuser_mtx *mtx;
	void *mem;
	int error;

	CHECK((flags & (RUMPUSER_MTX_SPIN | RUMPUSER_MTX_KMUTEX)) != 0);
	error = rumpuser_malloc(sizeof(*mtx), 0, &mem);
	CHECK(error == 0);
	mtx = mem;
	*mtx = (struct rumpuser_mtx){ .mtx_flags = flags };
	*mtxp = mtx;
}

void
rumpuser_mutex_enter_nowrap(struct rumpuser_mtx *mtx)
{
	CHECK((mtx->mtx_flags & RUMPUSER_MTX_SPIN) != 0);
	lockword_enter(&mtx->mtx_word);
	mutex_own(mtx);
}

void
rumpuser_mutex_enter(struct rumpuser_mtx *mtx)
{
	int nlocks;

	if ((mtx->mtx_flags & RUMPUSER_MTX_SPIN) != 0) {
		rumpuser_mutex_enter_nowrap(mtx);
		return;
	}
	if (!lockword_tryenter(&mtx->mtx_word)) {
		nlocks = cpu_release(NULL);
		lockword_enter_slow(&mtx->mtx_word);
		cpu_acquire(nlocks, NULL);
	}
	mutex_own(mtx);
}

int
rumpuser_mutex_tryenter(struct rumpuser_mtx *mtx)
{
	if (!lockword_tryenter(&mtx->mtx_word))
		return RUMP_EBUSY;
	mutex_own(mtx);
	return 0;
}

void
rumpuser_mutex_exit(struct rumpuser_mtx *mtx)
{
	mutex_disown(mtx);
	lockword_exit(&mtx->mtx_word);
}

void
rumpuser_mutex_destroy(struct rumpuser_mtx *mtx)
{
	CHECK(atomic_load_explicit(&mtx->mtx_word, memory_order_acquire) ==
	      LOCKWORD_FREE);
	rumpuser_free(mtx, sizeof(*mtx));
}

void
rumpuser_mutex_owner(struct rumpuser_mtx *mtx, struct lwp **lp)
{
	CHECK((mtx->mtx_flags & RUMPUSER_MTX_KMUTEX) != 0);
	*lp = atomic_load_explicit(&mtx->mtx_owner, memory_order_relaxed);
}
