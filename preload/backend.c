/* SPDX-License-Identifier: BSD-2-Clause */
/* In process a function call, else a message: kernel.h knows. */
#include "preload/backend.h"

#include "preload/call.h"
#include "preload/cred.h"
#include "preload/kernel.h"
#include "preload/process.h"
#include "preload/userspace.h"
#include "rump/rumpdefs.h"

enum backend_state backend_state;
bool backend_direct;

bool
backend_reachable(void)
{
	if (backend_state == BACKEND_SERVER)
		return process_owns_table();
	return backend_state == BACKEND_HERE && engine_is_owner();
}

long
rump_backend_syscall(int num, const int64_t *args, int64_t retval[2])
{
	if (kernel.k_syscall == NULL)
		return RUMP_ENOSYS;
	userspace_tell();
	cred_tell();
	retval[0] = retval[1] = 0;
	return kernel.k_syscall(
	    num, args, BACKEND_SLOTS * sizeof(*args), retval);
}
