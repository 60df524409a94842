/* SPDX-License-Identifier: BSD-2-Clause */
#include "sysproxy/client_signals.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

void
client_signals_hold(struct held *he)
{
	sigset_t all;

	sigfillset(&all);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &he->he_cancel);
	(void)pthread_sigmask(SIG_SETMASK, &all, &he->he_mask);
}

void
client_signals_release(const struct held *he)
{
	(void)pthread_sigmask(SIG_SETMASK, &he->he_mask, NULL);
	(void)pthread_setcancelstate(he->he_cancel, NULL);
}

void
client_signals_deliver(const sigset_t *mask)
{
	sigset_t all;

	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, mask, NULL);
	(void)pthread_sigmask(SIG_SETMASK, &all, NULL);
}

static bool
has_handler(int sig)
{
	struct sigaction sa;

	return sigaction(sig, NULL, &sa) != 0 ||
	       (sa.sa_handler != SIG_DFL && sa.sa_handler != SIG_IGN);
}

void
client_signals_handled(const sigset_t *mask, sigset_t *handled)
{
	sigfillset(handled);
	for (int sig = 1; sig < NSIG; sig++)
		if (sigismember(mask, sig) == 0 && !has_handler(sig))
			sigdelset(handled, sig);
}
