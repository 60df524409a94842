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
#include "kern/kthread.h"
#include "kern/mutex.h"
#include "kern/queue.h"
#include "kern/types.h"
#include "rump/rumpabi.h"

struct filedesc;
struct kthread;
struct vnode;

#define PROC_MAX 7500 /* processes alive at once */

struct proc {
	struct list p_list;         /* allproc */
	struct list p_lwps;         /* p: of struct lwp, l_siblings */
	kmutex_t p_lock;            /* protects p: fields */
	pid_t p_pid;                /* i, but for all bets being off */
	_Atomic pid_t p_hostpid;    /* a client's, as its host knows it, or 0 */
	struct proc *p_parent;      /* proc_lock */
	_Atomic pid_t p_ppid;       /* proc_lock for writing: p_parent->p_pid */
	pid_t p_pgid, p_sid;        /* proc_lock */
	kauth_cred_t p_cred;        /* p, to write proc_lock too: owned */
	struct filedesc *p_fd;      /* i: owned or shared reference */
	struct cwdinfo *p_cwdi;     /* p: vfs's reference, NULL without it */
	uint32_t p_nlwps;           /* p: those that are not leaving */
	uint32_t p_flag;            /* p */
	_Atomic uint64_t p_sigpend; /* RUMP_SIGMODEL_RECORD: bit sig - 1 */
	mode_t p_umask;             /* atomic; proc_lock where it is shared */
	_Atomic uint32_t p_nofile;  /* p for writing: RLIMIT_NOFILE */
	_Atomic uint64_t p_fsize;   /* likewise RLIMIT_FSIZE */
	struct rump_rlimit p_rlimit[12]; /* p: by RLIMIT_* */
	char p_comm[32];
	void *p_vmspace;     /* i: sysproxy client cookie, NULL local */
	void *p_specific[4]; /* reserved for components */
};

/* p_flag */
#define PK_LOCAL 0x1 /* the implicit process of the host program */
#define PK_DYING 0x2

struct lwp {
	struct list l_siblings;     /* p: p_lwps */
	struct list l_sleep;        /* cv_guard of the cv slept on */
	struct proc *l_proc;        /* i */
	kauth_cred_t l_cred;        /* t: owned; a copy of p_cred, or LW_CRED */
	int32_t l_lid;              /* i */
	uint32_t l_flag;            /* t: LW_* */
	_Atomic uint32_t l_wake;    /* park word: sequence of wake-ups */
	_Atomic uint32_t l_woken;   /* the condition slept for came true */
	_Atomic uint32_t l_inuse;   /* a host thread is bound to it */
	_Atomic uint32_t *l_intr;   /* interrupt word of the host thread */
	_Atomic uint32_t l_exiting; /* the process wants it gone */
	void *l_namei_escape;       /* t: owned by vfs/namei.c, ph_lwpexit */
	struct kthread *l_kthread;  /* i: of kern/kthread.c, else NULL */
	char l_name[16];
};

#define LW_IMPLICIT 0x1 /* cached for a host thread, invisible outside */
#define LW_ESCAPE 0x2   /* rump_namei_escape_lwp() */
#define LW_UNHEARD 0x4  /* closes files, and nobody is told of errors */
#define LW_CRED 0x8     /* l_cred is the lwp's own */

/*
 * The one TLS object of librump, at most 64 bytes.
 *  curlwp     lwp of the current call
 *  bound      lwp that the host program bound to this thread, or NULL
 *  cached     implicit lwp kept for this thread, or NULL
 *  intr       set (async-signal-safely) when a signal waits for this thread:
 *             ends interruptible sleeps; cleared by rump_interrupt_clear()
 *  held       classes of the locks held, for lockdebug.c
 */
struct rump_tls {
	struct lwp *curlwp;
	struct lwp *bound;
	struct lwp *cached;
	void *kmem;
	_Atomic uint32_t intr;
	uint32_t nest;
	uint8_t nheld;
	uint8_t held[15];
};
_Static_assert(sizeof(struct rump_tls) <= 64, "contract of architecture.md");
extern __thread struct rump_tls rump_tls
    __attribute__((tls_model("initial-exec")));

#define curlwp (rump_tls.curlwp)
#define curproc (curlwp->l_proc)

extern struct proc proc0; /* the kernel's own */
extern struct lwp lwp0;
extern struct proc initproc; /* process 1, PK_LOCAL: the host program */

/*
 * What other layers keep in processes and lwps.  Attached once, from a
 * component initialiser: proc0, initproc and lwps exist by then and do not
 * pass through ph_fork.  Any member may be NULL; all may sleep.
 */
struct prochook {
	/* child is new and nobody else sees it; flags as in rfork. */
	void (*ph_fork)(struct proc *parent, struct proc *child, int flags);
	/* The last lwp, which is curlwp, leaves; descriptors are closed. */
	void (*ph_exit)(struct proc *p);
	/* Could ph_exit of p wait for more than this process does?  NULL: no.
	 * Does not sleep. */
	bool (*ph_lingers)(struct proc *p);
	void (*ph_lwpexit)(struct lwp *l);
	struct list ph_list;
};
void prochook_attach(struct prochook *ph);

