/* SPDX-License-Identifier: BSD-2-Clause */
/* The server's threads, on a host that runs out of them; without a kernel. */
#include "sysproxy/server_worker.h"

#include <errno.h>
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

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
    void *(*func)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
    void *(*func)(void *), void *arg);

int
__wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
    void *(*func)(void *), void *arg)
{
	if (atomic_load(&no_threads))
		return EAGAIN;
	atomic_fetch_add(&made, 1);
	return __real_pthread_create(thread, attr, func, arg);
}

static long
host_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
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
	struct worker *ta_worker;
};

static void
run(struct worker *w, void *arg)
{
	struct task *ta = arg;

	ta->ta_worker = w;
	sem_post(&ta->ta_runs);
	sem_wait(&ta->ta_go_on);
}

static void
submit(struct task *ta)
{
	sem_init(&ta->ta_runs, 0, 0);
	sem_init(&ta->ta_go_on, 0, 0);
	ta->ta_worker = NULL;
	worker_submit(run, ta);
}

static struct worker *
await(struct task *ta)
{
	sem_wait(&ta->ta_runs);
	return ta->ta_worker;
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
	assert_ptr_not_equal(first.ta_worker, second.ta_worker);
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
	assert_ptr_equal(await(&waiting), busy[1].ta_worker);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    what_waits_is_done_when_there_is_a_thread_again),
		cmocka_unit_test(what_waits_is_done_by_who_is_ready_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
