/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Condition variables, after condvar(9).  Every sleep has a wake reason:
 * event (0), signal (EINTR or ERESTART), timeout (EWOULDBLOCK), lwp exit
 * (EINTR).  Deadlines are absolute monotonic nanoseconds; 0 means none.
 */
#ifndef KERN_CONDVAR_H
#define KERN_CONDVAR_H

#include "kern/mutex.h"
#include "kern/queue.h"

typedef struct kcondvar {
	_Atomic uint32_t cv_guard; /* spin: protects cv_waiters */
	struct list cv_waiters;    /* of struct lwp, l_sleep */
	const char *cv_name;
} kcondvar_t;

void cv_init(kcondvar_t *cv, const char *name);
void cv_destroy(kcondvar_t *cv);
void cv_wait(kcondvar_t *cv, kmutex_t *mtx) REQUIRES(*mtx);
/* 0, or ERESTART when a signal or lwp exit ended the sleep. */
int cv_wait_sig(kcondvar_t *cv, kmutex_t *mtx) REQUIRES(*mtx);
/* 0 or EWOULDBLOCK. */
int cv_timedwait(kcondvar_t *cv, kmutex_t *mtx, int64_t deadline_ns)
    REQUIRES(*mtx);
/* 0, EWOULDBLOCK or ERESTART. */
int cv_timedwait_sig(kcondvar_t *cv, kmutex_t *mtx, int64_t deadline_ns)
    REQUIRES(*mtx);
void cv_signal(kcondvar_t *cv);
void cv_broadcast(kcondvar_t *cv);
bool cv_has_waiters(kcondvar_t *cv);

#endif /* !KERN_CONDVAR_H */
