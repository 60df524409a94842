/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rump/rumpdefs.h"

#include "mock_kernel.h"

static void
seterrno_sets_the_raw_number(void **state)
{
	rumpuser_seterrno(RUMP_ETIMEDOUT);
	assert_int_equal(errno, 60);
	rumpuser_seterrno(0);
	assert_int_equal(errno, 0);
}

static volatile sig_atomic_t caught;

static void
note_signal(int sig)
{
	caught = sig;
}

static void
kill_raises_the_hosts_number_in_this_thread(void **state)
{
	static const int pairs[][2] = { { RUMP_SIGUSR1, SIGUSR1 },
		{ RUMP_SIGUSR2, SIGUSR2 }, { RUMP_SIGBUS, SIGBUS },
		{ RUMP_SIGCHLD, SIGCHLD }, { RUMP_SIGIO, SIGIO },
		{ RUMP_SIGURG, SIGURG }, { RUMP_SIGSYS, SIGSYS },
		{ RUMP_SIGTSTP, SIGTSTP }, { RUMP_SIGCONT, SIGCONT },
		{ RUMP_SIGPWR, SIGPWR }, { RUMP_SIGHUP, SIGHUP } };
	struct sigaction sa = { .sa_handler = note_signal }, old;
	size_t i;

#ifdef __SANITIZE_THREAD__
	skip(); /* it delays signals until libc is called */
#endif
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		sigaction(pairs[i][1], &sa, &old);
		caught = 0;
		assert_int_equal(
		    rumpuser_kill(RUMPUSER_PID_SELF, pairs[i][0]), 0);
		assert_int_equal(caught, pairs[i][1]);
		sigaction(pairs[i][1], &old, NULL);
	}
}

static void
kill_ignores_what_the_host_does_not_have(void **state)
{
	static const int signals[] = { RUMP_SIGEMT, RUMP_SIGINFO, 0, -1, 33, 64,
		1 << 20 };
	size_t i;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		assert_int_equal(
		    rumpuser_kill(RUMPUSER_PID_SELF, signals[i]), 0);
	assert_int_equal(mock_log_count(MOCK_HOSTCALL), 0);
}

/* Run func in a child whose stdout is ours to read. */
static int
in_child(void (*func)(void), char *out, size_t size)
{
	int fds[2], saved, status;
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	saved = dup(STDOUT_FILENO);
	dup2(fds[1], STDOUT_FILENO);
	close(fds[1]);
	status = mock_in_child(func);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	n = read(fds[0], out, size - 1);
	close(fds[0]);
	out[n < 0 ? 0 : n] = '\0';
	return status;
}

static void
say_goodbye(void)
{
	write(STDOUT_FILENO, "atexit\n", 7);
}

static void
exit_3(void)
{
	atexit(say_goodbye);
	rumpuser_exit(3);
}

static void
panic(void)
{
	atexit(say_goodbye);
	rumpuser_exit(RUMPUSER_PANIC);
}

static void
panic_with_signal_held_back(void)
{
	sigset_t set;

	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	signal(SIGABRT, SIG_IGN);
	rumpuser_exit(RUMPUSER_PANIC);
}

static void
panic_with_handler(void)
{
	signal(SIGABRT, note_signal);
	rumpuser_exit(RUMPUSER_PANIC);
}

static void
exit_says_halted_and_exits_as_the_program_would(void **state)
{
	char out[64];
	int status;

	status = in_child(exit_3, out, sizeof(out));
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 3);
	assert_string_equal(out, "halted\natexit\n");
}

static void
exit_after_a_panic_aborts(void **state)
{
	char out[64];
	int status;

	status = in_child(panic, out, sizeof(out));
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_string_equal(out, "halted\n");
}

static void
nothing_holds_an_abort_up(void **state)
{
	char out[64];
	int status;

	status = in_child(panic_with_signal_held_back, out, sizeof(out));
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	status = in_child(panic_with_handler, out, sizeof(out));
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		MOCK_TEST(seterrno_sets_the_raw_number),
		MOCK_TEST(kill_raises_the_hosts_number_in_this_thread),
		MOCK_TEST(kill_ignores_what_the_host_does_not_have),
		MOCK_TEST(exit_says_halted_and_exits_as_the_program_would),
		MOCK_TEST(exit_after_a_panic_aborts),
		MOCK_TEST(nothing_holds_an_abort_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
