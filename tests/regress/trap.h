/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the cases of the traps share.  A case returns 0 when the engine copes.
 * They run under the engine with the router of fake_router.c: getppid() is 4242
 * while calls are intercepted.
 */
#ifndef REGRESS_TRAP_H
#define REGRESS_TRAP_H

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/types.h>

#define CHECK(x)                                                               \
	do {                                                                   \
		if (!(x)) {                                                    \
			fprintf(stderr, "%s line %d: %s (errno %d)\n",         \
			    __FILE__, __LINE__, #x, errno);                    \
			return 1;                                              \
		}                                                              \
	} while (0)

struct trap_case {
	const char *name;
	int (*run)(void);
};

/* Ends with a NULL name; one table a file. */
extern const struct trap_case sigsys_cases[], child_cases[], stack_cases[],
    site_cases[], fault_cases[], process_cases[], birth_cases[];

extern char *self;                /* argv[0] */
extern char *operand;             /* argv[2] */
extern volatile sig_atomic_t got; /* signals that count() has seen */
extern sigjmp_buf jump;
extern char stacks[2][65536];

/* Is a call of this very place intercepted? */
int caught(void);
void count(int sig);
void handle(int sig, void (*handler)(int), int flags);
/* SIGALRM after us microseconds, then every again. */
void alarm_after(long us, long again);
/* -1 when pid cannot be waited for; 128 and the signal that ended it. */
int exit_status(pid_t pid);
/* sigprocmask() of one signal. */
void mask(int how, int sig);

#endif /* !REGRESS_TRAP_H */
