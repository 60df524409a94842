/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The traps of interception, one case each: traps CASE exits 0 when the engine
 * copes.  Runs under the engine with the router of fake_router.c: getppid()
 * is 4242 while calls are intercepted.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

#define CHECK(x)                                                               \
	do {                                                                   \
		if (!(x)) {                                                    \
			fprintf(stderr, "line %d: %s (errno %d)\n", __LINE__,  \
			    #x, errno);                                        \
			return 1;                                              \
		}                                                              \
	} while (0)

static char *self;
static char *operand; /* argv[2] */
static volatile sig_atomic_t got;
static sigjmp_buf jump;

static int
caught(void)
{
	return syscall(SYS_getppid) == 4242;
}

static void
count(int sig)
{
	got++;
}

static void
handle(int sig, void (*handler)(int), int flags)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };

	sigaction(sig, &sa, NULL);
}

static void
alarm_after(long us, long again)
{
	struct itimerval it = { { 0, again }, { 0, us } };

	setitimer(ITIMER_REAL, &it, NULL);
}

static int
exit_status(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void
mask(int how, int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(how, &set, NULL);
}

/* --- 1, 2, 4, 5, 6: the SIGSYS handler and the program's signals ------- */

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

static char stacks[2][65536];

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

/* --- 3, 7, 8, 9, 10: children ------------------------------------------ */

static void *
thread_caught(void *arg)
{
	*(int *)arg = caught();
	return NULL;
}

static int
rearm(void)
{
	pthread_t t;
	pid_t pid;
	int ok = 0;

	pid = fork();
	if (pid == 0)
		_exit(caught() && fork() >= 0 && caught() ? 0 : 1);
	CHECK(exit_status(pid) == 0);
	CHECK(pthread_create(&t, NULL, thread_caught, &ok) == 0);
	pthread_join(t, NULL);
	CHECK(ok);
	pid = vfork();
	if (pid == 0)
		_exit(caught() ? 0 : 1);
	CHECK(exit_status(pid) == 0 && caught());
	return 0;
}

static int
cloned(void *arg)
{
	/* It shares its parent's record, so it is caught, and not served. */
	return syscall(SYS_getppid) == -1 && *(int *)arg == 5 ? 7 : 1;
}

static int
thunk(void)
{
	int i, five = 5;
	pid_t pid;

	pid = clone(
	    cloned, stacks[0] + sizeof(stacks[0]), CLONE_VM | SIGCHLD, &five);
	CHECK(exit_status(pid) == 7);
	for (i = 0; i < 20; i++) {
		pid = vfork();
		if (pid == 0) {
			execl("/bin/true", "true", NULL);
			_exit(1);
		}
		CHECK(exit_status(pid) == 0);
	}
	return 0;
}

static int
borrowed(void)
{
	char *argv[] = { "true", NULL };
	posix_spawnattr_t attr;
	struct sigaction sa;
	sigset_t set;
	pid_t pid;

	handle(SIGUSR1, count, 0);
	posix_spawnattr_init(&attr);
	sigfillset(&set);
	posix_spawnattr_setsigdefault(&attr, &set);
	posix_spawnattr_setsigmask(&attr, &set);
	posix_spawnattr_setflags(
	    &attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	CHECK(posix_spawn(&pid, "/bin/true", NULL, &attr, argv, environ) == 0);
	CHECK(exit_status(pid) == 0);
	CHECK(sigaction(SIGUSR1, NULL, &sa) == 0 && sa.sa_handler == count);
	raise(SIGUSR1);
	CHECK(got == 1);
	CHECK(posix_spawn(&pid, "/none", NULL, &attr, argv, environ) != 0);
	CHECK(sigprocmask(SIG_BLOCK, NULL, &set) == 0 &&
	      sigismember(&set, SIGSEGV) == 0);
	return 0;
}

static int
clear_sighand(void)
{
	struct clone_args ca = {
		.flags = CLONE_CLEAR_SIGHAND,
		.exit_signal = SIGCHLD,
	};
	struct sigaction sa;
	pid_t pid;

	handle(SIGUSR1, count, 0);
	pid = (pid_t)syscall(SYS_clone3, &ca, sizeof(ca));
	if (pid == 0) {
		sigaction(SIGUSR1, NULL, &sa);
		_exit(caught() && sa.sa_handler == SIG_DFL ? 0 : 1);
	}
	CHECK(exit_status(pid) == 0);
	return 0;
}

static int
say_caught(void)
{
	return caught() ? 0 : 1;
}

static int
exec_env(void)
{
	char *argv[] = { self, "say_caught", NULL };
	char *empty[] = { NULL };
	char *other[] = { "LD_PRELOAD=libdl.so.2", "A=b", NULL };
	char **envs[] = { NULL, empty, other };
	char **volatile bad = (char **)8;
	volatile int i;
	pid_t pid;

	for (i = 0; i < 3; i++) {
		pid = fork();
		if (pid == 0) {
			syscall(SYS_execve, self, argv, envs[i]);
			_exit(3);
		}
		CHECK(exit_status(pid) == 0);
		pid = vfork();
		if (pid == 0) {
			execve(self, argv, envs[i]);
			_exit(3);
		}
		CHECK(exit_status(pid) == 0);
	}
	CHECK(execve(self, argv, bad) == -1 && errno == EFAULT);
	CHECK(execve("/none", argv, empty) == -1 && errno == ENOENT);
	CHECK(caught());
	return 0;
}

static int
say_kernel(void)
{
	const char *pid = getenv("RUMPKIT_KERNEL_PID");
	const char *cwd = getenv("RUMPKIT_CWD");

	return pid == NULL || atoi(pid) != atoi(operand) ? 1
	       : cwd == NULL                             ? 0
	       : strcmp(cwd, "/fake") == 0               ? 2
							 : 3;
}

/* Executed programs know whose kernel they belong to, and where they are. */
static int
exec_kernel(void)
{
	char pid[16], *argv[] = { self, "say_kernel", pid, NULL };
	char *stale[] = { "RUMPKIT_CWD=/stale", "RUMPKIT_KERNEL_PID=", NULL };
	char entry[64];
	int i, child;

	snprintf(pid, sizeof(pid), "%d", getpid());
	for (i = 0; i < 2; i++) {
		CHECK(ioctl(900, 0x7779, i) == 0);
		child = vfork();
		if (child == 0) {
			execve(self, argv, environ);
			_exit(9);
		}
		CHECK(exit_status(child) == 2 * i);
		snprintf(entry, sizeof(entry), "RUMPKIT_KERNEL_PID=%s", pid);
		stale[1] = entry;
		child = fork();
		if (child == 0) {
			execve(self, argv, stale);
			_exit(9);
		}
		CHECK(exit_status(child) == 2 * i);
	}
	return 0;
}

/* --- 11: small stacks --------------------------------------------------- */

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

/* --- 30: SIGSEGV in handlers -------------------------------------------- */

static void
fault(void)
{
	volatile uintptr_t bad = 8;

	*(volatile int *)bad = 1;
}

static void
fault_again(int sig)
{
	got++;
	if (got < 3)
		fault();
	_exit(got);
}

static volatile int blocked;

static void
look_at_mask(int sig, siginfo_t *si, void *context)
{
	sigset_t set;

	sigprocmask(SIG_BLOCK, NULL, &set);
	blocked = sigismember(&set, SIGSEGV) * 4 +
		  sigismember(&set, SIGBUS) * 2 +
		  sigismember(&((ucontext_t *)context)->uc_sigmask, SIGBUS);
	sigaddset(&set, SIGBUS);
	sigprocmask(SIG_SETMASK, &set, NULL); /* undone by the return */
}

static int
fault_status(int flags)
{
	pid_t pid = fork();

	if (pid == 0) {
		handle(SIGSEGV, fault_again, flags);
		fault();
	}
	return exit_status(pid);
}

static int
handler_faults(void)
{
	struct sigaction sa = { .sa_sigaction = look_at_mask,
		.sa_flags = SA_SIGINFO };
	sigset_t set;

	CHECK(fault_status(0) == 128 + SIGSEGV);
	CHECK(fault_status(SA_NODEFER) == 3);
	sigaddset(&sa.sa_mask, SIGSEGV);
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	CHECK(blocked == 4);
	sigprocmask(SIG_BLOCK, NULL, &set);
	CHECK(!sigismember(&set, SIGBUS) && !sigismember(&set, SIGSEGV));
	mask(SIG_BLOCK, SIGBUS);
	raise(SIGUSR1);
	CHECK(blocked == 7);
	sigprocmask(SIG_BLOCK, NULL, &set);
	CHECK(sigismember(&set, SIGBUS) && !sigismember(&set, SIGSEGV));
	/* Sent while blocked in its own handler: afterwards. */
	handle(SIGSEGV, count, 0);
	mask(SIG_UNBLOCK, SIGBUS);
	got = 0;
	mask(SIG_BLOCK, SIGSEGV);
	raise(SIGSEGV);
	CHECK(got == 0);
	mask(SIG_UNBLOCK, SIGSEGV);
	CHECK(got == 1);
	return 0;
}

/* Unwinding goes through a handler's frame to where the signal came. */
static volatile int reached;

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

	for (here = 0; got < 1; here++)
		continue;
	return here;
}

static void
unwind_from(int sig)
{
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
		alarm_after(1000, 0);
		interrupted_function();
		CHECK(reached);
	}
	return 0;
}

