/* SPDX-License-Identifier: BSD-2-Clause */
/* Traps 11 and 31: the stacks that calls and handlers run on. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

#include "trap.h"

static char tiny[3][2048] __attribute__((aligned(16)));
static ucontext_t main_context, tiny_context;
static int tiny_result;

static void
on_tiny_stack(void)
{
	struct timespec ts = { .tv_nsec = 1000 };
	int i;

	tiny_result = 0;
	for (i = 0; i < 5; i++) {
		tiny_result += syscall(SYS_getppid) == 4242;
		tiny_result += syscall(SYS_nanosleep, &ts, NULL) == 0;
		tiny_result += syscall(SYS_getpid) > 0;
	}
}

/* A coroutine's stack between two that are not to be touched. */
static int
tiny_stack(void)
{
	size_t i;

	CHECK(caught()); /* resolves the name */
	memset(tiny, 0x55, sizeof(tiny));
	CHECK(getcontext(&tiny_context) == 0);
	tiny_context.uc_stack.ss_sp = tiny[1];
	tiny_context.uc_stack.ss_size = sizeof(tiny[1]);
	tiny_context.uc_link = &main_context;
	makecontext(&tiny_context, on_tiny_stack, 0);
	CHECK(swapcontext(&main_context, &tiny_context) == 0);
	CHECK(tiny_result == 15);
	for (i = 0; i < sizeof(tiny[0]); i++)
		CHECK(tiny[0][i] == 0x55 && tiny[2][i] == 0x55);
	return 0;
}

static volatile int depth, on_alternate;
static stack_t seen_stack;

static int
is_alternate(void *p)
{
	return (char *)p >= stacks[0] && (char *)p < stacks[0] + 65536;
}

static void
look_at_stack(int sig, siginfo_t *si, void *context)
{
	const ucontext_t *uc = context;
	stack_t now;

	sigaltstack(NULL, &now);
	seen_stack = now;
	on_alternate += is_alternate(&now) && is_alternate(context) &&
			is_alternate(si) && (now.ss_flags & SS_ONSTACK) != 0 &&
			uc->uc_stack.ss_sp == stacks[0];
	got++;
	if (depth-- > 0)
		raise(sig == SIGUSR1 ? SIGUSR2 : SIGUSR1);
}

static void
leave_stack(int sig)
{
	syscall(SYS_getppid);
	siglongjmp(jump, 1);
}

static volatile int order[8];

static void
note_order(int sig, siginfo_t *si, void *uc)
{
	(void)si;
	(void)uc;
	order[got++ & 7] = sig;
}

/* Signals that waited come one by one, each on a frame of its own. */
static int
simultaneous(void)
{
	static const int sigs[] = { SIGUSR1, SIGUSR2, SIGHUP, SIGURG };
	struct sigaction sa = { .sa_sigaction = note_order };
	stack_t ss = { .ss_sp = stacks[0], .ss_size = sizeof(stacks[0]) };
	sigset_t set, old;
	volatile int round;
	size_t i;

	CHECK(sigaltstack(&ss, NULL) == 0);
	sigemptyset(&set);
	for (i = 0; i < 4; i++)
		sigaddset(&set, sigs[i]);
	for (round = 0; round < 16; round++) {
		for (i = 0; i < 4; i++) {
			sa.sa_flags = SA_SIGINFO |
				      ((round >> i & 1) != 0 ? SA_ONSTACK : 0);
			CHECK(sigaction(sigs[i], &sa, NULL) == 0);
		}
		got = 0;
		sigprocmask(SIG_BLOCK, &set, &old);
		for (i = 0; i < 4; i++)
			raise(sigs[i]);
		sigprocmask(SIG_SETMASK, &old, NULL);
		CHECK(got == 4);
	}
	return 0;
}

