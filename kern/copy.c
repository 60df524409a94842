/* SPDX-License-Identifier: BSD-2-Clause */
/* copyin(9) and its kin on top of usercopy.S, or of a proxy. */
#include "kern/copy.h"

#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "rump/rumphost.h"

_Static_assert(EFAULT == 14 && ENAMETOOLONG == 63, "as in usercopy.S");

extern const char copy_begin[];
extern const char copy_end[];
extern const char copy_fault[];
int user_copy(void *dst, const void *src, size_t len);
int user_copystr(char *dst, const char *src, size_t size, size_t *done);

uintptr_t
rump_copy_fixup(uintptr_t ip)
{
	if (ip < (uintptr_t)copy_begin || ip >= (uintptr_t)copy_end)
		return 0;
	return (uintptr_t)copy_fault;
}

static const struct copyops *remote;

void
copyops_attach(const struct copyops *ops)
{
	remote = ops;
}

/* What identifies the address space of the caller; NULL is our own. */
static inline void *
vmspace(void)
{
	return curlwp == NULL ? NULL : curproc->p_vmspace;
}

int
copyin(const void *uaddr, void *kaddr, size_t len)
{
	void *vm = vmspace();

	if (PREDICT_FALSE(vm != NULL))
		return remote->co_in(vm, uaddr, kaddr, len);
	return user_copy(kaddr, uaddr, len);
}

int
copyout(const void *kaddr, void *uaddr, size_t len)
{
	void *vm = vmspace();

	if (PREDICT_FALSE(vm != NULL))
		return remote->co_out(vm, kaddr, uaddr, len);
	return user_copy(uaddr, kaddr, len);
}

int
copyinstr(const void *uaddr, char *kaddr, size_t size, size_t *done)
{
	void *vm = vmspace();
	size_t len;
	int error;

	if (PREDICT_FALSE(vm != NULL))
		error = remote->co_instr(vm, uaddr, kaddr, size, &len);
	else
		error = user_copystr(kaddr, uaddr, size, &len);
	if (error == 0 && done != NULL)
		*done = len;
	return error;
}
