/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hand-shake with the kernel, and what components' host halves use to leave
 * and enter it.
 */
#include "rumpuser/cpu.h"

#include "rump/rumpdefs.h"

#include "rumpuser/bug.h"
#include "rumpuser/clock.h"
#include "rumpuser/lwp.h"

static void
no_release(int nlocks, int *countp, void *interlock)
{
	*countp = 0;
}

static void
no_acquire(int nlocks, void *interlock)
{
}

/* Before there is a kernel, nobody has a CPU to give up. */
struct rumpuser_hyperup cpu_upcalls = {
	.hyp_backend_unschedule = no_release,
	.hyp_backend_schedule = no_acquire,
};

int
rumpuser_init(int version, const struct rumpuser_hyperup *hyp)
{
	if (version != RUMPUSER_VERSION) {
		rumpuser_dprintf("rumpuser: the kernel speaks version %d of "
				 "the hypercall interface, this library %d\n",
		    version, RUMPUSER_VERSION);
		return RUMP_EINVAL;
	}
	cpu_upcalls = *hyp;
	clock_init();
	return 0;
}

void *
rumpuser_component_unschedule(void)
{
	return (void *)(intptr_t)cpu_release(NULL);
}

void
rumpuser_component_schedule(void *cookie)
{
	cpu_acquire((int)(intptr_t)cookie, NULL);
}

void
rumpuser_component_kthread(void)
{
	int error;

	cpu_upcalls.hyp_schedule();
	error = cpu_upcalls.hyp_lwproc_newlwp(0);
	/* Process 0 is the kernel, which cannot be missing. */
	CHECK(error == 0);
	cpu_upcalls.hyp_unschedule();
}

void
rumpuser_component_kthread_release(void)
{
	cpu_upcalls.hyp_schedule();
	cpu_upcalls.hyp_lwproc_release();
	cpu_upcalls.hyp_unschedule();
}

struct lwp *
rumpuser_component_curlwp(void)
{
	struct lwp *l;

	cpu_upcalls.hyp_schedule();
	l = cpu_upcalls.hyp_lwproc_curlwp();
	cpu_upcalls.hyp_unschedule();
	return l;
}

void
rumpuser_component_switchlwp(struct lwp *l)
{
	cpu_upcalls.hyp_schedule();
	cpu_upcalls.hyp_lwproc_switch(l);
	cpu_upcalls.hyp_unschedule();
}
