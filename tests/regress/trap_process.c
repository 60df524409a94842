/* SPDX-License-Identifier: BSD-2-Clause */
/* Traps 17, 21, 25, 29, 32: what a process asks of its host. */
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trap.h"

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

/* The operand is a static program. */
static int
image(void)
{
	char *argv[] = { operand, NULL };

	CHECK(operand != NULL);
	CHECK(execve(operand, argv, environ) == -1 && errno == EACCES);
	return 0;
}

const struct trap_case process_cases[] = {
	{ "traceme", traceme },
	{ "no_prctl", no_prctl },
	{ "int80", int80 },
	{ "own_thread", own_thread },
	{ "image", image },
	{ NULL, NULL },
};
