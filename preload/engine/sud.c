/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One allowed range, no selector byte: a call from anywhere but engine_range
 * raises SIGSYS, and on_sigsys() makes of it what a patched site makes: it sends
 * the program to the entrance of patched sites.  No call is ever made in the
 * handler, which is short and runs with everything blocked on a stack of ours:
 * the stacks of coroutines, of a few KiB, need not hold a signal frame.
 */
#include "preload/engine/sud.h"

#include <errno.h>
#include <linux/audit.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "preload/engine/broken.h"
#include "preload/engine/engine.h"
#include "preload/engine/entry.h"
#include "preload/engine/patch.h"
#include "preload/engine/signals.h"
#include "preload/engine/thread.h"

#define PR_SUD 59
#define PR_SUD_OFF 0
#define PR_SUD_ON 1
#define SYS_USER_DISPATCH_CODE 2
#define SA_RESTORER_FLAG 0x04000000UL

bool sud_armed;

long
sud_arm(void)
{
	/* Behind the last syscall there is an ud2. */
	return HOST(SYS_prctl, PR_SUD, PR_SUD_ON, engine_range_begin,
	    engine_range_end - engine_range_begin -
		(BROKEN(BREAK_RANGE) ? 2 : 0),
	    0, 0);
}

void
sud_disarm(void)
{
	HOST(SYS_prctl, PR_SUD, PR_SUD_OFF, 0, 0, 0, 0);
}

static void
on_sigsys(int sig, siginfo_t *si, void *ucontext)
{
	ucontext_t *uc = ucontext;
	greg_t *g = uc->uc_mcontext.gregs;

	if (si->si_code != SYS_USER_DISPATCH_CODE) {
		signal_foreign_sigsys(si, uc);
		return;
	}
	if (g[REG_RIP] == (greg_t)engine_trap_sud_after) {
		signal_finish(&engine_thread, si, uc);
		return;
	}
	if (si->si_arch != AUDIT_ARCH_X86_64 && !BROKEN(BREAK_INT80)) {
		g[REG_RAX] = -ENOSYS;
		return;
	}
	if (BROKEN(BREAK_FRAME) && (g[REG_RAX] == SYS_rt_sigprocmask ||
				       g[REG_RAX] == SYS_sigaltstack)) {
		g[REG_RAX] = engine_host_call(g[REG_RAX], g[REG_RDI],
		    g[REG_RSI], g[REG_RDX], g[REG_R10], g[REG_R8], g[REG_R9]);
		return;
	}
	if (engine_mode == ENGINE_LAZY || engine_mode == ENGINE_BOTH)
		patch_hit((uintptr_t)g[REG_RIP] - 2, (int)g[REG_RAX]);
	g[REG_RCX] = g[REG_RIP];
	g[REG_RIP] = (greg_t)engine_trapped_entry;
}

void
sud_install(void)
{
	struct {
		void (*handler)(int, siginfo_t *, void *);
		uint64_t flags;
		void (*restorer)(void);
		uint64_t mask;
	} a = {
		.handler = on_sigsys,
		.flags = SA_SIGINFO | SA_NODEFER | SA_RESTART |
			 (BROKEN(BREAK_SIGSYS_STACK) ? 0 : SA_ONSTACK) |
			 SA_RESTORER_FLAG,
		.restorer = engine_restorer,
		.mask = ~SIGNAL_STRIP,
	};

	HOST(SYS_rt_sigaction, SIGSYS, &a, 0, 8, 0, 0);
}
