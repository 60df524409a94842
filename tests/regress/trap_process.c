/* SPDX-License-Identifier: BSD-2-Clause */
/* Traps 17, 21, 25, 29, 32: what a process asks of its host. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
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

/* Refuse prctl, and kill for what patching a site takes. */
static int
confine(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 2, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = {
		.len = sizeof(filter) / sizeof(filter[0]),
		.filter = filter,
	};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* Under such a filter no more sites are patched, and a child that cannot be
 * caught completely says so. */
static int
filtered(void)
{
	char said[512] = "";
	int i, fds[2], saved;
	pid_t pid;

	for (i = 0; i < 6; i++)
		CHECK(getppid() == 4242); /* until libc's site is patched */
	CHECK(confine());
	for (i = 0; i < 10; i++)
		CHECK(caught() && getppid() == 4242);
	saved = dup(2);
	CHECK(saved >= 0 && pipe(fds) == 0 && dup2(fds[1], 2) == 2);
	pid = fork();
	if (pid == 0)
		_exit(getppid() == 4242 ? 0 : 1);
	CHECK(dup2(saved, 2) == 2);
	close(fds[1]);
	CHECK(exit_status(pid) == 0);
	CHECK(read(fds[0], said, sizeof(said) - 1) > 0);
	CHECK(strstr(said, "cannot all be caught") != NULL);
	return 0;
}

const struct trap_case process_cases[] = {
	{ "traceme", traceme },
	{ "no_prctl", no_prctl },
	{ "filtered", filtered },
	{ "int80", int80 },
	{ "own_thread", own_thread },
	{ "image", image },
	{ NULL, NULL },
};
