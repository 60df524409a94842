/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The descriptor map with the real host below it; the kernel above it is a
 * table that knows which of its descriptors are open.
 */
#include "preload/fdmap.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "preload/backend.h"
#include "preload/call.h"
#include "preload/dirs.h"
#include "preload/engine/thread.h"
#include "preload/fdalias.h"
#include "preload/hidden.h"
#include "preload/pool.h"
#include "preload/process.h"
#include "preload/route.h"
#include "preload/watch.h"
#include "rump/rump_syscallnum.h"
#include "aroundmap.h"

#define NFILES 32768 /* more than are ever opened */
#define NTHREADS 4
#define ROUNDS 4000

static atomic_int is_open[NFILES];
static atomic_int next_file, closes, bad_closes;

enum backend_state backend_state;

long
rump_backend_syscall(int num, const int64_t *args, int64_t retval[2])
{
	assert_int_equal(num, RUMP_SYS_close);
	atomic_fetch_add(&closes, 1);
	if (atomic_exchange(&is_open[args[0] % NFILES], 0) != 1)
		atomic_fetch_add(&bad_closes, 1);
	return 0;
}

static int
open_file(void)
{
	int fd = atomic_fetch_add(&next_file, 1);

	atomic_store(&is_open[fd % NFILES], 1);
	return fd;
}

static int
start(void **state)
{
	atomic_store(&closes, 0);
	atomic_store(&bad_closes, 0);
	return 0;
}

static long
install(bool cloexec)
{
	return fdmap_install(open_file(), RF_FILE, 3, false, cloexec);
}

static void
a_file_gets_the_lowest_free_number(void **state)
{
	int probe = dup(0), error;
	long fd, fd2;
	struct rfile *rf;

	close(probe);
	fd = install(true);
	assert_int_equal(fd, probe);
	assert_int_equal(fcntl((int)fd, F_GETFD), FD_CLOEXEC);
	assert_true(fdmap_is_rump(fd));
	/* Whoever goes round the library meets a wall. */
	assert_int_equal(read((int)fd, &error, 1), -1);
	assert_int_equal(errno, EBADF);
	fd2 = install(false);
	assert_int_equal(fcntl((int)fd2, F_GETFD), 0);
	rf = fdmap_get(fd, &error);
	assert_non_null(rf);
	assert_int_equal(rf->rf_rule, 3);
	assert_int_equal(fdmap_put(rf), 0);
	assert_int_equal(fdmap_close(fd), 0);
	assert_int_equal(closes, 1);
	assert_null(fdmap_get(fd, &error));
	assert_int_equal(error, 0);
	assert_int_equal(fdmap_close(fd), -EBADF);
	assert_int_equal(fdmap_close(fd2), 0);
	assert_int_equal(closes, 2);
}

static void
duplicates_share_one_file(void **state)
{
	long fd = install(false), fd2 = fdmap_dup(fd, 40, true), fd3;
	struct rfile *a, *b;
	int error;

	assert_int_equal(fd2, 40);
	assert_int_equal(fcntl(40, F_GETFD), FD_CLOEXEC);
	fd3 = fdmap_dup2(fd, 50, -1);
	assert_int_equal(fd3, 50);
	a = fdmap_get(fd, &error);
	b = fdmap_get(50, &error);
	assert_ptr_equal(a, b);
	fdmap_put(a);
	fdmap_put(b);
	assert_int_equal(fdmap_dup2(fd, fd, -1), fd);
	assert_int_equal(fdmap_close(fd), 0);
	assert_int_equal(fdmap_close(40), 0);
	assert_int_equal(closes, 0);
	/* A host descriptor takes the place of the last one. */
	assert_int_equal(fdmap_dup2(0, 50, O_CLOEXEC), 50);
	assert_int_equal(closes, 1);
	assert_false(fdmap_is_rump(50));
	/* And the other way. */
	fd = install(false);
	assert_int_equal(fdmap_dup2(fd, 50, -1), 50);
	assert_true(fdmap_is_rump(50));
	fdmap_close(50);
	fdmap_close(fd);
	assert_int_equal(closes, 2);
}

