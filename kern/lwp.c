/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which lwp serves a host thread:
 *
 *   bound   the one that the program bound by rump_pub_lwproc_*(), else
 *   cached  the implicit one of process 1, made when the thread first enters
 *           the kernel and kept until the thread ends.
 *
 * curlwp stays set between calls, so that entering the kernel is one load.  A
 * thread's end is noticed by rumpcomp_kern_thread_attach(), or told.
 */
#include "kern/lwp.h"

#include "kern/clock.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "kern/stats.h"
#include "kern/user.h"
#include "rump/rump.h"
#include "rump/rumphost.h"
#include "rump/rumpuser.h"

__thread struct rump_tls rump_tls __attribute__((tls_model("initial-exec")));

struct lwp lwp0;

static _Atomic int32_t last_lid;
static struct list hooks = LIST_INITIALIZER(hooks); /* constant after boot */

void
prochook_attach(struct prochook *ph)
{
	list_insert_tail(&hooks, &ph->ph_list);
}

void
prochook_fork(struct proc *parent, struct proc *child, int flags)
{
	struct list *n;
	struct prochook *ph;

	LIST_FOREACH (n, &hooks) {
		ph = LIST_ENTRY(n, struct prochook, ph_list);
		if (ph->ph_fork != NULL)
			ph->ph_fork(parent, child, flags);
	}
}

void
prochook_exit(struct proc *p)
{
	struct list *n;
	struct prochook *ph;

	LIST_FOREACH (n, &hooks) {
		ph = LIST_ENTRY(n, struct prochook, ph_list);
		if (ph->ph_exit != NULL)
			ph->ph_exit(p);
	}
}

bool
prochook_lingers(struct proc *p)
{
	struct list *n;
	struct prochook *ph;

	LIST_FOREACH (n, &hooks) {
		ph = LIST_ENTRY(n, struct prochook, ph_list);
		if (ph->ph_lingers != NULL && ph->ph_lingers(p))
			return true;
	}
	return false;
}

void
lwp_exithooks(struct lwp *l)
{
	struct list *n;
	struct prochook *ph;

	LIST_FOREACH (n, &hooks) {
		ph = LIST_ENTRY(n, struct prochook, ph_list);
		if (ph->ph_lwpexit != NULL)
			ph->ph_lwpexit(l);
	}
}

struct lwp *
lwp_create(struct proc *p, const char *name)
{
	struct lwp *l = kmem_zalloc(sizeof(*l), KM_SLEEP);

	list_init(&l->l_sleep);
	l->l_proc = p;
	l->l_lid =
	    atomic_fetch_add_explicit(&last_lid, 1, memory_order_relaxed) + 1;
	(void)strlcpy(l->l_name, name, sizeof(l->l_name));
	mutex_enter(&p->p_lock);
	if ((p->p_flag & PK_DYING) != 0) {
		mutex_exit(&p->p_lock);
		kmem_free(l, sizeof(*l));
		return NULL;
	}
	l->l_cred = p->p_cred;
	kauth_cred_hold(l->l_cred);
	list_insert_tail(&p->p_lwps, &l->l_siblings);
	p->p_nlwps++;
	mutex_exit(&p->p_lock);
	KSTAT_ADD(&kern_stats[KERN_LWPS], 1);
	rumpuser_curlwpop(RUMPUSER_LWP_CREATE, l);
	return l;
}

void
lwp_free(struct lwp *l)
{
	struct proc *p = l->l_proc;
	bool gone;

	KASSERT(atomic_load(&l->l_inuse) == 0);
	rumpuser_curlwpop(RUMPUSER_LWP_DESTROY, l);
	mutex_enter(&p->p_lock);
	list_remove(&l->l_siblings);
	gone = (p->p_flag & PK_DYING) != 0 && list_empty(&p->p_lwps);
	mutex_exit(&p->p_lock);
	kauth_cred_free(l->l_cred);
	kmem_free(l, sizeof(*l));
	if (gone)
		proc_free(p);
}

void
lwp_setcur(struct lwp *l)
{
	if (curlwp == l)
		return;
	if (curlwp != NULL)
		rumpuser_curlwpop(RUMPUSER_LWP_CLEAR, curlwp);
	curlwp = l;
	if (l != NULL)
		rumpuser_curlwpop(RUMPUSER_LWP_SET, l);
}

/* The calling host thread is the one that runs l from now on. */
static void
take(struct lwp *l)
{
	if (atomic_exchange(&l->l_inuse, 1) != 0)
		panic("lwp %d is in use by another thread", l->l_lid);
	l->l_intr = &rump_tls.intr;
	rumpcomp_kern_thread_attach();
}

