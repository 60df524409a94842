/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "tests/unit/kern/kern_test.h"

#include "kern/libkern.h"

/* Both printfs agree on text and length. */
#define SAME(...)                                                              \
	do {                                                                   \
		char ours[128], theirs[128];                                   \
		int n = ksnprintf(ours, sizeof(ours), __VA_ARGS__);            \
		assert_int_equal(                                              \
		    n, snprintf(theirs, sizeof(theirs), __VA_ARGS__));         \
		assert_string_equal(ours, theirs);                             \
	} while (0)

static void
conversions_print_what_the_c_library_prints(void **state)
{
	SAME("plain %% text");
	SAME("%d %d %d", 0, -1, INT32_MIN);
	SAME("%i|%5d|%-5d|%05d|%05d", 7, 42, 42, 42, -42);
	SAME("%u %x %08x %-8x|", 4000000000u, 0xdeadbeefu, 0xbeefu, 0xbeefu);
	SAME("%hd %hhd %hu %hhu", (short)-7, (signed char)-8,
	    (unsigned short)65535, (unsigned char)255);
	SAME("%ld %lu %lx", INT64_MIN, UINT64_MAX, UINT64_MAX);
	SAME("%lld %zu %jd", -5LL, (size_t)9, (intmax_t)-9);
	SAME("%s|%10s|%-10s|%.2s|%5.1s", "abc", "abc", "abc", "abc", "abc");
	SAME("%c%c", 'x', 'y');
	SAME("%p", (void *)0x1234);
}

static void
a_short_buffer_is_terminated_and_the_whole_length_returned(void **state)
{
	char buf[4] = "zzz";

	assert_int_equal(ksnprintf(buf, sizeof(buf), "%s", "abcdef"), 6);
	assert_string_equal(buf, "abc");
	assert_int_equal(ksnprintf(buf, 1, "%d", 123), 3);
	assert_string_equal(buf, "");
	assert_int_equal(ksnprintf(NULL, 0, "%d", 123), 3);
}

static void
null_strings_and_unknown_conversions_do_no_harm(void **state)
{
	char buf[32];
	const char *volatile odd = "%y|%s|%";

	/* Not a literal: the compiler would rightly complain. */
	ksnprintf(buf, sizeof(buf), odd, (char *)NULL);
	assert_string_equal(buf, "y|(null)|");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conversions_print_what_the_c_library_prints),
		cmocka_unit_test(
		    a_short_buffer_is_terminated_and_the_whole_length_returned),
		cmocka_unit_test(
		    null_strings_and_unknown_conversions_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
