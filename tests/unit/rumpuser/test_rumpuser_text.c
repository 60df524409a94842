/* SPDX-License-Identifier: BSD-2-Clause */
/* The formatter against snprintf(3), which is its specification. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "rumpuser/text.h"

#define SAME(...)                                                              \
	do {                                                                   \
		char ours[200], theirs[200];                                   \
		size_t n = text_format(ours, sizeof(ours), __VA_ARGS__);       \
		assert_int_equal(                                              \
		    n, snprintf(theirs, sizeof(theirs), __VA_ARGS__));         \
		assert_string_equal(ours, theirs);                             \
	} while (0)

static void
integers_of_all_lengths(void **state)
{
	SAME("%d %i %u", INT_MIN, INT_MAX, UINT_MAX);
	SAME("%ld %lu", LONG_MIN, ULONG_MAX);
	SAME("%lld %llu", LLONG_MIN, ULLONG_MAX);
	SAME("%zu %zd %td %jd", SIZE_MAX, (ssize_t)-1, (ptrdiff_t)-2,
	    (intmax_t)-3);
	SAME("%hd %hu %hhd %hhu", (short)-1, (unsigned short)-1,
	    (signed char)-1, (unsigned char)-1);
	SAME("%x %X %o", 0xdeadbeef, 0xdeadbeef, 0755);
	SAME("%lx %d", ULONG_MAX, 0);
}

static void
flags_width_and_precision(void **state)
{
	static const int values[] = { 0, 1, -1, 42, -4711, INT_MIN };
	size_t i;
	int v;

	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		v = values[i];
		SAME("[%5d] [%-5d] [%05d] [%+d] [% d]", v, v, v, v, v);
		SAME("[%.3d] [%8.3d] [%-8.3d] [%+08d]", v, v, v, v);
		SAME("[%#x] [%#10x] [%#o] [%010x] [%.0d]", v, v, v, v, v);
		SAME("[%*d] [%-*d] [%.*d]", 7, v, 7, v, 4, v);
		SAME("[%*d] [%.*d]", -7, v, -4, v);
	}
}

static void
strings_and_characters(void **state)
{
	SAME("[%s] [%10s] [%-10s] [%.2s]", "abc", "abc", "abc", "abc");
	SAME("[%c] [%3c] [%-3c] %%", 'x', 'y', 'z');
	/* Not terminated, but limited. */
	SAME("%.*s", 2, (char[]){ 'a', 'b' });
}

static void
pointers(void **state)
{
	char text[32];

	SAME("%p", (void *)0x1234);
	assert_int_equal(text_format(text, sizeof(text), "%p", NULL), 3);
	assert_string_equal(text, "0x0");
}

static void
a_null_string_and_unknown_conversions_do_no_harm(void **state)
{
	const char *volatile bad = "%y %5w 100%";
	const char *volatile null = NULL;
	char text[32];

	text_format(text, sizeof(text), "%s", null);
	assert_string_equal(text, "(null)");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
	text_format(text, sizeof(text), bad);
#pragma GCC diagnostic pop
	assert_string_equal(text, "%y %5w 100%");
}

static void
output_is_cut_at_the_size_and_counted_beyond(void **state)
{
	char text[8];

	memset(text, 'x', sizeof(text));
	assert_int_equal(text_format(text, 4, "%d", 1234567), 7);
	assert_memory_equal(text, "123\0xxxx", 8);
	assert_int_equal(text_format(text, 0, "%s", "abc"), 3);
	assert_memory_equal(text, "123\0xxxx", 8);
	assert_int_equal(text_format(text, sizeof(text), "%100d", 1), 100);
}

static void
predicates(void **state)
{
	assert_int_equal(text_length("abc"), 3);
	assert_true(text_equal("", ""));
	assert_false(text_equal("a", "ab"));
	assert_false(text_equal("ab", "a"));
	assert_true(text_has_prefix("abc", "ab"));
	assert_false(text_has_prefix("ab", "abc"));
	assert_true(text_contains("/usr/lib/librump.so", "librump"));
	assert_true(text_contains("abc", ""));
	assert_false(text_contains("libru", "librump"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_of_all_lengths),
		cmocka_unit_test(flags_width_and_precision),
		cmocka_unit_test(strings_and_characters),
		cmocka_unit_test(pointers),
		cmocka_unit_test(
		    a_null_string_and_unknown_conversions_do_no_harm),
		cmocka_unit_test(output_is_cut_at_the_size_and_counted_beyond),
		cmocka_unit_test(predicates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