static void
a_failing_dup2_leaves_everything_in_place(void **state)
{
	long fd = install(false);

	assert_int_equal(fdmap_dup2(999, fd, -1), -EBADF);
	assert_int_equal(fdmap_dup2(0, fd, 0x4000), -EINVAL);
	assert_true(fdmap_is_rump(fd));
	assert_int_equal(fdmap_dup2(fd, 1 << 30, -1), -EBADF);
	assert_true(fdmap_is_rump(fd));
	assert_int_equal(closes, 0);
	fdmap_close(fd);
	assert_int_equal(closes, 1);
}

static void
our_own_descriptors_cannot_be_touched(void **state)
{
	long hidden = hidden_take(dup(0)), fd;
	int error;

	assert_true(hidden > 100);
	assert_true(fdmap_is_hidden(hidden));
	assert_int_equal(fcntl((int)hidden, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fdmap_close(hidden), -EBADF);
	assert_int_equal(fdmap_dup(hidden, 0, false), -EBADF);
	assert_null(fdmap_get(hidden, &error));
	assert_int_equal(error, EBADF);
	fd = install(false);
	assert_int_equal(dup2(0, 70), 70);
	assert_int_equal(fdmap_close_range((unsigned)fd, ~0U, 0), 0);
	assert_true(fcntl((int)hidden, F_GETFD) >= 0);
	assert_int_equal(fcntl(70, F_GETFD), -1);
	assert_int_equal(fcntl((int)fd, F_GETFD), -1);
	assert_false(fdmap_is_rump(fd));
	assert_int_equal(closes, 1);
	/* The placeholder survived. */
	fd = install(false);
	assert_true(fd >= 0);
	fdmap_close(fd);
	hidden_forget((int)hidden);
	close((int)hidden);
}

static void
a_file_without_a_number_is_closed(void **state)
{
	struct rlimit rl, none;
	int probe = dup(0);

	close(probe);
	getrlimit(RLIMIT_NOFILE, &rl);
	none = rl;
	none.rlim_cur = (rlim_t)probe;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(install(false), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
	assert_int_equal(closes, 1);
	assert_int_equal(bad_closes, 0);
}

/* The parent's other threads go on while it looks at the table. */
static void
what_a_vfork_child_held_last_its_parent_closes(void **state)
{
	long fd = install(false), other = install(false);
	struct rfile *rf;
	int error;

	engine_thread.t_borrowed = true;
	rf = fdmap_get_rump(fd, &error);
	assert_non_null(rf);
	engine_thread.t_borrowed = false;
	assert_int_equal(fdmap_close(fd), 0);
	engine_thread.t_borrowed = true;
	assert_int_equal(fdmap_put(rf), 0);
	assert_int_equal(closes, 0);
	engine_thread.t_borrowed = false;
	assert_int_equal(fdmap_close(other), 0);
	assert_int_equal(closes, 2);
	assert_int_equal(bad_closes, 0);
}

/* --- races ------------------------------------------------------------- */

static atomic_long shared_fd[8];
static atomic_bool stop;
static atomic_int wrong;

static void *
reader(void *arg)
{
	unsigned i = 0;

	while (!atomic_load(&stop)) {
		int error;
		struct rfile *rf =
		    fdmap_get(atomic_load(&shared_fd[i++ % 8]), &error);

		if (rf == NULL)
			continue;
		/* As long as we hold it, it is open. */
		for (int n = 0; n < 10; n++) {
			if (atomic_load(&is_open[rf->rf_fd % NFILES]) != 1)
				atomic_fetch_add(&wrong, 1);
		}
		fdmap_put(rf);
	}
	return NULL;
}

static void *
changer(void *arg)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		atomic_long *slot = &shared_fd[(i + (uintptr_t)arg) % 8];
		long fd = install(false), old, copy = fdmap_dup(fd, 0, false);

		old = atomic_exchange(slot, copy);
		fdmap_close(fd);
		if (old >= 0)
			fdmap_close(old);
	}
	return NULL;
}

#define CONTESTED 200 /* the first of the numbers that all want */

