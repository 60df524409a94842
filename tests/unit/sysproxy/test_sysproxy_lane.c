/* SPDX-License-Identifier: BSD-2-Clause */
/* Lanes, over a pool of threads; the loop is played by the test. */
#include "sysproxy/server_lane.h"

#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "rump/rumpuser.h"
#include "rump/rumpuser_host.h"

#include "rumpuser/cpu.h"
#include "sysproxy/server.h"
#include "sysproxy/server_kernel.h"

#define MANY 300 /* more than may wait */

struct serverkernel serverkernel;
struct rumpuser_hyperup cpu_upcalls;
const char syscall_intr_begin[1], syscall_intr_end[1];

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

static bool paused;
static unsigned looked;
static sem_t looks_again;

void
loop_pause(int fd, struct watch *w, bool pause)
{
	paused = pause;
}

static void
look_again(void *arg)
{
	paused = false;
	++*(unsigned *)arg;
	sem_post(&looks_again);
}

static struct watch watched = { .wa_arg = &looked };

static bool
admits(struct lane *ln, uint32_t events)
{
	return lane_admits(ln, events, -1, &watched, look_again);
}

/* What blocks a lane until it is let go. */
static sem_t begun, go_on, over;

static void
block(struct worker *w, void *arg)
{
	sem_post(&begun);
	sem_wait(&go_on);
	sem_post(&over);
}

static void
let_go(void)
{
	sem_post(&go_on);
	sem_wait(&over);
}

/* The order in which things were done, and by whom. */
static unsigned done;
static unsigned order[MANY];
static struct worker *workers[MANY];
static sem_t finished;

static void
note(struct worker *w, void *arg)
{
	workers[done] = w;
	order[done++] = (unsigned)(uintptr_t)arg;
	sem_post(&finished);
}

static void
fill(struct lane *ln, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		lane_submit(ln, note, (void *)(uintptr_t)i);
}

static void
await_finished(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		sem_wait(&finished);
}

static struct lane *
blocked_lane(void)
{
	struct lane *ln = lane_create();

	assert_non_null(ln);
	lane_submit(ln, block, NULL);
	sem_wait(&begun);
	return ln;
}

static int
setup(void **state)
{
	done = looked = 0;
	paused = false;
	sem_init(&begun, 0, 0);
	sem_init(&go_on, 0, 0);
	sem_init(&over, 0, 0);
	sem_init(&finished, 0, 0);
	sem_init(&looks_again, 0, 0);
	return 0;
}

static void
one_worker_does_all_of_it_in_order(void **state)
{
	struct lane *ln = blocked_lane();

	fill(ln, MANY);
	let_go();
	await_finished(MANY);
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(order[i], i);
		assert_ptr_equal(workers[i], workers[0]);
	}
	lane_unref(ln);
}

static void
a_lane_that_is_blocked_keeps_nobody_else_waiting(void **state)
{
	struct lane *blocked = blocked_lane(), *other = lane_create();

	fill(other, 1);
	await_finished(1);
	let_go();
	lane_unref(blocked);
	lane_unref(other);
}

static void
what_waits_is_done_when_its_client_is_gone(void **state)
{
	struct lane *ln = blocked_lane();
	int fds[2];
	char c;

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	lane_close(ln, fds[1]);
	lane_unref(ln);
	let_go();
	assert_int_equal(read(fds[0], &c, 1), 0);
	close(fds[0]);
}

static void
who_has_filled_his_lane_is_read_again_when_there_is_room(void **state)
{
	struct lane *ln = blocked_lane();

	assert_true(admits(ln, EPOLLIN));
	fill(ln, MANY);
	assert_false(admits(ln, EPOLLIN));
	assert_true(paused);
	assert_int_equal(looked, 0);
	let_go();
	sem_wait(&looks_again);
	assert_false(paused);
	await_finished(MANY);
	assert_int_equal(looked, 1);
	assert_true(admits(ln, EPOLLIN));
	lane_unref(ln);
}

static void
what_somebody_has_left_who_is_dead_is_read(void **state)
{
	struct lane *ln = blocked_lane();

	fill(ln, MANY);
	assert_false(admits(ln, EPOLLIN));
	/* The end, of which nothing more is told as long as it is paused. */
	assert_false(admits(ln, EPOLLHUP | EPOLLRDHUP));
	assert_int_equal(looked, 1);
	assert_true(admits(ln, EPOLLIN | EPOLLHUP | EPOLLRDHUP));
	lane_forget(ln);
	let_go();
	await_finished(MANY);
	assert_int_equal(looked, 1);
	lane_unref(ln);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    one_worker_does_all_of_it_in_order, setup),
		cmocka_unit_test_setup(
		    a_lane_that_is_blocked_keeps_nobody_else_waiting, setup),
		cmocka_unit_test_setup(
		    what_waits_is_done_when_its_client_is_gone, setup),
		cmocka_unit_test_setup(
		    who_has_filled_his_lane_is_read_again_when_there_is_room,
		    setup),
		cmocka_unit_test_setup(
		    what_somebody_has_left_who_is_dead_is_read, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
