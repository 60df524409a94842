/* SPDX-License-Identifier: BSD-2-Clause */
/* The option parser, row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/options.h"

#define MAXWORDS 8

struct good {
	const char *g_words[MAXWORDS]; /* behind the subcommand */
	int g_first;                   /* index of the first operand */
	enum option_id g_id;
	const char *g_value; /* its last value, NULL if not given */
};

static const struct good goods[] = {
	{ { "cat" }, 1, OPTION_CHECK, NULL },
	{ { "--check", "cat" }, 2, OPTION_CHECK, "" },
	{ { "--", "--check" }, 2, OPTION_CHECK, NULL },
	{ { "cat", "--check" }, 1, OPTION_CHECK, NULL },
	{ { "-", "--check" }, 1, OPTION_CHECK, NULL },
	{ { "--mount", "/a=nfs://h/e", "cat" }, 3, OPTION_MOUNT,
	    "/a=nfs://h/e" },
	{ { "--mount=/a=nfs://h/e", "cat" }, 2, OPTION_MOUNT, "/a=nfs://h/e" },
	{ { "--mount", "--check" }, 3, OPTION_MOUNT, "--check" },
	{ { "--mount=" }, 2, OPTION_MOUNT, "" },
	{ { "--hijack", "a", "--hijack=b" }, 4, OPTION_HIJACK, "b" },
	{ { "--trace", "fd" }, 2, OPTION_TRACE, "" },
	{ { "--trace=fd", "cat" }, 2, OPTION_TRACE, "fd" },
	{ { "-vq", "cat" }, 2, OPTION_QUIET, "" },
	{ { "-v", "--", "-q" }, 3, OPTION_QUIET, NULL },
	{ { NULL }, 1, OPTION_HELP, NULL },
};

static const struct bad {
	const char *b_words[MAXWORDS];
	const char *b_text;
} bads[] = {
	{ { "--mnt" }, "--mnt: no such option; did you mean --mount?" },
	{ { "--zzz=1" }, "--zzz: no such option; rumpkit --help lists them" },
	{ { "--server", "u" }, "--server: not there yet" },
	{ { "--check=1" }, "--check=1: takes no value" },
	{ { "--mount" }, "--mount: needs a value: --mount PATH=SOURCE" },
	{ { "-vx" }, "-x: no such option; only -h, -V, -v and -q are short" },
	{ { "--chec" }, "--chec: no such option; did you mean --check?" },
	{ { "--=x" }, "--: no such option; rumpkit --help lists them" },
};

static int
parse(struct options *op, const char *const *words)
{
	char *argv[MAXWORDS + 2] = { (char *)"run" };
	int argc = 1;

	for (; words[argc - 1] != NULL; argc++)
		argv[argc] = (char *)words[argc - 1];
	options_init(op, OPTIONS_RUN);
	return options_parse(op, argc, argv);
}

static void
options_end_at_the_first_operand_and_carry_their_values(void **state)
{
	const struct good *g;
	const char *value;
	struct options op;

	for (g = goods; g < goods + sizeof(goods) / sizeof(goods[0]); g++) {
		assert_int_equal(parse(&op, g->g_words), g->g_first);
		value = options_value(&op, g->g_id);
		if (g->g_value == NULL)
			assert_null(value);
		else
			assert_string_equal(value, g->g_value);
		options_fini(&op);
	}
}

static void
errors_name_the_token_and_the_cure(void **state)
{
	const struct bad *b;
	struct options op;

	for (b = bads; b < bads + sizeof(bads) / sizeof(bads[0]); b++) {
		assert_int_equal(parse(&op, b->b_words), -1);
		assert_string_equal(op.op_error, b->b_text);
		options_fini(&op);
	}
}

static void
a_repeatable_option_keeps_its_order(void **state)
{
	const char *const words[MAXWORDS] = { "--mount=a", "--mount", "b" };
	struct options op;

	assert_int_equal(parse(&op, words), 4);
	assert_int_equal(op.op_values[OPTION_MOUNT].ov_count, 2);
	assert_string_equal(op.op_values[OPTION_MOUNT].ov_value[0], "a");
	assert_string_equal(op.op_values[OPTION_MOUNT].ov_value[1], "b");
	options_fini(&op);
}

static void
an_option_of_another_subcommand_is_unknown(void **state)
{
	char *argv[] = { (char *)"doctor", (char *)"--mount=x", NULL };
	struct options op;

	options_init(&op, OPTIONS_COMMON);
	assert_int_equal(options_parse(&op, 2, argv), -1);
	options_fini(&op);
}

static const char *const *variables; /* name, value, ..., NULL */

static char *
getvar(const char *name)
{
	const char *const *v;

	for (v = variables; *v != NULL; v += 2) {
		if (strcmp(v[0], name) == 0)
			return (char *)v[1];
	}
	return NULL;
}

static void
the_environment_fills_in_what_is_missing(void **state)
{
	const char *const words[MAXWORDS] = { "--hijack=line" };
	const char *const vars[] = { "RUMPKIT_HIJACK", "variable",
		"RUMPKIT_MOUNT", "one\n\ntwo\n", "RUMPKIT_SUMMARY", "1",
		"RUMPKIT_CHECK", "0", "RUMPKIT_QUIET", "", "RUMPKIT_LOG_FILE",
		"log", "RUMPKIT_TRACE", "1", "RUMPKIT_HELP", "1", NULL };
	struct options op;

	variables = vars;
	assert_int_equal(parse(&op, words), 2);
	assert_int_equal(options_environ(&op, getvar), 0);
	assert_string_equal(options_value(&op, OPTION_HIJACK), "line");
	assert_int_equal(op.op_values[OPTION_MOUNT].ov_count, 2);
	assert_string_equal(op.op_values[OPTION_MOUNT].ov_value[0], "one");
	assert_string_equal(op.op_values[OPTION_MOUNT].ov_value[1], "two");
	assert_true(options_flag(&op, OPTION_SUMMARY));
	assert_false(options_flag(&op, OPTION_CHECK));
	assert_false(options_flag(&op, OPTION_QUIET));
	assert_string_equal(options_value(&op, OPTION_LOG_FILE), "log");
	assert_string_equal(options_value(&op, OPTION_TRACE), "");
	assert_false(options_flag(&op, OPTION_HELP));
	options_fini(&op);
}

static void
a_flag_variable_must_be_one_or_zero(void **state)
{
	const char *const words[MAXWORDS] = { NULL };
	const char *const vars[] = { "RUMPKIT_IN_PROCESS", "maybe", NULL };
	struct options op;

	variables = vars;
	assert_int_equal(parse(&op, words), 1);
	assert_int_equal(options_environ(&op, getvar), -1);
	assert_string_equal(
	    op.op_error, "RUMPKIT_IN_PROCESS=maybe: must be 1 or 0");
	options_fini(&op);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    options_end_at_the_first_operand_and_carry_their_values),
		cmocka_unit_test(errors_name_the_token_and_the_cure),
		cmocka_unit_test(a_repeatable_option_keeps_its_order),
		cmocka_unit_test(an_option_of_another_subcommand_is_unknown),
		cmocka_unit_test(the_environment_fills_in_what_is_missing),
		cmocka_unit_test(a_flag_variable_must_be_one_or_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
