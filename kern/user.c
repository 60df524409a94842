/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host half of the kernel core: futexes, and notice of a thread's end.
 *
 * The key is made when the library is loaded, so that it is among the first
 * ones: setting one of those does not allocate, which a thread inside a
 * hijacked call must not do.  A host that made many keys before that has to
 * call rump_thread_fini() itself.
 */
#include "kern/user.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>

#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "rump/rumpuser_host.h"

#define NSEC 1000000000
#define EARLY_KEYS 32 /* glibc keeps values of these in the thread itself */

static pthread_key_t thread_key;
static bool thread_key_usable;
static _Atomic bool attached; /* any thread: the kernel is in use here */

static void
thread_end(void *arg)
{
	(void)arg;
	rump_thread_fini();
}

/*
 * In a child of fork(2) the kernel is a copy whose locks may be held by threads
 * that are not there: the end of a thread must not go near it.
 */
static void
forked(void)
{
	if (!attached)
		return;
	(void)pthread_setspecific(thread_key, NULL);
	thread_key_usable = false;
}

__attribute__((__constructor__)) static void
make_key(void)
{
	thread_key_usable = pthread_key_create(&thread_key, thread_end) == 0 &&
			    thread_key < EARLY_KEYS &&
			    pthread_atfork(NULL, NULL, forked) == 0;
}

void
rumpcomp_kern_thread_attach(void)
{
	if (!thread_key_usable)
		return;
	atomic_store_explicit(&attached, true, memory_order_relaxed);
	(void)pthread_setspecific(thread_key, &thread_key);
}

int
rumpcomp_kern_park(_Atomic uint32_t *word, uint32_t expect, int64_t deadline_ns,
    _Atomic uint32_t *intr)
{
	struct timespec ts = {
		.tv_sec = deadline_ns / NSEC,
		.tv_nsec = deadline_ns % NSEC,
	};
	const long args[6] = {
		(long)word,
		FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG,
		expect,
		deadline_ns == 0 ? 0 : (long)&ts,
		0,
		(long)FUTEX_BITSET_MATCH_ANY,
	};

	if (deadline_ns < 0)
		return RUMP_ETIMEDOUT;
	switch (rumpuser_hostops.ho_syscall_intr(
	    (const volatile uint32_t *)intr, SYS_futex, args)) {
	case -ETIMEDOUT:
		return RUMP_ETIMEDOUT;
	case -EINTR:
		return RUMP_EINTR;
	default:
		return 0;
	}
}

void
rumpcomp_kern_unpark(_Atomic uint32_t *word, int n)
{
	(void)rumpuser_host_syscall(
	    SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, n, 0, 0, 0);
}

void
rumpcomp_kern_yield(void)
{
	(void)rumpuser_host_syscall(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
}
