/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Maps of processes that have one table of descriptors, with the real host below
 * them; the kernel above is a table in memory that all share.
 */
#include "preload/fdshare.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "preload/backend.h"
#include "preload/call.h"
#include "preload/dirs.h"
#include "preload/engine/thread.h"
#include "preload/fdmap.h"
#include "preload/hidden.h"
#include "preload/process.h"
#include "preload/route.h"
#include "rump/rump_syscallnum.h"

#define NFILES 65536
#define KILLS 100
#define NTHREADS 3
#define ROUNDS 2000

static struct kernel_files {
	atomic_int next;
	atomic_int open[NFILES];
	atomic_int nopen;
	atomic_int bad_closes;
	atomic_int ready;
} * files;

enum backend_state backend_state = BACKEND_SERVER;

/* As a table of descriptors gives them away: the lowest free one. */
static int
open_file(void)
{
	for (int fd = 100; fd < NFILES; fd++) {
		int closed = 0;

		if (!atomic_compare_exchange_strong(
			&files->open[fd], &closed, 1))
			continue;
		atomic_fetch_add(&files->nopen, 1);
		return fd;
	}
	return -1;
}

long
rump_backend_syscall(int num, const int64_t *args, int64_t retval[2])
{
	if (num != RUMP_SYS_close ||
	    atomic_exchange(&files->open[args[0]], 0) != 1) {
		atomic_fetch_add(&files->bad_closes, 1);
		return 0;
	}
	atomic_fetch_sub(&files->nopen, 1);
	return 0;
}

static long
install(int *fd)
{
	*fd = open_file();
	return fdmap_install(*fd, RF_FILE, -1, false, false);
}

/* The rump descriptor at a number, -1: none, -2: ours. */
static int
file_at(long number)
{
	struct rfile *rf;
	int error, fd;

	fdshare_sync();
	rf = fdmap_get_rump(number, &error);
	if (rf == NULL)
		return error == 0 ? -1 : -2;
	fd = rf->rf_fd;
	(void)fdmap_put(rf);
	return fd;
}

static pid_t
sharer(void)
{
	pid_t pid;

	assert_int_equal(fdshare_begin(), 0);
	pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		fdmap_forked(fdmap_birth(), true);
	return pid;
}

static int
status_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int
start(void **state)
{
	*files = (struct kernel_files){ 0 };
	return 0;
}

static int
end(void **state)
{
	fdshare_end();
	if (files->nopen != 0 || files->bad_closes != 0)
		print_message("%d open, %d closed badly\n", files->nopen,
		    files->bad_closes);
	return files->nopen != 0 || files->bad_closes != 0;
}

static void
what_one_opens_the_other_has(void **state)
{
	int fd, here, number[3];
	long mine = install(&fd);
	pid_t pid = sharer();

	if (pid == 0) {
		if (file_at(mine) != fd || install(&here) != mine + 1)
			_exit(1);
		if (fdmap_dup2(mine, 90, -1) != 90 ||
		    fdmap_dup2(mine + 1, 91, O_CLOEXEC) != 91)
			_exit(2);
		_exit(0);
	}
	assert_int_equal(status_of(pid), 0);
	number[0] = file_at(mine + 1);
	number[1] = file_at(90);
	number[2] = file_at(91);
	assert_int_equal(number[0], number[2]);
	assert_int_equal(number[1], fd);
	assert_int_equal(files->nopen, 2);
	assert_int_equal(fdmap_close(mine + 1), 0);
	assert_int_equal(files->nopen, 2);
	assert_int_equal(fdmap_close(91), 0);
	assert_int_equal(files->nopen, 1);
	assert_int_equal(fdmap_close(90), 0);
	assert_int_equal(fdmap_close(mine), 0);
}

