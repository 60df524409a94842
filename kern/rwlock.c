/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rw_word is WRITER, or the number of readers in steps of READER, and WAITERS
 * if anybody sleeps.  Uncontended operations change it by one atomic operation.
 * The rest happens under rw_lock: a sleeper sets WAITERS there and then sleeps;
 * who leaves the lock free with WAITERS set clears it and wakes everybody, and
 * those that have to go on sleeping set it again.
 *
 * New readers stand back for waiting writers; a reader that was woken once does
 * not, so that neither side starves the other.
 */
#include "kern/rwlock.h"

#include "kern/libkern.h"
#include "kern/lockdebug.h"
#include "kern/lwp.h"

#define WRITER 1
#define WAITERS 2
#define READER 4

void
rw_init(krwlock_t *rw, const char *name)
{
	atomic_init(&rw->rw_word, 0);
	rw->rw_wwait = rw->rw_sleepers = 0;
	atomic_init(&rw->rw_owner, NULL);
	mutex_init(&rw->rw_lock, "rwlock");
	cv_init(&rw->rw_cv, name);
	rw->rw_name = name;
}

void
rw_destroy(krwlock_t *rw)
{
	KASSERT(atomic_load_explicit(&rw->rw_word, memory_order_relaxed) == 0);
	cv_destroy(&rw->rw_cv);
	mutex_destroy(&rw->rw_lock);
}

/* Change the word by add unless a bit of busy is set in it. */
static inline bool
try_add(krwlock_t *rw, uint32_t busy, uint32_t add)
{
	uint32_t w = atomic_load_explicit(&rw->rw_word, memory_order_relaxed);

	do {
		if ((w & busy) != 0)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&rw->rw_word, &w,
	    w + add, memory_order_acquire, memory_order_relaxed));
	return true;
}

static inline void
set_owner(krwlock_t *rw, struct lwp *l)
{
	atomic_store_explicit(&rw->rw_owner, l, memory_order_relaxed);
}

static bool
try_slow(krwlock_t *rw, enum krw op, bool woken)
{
	if (op == RW_WRITER)
		return try_add(rw, ~(uint32_t)WAITERS, WRITER);
	if (rw->rw_wwait > 0 && !woken)
		return false;
	return try_add(rw, WRITER, READER);
}

static void
clear_waiters(krwlock_t *rw)
{
	atomic_fetch_and_explicit(
	    &rw->rw_word, ~(uint32_t)WAITERS, memory_order_relaxed);
}

static void NO_THREAD_SAFETY
enter_slow(krwlock_t *rw, enum krw op)
{
	bool woken = false;

	mutex_enter(&rw->rw_lock);
	rw->rw_wwait += op == RW_WRITER;
	for (;;) {
		/* Set first: who leaves after the attempt has to see it. */
		atomic_fetch_or_explicit(
		    &rw->rw_word, WAITERS, memory_order_relaxed);
		if (try_slow(rw, op, woken))
			break;
		rw->rw_sleepers++;
		cv_wait(&rw->rw_cv, &rw->rw_lock);
		rw->rw_sleepers--;
		woken = true;
	}
	rw->rw_wwait -= op == RW_WRITER;
	if (rw->rw_sleepers == 0)
		clear_waiters(rw);
	mutex_exit(&rw->rw_lock);
}

static inline bool
try_fast(krwlock_t *rw, enum krw op)
{
	if (op == RW_READER)
		return try_add(rw, WRITER | WAITERS, READER);
	if (!try_add(rw, ~(uint32_t)0, WRITER))
		return false;
	set_owner(rw, curlwp);
	return true;
}

void NO_THREAD_SAFETY
rw_enter(krwlock_t *rw, enum krw op)
{
	KASSERT(!rw_write_held(rw));
	LOCKDEBUG_ENTER(rw->rw_name, true);
	if (PREDICT_FALSE(!try_fast(rw, op))) {
		enter_slow(rw, op);
		if (op == RW_WRITER)
			set_owner(rw, curlwp);
	}
}

bool
rw_tryenter(krwlock_t *rw, enum krw op)
{
	if (!try_fast(rw, op))
		return false;
	LOCKDEBUG_ENTER(rw->rw_name, false);
	return true;
}

static void NO_THREAD_SAFETY
wake(krwlock_t *rw)
{
	mutex_enter(&rw->rw_lock);
	clear_waiters(rw);
	cv_broadcast(&rw->rw_cv);
	mutex_exit(&rw->rw_lock);
}

void NO_THREAD_SAFETY
rw_exit(krwlock_t *rw)
{
	uint32_t left, step = READER;

	LOCKDEBUG_EXIT(rw->rw_name);
	if (rw_write_held(rw)) {
		set_owner(rw, NULL);
		step = WRITER;
	}
	left = atomic_fetch_sub_explicit(
		   &rw->rw_word, step, memory_order_release) -
	       step;
	KASSERT((left & WRITER) == 0);
	if (PREDICT_FALSE(left == WAITERS))
		wake(rw);
}

bool
rw_write_held(const krwlock_t *rw)
{
	return (atomic_load_explicit(&rw->rw_word, memory_order_relaxed) &
		   WRITER) != 0 &&
	       atomic_load_explicit(&rw->rw_owner, memory_order_relaxed) ==
		   curlwp;
}
