/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdatomic.h>
#include <stdbool.h>

#include "tests/unit/kern/kern_test.h"

#include "kern/callout.h"
#include "kern/clock.h"
#include "kern/kmem.h"
#include "kern/lwp.h"

#define MS 1000000

static _Atomic unsigned order, started, fired;

static void
note(void *arg)
{
	unsigned n = atomic_fetch_add(&started, 1);

	atomic_fetch_or(&order, (unsigned)(uintptr_t)arg << (4 * n));
	atomic_fetch_add(&fired, 1);
}

static void
start_over(void)
{
	atomic_store(&order, 0);
	atomic_store(&started, 0);
	atomic_store(&fired, 0);
}

static _Atomic bool at_gate, gate_open;

static void
wait_at_gate(void *arg)
{
	atomic_store(&at_gate, true);
	AWAIT(atomic_load(&gate_open));
}

/* Until the gate is opened nothing fires. */
static void
close_gate(struct callout *gate)
{
	atomic_store(&gate_open, false);
	atomic_store(&at_gate, false);
	callout_init(gate, wait_at_gate, NULL);
	callout_schedule(gate, 0);
	AWAIT(at_gate);
}

/* What order will be; somebody may have slept between two of them. */
static unsigned
expected_order(const struct callout *c)
{
	unsigned expect = 0;

	for (unsigned i = 0; i < 3; i++) {
		unsigned before = 0;

		for (unsigned j = 0; j < 3; j++)
			before += c[j].c_deadline_ns < c[i].c_deadline_ns;
		expect |= (i + 1) << (4 * before);
	}
	return expect;
}

static void
callouts_fire_in_order_of_their_deadlines(void **state)
{
	struct callout c[3], gate;
	int64_t start = uptime_ns();
	unsigned expect;

	close_gate(&gate);
	for (uintptr_t i = 0; i < 3; i++)
		callout_init(&c[i], note, (void *)(i + 1));
	callout_schedule(&c[0], 9 * MS);
	callout_schedule(&c[1], 3 * MS);
	callout_schedule(&c[2], 6 * MS);
	expect = expected_order(c);
	atomic_store(&gate_open, true);
	AWAIT(fired == 3);
	assert_true(uptime_ns() - start >= 9 * MS);
	assert_int_equal(order, expect);
	for (int i = 0; i < 3; i++)
		assert_false(callout_halt(&c[i]));
	(void)callout_halt(&gate);
}

static void
a_halted_callout_does_not_fire(void **state)
{
	struct callout c, after, gate;

	start_over();
	close_gate(&gate);
	callout_init(&c, note, (void *)1);
	callout_init(&after, note, (void *)2);
	callout_schedule(&c, 2 * MS);
	assert_true(callout_halt(&c));
	callout_schedule(&after, 3 * MS);
	atomic_store(&gate_open, true);
	AWAIT(fired == 1);
	(void)callout_halt(&after);
	(void)callout_halt(&gate);
	assert_int_equal(order, 2);
}

static void
scheduling_again_moves_the_deadline(void **state)
{
	struct callout c;
	int64_t start = uptime_ns();

	start_over();
	callout_init(&c, note, NULL);
	callout_schedule(&c, (int64_t)3600 * 1000 * MS);
	callout_schedule(&c, 2 * MS);
	AWAIT(fired == 1);
	assert_true(uptime_ns() - start < (int64_t)60 * 1000 * MS);
	callout_schedule(&c, INT64_MAX);
	assert_true(callout_halt(&c));
}

static struct callout again;
static _Atomic int rounds;

static void
rearm(void *arg)
{
	if (atomic_fetch_add(&rounds, 1) < 4)
		callout_schedule(&again, MS / 10);
	else
		(void)callout_halt(&again);
}

static void
a_function_may_rearm_and_halt_its_own_callout(void **state)
{
	callout_init(&again, rearm, NULL);
	callout_schedule(&again, 0);
	AWAIT(rounds == 5);
	(void)callout_halt(&again);
	assert_int_equal(rounds, 5);
}

static void
free_myself(void *arg)
{
	kmem_free(arg, sizeof(struct callout));
	atomic_fetch_add(&fired, 1);
}

static void
a_function_may_free_its_own_callout(void **state)
{
	struct callout *c = kmem_alloc(sizeof(*c), KM_SLEEP);

	atomic_store(&fired, 0);
	callout_init(c, free_myself, c);
	callout_schedule(c, 0);
	AWAIT(fired == 1);
}

static _Atomic bool running, let_go;
static bool finished; /* ordered by callout_halt() */

static void
take_long(void *arg)
{
	atomic_store(&running, true);
	AWAIT(atomic_load(&let_go));
	finished = true;
}

static void *
let_it_go(void *arg)
{
	atomic_store(&let_go, true);
	return NULL;
}

static void
halting_waits_for_a_running_function(void **state)
{
	struct callout c;
	pthread_t t;

	callout_init(&c, take_long, NULL);
	callout_schedule(&c, 0);
	AWAIT(running);
	t = spawn(let_it_go, NULL);
	assert_false(callout_halt(&c));
	assert_true(finished);
	join(t);
}

static struct callout stubborn;
static _Atomic bool halting;

/* Unordered on purpose: callout_lock is not ours to take. */
static __attribute__((__no_sanitize__("thread"))) bool
is_armed(const struct callout *c)
{
	return *(struct list *const volatile *)&c->c_list.next != &c->c_list;
}

static void
rearm_while_halted(void *arg)
{
	callout_schedule(&stubborn, (int64_t)3600 * 1000 * MS);
	atomic_store(&halting, true);
	/* callout_halt() disarms, then waits for us. */
	AWAIT(!is_armed(&stubborn));
	callout_schedule(&stubborn, (int64_t)3600 * 1000 * MS);
}

static void
a_function_that_rearms_does_not_survive_a_halt(void **state)
{
	callout_init(&stubborn, rearm_while_halted, NULL);
	callout_schedule(&stubborn, 0);
	AWAIT(halting);
	assert_true(callout_halt(&stubborn));
	assert_false(callout_halt(&stubborn));
}

static void
the_thread_goes_when_there_is_nothing_to_do_and_comes_back(void **state)
{
	struct callout c;

	assert_true(kthread_count() <= 1);
	AWAIT(kthread_count() == 0);
	start_over();
	callout_init(&c, note, NULL);
	callout_schedule(&c, 0);
	AWAIT(fired == 1);
	(void)callout_halt(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(callouts_fire_in_order_of_their_deadlines),
		cmocka_unit_test(a_halted_callout_does_not_fire),
		cmocka_unit_test(scheduling_again_moves_the_deadline),
		cmocka_unit_test(a_function_may_rearm_and_halt_its_own_callout),
		cmocka_unit_test(a_function_may_free_its_own_callout),
		cmocka_unit_test(halting_waits_for_a_running_function),
		cmocka_unit_test(
		    a_function_that_rearms_does_not_survive_a_halt),
		cmocka_unit_test(
		    the_thread_goes_when_there_is_nothing_to_do_and_comes_back),
	};

	return cmocka_run_group_tests(tests, boot_kernel, NULL);
}
