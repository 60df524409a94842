/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "tests/unit/vfs/vfs_test.h"

#include "vfs/param.h"

static void
numbers_and_suffixes_are_understood(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		uint64_t value;
	} cases[] = {
		{ "0", true, 0 },
		{ "17", true, 17 },
		{ "4k", true, 4096 },
		{ "4K", true, 4096 },
		{ "3m", true, 3 << 20 },
		{ "2G", true, UINT64_C(2) << 30 },
		{ "1t", true, UINT64_C(1) << 40 },
		{ "18446744073709551615", true, UINT64_MAX },
		{ "18446744073709551616", false, 0 },
		{ "99999999999g", false, 0 },
		{ "", false, 0 },
		{ "k", false, 0 },
		{ "1kk", false, 0 },
		{ "-1", false, 0 },
		{ "1 ", false, 0 },
		{ "0x10", false, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t value = 99;

		assert_int_equal(
		    param_parse(cases[i].text, &value), cases[i].ok);
		assert_int_equal(value, cases[i].ok ? cases[i].value : 99);
	}
}

static void
values_are_brought_into_their_range(void **state)
{
	assert_int_equal(param_get("RUMP_NO_SUCH", 7, 0, 10), 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_and_suffixes_are_understood),
		cmocka_unit_test(values_are_brought_into_their_range),
	};

	return cmocka_run_group_tests(tests, boot_and_enter_kernel, NULL);
}
