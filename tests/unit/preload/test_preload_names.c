/* SPDX-License-Identifier: BSD-2-Clause */
/* The name space in force, while threads look at it and another changes it. */
#include "preload/names.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "preload/call.h"

#define NCHANGES 200
#define NREADERS 3

static atomic_bool has_memory = true;

static long
raw_call(long nr, long a, long b, long c, long d, long e, long f)
{
	long r;

	if (nr == SYS_mmap && !has_memory)
		return -ENOMEM;
	r = syscall(nr, a, b, c, d, e, f);
	return r < 0 ? -errno : r;
}

long (*host_call)(long, long, long, long, long, long, long) = raw_call;

/* What a path is to the kernel; NULL: the host's. */
static const char *
decide(const char *path)
{
	static __thread char buf[256];
	struct ns_decision nd = { .nd_path = buf };

	assert_int_equal(
	    namespace_decide(names_now(), path, &nd, sizeof(buf)), 0);
	return nd.nd_rule == NS_HOST ? NULL : buf;
}

/* The rules of all cases: /jail/m and /m are mounts. */
static int
setup(void **state)
{
	return names_add(NS_MOUNT, "/jail/m") + names_add(NS_MOUNT, "/m");
}

static void
what_there_is_no_memory_for_is_not_done(void **state)
{
	has_memory = false;
	assert_int_equal(names_reserve(), ENOMEM);
	assert_false(names_enter());
	assert_false(names_chroot("/jail"));
	assert_null(decide("/etc"));
	assert_string_equal(decide("/jail/m"), "/jail/m");
	has_memory = true;
	assert_int_equal(names_reserve(), 0);
	has_memory = false;
	assert_true(names_enter());
	assert_true(names_enter());
	has_memory = true;
	assert_true(names_chroot("/"));
}

static void
every_absolute_path_is_the_kernels_after_entering(void **state)
{
	unsigned rules = names_now()->ns_n;

	assert_false(names_entered());
	assert_true(names_enter());
	assert_true(names_entered());
	assert_string_equal(decide("/"), "/");
	assert_string_equal(decide("/etc/../x/"), "/etc/../x/");
	assert_string_equal(decide("//m/x"), "//m/x");
	assert_int_equal(names_now()->ns_n, rules + 1);
	assert_true(names_chroot("/"));
	assert_false(names_entered());
	assert_null(decide("/etc"));
	assert_string_equal(decide("/m/x"), "/m/x");
}

static void
who_has_asked_keeps_what_was_in_force(void **state)
{
	const struct namespace *before = names_now();

	assert_true(names_enter());
	assert_ptr_not_equal(names_now(), before);
	assert_false(before->ns_entered);
	assert_int_equal(before->ns_rules[0].nr_kind, NS_MOUNT);
	assert_true(names_chroot("/"));
}

static atomic_bool over;

/* Never anything between the rules before and those after a change. */
static void *
keep_deciding(void *arg)
{
	while (!atomic_load(&over)) {
		const char *a = decide("/jail/m/x");

		if (a != NULL && strcmp(a, "/jail/m/x") != 0)
			return "/jail/m/x";
		a = decide("/m/x");
		if (a == NULL ||
		    (strcmp(a, "/m/x") != 0 && strcmp(a, "/jail/m/x") != 0))
			return "/m/x";
	}
	return NULL;
}

static void
readers_meet_whole_name_spaces_alone(void **state)
{
	pthread_t readers[NREADERS];
	void *wrong;

	for (int i = 0; i < NREADERS; i++)
		assert_int_equal(
		    pthread_create(&readers[i], NULL, keep_deciding, NULL), 0);
	for (int i = 0; i < NCHANGES; i++) {
		assert_true(names_enter());
		assert_true(names_chroot("/"));
	}
	assert_true(names_chroot("/jail"));
	atomic_store(&over, true);
	for (int i = 0; i < NREADERS; i++) {
		assert_int_equal(pthread_join(readers[i], &wrong), 0);
		assert_null(wrong);
	}
	assert_string_equal(decide("/m/x"), "/jail/m/x");
	assert_null(decide("/jail/m/x"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_there_is_no_memory_for_is_not_done),
		cmocka_unit_test(
		    every_absolute_path_is_the_kernels_after_entering),
		cmocka_unit_test(who_has_asked_keeps_what_was_in_force),
		cmocka_unit_test(readers_meet_whole_name_spaces_alone),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