/* True when an interruptible sleep of the current lwp must not begin. */
static inline bool
lwp_interrupted(struct lwp *l)
{
	return atomic_load_explicit(&l->l_exiting, memory_order_relaxed) != 0 ||
	       (l->l_intr != NULL &&
		   atomic_load_explicit(l->l_intr, memory_order_relaxed) != 0);
}

/*
 * Sleep until *cond is not 0.  The building block of condition variables and
 * polls; cond becomes true only through lwp_unpark().  deadline_ns: absolute
 * monotonic, 0 none.  sig: a signal or the end of the lwp ends the sleep.
 * Returns 0, EWOULDBLOCK or ERESTART.
 */
int lwp_park(
    struct lwp *l, _Atomic uint32_t *cond, int64_t deadline_ns, bool sig);
/*
 * Set *cond and wake l, which may sleep on it.  l must stay while this runs:
 * the caller holds a lock that l takes before it leaves.  lwp_mark() does it
 * but for the hypercall: it returns the word that remains to be given to
 * rumpcomp_kern_unpark(), whether or not l still exists by then.
 */
void lwp_unpark(struct lwp *l, _Atomic uint32_t *cond);
_Atomic uint32_t *lwp_mark(struct lwp *l, _Atomic uint32_t *cond);
/* Let l look at its l_exiting and interrupt word again. */
void lwp_kick(struct lwp *l);

/* A new lwp of p, or NULL when p is ending.  May sleep. */
struct lwp *lwp_create(struct proc *p, const char *name);
/*
 * The lwp that serves the calling host thread.  lwp_enter_slow() makes the
 * implicit one.
 */
struct lwp *lwp_enter_slow(void);
static inline struct lwp *
lwp_enter(void)
{
	struct lwp *l = curlwp;

	return PREDICT_TRUE(l != NULL) ? l : lwp_enter_slow();
}
/* Bind the calling host thread to l, or to none. */
void lwp_bind(struct lwp *l);
/* Take over a changed credential of the process, unless l has its own. */
void lwp_updatecred(struct lwp *l);
/* l, the current lwp, has this credential, whose reference it takes over, from
 * now on; NULL: that of its process. */
void lwp_setcred(struct lwp *l, kauth_cred_t cred);
static inline kauth_cred_t
lwp_cred(struct lwp *l)
{
	if (PREDICT_FALSE(l->l_cred != __atomic_load_n(&l->l_proc->p_cred,
					   __ATOMIC_RELAXED)))
		lwp_updatecred(l);
	return l->l_cred;
}

/*
 * A new process, child of parent, without lwps; flags as in
 * rump_pub_lwproc_rfork().  Nobody sees it, and it has no pid, before
 * proc_publish(), which comes after its first lwp, lest another thread's lwp
 * be the last one.  0, EINVAL, or EAGAIN for more than PROC_MAX.  May sleep.
 */
int proc_fork(struct proc *parent, int flags, struct proc **pp);
void proc_publish(struct proc *p);
/*
 * One lwp of p leaves; true for the last one of a process that does not stay.
 * That one then calls proc_exit() while it still is curlwp.  The structure goes
 * when lwp_free() has freed every lwp.
 */
bool proc_leave(struct proc *p);
/* Has the last one left?  What p has open is closed then. */
bool proc_is_dying(struct proc *p);
void proc_exit(struct proc *p);
void proc_free(struct proc *p);
/* Tell the other lwps of p to leave the kernel; does not wait. */
void proc_lwpexit(struct proc *p, struct lwp *self);
/* Set up proc0, lwp0 and initproc. */
void proc_boot(void);
/* Run the ph_lwpexit hooks for l, the calling lwp. */
void lwp_exithooks(struct lwp *l);
/* Free l, which has left its process and which no thread is bound to. */
void lwp_free(struct lwp *l);
void prochook_fork(struct proc *parent, struct proc *child, int flags);
void prochook_exit(struct proc *p);
bool prochook_lingers(struct proc *p);
/* curlwp of the calling host thread becomes l, also for the host. */
void lwp_setcur(struct lwp *l);
/* End the bound lwp, and with the last one its process; EINVAL if none. */
int lwp_release(void);

/* Find a live process; NULL if there is none.  Caller holds proc_lock. */
extern kmutex_t proc_lock;
struct proc *proc_find(pid_t pid) REQUIRES(proc_lock);
/* Make cred the credential of p; consumes the reference. */
void proc_setcred(struct proc *p, kauth_cred_t cred) REQUIRES(proc_lock);
/* The file creation mask of p, and of all that have its cwdinfo: what p's was. */
mode_t proc_setumask(struct proc *p, mode_t mask) REQUIRES(proc_lock);
/* Is there a process in group pgid, if sess is not NULL in its session? */
bool proc_group_exists(pid_t pgid, const struct proc *sess) REQUIRES(proc_lock);

#endif /* !KERN_LWP_H */
