/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes that have a process of their own in the kernel: each birth that is
 * begun is over in its parent, and what is born has it once.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_births.h"
#include "trap.h"

#define ROUNDS 3000
#define NTHREADS 4

static struct fake_births *
start(void)
{
	struct fake_births *fb = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return ioctl(900, 0x777a, fb) == 0 ? fb : NULL;
}

static int
end(void *arg)
{
	_exit(*(int *)arg);
}

static int
spawned(char *const argv[])
{
	pid_t pid;

	return posix_spawn(&pid, argv[0], NULL, NULL, argv, environ) == 0
		   ? exit_status(pid)
		   : -1;
}

static pid_t
raw_fork(void)
{
	return (pid_t)syscall(SYS_fork);
}

/* A vfork child that makes children of all kinds. */
static int
nested(void)
{
	pid_t pid = vfork(), inner;
	char *argv[] = { "/bin/true", NULL };

	if (pid == 0) {
		inner = vfork();
		if (inner == 0)
			_exit(1);
		if (exit_status(inner) != 1 || spawned(argv) != 0)
			_exit(2);
		inner = raw_fork();
		if (inner == 0)
			_exit(caught() ? 3 : 4);
		_exit(exit_status(inner) == 3 ? 5 : 6);
	}
	return exit_status(pid);
}

static int
births(void)
{
	char *argv[] = { "/bin/true", NULL };
	struct fake_births *fb = start();
	sigset_t before, after;
	int seven = 7;
	pid_t pid;

	CHECK(fb != NULL);
	mask(SIG_BLOCK, SIGUSR2);
	sigprocmask(SIG_BLOCK, NULL, &before);
	pid = fork();
	if (pid == 0)
		_exit(sigprocmask(SIG_BLOCK, NULL, &after) == 0 &&
			      sigismember(&after, SIGUSR2) &&
			      !sigismember(&after, SIGALRM)
			  ? 0
			  : 1);
	CHECK(exit_status(pid) == 0);
	CHECK(fb->fb_begun == 1 && fb->fb_over == 1 && fb->fb_forked == 1);
	CHECK(spawned(argv) == 0);
	CHECK(fb->fb_begun == 2 && fb->fb_over == 2 && fb->fb_borrowed == 1);
	CHECK(nested() == 5);
	CHECK(fb->fb_begun == 6 && fb->fb_over == 6);
	CHECK(fb->fb_borrowed == 4 && fb->fb_forked == 2);
	/* Its parent goes on: it has nothing. */
	pid = clone(
	    end, stacks[0] + sizeof(stacks[0]), CLONE_VM | SIGCHLD, &seven);
	CHECK(exit_status(pid) == 7);
	/* Who fails has begun all the same. */
	CHECK(syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0) == -1);
	CHECK(errno == EINVAL);
	CHECK(fb->fb_begun == 7 && fb->fb_over == 7);
	CHECK(fb->fb_failed == 1);
	/* Not for a thread to have alone. */
	CHECK(syscall(SYS_clone, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD,
		  stacks[0] + sizeof(stacks[0]), 0, 0, 0) == -1);
	CHECK(errno == EINVAL && fb->fb_begun == 7);
	pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		_exit(3);
	CHECK(exit_status(pid) == 3 && fb->fb_sharing == 1);
	CHECK(fb->fb_begun == 8 && fb->fb_over == 8 && fb->fb_failed == 1);
	sigprocmask(SIG_BLOCK, NULL, &after);
	CHECK(sigismember(&after, SIGUSR2) && !sigismember(&after, SIGALRM));
	CHECK(fb->fb_wrong == 0);
	return 0;
}

static void
jump_out(int sig)
{
	siglongjmp(jump, 1);
}

/* No handler comes between the beginning and the child. */
static int
birth_mask(void)
{
	struct fake_births *fb = start();
	volatile int i = 0;
	pid_t pid;

	CHECK(fb != NULL);
	signal(SIGCHLD, SIG_IGN);
	handle(SIGALRM, jump_out, 0);
	(void)sigsetjmp(jump, 1);
	alarm_after(150, 0);
	while (i < ROUNDS) {
		i++;
		pid = raw_fork();
		if (pid == 0)
			_exit(0);
	}
	alarm_after(0, 0);
	CHECK(fb->fb_begun == fb->fb_over && fb->fb_wrong == 0);
	CHECK(fb->fb_begun == fb->fb_forked || fb->fb_begun <= ROUNDS);
	return 0;
}

static void *
make_children(void *arg)
{
	char *argv[] = { "/bin/true", NULL };
	volatile long bad = 0;
	pid_t pid;

	for (int i = 0; i < 50; i++) {
		bad += spawned(argv) != 0;
		pid = raw_fork();
		if (pid == 0)
			_exit(9);
		bad += exit_status(pid) != 9;
		pid = vfork();
		if (pid == 0)
			_exit(8);
		bad += exit_status(pid) != 8;
	}
	return (void *)bad;
}

static int
birth_threads(void)
{
	struct fake_births *fb = start();
	pthread_t t[NTHREADS];
	void *bad;

	CHECK(fb != NULL);
	for (int i = 0; i < NTHREADS; i++)
		CHECK(pthread_create(&t[i], NULL, make_children, NULL) == 0);
	for (int i = 0; i < NTHREADS; i++) {
		pthread_join(t[i], &bad);
		CHECK(bad == NULL);
	}
	CHECK(fb->fb_begun == NTHREADS * 150 && fb->fb_over == fb->fb_begun);
	CHECK(fb->fb_borrowed == NTHREADS * 100);
	CHECK(fb->fb_forked == NTHREADS * 50 && fb->fb_wrong == 0);
	return 0;
}

const struct trap_case birth_cases[] = {
	{ "births", births },
	{ "birth_mask", birth_mask },
	{ "birth_threads", birth_threads },
	{ NULL, NULL },
};
