/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Syscall User Dispatch is inherited by no child, and a child on a stack of its
 * own has none of our frames to return through.  So calls that make children
 * are made by a thunk: outside of any handler, with exactly the program's
 * registers, without using a stack.  Back from the call, r11 names the thunk's
 * record; the child's first act, before it goes on in the program, is
 * engine_clone_landed().  So does a parent of vfork, whose record and mask its
 * child has used, and one whose call failed.
 *
 * A record is keyed by return address and flags and never changes once it is
 * complete; there are few call sites and few flags.
 *
 * Threads of the program are counted, because a process ends with its last
 * thread and ours must not keep it alive.  Without Syscall User Dispatch some
 * births are not seen: then only libc, which does not know ours either, ends
 * the process.
 */
#include "preload/engine/process.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/engine/broken.h"
#include "preload/engine/confine.h"
#include "preload/engine/engine.h"
#include "preload/engine/entry.h"
#include "preload/engine/environ.h"
#include "preload/engine/late.h"
#include "preload/engine/ownthread.h"
#include "preload/engine/patch.h"
#include "preload/engine/signals.h"
#include "preload/engine/sud.h"
#include "preload/engine/thread.h"
#include "syscall_table/linux_routes.h"

#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000UL
#endif

/* Beside the CLONE_ bits in th_flags. */
#define THUNK_OWN (1UL << 63)      /* made by code of ours */
#define THUNK_BORROWED (1UL << 62) /* the parent itself is a vfork child */
#define THUNK_BIRTH (1UL << 58)    /* t_birth is for this call; see entry.S */
/* The parent's virtually blocked signals, for its return from vfork. */
#define THUNK_VMASK_SEGV (1UL << 61)
#define THUNK_VMASK_BUS (1UL << 60)
#define THUNK_VMASK_SYS (1UL << 59)
#define THUNK_CWD (1UL << 57)     /* ... and its t_shares_cwd */
#define THUNK_APART (1UL << 56)   /* the maker's t_apart */
#define THUNK_NETWORK (1UL << 55) /* ... t_network */
#define THUNK_TABLE (1UL << 54)   /* ... t_shares_table */
#define THUNK_USERS (1UL << 53)   /* ... t_users */

#define CLAIMED 1UL /* th_back of a record that is being filled */

#define PR_SET_SECCOMP_CODE 22
#define PR_SUD_CODE 59

LATE struct thunk thunk_table[THUNK_COUNT];
bool process_forked;
atomic_uint program_threads = 1;

bool
engine_is_owner(void)
{
	return !process_forked && !engine_thread.t_borrowed;
}

bool
engine_is_threaded(void)
{
	return engine_threads;
}

/* Without Syscall User Dispatch not all births are seen. */
bool
engine_has_threads(void)
{
	return sud_armed ? atomic_load(&program_threads) > 1 : engine_threads;
}

void
engine_own_thread(void)
{
	engine_thread.t_own = true;
	engine_threads = true;
}

/* --- before the call -------------------------------------------------- */

static unsigned
thunk_hash(uintptr_t back, uint64_t flags)
{
	return (
	    unsigned)((back * 0x9e3779b97f4a7c15UL ^ flags * 0x85ebca6bUL) >>
		      48);
}

/* The thunk for (back, flags), made if need be; NULL when all are taken. */
static uint8_t *
thunk_get(uintptr_t back, uint64_t flags)
{
	unsigned i, at, start = thunk_hash(back, flags);
	uintptr_t seen;
	struct thunk *th;

	for (i = 0; i < THUNK_COUNT; i++) {
		at = (start + i) % THUNK_COUNT;
		th = &thunk_table[at];
		seen = 0;
		if (atomic_compare_exchange_strong(
			&th->th_back, &seen, CLAIMED)) {
			atomic_store(&th->th_flags, flags);
			atomic_store(&th->th_back, back);
			return engine_thunks + (size_t)at * THUNK_SIZE;
		}
		if (seen == back && atomic_load(&th->th_flags) == flags)
			return engine_thunks + (size_t)at * THUNK_SIZE;
	}
	return NULL;
}

