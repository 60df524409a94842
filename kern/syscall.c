/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dispatch.  The table is filled while the kernel boots and constant after.
 * It has no entries before that, so that a call that comes too early gets
 * ENOSYS without touching anything.
 */
#include "kern/syscall.h"

#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "kern/stats.h"
#include "rump/rumphost.h"

_Static_assert(ERESTART == RUMP_ERESTART, "as the host sees it");
_Static_assert(ENAMESPACE == RUMP_ENAMESPACE, "as the host sees it");

static struct {
	sy_call_t *call;
	uint32_t size; /* of the argument structure */
	bool noerr;
} sysent[SYS_MAXSYSCALL];

void
syscall_register(const struct syscall_entry *table, size_t n)
{
	const struct syscall_entry *sy;

	for (sy = table; sy < table + n; sy++) {
		if (sy->sy_call == NULL)
			continue;
		KASSERT(sy->sy_num < SYS_MAXSYSCALL);
		sysent[sy->sy_num].call = sy->sy_call;
		sysent[sy->sy_num].size = sy->sy_nslots * sizeof(register_t);
		sysent[sy->sy_num].noerr = sy->sy_noerr;
	}
}

int
rump_syscall(int num, const void *args, size_t len, int64_t retval[2])
{
	struct lwp *l;
	int error;

	if ((unsigned)num >= SYS_MAXSYSCALL || sysent[num].call == NULL)
		return ENOSYS;
	if (len < sysent[num].size)
		return EINVAL;
	l = lwp_enter();
	(void)lwp_cred(l);
	retval[0] = retval[1] = 0;
	error = sysent[num].call(l, args, retval);
	return sysent[num].noerr && error > 0 ? 0 : error;
}
