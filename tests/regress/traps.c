/* SPDX-License-Identifier: BSD-2-Clause */
/* traps CASE [OPERAND]: run one case; see trap.h. */
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trap.h"

char *self;
char *operand;
volatile sig_atomic_t got;
sigjmp_buf jump;
char stacks[2][65536];

int
caught(void)
{
	return syscall(SYS_getppid) == 4242;
}

void
count(int sig)
{
	got++;
}

void
handle(int sig, void (*handler)(int), int flags)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };

	sigaction(sig, &sa, NULL);
}

void
alarm_after(long us, long again)
{
	struct itimerval it = { { 0, again }, { 0, us } };

	setitimer(ITIMER_REAL, &it, NULL);
}

int
exit_status(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void
mask(int how, int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(how, &set, NULL);
}

int
main(int argc, char **argv)
{
	static const struct trap_case *const tables[] = { sigsys_cases,
		child_cases, stack_cases, site_cases, fault_cases,
		process_cases, birth_cases };
	const struct trap_case *c;
	size_t i;

	self = argv[0];
	operand = argc > 2 ? argv[2] : NULL;
	for (i = 0; argc > 1 && i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (c = tables[i]; c->name != NULL; c++) {
			if (strcmp(argv[1], c->name) == 0)
				return c->run();
		}
	}
	return 2;
}
