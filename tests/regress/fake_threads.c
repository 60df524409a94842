/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread of the fake kernel sleeps until it is to be parked, and is made
 * again afterwards.
 */
#include "fake_threads.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload/engine/engine.h"
#include "preload/engine/ownthread.h"

#define STACK_BYTES (64 * 1024)

static _Atomic uint32_t stop;   /* threads sleep on it */
static _Atomic uint32_t starts; /* who starts one sleeps on it */
static atomic_long running, seen;
static atomic_int wanted;

static void
futex(_Atomic uint32_t *word, int op, uint32_t n)
{
	HOST(SYS_futex, word, op, n, 0, 0, 0);
}

static void *
run(void *arg)
{
	/* libc's site, which is patched by now. */
	atomic_store(&seen, getppid());
	atomic_fetch_add(&running, 1);
	atomic_fetch_add(&starts, 1);
	futex(&starts, FUTEX_WAKE_PRIVATE, INT32_MAX);
	while (atomic_load(&stop) == 0)
		futex(&stop, FUTEX_WAIT_PRIVATE, 0);
	atomic_fetch_sub(&running, 1);
	return NULL;
}

static long
start(void)
{
	uint32_t before = atomic_load(&starts);
	long r;

	r = engine_hostops.ho_thread_create(run, NULL, STACK_BYTES, NULL);
	while (r == 0 && atomic_load(&starts) == before)
		futex(&starts, FUTEX_WAIT_PRIVATE, before);
	return r;
}

long
fake_threads_start(void)
{
	long r = start();

	if (r != 0)
		return r;
	atomic_fetch_add(&wanted, 1);
	return atomic_load(&seen);
}

long
fake_threads_running(void)
{
	return atomic_load(&running);
}

static void
park(void)
{
	atomic_store(&stop, 1);
	futex(&stop, FUTEX_WAKE_PRIVATE, INT32_MAX);
}

static void
unpark(void)
{
	int i;

	atomic_store(&stop, 0);
	for (i = 0; i < atomic_load(&wanted); i++)
		(void)start();
}

static void *
count(void *arg)
{
	atomic_fetch_add((atomic_long *)arg, 1);
	return NULL;
}

/* Detached ones may be on their way out in numbers. */
long
fake_threads_burst(long n)
{
	atomic_long ended = 0;
	uintptr_t handle;
	long i, r;

	for (i = 0; i < n; i++) {
		do
			r = engine_hostops.ho_thread_create(count, &ended,
			    STACK_BYTES, i % 2 == 0 ? &handle : NULL);
		while (r == -EAGAIN && ownthread_await());
		if (r != 0)
			return r;
		if (i % 2 == 0)
			(void)engine_hostops.ho_thread_join(handle);
	}
	if (!ownthread_await())
		return -EBUSY;
	return atomic_load(&ended) == n ? 0 : -EIO;
}

long
fake_threads_stop(void)
{
	atomic_store(&wanted, 0);
	park();
	if (!ownthread_await())
		return -EBUSY;
	atomic_store(&stop, 0);
	return 0;
}

/* In a child of fork there are none. */
void
fake_threads_forked(void)
{
	atomic_store(&wanted, 0);
	atomic_store(&running, 0);
}

void
fake_threads_init(void)
{
	engine_learn_tls();
	engine_hooks.eh_park = park;
	engine_hooks.eh_unpark = unpark;
}
