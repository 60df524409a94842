/* SPDX-License-Identifier: BSD-2-Clause */
/* Process, group and session ids; resource limits. */
#include "kern/copy.h"
#include "kern/file.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "syscall_table/sysprotos.h"

int
sys_getpid(struct lwp *l, const struct sys_getpid_args *uap, register_t *retval)
{
	retval[0] = l->l_proc->p_pid;
	retval[1] =
	    atomic_load_explicit(&l->l_proc->p_ppid, memory_order_relaxed);
	return 0;
}

int
sys_getppid(
    struct lwp *l, const struct sys_getppid_args *uap, register_t *retval)
{
	*retval =
	    atomic_load_explicit(&l->l_proc->p_ppid, memory_order_relaxed);
	return 0;
}

int
sys_getpgrp(
    struct lwp *l, const struct sys_getpgrp_args *uap, register_t *retval)
{
	mutex_enter(&proc_lock);
	*retval = l->l_proc->p_pgid;
	mutex_exit(&proc_lock);
	return 0;
}

static struct proc *find_or_self(struct lwp *l, pid_t pid) REQUIRES(proc_lock);

static struct proc *
find_or_self(struct lwp *l, pid_t pid)
{
	return pid == 0 ? l->l_proc : proc_find(pid);
}

int
sys_getpgid(
    struct lwp *l, const struct sys_getpgid_args *uap, register_t *retval)
{
	struct proc *p;

	mutex_enter(&proc_lock);
	p = find_or_self(l, uap->pid);
	if (p != NULL)
		*retval = p->p_pgid;
	mutex_exit(&proc_lock);
	return p == NULL ? ESRCH : 0;
}

int
sys_getsid(struct lwp *l, const struct sys_getsid_args *uap, register_t *retval)
{
	struct proc *p;

	mutex_enter(&proc_lock);
	p = find_or_self(l, uap->pid);
	if (p != NULL)
		*retval = p->p_sid;
	mutex_exit(&proc_lock);
	return p == NULL ? ESRCH : 0;
}

int
sys_setsid(struct lwp *l, const struct sys_setsid_args *uap, register_t *retval)
{
	struct proc *p = l->l_proc;
	int error = 0;

	mutex_enter(&proc_lock);
	if (proc_group_exists(p->p_pid, NULL))
		error = EPERM;
	else
		*retval = p->p_sid = p->p_pgid = p->p_pid;
	mutex_exit(&proc_lock);
	return error;
}

/* POSIX setpgid(); pgid is not 0. */
static int setpgid_locked(struct proc *self, struct proc *p, pid_t pgid)
    REQUIRES(proc_lock);

static int
setpgid_locked(struct proc *self, struct proc *p, pid_t pgid)
{
	if (p == NULL || (p != self && p->p_parent != self))
		return ESRCH;
	if (p->p_sid != self->p_sid || p->p_sid == p->p_pid)
		return EPERM;
	if (pgid != p->p_pid && !proc_group_exists(pgid, p))
		return EPERM;
	p->p_pgid = pgid;
	return 0;
}

int
sys_setpgid(
    struct lwp *l, const struct sys_setpgid_args *uap, register_t *retval)
{
	pid_t pid = uap->pid == 0 ? l->l_proc->p_pid : uap->pid;
	int error;

	if (uap->pgid < 0)
		return EINVAL;
	mutex_enter(&proc_lock);
	error = setpgid_locked(
	    l->l_proc, proc_find(pid), uap->pgid == 0 ? pid : uap->pgid);
	mutex_exit(&proc_lock);
	return error;
}

int
sys_getrlimit(
    struct lwp *l, const struct sys_getrlimit_args *uap, register_t *retval)
{
	struct proc *p = l->l_proc;
	struct rump_rlimit rl;

	if ((unsigned)uap->which >= RLIM_NLIMITS)
		return EINVAL;
	mutex_enter(&p->p_lock);
	rl = p->p_rlimit[uap->which];
	mutex_exit(&p->p_lock);
	return copyout(&rl, uap->rlp, sizeof(rl));
}

static int
setrlimit_locked(struct proc *p, unsigned which, struct rump_rlimit rl)
{
	if (rl.rlim_max > p->p_rlimit[which].rlim_max &&
	    !kauth_cred_isroot(p->p_cred))
		return EPERM;
	if (which == RLIMIT_NOFILE) {
		rl.rlim_max = MIN(rl.rlim_max, FD_LIMIT);
		rl.rlim_cur = MIN(rl.rlim_cur, FD_LIMIT);
		atomic_store(&p->p_nofile, rl.rlim_cur);
	}
	if (which == RLIMIT_FSIZE)
		atomic_store(&p->p_fsize, rl.rlim_cur);
	p->p_rlimit[which] = rl;
	return 0;
}

int
sys_setrlimit(
    struct lwp *l, const struct sys_setrlimit_args *uap, register_t *retval)
{
	struct proc *p = l->l_proc;
	struct rump_rlimit rl;
	int error;

	if ((unsigned)uap->which >= RLIM_NLIMITS)
		return EINVAL;
	error = copyin(uap->rlp, &rl, sizeof(rl));
	if (error != 0)
		return error;
	if (rl.rlim_cur > rl.rlim_max)
		return EINVAL;
	mutex_enter(&p->p_lock);
	error = setrlimit_locked(p, uap->which, rl);
	mutex_exit(&p->p_lock);
	return error;
}
