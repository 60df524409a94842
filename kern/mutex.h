/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Adaptive mutual exclusion, after mutex(9).  Uncontended enter and exit are
 * one atomic operation each and no hypercall.
 */
#ifndef KERN_MUTEX_H
#define KERN_MUTEX_H

#include <stdatomic.h>

#include "kern/types.h"

typedef struct CAPABILITY("mutex") kmutex {
	_Atomic uint32_t mtx_word; /* 0 free, 1 held, 2 held with waiters */
	_Atomic(void *) mtx_owner; /* struct lwp * of the holder */
	const char *mtx_name;      /* i: for lock order reports */
} kmutex_t;

/* name is kept by reference. */
void mutex_init(kmutex_t *mtx, const char *name);
void mutex_destroy(kmutex_t *mtx);
/* Not recursive: entering a held mutex from its owner panics. */
void mutex_enter(kmutex_t *mtx) ACQUIRES(*mtx);
bool mutex_tryenter(kmutex_t *mtx) TRY_ACQUIRES(true, *mtx);
void mutex_exit(kmutex_t *mtx) RELEASES(*mtx);
/* True when the calling lwp holds mtx. */
bool mutex_owned(const kmutex_t *mtx);

#endif /* !KERN_MUTEX_H */
