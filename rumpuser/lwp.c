/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel thread (lwp) that a host thread is running. */
#include "rumpuser/lwp.h"

#include <stddef.h>

#include "rumpuser/bug.h"

/* The model is repeated because a definition does not take it over. */
__thread struct thread_state thread_state
    __attribute__((tls_model("initial-exec")));

void
rumpuser_curlwpop(int op, struct lwp *l)
{
	switch (op) {
	case RUMPUSER_LWP_CREATE:
	case RUMPUSER_LWP_DESTROY:
		return;
	case RUMPUSER_LWP_SET:
		CHECK(l != NULL && thread_state.ts_curlwp == NULL);
		thread_state.ts_curlwp = l;
		return;
	case RUMPUSER_LWP_CLEAR:
		CHECK(l != NULL && thread_state.ts_curlwp == l);
		thread_state.ts_curlwp = NULL;
		return;
	default:
		CHECK(!"curlwpop: no such operation");
	}
}

struct lwp *
rumpuser_curlwp(void)
{
	return lwp_current();
}
