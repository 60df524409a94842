/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel delivers no signals: that is the business of the host, which has
 * the handlers and the masks.  Whose process it is gets it from there: a client
 * through the server, else the thread that is making the call.
 */
#include "kern/signal.h"

#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "rump/rump.h"
#include "rump/rumpuser.h"

static enum rump_sigmodel sigmodel = RUMP_SIGMODEL_RAISE; /* i after boot */

void
rump_boot_setsigmodel(enum rump_sigmodel model)
{
	if (model == RUMP_SIGMODEL__HOST_NOTANYMORE)
		model = RUMP_SIGMODEL_RAISE;
	if (model <= RUMP_SIGMODEL_RECORD)
		sigmodel = model;
}

static void
raise_signal(struct proc *p, int sig)
{
	if (p->p_vmspace != NULL)
		(void)rumpuser_sp_raise(p->p_vmspace, sig);
	else
		(void)rumpuser_kill(p->p_pid, sig);
}

void
proc_signal(int sig)
{
	struct proc *p = curproc;

	KASSERT(sig > 0 && sig < NSIG);
	switch (sigmodel) {
	case RUMP_SIGMODEL_PANIC:
		panic("signal %d for process %d", sig, p->p_pid);
	case RUMP_SIGMODEL_IGNORE:
		break;
	case RUMP_SIGMODEL_RECORD:
		atomic_fetch_or(&p->p_sigpend, UINT64_C(1) << (sig - 1));
		break;
	default:
		raise_signal(p, sig);
		break;
	}
}
