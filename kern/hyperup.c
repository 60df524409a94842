/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Upcalls, and the public functions on processes and threads, which do the
 * same.  Host threads are our scheduler: there is no virtual CPU to take or to
 * give, so that entering the kernel means having an lwp, and blocking in a
 * hypercall means nothing.  rump_tls.nest counts the entries, because within
 * one a thread must have an lwp whatever it unbinds.
 */
#include "kern/hyperup.h"

#include "kern/console.h"
#include "kern/file.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "rump/rump.h"
#include "rump/rumphost.h"

#define MAXSLOTS 8

void
rump_schedule(void)
{
	rump_tls.nest++;
	(void)lwp_enter();
}

void
rump_unschedule(void)
{
	KASSERT(rump_tls.nest > 0);
	rump_tls.nest--;
}

static void
hyp_backend_unschedule(int nlocks, int *countp, void *interlock)
{
	if (countp != NULL)
		*countp = 0;
}

static void
hyp_backend_schedule(int nlocks, void *interlock)
{
}

static int
hyp_lwproc_rfork(void *priv, int flags, const char *comm)
{
	struct proc *p;
	struct lwp *l;
	int error;

	error = proc_fork(lwp_enter()->l_proc, flags, &p);
	if (error != 0)
		return error;
	p->p_vmspace = priv;
	if (comm != NULL)
		(void)strlcpy(p->p_comm, comm, sizeof(p->p_comm));
	l = lwp_create(p, p->p_comm);
	KASSERT(l != NULL);
	proc_publish(p);
	lwp_bind(l);
	/* A new process from elsewhere, nobody's child. */
	if (priv != NULL && flags == RUMP_RFCFDG)
		console_attach();
	return 0;
}

int
rump_pub_lwproc_rfork(int flags)
{
	return hyp_lwproc_rfork(NULL, flags, NULL);
}

int
rump_pub_lwproc_newlwp(int32_t pid)
{
	struct lwp *l = NULL;
	struct proc *p;

	(void)lwp_enter();
	/* The lock keeps p alive until it has one more lwp. */
	mutex_enter(&proc_lock);
	p = proc_find(pid);
	if (p != NULL)
		l = lwp_create(p, p->p_comm);
	mutex_exit(&proc_lock);
	if (l == NULL)
		return p == NULL ? ESRCH : EBUSY;
	lwp_bind(l);
	return 0;
}

void
rump_pub_lwproc_switch(struct lwp *l)
{
	lwp_bind(l);
}

void
rump_pub_lwproc_releaselwp(void)
{
	(void)lwp_release();
}

struct lwp *
rump_pub_lwproc_curlwp(void)
{
	return rump_tls.bound;
}

void
rump_pub_lwproc_sysent_usenative(void)
{
}

void
rump_pub_allbetsareoff_setid(int32_t pid, int lid)
{
	struct lwp *l;

	rump_schedule();
	l = curlwp;
	mutex_enter(&proc_lock);
	l->l_proc->p_pid = pid;
	l->l_lid = lid;
	mutex_exit(&proc_lock);
	rump_unschedule();
}

static int
hyp_syscall(int num, void *args, long retval[2])
{
	int64_t result[2] = { 0, 0 };
	int error;

	error = rump_syscall(num, args, MAXSLOTS * sizeof(register_t), result);
	retval[0] = result[0];
	retval[1] = result[1];
	if (error == ERESTART)
		return EINTR;
	return error == ENAMESPACE ? ENOENT : error;
}

static void
hyp_lwpexit(void)
{
	struct lwp *l = lwp_enter();

	proc_lwpexit(l->l_proc, l);
}

static void
hyp_execnotify(const char *comm)
{
	struct proc *p = lwp_enter()->l_proc;

	fd_closeexec(p->p_fd);
	mutex_enter(&p->p_lock);
	(void)strlcpy(p->p_comm, comm, sizeof(p->p_comm));
	mutex_exit(&p->p_lock);
}

static int32_t
hyp_getpid(void)
{
	return lwp_enter()->l_proc->p_pid;
}

const struct rumpuser_hyperup hyperup = {
	.hyp_schedule = rump_schedule,
	.hyp_unschedule = rump_unschedule,
	.hyp_backend_unschedule = hyp_backend_unschedule,
	.hyp_backend_schedule = hyp_backend_schedule,
	.hyp_lwproc_switch = rump_pub_lwproc_switch,
	.hyp_lwproc_release = rump_pub_lwproc_releaselwp,
	.hyp_lwproc_rfork = hyp_lwproc_rfork,
	.hyp_lwproc_newlwp = rump_pub_lwproc_newlwp,
	.hyp_lwproc_curlwp = rump_pub_lwproc_curlwp,
	.hyp_syscall = hyp_syscall,
	.hyp_lwpexit = hyp_lwpexit,
	.hyp_execnotify = hyp_execnotify,
	.hyp_getpid = hyp_getpid,
};

void
rump_set_hostcred(uint32_t uid, uint32_t euid, uint32_t gid, uint32_t egid,
    size_t ngroups, const uint32_t *groups)
{
	kauth_cred_t cred = kauth_cred_alloc();

	cred->cr_uid = uid;
	cred->cr_euid = cred->cr_svuid = euid;
	cred->cr_gid = gid;
	cred->cr_egid = cred->cr_svgid = egid;
	cred->cr_ngroups = MIN(ngroups, CRED_NGROUPS);
	for (uint32_t i = 0; i < cred->cr_ngroups; i++)
		cred->cr_groups[i] = groups[i];
	/* As in change_cred(): only one change at a time. */
	mutex_enter(&proc_lock);
	proc_setcred(&initproc, cred);
	mutex_exit(&proc_lock);
}
