/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hijack library's side of the classic protocol against a server that is a
 * thread of the test: it keeps requests until a test says what becomes of them.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "preload/call.h"
#include "preload/classic_link.h"
#include "preload/classic_set.h"
#include "preload/engine/engine.h"
#include "preload/engine/entry.h"
#include "preload/remote_classic.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "tests/lib/carefulcopy.h"

#define NCALLERS 8
#define NCALLS 300
#define BATCH 4

/* --- what stands around it in the hijack library ----------------------- */

static long
raw_call(long nr, long a, long b, long c, long d, long e, long f)
{
	long r = syscall(nr, a, b, c, d, e, f);

	return r < 0 ? -errno : r;
}

long (*host_call)(long, long, long, long, long, long, long) = raw_call;
__thread volatile uint32_t remote_interrupted;

long
engine_host_call_intr(
    const volatile uint32_t *intr, long nr, const long args[6])
{
	if (intr != NULL && *intr != 0)
		return -EINTR;
	/* Whose time is limited finds it over. */
	if (nr == SYS_poll && args[2] > 0)
		return raw_call(nr, args[0], args[1], 0, 0, 0, 0);
	return raw_call(
	    nr, args[0], args[1], args[2], args[3], args[4], args[5]);
}

long
engine_copy(void *to, const void *from, size_t len)
{
	return careful_copy(to, from, len) ? 0 : -EFAULT;
}

long
engine_copy_string(char *to, const void *from, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (engine_copy(to + i, (const char *)from + i, 1) != 0)
			return -EFAULT;
		if (to[i] == '\0')
			return (long)i;
	}
	return -ENAMETOOLONG;
}

int
gate_enter(struct remote_gate *rg, bool patient)
{
	while (atomic_exchange(&rg->rg_word, 1) != 0)
		sched_yield();
	return 0;
}

void
gate_exit(struct remote_gate *rg)
{
	atomic_store(&rg->rg_word, 0);
}

int
remote_gate_enter(struct remote *rm, bool patient)
{
	return gate_enter(&rm->rm_gate, patient);
}

void
remote_gate_exit(struct remote *rm)
{
	gate_exit(&rm->rm_gate);
}

int
remote_retry(struct remote *rm)
{
	return RUMP_ENOTCONN;
}

void
remote_die(struct remote *rm, const char *why)
{
	atomic_store(&rm->rm_state, REMOTE_DEAD);
}

void
remote_raise(int64_t number, bool here)
{
}

static atomic_int noted_fd;
static _Atomic uint32_t noted;

void
epsets_note(int rumpfd, uint32_t conditions)
{
	noted_fd = rumpfd;
	noted = conditions;
}

/* --- the server --------------------------------------------------------- */

struct fixture {
	struct remote rm;
	int server; /* its end */
};

static struct fixture *
fixture_create(bool ours)
{
	struct fixture *fx = calloc(1, sizeof(*fx));
	struct classic *cl = calloc(1, sizeof(*cl));
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	wire_rx_init(&cl->cl_rx, &wire_limits_client);
	cl->cl_ours = ours;
	cl->cl_state = WIRE_RUNNING;
	fx->rm.rm_fd = ends[0];
	fx->rm.rm_classic = cl;
	fx->rm.rm_state = REMOTE_READY;
	fx->server = ends[1];
	return fx;
}

static void
fixture_destroy(struct fixture *fx)
{
	close(fx->rm.rm_fd);
	if (fx->server >= 0)
		close(fx->server);
	free(fx->rm.rm_classic);
	free(fx);
}

