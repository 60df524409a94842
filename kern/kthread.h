/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads of the kernel itself: lwps of process 0 with a host thread each.
 *
 * Parking.  The host sometimes needs the process without threads of ours:
 * unshare(2) and setns(2) are refused to a process with threads, setuid(2)
 * concerns each thread for itself, and a process lives as long as its last
 * thread.  So every kernel thread is a loop over state that lies outside of its
 * stack, and at the point of the loop where it holds and remembers nothing it
 * calls kthread_parkpoint().
 */
#ifndef KERN_KTHREAD_H
#define KERN_KTHREAD_H

#include <stdatomic.h>

#include "kern/types.h"

/*
 * Create a kernel thread running func(arg); it ends with kthread_exit(), or when
 * func returns.  While threads are parked it starts when they are unparked.
 * Returns 0, EAGAIN, ENOMEM, or ENOTSUP when RUMP_THREADS=0 forbids threads.
 * May sleep.
 */
int kthread_create(const char *name, void (*func)(void *), void *arg);
void kthread_exit(void) NORETURN;
/* Threads that run in the host now. */
uint32_t kthread_count(void);
/* RUMP_THREADS: may kernel threads be made?  Constant after boot. */
extern bool kthread_enabled;

extern _Atomic uint32_t kthread_parkings; /* how many want us parked */

/* Somebody wants the calling kernel thread to come to its park point. */
static inline bool
kthread_parking(void)
{
	return atomic_load_explicit(&kthread_parkings, memory_order_acquire) !=
	       0;
}
/*
 * If threads are to be parked this does not return: the host thread ends, and
 * when they are unparked a new one begins func(arg) from the start, with the
 * same lwp.  No lock may be held.
 */
void kthread_parkpoint(void);
/*
 * Have kick() called, without locks, when threads are to be parked: it gets a
 * thread out of a sleep that may last.  From a component's initialiser; at
 * most 8.
 */
void kthread_kick_attach(void (*kick)(void));

/*
 * Park all threads and wait for it, or tell them to and give up: EWOULDBLOCK
 * after KTHREAD_PARK_S seconds, ERESTART at a signal.  Whatever it returns,
 * kthread_unpark_all() must follow.
 */
#define KTHREAD_PARK_S 5
int kthread_park_all(void);
void kthread_unpark_all(void);

#endif /* !KERN_KTHREAD_H */