/* --- calls that the host makes with pages that are not there yet -------- */

static char *pages;

static void
hide(void)
{
	ioctl(900, 0x7778, pages);
}

static int
efault(void)
{
	struct iovec iov[2];
	struct timespec *ts;
	int i, fds[2], sk[2], file;
	char buf[20000];

	pages = mmap(NULL, 16384, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(pages, 'a', 16384);
	ts = memset(pages + 8192, 0, sizeof(*ts));
	file = memfd_create("file", 0);
	CHECK(pipe(fds) == 0 && file >= 0);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sk) == 0);
	for (i = 0; i < 6; i++) {
		hide();
		CHECK(write(fds[1], pages, 8000) == 8000);
		CHECK(read(fds[0], buf, 8000) == 8000 && buf[0] == 'a');
		hide();
		iov[0].iov_base = buf;
		iov[0].iov_len = 0;
		iov[1].iov_base = pages;
		iov[1].iov_len = 8000;
		CHECK(writev(fds[1], iov, 2) == 8000);
		CHECK(read(fds[0], buf, 8000) == 8000);
		hide();
		CHECK(send(sk[0], pages, 4000, 0) == 4000);
		CHECK(recv(sk[1], buf, 4000, 0) == 4000);
		hide();
		CHECK(pwrite(file, pages, 8000, i) == 8000);
		hide();
		CHECK(nanosleep(ts, NULL) == 0);
		hide();
		CHECK(access(pages, F_OK) == -1 && errno == ENAMETOOLONG);
		hide();
		CHECK(pages[0] == 'a');
	}
	ts = (struct timespec *)(uintptr_t)got + 1; /* not mapped */
	CHECK(write(fds[1], ts, 10) == -1 && errno == EFAULT);
	CHECK(nanosleep(ts, NULL) == -1 && errno == EFAULT);
	return 0;
}

