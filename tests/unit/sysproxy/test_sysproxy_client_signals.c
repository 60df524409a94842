/* SPDX-License-Identifier: BSD-2-Clause */
/* Signals while calls wait. */
#include <errno.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "rump/rumpclient.h"
#include "rump/rumpdefs.h"
#include "sysproxy/client.h"
#include "tests/unit/sysproxy/mock.h"

static sem_t handled; /* a handler has run */
static _Atomic bool handled_by_caller;
static _Atomic pthread_t caller_thread;
static sigjmp_buf jump;
static _Atomic int nested_error;
static int64_t nested_retval[2];

static void
note(int sig)
{
	int saved = errno;

	handled_by_caller = pthread_equal(pthread_self(), caller_thread);
	sem_post(&handled);
	errno = saved;
}

static void
make_nested_call(int sig)
{
	int saved = errno;

	nested_error = rumpclient_syscall(24, NULL, 0, nested_retval);
	sem_post(&handled);
	errno = saved;
}

static void
jump_away(int sig)
{
	siglongjmp(jump, 1);
}

static void
handle(int sig, void (*handler)(int))
{
	struct sigaction sa = { .sa_handler = handler };

	assert_int_equal(sigaction(sig, &sa, NULL), 0);
}

static int
setup(void **state)
{
	return sem_init(&handled, 0, 0);
}

static int
teardown(void **state)
{
	handle(SIGUSR1, SIG_DFL);
	handle(SIGPIPE, SIG_DFL);
	return sem_destroy(&handled);
}

static void
wait_for_handler(void)
{
	while (sem_wait(&handled) == -1)
		assert_int_equal(errno, EINTR);
}

static void
send_raise(struct mock *m, int sig)
{
	struct wire_frame f;
	size_t n = wire_put_raise(&f, 0xdeadbeef, sig);

	mock_send_frame(m, &f, n, NULL, 0);
}

static void
test_a_raised_signal_arrives_before_the_call_returns(void **state)
{
	struct caller c = { 0 };
	uint64_t reqno;
	struct mock m;

	handle(SIGPIPE, note);
	mock_open_with_client(&m, false, MOCK_BANNER);
	caller_start(&c, 4);
	caller_thread = c.c_thread;
	reqno = mock_expect_call(&m, 4);
	send_raise(&m, RUMP_SIGPIPE);
	mock_return(&m, reqno, 32, 0);
	assert_int_equal(caller_join(&c), 32);
	assert_int_equal(sem_trywait(&handled), 0);
	assert_true(handled_by_caller);
	mock_close(&m);
}

static void
test_numbers_that_are_no_signals_raise_nothing(void **state)
{
	static const int sigs[] = { 0, 7 /* SIGEMT */, 64, -1, 1 << 30 };
	struct caller c = { 0 };
	uint64_t reqno;
	struct mock m;

	mock_open_with_client(&m, false, MOCK_BANNER);
	caller_start(&c, 4);
	reqno = mock_expect_call(&m, 4);
	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		send_raise(&m, sigs[i]);
	mock_return(&m, reqno, 0, 0);
	assert_int_equal(caller_join(&c), 0);
	mock_close(&m);
}

static void
test_handlers_run_while_a_call_waits_and_it_goes_on(void **state)
{
	struct caller c = { 0 };
	uint64_t reqno;
	struct mock m;

	handle(SIGUSR1, note);
	mock_open_with_client(&m, false, MOCK_BANNER);
	caller_start(&c, 3);
	caller_thread = c.c_thread;
	reqno = mock_expect_call(&m, 3);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pthread_kill(c.c_thread, SIGUSR1), 0);
		wait_for_handler();
		assert_true(handled_by_caller);
	}
	mock_return(&m, reqno, 0, 9);
	assert_int_equal(caller_join(&c), 0);
	assert_int_equal(c.c_retval[0], 9);
	mock_close(&m);
}

