/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's end: reboot(2), and what other layers want done before it. */
#include "kern/boot.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "rump/rumpuser.h"
#include "syscall_table/sysprotos.h"

#define MAXHOOKS 4

static void (*hooks[MAXHOOKS])(int); /* constant after boot */
static unsigned nhooks;
static _Atomic uint32_t going_down;

void
shutdown_hook_attach(void (*func)(int howto))
{
	KASSERT(nhooks < MAXHOOKS);
	hooks[nhooks++] = func;
}

void
kern_shutdown(int howto)
{
	/* A second caller lets the first one finish. */
	if (atomic_exchange(&going_down, 1) == 0)
		for (unsigned i = nhooks; i > 0; i--)
			hooks[i - 1](howto);
	if (boot_verbose)
		kprintf("rump kernel: %zu bytes of kernel memory in use\n",
		    kmem_outstanding());
	while ((howto & RB_HALT) != 0)
		(void)rumpuser_clock_sleep(RUMPUSER_CLOCK_RELWALL, 10, 0);
	rumpuser_exit((howto & RB_DUMP) != 0 ? RUMPUSER_PANIC : 0);
}

int
sys_reboot(struct lwp *l, const struct sys_reboot_args *uap, register_t *retval)
{
	if (l->l_cred->cr_euid != 0)
		return EPERM;
	kern_shutdown(uap->opt);
}
