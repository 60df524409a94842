/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of a mutex, for condition waits. */
#ifndef RUMPUSER_MUTEX_H
#define RUMPUSER_MUTEX_H

#include "rump/rumpuser.h"

#include "rumpuser/lockword.h"

struct rumpuser_mtx {
	lockword_t mtx_word;
	int mtx_flags;                   /* i: RUMPUSER_MTX_* */
	_Atomic(struct lwp *) mtx_owner; /* KMUTEX only, else NULL */
};

/* Note that the calling lwp has taken the mutex, or is about to drop it. */
void mutex_own(struct rumpuser_mtx *mtx);
void mutex_disown(struct rumpuser_mtx *mtx);

#endif /* !RUMPUSER_MUTEX_H */