/* Two wait: one receives, the other sleeps, and both get their signals. */
static void
test_handlers_run_in_every_thread_that_waits(void **state)
{
	struct caller callers[3] = { 0 };
	uint64_t reqnos[3];
	struct mock m;

	handle(SIGUSR1, note);
	mock_open_with_client(&m, false, MOCK_BANNER);
	for (int i = 0; i < 3; i++) {
		caller_start(&callers[i], 3);
		reqnos[i] = mock_expect_call(&m, 3);
	}
	for (int i = 0; i < 9; i++) {
		caller_thread = callers[i % 3].c_thread;
		assert_int_equal(pthread_kill(caller_thread, SIGUSR1), 0);
		wait_for_handler();
		assert_true(handled_by_caller);
	}
	for (int i = 0; i < 3; i++) {
		mock_return(&m, reqnos[i], 0, i);
		assert_int_equal(caller_join(&callers[i]), 0);
		assert_int_equal(callers[i].c_retval[0], i);
	}
	mock_close(&m);
}

static void
test_a_handler_may_make_calls(void **state)
{
	struct caller callers[2] = { 0 };
	uint64_t reqnos[2];
	struct mock m;

	handle(SIGUSR1, make_nested_call);
	mock_open_with_client(&m, false, MOCK_BANNER);
	for (int i = 0; i < 2; i++) {
		caller_start(&callers[i], 3);
		reqnos[i] = mock_expect_call(&m, 3);
	}
	for (int i = 0; i < 2; i++) {
		nested_error = -1;
		assert_int_equal(pthread_kill(callers[i].c_thread, SIGUSR1), 0);
		mock_return(&m, mock_expect_call(&m, 24), 0, 77 + i);
		wait_for_handler();
		assert_int_equal(nested_error, 0);
		assert_int_equal(nested_retval[0], 77 + i);
	}
	for (int i = 0; i < 2; i++) {
		mock_return(&m, reqnos[i], 0, 5);
		assert_int_equal(caller_join(&callers[i]), 0);
	}
	mock_close(&m);
}

/* The answer to the interrupted call comes while its handler makes another. */
static void
test_the_answer_may_come_during_the_handler(void **state)
{
	struct caller c = { 0 };
	uint64_t reqno;
	struct mock m;

	handle(SIGUSR1, make_nested_call);
	mock_open_with_client(&m, false, MOCK_BANNER);
	caller_start(&c, 3);
	reqno = mock_expect_call(&m, 3);
	assert_int_equal(pthread_kill(c.c_thread, SIGUSR1), 0);
	{
		uint64_t nested = mock_expect_call(&m, 24);

		mock_return(&m, reqno, 0, 5);
		mock_return(&m, nested, 0, 6);
	}
	assert_int_equal(caller_join(&c), 0);
	assert_int_equal(c.c_retval[0], 5);
	assert_int_equal(nested_retval[0], 6);
	mock_close(&m);
}

static void *
jumping_main(void *arg)
{
	int64_t retval[2];

	if (sigsetjmp(jump, 1) == 0)
		(void)rumpclient_syscall(3, NULL, 0, retval);
	return (void *)(intptr_t)rumpclient_syscall(24, NULL, 0, retval);
}

/* The call that was left keeps its reference to the link for ever. */
static void
test_a_handler_may_jump_out_of_a_call(void **state)
{
	static struct link *volatile kept;
	struct caller other = { 0 };
	uint64_t left, waiting;
	pthread_t thread;
	struct mock m;
	void *error;

	handle(SIGUSR1, jump_away);
	mock_open_with_client(&m, false, MOCK_BANNER);
	assert_int_equal(pthread_create(&thread, NULL, jumping_main, NULL), 0);
	left = mock_expect_call(&m, 3);
	kept = client_get();
	link_unref(kept);
	caller_start(&other, 5);
	waiting = mock_expect_call(&m, 5);
	assert_int_equal(pthread_kill(thread, SIGUSR1), 0);
	{
		uint64_t next = mock_expect_call(&m, 24);

		mock_return(&m, left, 0, 1);
		mock_return(&m, next, 13, 0);
	}
	assert_int_equal(pthread_join(thread, &error), 0);
	assert_int_equal((intptr_t)error, 13);
	mock_return(&m, waiting, 0, 2);
	assert_int_equal(caller_join(&other), 0);
	mock_close(&m);
}