static int
alternate_stack(void)
{
	struct sigaction sa = { .sa_sigaction = look_at_stack,
		.sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t ss = { .ss_sp = stacks[0], .ss_size = sizeof(stacks[0]) }, q;
	volatile int i;

	CHECK(sigaltstack(NULL, &q) == 0 && q.ss_flags == SS_DISABLE);
	CHECK(sigaction(SIGUSR1, &sa, NULL) == 0);
	raise(SIGUSR1); /* none yet */
	CHECK(got == 1 && on_alternate == 0);
	CHECK(seen_stack.ss_flags == SS_DISABLE);
	q.ss_size = 100;
	q.ss_flags = 0;
	CHECK(sigaltstack(&q, NULL) == -1 && errno == ENOMEM);
	q.ss_flags = 64;
	CHECK(sigaltstack(&q, NULL) == -1 && errno == EINVAL);
	CHECK(sigaltstack((void *)8, NULL) == -1 && errno == EFAULT);
	CHECK(sigaltstack(&ss, NULL) == 0);
	sa.sa_flags |= SA_NODEFER;
	sigaction(SIGUSR1, &sa, NULL);
	sa.sa_flags &= ~SA_ONSTACK; /* nested, it stays there */
	sigaction(SIGUSR2, &sa, NULL);
	got = 0;
	depth = 5;
	raise(SIGUSR1);
	CHECK(got == 6 && on_alternate == 6);
	raise(SIGUSR2);
	CHECK(got == 7 && on_alternate == 6);
	CHECK(sigaltstack(NULL, &q) == 0 && q.ss_flags == 0 &&
	      q.ss_sp == stacks[0]);
	handle(SIGUSR1, leave_stack, SA_ONSTACK);
	for (i = 0; i < 50; i++) {
		if (sigsetjmp(jump, 1) == 0)
			raise(SIGUSR1);
	}
	CHECK(sigaltstack(NULL, &q) == 0 && q.ss_flags == 0 && caught());
	/* One that disarms itself. */
	ss.ss_flags = (int)(1U << 31);
	CHECK(sigaltstack(&ss, NULL) == 0);
	sa.sa_flags |= SA_ONSTACK;
	sigaction(SIGUSR1, &sa, NULL);
	depth = 0;
	raise(SIGUSR1);
	CHECK(seen_stack.ss_flags == SS_DISABLE);
	CHECK(sigaltstack(NULL, &q) == 0 && q.ss_sp == stacks[0] &&
	      q.ss_flags == (int)(1U << 31));
	return 0;
}

/* Unwinding goes through a handler's frame to where the signal came. */
static volatile int reached, inside;

static _Unwind_Reason_Code
look_for_main(struct _Unwind_Context *uc, void *arg)
{
	uintptr_t ip = _Unwind_GetIP(uc), to = (uintptr_t)arg;

	reached |= ip >= to && ip < to + 256;
	return _URC_NO_REASON;
}

static __attribute__((noinline)) int
interrupted_function(void)
{
	volatile int here = 0;

	inside = 1;
	for (here = 0; got < 1; here++)
		continue;
	inside = 0;
	return here;
}

static void
unwind_from(int sig)
{
	if (!inside)
		return; /* too early; another comes */
	got++;
	_Unwind_Backtrace(
	    look_for_main, (void *)(uintptr_t)interrupted_function);
}

static int
unwind(void)
{
	stack_t ss = { .ss_sp = stacks[0], .ss_size = sizeof(stacks[0]) };
	int i;

	sigaltstack(&ss, NULL);
	for (i = 0; i < 2; i++) {
		got = reached = 0;
		handle(SIGALRM, unwind_from, i == 0 ? 0 : SA_ONSTACK);
		alarm_after(1000, 1000);
		interrupted_function();
		CHECK(reached);
	}
	return 0;
}

static void *
routed_calls(void *arg)
{
	char c;
	int i;

	for (i = 0; i < 10; i++) {
		if (write(903, "x", 1) != 1 || read(903, &c, 1) != 1)
			return arg;
	}
	return NULL;
}

static int
small_stack(void)
{
	pthread_attr_t attr;
	pthread_t t;
	void *bad;
	int i;

	pthread_attr_init(&attr);
	CHECK(pthread_attr_setstacksize(&attr, 16384) == 0);
	for (i = 0; i < 200; i++) {
		CHECK(pthread_create(&t, &attr, routed_calls, &i) == 0);
		CHECK(pthread_join(t, &bad) == 0 && bad == NULL);
	}
	return 0;
}

static unsigned char below[8192] __attribute__((aligned(16)));

/* A system call with the stack pointer at the end of below[]. */
static long
call_there(long nr, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	unsigned char *top = below + sizeof(below);
	long r;

	__asm__ volatile(
	    "mov %%rsp, %%rbx\n\tmov %[top], %%rsp\n\tsyscall\n\t"
	    "mov %%rbx, %%rsp"
	    : "=a"(r)
	    : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), [top] "r"(top)
	    : "rbx", "rcx", "r11", "memory", "cc");
	return r;
}

/* How far down does the second of two such calls write, and the first? */
static size_t
need(long nr, long a, long b, long c, long d)
{
	size_t i = 0;
	long r;
	int k;

	memset(below, 0x55, sizeof(below));
	for (k = 0; k < 2; k++) {
		r = call_there(nr, a, b, c, d);
		if ((nr == SYS_clone || nr == SYS_fork) && r == 0)
			_exit(0);
		if ((nr == SYS_clone || nr == SYS_fork) && r > 0)
			exit_status((pid_t)r);
	}
	while (i < sizeof(below) && below[i] == 0x55)
		i++;
	return sizeof(below) - i;
}

/*
 * Go makes its system calls with as little as 600 bytes below the stack
 * pointer, and sets signals in a vfork child with 464; what lies below is
 * another stack.
 */
static int
stack_need(void)
{
	static char *const none[] = { NULL };
	long action[4] = { (long)SIG_DFL, 0, 0, 0 };
	char c[] = "x";

	CHECK(caught());
	CHECK(need(SYS_getppid, 0, 0, 0, 0) < 600);
	CHECK(need(SYS_write, 903, (long)c, 1, 0) < 600);
	CHECK(need(SYS_rt_sigprocmask, SIG_BLOCK, 0, (long)action, 8) < 600);
	CHECK(need(SYS_rt_sigaction, SIGUSR2, (long)action, 0, 8) < 464);
	CHECK(need(SYS_fork, 0, 0, 0, 0) < 600);
	CHECK(need(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0) < 600);
	CHECK(need(SYS_execve, (long)"/nonexistent", (long)none, (long)none,
		  0) < 600);
	return 0;
}

const struct trap_case stack_cases[] = {
	{ "tiny_stack", tiny_stack },
	{ "simultaneous", simultaneous },
	{ "alternate_stack", alternate_stack },
	{ "unwind", unwind },
	{ "small_stack", small_stack },
	{ "stack_need", stack_need },
	{ NULL, NULL },
};
