/* SPDX-License-Identifier: BSD-2-Clause */
#include "preload/searchpath.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct searchpath_tokens tokens = { "/data/bin", "lib64" };

/* The directories of a list, each with a bar behind it. */
static const char *
all(const char *list, const char *ends, const struct searchpath_tokens *st)
{
	static char out[256];
	char dir[64];

	out[0] = '\0';
	while (searchpath_next(&list, ends, st, dir, sizeof(dir))) {
		strcat(out, dir);
		strcat(out, "|");
	}
	return out;
}

static void
directories_are_told_apart(void **state)
{
	assert_string_equal(all("/a:/b/c:d", ":", &tokens), "/a|/b/c|d|");
	assert_string_equal(all("/a;/b:/c", ":;", &tokens), "/a|/b|/c|");
	assert_string_equal(all("/a;/b:/c", ":", &tokens), "/a;/b|/c|");
}

static void
an_empty_directory_stays_empty(void **state)
{
	assert_string_equal(all(":/a::", ":", &tokens), "|/a|||");
	assert_string_equal(all("", ":", &tokens), "|");
	assert_string_equal(all(NULL, ":", &tokens), "");
}

static void
tokens_are_replaced(void **state)
{
	assert_string_equal(
	    all("$ORIGIN:${ORIGIN}/../$LIB:$PLATFORM", ":", &tokens),
	    "/data/bin|/data/bin/../lib64|x86_64|");
	assert_string_equal(all("/a/$ORIGINS", ":", &tokens), "/a//data/binS|");
}

static void
other_dollars_stay(void **state)
{
	assert_string_equal(all("$:$$LIB:${LIB:$OTHER:${ORIGIN", ":", &tokens),
	    "$|$lib64|${LIB|$OTHER|${ORIGIN|");
}

static void
what_cannot_be_known_is_left_out(void **state)
{
	const struct searchpath_tokens none = { NULL, NULL };

	assert_string_equal(all("$ORIGIN/a:/b:x$LIB:/c", ":", &none), "/b|/c|");
}

static void
what_has_no_room_is_left_out(void **state)
{
	char list[256];

	memset(list, 'x', sizeof(list));
	strcpy(list + 100, ":/b");
	assert_string_equal(all(list, ":", &tokens), "/b|");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(directories_are_told_apart),
		cmocka_unit_test(an_empty_directory_stays_empty),
		cmocka_unit_test(tokens_are_replaced),
		cmocka_unit_test(other_dollars_stay),
		cmocka_unit_test(what_cannot_be_known_is_left_out),
		cmocka_unit_test(what_has_no_room_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
