/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Theory of operation.
 *
 * Every handler of the program is installed in the host as wrap(), which runs
 * with everything blocked until it has decided:
 *
 *  - The thread is not in the kernel: set the mask that the program asked for
 *    and enter its handler.  The frame is the host's own, the wrapper leaves
 *    nothing on the stack, the handler may return, longjmp or unwind.
 *  - The thread is in a routed call: keep signal, siginfo and mask in the one
 *    slot of the thread, end the kernel's sleep, and leave with everything
 *    blocked.  Later signals stay pending in the host, which keeps queueing and
 *    order.  On the way out the thread traps at the program's own syscall
 *    instruction, or at one that stands for it; that frame holds exactly the
 *    program's registers and vector state.  signal_finish() writes the result
 *    or the restart there and enters the handler on top of it.
 *
 * SIGSYS carries Syscall User Dispatch; SIGSEGV and SIGBUS carry EFAULT of the
 * kernel's copies and the filling of mapped rump files.  None of the three is
 * ever blocked or ignored in the host; what the program asked for them is kept
 * here (actions.c, t_vmask).
 */
#include "preload/engine/signals.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/engine/actions.h"
#include "preload/engine/broken.h"
#include "preload/engine/dispatch.h"
#include "preload/engine/engine.h"
#include "preload/engine/entry.h"
#include "preload/engine/sud.h"
#include "preload/engine/thread.h"
#include "syscall_table/linux_routes.h"

#define RED_ZONE 128
#define SS_AUTODISARM_FLAG (1U << 31)
#define SS_SIZE_MIN 2048

static void wrap(int sig, siginfo_t *si, void *ucontext);

uint64_t
signal_strip(void)
{
	return BROKEN(BREAK_STRIP) ? 0 : SIGNAL_STRIP;
}

static bool
is_fault_signal(int sig)
{
	return sig == SIGSEGV || sig == SIGBUS;
}

uint64_t
signal_block_all(void)
{
	uint64_t all = ~0UL, old = 0;

	HOST(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old, SIGSET_SIZE, 0, 0);
	return old;
}

uint64_t
signal_close(void)
{
	uint64_t all = ~signal_strip(), old = 0;

	HOST(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old, SIGSET_SIZE, 0, 0);
	return old;
}

void
signal_set_mask(uint64_t mask)
{
	HOST(SYS_rt_sigprocmask, SIG_SETMASK, &mask, 0, SIGSET_SIZE, 0, 0);
}

uint64_t *
signal_frame_mask(ucontext_t *uc)
{
	return (uint64_t *)(void *)&uc->uc_sigmask;
}

/* --- dispositions in the host ----------------------------------------- */

static void
host_action(int sig, uintptr_t handler, uint64_t flags, uint64_t mask)
{
	struct action a = {
		.ac_handler = handler,
		.ac_flags = flags | SA_RESTORER_FLAG,
		.ac_restorer = (uintptr_t)engine_restorer,
		.ac_mask = mask,
	};

	HOST(SYS_rt_sigaction, sig, &a, 0, SIGSET_SIZE, 0, 0);
}

static void
host_wrap(int sig, uint64_t flags)
{
	flags &= SA_ONSTACK | SA_NOCLDSTOP | SA_NOCLDWAIT | SA_RESTART;
	host_action(sig, (uintptr_t)wrap, flags | SA_SIGINFO, ~0UL);
}

void
signal_install(int sig)
{
	struct action a = action_now(sig);

	if (sig == SIGSYS) {
		sud_install();
		return;
	}
	if (is_function(a.ac_handler))
		host_wrap(sig, a.ac_flags);
	else if (is_fault_signal(sig))
		host_wrap(sig, 0);
	else
		host_action(sig, a.ac_handler, a.ac_flags & ~SA_ONSTACK, 0);
}

bool
signal_is_wrapped(uintptr_t handler)
{
	return handler == (uintptr_t)wrap;
}

/* What we need them for the host is to give us even where the program ignores
 * them. */
static void
wrap_faults(void)
{
	host_wrap(SIGSEGV, action_flags(SIGSEGV));
	host_wrap(SIGBUS, action_flags(SIGBUS));
}

void
signal_reinstall(void)
{
	sud_install();
	wrap_faults();
}

void
signal_init(void)
{
	uint64_t open = SIGNAL_STRIP;

	(void)action_ask(SIGSYS);
	(void)action_ask(SIGSEGV);
	(void)action_ask(SIGBUS);
	signal_reinstall();
	HOST(SYS_rt_sigprocmask, SIG_UNBLOCK, &open, 0, SIGSET_SIZE, 0, 0);
}