/* Files of ours and of the host at the same few numbers. */
static void *
rival(void *arg)
{
	unsigned i, x = (unsigned)(uintptr_t)arg;
	long fd;

	for (i = 0; i < ROUNDS; i++) {
		x = x * 1103515245 + 12345;
		fd = CONTESTED + (x >> 16) % 4;
		switch (x >> 20 & 3) {
		case 0:
			fdmap_close(fd);
			break;
		case 1:
			fdmap_dup2(0, fd, -1);
			break;
		case 2:
			fdmap_close_range(
			    (unsigned long)fd, (unsigned long)fd + 1, 0);
			break;
		default:
			fdmap_dup2(atomic_load(&shared_fd[0]), fd, -1);
			break;
		}
		(void)fdmap_dup(atomic_load(&shared_fd[1]), CONTESTED, true);
	}
	return NULL;
}

static void
threads_that_fight_for_a_number_leave_nothing_behind(void **state)
{
	int error, opened = atomic_load(&next_file);
	pthread_t rivals[NTHREADS];
	uintptr_t i;

	for (i = 0; i < 2; i++)
		atomic_store(&shared_fd[i], install(true));
	for (i = 0; i < NTHREADS; i++)
		pthread_create(&rivals[i], NULL, rival, (void *)i);
	for (i = 0; i < NTHREADS; i++)
		pthread_join(rivals[i], NULL);
	/* A file stands where there is a placeholder, and only there. */
	for (long fd = 0; fd < CONTESTED + 4 * ROUNDS * NTHREADS; fd++) {
		struct rfile *rf = fdmap_get_rump(fd, &error);

		if (error != 0)
			continue;
		assert_int_equal(fdmap_is_placeholder(fd), rf != NULL);
		if (rf != NULL)
			fdmap_put(rf);
	}
	fdmap_close_range(3, UINT32_MAX, 0);
	assert_int_equal(fdmap_next(0), -1);
	assert_int_equal(bad_closes, 0);
	assert_int_equal(closes, atomic_load(&next_file) - opened);
}

static void
a_file_in_use_is_never_closed_or_exchanged(void **state)
{
	pthread_t readers[NTHREADS], changers[NTHREADS];
	int opened = atomic_load(&next_file);

	for (int i = 0; i < 8; i++)
		atomic_store(&shared_fd[i], -1);
	for (uintptr_t i = 0; i < NTHREADS; i++) {
		pthread_create(&readers[i], NULL, reader, NULL);
		pthread_create(&changers[i], NULL, changer, (void *)i);
	}
	for (int i = 0; i < NTHREADS; i++)
		pthread_join(changers[i], NULL);
	atomic_store(&stop, true);
	for (int i = 0; i < NTHREADS; i++)
		pthread_join(readers[i], NULL);
	for (int i = 0; i < 8; i++)
		fdmap_close(atomic_load(&shared_fd[i]));
	assert_int_equal(wrong, 0);
	assert_int_equal(bad_closes, 0);
	assert_int_equal(closes, atomic_load(&next_file) - opened);
}

static void
what_the_program_asks_for_moves_out_of_the_way(void **state)
{
	static atomic_int where; /* is known for ever */
	long hidden = hidden_keep(dup(0), &where);

	assert_int_equal(where, hidden);
	assert_int_equal(fdmap_dup2(9999, hidden, -1), -EBADF);
	assert_int_equal(where, hidden);
	assert_int_equal(fdmap_dup2(0, hidden, -1), hidden);
	assert_int_not_equal(where, hidden);
	assert_true(fdmap_is_hidden(where));
	assert_false(fdmap_is_hidden(hidden));
	assert_int_equal(fcntl(where, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fdmap_close(hidden), 0);
	hidden_forget(where);
	close(where);
	where = -1;
}

static void
nothing_opens_through_the_number_of_a_rump_file(void **state)
{
	long fd = install(false);
	char name[64];

	snprintf(name, sizeof(name), "/proc/self/fd/%ld", fd);
	assert_int_equal(open(name, O_RDONLY), -1);
	assert_int_equal(errno, ELOOP);
	assert_int_equal(fdmap_close(fd), 0);
}

/* As after a fork during which another thread gave a number away. */
static void
a_forked_child_forgets_what_it_does_not_have(void **state)
{
	long kept = install(false), lost = install(false);
	int null = open("/dev/null", O_RDONLY), error;
	long over = install(false);

	close((int)lost);
	dup2(null, (int)over);
	fdmap_forked(0, false);
	assert_true(fdmap_is_rump(kept));
	assert_false(fdmap_is_rump(lost));
	assert_false(fdmap_is_rump(over));
	assert_null(fdmap_get(over, &error));
	assert_int_equal(fdmap_close(over), 0);
	assert_int_equal(fdmap_close(kept), 0);
	close(null);
}

/* --- members of epoll sets --------------------------------------------- */

static int
hidden_count(void)
{
	int n = 0;

	for (long fd = 0; fd < 8192; fd++)
		n += fdmap_is_hidden(fd);
	return n;
}

static long
ctl(long number, int hostfd, int epfd, int op)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = (int)number };
	struct rfile *rf;
	long result;
	int error;

	rf = fdmap_get(number, &error);
	assert_non_null(rf);
	result = watch_ctl(rf, (int)number, hostfd, epfd, op, &ev);
	(void)fdmap_put(rf);
	return result;
}