/* The host takes 32 bits of the number; no other table may be reached. */
static int
numbers(void)
{
	long r;
	int i;

	for (i = 0; i < 5; i++) {
		__asm__ volatile("syscall"
				 : "=a"(r)
				 : "a"(0x500000000L + SYS_getppid)
				 : "rcx", "r11", "memory");
		CHECK(r == 4242);
		CHECK(syscall(0x40000000L + SYS_getppid) == -1 &&
		      errno == ENOSYS);
		CHECK(syscall(-1) == -1 && errno == ENOSYS);
		CHECK(syscall(5000) == -1 && errno == ENOSYS);
	}
	return 0;
}

/* --- 12, 13: long jumps, races ----------------------------------------- */

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

static pthread_barrier_t barrier;

/* Eight threads enter fresh sites of one page at once, again and again. */
static void *
fresh_sites(void *arg)
{
	int j;

	for (j = 0; j < 12 * 6; j++) {
		pthread_barrier_wait(&barrier);
		switch ((j + (int)(intptr_t)arg * 3) % 12) {
		case 0:
			getuid();
			break;
		case 1:
			geteuid();
			break;
		case 2:
			getgid();
			break;
		case 3:
			sched_yield();
			break;
		case 4:
			access("/", F_OK);
			break;
		case 5:
			close(-1);
			break;
		case 6:
			dup(-1);
			break;
		case 7:
			lseek(-1, 0, SEEK_SET);
			break;
		case 8:
			getpgid(0);
			break;
		case 9:
			getsid(0);
			break;
		case 10:
			unlink("");
			break;
		case 11:
			fchdir(-1);
			break;
		}
	}
	return NULL;
}

