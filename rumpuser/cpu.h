/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual CPU of the calling thread.  Between cpu_release() and
 * cpu_acquire() the thread may block and must not touch kernel state.
 */
#ifndef RUMPUSER_CPU_H
#define RUMPUSER_CPU_H

#include <stddef.h>

#include "rump/rumpuser.h"

/* i: the upcalls, copied by rumpuser_init(). */
extern struct rumpuser_hyperup cpu_upcalls;

/*
 * Give the CPU up.  interlock is NULL, or in a condition wait the mutex.
 * Returns what cpu_acquire() needs to know.
 */
static inline int
cpu_release(void *interlock)
{
	int nlocks = 0;

	cpu_upcalls.hyp_backend_unschedule(0, &nlocks, interlock);
	return nlocks;
}

static inline void
cpu_acquire(int nlocks, void *interlock)
{
	cpu_upcalls.hyp_backend_schedule(nlocks, interlock);
}

#endif /* !RUMPUSER_CPU_H */