static bool
makes_program_thread(uint64_t flags)
{
	return (flags & CLONE_THREAD) != 0 && (flags & THUNK_OWN) == 0;
}

/* --- births ------------------------------------------------------------ */

static bool
shares_memory(uint64_t flags)
{
	return (flags & CLONE_VM) != 0;
}

/* A process that shares our memory while we go on is let through, but it cannot
 * be told from us and has no use of the kernel. */
static bool
is_guest(uint64_t flags)
{
	return shares_memory(flags) && (flags & CLONE_THREAD) == 0 &&
	       (flags & (CLONE_VFORK | CLONE_SETTLS)) != CLONE_VFORK;
}

/* Will the new process have a process of its own in the kernel? */
static bool
has_birth(uint64_t flags)
{
	return !router_idle && engine_hooks.eh_birth != NULL &&
	       (flags & (THUNK_OWN | CLONE_THREAD)) == 0 && !is_guest(flags);
}

/* A thread with descriptors of its own is refused; what the host refuses it says
 * itself. */
static long
check_sharing(const struct thread *t, uint64_t flags)
{
	const uint64_t thread = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD;

	if (router_idle || engine_hooks.eh_birth == NULL ||
	    (flags & THUNK_OWN) != 0)
		return 0;
	if (thread_is_guest(t))
		return -ENOTSUP;
	if ((flags & (thread | CLONE_FILES)) != thread)
		return 0;
	engine_say("clone(2) with CLONE_THREAD and without CLONE_FILES: not "
		   "while calls go to a rump kernel");
	return -EINVAL;
}

/* With another process, from now on. */
static bool
shares_more(uint64_t flags)
{
	return ((flags & (CLONE_FILES | CLONE_VM)) == CLONE_FILES ||
		   (flags & (CLONE_FS | CLONE_THREAD)) == CLONE_FS) &&
	       (flags & THUNK_OWN) == 0 && !router_idle &&
	       engine_hooks.eh_share != NULL;
}

static long
run_share(void *arg)
{
	return engine_hooks.eh_share(*(const uint64_t *)arg);
}

struct make {
	uint64_t ma_flags;
	struct birth *ma_birth;
};

static long
run_birth(void *arg)
{
	struct make *ma = arg;

	return engine_hooks.eh_birth(ma->ma_flags, &ma->ma_birth);
}

static long
run_borrow(void *arg)
{
	engine_hooks.eh_borrow(arg);
	return 0;
}

static long
run_birth_over(void *arg)
{
	engine_hooks.eh_birth_over(arg);
	return 0;
}

/* A signal that was deferred all the same has yet to come: its handler's end
 * restores the mask. */
static void
unblock(struct thread *t, uint64_t mask)
{
	if (t->t_deferred)
		t->t_sigmask = mask;
	else
		signal_set_mask(mask);
}

static void
birth_over(struct thread *t, struct birth *b)
{
	uint64_t mask = b->b_mask;

	t->t_birth = b->b_outer;
	thread_run(t, run_birth_over, b);
	unblock(t, mask);
}

/* 0, -errno or RESULT_AGAIN. */
static long
birth_begin(struct thread *t, uint64_t flags)
{
	struct make ma = { .ma_flags = flags };
	uint64_t mask = BROKEN(BREAK_BIRTH) ? 0 : signal_block_all();
	long r = thread_run(t, run_birth, &ma);

	if (r != 0) {
		unblock(t, mask);
		return t->t_deferred ? RESULT_AGAIN : r;
	}
	ma.ma_birth->b_mask = mask;
	ma.ma_birth->b_outer = t->t_birth;
	ma.ma_birth->b_failed = true;
	t->t_birth = ma.ma_birth;
	if (!t->t_deferred)
		return 0;
	birth_over(t, ma.ma_birth);
	return RESULT_AGAIN;
}

/* --- before the call, continued ---------------------------------------- */

