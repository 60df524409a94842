/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One allowed range, no selector byte: a call from anywhere but engine_range
 * raises SIGSYS, and on_sigsys() makes of it what a patched site makes.
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
#include "preload/engine/dispatch.h"
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
	return HOST(SYS_prctl, PR_SUD, PR_SUD_ON, engine_range_begin,
	    engine_range_end - engine_range_begin, 0, 0);
}

void
sud_disarm(void)
{
	HOST(SYS_prctl, PR_SUD, PR_SUD_OFF, 0, 0, 0, 0);
}

static void
fill_call(struct call *c, ucontext_t *uc)
{
	const greg_t *g = uc->uc_mcontext.gregs;

	c->nr = g[REG_RAX];
	c->arg[0] = g[REG_RDI];
	c->arg[1] = g[REG_RSI];
	c->arg[2] = g[REG_RDX];
	c->arg[3] = g[REG_R10];
	c->arg[4] = g[REG_R8];
	c->arg[5] = g[REG_R9];
	c->site = (uintptr_t)g[REG_RIP] - 2;
	c->ucontext = uc;
	c->after = NULL;
}

static void
on_sigsys(int sig, siginfo_t *si, void *ucontext)
{
	struct thread *t = &engine_thread;
	ucontext_t *uc = ucontext;
	greg_t *g = uc->uc_mcontext.gregs;
	struct call c;
	long nr, result;

	if (si->si_code != SYS_USER_DISPATCH_CODE) {
		signal_foreign_sigsys(si, uc);
		return;
	}
	if (g[REG_RIP] == (greg_t)engine_trap_sud_after) {
		signal_finish(t, si, uc);
		return;
	}
	if (si->si_arch != AUDIT_ARCH_X86_64 && !BROKEN(BREAK_INT80)) {
		g[REG_RAX] = -ENOSYS;
		return;
	}
	fill_call(&c, uc);
	nr = c.nr;
	if (engine_mode == ENGINE_LAZY)
		patch_hit(c.site, nr);
	result = dispatch_call(t, &c);
	if (result == CALL_REDIRECT) {
		g[REG_RIP] = (greg_t)c.redirect;
		return;
	}
	g[REG_RAX] = result;
	if (t->t_deferred && !t->t_in_kernel) {
		t->t_result = result;
		t->t_nr = nr;
		t->t_back = c.site + 2;
		t->t_again = c.site;
		signal_finish(t, si, uc);
	}
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
		.flags =
		    SA_SIGINFO | SA_NODEFER | SA_RESTART | SA_RESTORER_FLAG,
		.restorer = engine_restorer,
	};

	HOST(SYS_rt_sigaction, SIGSYS, &a, 0, 8, 0, 0);
}
