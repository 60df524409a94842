/* SPDX-License-Identifier: BSD-2-Clause */
/* Traps 3, 7 to 10: threads, children and the programs that they become. */
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "trap.h"

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

/* What the host keeps of sig. */
struct disposition {
	void (*handler)(int);
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};

static void (*disposition(int sig, void (*handler)(int)))(int)
{
	struct disposition new = { handler, 0, NULL, 0 }, old;

	if (syscall(SYS_rt_sigaction, sig, &new, &old, 8) != 0)
		return SIG_ERR;
	return old.handler;
}

static void (*handler_of(int sig))(int)
{
	struct sigaction sa;

	return sigaction(sig, NULL, &sa) == 0 ? sa.sa_handler : SIG_ERR;
}

/* A vfork child's dispositions are its own, whatever is known of them. */
static int
dispositions(void)
{
	sigset_t set;
	pid_t pid;
	int i;

	handle(SIGUSR1, count, 0);
	for (i = 0; i < 3; i++) {
		pid = vfork();
		if (pid == 0) {
			int bad = handler_of(SIGUSR1) != count ||
				  handler_of(SIGUSR2) != SIG_DFL;

			handle(SIGUSR1, SIG_DFL, 0);
			handle(SIGUSR2, SIG_IGN, 0);
			bad |= handler_of(SIGUSR1) != SIG_DFL ||
			       handler_of(SIGUSR2) != SIG_IGN;
			raise(SIGUSR2);
			handle(SIGUSR2, count, 0);
			bad |= handler_of(SIGUSR2) != count;
			handle(SIGUSR2, SIG_DFL, 0);
			bad |= handler_of(SIGUSR2) != SIG_DFL;
			if (bad)
				_exit(1);
			raise(i == 0 ? SIGUSR1 : SIGUSR2);
			_exit(0);
		}
		CHECK(exit_status(pid) == 128 + (i == 0 ? SIGUSR1 : SIGUSR2));
		CHECK(handler_of(SIGUSR1) == count);
		CHECK(handler_of(SIGUSR2) == SIG_DFL);
	}
	/* The default of an ignored signal throws away what is pending. */
	mask(SIG_BLOCK, SIGURG);
	for (i = 0; i < 2; i++) {
		raise(SIGURG);
		CHECK(sigpending(&set) == 0 && sigismember(&set, SIGURG) == 1);
		handle(SIGURG, SIG_DFL, 0);
		CHECK(sigpending(&set) == 0 && sigismember(&set, SIGURG) == 0);
	}
	return 0;
}

/* What a child has set says nothing of what its parent inherited. */
static int
say_ignored(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		disposition(SIGHUP, SIG_DFL);
		_exit(disposition(SIGHUP, count) == SIG_DFL ? 0 : 1);
	}
	CHECK(exit_status(pid) == 0);
	CHECK(handler_of(SIGHUP) == SIG_IGN);
	return 0;
}

static int
ignored(void)
{
	pid_t pid;

	handle(SIGHUP, SIG_IGN, 0);
	pid = fork();
	if (pid == 0) {
		execl(self, self, "say_ignored", NULL);
		_exit(9);
	}
	CHECK(exit_status(pid) == 0);
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

const struct trap_case child_cases[] = {
	{ "rearm", rearm },
	{ "thunk", thunk },
	{ "borrowed", borrowed },
	{ "dispositions", dispositions },
	{ "ignored", ignored },
	{ "say_ignored", say_ignored },
	{ "clear_sighand", clear_sighand },
	{ "exec_env", exec_env },
	{ "say_caught", say_caught },
	{ "exec_kernel", exec_kernel },
	{ "say_kernel", say_kernel },
	{ NULL, NULL },
};