static uint64_t
thread_flags(const struct thread *t, uint64_t flags)
{
	if (t->t_own || t->t_in_kernel)
		flags |= THUNK_OWN;
	if (t->t_borrowed)
		flags |= THUNK_BORROWED;
	if (t->t_shares_cwd)
		flags |= THUNK_CWD;
	if (t->t_apart)
		flags |= THUNK_APART;
	if (t->t_network)
		flags |= THUNK_NETWORK;
	if (t->t_users)
		flags |= THUNK_USERS;
	if (t->t_shares_table)
		flags |= THUNK_TABLE;
	if ((flags & CLONE_VFORK) != 0) {
		if ((t->t_vmask & SIGBIT(SIGSEGV)) != 0)
			flags |= THUNK_VMASK_SEGV;
		if ((t->t_vmask & SIGBIT(SIGBUS)) != 0)
			flags |= THUNK_VMASK_BUS;
		if ((t->t_vmask & SIGBIT(SIGSYS)) != 0)
			flags |= THUNK_VMASK_SYS;
	}
	return flags;
}

static long
clone_by_thunk(struct call *c, uint64_t flags)
{
	struct thread *t = &engine_thread;
	uint8_t *thunk;
	long r;

	flags = thread_flags(t, flags);
	r = check_sharing(t, flags);
	if (r != 0)
		return r;
	if (has_birth(flags))
		flags |= THUNK_BIRTH;
	/* Before there is a thread that could run what is being patched. */
	if ((flags & (CLONE_VM | CLONE_VFORK)) == CLONE_VM)
		engine_threads = true;
	if (BROKEN(BREAK_THUNK))
		return CALL_TO_HOST;
	thunk = thunk_get(c->site + 2, flags);
	if (thunk == NULL)
		return -EAGAIN;
	if (shares_more(flags)) {
		r = thread_run(t, run_share, &flags);
		if (r == 0 && t->t_deferred)
			return RESULT_AGAIN;
	}
	if (r == 0 && (flags & THUNK_BIRTH) != 0)
		r = birth_begin(t, flags);
	if (r != 0)
		return r;
	if (makes_program_thread(flags))
		atomic_fetch_add(&program_threads, 1);
	if ((flags & CLONE_VFORK) != 0)
		signal_child_begin(t);
	c->redirect = (uintptr_t)thunk;
	return CALL_REDIRECT;
}

long
route_clone(struct call *c)
{
	return clone_by_thunk(c, (uint32_t)c->arg[0]);
}

long
route_clone3(struct call *c)
{
	uint64_t flags;

	if (engine_copy(&flags, (void *)c->arg[0], sizeof(flags)) != 0)
		return -EFAULT;
	return clone_by_thunk(c, flags & (CLONE_CLEAR_SIGHAND | 0xffffffffUL));
}

long
route_fork(struct call *c)
{
	return clone_by_thunk(c, 0);
}

long
route_vfork(struct call *c)
{
	return clone_by_thunk(c, CLONE_VM | CLONE_VFORK);
}

/* --- behind the call -------------------------------------------------- */

static long
run_forked(void *arg)
{
	router_forked(*(const uint64_t *)arg);
	return 0;
}

/* The child of a process that is caught is caught, or it is said. */
static void
arm_child(void)
{
	long r;

	if (!sud_armed)
		return;
	r = sud_arm();
	if (r == 0)
		return;
	sud_armed = false;
	if (!router_idle)
		engine_say("process %ld: system calls of new threads and "
			   "processes cannot all be caught: prctl(2) fails "
			   "with error %ld",
		    HOST(SYS_getpid, 0, 0, 0, 0, 0, 0), -r);
}

/* Namespaces of its own, or its maker's. */
static void
take_spaces(struct thread *t, uint64_t flags)
{
	t->t_network = (flags & (THUNK_NETWORK | CLONE_NEWNET)) != 0;
	t->t_users = (flags & (THUNK_USERS | CLONE_NEWUSER)) != 0;
}