static int
ready(int epfd)
{
	struct epoll_event ev[8];

	return epoll_wait(epfd, ev, 8, 0);
}

static void
a_socket_is_a_member_under_each_of_its_numbers(void **state)
{
	int before = hidden_count(), epfd = epoll_create1(0);
	int event = (int)hidden_take(eventfd(1, 0));
	long a = install(false), b = fdmap_dup(a, 0, false);

	assert_int_equal(ctl(a, event, epfd, EPOLL_CTL_MOD), -ENOENT);
	assert_int_equal(ctl(a, event, epfd, EPOLL_CTL_ADD), 0);
	assert_int_equal(ctl(a, event, epfd, EPOLL_CTL_ADD), -EEXIST);
	assert_int_equal(ctl(b, event, epfd, EPOLL_CTL_DEL), -ENOENT);
	assert_int_equal(hidden_count(), before + 1);
	assert_int_equal(ctl(b, event, epfd, EPOLL_CTL_ADD), 0);
	assert_int_equal(hidden_count(), before + 2);
	assert_int_equal(ready(epfd), 2);
	assert_int_equal(ctl(b, event, epfd, EPOLL_CTL_DEL), 0);
	assert_int_equal(hidden_count(), before + 1);
	assert_int_equal(ready(epfd), 1);
	/* The first number may be the second that is added. */
	assert_int_equal(ctl(a, event, epfd, EPOLL_CTL_DEL), 0);
	assert_int_equal(ctl(b, event, epfd, EPOLL_CTL_ADD), 0);
	assert_int_equal(hidden_count(), before + 1);
	fdmap_close(a);
	fdmap_close(b);
	hidden_close(event);
	assert_int_equal(ready(epfd), 0);
	assert_int_equal(hidden_count(), before);
	close(epfd);
}

static void
a_member_outlives_its_number_and_ends_with_its_socket(void **state)
{
	int before = hidden_count(), epfd = epoll_create1(0);
	int event = (int)hidden_take(eventfd(1, 0));
	long a = install(false), b = fdmap_dup(a, 0, false);

	assert_int_equal(ctl(a, event, epfd, EPOLL_CTL_ADD), 0);
	assert_int_equal(ctl(b, event, epfd, EPOLL_CTL_ADD), 0);
	fdmap_close(b);
	assert_int_equal(ready(epfd), 2);
	/* The same pair again: it is a member still. */
	assert_int_equal(fdmap_dup2(a, b, -1), b);
	assert_int_equal(ctl(b, event, epfd, EPOLL_CTL_ADD), -EEXIST);
	fdmap_close(b);
	fdmap_close(a);
	hidden_close(event);
	assert_int_equal(ready(epfd), 0);
	assert_int_equal(hidden_count(), before);
	close(epfd);
}

