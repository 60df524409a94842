/* SPDX-License-Identifier: BSD-2-Clause */
/* When a thread looks for a reply before it sleeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nfs/rpcspin.h"

/* Looks within n waits, all of which come, or do not come, in time. */
static unsigned
looks(struct rpcspin *rs, unsigned n, bool come)
{
	unsigned made = 0;

	for (unsigned i = 0; i < n; i++) {
		if (!rpcspin_due(rs))
			continue;
		rpcspin_note(rs, come);
		made++;
	}
	return made;
}

static void
every_wait_for_a_quick_server_begins_with_a_look(void **state)
{
	struct rpcspin rs = { 0 };

	assert_int_equal(looks(&rs, 1000, true), 1000);
}

static void
a_slow_server_is_rarely_looked_for(void **state)
{
	struct rpcspin rs = { 0 };

	assert_in_range(looks(&rs, 256, false), 1, 9);
	assert_int_equal(looks(&rs, 256 * 100, false), 100);
}

static void
a_server_that_has_become_quick_is_noticed(void **state)
{
	struct rpcspin rs = { 0 };

	(void)looks(&rs, 10000, false);
	assert_true(looks(&rs, RPCSPIN_REST + 100, true) >= 100);
}

static void
a_late_reply_now_and_then_costs_few_looks(void **state)
{
	struct rpcspin rs = { 0 };
	unsigned made = 0;

	for (int i = 0; i < 100; i++) {
		made += looks(&rs, 1, false);
		made += looks(&rs, 19, true);
	}
	assert_true(made >= 1800);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    every_wait_for_a_quick_server_begins_with_a_look),
		cmocka_unit_test(a_slow_server_is_rarely_looked_for),
		cmocka_unit_test(a_server_that_has_become_quick_is_noticed),
		cmocka_unit_test(a_late_reply_now_and_then_costs_few_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
