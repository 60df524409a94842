/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block I/O: transfers that the kernel does not wait for.  One worker thread
 * takes them from a ring, strictly in order, so that a write is never overtaken
 * by another one nor by a read of the same blocks.
 *
 * The worker starts with the first request and holds an lwp of the kernel's own
 * process while it lives; after a while without requests it retires.  Where
 * threads are forbidden (RUMP_THREADS=0) or cannot be had, a request is carried
 * out by whoever makes it.
 */
#include "rump/rumpuser.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>

#include "rump/rumpuser_host.h"

#include "rumpuser/clock.h"
#include "rumpuser/cpu.h"
#include "rumpuser/errtrans.h"
#include "rumpuser/futex.h"
#include "rumpuser/lockword.h"

#define RING 128 /* one place stays free: full and empty differ */
#define PATIENCE_S 2

struct request {
	int rq_fd;
	int rq_op;
	void *rq_data;
	size_t rq_len;
	int64_t rq_off;
	rump_biodone_fn rq_done;
	void *rq_arg;
};

static lockword_t bio_lock;
static struct request ring[RING];     /* b: bio_lock */
static unsigned ring_first, ring_end; /* b */
static bool have_worker;              /* b */
static _Atomic uint32_t posted; /* b for writing: the worker sleeps on it */
static _Atomic uint32_t taken;  /* b for writing: submitters do */

static unsigned
ring_next(unsigned i)
{
	return (i + 1) % RING;
}

static long
transfer(const struct request *rq)
{
	long nr, result;

	nr = (rq->rq_op & RUMPUSER_BIO_READ) != 0 ? SYS_pread64 : SYS_pwrite64;
	do
		result = rumpuser_host_syscall(
		    nr, rq->rq_fd, rq->rq_data, rq->rq_len, rq->rq_off, 0, 0);
	while (result == -EINTR);
	return result;
}

static long
flush(int fd)
{
	long result;

	do
		result = rumpuser_host_syscall(SYS_fsync, fd, 0, 0, 0, 0, 0);
	while (result == -EINTR);
	return result;
}

/* The bytes transferred, or -errno. */
static long
carry_out(const struct request *rq)
{
	const int synchronous = RUMPUSER_BIO_WRITE | RUMPUSER_BIO_SYNC;
	long error, result;

	result = transfer(rq);
	if (result < 0 || (rq->rq_op & synchronous) != synchronous)
		return result;
	error = flush(rq->rq_fd);
	return error < 0 ? error : result;
}

/* With a CPU. */
static void
report(const struct request *rq, long result)
{
	rq->rq_done(rq->rq_arg, result < 0 ? 0 : (size_t)result,
	    errtrans_result(result));
}

/* Wait for a request; false when there is none for too long. */
static bool
request_get(struct request *rq)
{
	int64_t deadline_ns = clock_deadline(PATIENCE_S, 0);
	bool late = false;
	uint32_t seen;

	lockword_enter(&bio_lock);
	while (ring_first == ring_end) {
		if (late) {
			have_worker = false;
			lockword_exit(&bio_lock);
			return false;
		}
		seen = atomic_load_explicit(&posted, memory_order_relaxed);
		lockword_exit(&bio_lock);
		late = futex_sleep(&posted, seen, deadline_ns);
		lockword_enter(&bio_lock);
	}
	*rq = ring[ring_first];
	ring_first = ring_next(ring_first);
	atomic_fetch_add_explicit(&taken, 1, memory_order_relaxed);
	lockword_exit(&bio_lock);
	futex_wake(&taken, 1);
	return true;
}

static void *
worker(void *arg)
{
	struct request rq;
	long result;

	rumpuser_component_kthread();
	while (request_get(&rq)) {
		result = carry_out(&rq);
		cpu_acquire(0, NULL);
		report(&rq, result);
		(void)cpu_release(NULL);
	}
	rumpuser_component_kthread_release();
	rumpuser_thread_exit();
}

static bool
threads_allowed(void)
{
	const char *value = rumpuser_hostops.ho_getenv("RUMP_THREADS");

	return value == NULL || value[0] != '0';
}

/* Called with bio_lock. */
static bool
worker_get(void)
{
	if (!have_worker && threads_allowed())
		have_worker = rumpuser_thread_create(
				  worker, NULL, "rumpbio", 0, 0, -1, NULL) == 0;
	return have_worker;
}

/* Hand a request to the worker; false if there is none. */
static bool
request_put(const struct request *rq)
{
	uint32_t seen;

	lockword_enter(&bio_lock);
	if (!worker_get()) {
		lockword_exit(&bio_lock);
		return false;
	}
	while (ring_next(ring_end) == ring_first) {
		seen = atomic_load_explicit(&taken, memory_order_relaxed);
		lockword_exit(&bio_lock);
		futex_sleep(&taken, seen, FUTEX_NEVER);
		lockword_enter(&bio_lock);
	}
	ring[ring_end] = *rq;
	ring_end = ring_next(ring_end);
	atomic_fetch_add_explicit(&posted, 1, memory_order_relaxed);
	lockword_exit(&bio_lock);
	futex_wake(&posted, 1);
	return true;
}

void
rumpuser_bio(int fd, int op, void *data, size_t len, int64_t off,
    rump_biodone_fn done, void *arg)
{
	const struct request rq = {
		.rq_fd = fd,
		.rq_op = op,
		.rq_data = data,
		.rq_len = len,
		.rq_off = off,
		.rq_done = done,
		.rq_arg = arg,
	};
	long result = 0;
	bool queued;
	int nlocks;

	nlocks = cpu_release(NULL);
	queued = request_put(&rq);
	if (!queued)
		result = carry_out(&rq);
	cpu_acquire(nlocks, NULL);
	if (!queued)
		report(&rq, result);
}
