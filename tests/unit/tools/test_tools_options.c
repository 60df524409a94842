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
	{ { "--server" }, "--server: needs a value: --server URL" },
	{ { "--foreground" },
	    "--foreground: no such option; rumpkit --help lists them" },
	{ { "--check=1" }, "--check=1: takes no value" },
	{ { "--mount" }, "--mount: needs a value: --mount PATH=SOURCE" },
	{ { "-vx" }, "-x: no such option; the short ones are v q h V" },
	{ { "-s" }, "-s: no such option; the short ones are v q h V" },
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

static int
parse_server(struct options *op, const char *const *words)
{
	char *argv[MAXWORDS + 2] = { (char *)"server" };
	int argc = 1;

	for (; words[argc - 1] != NULL; argc++)
		argv[argc] = (char *)words[argc - 1];
	options_init(op, OPTIONS_SERVER);
	return options_parse(op, argc, argv);
}

static void
letters_take_values_behind_them_or_as_the_next_word(void **state)
{
	const char *const words[MAXWORDS] = { "-svc", "3", "-lrumpvfs", "-l",
		"rumpnet", "-r64m", "unix://x" };
	struct options op;

	assert_int_equal(parse_server(&op, words), 7);
	assert_true(options_flag(&op, OPTION_FOREGROUND));
	assert_true(options_flag(&op, OPTION_VERBOSE));
	assert_string_equal(options_value(&op, OPTION_NCPU), "3");
	assert_string_equal(options_value(&op, OPTION_MEMORY), "64m");
	assert_int_equal(op.op_values[OPTION_LIBRARY].ov_count, 2);
	assert_string_equal(
	    op.op_values[OPTION_LIBRARY].ov_value[0], "rumpvfs");
	assert_string_equal(
	    op.op_values[OPTION_LIBRARY].ov_value[1], "rumpnet");
	options_fini(&op);
}

static void
a_letter_without_its_value_is_an_error(void **state)
{
	const char *const words[MAXWORDS] = { "-sc" };
	struct options op;

	assert_int_equal(parse_server(&op, words), -1);
	assert_string_equal(op.op_error, "-c: needs a value: -c NUMBER");
	options_fini(&op);
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

/* What "run --hijack=line" makes of the file and of the variables. */
static int
take_file(struct options *op, const char *text, const char *const *vars)
{
	const char *const words[MAXWORDS] = { "--hijack=line" };

	variables = vars;
	assert_int_equal(parse(op, words), 2);
	assert_int_equal(options_environ(op, getvar), 0);
	return options_file(op, "f", strdup(text));
}

static const char *const no_variables[] = { NULL };

static void
a_file_fills_in_what_is_still_missing(void **state)
{
	const char *const vars[] = { "RUMPKIT_SUMMARY", "0", "RUMPKIT_LOG_FILE",
		"variable", NULL };
	struct options op;

	assert_int_equal(take_file(&op,
			     "# comment\n\n  # another\n"
			     "hijack file\nsummary\nlog-file = file\n"
			     "mount /a=nfs://h/e?x=y#z\n"
			     "\tmount=/b = c=nfs://h/f \t\r\n"
			     "check 1\nquiet = 0\ntrace fd,path\nnet\tsockin",
			     vars),
	    0);
	assert_string_equal(options_value(&op, OPTION_HIJACK), "line");
	assert_string_equal(options_value(&op, OPTION_LOG_FILE), "variable");
	assert_false(options_flag(&op, OPTION_SUMMARY));
	assert_true(options_flag(&op, OPTION_CHECK));
	assert_false(options_flag(&op, OPTION_QUIET));
	assert_string_equal(options_value(&op, OPTION_TRACE), "fd,path");
	assert_string_equal(options_value(&op, OPTION_NET), "sockin");
	assert_int_equal(op.op_values[OPTION_MOUNT].ov_count, 2);
	assert_string_equal(
	    op.op_values[OPTION_MOUNT].ov_value[0], "/a=nfs://h/e?x=y#z");
	assert_string_equal(
	    op.op_values[OPTION_MOUNT].ov_value[1], "/b = c=nfs://h/f");
	options_fini(&op);
}

static const struct bad_line {
	const char *l_file, *l_text;
} bad_lines[] = {
	{ "mnt x", "f:1: mnt: no such option; did you mean mount?" },
	{ "\n\n--net host", "f:3: --net: no such option" },
	{ "=x", "f:1: : no such option" },
	{ "mount", "f:1: mount: needs a value: mount PATH=SOURCE" },
	{ "net sockin\nsummary yes",
	    "f:2: summary: 'yes' is no value for it; 1, 0 or nothing is" },
	{ "help", "f:1: help: has no place in a file" },
	{ "config g", "f:1: config: has no place in a file" },
};

static void
an_error_in_a_file_names_the_file_and_the_line(void **state)
{
	const size_t n = sizeof(bad_lines) / sizeof(bad_lines[0]);
	const struct bad_line *l;
	struct options op;

	for (l = bad_lines; l < bad_lines + n; l++) {
		assert_int_equal(take_file(&op, l->l_file, no_variables), -1);
		assert_memory_equal(op.op_error, l->l_text, strlen(l->l_text));
		options_fini(&op);
	}
}

static void
a_file_may_hold_options_of_another_subcommand(void **state)
{
	char *argv[] = { (char *)"explain", NULL };
	struct options op;

	options_init(&op, OPTIONS_EXPLAIN);
	assert_int_equal(options_parse(&op, 1, argv), 1);
	assert_int_equal(
	    options_file(&op, "f", strdup("pcap x\nnet sockin\n")), 0);
	assert_string_equal(options_value(&op, OPTION_NET), "sockin");
	assert_null(options_value(&op, OPTION_PCAP));
	options_fini(&op);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    options_end_at_the_first_operand_and_carry_their_values),
		cmocka_unit_test(errors_name_the_token_and_the_cure),
		cmocka_unit_test(
		    letters_take_values_behind_them_or_as_the_next_word),
		cmocka_unit_test(a_letter_without_its_value_is_an_error),
		cmocka_unit_test(a_repeatable_option_keeps_its_order),
		cmocka_unit_test(an_option_of_another_subcommand_is_unknown),
		cmocka_unit_test(the_environment_fills_in_what_is_missing),
		cmocka_unit_test(a_flag_variable_must_be_one_or_zero),
		cmocka_unit_test(a_file_fills_in_what_is_still_missing),
		cmocka_unit_test(
		    an_error_in_a_file_names_the_file_and_the_line),
		cmocka_unit_test(a_file_may_hold_options_of_another_subcommand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
