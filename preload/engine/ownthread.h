/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads of ours in the program's process, which the program cannot see: libc
 * does not know them, no signal is delivered to them, their calls are not
 * intercepted, and they do not keep the process alive.
 */
#ifndef ENGINE_OWNTHREAD_H
#define ENGINE_OWNTHREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ho_thread_create, ho_thread_join.  Nothing of libc is used: the caller may
 * have interrupted malloc().  -EPERM in a vfork child. */
long ownthread_create(
    void *(*func)(void *), void *arg, size_t stack_bytes, uintptr_t *handle);
long ownthread_join(uintptr_t handle);

/* One may be running. */
bool ownthread_any(void);
/* The host counts one among the threads of the process, even if it has ended. */
bool ownthread_listed(void);
/*
 * Wait until the threads of ours that exist now, which have been told to end,
 * have ended; false when one goes on for longer than is reasonable.
 */
bool ownthread_await(void);
/* The same, until the host counts none any more. */
bool ownthread_await_unlisted(void);
/* In the child of a fork, where there are none. */
void ownthread_forked(void);

#endif /* !ENGINE_OWNTHREAD_H */
