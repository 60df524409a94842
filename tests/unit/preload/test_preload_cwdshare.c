/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Directory, root and mask of processes that share them, on the real host.  The
 * rules that a root directory changes and the kernel, which has a mask, are the
 * test's.  Threads of one process stand for processes where many are at it at
 * once: they share the same memory.
 */
#include "preload/cwdshare.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "preload/backend.h"
#include "preload/call.h"
#include "preload/fdshare.h"
#include "preload/hidden.h"
#include "preload/names.h"
#include "rump/rump_syscallnum.h"

#define NMASKS 2000
#define NROOTS 8 /* that may be told */
#define NLOOKERS 2

static long
raw_call(long nr, long a, long b, long c, long d, long e, long f)
{
	long r = syscall(nr, a, b, c, d, e, f);

	return r < 0 ? -errno : r;
}

long (*host_call)(long, long, long, long, long, long, long) = raw_call;

/* --- what stands around it ------------------------------------------------ */

enum backend_state backend_state = BACKEND_HERE;
static atomic_uint kernel_mask;

bool
backend_reachable(void)
{
	return true;
}

long
rump_backend_syscall(int num, const int64_t *args, int64_t retval[2])
{
	assert_int_equal(num, RUMP_SYS_umask);
	atomic_store(&kernel_mask, (unsigned)args[0]);
	return 0;
}

/* The roots that have been taken over, in that order; by one at a time. */
static char roots[4 * NROOTS][16];
static unsigned nroots;

static bool has_memory = true;

bool
names_chroot(const char *root)
{
	assert_true(nroots < sizeof(roots) / sizeof(roots[0]));
	if (has_memory)
		snprintf(roots[nroots++], sizeof(roots[0]), "%s", root);
	return has_memory;
}

bool
names_enter(void)
{
	return names_chroot("entered");
}

bool
fdshare_on(void)
{
	return false;
}

long
hidden_keep(int fd, atomic_int *where)
{
	atomic_store(where, fd);
	return fd;
}

long
hidden_adopt(int fd, atomic_int *where)
{
	return hidden_keep(fd, where);
}

void
hidden_close(int fd)
{
	close(fd);
}

static int
begin(void **state)
{
	atomic_store(&kernel_mask, 022);
	nroots = 0;
	return cwdshare_begin();
}

static int
end(void **state)
{
	cwdshare_end();
	return cwdshare_on();
}

static void
expect_child(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* --- cases ---------------------------------------------------------------- */

static void
what_one_process_tells_the_other_takes_over(void **state)
{
	pid_t pid = fork();

	if (pid == 0) {
		cwdshare_tell_mask(077);
		cwdshare_tell_root("/jail");
		atomic_store(&cwdshare_state()->cs_rule, 3);
		_exit(0);
	}
	expect_child(pid);
	assert_int_equal(nroots, 0);
	cwdshare_look();
	cwdshare_look();
	assert_int_equal(atomic_load(&kernel_mask), 077);
	assert_int_equal(nroots, 1);
	assert_string_equal(roots[0], "/jail");
	assert_int_equal(atomic_load(&cwdshare_state()->cs_rule), 3);
}

static void
a_root_directory_leaves_the_mask_as_it_is(void **state)
{
	cwdshare_tell_root("/jail");
	cwdshare_look();
	assert_int_equal(nroots, 1);
	assert_int_equal(atomic_load(&kernel_mask), 022);
}

static void
a_copy_starts_with_the_root_of_all(void **state)
{
	cwdshare_tell_root("/jail");
	atomic_store(&cwdshare_state()->cs_rule, 2);
	cwdshare_forked(false);
	assert_false(cwdshare_on());
	assert_int_equal(nroots, 1);
	assert_int_equal(atomic_load(&cwdshare_state()->cs_rule), 2);
}

static void
a_root_of_the_kernels_is_taken_in_its_turn(void **state)
{
	cwdshare_tell_root("/jail");
	cwdshare_tell_root("");
	cwdshare_tell_root("/other");
	cwdshare_look();
	assert_int_equal(nroots, 3);
	assert_string_equal(roots[0], "/jail");
	assert_string_equal(roots[1], "entered");
	assert_string_equal(roots[2], "/other");
}

static void
a_root_that_there_is_no_memory_for_is_taken_later(void **state)
{
	cwdshare_tell_root("/jail");
	has_memory = false;
	cwdshare_look();
	assert_int_equal(nroots, 0);
	has_memory = true;
	cwdshare_look();
	cwdshare_look();
	assert_int_equal(nroots, 1);
}

static void
only_so_many_root_directories_are_told(void **state)
{
	char name[16];

	for (int i = 0; i < NROOTS; i++) {
		assert_true(cwdshare_may_root());
		snprintf(name, sizeof(name), "/%d", i);
		cwdshare_tell_root(name);
	}
	assert_false(cwdshare_may_root());
	cwdshare_tell_root("/more");
	cwdshare_look();
	assert_int_equal(nroots, NROOTS);
}

static void
the_next_image_goes_on_sharing(void **state)
{
	int fd = cwdshare_descriptor();
	struct cwd_state *before = cwdshare_state();

	cwdshare_keep(true);
	assert_int_equal(fcntl(fd, F_GETFD), 0);
	assert_true(cwdshare_take(fd));
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_ptr_not_equal(cwdshare_state(), before);
	atomic_store(&before->cs_rule, 5);
	assert_int_equal(atomic_load(&cwdshare_state()->cs_rule), 5);
}

static void
memory_that_could_be_cut_off_is_not_taken(void **state)
{
	int fd = memfd_create("other", MFD_ALLOW_SEALING);
	struct cwd_state *before = cwdshare_state();

	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	assert_false(cwdshare_take(fd));
	assert_false(cwdshare_take(-1));
	assert_false(cwdshare_take(STDIN_FILENO));
	assert_ptr_equal(cwdshare_state(), before);
	close(fd);
}

/* --- all at once -------------------------------------------------------------- */

static atomic_bool told;

static void *
keep_looking(void *arg)
{
	while (!atomic_load(&told))
		cwdshare_look();
	cwdshare_look();
	return NULL;
}

static void *
tell_masks(void *arg)
{
	for (unsigned i = 0; i < NMASKS; i++)
		cwdshare_tell_mask(i & 0777);
	cwdshare_tell_mask(027);
	return NULL;
}

static void *
tell_root(void *arg)
{
	cwdshare_tell_root(arg);
	return NULL;
}

static void
start(pthread_t *threads, size_t n, void *(*func)(void *))
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, func, NULL), 0);
}

