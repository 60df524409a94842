/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What becomes of the kernel's signals, and other things that are decided
 * before boot: each case is a process of its own.
 */
#include "tests/unit/kern/kern_test.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kern/lwp.h"
#include "rump/rump_syscalls.h"

#define FINE 42
#define DEFAULT_MODEL (-1)

/* Write to a pipe that nobody reads. */
static void
break_pipe(void)
{
	int fd[2];

	if (rump_sys_pipe(fd) != 0 || rump_sys_close(fd[0]) != 0)
		_exit(1);
	if (rump_sys_write(fd[1], "x", 1) != -1 || errno != RUMP_EPIPE)
		_exit(2);
}

static void
boot_with(int model)
{
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	signal(SIGABRT, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	if (model != DEFAULT_MODEL)
		rump_boot_setsigmodel((enum rump_sigmodel)model);
	if (rump_init() != 0)
		_exit(3);
}

static void
break_pipe_under(int model)
{
	boot_with(model);
	break_pipe();
	_exit(FINE);
}

static int
status_of(void (*func)(int), int arg)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		func(arg);
		_exit(4);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
assert_fine(int status)
{
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), FINE);
}

static void
assert_killed(int status, int sig)
{
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), sig);
}

static void
a_broken_pipe_raises_sigpipe(void **state)
{
	assert_killed(status_of(break_pipe_under, DEFAULT_MODEL), SIGPIPE);
	assert_killed(
	    status_of(break_pipe_under, RUMP_SIGMODEL_RAISE), SIGPIPE);
	assert_killed(
	    status_of(break_pipe_under, RUMP_SIGMODEL__HOST_NOTANYMORE),
	    SIGPIPE);
	/* What is no model changes nothing. */
	assert_killed(status_of(break_pipe_under, 5), SIGPIPE);
}

static void
ignored_it_is_an_error_alone(void **state)
{
	assert_fine(status_of(break_pipe_under, RUMP_SIGMODEL_IGNORE));
}

static void
panicking_it_ends_the_kernel(void **state)
{
	assert_killed(
	    status_of(break_pipe_under, RUMP_SIGMODEL_PANIC), SIGABRT);
}

static void
record(int model)
{
	int fd[2];

	boot_with(model);
	rump_schedule();
	if (atomic_load(&curproc->p_sigpend) != 0)
		_exit(5);
	break_pipe();
	if (atomic_load(&curproc->p_sigpend) != 1u << (RUMP_SIGPIPE - 1))
		_exit(6);
	/* Another process has its own. */
	if (rump_pub_lwproc_rfork(RUMP_RFCFDG) != 0 ||
	    atomic_load(&curproc->p_sigpend) != 0)
		_exit(7);
	/* And there is none where the file does not want any. */
	if (rump_sys_pipe2(fd, RUMP_O_NOSIGPIPE) != 0 ||
	    rump_sys_close(fd[0]) != 0 || rump_sys_write(fd[1], "x", 1) != -1 ||
	    atomic_load(&curproc->p_sigpend) != 0)
		_exit(8);
	_exit(FINE);
}

static void
recorded_it_is_pending_in_its_process(void **state)
{
	assert_fine(status_of(record, RUMP_SIGMODEL_RECORD));
}

static void
files_of_the_host(int unused)
{
	struct rump_boot_etfs eb = { .eb_key = "/key",
		.eb_hostpath = "/",
		.eb_type = RUMP_ETFS_DIR,
		.eb_size = RUMP_ETFS_SIZE_ENDOFF };

	rump_boot_etfs_register(&eb);
	boot_with(DEFAULT_MODEL);
	if (eb.eb_status != -1)
		_exit(5);
	if (rump_pub_etfs_register("/k", "/", RUMP_ETFS_DIR) != RUMP_ENOSYS ||
	    rump_pub_etfs_register_withsize("/k", "/", RUMP_ETFS_DIR, 0, 1) !=
		RUMP_ENOSYS ||
	    rump_pub_etfs_remove("/k") != RUMP_ENOSYS)
		_exit(6);
	_exit(FINE);
}

static void
without_the_vnode_layer_there_are_no_files_of_the_host(void **state)
{
	assert_fine(status_of(files_of_the_host, 0));
}

static void
set_ids(int unused)
{
	boot_with(DEFAULT_MODEL);
	if (rump_pub_lwproc_rfork(RUMP_RFFDG) != 0)
		_exit(5);
	rump_pub_allbetsareoff_setid(12345, 67);
	rump_pub_lwproc_sysent_usenative();
	if (rump_sys_getpid() != 12345 || curlwp->l_lid != 67)
		_exit(6);
	if (rump_pub_lwproc_newlwp(12345) != 0)
		_exit(7);
	_exit(FINE);
}

static void
ids_can_be_set_when_all_bets_are_off(void **state)
{
	assert_fine(status_of(set_ids, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_broken_pipe_raises_sigpipe),
		cmocka_unit_test(ignored_it_is_an_error_alone),
		cmocka_unit_test(panicking_it_ends_the_kernel),
		cmocka_unit_test(recorded_it_is_pending_in_its_process),
		cmocka_unit_test(
		    without_the_vnode_layer_there_are_no_files_of_the_host),
		cmocka_unit_test(ids_can_be_set_when_all_bets_are_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
