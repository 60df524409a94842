/* SPDX-License-Identifier: BSD-2-Clause */
/* poll, pollts, select and pselect, on pipes. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "tests/unit/kern/kern_test.h"

#include "rump/rump_syscalls.h"
#include "rump/rumphost.h"

#define IN RUMP_POLLIN
#define OUT RUMP_POLLOUT

size_t kmem_outstanding(void);
void kmem_fail_nth(uint64_t);

static int p[2];

static int
open_pipe(void **state)
{
	return rump_sys_pipe2(p, 0);
}

static int
close_pipe(void **state)
{
	(void)rump_sys_close(p[0]);
	(void)rump_sys_close(p[1]);
	return 0;
}

static void
readiness_shows_at_once(void **state)
{
	struct rump_pollfd pfd[] = { { p[0], IN, 9 }, { p[1], OUT, 9 },
		{ -1, IN, 9 }, { 99, IN, 9 } };

	assert_int_equal(rump_sys_poll((void *)pfd, 4, -1), 2);
	assert_int_equal(pfd[0].revents, 0);
	assert_int_equal(pfd[1].revents, OUT);
	assert_int_equal(pfd[2].revents, 0);
	assert_int_equal(pfd[3].revents, RUMP_POLLNVAL);
	assert_int_equal(rump_sys_write(p[1], "x", 1), 1);
	assert_int_equal(rump_sys_poll((void *)pfd, 1, 0), 1);
	assert_int_equal(pfd[0].revents, IN);
	assert_int_equal(rump_sys_close(p[1]), 0);
	assert_int_equal(rump_sys_poll((void *)pfd, 1, 0), 1);
	assert_int_equal(pfd[0].revents, IN | RUMP_POLLHUP);
}

static void
a_time_out_ends_it_with_nothing(void **state)
{
	struct rump_pollfd pfd = { p[0], IN, 9 };
	struct rump_timespec ts = { 0, 2000000 }, bad = { 0, -1 };
	struct timespec a, b;

	clock_gettime(CLOCK_MONOTONIC, &a);
	assert_int_equal(rump_sys_poll((void *)&pfd, 1, 3), 0);
	assert_int_equal(
	    rump_sys_pollts((void *)&pfd, 1, (void *)&ts, NULL), 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	assert_true(
	    (b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec >=
	    5000000);
	assert_int_equal(pfd.revents, 0);
	assert_int_equal(rump_sys_poll(NULL, 0, 1), 0);
	assert_int_equal(
	    rump_sys_pollts((void *)&pfd, 1, (void *)&bad, NULL), -1);
	assert_int_equal(errno, RUMP_EINVAL);
	assert_int_equal(rump_sys_poll((void *)&pfd, 1000000, 0), -1);
	assert_int_equal(errno, RUMP_EINVAL);
}

static _Atomic int polling;

static void *
poll_one(void *arg)
{
	struct rump_pollfd pfd = { p[0], IN, 0 };

	atomic_fetch_add(&polling, 1);
	assert_int_equal(rump_sys_poll((void *)&pfd, 1, -1), 1);
	return (void *)(intptr_t)pfd.revents;
}

static void
pollers_are_woken_by_data(void **state)
{
	pthread_t t[3];
	void *revents;

	for (int round = 0; round < 300; round++) {
		char c;

		polling = 0;
		for (int i = 0; i < 3; i++)
			t[i] = spawn(poll_one, NULL);
		AWAIT(polling == 3);
		assert_int_equal(rump_sys_write(p[1], "x", 1), 1);
		for (int i = 0; i < 3; i++) {
			assert_int_equal(pthread_join(t[i], &revents), 0);
			assert_int_equal((intptr_t)revents, IN);
		}
		assert_int_equal(rump_sys_read(p[0], &c, 1), 1);
	}
}

static void
pollers_are_woken_by_the_end_of_the_other_side(void **state)
{
	pthread_t t = spawn(poll_one, NULL);
	void *revents;

	assert_int_equal(rump_sys_close(p[1]), 0);
	assert_int_equal(pthread_join(t, &revents), 0);
	assert_int_equal((intptr_t)revents, RUMP_POLLHUP);
}

static void
a_file_closed_under_a_poll_stays_until_it_ends(void **state)
{
	pthread_t t = spawn(poll_one, NULL);

	AWAIT(polling > 0);
	assert_int_equal(rump_sys_close(p[0]), 0);
	/* The poll has the only reference to the reader now, or had none. */
	(void)rump_sys_write(p[1], "x", 1);
	assert_int_equal(rump_sys_close(p[1]), 0);
	join(t);
}