static void
what_one_closes_is_closed_once_and_for_all(void **state)
{
	int fd, other, status;
	long mine = install(&fd);
	pid_t pid = sharer();

	if (pid == 0) {
		if (fdmap_close(mine) != 0 || files->nopen != 0)
			_exit(1);
		/* The same number and the same descriptor, and another file. */
		if (install(&other) != mine || other != fd)
			_exit(2);
		_exit(0);
	}
	status = status_of(pid);
	assert_int_equal(status, 0);
	assert_int_equal(file_at(mine), fd);
	assert_int_equal(files->nopen, 1);
	assert_int_equal(fdmap_close(mine), 0);
	assert_int_equal(files->nopen, 0);
}

static void
a_number_that_becomes_the_host_s_is_seen(void **state)
{
	int fd;
	long mine = install(&fd);
	pid_t pid = sharer();

	if (pid == 0) {
		int event = eventfd(3, 0);

		_exit(fdmap_dup2(event, mine, -1) != mine || close(event) != 0);
	}
	assert_int_equal(status_of(pid), 0);
	assert_int_equal(file_at(mine), -1);
	assert_true(fcntl((int)mine, F_GETFD) >= 0);
	assert_int_equal(files->nopen, 0);
	assert_int_equal(fdmap_close(mine), 0);
}

static void
what_is_hidden_is_hidden_from_all_until_it_is_left_behind(void **state)
{
	int hidden = -1, pipes[2];
	pid_t pid;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	pid = sharer();
	if (pid == 0) {
		hidden = (int)hidden_take(eventfd(0, EFD_CLOEXEC));
		_exit(write(pipes[1], &hidden, sizeof(hidden)) < 0);
	}
	assert_int_equal(status_of(pid), 0);
	assert_int_equal(
	    read(pipes[0], &hidden, sizeof(hidden)), sizeof(hidden));
	assert_int_equal(file_at(hidden), -2);
	assert_int_equal(fdmap_close(hidden), -EBADF);
	/* Nothing moves, nor makes way. */
	assert_int_equal(fdmap_dup2(pipes[0], hidden, -1), -EBADF);
	fdshare_leave_behind(hidden);
	assert_int_equal(file_at(hidden), -2);
	assert_int_equal(file_at(hidden), -1);
	assert_int_equal(fcntl(hidden, F_GETFD), -1);
	close(pipes[0]);
	close(pipes[1]);
}

static void
who_leaves_has_all_for_himself(void **state)
{
	int fd, other;
	long mine = install(&fd);
	pid_t pid = sharer();

	if (pid == 0) {
		if (syscall(SYS_unshare, CLONE_FILES) != 0)
			_exit(1);
		fdshare_end();
		/* As in the kernel, where it would be a copy. */
		_exit(install(&other) != mine + 1 || file_at(mine) != fd);
	}
	assert_int_equal(status_of(pid), 0);
	assert_int_equal(file_at(mine + 1), -1);
	assert_int_equal(fdmap_close(mine), 0);
	assert_int_equal(files->nopen, 1);
	files->nopen = 0;
}

static void
change_for_ever(void)
{
	atomic_store(&files->ready, 1);
	for (;;) {
		int fd;
		long number = install(&fd);

		fdshare_sync();
		(void)fdmap_dup2(number, 80, -1);
		(void)fdmap_dup2(number, 81, -1);
		(void)fdmap_close(number);
		(void)fdmap_close(80);
		(void)fdmap_close(81);
	}
}

static void
a_process_that_is_killed_keeps_nobody_waiting(void **state)
{
	for (int i = 0; i < KILLS; i++) {
		int fd;
		long number;
		pid_t pid;

		atomic_store(&files->ready, 0);
		pid = sharer();
		if (pid == 0)
			change_for_ever();
		while (atomic_load(&files->ready) == 0)
			sched_yield();
		for (int j = 0; j < i % 5; j++) {
			fdshare_sync();
			number = install(&fd);
			assert_int_equal(file_at(number), fd);
			assert_int_equal(fdmap_close(number), 0);
		}
		assert_int_equal(kill(pid, SIGKILL), 0);
		(void)status_of(pid);
		/* What it had is the table's; at worst a file stays open. */
		fdshare_sync();
		while ((number = fdmap_next(0)) >= 0)
			assert_int_equal(fdmap_close(number), 0);
		number = install(&fd);
		assert_int_equal(fdmap_dup2(number, 80, -1), 80);
		assert_int_equal(file_at(80), fd);
		assert_int_equal(fdmap_close(number), 0);
		assert_int_equal(fdmap_close(80), 0);
	}
	assert_true(files->nopen <= 2 * KILLS);
	files->nopen = 0;
}

