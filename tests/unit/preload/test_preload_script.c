/* SPDX-License-Identifier: BSD-2-Clause */
#include "preload/script.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static char head[SCRIPT_HEAD + 1];
static char *interpreter, *argument;

static int
parse(const char *text)
{
	size_t n = strnlen(text, SCRIPT_HEAD);

	memset(head, 'Z', sizeof(head));
	memcpy(head, text, n);
	interpreter = argument = NULL;
	return script_parse(head, n, &interpreter, &argument);
}

static void
assert_line(const char *text, const char *first, const char *second)
{
	assert_int_equal(parse(text), 0);
	assert_string_equal(interpreter, first);
	if (second == NULL)
		assert_null(argument);
	else
		assert_string_equal(argument, second);
}

static void
an_interpreter_and_one_argument_are_found(void **state)
{
	assert_line("#!/bin/sh\nrest", "/bin/sh", NULL);
	assert_line("#! \t/bin/sh -e\n", "/bin/sh", "-e");
	assert_line("#!/bin/awk -f  a b \t\n", "/bin/awk", "-f  a b");
	assert_line("#!x \t \n", "x", NULL);
}

static void
a_line_may_end_with_the_file(void **state)
{
	assert_line("#!/bin/sh", "/bin/sh", NULL);
	assert_line("#!/bin/sh a", "/bin/sh", "a");
}

static void
a_line_without_an_interpreter_is_no_program(void **state)
{
	assert_int_equal(parse("#!"), ENOEXEC);
	assert_int_equal(parse("#!\n/bin/sh"), ENOEXEC);
	assert_int_equal(parse("#! \t \n"), ENOEXEC);
	assert_int_equal(parse("#! \t "), ENOEXEC);
}

static void
a_long_line_must_have_the_whole_interpreter(void **state)
{
	char text[2 * SCRIPT_HEAD];

	memset(text, 'x', sizeof(text));
	memcpy(text, "#!", 2);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(parse(text), ENOEXEC);
	text[10] = ' ';
	assert_int_equal(parse(text), 0);
	assert_int_equal(strlen(interpreter), 8);
	assert_int_equal(strlen(argument), SCRIPT_HEAD - 11);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_interpreter_and_one_argument_are_found),
		cmocka_unit_test(a_line_may_end_with_the_file),
		cmocka_unit_test(a_line_without_an_interpreter_is_no_program),
		cmocka_unit_test(a_long_line_must_have_the_whole_interpreter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
