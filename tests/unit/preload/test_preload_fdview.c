/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptor maps of children, with real children of the host: those of
 * vfork(2), made by clone(2), run a function on the memory of this process.
 */
#include "preload/fdmap.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "preload/backend.h"
#include "preload/call.h"
#include "preload/dirs.h"
#include "preload/engine/thread.h"
#include "preload/hidden.h"
#include "preload/pool.h"
#include "preload/process.h"
#include "preload/route.h"
#include "rump/rump_syscallnum.h"

#define STACK_SIZE (256 * 1024)

enum backend_state backend_state = BACKEND_SERVER;

/* Rump descriptors that were closed, in the order in which they were. */
static int closed_here[64], closed_there[64];
static unsigned nhere, nthere;
static int next_file = 100;

long
rump_backend_syscall(int num, const int64_t *args, int64_t retval[2])
{
	if (num != RUMP_SYS_close)
		return 78; /* ENOSYS */
	if (engine_thread.t_view != NULL)
		closed_there[nthere++ % 64] = (int)args[0];
	else
		closed_here[nhere++ % 64] = (int)args[0];
	return 0;
}

static int
start(void **state)
{
	nhere = nthere = 0;
	return 0;
}

static long
install(int *fd)
{
	*fd = next_file++;
	return fdmap_install_path(
	    *fd, RF_FILE, 3, false, false, string_keep("/data/file"));
}

/* The rump descriptor behind a number, -1: the host's. */
static int
file_at(long number)
{
	int error, fd = -1;
	struct rfile *rf = fdmap_get_rump(number, &error);

	if (rf != NULL) {
		fd = rf->rf_fd;
		(void)fdmap_put(rf);
	}
	return fd;
}

/* --- children that share memory ----------------------------------------- */

struct job {
	int (*fn)(void *arg);
	void *arg;
	struct fdview *view;
};

static int
as_child(void *arg)
{
	struct job *j = arg;

	engine_thread.t_borrowed = true;
	engine_thread.t_view = j->view;
	fdview_check();
	return j->fn(j->arg);
}

