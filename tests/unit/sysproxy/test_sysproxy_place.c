/* SPDX-License-Identifier: BSD-2-Clause */
/* When a worker keeps away from its client's processor, and when it comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sysproxy/server_place.h"

static struct place
prompt(void)
{
	struct place pl;

	place_init(&pl);
	pl.pl_prompt = PLACE_LOOK;
	return pl;
}

static void
look(struct place *pl, long running, unsigned ncpus)
{
	pl->pl_prompt = PLACE_LOOK;
	place_look(pl, running, ncpus);
}

static void
it_goes_when_looks_agree_that_there_is_room(void **state)
{
	struct place pl = prompt();

	for (int i = 0; i < PLACE_SURE; i++) {
		assert_false(pl.pl_spare);
		look(&pl, 2, 2);
	}
	assert_true(pl.pl_spare);
	assert_int_equal(pl.pl_calls, 0);
	assert_int_equal(pl.pl_prompt, 0);
}

static void
client_and_worker_are_no_crowd(void **state)
{
	struct place pl = prompt();

	for (int i = 0; i < PLACE_SURE; i++)
		look(&pl, 2, 2);
	look(&pl, 2, 2);
	assert_true(pl.pl_spare);
	look(&pl, 3, 2);
	assert_false(pl.pl_spare);
}

static void
one_look_without_room_begins_anew(void **state)
{
	struct place pl = prompt();

	look(&pl, 1, 2);
	look(&pl, 3, 2);
	for (int i = 0; i < PLACE_SURE; i++) {
		assert_false(pl.pl_spare);
		look(&pl, 1, 2);
	}
	assert_true(pl.pl_spare);
}

static void
calls_that_come_now_and_then_are_not_waited_for(void **state)
{
	struct place pl = prompt();

	for (int i = 0; i < PLACE_SURE; i++)
		look(&pl, 1, 8);
	assert_true(pl.pl_spare);
	pl.pl_prompt = PLACE_PROMPT - 1;
	place_look(&pl, 1, 8);
	assert_false(pl.pl_spare);
}

static void
nothing_is_spared_where_the_host_does_not_tell(void **state)
{
	struct place pl = prompt();

	for (int i = 0; i < 5 * PLACE_SURE; i++)
		look(&pl, -1, 64);
	assert_false(pl.pl_spare);
	/* One processor, and a client that is on its way. */
	for (int i = 0; i < 5 * PLACE_SURE; i++)
		look(&pl, 1, 1);
	assert_false(pl.pl_spare);
}

static void
it_comes_back_when_spinning_is_of_no_use(void **state)
{
	struct place pl = prompt();

	for (int i = 0; i < PLACE_SURE; i++)
		look(&pl, 1, 2);
	place_tired(&pl);
	assert_false(pl.pl_spare);
	look(&pl, 1, 2);
	assert_false(pl.pl_spare);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_goes_when_looks_agree_that_there_is_room),
		cmocka_unit_test(client_and_worker_are_no_crowd),
		cmocka_unit_test(one_look_without_room_begins_anew),
		cmocka_unit_test(
		    calls_that_come_now_and_then_are_not_waited_for),
		cmocka_unit_test(
		    nothing_is_spared_where_the_host_does_not_tell),
		cmocka_unit_test(it_comes_back_when_spinning_is_of_no_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
