/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes: descriptors, credentials and lwps that belong together.  There is
 * no wait(2) in a rump kernel, so a process vanishes with its last lwp.
 * Process 0 is the kernel, process 1 the host program; these two stay.
 */
#include "kern/kmem.h"
#include "kern/file.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "kern/stats.h"
#include "rump/rump.h"
#include "rump/rumpuser.h"

#define PID_MAX 30000
#define CMASK 022

kmutex_t proc_lock;
struct proc proc0, initproc;

static struct list allproc = LIST_INITIALIZER(allproc); /* proc_lock */
static pid_t last_pid = 1;                              /* proc_lock */
static unsigned nprocs;                                 /* proc_lock */

struct proc *
proc_find(pid_t pid)
{
	struct list *n;
	struct proc *p;

	LIST_FOREACH (n, &allproc) {
		p = LIST_ENTRY(n, struct proc, p_list);
		if (p->p_pid == pid)
			return p;
	}
	return NULL;
}

bool
proc_group_exists(pid_t pgid, const struct proc *sess)
{
	struct list *n;
	struct proc *p;

	LIST_FOREACH (n, &allproc) {
		p = LIST_ENTRY(n, struct proc, p_list);
		if (p->p_pgid == pgid &&
		    (sess == NULL || p->p_sid == sess->p_sid))
			return true;
	}
	return false;
}

static bool
pid_taken(pid_t pid)
{
	struct list *n;
	struct proc *p;

	LIST_FOREACH (n, &allproc) {
		p = LIST_ENTRY(n, struct proc, p_list);
		if (p->p_pid == pid || p->p_pgid == pid || p->p_sid == pid)
			return true;
	}
	return false;
}

static pid_t
pid_allocate(void)
{
	/* Each process keeps up to three numbers from being used. */
	_Static_assert(PID_MAX > 3 * PROC_MAX + 2, "one is always free");

	KASSERT(mutex_owned(&proc_lock));
	do {
		last_pid = last_pid == PID_MAX ? 2 : last_pid + 1;
	} while (pid_taken(last_pid));
	return last_pid;
}

static void
rlimit_init(struct proc *p)
{
	_Static_assert(NITEMS(p->p_rlimit) == RLIM_NLIMITS, "all of them");

	for (unsigned i = 0; i < RLIM_NLIMITS; i++)
		p->p_rlimit[i] =
		    (struct rump_rlimit){ RLIM_INFINITY, RLIM_INFINITY };
	p->p_rlimit[RLIMIT_NOFILE] = (struct rump_rlimit){ FD_LIMIT, FD_LIMIT };
	atomic_store(&p->p_nofile, FD_LIMIT);
	atomic_store(&p->p_fsize, RLIM_INFINITY);
}

static void
proc_init(struct proc *p, struct proc *parent)
{
	list_init(&p->p_list);
	list_init(&p->p_lwps);
	mutex_init(&p->p_lock, "proc");
	p->p_parent = parent;
	atomic_init(&p->p_ppid, parent->p_pid);
	p->p_umask = CMASK;
	rlimit_init(p);
}

static void
boot_one(struct proc *p, pid_t pid, kauth_cred_t cred, const char *comm)
{
	proc_init(p, &proc0);
	p->p_pid = p->p_pgid = p->p_sid = pid;
	p->p_cred = cred;
	p->p_fd = fdtable_create();
	(void)strlcpy(p->p_comm, comm, sizeof(p->p_comm));
	list_insert_tail(&allproc, &p->p_list);
	nprocs++;
}

void
proc_boot(void)
{
	mutex_init(&proc_lock, "proclist");
	boot_one(&proc0, 0, kauth_cred_kernel(), "system");
	boot_one(&initproc, 1, kauth_cred_alloc(), "rumplocal");
	initproc.p_flag = PK_LOCAL;
	list_init(&lwp0.l_sleep);
	lwp0.l_proc = &proc0;
	lwp0.l_cred = proc0.p_cred;
	kauth_cred_hold(lwp0.l_cred);
	list_insert_tail(&proc0.p_lwps, &lwp0.l_siblings);
	proc0.p_nlwps = 1;
	(void)strlcpy(lwp0.l_name, "boot", sizeof(lwp0.l_name));
	rumpuser_curlwpop(RUMPUSER_LWP_CREATE, &lwp0);
}

static struct filedesc *
fork_descriptors(struct proc *parent, int flags)
{
	if (flags == RUMP_RFFDG)
		return fdtable_copy(parent->p_fd);
	if (flags == RUMP_RFCFDG)
		return fdtable_create();
	fdtable_ref(parent->p_fd);
	return parent->p_fd;
}

static mode_t
umask_of(const struct proc *p)
{
	return __atomic_load_n(&p->p_umask, __ATOMIC_RELAXED);
}

