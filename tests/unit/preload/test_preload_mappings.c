/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of mapped rump files beside one entry for each page.  The kernel
 * counts the references to the one map that all of them show.
 */
#include "preload/mappings.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "preload/backend.h"
#include "preload/call.h"
#include "preload/engine/engine.h"
#include "preload/fdmap.h"
#include "preload/kernel.h"
#include "preload/windows.h"

#define PAGE 4096UL
#define NPAGES 600
#define STEPS 20000
#define FORKS 200

static long
raw_call(long nr, long a, long b, long c, long d, long e, long f)
{
	long r = syscall(nr, a, b, c, d, e, f);

	return r < 0 ? -errno : r;
}

long (*host_call)(long, long, long, long, long, long, long) = raw_call;

struct kernel kernel;
bool engine_fill_first;

static int handles[2]; /* two maps, by their number of references */
static atomic_uint births;

bool
backend_reachable(void)
{
	return true;
}

unsigned
fdmap_births(void)
{
	return births;
}

void
windows_forget(uintptr_t start, uintptr_t end)
{
	assert_true(start < end);
}

static void
count_ref(void *handle)
{
	++*(int *)handle;
}

static void
count_destroy(void *handle)
{
	--*(int *)handle;
}

static struct mapping
pages(unsigned first, unsigned n, void *handle)
{
	return (struct mapping){
		.m_start = (first + 1) * PAGE,
		.m_end = (first + 1 + n) * PAGE,
		.m_handle = handle,
		.m_off = (int64_t)(first * PAGE),
	};
}

static void
enter(unsigned first, unsigned n, void *handle)
{
	struct mapping m = pages(first, n, handle);

	count_ref(handle);
	assert_true(mappings_replace(&m));
}

static int
clear(void **state)
{
	(void)state;
	kernel.k_map_ref = count_ref;
	kernel.k_map_destroy = count_destroy;
	mappings_remove(0, UINTPTR_MAX);
	assert_int_equal(mappings_n, 0);
	assert_int_equal(handles[0], 0);
	assert_int_equal(handles[1], 0);
	births = 0;
	return 0;
}

/* How many mappings there are, each in order, with its own offset. */
static unsigned
walk(uintptr_t *covered)
{
	const struct mapping *m;
	uintptr_t from = 0;
	unsigned n = 0;

	*covered = 0;
	for (; (m = mappings_next_locked(from)) != NULL; from = m->m_end, n++) {
		if (m->m_start < from || m->m_end <= m->m_start ||
		    m->m_off != (int64_t)(m->m_start - PAGE))
			return 0;
		*covered += m->m_end - m->m_start;
	}
	return n;
}

static void
compare(void *const model[NPAGES])
{
	for (unsigned i = 0; i < NPAGES; i++) {
		const struct mapping *m = mappings_find_locked((i + 1) * PAGE);

		assert_ptr_equal(m == NULL ? NULL : m->m_handle, model[i]);
	}
}

/* One change of random pages of table and model. */
static void
change(void *model[NPAGES])
{
	unsigned first = (unsigned)random() % NPAGES;
	unsigned n = 1 + (unsigned)random() % 20;
	uintptr_t start = (first + 1) * PAGE, end;
	void *handle = &handles[random() % 2];

	if (n > NPAGES - first)
		n = NPAGES - first;
	end = start + n * PAGE;
	switch (random() % 5) {
	case 0:
		assert_true(mappings_split_locked(start));
		return;
	case 1:
		mappings_join_locked(start, end);
		return;
	case 2:
		mappings_remove(start, end);
		handle = NULL;
		break;
	default:
		enter(first, n, handle);
		break;
	}
	for (unsigned i = first; i < first + n; i++)
		model[i] = handle;
}

static void
any_sequence_of_changes_leaves_what_a_table_of_pages_has(void **state)
{
	void *model[NPAGES] = { NULL };
	uintptr_t covered;

	(void)state;
	srandom(1);
	for (unsigned i = 0; i < STEPS; i++) {
		change(model);
		if (i % 50 == 0)
			compare(model);
	}
	compare(model);
	assert_int_equal(walk(&covered), mappings_n);
	assert_int_equal(handles[0] + handles[1], mappings_n);
}

static void
one_handle_is_taken_out_from_among_others(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 10; i++)
		enter(i, 1, &handles[i % 2]);
	mappings_remove_handle(PAGE + 1, 8 * PAGE, &handles[1]);
	assert_int_equal(handles[1], 2);
	/* The first was cut in two. */
	assert_int_equal(handles[0], 6);
	assert_null(mappings_find_locked(3 * PAGE - 1));
	assert_non_null(mappings_find_locked(3 * PAGE));
}

static void
what_was_mapped_after_the_fork_is_forgotten_in_the_child(void **state)
{
	uintptr_t covered;

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		births = 1 + i % 2;
		enter(i, 1, &handles[0]);
	}
	mappings_forked(2);
	assert_int_equal(walk(&covered), 20);
	assert_int_equal(mappings_n, 20);
	assert_null(mappings_find_locked(2 * PAGE));
	assert_non_null(mappings_find_locked(PAGE));
	handles[0] -= 20;
	mappings_forked(0);
	assert_int_equal(walk(&covered), 20);
}

static void *
split_and_join(void *stop)
{
	unsigned seed = 1;

	while (!atomic_load((atomic_bool *)stop)) {
		uintptr_t at = (1 + (unsigned)rand_r(&seed) % NPAGES) * PAGE;

		mappings_lock();
		if (rand_r(&seed) % 3 != 0)
			(void)mappings_split_locked(at);
		else
			mappings_join_locked(at, at + 9 * PAGE);
		mappings_unlock();
	}
	return NULL;
}

/* All is covered, at every moment. */
static void
a_child_has_the_table_as_it_was_before_or_after_a_change(void **state)
{
	atomic_bool stop = false;
	pthread_t thread;
	int status = 0;

	(void)state;
	enter(0, NPAGES, &handles[0]);
	assert_int_equal(
	    pthread_create(&thread, NULL, split_and_join, &stop), 0);
	for (unsigned i = 0; i < FORKS && status == 0; i++) {
		pid_t child = fork();

		if (child == 0) {
			uintptr_t covered;

			mappings_forked(0);
			(void)walk(&covered);
			_exit(covered == NPAGES * PAGE ? 0 : 1);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	assert_int_equal(status, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    any_sequence_of_changes_leaves_what_a_table_of_pages_has,
		    clear, clear),
		cmocka_unit_test_setup_teardown(
		    one_handle_is_taken_out_from_among_others, clear, clear),
		cmocka_unit_test_setup_teardown(
		    what_was_mapped_after_the_fork_is_forgotten_in_the_child,
		    clear, clear),
		cmocka_unit_test_setup_teardown(
		    a_child_has_the_table_as_it_was_before_or_after_a_change,
		    clear, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
