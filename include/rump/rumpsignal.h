/* SPDX-License-Identifier: BSD-2-Clause */
/* NetBSD's signals by the host's numbers. */
#ifndef RUMP_RUMPSIGNAL_H
#define RUMP_RUMPSIGNAL_H

#include <signal.h>

#include "rump/rumpdefs.h"

/* 0: the host has no such signal, or there is none. */
static inline int
rump_signal2host(int sig)
{
	static const unsigned char signals[] = {
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

	if (sig <= 0 || sig >= (int)sizeof(signals))
		return 0;
	return signals[sig];
}

#endif /* !RUMP_RUMPSIGNAL_H */