static int
patch_race(void)
{
	pthread_t t[8];
	int i;

	pthread_barrier_init(&barrier, NULL, 8);
	for (i = 0; i < 8; i++)
		CHECK(pthread_create(
			  &t[i], NULL, fresh_sites, (void *)(intptr_t)i) == 0);
	for (i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	return 0;
}

/* --- 21: a vfork child that asks to be traced ---------------------------- */

static int
traceme(void)
{
	int status;
	pid_t pid = vfork();

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		setpgid(0, 0);
		execl("/bin/true", "true", NULL);
		_exit(9);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) &&
	      WSTOPSIG(status) == SIGTRAP);
	CHECK(ptrace(PTRACE_CONT, pid, NULL, NULL) == 0);
	/* From now on SIGSYS is only passed on. */
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status))
		CHECK(ptrace(PTRACE_CONT, pid, NULL,
			  (void *)(intptr_t)WSTOPSIG(status)) == 0);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return 0;
}

/* --- 17, 25, 29, 31, 32, 33 -------------------------------------------- */

static int
no_prctl(void)
{
	CHECK(prctl(59, 0, 0, 0, 0) == -1 && errno == EPERM);
	CHECK(caught());
	return 0;
}

static int
int80(void)
{
	long r;

	__asm__ volatile("int $0x80" : "=a"(r) : "a"(20) : "memory");
	CHECK(r == -ENOSYS);
	return 0;
}

/* fake_router.c starts a thread of the library's own. */
static int
own_thread(void)
{
	long r;
	int i;

	for (i = 0; i < 6; i++)
		CHECK(getppid() == 4242); /* until libc's site is patched */
	r = syscall(SYS_sched_get_priority_max, 4243);
	CHECK(r > 0 && r != 4242);
	CHECK(caught());
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

/* The operand is a static program. */
static int
image(void)
{
	char *argv[] = { operand, NULL };

	CHECK(operand != NULL);
	CHECK(execve(operand, argv, environ) == -1 && errno == EACCES);
	return 0;
}

/* Text must not become writable: traps alone then. */
static int
no_exec_gain(void)
{
	int i;

	if (prctl(65, 1, 0, 0, 0) != 0)
		return 77;
	for (i = 0; i < 20; i++)
		CHECK(caught());
	return 0;
}

static int
no_exec_gain_child(void)
{
	pid_t pid;

	if (prctl(65, 1, 0, 0, 0) != 0)
		return 77;
	pid = fork();
	if (pid == 0) {
		execl(self, self, "say_caught", NULL);
		_exit(9);
	}
	CHECK(exit_status(pid) == 0);
	return no_exec_gain();
}

static const struct {
	const char *name;
	int (*run)(void);
} cases[] = {
	{ "frame_mask", frame_mask },
	{ "frame_stack", frame_stack },
	{ "rearm", rearm },
	{ "strip", strip },
	{ "virtual_sigsys", virtual_sigsys },
	{ "sigreturn", own_sigreturn },
	{ "thunk", thunk },
	{ "borrowed", borrowed },
	{ "clear_sighand", clear_sighand },
	{ "exec_env", exec_env },
	{ "say_caught", say_caught },
	{ "exec_kernel", exec_kernel },
	{ "say_kernel", say_kernel },
	{ "tiny_stack", tiny_stack },
	{ "simultaneous", simultaneous },
	{ "alternate_stack", alternate_stack },
	{ "handler_faults", handler_faults },
	{ "unwind", unwind },
	{ "efault", efault },
	{ "numbers", numbers },
	{ "long_jump", long_jump },
	{ "patch_race", patch_race },
	{ "traceme", traceme },
	{ "no_prctl", no_prctl },
	{ "int80", int80 },
	{ "own_thread", own_thread },
	{ "small_stack", small_stack },
	{ "image", image },
	{ "no_exec_gain", no_exec_gain_child },
};

int
main(int argc, char **argv)
{
	size_t i;

	self = argv[0];
	operand = argc > 2 ? argv[2] : NULL;
	for (i = 0; argc > 1 && i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(argv[1], cases[i].name) == 0)
			return cases[i].run();
	}
	return 2;
}
