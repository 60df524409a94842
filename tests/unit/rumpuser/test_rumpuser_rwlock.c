/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "rump/rumpdefs.h"

#include "mock_kernel.h"

#define READER RUMPUSER_RW_READER
#define WRITER RUMPUSER_RW_WRITER

static struct lwp lwp1;
static struct rumpuser_rw *rw;

static int
held(int op)
{
	int n;

	rumpuser_rw_held(op, rw, &n);
	return n;
}

static void
readers_share_and_writers_exclude(void **state)
{
	rumpuser_rw_init(&rw);
	mock_enter(&lwp1);
	rumpuser_rw_enter(READER, rw);
	assert_int_equal(rumpuser_rw_tryenter(READER, rw), 0);
	assert_int_equal(held(READER), 2);
	assert_int_equal(held(WRITER), 0);
	assert_int_equal(rumpuser_rw_tryenter(WRITER, rw), RUMP_EBUSY);
	rumpuser_rw_exit(rw);
	rumpuser_rw_exit(rw);
	assert_int_equal(rumpuser_rw_tryenter(WRITER, rw), 0);
	assert_int_equal(held(WRITER), 1);
	assert_int_equal(held(READER), 0);
	assert_int_equal(rumpuser_rw_tryenter(READER, rw), RUMP_EBUSY);
	assert_int_equal(rumpuser_rw_tryenter(WRITER, rw), RUMP_EBUSY);
	rumpuser_rw_exit(rw);
	assert_int_equal(held(WRITER), 0);
	mock_log_expect("", NULL);
	mock_leave();
	rumpuser_rw_destroy(rw);
}

static void
tryenter_of_an_unknown_operation_is_einval(void **state)
{
	rumpuser_rw_init(&rw);
	assert_int_equal(rumpuser_rw_tryenter(2, rw), RUMP_EINVAL);
	assert_int_equal(rumpuser_rw_tryenter(-1, rw), RUMP_EINVAL);
	rumpuser_rw_destroy(rw);
}

static void *
look_for_writer(void *arg)
{
	MOCK_CHECK(held(WRITER) == 0);
	return NULL;
}

static void
only_the_writing_lwp_holds_the_lock_for_writing(void **state)
{
	pthread_t t;

	rumpuser_rw_init(&rw);
	mock_enter(&lwp1);
	rumpuser_rw_enter(WRITER, rw);
	pthread_create(&t, NULL, look_for_writer, NULL);
	pthread_join(t, NULL);
	assert_int_equal(held(WRITER), 1);
	rumpuser_rw_exit(rw);
	mock_leave();
	rumpuser_rw_destroy(rw);
}

static void
the_only_reader_can_upgrade(void **state)
{
	rumpuser_rw_init(&rw);
	mock_enter(&lwp1);
	rumpuser_rw_enter(READER, rw);
	rumpuser_rw_enter(READER, rw);
	assert_int_equal(rumpuser_rw_tryupgrade(rw), RUMP_EBUSY);
	assert_int_equal(held(READER), 2);
	rumpuser_rw_exit(rw);
	assert_int_equal(rumpuser_rw_tryupgrade(rw), 0);
	assert_int_equal(held(WRITER), 1);
	assert_int_equal(held(READER), 0);
	rumpuser_rw_exit(rw);
	mock_leave();
	rumpuser_rw_destroy(rw);
}

static void
exit_of_a_free_lock(void)
{
	rumpuser_rw_init(&rw);
	rumpuser_rw_exit(rw);
}

static void
enter_unknown(void)
{
	rumpuser_rw_init(&rw);
	rumpuser_rw_enter(7, rw);
}

static void
what_the_interface_forbids_aborts(void **state)
{
	assert_int_equal(WTERMSIG(mock_in_child(exit_of_a_free_lock)), SIGABRT);
	assert_int_equal(WTERMSIG(mock_in_child(enter_unknown)), SIGABRT);
}

/* --- contention --- */

static _Atomic int order; /* how many have had the lock */

struct contender {
	struct lwp lwp;
	int op;
	int place; /* in which order it got the lock */
	pthread_t thread;
};

static void *
contend(void *arg)
{
	struct contender *c = arg;

	mock_enter(&c->lwp);
	mock_giant_set(1);
	rumpuser_rw_enter(c->op, rw);
	c->place = order++;
	mock_log_expect("RwA", NULL);
	MOCK_CHECK(mock_log_get(MOCK_RELEASE, 0)->e_object == NULL);
	MOCK_CHECK(mock_scheduled() && mock_giant() == 1);
	/* The lock's own guard may be held for moments by the others. */
	mock_allow_blocking(true);
	MOCK_CHECK(c->op == READER ? held(READER) > 0 : held(WRITER) == 1);
	rumpuser_rw_exit(rw);
	mock_giant_set(0);
	mock_leave();
	return NULL;
}

