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
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "preload/backend.h"
#include "preload/call.h"
#include "preload/child.h"
#include "preload/classic_set.h"
#include "preload/config.h"
#include "preload/cred.h"
#include "preload/cwd.h"
#include "preload/cwdshare.h"
#include "preload/engine/engine.h"
#include "preload/engine/thread.h"
#include "preload/fdmap.h"
#include "preload/fdshare.h"
#include "preload/kernel.h"
#include "preload/memory.h"
#include "preload/names.h"
#include "preload/readiness.h"
#include "preload/remote.h"
#include "preload/route.h"
#include "preload/shown.h"
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
begin_sharing(uint64_t flags)
{
	int error = 0;

	if ((flags & (CLONE_FILES | CLONE_VM)) == CLONE_FILES)
		error = fdshare_begin();
	if (error == 0 && (flags & CLONE_FS) != 0)
		error = cwd_share();
	return -error;
}

static long
end_sharing(uint64_t flags)
{
	if ((flags & CLONE_FS) != 0)
		child_unshares_cwd();
	return (flags & CLONE_FILES) != 0 ? -child_unshares() : 0;
}

/* The host's working directory counts from now on. */
static void
left_directory(void)
{
	cwd_set(NS_HOST);
}

void
process_init(void)
{
	engine_hooks.eh_left_directory = left_directory;
	engine_hooks.eh_share = begin_sharing;
	engine_hooks.eh_unshare = end_sharing;
}

void
router_forked(uint64_t flags)
{
	bool shares = (flags & CLONE_FILES) != 0;

	if (backend_state == BACKEND_HERE)
		backend_state = BACKEND_ELSEWHERE;
	if (atomic_load(&has_said))
		atomic_store(&has_said, false);
	shown_end();
	names_forked();
	cwd_forked((flags & CLONE_FS) != 0);
	cred_forked();
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
	if (c->nr == SYS_setfsgid)
		atomic_store(&engine_file_group, true);
	if (c->result >= 0 && backend_reachable()) {
		cred_changed();
		engine_renew_threads();
	}
	return c->result;
}

static long
cred_run(struct call *c)
{
	int error = 0;

	if (backend_state == BACKEND_SERVER && backend_reachable() &&
	    !cred_stays(c->nr, c->arg))
		error = remote_door_shut();
	if (error != 0)
		return -error;
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

/* Whoever comes last has the mask that the host has. */
static long
umask_after(struct call *c)
{
	cwdshare_tell_mask(c->arg[0] & 0777);
	cwdshare_look();
	if (backend_state == BACKEND_SERVER && backend_reachable())
		cred_set_process();
	return c->result;
}

static long
umask_run(struct call *c)
{
	int64_t args[BACKEND_SLOTS] = { c->arg[0] & 0777 }, retval[2];

	if (cwd_is_shared())
		return route_to_host(c, umask_after);
	if (cwd_is_apart())
		return CALL_TO_HOST;
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
