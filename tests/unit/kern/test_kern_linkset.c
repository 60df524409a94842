/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/kern/kern_test.h"

#include <stdlib.h>

#include "rump/rumphost.h"

extern char rumptest_trail[];

static void
components_and_modules_in_link_sets_are_found_once(void **state)
{
	assert_string_equal(rumptest_trail, "");
	assert_int_equal(rump_init(), 0);
	assert_string_equal(rumptest_trail, "21m");
}

/* With RUMP_VERBOSE the boot has found the symbols itself. */
static void
a_verbose_boot_knows_the_symbols(void **state)
{
	static char names[1];

	assert_int_equal(
	    rump_pub_kernelfsym_load(names, 0, names, 1), RUMP_EBUSY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    components_and_modules_in_link_sets_are_found_once),
		cmocka_unit_test(a_verbose_boot_knows_the_symbols),
	};

	setenv("RUMP_VERBOSE", "1", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