/* More files than the selector and the stack have room for. */
static void
many_files_can_be_polled(void **state)
{
	struct rump_pollfd pfd[100];
	int q[50][2];

	for (int i = 0; i < 50; i++) {
		assert_int_equal(rump_sys_pipe2(q[i], 0), 0);
		pfd[i] = (struct rump_pollfd){ q[i][0], IN, 0 };
		pfd[50 + i] = (struct rump_pollfd){ q[i][0], IN, 0 };
	}
	assert_int_equal(rump_sys_poll((void *)pfd, 100, 1), 0);
	assert_int_equal(rump_sys_write(q[20][1], "x", 1), 1);
	assert_int_equal(rump_sys_poll((void *)pfd, 100, -1), 2);
	assert_int_equal(pfd[20].revents, IN);
	assert_int_equal(pfd[70].revents, IN);
	kmem_fail_nth(1);
	assert_int_equal(rump_sys_poll((void *)pfd, 100, -1), -1);
	assert_int_equal(errno, RUMP_ENOMEM);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(rump_sys_close(q[i][0]), 0);
		assert_int_equal(rump_sys_close(q[i][1]), 0);
	}
}

static void
select_answers_in_its_bitmaps(void **state)
{
	uint32_t in[8] = { 0 }, out[8] = { 0 }, ex[8] = { 0 };
	struct rump_timeval zero = { 0, 0 };
	size_t before = kmem_outstanding();

	in[p[0] / 32] |= 1u << p[0] % 32;
	out[p[1] / 32] |= 1u << p[1] % 32;
	ex[p[1] / 32] |= 1u << p[1] % 32;
	assert_int_equal(rump_sys_select(256, (void *)in, (void *)out,
			     (void *)ex, (void *)&zero),
	    1);
	assert_int_equal(in[p[0] / 32], 0);
	assert_int_equal(out[p[1] / 32], 1u << p[1] % 32);
	assert_int_equal(ex[p[1] / 32], 0);
	in[p[0] / 32] |= 1u << p[0] % 32;
	assert_int_equal(rump_sys_write(p[1], "x", 1), 1);
	assert_int_equal(rump_sys_pselect(p[1] + 1, (void *)in, (void *)out,
			     NULL, NULL, NULL),
	    2);
	in[3] = 1;
	assert_int_equal(
	    rump_sys_select(256, (void *)in, NULL, NULL, (void *)&zero), -1);
	assert_int_equal(errno, RUMP_EBADF);
	assert_int_equal(rump_sys_select(-1, NULL, NULL, NULL, NULL), -1);
	assert_int_equal(errno, RUMP_EINVAL);
	assert_int_equal(
	    rump_sys_select(0, NULL, NULL, NULL, (void *)&zero), 0);
	assert_int_equal(kmem_outstanding(), before);
}

static void
every_allocation_of_select_may_fail(void **state)
{
	uint32_t in[32] = { 0 };
	struct rump_timeval zero = { 0, 0 };
	size_t before = kmem_outstanding();
	int n;

	in[p[0] / 32] |= 1u << p[0] % 32;
	for (n = 1;; n++) {
		kmem_fail_nth((uint64_t)n);
		if (rump_sys_select(
			1000, (void *)in, NULL, NULL, (void *)&zero) == 0)
			break;
		assert_int_equal(errno, RUMP_ENOMEM);
		assert_int_equal(in[p[0] / 32], 1u << p[0] % 32);
		assert_int_equal(kmem_outstanding(), before);
	}
	kmem_fail_nth(0);
	assert_int_equal(n, 3);
}

static void
interrupt(int sig)
{
	rump_interrupt();
}

static void *
poll_and_be_interrupted(void *arg)
{
	struct rump_pollfd pfd = { p[0], IN, 0 };
	int n, error;

	atomic_fetch_add(&polling, 1);
	n = rump_sys_poll((void *)&pfd, 1, -1);
	error = errno;
	rump_interrupt_clear();
	return (void *)(intptr_t)(n < 0 ? error : 0);
}

static void
a_signal_ends_a_poll(void **state)
{
	struct sigaction sa = { .sa_handler = interrupt,
		.sa_flags = SA_RESTART };
	pthread_t t;
	void *error;

#ifdef SIGNALS_ARE_HELD_BACK
	skip();
#endif
	sigaction(SIGUSR1, &sa, NULL);
	for (int i = 0; i < 300; i++) {
		polling = 0;
		t = spawn(poll_and_be_interrupted, NULL);
		AWAIT(polling == 1);
		pthread_kill(t, SIGUSR1);
		assert_int_equal(pthread_join(t, &error), 0);
		assert_int_equal((intptr_t)error, RUMP_EINTR);
	}
}

#define WITH_PIPE(f) cmocka_unit_test_setup_teardown(f, open_pipe, close_pipe)

/* What nobody reads is an error here, and no signal. */
static int
boot_without_signals(void **state)
{
	rump_boot_setsigmodel(RUMP_SIGMODEL_IGNORE);
	return boot_kernel(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PIPE(readiness_shows_at_once),
		WITH_PIPE(a_time_out_ends_it_with_nothing),
		WITH_PIPE(pollers_are_woken_by_data),
		WITH_PIPE(pollers_are_woken_by_the_end_of_the_other_side),
		WITH_PIPE(many_files_can_be_polled),
		WITH_PIPE(select_answers_in_its_bitmaps),
		WITH_PIPE(every_allocation_of_select_may_fail),
		WITH_PIPE(a_signal_ends_a_poll),
		WITH_PIPE(a_file_closed_under_a_poll_stays_until_it_ends),
	};

	return cmocka_run_group_tests(tests, boot_without_signals, NULL);
}