static void
hidden_numbers_lie_above_the_limit(void **state)
{
	struct rlimit rl, low, now;
	long fd;

	getrlimit(RLIMIT_NOFILE, &rl);
	if (rl.rlim_max <= 2048)
		skip();
	low = (struct rlimit){ 64, rl.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	fd = hidden_take(dup(0));
	assert_true(fd >= 1024);
	getrlimit(RLIMIT_NOFILE, &now);
	assert_int_equal(now.rlim_cur, 64);
	hidden_close((int)fd);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
}

static bool
hides_at_the_top(const struct rlimit *rl)
{
	return setrlimit(RLIMIT_NOFILE, rl) == 0 &&
	       hidden_take(dup(0)) >= (long)rl->rlim_max - 24;
}

/* What was lowered cannot be raised again: in a process of its own. */
static void
hidden_numbers_lie_at_the_top_below_a_low_hard_limit(void **state)
{
	static const struct rlimit limits[] = { { 64, 1024 }, { 1000, 1024 },
		{ 200, 400 } };
	struct rlimit rl;
	int status;
	pid_t pid;

	getrlimit(RLIMIT_NOFILE, &rl);
	if (rl.rlim_max < 1024)
		skip();
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		pid = fork();
		if (pid == 0)
			_exit(hides_at_the_top(&limits[i]) ? 0 : 1);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

/* A number that is hidden, below the limit, and whose owner cannot be asked. */
static int
hidden_below_the_limit(int *owners)
{
	struct rlimit rl;
	int fd = eventfd(7, EFD_CLOEXEC);

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &rl), 0);
	*owners = (int)hidden_take(fd);
	assert_true(*owners >= 0);
	if ((rlim_t)*owners >= rl.rlim_cur) {
		rl.rlim_cur = (rlim_t)*owners + 1;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
	}
	return *owners;
}

static void
expect_eventfd(int fd, uint64_t value)
{
	uint64_t got = 0;

	assert_int_equal(read(fd, &got, sizeof(got)), sizeof(got));
	assert_int_equal(got, value);
}

static void
a_number_that_is_ours_holds_a_file_of_the_host_elsewhere(void **state)
{
	int owners, number = hidden_below_the_limit(&owners);
	int mine = eventfd(9, 0), place;
	struct call c = { .nr = SYS_read, .arg = { number } };

	assert_int_equal(fdmap_dup2(mine, number, -1), number);
	assert_true(watched);
	place = (int)fdalias_place(number);
	assert_true(place >= 0 && place != number);
	assert_true(fdalias_is_place(place));
	fdalias_translate(&c);
	assert_int_equal(c.arg[0], place);
	expect_eventfd(place, 9);
	expect_eventfd(owners, 7);
	/* The place is nobody's number. */
	assert_int_equal(fdmap_close(place), -EBADF);
	c.arg[0] = place;
	fdalias_translate(&c);
	assert_int_equal(c.arg[0], -1);

	assert_int_equal(fdmap_close(number), 0);
	assert_int_equal(fcntl(place, F_GETFD), -1);
	assert_int_equal(fdalias_place(number), -1);
	assert_int_equal(fdmap_close(number), -EBADF);
	hidden_close(owners);
	close(mine);
}

