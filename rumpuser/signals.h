/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signal masks of the calling thread as the host kernel has them, behind libc,
 * which hides two signals of its own.
 */
#ifndef RUMPUSER_SIGNALS_H
#define RUMPUSER_SIGNALS_H

#include <stdint.h>

#define SIGNAL_BIT(sig) (UINT64_C(1) << ((sig)-1))

/*
 * Signals 32 and 33 are libc's: one is pthread_cancel()'s, the other makes
 * every thread take part in setuid().  Blocked, they hang the program.
 */
#define SIGNALS_OF_LIBC (SIGNAL_BIT(32) | SIGNAL_BIT(33))

/* Set the mask of blocked signals; returns the old one. */
uint64_t signals_set_mask(uint64_t mask);
/* Block everything but sig and libc's. */
void signals_allow_only(int sig);
/* Give sig its default action. */
void signals_default(int sig);

#endif /* !RUMPUSER_SIGNALS_H */