void
signal_forked(bool cleared)
{
	actions_forked(signal_install);
	if (!cleared)
		return;
	for (int sig = 1; sig <= NSIGNALS; sig++) {
		if (is_function(action_handler(sig)))
			action_reset(sig);
	}
	if (!BROKEN(BREAK_CLEAR_SIGHAND))
		signal_reinstall();
}

/* What exec inherits is only whether a signal is ignored. */
void
signal_exec_begin(void)
{
	static const int ours[] = { SIGSEGV, SIGBUS };
	size_t i;

	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		if (action_handler(ours[i]) == (uintptr_t)SIG_IGN)
			host_action(ours[i], (uintptr_t)SIG_IGN, 0, 0);
	}
}

void
signal_exec_failed(void)
{
	wrap_faults();
}

/* --- delivery --------------------------------------------------------- */

/* Take the default action of sig; a fault is simply taken again. */
static void
die(int sig, bool again)
{
	host_action(sig, (uintptr_t)SIG_DFL, 0, 0);
	if (again)
		return;
	HOST(SYS_tgkill, HOST(SYS_getpid, 0, 0, 0, 0, 0, 0),
	    HOST(SYS_gettid, 0, 0, 0, 0, 0, 0), sig, 0, 0, 0);
	signal_set_mask(~SIGBIT(sig));
}

static size_t
fpstate_size(const uint8_t *fp)
{
	uint32_t magic, size;

	memcpy(&magic, fp + 464, sizeof(magic));
	memcpy(&size, fp + 468, sizeof(size));
	return magic == 0x46505853 && size >= 512 ? size : 512;
}

/*
 * Where the host would have put the frame of a handler with these flags: the
 * address below which it goes; 0: where it is.
 */
static uintptr_t
frame_place(const struct thread *t, const ucontext_t *uc, uint64_t flags)
{
	uintptr_t sp = (uintptr_t)uc->uc_mcontext.gregs[REG_RSP];

	if ((flags & SA_ONSTACK) != 0 && t->t_alt.ss_size != 0 &&
	    !thread_on_alt(t, sp) && !BROKEN(BREAK_LATE_STACK))
		return (uintptr_t)t->t_alt.ss_sp + t->t_alt.ss_size;
	return thread_on_sigstack(t, (uintptr_t)uc) &&
		       !BROKEN(BREAK_FRAME_STACK)
		   ? sp - RED_ZONE
		   : 0;
}

/* Move a frame to where it belongs: its new address. */
static uintptr_t
frame_move(const struct thread *t, ucontext_t *uc, uint64_t flags)
{
	uintptr_t from = (uintptr_t)uc - FRAME_UCONTEXT, sp, fp;
	void *fpregs = uc->uc_mcontext.fpregs;
	size_t fpsize = fpregs != NULL ? fpstate_size(fpregs) : 0;

	sp = frame_place(t, uc, flags);
	if (sp == 0)
		return from;
	fp = (sp - fpsize) & ~63UL;
	sp = ((fp - FRAME_SIZE) & ~15UL) - 8;
	memcpy((void *)fp, fpregs, fpsize);
	memcpy((void *)sp, (void *)from, FRAME_SIZE);
	if (fpregs != NULL)
		((ucontext_t *)(sp + FRAME_UCONTEXT))->uc_mcontext.fpregs =
		    (void *)fp;
	return sp;
}

static struct action
take_action(int sig)
{
	struct action a;

	actions_enter();
	a = action_now(sig);
	if ((a.ac_flags & SA_RESETHAND) != 0 && is_function(a.ac_handler) &&
	    !BROKEN(BREAK_RESETHAND)) {
		action_reset(sig);
		signal_install(sig);
	}
	actions_leave();
	return a;
}

/* Make the frame at uc what the program would find without us. */
static uintptr_t
frame_finish(struct thread *t, ucontext_t *uc, uint64_t flags)
{
	uintptr_t sp = (uintptr_t)uc - FRAME_UCONTEXT;

	if (BROKEN(BREAK_VMASK))
		return frame_move(t, uc, flags);
	*(uintptr_t *)sp = (uintptr_t)engine_handler_restorer;
#ifdef ENGINE_BREAK
	if (BROKEN(BREAK_UNWIND))
		*(uintptr_t *)sp = (uintptr_t)engine_bare_restorer;
#endif
	*signal_frame_mask(uc) |= t->t_vmask;
	uc->uc_stack = t->t_alt;
	if (t->t_alt.ss_size == 0)
		uc->uc_stack.ss_flags = SS_DISABLE;
	sp = frame_move(t, uc, flags);
	if (((unsigned)t->t_alt.ss_flags & SS_AUTODISARM_FLAG) != 0)
		memset(&t->t_alt, 0, sizeof(t->t_alt));
	return sp;
}