static void
child_process(struct thread *t, uint64_t flags)
{
	take_spaces(t, flags);
	process_forked = true;
	atomic_store(&program_threads, 1);
	thread_forked(t);
	patch_forked();
	signal_forked((flags & CLONE_CLEAR_SIGHAND) != 0);
	arm_child();
	if (!router_idle)
		thread_run(t, run_forked, &flags);
}

static void
child_thread(struct thread *t, uint64_t flags)
{
	engine_threads = true;
	if ((flags & CLONE_SETTLS) == 0) {
		thread_add_guest();
	} else {
		memset(t, 0, sizeof(*t));
		t->t_tid = (int)HOST(SYS_gettid, 0, 0, 0, 0, 0, 0);
		t->t_apart = (flags & THUNK_APART) != 0;
		take_spaces(t, flags);
		thread_take_sigstack(t);
	}
	arm_child();
}

/* Shares memory, and so our tables, with a process that is not it. */
static void
child_borrower(struct thread *t, uint64_t flags)
{
	if ((flags & CLONE_SETTLS) != 0) {
		memset(t, 0, sizeof(*t));
		t->t_tid = (int)HOST(SYS_gettid, 0, 0, 0, 0, 0, 0);
		t->t_borrowed = true;
		take_spaces(t, flags);
		t->t_shares_table = (flags & CLONE_FILES) != 0;
		thread_take_sigstack(t);
	} else if ((flags & CLONE_VFORK) != 0) {
		t->t_borrowed = true;
		take_spaces(t, flags);
		t->t_shares_cwd = (flags & CLONE_FS) != 0;
		t->t_shares_table = (flags & CLONE_FILES) != 0;
		signal_child(t, (flags & CLONE_SIGHAND) != 0);
	} else {
		thread_add_guest();
	}
	if ((flags & CLONE_VFORK) == 0)
		engine_threads = true;
	if ((flags & CLONE_CLEAR_SIGHAND) != 0 && !BROKEN(BREAK_CLEAR_SIGHAND))
		signal_reinstall();
	arm_child();
}

static void
vfork_parent(struct thread *t, uint64_t flags)
{
	t->t_borrowed = (flags & THUNK_BORROWED) != 0;
	t->t_shares_cwd = (flags & THUNK_CWD) != 0;
	t->t_network = (flags & THUNK_NETWORK) != 0;
	t->t_users = (flags & THUNK_USERS) != 0;
	t->t_shares_table = (flags & THUNK_TABLE) != 0;
	signal_child_over(t);
	t->t_vmask = 0;
	if ((flags & THUNK_VMASK_SEGV) != 0)
		t->t_vmask |= SIGBIT(SIGSEGV);
	if ((flags & THUNK_VMASK_BUS) != 0)
		t->t_vmask |= SIGBIT(SIGBUS);
	if ((flags & THUNK_VMASK_SYS) != 0)
		t->t_vmask |= SIGBIT(SIGSYS);
	thread_drop_exec(t);
}

static void
child(struct thread *t, uint64_t flags)
{
	if ((flags & THUNK_OWN) != 0 && (flags & CLONE_SETTLS) != 0) {
		memset(t, 0, sizeof(*t));
		t->t_own = true;
		engine_threads = true;
		return;
	}
	if (BROKEN(BREAK_REARM))
		return;
	if ((flags & CLONE_VM) == 0)
		child_process(t, flags);
	else if ((flags & CLONE_THREAD) != 0)
		child_thread(t, flags);
	else
		child_borrower(t, flags);
}

/* In the child of birth b.  One with memory of its own has forgotten b. */
static void
born(struct thread *t, uint64_t flags, struct birth *b)
{
	uint64_t mask = b->b_mask;

	child(t, flags);
	if (shares_memory(flags))
		thread_run(t, run_borrow, b);
	else
		t->t_birth = NULL;
	unblock(t, mask);
}

/* Behind a call with this result. */
static void
landed(struct thread *t, uint64_t flags, long result)
{
	struct birth *b = (flags & THUNK_BIRTH) != 0 ? t->t_birth : NULL;

	if (result < 0 && makes_program_thread(flags))
		atomic_fetch_sub(&program_threads, 1);
	if (result == 0) {
		if (b != NULL)
			born(t, flags, b);
		else
			child(t, flags);
		return;
	}
	if ((flags & CLONE_VFORK) != 0)
		vfork_parent(t, flags);
	if (b != NULL) {
		b->b_failed = result < 0;
		birth_over(t, b);
	}
}

