/* SPDX-License-Identifier: BSD-2-Clause */
/* Traps 1, 2, 4, 5, 6, 12: the SIGSYS handler and the program's signals. */
#include <signal.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "trap.h"

static int
frame_mask(void)
{
	handle(SIGUSR1, count, 0);
	mask(SIG_BLOCK, SIGUSR1);
	raise(SIGUSR1);
	CHECK(got == 0);
	mask(SIG_UNBLOCK, SIGUSR1);
	CHECK(got == 1);
	return 0;
}

static int
frame_stack(void)
{
	stack_t ss = { .ss_sp = stacks[0], .ss_size = sizeof(stacks[0]) }, q;

	CHECK(sigaltstack(&ss, NULL) == 0);
	ss.ss_sp = stacks[1];
	CHECK(sigaltstack(&ss, NULL) == 0);
	CHECK(sigaltstack(NULL, &q) == 0 && q.ss_sp == stacks[1]);
	ss.ss_flags = SS_DISABLE;
	CHECK(sigaltstack(&ss, NULL) == 0);
	CHECK(sigaltstack(NULL, &q) == 0 && q.ss_flags == SS_DISABLE);
	return 0;
}

static int
strip(void)
{
	struct timespec ts = { .tv_nsec = 1000000 };
	sigset_t all, old, now;

	sigfillset(&all);
	CHECK(sigprocmask(SIG_BLOCK, &all, &old) == 0);
	CHECK(caught());
	CHECK(sigprocmask(SIG_SETMASK, &old, &now) == 0);
	CHECK(
	    sigismember(&now, SIGSYS) == 1 && sigismember(&now, SIGSEGV) == 1);
	CHECK(ppoll(NULL, 0, &ts, &all) == 0 && caught());
	CHECK(pselect(0, NULL, NULL, NULL, &ts, &all) == 0 && caught());
	return 0;
}

static int
virtual_sigsys(void)
{
	struct sigaction sa;

	handle(SIGSYS, count, 0);
	CHECK(sigaction(SIGSYS, NULL, &sa) == 0 && sa.sa_handler == count);
	raise(SIGSYS);
	CHECK(got == 1);
	CHECK(caught() && caught() && caught() && caught() && got == 1);
	mask(SIG_BLOCK, SIGSYS);
	raise(SIGSYS);
	CHECK(caught() && got == 1);
	mask(SIG_UNBLOCK, SIGSYS);
	CHECK(got == 2);
	handle(SIGSYS, SIG_IGN, 0);
	raise(SIGSYS);
	CHECK(caught());
	return 0;
}

/* A handler that makes rt_sigreturn itself. */
void returning_handler(int sig);
extern volatile int returned;
volatile int returned;
__asm__(".globl returning_handler\n"
	"returning_handler:\n"
	"	incl returned(%rip)\n"
	"	add $8, %rsp\n"
	"	mov $15, %eax\n"
	"	syscall\n"
	"	ud2\n");

static int
own_sigreturn(void)
{
	int i;

	handle(SIGUSR1, returning_handler, 0);
	for (i = 0; i < 6; i++)
		raise(SIGUSR1);
	CHECK(returned == 6 && caught());
	return 0;
}

static void
jump_out(int sig)
{
	siglongjmp(jump, 1);
}

static int
long_jump(void)
{
	volatile int i, n = 0;

	handle(SIGALRM, jump_out, 0);
	for (i = 0; i < 100; i++) {
		if (sigsetjmp(jump, 1) != 0) {
			n++;
			continue;
		}
		alarm_after(500, 0);
		for (;;)
			pause();
	}
	CHECK(n == 100 && caught());
	return 0;
}

/* A handler's return is a call at the very end of the allowed range. */
static int
range_end(void)
{
	int i;

	handle(SIGUSR1, count, 0);
	for (i = 0; i < 5; i++)
		raise(SIGUSR1);
	CHECK(got == 5 && caught());
	return 0;
}

const struct trap_case sigsys_cases[] = {
	{ "frame_mask", frame_mask },
	{ "frame_stack", frame_stack },
	{ "strip", strip },
	{ "virtual_sigsys", virtual_sigsys },
	{ "sigreturn", own_sigreturn },
	{ "long_jump", long_jump },
	{ "range_end", range_end },
	{ NULL, NULL },
};