/* fn's result, in a vfork child whose descriptors were copied as of birth. */
static int
in_child(unsigned birth, int (*fn)(void *arg), void *arg)
{
	static char stack[STACK_SIZE] __attribute__((aligned(16)));
	struct thread outer = engine_thread;
	struct job j = { fn, arg, fdview_create(birth) };
	int status, pid;

	assert_non_null(j.view);
	pid = clone(
	    as_child, stack + STACK_SIZE, CLONE_VM | CLONE_VFORK | SIGCHLD, &j);
	engine_thread = outer;
	fdview_destroy(j.view);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int
change_everything(void *arg)
{
	long *number = arg;
	int fd = (int)number[3];

	if (file_at(number[0]) != fd || file_at(number[2]) != fd)
		return 1;
	/* The standard streams of what is about to be executed. */
	if (fdmap_dup2(number[1], 0, -1) != 0 || file_at(0) != fd + 1)
		return 2;
	if (fdmap_close(number[0]) != 0 || file_at(number[0]) != -1 ||
	    nthere != 0)
		return 3;
	if (fdmap_close(number[2]) != 0 || nthere != 1 || closed_there[0] != fd)
		return 4;
	if (fdmap_close_range(number[1], number[1], 0) != 0 || nthere != 1)
		return 5;
	if (fdmap_dup(0, 0, false) < 0 || file_at(0) != fd + 1)
		return 6;
	return 0;
}

static void
what_a_vfork_child_changes_is_its_own(void **state)
{
	int stdin_copy = dup(0), fd, fd2;
	long number[4];

	number[0] = install(&fd);
	number[1] = install(&fd2);
	number[2] = fdmap_dup(number[0], 50, false);
	number[3] = fd;
	assert_int_equal(in_child(fdmap_birth(), change_everything, number), 0);
	assert_int_equal(nhere, 0);
	assert_int_equal(file_at(number[0]), fd);
	assert_int_equal(file_at(number[1]), fd2);
	assert_int_equal(file_at(number[2]), fd);
	assert_int_equal(file_at(0), -1);
	assert_int_equal(fdmap_close(number[0]), 0);
	assert_int_equal(nhere, 0);
	assert_int_equal(fdmap_close(number[2]), 0);
	assert_int_equal(closed_here[0], fd);
	assert_int_equal(fdmap_close(number[1]), 0);
	assert_int_equal(nhere, 2);
	assert_int_equal(nthere, 1);
	close(stdin_copy);
}

static int
look(void *arg)
{
	long *number = arg;

	return (file_at(number[0]) >= 0) | (file_at(number[1]) >= 0) << 1;
}

static void
a_vfork_child_does_not_have_what_was_opened_since_its_birth(void **state)
{
	int fd, fd2;
	long number[2];
	unsigned birth;

	number[0] = install(&fd);
	birth = fdmap_birth();
	number[1] = install(&fd2);
	assert_int_equal(in_child(birth, look, number), 1);
	assert_int_equal(in_child(fdmap_birth(), look, number), 3);
	assert_int_equal(fdmap_close(number[0]), 0);
	assert_int_equal(fdmap_close(number[1]), 0);
}

static int
make_grandchild(void *arg)
{
	long *number = arg;
	int fd;

	number[1] = install(&fd);
	if (fdmap_close(number[0]) != 0)
		return 10;
	return in_child(fdmap_birth(), look, number);
}

static void
a_vfork_child_s_child_begins_with_what_that_has(void **state)
{
	int fd;
	long number[2] = { install(&fd), -1 };

	assert_int_equal(in_child(fdmap_birth(), make_grandchild, number), 2);
	assert_int_equal(file_at(number[0]), fd);
	assert_int_equal(file_at(number[1]), -1);
	assert_int_equal(fdmap_close(number[0]), 0);
}

static int
touch_ours(void *arg)
{
	int hidden = *(int *)arg;

	if (!fdmap_is_hidden(hidden) || fdmap_close(hidden) != -EBADF)
		return 1;
	if (fdmap_close_range(3, ~0U, 0) != 0 ||
	    fcntl(hidden, F_GETFD) != FD_CLOEXEC)
		return 2;
	hidden_close(hidden);
	return fdmap_is_hidden(hidden);
}

static void
a_vfork_child_cannot_touch_what_is_ours(void **state)
{
	int hidden = (int)hidden_dup(0), fd;
	long number = install(&fd);

	assert_int_equal(in_child(fdmap_birth(), touch_ours, &hidden), 0);
	assert_true(fdmap_is_hidden(hidden));
	assert_int_equal(fcntl(hidden, F_GETFD), FD_CLOEXEC);
	assert_int_equal(file_at(number), fd);
	assert_int_equal(nhere, 0);
	assert_int_equal(fdmap_close(number), 0);
	hidden_close(hidden);
}

static int
close_many(void *arg)
{
	return fdmap_close_range(100, 3999, 0) == 0 ? 0 : 1;
}

/* More memory than there is would be noticed. */
static void
maps_are_given_back(void **state)
{
	struct rlimit rl;
	long number[40];
	int fd;

	getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = rl.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
	if (rl.rlim_max <= 4000)
		skip(); /* no room for several tables */
	for (int i = 0; i < 40; i++) {
		number[i] = install(&fd);
		assert_int_equal(
		    fdmap_dup2(number[i], 100 * (i + 1), -1), 100 * (i + 1));
	}
	for (int i = 0; i < 2000; i++)
		assert_int_equal(in_child(fdmap_birth(), close_many, NULL), 0);
	assert_int_equal(fdmap_close_range(100, 4000, 0), 0);
	assert_int_equal(nhere, 0);
	for (int i = 0; i < 40; i++)
		assert_int_equal(fdmap_close(number[i]), 0);
	assert_int_equal(nhere, 40);
}

/* --- children with memory of their own ----------------------------------- */

static void
a_call_of_another_thread_keeps_no_file_open_in_a_forked_child(void **state)
{
	int fd, error, status;
	long number = install(&fd);
	struct rfile *busy = fdmap_get(number, &error);
	pid_t pid = fork();

	if (pid == 0) {
		fdmap_forked(fdmap_birth(), false);
		if (fdmap_close(number) != 0 || nhere != 1)
			_exit(1);
		_exit(closed_here[0] == fd ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(fdmap_put(busy), 0);
	assert_int_equal(fdmap_close(number), 0);
	assert_int_equal(nhere, 1);
}

static void
a_forked_child_closes_what_was_opened_since_its_birth(void **state)
{
	int fd, fd2, status;
	long number = install(&fd), late;
	unsigned birth = fdmap_birth();
	pid_t pid;

	late = install(&fd2);
	pid = fork();
	if (pid == 0) {
		fdmap_forked(birth, false);
		_exit(file_at(number) == fd && file_at(late) == -1 &&
			      fcntl((int)late, F_GETFD) < 0 && nhere == 0
			  ? 0
			  : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(fdmap_close(number), 0);
	assert_int_equal(fdmap_close(late), 0);
}

static int
fork_from_here(void *arg)
{
	long *number = arg;
	int fd, status;
	pid_t pid;

	number[1] = install(&fd);
	if (fdmap_close(number[0]) != 0)
		return 10;
	pid = (pid_t)syscall(SYS_fork);
	if (pid == 0) {
		engine_thread.t_borrowed = false;
		fdmap_forked(fdmap_birth(), false);
		_exit(engine_thread.t_view == NULL ? look(number) : 20);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 30;
	return WEXITSTATUS(status);
}

static void
a_child_that_a_vfork_child_forks_goes_on_with_its_files(void **state)
{
	int fd;
	long number[2] = { install(&fd), -1 };

	assert_int_equal(in_child(fdmap_birth(), fork_from_here, number), 2);
	assert_int_equal(file_at(number[0]), fd);
	assert_int_equal(fdmap_close(number[0]), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    what_a_vfork_child_changes_is_its_own, start),
		cmocka_unit_test_setup(
		    a_vfork_child_does_not_have_what_was_opened_since_its_birth,
		    start),
		cmocka_unit_test_setup(
		    a_vfork_child_s_child_begins_with_what_that_has, start),
		cmocka_unit_test_setup(
		    a_vfork_child_cannot_touch_what_is_ours, start),
		cmocka_unit_test_setup(maps_are_given_back, start),
		cmocka_unit_test_setup(
		    a_call_of_another_thread_keeps_no_file_open_in_a_forked_child,
		    start),
		cmocka_unit_test_setup(
		    a_forked_child_closes_what_was_opened_since_its_birth,
		    start),
		cmocka_unit_test_setup(
		    a_child_that_a_vfork_child_forks_goes_on_with_its_files,
		    start),
	};

	if (fdmap_init(NULL) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
