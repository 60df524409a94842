/* SPDX-License-Identifier: BSD-2-Clause */
/* A host call that a signal handler of ours can keep from being made. */
#ifndef RUMPUSER_SYSCALL_INTR_H
#define RUMPUSER_SYSCALL_INTR_H

#include <stdint.h>

/* As ho_syscall_intr, but intr is not NULL. */
long syscall_intr(const volatile uint32_t *intr, long nr, const long args[6]);

extern const char syscall_intr_begin[] __attribute__((visibility("hidden")));
extern const char syscall_intr_end[] __attribute__((visibility("hidden")));

/* For a signal handler, which has set the word: where the thread that was at ip
 * is to go on. */
static inline uintptr_t
syscall_intr_restart(uintptr_t ip)
{
	if (ip >= (uintptr_t)syscall_intr_begin &&
	    ip < (uintptr_t)syscall_intr_end)
		return (uintptr_t)syscall_intr_begin;
	return ip;
}

#endif /* !RUMPUSER_SYSCALL_INTR_H */
