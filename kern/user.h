/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host half of the kernel core: what interface 17 does not have.  Implemented
 * in kern/user.c on the host-call table of rumpuser.
 */
#ifndef KERN_USER_H
#define KERN_USER_H

#include "kern/types.h"

/*
 * Sleep while *word == expect, until unpark, deadline (absolute monotonic
 * nanoseconds, 0 none) or, if intr is not NULL, while *intr == 0: the check
 * of intr and the sleep are one step with respect to a signal handler of the
 * calling thread.  Returns 0, ETIMEDOUT or EINTR (NetBSD numbers); spurious
 * returns of 0 happen.
 */
int rumpcomp_kern_park(_Atomic uint32_t *word, uint32_t expect,
    int64_t deadline_ns, _Atomic uint32_t *intr);
/* Wake up to n sleepers on word.  Async-signal-safe. */
void rumpcomp_kern_unpark(_Atomic uint32_t *word, int n);
/* Let others run who wait for this thread's processor. */
void rumpcomp_kern_yield(void);
/* Let rump_thread_fini() be called when the calling host thread ends. */
void rumpcomp_kern_thread_attach(void);

#endif /* !KERN_USER_H */
