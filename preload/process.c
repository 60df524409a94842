/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes and identities.  The kernel's threads and locks do not survive a
 * fork, so in a forked child every routed call is refused, with one line that
 * says why; descriptors can still be closed and duplicated.
 *
 * Calls of class "both" change something in the host and in the kernel: the
 * host goes first, and the kernel follows what the host has made of it.
 */
#include "preload/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "preload/backend.h"
#include "preload/call.h"
#include "preload/child.h"
#include "preload/classic_set.h"
#include "preload/config.h"
#include "preload/cwd.h"
#include "preload/engine/engine.h"
#include "preload/engine/thread.h"
#include "preload/fdmap.h"
#include "preload/fdshare.h"
#include "preload/kernel.h"
#include "preload/memory.h"
#include "preload/readiness.h"
#include "preload/resolve.h"
#include "preload/route.h"
#include "preload/summary.h"
#include "preload/trace.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpdefs.h"
#include "rump/rumperr.h"
#include "rump/rumphost.h"
#include "syscall_table/linux_routes.h"

static int kernel_pid;
static atomic_bool has_said;

bool
process_owns_memory(void)
{
	return !engine_thread.t_borrowed;
}

bool
process_owns_table(void)
{
	const struct thread *t = &engine_thread;

	return !t->t_borrowed || t->t_view != NULL;
}

void
process_set_kernel(int pid)
{
	kernel_pid = pid;
}

int
process_refuse(struct call *c)
{
	if (!atomic_exchange(&has_said, true)) {
		engine_say(
		    "process %ld: %s: the rump kernel is in process %d "
		    "and cannot be used from another one; run this program "
		    "without fork",
		    HOST(SYS_getpid, 0, 0, 0, 0, 0, 0),
		    linux_calls[c->nr].lc_name, kernel_pid);
	}
	route_note(c, "kernel is in another process");
	return EOPNOTSUPP;
}

static long
share(void)
{
	return -fdshare_begin();
}

static long
unshare(void)
{
	return -child_unshares();
}

void
process_init(void)
{
	engine_hooks.eh_share = share;
	engine_hooks.eh_unshare = unshare;
}

void
router_forked(bool shares)
{
	if (backend_state == BACKEND_HERE)
		backend_state = BACKEND_ELSEWHERE;
	if (atomic_load(&has_said))
		atomic_store(&has_said, false);
	cwd_forked();
	epsets_forked();
	fdmap_forked(child_birth(), shares);
	waitmem_forked();
	memory_forked(child_birth());
	if (!shares)
		trace_forked();
	summary_forked();
	child_forked();
}

/* After a call that changed who the process is. */
static long
cred_after(struct call *c)
{
	if (c->result >= 0 && backend_reachable()) {
		kernel_set_cred();
		engine_renew_threads();
	}
	return c->result;
}

static long
cred_run(struct call *c)
{
	return route_to_host(c, cred_after);
}

ROUTE(setuid, cred_run)
ROUTE(setgid, cred_run)
ROUTE(setreuid, cred_run)
ROUTE(setregid, cred_run)
ROUTE(setresuid, cred_run)
ROUTE(setresgid, cred_run)
ROUTE(setgroups, cred_run)
ROUTE(setfsuid, cred_run)
ROUTE(setfsgid, cred_run)

static long
umask_run(struct call *c)
{
	int64_t args[BACKEND_SLOTS] = { c->arg[0] & 0777 }, retval[2];

	if (backend_reachable())
		(void)rump_backend_syscall(RUMP_SYS_umask, args, retval);
	return CALL_TO_HOST;
}
ROUTE(umask, umask_run)

/*
 * Only a signal that has a handler ends the wait early, and handlers do not run
 * any more: then the rest is written again.
 */
void
process_save_files(void)
{
	int error;

	if (!backend_reachable())
		return;
	error = kernel.k_save_files();
	if (error == RUMP_ERESTART) {
		kernel.k_interrupt_clear();
		error = kernel.k_save_files();
	}
	if (error != 0)
		engine_say("not everything that was written could be saved: "
			   "%s",
		    rump_strerror(error == RUMP_ERESTART ? RUMP_EINTR : error));
}

static long
sync_run(struct call *c)
{
	int64_t args[BACKEND_SLOTS] = { 0 }, retval[2];

	if (backend_reachable())
		(void)rump_backend_syscall(RUMP_SYS_sync, args, retval);
	return CALL_TO_HOST;
}
ROUTE(sync, sync_run)

static long
chroot_after(struct call *c)
{
	struct place *pl = route_place(c);

	if (c->result == 0 && process_owns_memory() && pl != NULL)
		resolve_chroot(pl->pl_path);
	return c->result;
}

/* Mounts below the new root stay where they are; the others are out of
 * reach. */
static long
chroot_run(struct call *c)
{
	struct place *pl = place_get(c);
	int error;

	if (pl == NULL)
		return -ENOMEM;
	error = place_find(pl, AT_FDCWD, c->arg[0], PLACE_ABSOLUTE);
	if (error != 0)
		return -error;
	if (pl->pl_rump) {
		route_note(c, "the root directory stays the host's");
		return -EPERM;
	}
	if (pl->pl_changed)
		c->arg[0] = (long)pl->pl_path;
	return route_to_host(c, chroot_after);
}
ROUTE(chroot, chroot_run)
