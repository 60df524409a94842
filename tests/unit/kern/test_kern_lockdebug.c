/* SPDX-License-Identifier: BSD-2-Clause */
/* What is to panic does so in a child. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/kern/kern_test.h"

#include "kern/lockdebug.h"
#include "kern/lwp.h"
#include "kern/mutex.h"
#include "kern/rwlock.h"

/* Run func in a child; false if it died, and what it said. */
static bool
survives(void (*func)(void), char *text, size_t size)
{
	int fds[2], status;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], 2);
		func();
		_exit(0);
	}
	close(fds[1]);
	while ((n = read(fds[0], text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status);
}

static void
take_in_order(const char *first, const char *then)
{
	lockdebug_enter(first, true);
	lockdebug_enter(then, true);
	lockdebug_exit(then);
	lockdebug_exit(first);
}

static void
close_a_cycle_of_three(void)
{
	take_in_order("a", "b");
	take_in_order("b", "c");
	take_in_order("c", "a");
}

static void
a_cycle_is_reported_with_both_names(void **state)
{
	char text[512];

	assert_false(survives(close_a_cycle_of_three, text, sizeof(text)));
	assert_non_null(strstr(text, "lock order"));
	assert_non_null(strstr(text, "\"a\" is waited for with \"c\""));
}

static void
nest_a_class(void)
{
	take_in_order("a", "a");
}

static void
two_locks_of_one_class_are_a_cycle(void **state)
{
	char text[512];

	assert_false(survives(nest_a_class, text, sizeof(text)));
}

static void
an_order_that_is_kept_and_tries_are_fine(void **state)
{
	const char name[] = "p"; /* another string of the same class */

	for (int i = 0; i < 3; i++) {
		take_in_order("p", "q");
		take_in_order("q", "r");
		take_in_order(name, "r");
	}
	lockdebug_enter("q", true);
	lockdebug_enter("p", false);
	/* Not last in, first out. */
	lockdebug_exit("q");
	take_in_order("q", "r");
	lockdebug_exit(name);
	assert_int_equal(rump_tls.nheld, 0);
}

static void
more_than_can_be_kept_in_mind_is_let_go(void **state)
{
	static char names[100][4];

	for (int i = 0; i < 100; i++) {
		snprintf(names[i], sizeof(names[i]), "n%d", i);
		lockdebug_enter(names[i], true);
	}
	for (int i = 0; i < 100; i++)
		lockdebug_exit(names[i]);
	assert_int_equal(rump_tls.nheld, 0);
}

#ifdef KERN_LOCKDEBUG
static void
take_locks_both_ways(void)
{
	kmutex_t m;
	krwlock_t rw;

	mutex_init(&m, "the mutex");
	rw_init(&rw, "the rwlock");
	mutex_enter(&m);
	rw_enter(&rw, RW_READER);
	rw_exit(&rw);
	mutex_exit(&m);
	rw_enter(&rw, RW_WRITER);
	mutex_enter(&m);
}

static void
mutexes_and_rwlocks_are_checked(void **state)
{
	char text[512];

	assert_false(survives(take_locks_both_ways, text, sizeof(text)));
	assert_non_null(strstr(text, "\"the mutex\""));
	assert_non_null(strstr(text, "\"the rwlock\""));
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cycle_is_reported_with_both_names),
		cmocka_unit_test(two_locks_of_one_class_are_a_cycle),
		cmocka_unit_test(an_order_that_is_kept_and_tries_are_fine),
#ifdef KERN_LOCKDEBUG
		cmocka_unit_test(mutexes_and_rwlocks_are_checked),
#endif
		cmocka_unit_test(more_than_can_be_kept_in_mind_is_let_go),
	};

	return cmocka_run_group_tests(tests, boot_kernel, NULL);
}