static bool
shares_cwd(const struct proc *p, const struct proc *q)
{
	struct cwdinfo *cw = __atomic_load_n(&p->p_cwdi, __ATOMIC_RELAXED);

	return cw != NULL &&
	       cw == __atomic_load_n(&q->p_cwdi, __ATOMIC_RELAXED);
}

mode_t
proc_setumask(struct proc *p, mode_t mask)
{
	struct list *n;
	struct proc *q;
	mode_t old = umask_of(p);

	LIST_FOREACH (n, &allproc) {
		q = LIST_ENTRY(n, struct proc, p_list);
		if (q == p || shares_cwd(q, p))
			__atomic_store_n(&q->p_umask, mask, __ATOMIC_RELAXED);
	}
	return old;
}

/* Count one more process, unless there are too many. */
static bool
proc_count(void)
{
	bool room;

	mutex_enter(&proc_lock);
	room = nprocs < PROC_MAX;
	nprocs += room;
	mutex_exit(&proc_lock);
	return room;
}

int
proc_fork(struct proc *parent, int flags, struct proc **pp)
{
	struct proc *p;
	int fds = flags & ~RUMP_RFCWD_SHARE;

	if (fds != 0 && fds != RUMP_RFFDG && fds != RUMP_RFCFDG)
		return EINVAL;
	if (!proc_count())
		return EAGAIN;
	p = kmem_zalloc(sizeof(*p), KM_SLEEP);
	proc_init(p, parent);
	p->p_fd = fork_descriptors(parent, fds);
	mutex_enter(&parent->p_lock);
	p->p_cred = parent->p_cred;
	kauth_cred_hold(p->p_cred);
	p->p_umask = umask_of(parent);
	memcpy(p->p_rlimit, parent->p_rlimit, sizeof(p->p_rlimit));
	atomic_store(&p->p_nofile, atomic_load(&parent->p_nofile));
	atomic_store(&p->p_fsize, atomic_load(&parent->p_fsize));
	memcpy(p->p_comm, parent->p_comm, sizeof(p->p_comm));
	mutex_exit(&parent->p_lock);
	prochook_fork(parent, p, flags);
	*pp = p;
	return 0;
}

void
proc_publish(struct proc *p)
{
	mutex_enter(&proc_lock);
	p->p_pid = pid_allocate();
	p->p_pgid = p->p_parent->p_pgid;
	p->p_sid = p->p_parent->p_sid;
	/* It may have changed meanwhile. */
	if (shares_cwd(p, p->p_parent))
		p->p_umask = umask_of(p->p_parent);
	list_insert_tail(&allproc, &p->p_list);
	mutex_exit(&proc_lock);
	KSTAT_ADD(&kern_stats[KERN_PROCESSES], 1);
}

static void
proc_unlink(struct proc *p)
{
	struct list *n;
	struct proc *child;

	mutex_enter(&proc_lock);
	list_remove(&p->p_list);
	nprocs--;
	LIST_FOREACH (n, &allproc) {
		child = LIST_ENTRY(n, struct proc, p_list);
		if (child->p_parent != p)
			continue;
		child->p_parent = &initproc;
		atomic_store(&child->p_ppid, initproc.p_pid);
	}
	mutex_exit(&proc_lock);
}

bool
proc_leave(struct proc *p)
{
	bool last;

	mutex_enter(&p->p_lock);
	KASSERT(p->p_nlwps > 0);
	last = --p->p_nlwps == 0 && p != &proc0 && (p->p_flag & PK_LOCAL) == 0;
	if (last)
		p->p_flag |= PK_DYING;
	mutex_exit(&p->p_lock);
	return last;
}

bool
proc_is_dying(struct proc *p)
{
	bool dying;

	mutex_enter(&p->p_lock);
	dying = (p->p_flag & PK_DYING) != 0;
	mutex_exit(&p->p_lock);
	return dying;
}

void
proc_exit(struct proc *p)
{
	proc_unlink(p);
	fdtable_unref(p->p_fd);
	prochook_exit(p);
}

void
proc_free(struct proc *p)
{
	kauth_cred_free(p->p_cred);
	mutex_destroy(&p->p_lock);
	kmem_free(p, sizeof(*p));
}

void
proc_setcred(struct proc *p, kauth_cred_t cred)
{
	kauth_cred_t old;

	mutex_enter(&p->p_lock);
	old = p->p_cred;
	__atomic_store_n(&p->p_cred, cred, __ATOMIC_RELAXED);
	mutex_exit(&p->p_lock);
	kauth_cred_free(old);
}

void
proc_lwpexit(struct proc *p, struct lwp *self)
{
	struct list *n;
	struct lwp *l;

	mutex_enter(&p->p_lock);
	LIST_FOREACH (n, &p->p_lwps) {
		l = LIST_ENTRY(n, struct lwp, l_siblings);
		if (l == self)
			continue;
		atomic_store(&l->l_exiting, 1);
		lwp_kick(l);
	}
	mutex_exit(&p->p_lock);
}