uintptr_t
engine_clone_landed(struct thunk *th, long result)
{
	struct thread *t = &engine_thread;
	uintptr_t back = atomic_load(&th->th_back);
	uint64_t flags = atomic_load(&th->th_flags);

	landed(t, flags, result);
	if (!t->t_deferred || t->t_in_kernel)
		return back;
	t->t_result = result;
	t->t_nr = SYS_fork;
	t->t_back = t->t_again = back;
	return (uintptr_t)(sud_armed ? engine_trap_sud : engine_trap_fault);
}

/* --- ends ------------------------------------------------------------- */

static long
run_thread_exit(void *arg)
{
	engine_hooks.eh_thread_exit();
	return 0;
}

static long
run_exit(void *arg)
{
	router_exit();
	return 0;
}

/* The process ends, with the status of its last thread as the host has it. */
static void
last_exit(struct thread *t, long status)
{
	if (!router_leaves_quietly())
		thread_run(t, run_exit, NULL);
	if (ownthread_any() && !BROKEN(BREAK_LAST_EXIT))
		HOST(SYS_exit_group, status, 0, 0, 0, 0, 0);
}

/* libc has blocked all signals; the stack goes back to the pool while nothing
 * of ours runs on it. */
long
route_exit(struct call *c)
{
	struct thread *t = &engine_thread;
	bool last;

	if (t->t_borrowed)
		return CALL_TO_HOST;
	last = atomic_fetch_sub(&program_threads, 1) == 1 && sud_armed;
	if (thread_is_guest(t))
		return CALL_TO_HOST;
	if (last)
		last_exit(t, c->arg[0]);
	if (t->t_stack_top != 0 && engine_hooks.eh_thread_exit != NULL)
		thread_run(t, run_thread_exit, NULL);
	thread_put_stacks(t);
	return CALL_TO_HOST;
}

long
route_exit_group(struct call *c)
{
	struct thread *t = &engine_thread;

	if (!router_leaves_quietly() && !t->t_borrowed && !thread_is_guest(t))
		thread_run(t, run_exit, NULL);
	return CALL_TO_HOST;
}

/* --- what would take interception away --------------------------------- */

long
route_prctl(struct call *c)
{
	if (c->arg[0] == PR_SUD_CODE && !BROKEN(BREAK_PRCTL))
		return -EPERM;
	if (c->arg[0] != PR_SET_SECCOMP_CODE || BROKEN(BREAK_SECCOMP))
		return CALL_TO_HOST;
	patch_stop();
	return c->arg[1] == SECCOMP_MODE_FILTER ? confine(c, 2) : CALL_TO_HOST;
}

/* A filter may kill for mprotect. */
long
route_seccomp(struct call *c)
{
	patch_stop();
	return c->arg[0] == SECCOMP_SET_MODE_FILTER ? confine(c, 2)
						    : CALL_TO_HOST;
}

/*
 * Tracers stop at a SIGSYS that the program knows nothing of, swallow it or take
 * it for something else: from now on few sites trap, and few of the programs
 * that are executed.  A vfork child stops for each signal until its parent lets
 * it go on, and its parent, suspended, cannot: no SIGSYS in it at all.  What it
 * does is exec, which patches catch.
 */
long
process_ptrace(struct call *c)
{
	long r =
	    HOST(SYS_ptrace, c->arg[0], c->arg[1], c->arg[2], c->arg[3], 0, 0);

	if (r != 0 || c->arg[0] != PTRACE_TRACEME || BROKEN(BREAK_TRACEME))
		return r;
	if (engine_thread.t_borrowed)
		sud_disarm();
	if (engine_mode == ENGINE_LAZY)
		patch_everything();
	environ_patch_at_start();
	return 0;
}