static void
say(struct fixture *fx, const void *data, size_t len)
{
	assert_int_equal(
	    send(fx->server, data, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* The next frame; its payload is in data. */
static struct wire_hdr
hear(struct fixture *fx, unsigned char data[256])
{
	struct wire_hdr h;
	size_t len;

	assert_int_equal(
	    recv(fx->server, &h, sizeof(h), MSG_WAITALL), sizeof(h));
	len = h.wh_len - sizeof(h);
	assert_in_range(len, 0, 256);
	if (len > 0)
		assert_int_equal(
		    recv(fx->server, data, len, MSG_WAITALL), (ssize_t)len);
	return h;
}

static void
answer(struct fixture *fx, uint64_t number, int error, int64_t value)
{
	const int64_t retval[2] = { value, 0 };
	struct wire_frame f;

	say(fx, &f, wire_put_sysret(&f, number, error, retval));
}

/* --- callers ------------------------------------------------------------ */

struct caller {
	struct fixture *ca_fx;
	pthread_t ca_thread;
	int ca_number;
	int64_t ca_args[3];
	int64_t ca_retval[2];
	int ca_error;
};

static void *
call_once(void *arg)
{
	struct caller *ca = arg;

	ca->ca_error = classic_call(&ca->ca_fx->rm, false, ca->ca_number,
	    ca->ca_args, 3, ca->ca_retval);
	return NULL;
}

static void
start_call(struct caller *ca, struct fixture *fx, int num, int64_t fd,
    void *buf, size_t len)
{
	*ca = (struct caller){
		.ca_fx = fx,
		.ca_number = num,
		.ca_args = { fd, (int64_t)buf, (int64_t)len },
	};
	assert_int_equal(
	    pthread_create(&ca->ca_thread, NULL, call_once, ca), 0);
}

static void
start(struct caller *ca, struct fixture *fx, int64_t fd, void *buf, size_t len)
{
	start_call(ca, fx, RUMP_SYS_read, fd, buf, len);
}

static int
finish(struct caller *ca)
{
	assert_int_equal(pthread_join(ca->ca_thread, NULL), 0);
	return ca->ca_error;
}

/* As a handler of the engine's that finds the thread in the kernel. */
static void
interrupt(int sig)
{
	remote_interrupted = 1;
}

/* Interrupt the thread, until a frame says that it has noticed. */
static void
poke(struct fixture *fx, struct caller *ca)
{
	char byte;

	while (recv(fx->server, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 1) {
		(void)pthread_kill(ca->ca_thread, SIGUSR1);
		sched_yield();
	}
}

/* --- tests -------------------------------------------------------------- */

static void
what_a_call_reads_and_writes_is_copied(void **state)
{
	struct fixture *fx = fixture_create(true);
	char buf[8] = "before";
	unsigned char data[256];
	struct wire_frame f;
	struct caller ca;
	struct wire_hdr h, copied;
	size_t len;

	start(&ca, fx, 3, buf, sizeof(buf));
	h = hear(fx, data);
	assert_int_equal(h.wh_u, RUMP_SYS_read);
	assert_memory_equal(data, ca.ca_args, sizeof(ca.ca_args));
	say(fx, &f, wire_put_copyin(&f, 77, (uintptr_t)buf, 7));
	copied = hear(fx, data);
	assert_int_equal(copied.wh_reqno, 77);
	assert_memory_equal(data, "before", 7);
	len = wire_put_copyout(&f, 78, (uintptr_t)buf, 6);
	say(fx, &f, len);
	say(fx, "after", 6);
	answer(fx, h.wh_reqno, 0, 6);
	assert_int_equal(finish(&ca), 0);
	assert_int_equal(ca.ca_retval[0], 6);
	assert_string_equal(buf, "after");
	fixture_destroy(fx);
}

/* A genuine server would read beyond a short answer. */
static void
bad_memory_is_an_error_of_the_call(void **state)
{
	for (int ours = 0; ours <= 1; ours++) {
		struct fixture *fx = fixture_create(ours);
		unsigned char data[256];
		struct wire_frame f;
		struct caller ca;
		struct wire_hdr h, copied;

		start(&ca, fx, 3, (void *)8, 16);
		h = hear(fx, data);
		say(fx, &f, wire_put_copyin(&f, 1, 8, 16));
		memset(data, 0xff, sizeof(data));
		copied = hear(fx, data);
		assert_int_equal(
		    copied.wh_len, sizeof(copied) + (ours ? 0 : 16));
		for (int i = 0; i < 16; i++)
			assert_int_equal(data[i], ours ? 0xff : 0);
		answer(fx, h.wh_reqno, 0, 16);
		assert_int_equal(finish(&ca), RUMP_EFAULT);
		fixture_destroy(fx);
	}
}

static void *
call_often(void *arg)
{
	struct caller *ca = arg;

	for (int i = 0; i < NCALLS && ca->ca_error == 0; i++) {
		ca->ca_args[0] = i;
		ca->ca_error = classic_call(&ca->ca_fx->rm, false,
		    RUMP_SYS_lseek, ca->ca_args, 3, ca->ca_retval);
		if (ca->ca_error == 0 &&
		    ca->ca_retval[0] != ca->ca_args[2] * NCALLS + i)
			ca->ca_error = RUMP_EIO;
	}
	return NULL;
}

/* Calls are answered last one first, with what their arguments say. */
static void
answer_batch(struct fixture *fx, int n)
{
	struct wire_hdr h[BATCH];
	int64_t args[BATCH][32];

	for (int i = 0; i < n; i++)
		h[i] = hear(fx, (unsigned char *)args[i]);
	for (int i = n; i > 0; i--)
		answer(fx, h[i - 1].wh_reqno, 0,
		    args[i - 1][2] * NCALLS + args[i - 1][0]);
}

static void
threads_get_their_own_answers_in_any_order(void **state)
{
	struct fixture *fx = fixture_create(false);
	struct caller callers[NCALLERS];

	for (int i = 0; i < NCALLERS; i++) {
		callers[i] =
		    (struct caller){ .ca_fx = fx, .ca_args = { 0, 0, i } };
		assert_int_equal(pthread_create(&callers[i].ca_thread, NULL,
				     call_often, &callers[i]),
		    0);
	}
	/* At the end there may be one thread alone. */
	for (int left = NCALLERS * NCALLS; left > 0;) {
		int n = left > BATCH * NCALLS ? BATCH : 1;

		answer_batch(fx, n);
		left -= n;
	}
	for (int i = 0; i < NCALLERS; i++)
		assert_int_equal(finish(&callers[i]), 0);
	fixture_destroy(fx);
}

/* Two callers whose calls are under way; the first one is interrupted. */
static struct wire_hdr
begin_two(struct fixture *fx, struct caller two[2], struct wire_hdr calls[2])
{
	unsigned char data[256];
	struct wire_hdr exec;

	for (int i = 0; i < 2; i++) {
		start(&two[i], fx, i, NULL, 100);
		calls[i] = hear(fx, data);
	}
	poke(fx, &two[0]);
	exec = hear(fx, data);
	assert_int_equal(exec.wh_type, WIRE_HANDSHAKE);
	assert_int_equal(exec.wh_u, WIRE_EXEC);
	return exec;
}

static void
a_signal_ends_its_call_and_others_are_made_again(void **state)
{
	struct fixture *fx = fixture_create(false);
	struct wire_hdr calls[2], exec, again;
	unsigned char data[256];
	struct wire_frame f;
	struct caller two[2];

	exec = begin_two(fx, two, calls);
	answer(fx, calls[1].wh_reqno, RUMP_EINTR, -1);
	answer(fx, calls[0].wh_reqno, RUMP_EINTR, -1);
	/* Not before the server is ready for it. */
	assert_int_equal(
	    recv(fx->server, data, 1, MSG_PEEK | MSG_DONTWAIT), -1);
	say(fx, &f, wire_put_welcome(&f, exec.wh_reqno));
	assert_int_equal(finish(&two[0]), RUMP_ERESTART);
	again = hear(fx, data);
	assert_int_equal(again.wh_u, RUMP_SYS_read);
	assert_int_equal(data[0], 1);
	answer(fx, again.wh_reqno, 0, 5);
	assert_int_equal(finish(&two[1]), 0);
	assert_int_equal(two[1].ca_retval[0], 5);
	fixture_destroy(fx);
}

static void
what_a_call_had_done_before_the_signal_counts(void **state)
{
	struct fixture *fx = fixture_create(false);
	struct wire_hdr calls[2], exec;
	struct wire_frame f;
	struct caller two[2];

	exec = begin_two(fx, two, calls);
	for (int i = 0; i < 2; i++)
		answer(fx, calls[i].wh_reqno, 0, 3 + i);
	say(fx, &f, wire_put_welcome(&f, exec.wh_reqno));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(finish(&two[i]), 0);
		assert_int_equal(two[i].ca_retval[0], 3 + i);
	}
	fixture_destroy(fx);
}

static void
a_refused_exec_is_the_end_of_the_connection(void **state)
{
	struct fixture *fx = fixture_create(false);
	struct wire_hdr calls[2], exec;
	struct wire_frame f;
	struct caller two[2];

	exec = begin_two(fx, two, calls);
	say(fx, &f, wire_put_error(&f, exec.wh_reqno, WIRE_ERR_INEXEC));
	for (int i = 0; i < 2; i++)
		assert_int_equal(finish(&two[i]), RUMP_ENOTCONN);
	fixture_destroy(fx);
}

static void
a_server_that_ends_takes_all_calls_along(void **state)
{
	struct fixture *fx = fixture_create(false);
	struct caller callers[BATCH];
	unsigned char data[256];

	for (int i = 0; i < BATCH; i++) {
		start(&callers[i], fx, i, NULL, 1);
		(void)hear(fx, data);
	}
	close(fx->server);
	fx->server = -1;
	for (int i = 0; i < BATCH; i++)
		assert_int_equal(finish(&callers[i]), RUMP_ENOTCONN);
	assert_int_equal(fx->rm.rm_state, REMOTE_DEAD);
	fixture_destroy(fx);
}

static void
more_than_was_asked_for_is_not_believed(void **state)
{
	struct fixture *fx = fixture_create(true);
	unsigned char data[256];
	struct caller ca;

	start(&ca, fx, 3, NULL, 10);
	answer(fx, hear(fx, data).wh_reqno, 0, 11);
	assert_int_equal(finish(&ca), RUMP_ENOTCONN);
	fixture_destroy(fx);
}

static void
try_again_is_tried_again(void **state)
{
	struct fixture *fx = fixture_create(false);
	unsigned char data[256];
	struct wire_frame f;
	struct wire_hdr h;
	struct caller ca;

	start(&ca, fx, 3, NULL, 10);
	h = hear(fx, data);
	say(fx, &f, wire_put_error(&f, h.wh_reqno, WIRE_ERR_TRYAGAIN));
	answer(fx, hear(fx, data).wh_reqno, 0, 4);
	assert_int_equal(finish(&ca), 0);
	assert_int_equal(ca.ca_retval[0], 4);
	fixture_destroy(fx);
}

static void
a_silent_server_is_not_waited_for_by_a_greeting(void **state)
{
	struct fixture *fx = fixture_create(true);
	struct request rq = {
		.rq_patient = true, .rq_bounded = true, .rq_event = -1
	};
	struct wire_frame f;
	size_t len = wire_put_hello(&f, 0, WIRE_EXEC, 2);

	assert_int_equal(
	    classic_request(&fx->rm, &rq, &f, len, "x", 2), RUMP_ENOTCONN);
	fixture_destroy(fx);
}

/* What may have ended is told to the epoll sets. */
static void
calls_are_noted_by_what_they_may_have_consumed(void **state)
{
	static const struct {
		int num, error;
		int64_t result;
		uint32_t expected;
	} cases[] = {
		{ RUMP_SYS_read, 0, 4, POLLIN },
		{ RUMP_SYS_read, RUMP_EAGAIN, 0, POLLIN | POLLERR },
		{ RUMP_SYS_accept, 0, 7, POLLIN },
		{ RUMP_SYS_write, 0, 4, 0 },
		{ RUMP_SYS_write, 0, 3, POLLOUT },
		{ RUMP_SYS_sendto, RUMP_EAGAIN, 0, POLLOUT | POLLERR },
		{ RUMP_SYS_shutdown, 0, 0,
		    POLLIN | POLLOUT | POLLERR | POLLHUP },
		{ RUMP_SYS_lseek, 0, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *fx = fixture_create(true);
		unsigned char data[256];
		struct caller ca;

		noted = 0;
		start_call(&ca, fx, cases[i].num, 9, NULL, 4);
		answer(fx, hear(fx, data).wh_reqno, cases[i].error,
		    cases[i].result);
		assert_int_equal(finish(&ca), cases[i].error);
		assert_int_equal(noted & (POLLIN | POLLOUT | POLLERR | POLLHUP),
		    cases[i].expected);
		assert_true(noted == 0 || noted_fd == 9);
		fixture_destroy(fx);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_call_reads_and_writes_is_copied),
		cmocka_unit_test(bad_memory_is_an_error_of_the_call),
		cmocka_unit_test(threads_get_their_own_answers_in_any_order),
		cmocka_unit_test(
		    a_signal_ends_its_call_and_others_are_made_again),
		cmocka_unit_test(what_a_call_had_done_before_the_signal_counts),
		cmocka_unit_test(a_refused_exec_is_the_end_of_the_connection),
		cmocka_unit_test(a_server_that_ends_takes_all_calls_along),
		cmocka_unit_test(more_than_was_asked_for_is_not_believed),
		cmocka_unit_test(try_again_is_tried_again),
		cmocka_unit_test(
		    a_silent_server_is_not_waited_for_by_a_greeting),
		cmocka_unit_test(
		    calls_are_noted_by_what_they_may_have_consumed),
	};

	struct sigaction sa = { .sa_handler = interrupt };

	(void)sigaction(SIGUSR1, &sa, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
