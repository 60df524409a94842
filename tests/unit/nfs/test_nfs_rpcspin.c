/* SPDX-License-Identifier: BSD-2-Clause */
/* When a thread looks for a reply before it sleeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nfs/rpcspin.h"

/* Looks within n waits, all of which end like that. */
static unsigned
looks(struct rpcspin *rs, unsigned n, enum rpcspin_end end)
{
	unsigned made = 0;

	for (unsigned i = 0; i < n; i++) {
		if (!rpcspin_due(rs))
			continue;
		rpcspin_note(rs, end);
		made++;
	}
	return made;
}

static void
every_wait_for_a_quick_server_begins_with_a_look(void **state)
{
	struct rpcspin rs = { 0 };

	assert_int_equal(looks(&rs, 1000, RPCSPIN_CAME), 1000);
}

static void
a_slow_server_is_rarely_looked_for(void **state)
{
	struct rpcspin rs = { 0 };

	assert_in_range(looks(&rs, 256, RPCSPIN_VAIN), 1, 9);
	assert_int_equal(looks(&rs, 256 * 100, RPCSPIN_VAIN), 100);
}

static void
a_server_that_has_become_quick_is_noticed(void **state)
{
	struct rpcspin rs = { 0 };

	(void)looks(&rs, 10000, RPCSPIN_VAIN);
	assert_true(looks(&rs, RPCSPIN_REST + 100, RPCSPIN_CAME) >= 100);
}

static void
a_late_reply_now_and_then_costs_few_looks(void **state)
{
	struct rpcspin rs = { 0 };
	unsigned made = 0;

	for (int i = 0; i < 100; i++) {
		made += looks(&rs, 1, RPCSPIN_VAIN);
		made += looks(&rs, 19, RPCSPIN_CAME);
	}
	assert_true(made >= 1800);
}

static void
others_get_the_processor_at_once(void **state)
{
	struct rpcspin rs = { 0 };

	(void)looks(&rs, 1000, RPCSPIN_CAME);
	assert_int_equal(looks(&rs, 256 * 100, RPCSPIN_SHARED), 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    every_wait_for_a_quick_server_begins_with_a_look),
		cmocka_unit_test(a_slow_server_is_rarely_looked_for),
		cmocka_unit_test(a_server_that_has_become_quick_is_noticed),
		cmocka_unit_test(others_get_the_processor_at_once),
		cmocka_unit_test(a_late_reply_now_and_then_costs_few_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
