/* SPDX-License-Identifier: BSD-2-Clause */
/* Signals of the calling thread around a call. */
#ifndef SYSPROXY_CLIENT_SIGNALS_H
#define SYSPROXY_CLIENT_SIGNALS_H

#include <signal.h>

struct held {
	sigset_t he_mask; /* as it was */
	int he_cancel;
};

/* No handler runs and no cancellation happens until release. */
void client_signals_hold(struct held *he);
void client_signals_release(const struct held *he);

/* Let those that wait and are not in mask be delivered. */
void client_signals_deliver(const sigset_t *mask);

/*
 * Everything but the signals that mask lets through and that no handler is
 * for: what ends, stops or does not concern the process.
 */
void client_signals_handled(const sigset_t *mask, sigset_t *handled);

#endif /* !SYSPROXY_CLIENT_SIGNALS_H */
