/* SPDX-License-Identifier: BSD-2-Clause */
/* Sleeping on a word of memory that the threads of the process share. */
#ifndef RUMPUSER_FUTEX_H
#define RUMPUSER_FUTEX_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define FUTEX_NEVER INT64_MAX

/*
 * Sleep while *word == expect, until woken or until deadline_ns, monotonic
 * nanoseconds, FUTEX_NEVER for none.  Returns true when the deadline has
 * passed; may return false for no reason.  The calling thread must have
 * released its CPU, or hold a lock that forbids that.
 */
bool futex_sleep(_Atomic uint32_t *word, uint32_t expect, int64_t deadline_ns);

/*
 * Wake up to n sleepers.  The word need not exist any more: a stray wake-up is
 * harmless, all sleepers test again.
 */
void futex_wake(_Atomic uint32_t *word, int n);

#endif /* !RUMPUSER_FUTEX_H */
