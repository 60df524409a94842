/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads of the kernel itself: lwps of process 0 with a host thread each. */
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "kern/stats.h"
#include "rump/rumpuser.h"

struct kstart {
	void (*func)(void *);
	void *arg;
	struct lwp *l;
};

static _Atomic uint32_t nthreads;

static void *
kthread_main(void *cookie)
{
	struct kstart ks = *(struct kstart *)cookie;

	lwp_setcur(ks.l);
	kmem_free(cookie, sizeof(ks));
	ks.func(ks.arg);
	kthread_exit();
}

int
kthread_create(const char *name, void (*func)(void *), void *arg)
{
	struct kstart *ks;
	struct lwp *l;
	int error;

	ks = kmem_alloc(sizeof(*ks), KM_NOSLEEP);
	if (ks == NULL)
		return ENOMEM;
	l = lwp_create(&proc0, name);
	atomic_store(&l->l_inuse, 1);
	*ks = (struct kstart){ func, arg, l };
	atomic_fetch_add(&nthreads, 1);
	error =
	    rumpuser_thread_create(kthread_main, ks, l->l_name, 0, 0, -1, NULL);
	if (error == 0) {
		KSTAT_ADD(&kern_stats[KERN_KTHREADS], 1);
		return 0;
	}
	atomic_fetch_sub(&nthreads, 1);
	atomic_store(&l->l_inuse, 0);
	(void)proc_leave(&proc0);
	lwp_free(l);
	kmem_free(ks, sizeof(*ks));
	return error;
}

void
kthread_exit(void)
{
	struct lwp *l = curlwp;

	KASSERT(l->l_proc == &proc0 && rump_tls.cached == NULL);
	lwp_exithooks(l);
	lwp_setcur(NULL);
	atomic_store(&l->l_inuse, 0);
	(void)proc_leave(&proc0);
	kmem_thread_fini();
	lwp_free(l);
	atomic_fetch_sub(&nthreads, 1);
	rumpuser_thread_exit();
}

uint32_t
kthread_count(void)
{
	return atomic_load(&nthreads);
}
