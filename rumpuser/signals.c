/* SPDX-License-Identifier: BSD-2-Clause */
#include "rumpuser/signals.h"

#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "rump/rumpuser_host.h"

/* The kernel's struct sigaction, which differs from libc's. */
struct host_sigaction {
	void (*handler)(int);
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};

uint64_t
signals_set_mask(uint64_t mask)
{
	uint64_t old = 0;

	rumpuser_host_syscall(
	    SYS_rt_sigprocmask, SIG_SETMASK, &mask, &old, sizeof(mask), 0, 0);
	return old;
}

void
signals_allow_only(int sig)
{
	signals_set_mask(~(SIGNAL_BIT(sig) | SIGNALS_OF_LIBC));
}

void
signals_default(int sig)
{
	struct host_sigaction action = { .handler = SIG_DFL };

	rumpuser_host_syscall(
	    SYS_rt_sigaction, sig, &action, NULL, sizeof(action.mask), 0, 0);
}
