/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes and their threads (lwps).
 *
 * curlwp is one initial-exec TLS load.  A host thread that arrives without an
 * lwp is served by one that is cached for it, which the outside cannot see.
 * Inside the kernel curlwp is never NULL.
 */
#ifndef KERN_LWP_H
#define KERN_LWP_H

#include <stdatomic.h>

#include "kern/cred.h"
#include "kern/mutex.h"
#include "kern/queue.h"
#include "kern/types.h"

struct filedesc;
struct vnode;

struct proc {
	struct list p_list;      /* allproc */
	struct list p_lwps;      /* p: of struct lwp, l_siblings */
	kmutex_t p_lock;         /* protects p: fields */
	pid_t p_pid;             /* i */
	struct proc *p_parent;   /* p */
	pid_t p_pgid, p_sid;     /* p */
	kauth_cred_t p_cred;     /* p: owned reference */
	struct filedesc *p_fd;   /* i: owned or shared reference */
	struct cwdinfo *p_cwdi;  /* i: owned by vfs, NULL without it */
	_Atomic uint32_t p_nlwps;
	uint32_t p_flag;         /* p */
	mode_t p_umask;          /* p */
	char p_comm[32];
	void *p_vmspace;         /* i: sysproxy client cookie, NULL local */
	void *p_specific[4];     /* reserved for components */
};

/* p_flag */
#define PK_LOCAL 0x1 /* the implicit process of the host program */
#define PK_DYING 0x2

struct lwp {
	struct list l_siblings;        /* p: p_lwps */
	struct list l_sleep;           /* cv_guard of the cv slept on */
	struct proc *l_proc;           /* i */
	kauth_cred_t l_cred;           /* t: owned; a copy of p_cred */
	int32_t l_lid;                 /* i */
	uint32_t l_flag;               /* t: LW_* */
	_Atomic uint32_t l_wake;       /* park word: sequence of wake-ups */
	_Atomic uint32_t l_woken;      /* reason, see lwp_park() */
	_Atomic uint32_t *l_intr;      /* interrupt word of the host thread */
	_Atomic(void *) l_sleepcv;     /* cv slept on, or NULL */
	_Atomic uint32_t l_exiting;    /* the process wants it gone */
	void *l_namei_escape;          /* t: owned by vfs/namei.c */
	char l_name[16];
};

#define LW_IMPLICIT 0x1 /* cached for a host thread, invisible outside */

/*
 * The one TLS object of librump, at most 64 bytes.
 *  curlwp     lwp of the current call
 *  bound      lwp that the host program bound to this thread, or NULL
 *  cached     implicit lwp kept for this thread, or NULL
 *  intr       set (async-signal-safely) when a signal waits for this thread:
 *             ends interruptible sleeps; cleared by rump_interrupt_clear()
 */
struct rump_tls {
	struct lwp *curlwp;
	struct lwp *bound;
	struct lwp *cached;
	void *kmem;
	_Atomic uint32_t intr;
	uint32_t nest;
	void *spare[2];
};
_Static_assert(sizeof(struct rump_tls) <= 64, "contract of architecture.md");
extern __thread struct rump_tls rump_tls
    __attribute__((tls_model("initial-exec")));

#define curlwp (rump_tls.curlwp)
#define curproc (curlwp->l_proc)

extern struct proc proc0; /* the kernel's own */
extern struct lwp lwp0;

/* True when an interruptible sleep of the current lwp must not begin. */
static inline bool
lwp_interrupted(struct lwp *l)
{
	return atomic_load_explicit(&l->l_exiting, memory_order_relaxed) != 0 ||
	    (l->l_intr != NULL &&
	    atomic_load_explicit(l->l_intr, memory_order_relaxed) != 0);
}

/*
 * Create a kernel thread running func(arg); it ends with kthread_exit().
 * Returns 0 or EAGAIN/ENOMEM.  May sleep.
 */
int kthread_create(const char *name, void (*func)(void *), void *arg);
void kthread_exit(void) NORETURN;

/* Find a live process; NULL if there is none.  Caller holds proc_lock. */
extern kmutex_t proc_lock;
struct proc *proc_find(pid_t pid) REQUIRES(proc_lock);

#endif /* !KERN_LWP_H */