static void
a_number_that_is_ours_holds_a_rump_file_elsewhere(void **state)
{
	int owners, number = hidden_below_the_limit(&owners), error;
	long fd = install(false), place;
	struct rfile *rf, *other;

	assert_int_equal(fdmap_dup2(fd, number, O_CLOEXEC), number);
	place = fdalias_place(number);
	rf = fdmap_get_rump(fd, &error);
	other = fdmap_get_rump(place, &error);
	assert_ptr_equal(rf, other);
	fdmap_put(rf);
	fdmap_put(other);
	assert_int_equal(fcntl((int)place, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fdmap_close(fd), 0);
	assert_int_equal(closes, 0);
	/* Replaced by one of the host's, it is closed. */
	fd = eventfd(3, 0);
	assert_int_equal(fdmap_dup2(fd, number, -1), number);
	assert_int_equal(closes, 1);
	assert_int_equal(fdalias_place(number), place);
	expect_eventfd((int)place, 3);
	assert_int_equal(fdmap_close(number), 0);
	close((int)fd);
	hidden_close(owners);
	assert_int_equal(bad_closes, 0);
}

static void
a_number_of_ours_stays_taken_until_the_program_gives_it_back(void **state)
{
	int owners, number = hidden_below_the_limit(&owners);
	int mine = eventfd(1, 0);

	assert_int_equal(fdmap_dup2(mine, number, -1), number);
	hidden_close(owners);
	assert_true(fcntl(number, F_GETFD) >= 0);
	assert_true(fdmap_is_hidden(number));
	expect_eventfd((int)fdalias_place(number), 1);
	assert_int_equal(fdmap_close(number), 0);
	assert_int_equal(fcntl(number, F_GETFD), -1);
	assert_false(fdmap_is_hidden(number));
	close(mine);
}

static void
a_place_is_a_number_that_others_may_have(void **state)
{
	int owners, number = hidden_below_the_limit(&owners);
	int a = eventfd(1, 0), b = eventfd(2, 0), place;
	struct rlimit rl;

	assert_int_equal(fdmap_dup2(a, number, -1), number);
	place = (int)fdalias_place(number);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &rl), 0);
	if ((rlim_t)place >= rl.rlim_cur) {
		rl.rlim_cur = (rlim_t)place + 1;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
	}
	assert_int_equal(fdmap_dup2(b, place, -1), place);
	assert_int_equal(fdalias_resolve(number), place);
	assert_int_not_equal(fdalias_resolve(place), place);
	expect_eventfd(place, 1);
	expect_eventfd((int)fdalias_resolve(place), 2);
	/* All of them. */
	assert_int_equal(fdmap_close_range((unsigned)number, UINT32_MAX, 0), 0);
	assert_int_equal(fdalias_next(0), -1);
	assert_true(fcntl(owners, F_GETFD) >= 0);
	hidden_close(owners);
	close(a);
	close(b);
}

static void
a_number_above_the_limit_is_nobodys(void **state)
{
	int owners, number = hidden_below_the_limit(&owners);
	int mine = eventfd(1, 0);
	struct rlimit rl, low;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &rl), 0);
	low = rl;
	low.rlim_cur = (rlim_t)number;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(fdmap_dup2(mine, number, -1), -EBADF);
	assert_int_equal(fdalias_place(number), -1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
	assert_int_equal(fdmap_dup2(999999, number, -1), -EBADF);
	assert_int_equal(fdalias_place(number), -1);
	hidden_close(owners);
	close(mine);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    a_file_gets_the_lowest_free_number, start),
		cmocka_unit_test_setup(duplicates_share_one_file, start),
		cmocka_unit_test_setup(
		    what_the_program_asks_for_moves_out_of_the_way, start),
		cmocka_unit_test_setup(
		    nothing_opens_through_the_number_of_a_rump_file, start),
		cmocka_unit_test_setup(
		    a_forked_child_forgets_what_it_does_not_have, start),
		cmocka_unit_test_setup(
		    a_failing_dup2_leaves_everything_in_place, start),
		cmocka_unit_test_setup(
		    our_own_descriptors_cannot_be_touched, start),
		cmocka_unit_test_setup(
		    a_file_without_a_number_is_closed, start),
		cmocka_unit_test_setup(
		    what_a_vfork_child_held_last_its_parent_closes, start),
		cmocka_unit_test_setup(
		    a_file_in_use_is_never_closed_or_exchanged, start),
		cmocka_unit_test_setup(
		    threads_that_fight_for_a_number_leave_nothing_behind,
		    start),
		cmocka_unit_test_setup(
		    a_socket_is_a_member_under_each_of_its_numbers, start),
		cmocka_unit_test_setup(
		    a_member_outlives_its_number_and_ends_with_its_socket,
		    start),
		cmocka_unit_test_setup(
		    hidden_numbers_lie_above_the_limit, start),
		cmocka_unit_test_setup(
		    hidden_numbers_lie_at_the_top_below_a_low_hard_limit,
		    start),
		cmocka_unit_test_setup(
		    a_number_that_is_ours_holds_a_file_of_the_host_elsewhere,
		    start),
		cmocka_unit_test_setup(
		    a_number_that_is_ours_holds_a_rump_file_elsewhere, start),
		cmocka_unit_test_setup(
		    a_number_of_ours_stays_taken_until_the_program_gives_it_back,
		    start),
		cmocka_unit_test_setup(
		    a_place_is_a_number_that_others_may_have, start),
		cmocka_unit_test_setup(
		    a_number_above_the_limit_is_nobodys, start),
	};

	if (fdmap_init(NULL) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
