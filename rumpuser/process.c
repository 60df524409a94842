/* SPDX-License-Identifier: BSD-2-Clause */
/* What concerns the host process as a whole: errno, signals, its end. */
#include "rump/rumpuser.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rump/rumpdefs.h"
#include "rump/rumpuser_host.h"

#include "rumpuser/bug.h"
#include "rumpuser/signals.h"

static const unsigned char host_signals[] = {
	[RUMP_SIGHUP] = SIGHUP,
	[RUMP_SIGINT] = SIGINT,
	[RUMP_SIGQUIT] = SIGQUIT,
	[RUMP_SIGILL] = SIGILL,
	[RUMP_SIGTRAP] = SIGTRAP,
	[RUMP_SIGABRT] = SIGABRT,
	[RUMP_SIGFPE] = SIGFPE,
	[RUMP_SIGKILL] = SIGKILL,
	[RUMP_SIGBUS] = SIGBUS,
	[RUMP_SIGSEGV] = SIGSEGV,
	[RUMP_SIGSYS] = SIGSYS,
	[RUMP_SIGPIPE] = SIGPIPE,
	[RUMP_SIGALRM] = SIGALRM,
	[RUMP_SIGTERM] = SIGTERM,
	[RUMP_SIGURG] = SIGURG,
	[RUMP_SIGSTOP] = SIGSTOP,
	[RUMP_SIGTSTP] = SIGTSTP,
	[RUMP_SIGCONT] = SIGCONT,
	[RUMP_SIGCHLD] = SIGCHLD,
	[RUMP_SIGTTIN] = SIGTTIN,
	[RUMP_SIGTTOU] = SIGTTOU,
	[RUMP_SIGIO] = SIGIO,
	[RUMP_SIGXCPU] = SIGXCPU,
	[RUMP_SIGXFSZ] = SIGXFSZ,
	[RUMP_SIGVTALRM] = SIGVTALRM,
	[RUMP_SIGPROF] = SIGPROF,
	[RUMP_SIGWINCH] = SIGWINCH,
	[RUMP_SIGUSR1] = SIGUSR1,
	[RUMP_SIGUSR2] = SIGUSR2,
	[RUMP_SIGPWR] = SIGPWR,
};

void
rumpuser_seterrno(int error)
{
	errno = error;
}

static long
host_getpid(void)
{
	return rumpuser_host_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

/* Send a host signal to the calling thread. */
static void
raise_signal(int sig)
{
	long tid;

	tid = rumpuser_host_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0);
	rumpuser_host_syscall(SYS_tgkill, host_getpid(), tid, sig, 0, 0, 0);
}

int
rumpuser_kill(int64_t pid, int sig)
{
	if (sig > 0 && sig < (int)sizeof(host_signals) &&
	    host_signals[sig] != 0)
		raise_signal(host_signals[sig]);
	return 0;
}

/*
 * The program's handler gets its chance, as in abort(3).  If it returns, or if
 * the signal was held back, the default action follows.
 */
void
process_abort(void)
{
	signals_allow_only(SIGABRT);
	raise_signal(SIGABRT);
	signals_default(SIGABRT);
	raise_signal(SIGABRT);
	for (;;)
		rumpuser_host_syscall(SYS_exit_group, 127, 0, 0, 0, 0, 0);
}

void
bug(const char *file, int line, const char *text)
{
	rumpuser_dprintf(
	    "rumpuser: %s:%d: check failed: %s\n", file, line, text);
	process_abort();
}

void
rumpuser_exit(int value)
{
	static const char text[] = "halted\n";

	rumpuser_host_syscall(
	    SYS_write, STDOUT_FILENO, text, sizeof(text) - 1, 0, 0, 0);
	if (value == RUMPUSER_PANIC)
		process_abort();
	exit(value);
}
