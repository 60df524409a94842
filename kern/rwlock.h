/* SPDX-License-Identifier: BSD-2-Clause */
/* Reader/writer sleep locks, after rwlock(9); writers are not starved. */
#ifndef KERN_RWLOCK_H
#define KERN_RWLOCK_H

#include "kern/condvar.h"
#include "kern/mutex.h"

enum krw { RW_READER, RW_WRITER };

typedef struct CAPABILITY("rwlock") krwlock {
	_Atomic uint32_t rw_word; /* readers << 2, waiters bit, writer bit */
	uint32_t rw_wwait;        /* rw_lock: waiting writers */
	uint32_t rw_sleepers;     /* rw_lock */
	_Atomic(void *) rw_owner; /* writer */
	kmutex_t rw_lock;         /* slow path */
	kcondvar_t rw_cv;
	const char *rw_name; /* i: for lock order reports */
} krwlock_t;

void rw_init(krwlock_t *rw, const char *name);
void rw_destroy(krwlock_t *rw);
void rw_enter(krwlock_t *rw, enum krw op);
bool rw_tryenter(krwlock_t *rw, enum krw op);
void rw_exit(krwlock_t *rw);
bool rw_write_held(const krwlock_t *rw);

#endif /* !KERN_RWLOCK_H */
