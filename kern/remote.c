/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's side of remote system calls.  A process with a p_vmspace is a
 * client of the server, which is a part of the hypercalls; that pointer is the
 * server's name for it.  Threads of the server call us bound to an lwp of the
 * process, so that everything here is about the current one, as ever.
 */
#include "kern/remote.h"

#include <stdatomic.h>

#include "kern/boot.h"
#include "kern/clock.h"
#include "kern/copy.h"
#include "kern/file.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "rump/rump.h"
#include "rump/rumphost.h"
#include "rump/rumpuser.h"

static _Atomic bool serving;
static _Atomic int64_t deserted_ns; /* see remote_deserted() */

static int
remote_in(void *cookie, const void *uaddr, void *kaddr, size_t len)
{
	return len == 0 ? 0 : rumpuser_sp_copyin(cookie, uaddr, kaddr, len);
}

static int
remote_out(void *cookie, const void *kaddr, void *uaddr, size_t len)
{
	return len == 0 ? 0 : rumpuser_sp_copyout(cookie, kaddr, uaddr, len);
}

static int
remote_instr(
    void *cookie, const void *uaddr, char *kaddr, size_t size, size_t *done)
{
	size_t len = size;
	int error;

	if (size == 0)
		return ENAMETOOLONG;
	error = rumpuser_sp_copyinstr(cookie, uaddr, kaddr, &len);
	if (error != 0)
		return error;
	*done = strnlen(kaddr, len) + 1;
	/* No end in what has come. */
	return *done > len ? ENAMETOOLONG : 0;
}

void
remote_boot(void)
{
	static const struct copyops ops = {
		.co_in = remote_in,
		.co_out = remote_out,
		.co_instr = remote_instr,
	};

	copyops_attach(&ops);
}

int
rump_init_server(const char *url)
{
	int error;

	/* A client may be quicker than we are, and end the kernel. */
	atomic_store(&serving, true);
	error = rumpuser_sp_init(url, OSTYPE, OSRELEASE, "amd64");
	if (error != 0)
		atomic_store(&serving, false);
	return error;
}

void
rump_desert(bool deserted)
{
	int64_t never = 0;

	if (!deserted)
		atomic_store(&deserted_ns, 0);
	else
		(void)atomic_compare_exchange_strong(
		    &deserted_ns, &never, uptime_ns());
}

int64_t
remote_deserted(void)
{
	return atomic_load(&deserted_ns);
}

void
remote_shutdown(void)
{
	if (atomic_load(&serving))
		rumpuser_sp_fini(curproc->p_vmspace);
}

static kauth_cred_t
cred_of(const struct rump_hostcred *hc)
{
	kauth_cred_t cred = kauth_cred_alloc();

	cred->cr_uid = hc->hc_uid[0];
	cred->cr_euid = hc->hc_uid[1];
	cred->cr_svuid = hc->hc_uid[2];
	cred->cr_gid = hc->hc_gid[0];
	cred->cr_egid = hc->hc_gid[1];
	cred->cr_svgid = hc->hc_gid[2];
	cred->cr_ngroups = MIN(hc->hc_ngroups, CRED_NGROUPS);
	for (uint32_t i = 0; i < cred->cr_ngroups; i++)
		cred->cr_groups[i] = hc->hc_groups[i];
	if (hc->hc_idmap != NULL)
		cred->cr_idmap = idmap_create(hc->hc_idmap);
	return cred;
}

int
rump_proc_setcred(int32_t pid, const struct rump_hostcred *hc)
{
	kauth_cred_t cred = cred_of(hc);
	struct proc *p;

	rump_schedule();
	mutex_enter(&proc_lock);
	p = proc_find(pid);
	if (p != NULL)
		proc_setcred(p, cred);
	if (p != NULL && hc->hc_umask >= 0)
		(void)proc_setumask(p, (mode_t)hc->hc_umask & ALLPERMS);
	if (p != NULL && hc->hc_pid != 0)
		atomic_store(&p->p_hostpid, hc->hc_pid);
	mutex_exit(&proc_lock);
	if (p == NULL)
		kauth_cred_free(cred);
	rump_unschedule();
	return p == NULL ? ESRCH : 0;
}

void
rump_lwp_setcred(const struct rump_hostcred *hc)
{
	rump_schedule();
	lwp_setcred(curlwp, hc == NULL ? NULL : cred_of(hc));
	rump_unschedule();
}

void
rump_proc_exec(const char *comm, const uint32_t *keep, size_t n)
{
	const size_t bytes = FD_LIMIT / 8;
	struct proc *p;
	uint64_t *map;

	rump_schedule();
	p = curproc;
	map = kmem_zalloc(bytes, KM_SLEEP);
	for (size_t i = 0; i < n; i++)
		if (keep[i] < FD_LIMIT)
			map[keep[i] / 64] |= (uint64_t)1 << keep[i] % 64;
	fd_closeexcept(map);
	kmem_free(map, bytes);
	mutex_enter(&p->p_lock);
	(void)strlcpy(p->p_comm, comm, sizeof(p->p_comm));
	mutex_exit(&p->p_lock);
	rump_unschedule();
}

bool
rump_proc_lingers(struct lwp *l)
{
	struct proc *p = l->l_proc;
	bool lingers;

	rump_schedule();
	lingers = !fdtable_is_empty(p->p_fd) || prochook_lingers(p);
	rump_unschedule();
	return lingers;
}

int
rump_file_get(int fd, struct file **fpp)
{
	struct file *fp;

	rump_schedule();
	fp = fd_getfile(fd);
	rump_unschedule();
	if (fp == NULL)
		return EBADF;
	*fpp = fp;
	return 0;
}

int
rump_file_install(struct file *fp, int *fd)
{
	int error;

	rump_schedule();
	error = fd_dup(fp, 0, fd, false);
	rump_unschedule();
	return error;
}

void
rump_file_put(struct file *fp)
{
	rump_schedule();
	fd_putfile(fp);
	rump_unschedule();
}