static void *
blocking_main(void *arg)
{
	sigset_t set, after;
	int64_t retval[2];

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (rumpclient_syscall(3, NULL, 0, retval) != 0)
		return (void *)1;
	(void)pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (int sig = 1; sig < NSIG; sig++)
		if (sigismember(&after, sig) != (sig == SIGUSR1))
			return (void *)2;
	if (sem_trywait(&handled) != -1)
		return (void *)3;
	(void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	return sem_trywait(&handled) == 0 ? NULL : (void *)4;
}

static void
test_what_the_program_has_blocked_stays_blocked(void **state)
{
	pthread_t thread;
	uint64_t reqno;
	struct mock m;
	void *error;

	handle(SIGUSR1, note);
	mock_open_with_client(&m, false, MOCK_BANNER);
	assert_int_equal(pthread_create(&thread, NULL, blocking_main, NULL), 0);
	reqno = mock_expect_call(&m, 3);
	assert_int_equal(pthread_kill(thread, SIGUSR1), 0);
	mock_return(&m, reqno, 0, 0);
	assert_int_equal(pthread_join(thread, &error), 0);
	assert_int_equal((intptr_t)error, 0);
	mock_close(&m);
}

/* A child that waits in a call is ended by a signal. */
static void
check_ended(struct mock *m, pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
	mock_close(m);
}

static void
test_a_program_that_waits_can_be_ended(void **state)
{
	struct mock m;
	pid_t pid;

	mock_open(&m, false);
	pid = fork();
	if (pid == 0) {
		int64_t retval[2];

		if (rumpclient_init() == 0)
			(void)rumpclient_syscall(3, NULL, 0, retval);
		_exit(1);
	}
	mock_welcome(&m, WIRE_GUEST);
	(void)mock_expect_call(&m, 3);
	check_ended(&m, pid);
}

static void
test_a_program_whose_server_does_not_read_can_be_ended(void **state)
{
	static char data[8 << 20];
	struct wire_frame f;
	struct mock m;
	pid_t pid;
	size_t n;
	char c;

	mock_open(&m, false);
	pid = fork();
	if (pid == 0) {
		int64_t retval[2];

		if (rumpclient_init() == 0)
			(void)rumpclient_syscall(3, NULL, 0, retval);
		_exit(1);
	}
	mock_welcome(&m, WIRE_GUEST);
	(void)mock_expect_call(&m, 3);
	n = wire_put_copyin(&f, 0, (uintptr_t)data, sizeof(data));
	mock_send_frame(&m, &f, n, NULL, 0);
	/* It has begun to answer, and cannot go on. */
	assert_int_equal(read(m.m_fd, &c, 1), 1);
	check_ended(&m, pid);
}

static void *
cancelled_main(void *arg)
{
	int64_t retval[2];

	*(int *)arg = rumpclient_syscall(3, NULL, 0, retval);
	pthread_testcancel();
	return NULL;
}

static void
test_a_cancelled_thread_ends_after_its_call(void **state)
{
	pthread_t thread;
	uint64_t reqno;
	int error = -1;
	struct mock m;
	void *result;

	mock_open_with_client(&m, false, MOCK_BANNER);
	assert_int_equal(
	    pthread_create(&thread, NULL, cancelled_main, &error), 0);
	reqno = mock_expect_call(&m, 3);
	assert_int_equal(pthread_cancel(thread), 0);
	mock_return(&m, reqno, 0, 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_true(result == PTHREAD_CANCELED);
	assert_int_equal(error, 0);
	mock_close(&m);
}

#define SIGNAL_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SIGNAL_TEST(
		    test_a_raised_signal_arrives_before_the_call_returns),
		SIGNAL_TEST(test_numbers_that_are_no_signals_raise_nothing),
		SIGNAL_TEST(
		    test_handlers_run_while_a_call_waits_and_it_goes_on),
		SIGNAL_TEST(test_handlers_run_in_every_thread_that_waits),
		SIGNAL_TEST(test_a_handler_may_make_calls),
		SIGNAL_TEST(test_the_answer_may_come_during_the_handler),
		SIGNAL_TEST(test_a_handler_may_jump_out_of_a_call),
		SIGNAL_TEST(test_what_the_program_has_blocked_stays_blocked),
		SIGNAL_TEST(test_a_program_that_waits_can_be_ended),
		SIGNAL_TEST(
		    test_a_program_whose_server_does_not_read_can_be_ended),
		SIGNAL_TEST(test_a_cancelled_thread_ends_after_its_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