static void *
use(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		int fd;
		long number;

		fdshare_sync();
		number = install(&fd);
		if (number < 0 || file_at(number) != fd ||
		    fdmap_close(number) != 0)
			return arg;
	}
	return NULL;
}

static int
use_in_threads(void)
{
	pthread_t threads[NTHREADS];
	int wrong = 0;
	void *result;

	for (int i = 0; i < NTHREADS; i++)
		(void)pthread_create(&threads[i], NULL, use, &wrong);
	for (int i = 0; i < NTHREADS; i++) {
		(void)pthread_join(threads[i], &result);
		wrong += result != NULL;
	}
	return wrong;
}

static void
threads_of_all_find_what_they_have_opened(void **state)
{
	pid_t pid = sharer();

	if (pid == 0)
		_exit(use_in_threads());
	assert_int_equal(use_in_threads(), 0);
	assert_int_equal(status_of(pid), 0);
}

#define CONTENDED 50
#define TRIES 100000 /* at a number that is about to come */

/* Until both are here. */
static void
meet(int round)
{
	atomic_fetch_add(&files->ready, 1);
	while (atomic_load(&files->ready) < 2 * round)
		sched_yield();
}

/* The number is a file of the kernel's in the map if it is one in the host's
 * table. */
static bool
agree(long number)
{
	return (file_at(number) >= 0) == fdmap_is_placeholder(number);
}

/* At once, when it is in the host's table. */
static void
close_what_the_other_makes(void)
{
	bool agreed = true;

	for (int i = 0; i < ROUNDS; i++) {
		meet(3 * i + 1);
		for (int tries = 0; tries < TRIES; tries++)
			if (fdmap_close(CONTENDED) == 0)
				break;
		meet(3 * i + 2);
		agreed = agree(CONTENDED) && agreed;
		meet(3 * i + 3);
	}
	_exit(agreed ? 0 : 1);
}

static void
what_one_makes_and_another_closes_is_there_for_both_or_neither(void **state)
{
	pid_t pid = sharer();
	int fd, disagreed = 0;
	long number;

	if (pid == 0)
		close_what_the_other_makes();
	fdshare_sync();
	number = install(&fd);
	for (int i = 0; i < ROUNDS; i++) {
		meet(3 * i + 1);
		fdshare_sync();
		(void)fdmap_dup2(number, CONTENDED, -1);
		meet(3 * i + 2);
		disagreed += !agree(CONTENDED);
		meet(3 * i + 3);
	}
	assert_int_equal(disagreed, 0);
	assert_int_equal(status_of(pid), 0);
	(void)fdmap_close(CONTENDED);
	assert_int_equal(fdmap_close(number), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_one_opens_the_other_has),
		TEST(what_one_closes_is_closed_once_and_for_all),
		TEST(a_number_that_becomes_the_host_s_is_seen),
		TEST(what_is_hidden_is_hidden_from_all_until_it_is_left_behind),
		TEST(who_leaves_has_all_for_himself),
		TEST(
		    what_one_makes_and_another_closes_is_there_for_both_or_neither),
		TEST(a_process_that_is_killed_keeps_nobody_waiting),
		TEST(threads_of_all_find_what_they_have_opened),
	};

	files = mmap(NULL, sizeof(*files), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (files == MAP_FAILED || fdmap_init(NULL) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