static void
join(pthread_t *threads, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void
the_last_mask_is_the_kernels(void **state)
{
	pthread_t lookers[NLOOKERS], teller;

	atomic_store(&told, false);
	start(lookers, NLOOKERS, keep_looking);
	start(&teller, 1, tell_masks);
	join(&teller, 1);
	atomic_store(&told, true);
	join(lookers, NLOOKERS);
	assert_int_equal(atomic_load(&kernel_mask), 027);
}

static bool
has_been_taken_once(const char *root)
{
	unsigned n = 0;

	for (unsigned i = 0; i < nroots; i++)
		n += strcmp(roots[i], root) == 0;
	return n == 1;
}

static void
roots_that_are_told_at_once_are_taken_once(void **state)
{
	static char names[NROOTS][8];
	pthread_t lookers[NLOOKERS], tellers[NROOTS];

	atomic_store(&told, false);
	start(lookers, NLOOKERS, keep_looking);
	for (int i = 0; i < NROOTS; i++) {
		snprintf(names[i], sizeof(names[i]), "/%d", i);
		assert_int_equal(
		    pthread_create(&tellers[i], NULL, tell_root, names[i]), 0);
	}
	join(tellers, NROOTS);
	atomic_store(&told, true);
	join(lookers, NLOOKERS);
	assert_int_equal(nroots, NROOTS);
	for (int i = 0; i < NROOTS; i++)
		assert_true(has_been_taken_once(names[i]));
}

/* What another process looks at only when all have been told. */
static pid_t
look_afterwards(const int ready[2], int result)
{
	pid_t pid = fork();
	char c;

	if (pid != 0)
		return pid;
	close(ready[1]);
	if (read(ready[0], &c, 1) != 0)
		_exit(1);
	cwdshare_look();
	_exit(write(result, roots, sizeof(roots)) != sizeof(roots));
}

/* Each root is below the one before. */
static void
all_take_roots_in_the_same_order(void **state)
{
	static char names[NROOTS][8];
	pthread_t looker, tellers[NROOTS];
	char later[sizeof(roots)];
	int ready[2], result[2];
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(result, O_CLOEXEC), 0);
	memset(roots, 0, sizeof(roots));
	pid = look_afterwards(ready, result[1]);
	close(ready[0]);
	atomic_store(&told, false);
	start(&looker, 1, keep_looking);
	for (int i = 0; i < NROOTS; i++) {
		snprintf(names[i], sizeof(names[i]), "/%d", i);
		assert_int_equal(
		    pthread_create(&tellers[i], NULL, tell_root, names[i]), 0);
	}
	join(tellers, NROOTS);
	atomic_store(&told, true);
	join(&looker, 1);
	close(ready[1]);
	expect_child(pid);
	assert_int_equal(read(result[0], later, sizeof(later)), sizeof(later));
	assert_memory_equal(roots, later, sizeof(later));
	close(result[0]);
	close(result[1]);
}

#define SHARED_TEST(func) cmocka_unit_test_setup_teardown(func, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SHARED_TEST(what_one_process_tells_the_other_takes_over),
		SHARED_TEST(a_root_directory_leaves_the_mask_as_it_is),
		SHARED_TEST(a_copy_starts_with_the_root_of_all),
		SHARED_TEST(a_root_of_the_kernels_is_taken_in_its_turn),
		SHARED_TEST(a_root_that_there_is_no_memory_for_is_taken_later),
		SHARED_TEST(only_so_many_root_directories_are_told),
		SHARED_TEST(the_next_image_goes_on_sharing),
		SHARED_TEST(memory_that_could_be_cut_off_is_not_taken),
		SHARED_TEST(the_last_mask_is_the_kernels),
		SHARED_TEST(roots_that_are_told_at_once_are_taken_once),
		SHARED_TEST(all_take_roots_in_the_same_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