static void
queue_up(struct contender *c, int op, int nth)
{
	c->op = op;
	pthread_create(&c->thread, NULL, contend, c);
	mock_wait_sleepers(nth);
}

static void
waiting_is_done_without_a_cpu_in_order_of_arrival(void **state)
{
	struct contender c[3];
	int i;

	rumpuser_rw_init(&rw);
	order = 0;
	mock_enter(&lwp1);
	rumpuser_rw_enter(READER, rw);
	queue_up(&c[0], WRITER, 1);
	/* Readers that come after a waiting writer do not overtake it. */
	queue_up(&c[1], READER, 2);
	queue_up(&c[2], WRITER, 3);
	assert_int_equal(rumpuser_rw_tryenter(READER, rw), RUMP_EBUSY);
	rumpuser_rw_exit(rw);
	mock_leave();
	for (i = 0; i < 3; i++) {
		pthread_join(c[i].thread, NULL);
		assert_int_equal(c[i].place, i);
	}
	rumpuser_rw_destroy(rw);
}

static void
downgrade_lets_readers_in_but_no_writer_through(void **state)
{
	struct contender c[2];

	rumpuser_rw_init(&rw);
	order = 0;
	mock_enter(&lwp1);
	rumpuser_rw_enter(WRITER, rw);
	queue_up(&c[0], READER, 1);
	queue_up(&c[1], WRITER, 2);
	rumpuser_rw_downgrade(rw);
	assert_true(held(READER) >= 1);
	mock_wait_for(&order, 1);
	/* The reader has come and gone, the writer has not come. */
	pthread_join(c[0].thread, NULL);
	assert_int_equal(order, 1);
	assert_int_equal(held(READER), 1);
	assert_int_equal(held(WRITER), 0);
	rumpuser_rw_exit(rw);
	pthread_join(c[1].thread, NULL);
	assert_int_equal(c[1].place, 1);
	mock_leave();
	rumpuser_rw_destroy(rw);
}

static void
downgrade_with_a_writer_first_in_the_queue_keeps_it_waiting(void **state)
{
	struct contender c;

	rumpuser_rw_init(&rw);
	order = 0;
	mock_enter(&lwp1);
	rumpuser_rw_enter(WRITER, rw);
	queue_up(&c, WRITER, 1);
	rumpuser_rw_downgrade(rw);
	assert_int_equal(held(READER), 1);
	assert_int_equal(order, 0);
	rumpuser_rw_exit(rw);
	pthread_join(c.thread, NULL);
	mock_leave();
	rumpuser_rw_destroy(rw);
}

#define NTHREADS 6
#define ROUNDS 1500

static long value[2]; /* rw: always equal */

static void *
read_and_write(void *arg)
{
	struct lwp l;
	int i;

	mock_enter(&l);
	/* Locks inside the library are contended here, for moments. */
	mock_allow_blocking(true);
	for (i = 0; i < ROUNDS; i++) {
		if (i % 8 != 0) {
			rumpuser_rw_enter(READER, rw);
			MOCK_CHECK(value[0] == value[1]);
			rumpuser_rw_exit(rw);
			continue;
		}
		rumpuser_rw_enter(WRITER, rw);
		value[0]++;
		MOCK_CHECK(held(WRITER) == 1 && held(READER) == 0);
		value[1]++;
		rumpuser_rw_downgrade(rw);
		MOCK_CHECK(value[0] == value[1]);
		rumpuser_rw_exit(rw);
	}
	mock_leave();
	return NULL;
}

static void
many_threads_see_a_consistent_state(void **state)
{
	pthread_t t[NTHREADS];
	int i;

	value[0] = value[1] = 0;
	rumpuser_rw_init(&rw);
	for (i = 0; i < NTHREADS; i++)
		pthread_create(&t[i], NULL, read_and_write, NULL);
	for (i = 0; i < NTHREADS; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(value[0], NTHREADS * ((ROUNDS + 7) / 8));
	rumpuser_rw_destroy(rw);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		MOCK_TEST(readers_share_and_writers_exclude),
		MOCK_TEST(tryenter_of_an_unknown_operation_is_einval),
		MOCK_TEST(only_the_writing_lwp_holds_the_lock_for_writing),
		MOCK_TEST(the_only_reader_can_upgrade),
		MOCK_TEST(what_the_interface_forbids_aborts),
		MOCK_TEST(waiting_is_done_without_a_cpu_in_order_of_arrival),
		MOCK_TEST(downgrade_lets_readers_in_but_no_writer_through),
		MOCK_TEST(
		    downgrade_with_a_writer_first_in_the_queue_keeps_it_waiting),
		MOCK_TEST(many_threads_see_a_consistent_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
