/* SPDX-License-Identifier: BSD-2-Clause */
/* The server's threads, on a host that runs out of them; without a kernel. */
#include "sysproxy/server_worker.h"

#include <errno.h>
#include <linux/futex.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "rump/rumpuser.h"
#include "rump/rumpuser_host.h"

#include "rumpuser/cpu.h"
#include "sysproxy/server_kernel.h"

struct serverkernel serverkernel;
struct rumpuser_hyperup cpu_upcalls;
const char syscall_intr_begin[1], syscall_intr_end[1];

static atomic_bool no_threads;
static atomic_uint made;
static void (*meanwhile)(void); /* while the host says no */

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
    void *(*func)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
    void *(*func)(void *), void *arg);

int
__wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
    void *(*func)(void *), void *arg)
{
	if (atomic_load(&no_threads)) {
		if (meanwhile != NULL)
			meanwhile();
		return EAGAIN;
	}
	atomic_fetch_add(&made, 1);
	return __real_pthread_create(thread, attr, func, arg);
}

/* Somebody sleeps, who has nothing to do. */
static sem_t sleeps;

static long
host_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	if (nr == SYS_futex && (b & FUTEX_CMD_MASK) == FUTEX_WAIT)
		sem_post(&sleeps);
	return syscall(nr, a, b, c, d, e, f);
}

struct rumpuser_hostops rumpuser_hostops = { .ho_syscall = host_syscall };

int
rumpuser_component_errtrans(int error)
{
	return error;
}

/* Where nothing else is said its thread is kept at work for good, so that none is
 * idle in the next test. */
struct task {
	sem_t ta_runs, ta_go_on;
	pthread_t ta_thread;
};

static void
run(struct worker *w, void *arg)
{
	struct task *ta = arg;

	ta->ta_thread = pthread_self();
	sem_post(&ta->ta_runs);
	sem_wait(&ta->ta_go_on);
}

static void
submit(struct task *ta)
{
	sem_init(&ta->ta_runs, 0, 0);
	sem_init(&ta->ta_go_on, 0, 0);
	worker_submit(run, ta);
}

static pthread_t
await(struct task *ta)
{
	sem_wait(&ta->ta_runs);
	return ta->ta_thread;
}

static bool
has_run(struct task *ta)
{
	int n;

	sem_getvalue(&ta->ta_runs, &n);
	return n > 0;
}

static void
what_waits_is_done_when_there_is_a_thread_again(void **state)
{
	static struct task first, second;

	assert_false(workers_retry());
	atomic_store(&no_threads, true);
	submit(&first);
	submit(&second);
	assert_true(workers_retry());
	assert_true(workers_retry());
	assert_false(has_run(&first));
	atomic_store(&no_threads, false);
	assert_true(workers_retry());
	(void)await(&first);
	/* The one thread is busy: another is made for the second. */
	assert_true(workers_retry());
	(void)await(&second);
	assert_false(pthread_equal(first.ta_thread, second.ta_thread));
	assert_false(workers_retry());
	assert_int_equal(atomic_load(&made), 2);
}

static void
what_waits_is_done_by_who_is_ready_first(void **state)
{
	static struct task busy[3], waiting;

	for (int i = 0; i < 3; i++)
		submit(&busy[i]);
	for (int i = 0; i < 3; i++)
		(void)await(&busy[i]);
	atomic_store(&no_threads, true);
	submit(&waiting);
	sem_post(&busy[1].ta_go_on);
	assert_true(pthread_equal(await(&waiting), busy[1].ta_thread));
}

/* Somebody may want it awake before it runs. */
static void
a_worker_without_a_thread_can_be_told_to_stop(void **state)
{
	static struct task ta;
	struct worker *w;

	sem_init(&ta.ta_runs, 0, 0);
	sem_init(&ta.ta_go_on, 0, 0);
	atomic_store(&no_threads, true);
	w = worker_get();
	worker_start(w, run, &ta);
	worker_kick(w);
	assert_false(has_run(&ta));
	atomic_store(&no_threads, false);
	assert_true(workers_retry());
	(void)await(&ta);
}

/* At work for the time being. */
static struct task busy;

static void
become_busy(void)
{
	atomic_store(&no_threads, false);
	submit(&busy);
	(void)await(&busy);
	atomic_store(&no_threads, true);
}

/* And has fallen asleep over it. */
static void
become_idle(void)
{
	meanwhile = NULL;
	sem_init(&sleeps, 0, 0);
	sem_post(&busy.ta_go_on);
	sem_wait(&sleeps);
}

/* Between being asked for a worker and for what. */
static void
who_becomes_idle_before_something_waits_does_it(void **state)
{
	static struct task ta;
	struct worker *w;

	sem_init(&ta.ta_runs, 0, 0);
	sem_init(&ta.ta_go_on, 0, 0);
	become_busy();
	w = worker_get();
	become_idle();
	worker_start(w, run, &ta);
	assert_true(pthread_equal(await(&ta), busy.ta_thread));
}

static void
who_becomes_idle_while_a_thread_is_tried_does_it(void **state)
{
	static struct task ta;

	become_busy();
	submit(&ta);
	meanwhile = become_idle;
	assert_true(workers_retry());
	assert_true(pthread_equal(await(&ta), busy.ta_thread));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    what_waits_is_done_when_there_is_a_thread_again),
		cmocka_unit_test(what_waits_is_done_by_who_is_ready_first),
		cmocka_unit_test(a_worker_without_a_thread_can_be_told_to_stop),
		cmocka_unit_test(
		    who_becomes_idle_before_something_waits_does_it),
		cmocka_unit_test(
		    who_becomes_idle_while_a_thread_is_tried_does_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
