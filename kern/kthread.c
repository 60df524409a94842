/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel thread's record outlives its host thread: parked, it waits in the
 * list of those to be started, as does one that is created meanwhile.
 *
 * The guard orders creating and parking: a thread that was counted before
 * kthread_parkings rose is waited for and finds its park point, any later one
 * goes to the list.  Whoever makes the count of parkings zero starts what is in
 * the list.  nthreads goes down as the very last thing that a thread does in
 * the kernel, and is the word that kthread_park_all() sleeps on.
 */
#include "kern/kthread.h"

#include "kern/clock.h"
#include "kern/guard.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "kern/stats.h"
#include "rump/rumperr.h"
#include "rump/rumphost.h"
#include "rump/rumpuser.h"

#define MAXKICKS 8
#define NSEC INT64_C(1000000000)

struct kthread {
	struct list kt_list;     /* guard: in waiting */
	void (*kt_func)(void *); /* i */
	void *kt_arg;            /* i */
	struct lwp *kt_lwp;      /* i */
};

bool kthread_enabled = true;
_Atomic uint32_t kthread_parkings; /* changes under guard */

static _Atomic uint32_t guard;
static struct list waiting = LIST_INITIALIZER(waiting); /* guard */
static _Atomic uint32_t nthreads;                       /* grows under guard */
static void (*kicks[MAXKICKS])(void); /* constant after boot */
static unsigned nkicks;

static void
count_down(void)
{
	atomic_fetch_sub(&nthreads, 1);
	if (kthread_parking())
		rumpcomp_kern_unpark(&nthreads, INT32_MAX);
}

static void NORETURN
host_thread_exit(void)
{
	kmem_thread_fini();
	count_down();
	rumpuser_thread_exit();
}

static void *
kthread_main(void *cookie)
{
	struct kthread *kt = cookie;

	atomic_store(&kt->kt_lwp->l_inuse, 1);
	lwp_setcur(kt->kt_lwp);
	kt->kt_func(kt->kt_arg);
	kthread_exit();
}

/* Start the host thread of kt, which has been counted. */
static int
start(struct kthread *kt)
{
	int error;

	error = rumpuser_thread_create(
	    kthread_main, kt, kt->kt_lwp->l_name, 0, 0, -1, NULL);
	if (error != 0)
		count_down();
	else
		KSTAT_ADD(&kern_stats[KERN_KTHREADS], 1);
	return error;
}

/* Whether kt is to be started now; else it waits. */
static bool
count_or_enlist(struct kthread *kt)
{
	bool parking;

	guard_enter(&guard);
	parking = kthread_parking();
	if (parking)
		list_insert_tail(&waiting, &kt->kt_list);
	else
		atomic_fetch_add(&nthreads, 1);
	guard_exit(&guard);
	return !parking;
}

static void
kthread_free(struct kthread *kt)
{
	struct lwp *l = kt->kt_lwp;

	atomic_store(&l->l_inuse, 0);
	(void)proc_leave(&proc0);
	lwp_free(l);
	kmem_free(kt, sizeof(*kt));
}

int
kthread_create(const char *name, void (*func)(void *), void *arg)
{
	struct kthread *kt;
	struct lwp *l;
	int error = 0;

	if (!kthread_enabled)
		return ENOTSUP;
	kt = kmem_alloc(sizeof(*kt), KM_NOSLEEP);
	if (kt == NULL)
		return ENOMEM;
	l = lwp_create(&proc0, name);
	*kt = (struct kthread){
		.kt_func = func,
		.kt_arg = arg,
		.kt_lwp = l,
	};
	l->l_kthread = kt;
	if (count_or_enlist(kt))
		error = start(kt);
	if (error != 0)
		kthread_free(kt);
	return error;
}

void
kthread_exit(void)
{
	struct lwp *l = curlwp;
	struct kthread *kt = l->l_kthread;

	KASSERT(l->l_proc == &proc0 && rump_tls.cached == NULL);
	lwp_exithooks(l);
	lwp_setcur(NULL);
	kthread_free(kt);
	host_thread_exit();
}

uint32_t
kthread_count(void)
{
	return atomic_load(&nthreads);
}

void
kthread_kick_attach(void (*kick)(void))
{
	KASSERT(nkicks < MAXKICKS);
	kicks[nkicks++] = kick;
}

void
kthread_parkpoint(void)
{
	struct lwp *l = curlwp;
	struct kthread *kt = l->l_kthread;
	bool parked = false;

	if (PREDICT_TRUE(!kthread_parking()))
		return;
	KASSERT(l->l_proc == &proc0 && rump_tls.cached == NULL);
	/* Before another thread may take the lwp over. */
	lwp_setcur(NULL);
	atomic_store(&l->l_inuse, 0);
	guard_enter(&guard);
	parked = kthread_parking();
	if (parked)
		list_insert_tail(&waiting, &kt->kt_list);
	guard_exit(&guard);
	if (parked)
		host_thread_exit();
	atomic_store(&l->l_inuse, 1);
	lwp_setcur(l);
}

int
kthread_park_all(void)
{
	struct lwp *l = lwp_enter();
	int64_t deadline = deadline_after(KTHREAD_PARK_S * NSEC);
	uint32_t n;
	int error = 0;

	guard_enter(&guard);
	atomic_fetch_add(&kthread_parkings, 1);
	guard_exit(&guard);
	for (unsigned i = 0; i < nkicks; i++)
		kicks[i]();
	while ((n = atomic_load(&nthreads)) != 0) {
		if (error != 0 || lwp_interrupted(l))
			return error == ETIMEDOUT ? EWOULDBLOCK : ERESTART;
		error = rumpcomp_kern_park(&nthreads, n, deadline, l->l_intr);
	}
	return 0;
}

/* One that waits to be started, counted; NULL if there is none. */
static struct kthread *
take_waiting(void)
{
	struct kthread *kt = NULL;

	guard_enter(&guard);
	if (!kthread_parking() && !list_empty(&waiting)) {
		kt = LIST_ENTRY(waiting.next, struct kthread, kt_list);
		list_remove(&kt->kt_list);
		atomic_fetch_add(&nthreads, 1);
	}
	guard_exit(&guard);
	return kt;
}

/*
 * What the host does not start now waits for the next time: those who count on
 * the thread have been promised that it is there.
 */
static void
start_waiting(void)
{
	struct kthread *kt;
	int error;

	while ((kt = take_waiting()) != NULL) {
		error = start(kt);
		if (error == 0)
			continue;
		kprintf("kthread: %s is not started again: %s\n",
		    kt->kt_lwp->l_name, rump_strerror(error));
		guard_enter(&guard);
		list_insert_head(&waiting, &kt->kt_list);
		guard_exit(&guard);
		return;
	}
}

void
kthread_unpark_all(void)
{
	guard_enter(&guard);
	atomic_fetch_sub(&kthread_parkings, 1);
	guard_exit(&guard);
	start_waiting();
}

void
rump_threads_park(void)
{
	(void)kthread_park_all();
}

void
rump_threads_unpark(void)
{
	kthread_unpark_all();
}