/* A call that is to be made, or made again, on the host's descriptor of a socket
 * looks for it anew. */
static void
look_again(ucontext_t *uc)
{
	greg_t *ip = &uc->uc_mcontext.gregs[REG_RIP];

	if (*ip >= (greg_t)engine_direct_begin &&
	    *ip <= (greg_t)engine_direct_insn)
		*ip = (greg_t)engine_direct_again;
}

static _Noreturn void
enter_handler(const struct action *a, int sig, ucontext_t *uc, uint64_t base)
{
	struct thread *t = &engine_thread;
	uint64_t mask = a->ac_mask;
	uintptr_t sp;

	look_again(uc);
	if ((a->ac_flags & SA_NODEFER) == 0)
		mask |= SIGBIT(sig);
	sp = frame_finish(t, uc, a->ac_flags);
	if (!BROKEN(BREAK_VMASK))
		t->t_vmask |= mask & SIGNAL_STRIP;
	t->t_entermask = (base | mask) & ~signal_strip();
	if (BROKEN(BREAK_LATE_MASK))
		signal_set_mask(t->t_entermask);
	engine_jump(sp, (void *)a->ac_handler, sig,
	    (void *)(sp + FRAME_SIGINFO), (void *)(sp + FRAME_UCONTEXT),
	    &t->t_entermask);
}

/*
 * Act on sig as the program wants.  uc: the host's frame; base: the mask in
 * force when the signal was taken; again: a fault will be raised again when the
 * frame is resumed.  Everything is blocked.  Returns when the frame is to be
 * resumed as it is.
 */
static void
deliver(int sig, const siginfo_t *si, ucontext_t *uc, uint64_t base, bool again)
{
	struct action a = take_action(sig);
	bool fault = is_fault_signal(sig) && si->si_code > 0;

	if (is_function(a.ac_handler))
		enter_handler(&a, sig, uc, base);
	if (fault || a.ac_handler != (uintptr_t)SIG_IGN)
		die(sig, fault && again);
}

/*
 * The mask in force when the signal came.  The frame has the one that will be
 * restored; they differ in sigsuspend, ppoll and their like, which are
 * recognised by the interrupted registers.
 */
static uint64_t
mask_in_force(const struct thread *t, ucontext_t *uc)
{
	const greg_t *g = uc->uc_mcontext.gregs;
	const uint64_t *mask = t->t_tempmask;
	uintptr_t ip = (uintptr_t)g[REG_RIP];

	if (BROKEN(BREAK_FORCE) || mask == NULL ||
	    ip != (uintptr_t)engine_host_after || g[REG_RAX] != -EINTR)
		return *signal_frame_mask(uc);
	if (g[REG_RDI] == (greg_t)mask || g[REG_R10] == (greg_t)mask ||
	    g[REG_R8] == (greg_t)mask || g[REG_R9] == (greg_t)(mask - 2))
		return *mask;
	return *signal_frame_mask(uc);
}

/* Sent to a thread that blocks a signal which the host cannot block for it. */
static void
keep_pending(struct thread *t, int sig, const siginfo_t *si)
{
	int i = sig == SIGSEGV ? 0 : sig == SIGBUS ? 1 : 2;

	if ((t->t_vpending & SIGBIT(sig)) == 0)
		t->t_vinfo[i] = *si;
	t->t_vpending |= SIGBIT(sig);
}

static void
defer(struct thread *t, int sig, const siginfo_t *si, ucontext_t *uc)
{
	greg_t *ip = &uc->uc_mcontext.gregs[REG_RIP];

	/* Only what the host cannot block comes while one is deferred. */
	if (t->t_deferred) {
		keep_pending(t, sig, si);
		return;
	}
	t->t_sig = sig;
	t->t_info = *si;
	t->t_sigmask = *signal_frame_mask(uc);
	t->t_deferred = 1;
	if (!BROKEN(BREAK_WAKE) && engine_hooks.eh_interrupt != NULL) {
		t->t_interrupted = true;
		engine_hooks.eh_interrupt();
	}
	if (*ip >= (greg_t)engine_intr_check &&
	    *ip <= (greg_t)engine_intr_insn && !BROKEN(BREAK_INTERRUPT))
		*ip = (greg_t)engine_intr_abort;
	if (!BROKEN(BREAK_BLOCK))
		*signal_frame_mask(uc) = ~signal_strip();
}

