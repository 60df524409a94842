/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's end: reboot(2), and what other layers want done before it. */
#include "kern/boot.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/mutex.h"
#include "kern/netbsd.h"
#include "kern/remote.h"
#include "rump/rump.h"
#include "rump/rumphost.h"
#include "rump/rumpuser.h"
#include "syscall_table/sysprotos.h"

#define MAXHOOKS 4

static void (*hooks[MAXHOOKS])(int); /* constant after boot */
static unsigned nhooks;
static kmutex_t shutdown_lock = { .mtx_name = "shutdown" };

void
shutdown_hook_attach(void (*func)(int howto))
{
	KASSERT(nhooks < MAXHOOKS);
	hooks[nhooks++] = func;
}

static void
run_hooks(int howto)
{
	static bool done; /* shutdown_lock */

	if (done)
		return;
	done = true;
	for (unsigned i = nhooks; i > 0; i--)
		hooks[i - 1](howto);
}

/*
 * Who ends the process keeps the lock, so that nobody else does it too before
 * the hooks are through.  The same thread may come again, from an exit handler.
 */
void NO_THREAD_SAFETY
kern_shutdown(int howto)
{
	if (!mutex_owned(&shutdown_lock))
		mutex_enter(&shutdown_lock);
	run_hooks(howto);
	if (boot_verbose)
		kprintf("rump kernel: %zu bytes of kernel memory in use\n",
		    kmem_outstanding());
	remote_shutdown();
	if ((howto & RB_HALT) != 0) {
		mutex_exit(&shutdown_lock);
		for (;;)
			(void)rumpuser_clock_sleep(
			    RUMPUSER_CLOCK_RELWALL, 10, 0);
	}
	rumpuser_exit((howto & RB_DUMP) != 0 ? RUMPUSER_PANIC : 0);
}

void
rump_exit_prepare(void)
{
	rump_schedule();
	mutex_enter(&shutdown_lock);
	run_hooks(0);
	mutex_exit(&shutdown_lock);
	rump_unschedule();
}

int
sys_reboot(struct lwp *l, const struct sys_reboot_args *uap, register_t *retval)
{
	if (!kauth_cred_isroot(l->l_cred))
		return EPERM;
	kern_shutdown(uap->opt);
}
