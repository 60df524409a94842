/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clone(2) with CLONE_VM alone, whose child has its parent's thread-local data.
 * What it calls while its parent is in a call of the kernel's is its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lives.h"

#define CALLS 2000
#define STACK_SIZE (256 * 1024)

static char stack[STACK_SIZE] __attribute__((aligned(64)));
static char path[4096];
static int *let_go; /* shared with who has the lock */

/* Without libc: errno is the parent's. */
static int
guest(void *arg)
{
	static const char refused[] = "all refused\n", other[] = "reached\n";
	bool all = true;

	for (int i = 0; i < CALLS && all; i++)
		all = syscall(SYS_open, path, O_WRONLY | O_CREAT, 0666) < 0;
	syscall(SYS_write, 1, all ? refused : other,
	    all ? sizeof(refused) - 1 : sizeof(other) - 1);
	__atomic_store_n(let_go, 1, __ATOMIC_RELEASE);
	syscall(SYS_exit, !all);
	return 0;
}

static void
hold(int ready)
{
	int fd = open("lock", O_RDWR | O_CREAT | O_CLOEXEC, 0666);

	NEED(fd >= 0 && flock(fd, LOCK_EX) == 0);
	NEED(write(ready, "", 1) == 1);
	while (__atomic_load_n(let_go, __ATOMIC_ACQUIRE) == 0)
		sched_yield();
	_exit(0);
}

int
guest_calls(char **argv)
{
	int ready[2], fd, status;
	pid_t holder, pid;
	char c;

	snprintf(path, sizeof(path), "%s/made", argv[0]);
	let_go = mmap(NULL, sizeof(*let_go), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	NEED(let_go != MAP_FAILED && chdir(argv[0]) == 0 && pipe(ready) == 0);
	holder = fork();
	if (holder == 0)
		hold(ready[1]);
	NEED(read(ready[0], &c, 1) == 1);
	fd = open("lock", O_RDWR | O_CLOEXEC);
	NEED(fd >= 0);
	pid = clone(guest, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL);
	NEED(pid > 0 && flock(fd, LOCK_EX) == 0);
	NEED(waitpid(holder, &status, 0) == holder);
	NEED(waitpid(pid, &status, 0) == pid);
	SAY("exited %d", WEXITSTATUS(status));
	return status != 0;
}