struct fault {
	uintptr_t fa_addr;
	int fa_prot;
	uint64_t fa_mask;
};

/* Returns when there is no handler to run. */
static void
deliver_deferred(struct thread *t, siginfo_t *si, ucontext_t *uc)
{
	if (!BROKEN(BREAK_OUTMASK))
		*signal_frame_mask(uc) =
		    t->t_swapped ? t->t_outmask : t->t_sigmask;
	t->t_swapped = false;
	signal_block_all();
	*si = t->t_info;
	t->t_deferred = 0;
	deliver(t->t_sig, si, uc, t->t_sigmask, false);
	signal_release_pending(t);
}

/* Signals are open while the kernel works; they are deferred. */
static long
ask_router(void *arg)
{
	const struct fault *f = arg;
	long r;

	signal_set_mask(f->fa_mask & ~signal_strip());
	r = router_fault(f->fa_addr, f->fa_prot);
	signal_block_all();
	return r;
}

/* From the processor's error code. */
static int
fault_prot(greg_t code)
{
	if ((code & 0x10) != 0)
		return PROT_EXEC;
	return (code & 0x2) != 0 ? PROT_WRITE : PROT_READ;
}

/*
 * A fault in program code: may be a page of a mapped rump file.  True when the
 * instruction is to be tried again; else *sig is the signal to deliver.
 */
static bool
fill_page(struct thread *t, siginfo_t *si, ucontext_t *uc, int *sig)
{
	struct fault f = {
		.fa_addr = (uintptr_t)si->si_addr,
		.fa_prot = fault_prot(uc->uc_mcontext.gregs[REG_ERR]),
		.fa_mask = *signal_frame_mask(uc),
	};
	uintptr_t sp;
	long r;

	if (router_idle || t->t_own || thread_is_guest(t))
		return false;
	/* The kernel runs with signals open, whose frames may go to the very
	 * stack that this one is on: leave it. */
	if (thread_on_sigstack(t, (uintptr_t)uc)) {
		sp = frame_move(t, uc, SA_ONSTACK);
		engine_jump(sp, (void *)(uintptr_t)wrap, *sig,
		    (void *)(sp + FRAME_SIGINFO), (void *)(sp + FRAME_UCONTEXT),
		    NULL);
	}
	r = thread_run(t, ask_router, &f);
	if (t->t_deferred) {
		deliver_deferred(t, si, uc);
		return true;
	}
	if (r > 0)
		*sig = (int)r;
	return r == 0;
}

/* True when a fault of the host's making was ours, and is dealt with. */
static bool
fix_fault(struct thread *t, siginfo_t *si, ucontext_t *uc, int *sig)
{
	greg_t *ip = &uc->uc_mcontext.gregs[REG_RIP];
	uintptr_t to = 0;

	if (*ip >= (greg_t)engine_copy_begin &&
	    *ip < (greg_t)engine_copy_fixup) {
		*ip = (greg_t)engine_copy_fixup;
		return true;
	}
	if (*ip == (greg_t)engine_trap_fault) {
		signal_finish(t, si, uc);
		return true;
	}
	if (!t->t_in_kernel)
		return fill_page(t, si, uc, sig);
	if (engine_hooks.eh_copy_fixup != NULL && !BROKEN(BREAK_FIXUP))
		to = engine_hooks.eh_copy_fixup((uintptr_t)*ip);
	if (to == 0) {
		/* A bug of ours: fault again, and dump core. */
		host_action(*sig, (uintptr_t)SIG_DFL, 0, 0);
		return true;
	}
	*ip = (greg_t)to;
	return true;
}

void
signal_release_pending(struct thread *t)
{
	static const int sigs[] = { SIGSEGV, SIGBUS, SIGSYS };
	size_t i;

	for (i = 0; i < 3; i++) {
		uint64_t bit = SIGBIT(sigs[i]);

		if ((t->t_vpending & bit) == 0 || (t->t_vmask & bit) != 0)
			continue;
		t->t_vpending &= ~bit;
		HOST(SYS_rt_tgsigqueueinfo, HOST(SYS_getpid, 0, 0, 0, 0, 0, 0),
		    HOST(SYS_gettid, 0, 0, 0, 0, 0, 0), sigs[i], &t->t_vinfo[i],
		    0, 0);
	}
}

