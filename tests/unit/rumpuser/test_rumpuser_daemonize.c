/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each test makes a process that goes into the background: rehearse() runs it
 * and returns its status, while what it left behind reports through a pipe
 * until it has ended.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rump/rumpdefs.h"
#include "rump/rumpuser.h"

static int reports; /* the pipe's writing end */

static void
report(int n)
{
	if (write(reports, &n, sizeof(n)) != sizeof(n))
		_exit(99);
}

/* The wait(2) status; got: what was reported, -1 for nothing. */
static int
rehearse(void (*func)(void), int *got)
{
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		reports = fds[1];
		func();
		_exit(98);
	}
	close(fds[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (read(fds[0], got, sizeof(*got)) != sizeof(*got))
		*got = -1;
	close(fds[0]);
	return status;
}

static int
exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int
is_null(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == makedev(1, 3);
}

static void
start_well(void)
{
	pid_t before = getpid();
	int error;

	if (rumpuser_daemonize_begin() != 0)
		_exit(97);
	error = rumpuser_daemonize_done(0);
	report(error == 0 && getpid() != before && getsid(0) == getpid() &&
	       is_null(0) && is_null(1) && is_null(2) &&
	       rumpuser_daemonize_done(0) == RUMP_ENOENT);
	_exit(0);
}

static void
success_ends_the_parent_and_detaches_the_child(void **state)
{
	int good;

	assert_int_equal(exit_status(rehearse(start_well, &good)), 0);
	assert_int_equal(good, 1);
}

static void
start_without_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		(void)close(fd);
	start_well();
}

static void
what_tells_the_parent_is_no_standard_descriptor(void **state)
{
	int good;

	assert_int_equal(
	    exit_status(rehearse(start_without_standard_descriptors, &good)),
	    0);
	assert_int_equal(good, 1);
}

static void
start_badly(void)
{
	struct stat before, after;

	if (fstat(1, &before) != 0 || rumpuser_daemonize_begin() != 0)
		_exit(97);
	report(rumpuser_daemonize_done(42) == 0 && fstat(1, &after) == 0 &&
	       before.st_ino == after.st_ino);
	_exit(0);
}

static void
an_error_is_the_parents_status_and_keeps_the_console(void **state)
{
	int good;

	assert_int_equal(exit_status(rehearse(start_badly, &good)), 42);
	assert_int_equal(good, 1);
}

static void
die(void)
{
	if (rumpuser_daemonize_begin() != 0)
		_exit(97);
	_exit(0);
}

static void
a_child_that_dies_without_a_word_is_esrch(void **state)
{
	int nothing;

	assert_int_equal(exit_status(rehearse(die, &nothing)), RUMP_ESRCH);
	assert_int_equal(nothing, -1);
}

static void
begin_twice(void)
{
	if (rumpuser_daemonize_begin() != 0)
		_exit(97);
	report(rumpuser_daemonize_begin());
	(void)rumpuser_daemonize_done(0);
	_exit(0);
}

static void
a_second_begin_is_einprogress(void **state)
{
	int error;

	assert_int_equal(exit_status(rehearse(begin_twice, &error)), 0);
	assert_int_equal(error, RUMP_EINPROGRESS);
}

static void
done_without_begin_is_enoent(void **state)
{
	assert_int_equal(rumpuser_daemonize_done(0), RUMP_ENOENT);
}

static void
kill_the_parent(void)
{
	pid_t parent = getpid();

	if (rumpuser_daemonize_begin() != 0)
		_exit(97);
	kill(parent, SIGKILL);
	while (getppid() == parent)
		sched_yield();
	report(rumpuser_daemonize_done(0));
	_exit(0);
}

static void
done_to_nobody_is_epipe(void **state)
{
	int error;

	assert_true(WIFSIGNALED(rehearse(kill_the_parent, &error)));
	assert_int_equal(error, RUMP_EPIPE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    success_ends_the_parent_and_detaches_the_child),
		cmocka_unit_test(
		    what_tells_the_parent_is_no_standard_descriptor),
		cmocka_unit_test(
		    an_error_is_the_parents_status_and_keeps_the_console),
		cmocka_unit_test(a_child_that_dies_without_a_word_is_esrch),
		cmocka_unit_test(a_second_begin_is_einprogress),
		cmocka_unit_test(done_without_begin_is_enoent),
		cmocka_unit_test(done_to_nobody_is_epipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