static void
leave(struct lwp *l)
{
	l->l_intr = NULL;
	atomic_store(&l->l_inuse, 0);
}

struct lwp *
lwp_enter_slow(void)
{
	struct lwp *l = rump_tls.cached;

	if (l == NULL) {
		if (initproc.p_pid == 0)
			panic("the kernel is entered before rump_init()");
		l = lwp_create(&initproc, "implicit");
		l->l_flag = LW_IMPLICIT;
		take(l);
		rump_tls.cached = l;
	}
	lwp_setcur(l);
	return l;
}

void
lwp_bind(struct lwp *l)
{
	struct lwp *old = rump_tls.bound;

	if (l == old)
		return;
	if (l != NULL)
		take(l);
	rump_tls.bound = l;
	lwp_setcur(l != NULL ? l : rump_tls.cached);
	if (curlwp == NULL && rump_tls.nest > 0)
		(void)lwp_enter_slow();
	/* From here on another thread may run it, or end it. */
	if (old != NULL)
		leave(old);
}

int
lwp_release(void)
{
	struct lwp *l = rump_tls.bound;

	if (l == NULL)
		return EINVAL;
	rump_tls.nest++;
	lwp_exithooks(l);
	if (proc_leave(l->l_proc))
		proc_exit(l->l_proc);
	lwp_bind(NULL);
	lwp_free(l);
	rump_tls.nest--;
	return 0;
}

void
lwp_updatecred(struct lwp *l)
{
	struct proc *p = l->l_proc;
	kauth_cred_t old = l->l_cred;

	if ((l->l_flag & LW_CRED) != 0)
		return;
	mutex_enter(&p->p_lock);
	l->l_cred = p->p_cred;
	kauth_cred_hold(l->l_cred);
	mutex_exit(&p->p_lock);
	kauth_cred_free(old);
}

void
lwp_setcred(struct lwp *l, kauth_cred_t cred)
{
	if (cred == NULL) {
		l->l_flag &= ~(uint32_t)LW_CRED;
		lwp_updatecred(l);
		return;
	}
	kauth_cred_free(l->l_cred);
	l->l_cred = cred;
	l->l_flag |= LW_CRED;
}

void
rump_thread_fini(void)
{
	struct lwp *l;

	rump_tls.nest = 0;
	lwp_bind(NULL);
	l = rump_tls.cached;
	if (l == NULL) {
		kmem_thread_fini();
		return;
	}
	lwp_setcur(l);
	lwp_exithooks(l);
	lwp_setcur(NULL);
	rump_tls.cached = NULL;
	leave(l);
	(void)proc_leave(l->l_proc);
	kmem_thread_fini();
	lwp_free(l);
}

int
lwp_park(struct lwp *l, _Atomic uint32_t *cond, int64_t deadline_ns, bool sig)
{
	_Atomic uint32_t *intr = sig ? l->l_intr : NULL;
	uint32_t seq;
	int error = 0;

	for (;;) {
		seq = atomic_load_explicit(&l->l_wake, memory_order_acquire);
		if (atomic_load_explicit(cond, memory_order_acquire) != 0)
			return 0;
		if (sig && lwp_interrupted(l))
			return ERESTART;
		if (error == ETIMEDOUT)
			return EWOULDBLOCK;
		error = rumpcomp_kern_park(&l->l_wake, seq, deadline_ns, intr);
	}
}

_Atomic uint32_t *
lwp_mark(struct lwp *l, _Atomic uint32_t *cond)
{
	_Atomic uint32_t *word = &l->l_wake;

	/*
	 * The condition first: a sleeper that read the new sequence must not
	 * find the old condition, because the hypercall that follows may come
	 * before it sleeps.
	 */
	atomic_store_explicit(cond, 1, memory_order_release);
	atomic_fetch_add_explicit(word, 1, memory_order_release);
	return word;
}

void
lwp_unpark(struct lwp *l, _Atomic uint32_t *cond)
{
	rumpcomp_kern_unpark(lwp_mark(l, cond), 1);
}

void
lwp_kick(struct lwp *l)
{
	atomic_fetch_add_explicit(&l->l_wake, 1, memory_order_release);
	rumpcomp_kern_unpark(&l->l_wake, 1);
}

/*
 * Also bumping the park word ends a sleep that is about to begin, whatever the
 * host can do about the gap between check and sleep.
 */
void
rump_interrupt(void)
{
	struct lwp *l = curlwp;

	atomic_store_explicit(&rump_tls.intr, 1, memory_order_relaxed);
	if (l != NULL)
		atomic_fetch_add_explicit(&l->l_wake, 1, memory_order_release);
}

void
rump_interrupt_clear(void)
{
	atomic_store_explicit(&rump_tls.intr, 0, memory_order_relaxed);
}
