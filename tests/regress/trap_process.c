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

/* Under such a filter no more sites are patched; children are caught. */
static int
filtered(void)
{
	pid_t pid;

	for (int i = 0; i < 6; i++)
		CHECK(getppid() == 4242); /* until libc's site is patched */
	CHECK(confine());
	for (int i = 0; i < 10; i++)
		CHECK(caught() && getppid() == 4242);
	pid = fork();
	if (pid == 0)
		_exit(getppid() == 4242 && caught() ? 0 : 1);
	CHECK(exit_status(pid) == 0);
	/* What the program calls itself is not let through. */
	CHECK(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == -1 && errno == EPERM);
	return 0;
}

#define ALLOW(nr)                                                              \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1),                       \
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* A filter that knows only what the program calls itself, and relies on its
 * first instruction's finding the registers clear. */
static int
confined(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		ALLOW(SYS_exit_group),
		ALLOW(SYS_clone),
		ALLOW(SYS_wait4),
		ALLOW(SYS_rseq),
		ALLOW(SYS_set_robust_list),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = {
		.len = sizeof(filter) / sizeof(filter[0]),
		.filter = filter,
	};
	char byte = 'x';
	pid_t pid = fork();

	if (pid == 0) {
		CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
		CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0,
			  &program) == 0);
		/* Traps, and a lock and sleepers behind it. */
		if (!caught() || write(901, &byte, 1) != 1 ||
		    read(901, &byte, 1) != 1)
			_exit(1);
		pid = fork();
		if (pid == 0)
			_exit(caught() ? 2 : 3);
		_exit(exit_status(pid) == 2 ? 4 : 5);
	}
	CHECK(exit_status(pid) == 4);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
		(void)write(2, "", 0);
		_exit(1);
	}
	CHECK(exit_status(pid) == 128 + SIGSYS);
	return 0;
}

const struct trap_case process_cases[] = {
	{ "traceme", traceme },
	{ "no_prctl", no_prctl },
	{ "filtered", filtered },
	{ "confined", confined },
	{ "int80", int80 },
	{ "own_thread", own_thread },
	{ "image", image },
	{ NULL, NULL },
};
