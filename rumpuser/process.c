/* SPDX-License-Identifier: BSD-2-Clause */
/* What concerns the host process as a whole: errno, signals, its end. */
#include "rump/rumpuser.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rump/rumpsignal.h"
#include "rump/rumpuser_host.h"

#include "rumpuser/bug.h"
#include "rumpuser/signals.h"

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
	int host = rump_signal2host(sig);

	if (host != 0)
		raise_signal(host);
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
