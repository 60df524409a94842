/* SPDX-License-Identifier: BSD-2-Clause */
/* Host threads as libc makes them: what the table of host calls has for them
 * when the library is linked plainly.  Contracts in rump/rumpuser_host.h. */
#ifndef RUMPUSER_PTHREADS_H
#define RUMPUSER_PTHREADS_H

#include <stddef.h>
#include <stdint.h>

long pthreads_create(
    void *(*func)(void *), void *arg, size_t stack_bytes, uintptr_t *handle);
long pthreads_join(uintptr_t handle);

#endif /* !RUMPUSER_PTHREADS_H */
