/* SPDX-License-Identifier: BSD-2-Clause */
/* What the library knows about the calling host thread. */
#ifndef RUMPUSER_LWP_H
#define RUMPUSER_LWP_H

#include "rump/rumpuser.h"

struct thread;

/* All of it is private to its thread, and zero in a new one. */
struct thread_state {
	struct lwp *ts_curlwp;
	struct thread *ts_thread; /* NULL: not made by us, or detached */
	void **ts_exit;           /* where rumpuser_thread_exit() goes */
};
extern __thread struct thread_state thread_state
    __attribute__((tls_model("initial-exec")));

static inline struct lwp *
lwp_current(void)
{
	return thread_state.ts_curlwp;
}

#endif /* !RUMPUSER_LWP_H */