static void
wrap(int sig, siginfo_t *si, void *ucontext)
{
	struct thread *t = &engine_thread;
	ucontext_t *uc = ucontext;
	bool fault = is_fault_signal(sig) && si->si_code > 0;
	int hostsig = sig;

	if (fault && fix_fault(t, si, uc, &sig))
		return;
	if (t->t_in_kernel && !fault && !BROKEN(BREAK_DEFER)) {
		defer(t, sig, si, uc);
		return;
	}
	if ((t->t_vmask & SIGBIT(sig)) != 0) {
		if (fault)
			die(sig, sig == hostsig);
		else
			keep_pending(t, sig, si);
		return;
	}
	si->si_signo = sig;
	deliver(sig, si, uc, mask_in_force(t, uc), sig == hostsig);
}

void
signal_foreign_sigsys(siginfo_t *si, ucontext_t *uc)
{
	struct thread *t = &engine_thread;

	signal_block_all();
	if (t->t_in_kernel)
		defer(t, SIGSYS, si, uc);
	else if ((t->t_vmask & SIGBIT(SIGSYS)) != 0)
		keep_pending(t, SIGSYS, si);
	else
		deliver(SIGSYS, si, uc, mask_in_force(t, uc), false);
}

/* As the host checks it. */
static long
set_alt(struct thread *t, const stack_t *ss)
{
	int mode = ss->ss_flags & (int)~SS_AUTODISARM_FLAG;

	if (mode != 0 && mode != SS_ONSTACK && mode != SS_DISABLE)
		return -EINVAL;
	if (mode != SS_DISABLE && ss->ss_size < SS_SIZE_MIN)
		return -ENOMEM;
	t->t_alt = *ss;
	t->t_alt.ss_flags &= (int)SS_AUTODISARM_FLAG;
	if (mode == SS_DISABLE) {
		t->t_alt.ss_sp = NULL;
		t->t_alt.ss_size = 0;
	}
	return 0;
}

/*
 * The mask of a frame has the program's view, as it may have been changed by
 * the handler; the host gets its part.
 */
void
engine_sigreturn(void *ucontext)
{
	struct thread *t = &engine_thread;
	ucontext_t *uc = ucontext;
	uint64_t *mask = signal_frame_mask(uc);

	t->t_vmask = *mask & SIGNAL_STRIP;
	*mask &= ~signal_strip();
	if (!thread_on_alt(t, (uintptr_t)ucontext))
		(void)set_alt(t, &uc->uc_stack);
	uc->uc_stack = thread_host_alt(t);
	if ((t->t_vpending & ~t->t_vmask) != 0)
		signal_release_pending(t);
}

static bool
wants_restart(int sig)
{
	return (action_flags(sig) & SA_RESTART) != 0 ||
	       !is_function(action_handler(sig));
}

void
signal_finish(struct thread *t, siginfo_t *si, ucontext_t *uc)
{
	greg_t *g = uc->uc_mcontext.gregs;
	long result = t->t_result;

	g[REG_RIP] = (greg_t)t->t_back;
	g[REG_RAX] = result;
	if (result == RESULT_AGAIN ||
	    (result == RESULT_RESTART && wants_restart(t->t_sig) &&
		!BROKEN(BREAK_RESTART))) {
		g[REG_RIP] = (greg_t)t->t_again;
		g[REG_RAX] = t->t_nr;
	} else if (result == RESULT_RESTART) {
		g[REG_RAX] = -EINTR;
	}
	deliver_deferred(t, si, uc);
}

/* --- the program's calls ---------------------------------------------- */

/* The frame is found by the stack pointer: leave ours first. */
long
route_rt_sigreturn(struct call *c)
{
	if (BROKEN(BREAK_SIGRETURN))
		return CALL_TO_HOST;
	c->redirect = (uintptr_t)engine_handler_restorer;
	return CALL_REDIRECT;
}

/* The host has ours; this one is kept for the program.  The call runs on the
 * program's stack, just below where it was made. */
long
route_sigaltstack(struct call *c)
{
	struct thread *t = &engine_thread;
	bool on = thread_on_alt(t, (uintptr_t)__builtin_frame_address(0));
	stack_t new, old = t->t_alt;
	long r = 0;

	if (thread_is_guest(t))
		return CALL_TO_HOST;
	old.ss_flags |= on ? SS_ONSTACK : old.ss_size == 0 ? SS_DISABLE : 0;
	if (c->arg[0] != 0) {
		if (engine_copy(&new, (void *)c->arg[0], sizeof(new)) != 0)
			return -EFAULT;
		r = on ? -EPERM : set_alt(t, &new);
	}
	if (r == 0 && c->arg[1] != 0)
		r = engine_copy((void *)c->arg[1], &old, sizeof(old));
	return r;
}
