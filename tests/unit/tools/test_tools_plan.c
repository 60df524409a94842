/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options become a plan, or an error that names the option; and memory that
 * runs out anywhere on the way is an error too.  The linker puts the functions
 * named __wrap_ in the place of the allocator's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tools/options.h"
#include "tools/plan.h"

static int countdown; /* the allocation that fails; 0 none */

static int
fails(void)
{
	return countdown != 0 && --countdown == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);

void *
__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}

char *
__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

char *
__wrap_strndup(const char *s, size_t n)
{
	return fails() ? NULL : __real_strndup(s, n);
}

static char *
no_variable(const char *name)
{
	if (strcmp(name, "RUMPKIT_MOUNT") == 0)
		return (char *)"/c=nfs://10.0.0.1/e\n/d=nfs://[::2]/f";
	return NULL;
}

/* Options, environment and plan of "run word"; 0 or -1 and text. */
static int
make(struct plan *pl, struct options *op, const char *word, char *text)
{
	char *argv[] = { (char *)"run", (char *)word, NULL };
	int error = -1;

	*text = '\0';
	memset(pl, 0, sizeof(*pl));
	options_init(op, OPTIONS_RUN);
	if (options_parse(op, 2, argv) < 0 ||
	    options_environ(op, no_variable) != 0)
		strcpy(text, op->op_error);
	else if (plan_init(pl, op) != 0)
		strcpy(text, pl->pl_error);
	else
		error = 0;
	return error;
}

static void
unmake(struct plan *pl, struct options *op)
{
	plan_fini(pl);
	options_fini(op);
}

static const struct row {
	const char *r_word;
	const char *r_part; /* of the message; NULL: accepted */
} rows[] = {
	{ "--net=host", NULL },
	{ "--net=sockin", NULL },
	{ "--net=tap:t0", "--net: 'tap:t0' is not there yet" },
	{ "--net=wg:x", "--net: 'wg:x' is not there yet" },
	{ "--net=sock", "--net: 'sock' is no network; there are host" },
	{ "--net=", "--net: '' is no network" },
	{ "--pcap=f", "--pcap: nothing would be captured" },
	{ "--pcap=", "--pcap: '' is no name" },
	{ "--trace", NULL },
	{ "--trace=fd,path", NULL },
	{ "--trace=", NULL },
	{ "--trace=f", "--trace: no such class 'f'" },
	{ "--trace=fd path", "--trace: no such class 'fd path'" },
	{ "--trace=fd,", "--trace: no such class ''" },
	{ "--trace=fd,,path", "--trace: no such class ''" },
	{ "--hijack=", NULL },
	{ "--hijack=path=/rump,blanket=/a:/b", NULL },
	{ "--hijack=path=rump", "--hijack: 'rump' does not follow" },
	{ "--mount=/a=nfs://h/e", NULL },
	{ "--mount=/a", "--mount: '/a': must be PATH=SOURCE" },
};

static void
options_that_cannot_be_meant_are_named(void **state)
{
	struct options op;
	struct plan pl;
	const struct row *r;
	char text[1024];

	for (r = rows; r < rows + sizeof(rows) / sizeof(rows[0]); r++) {
		make(&pl, &op, r->r_word, text);
		if (r->r_part == NULL)
			assert_string_equal(text, "");
		else
			assert_non_null(strstr(text, r->r_part));
		unmake(&pl, &op);
	}
}

static void
too_long_a_hijack_specification_is_refused(void **state)
{
	char word[2000] = "--hijack=path=/", text[1024];
	struct options op;
	struct plan pl;

	memset(word + strlen(word), 'x', 1500);
	assert_int_equal(make(&pl, &op, word, text), -1);
	assert_non_null(strstr(text, "must be shorter than 1024"));
	unmake(&pl, &op);
}

static void
mounts_become_lines(void **state)
{
	struct options op;
	struct plan pl;
	char text[1024], *lines;

	assert_int_equal(make(&pl, &op, "-v", text), 0);
	assert_int_equal(plan_resolve(&pl), 0);
	lines = plan_mount_lines(&pl);
	assert_string_equal(lines, "/c=nfs://10.0.0.1/e\n/d=nfs://[::2]/f");
	free(lines);
	unmake(&pl, &op);
}

static void
the_file_of_a_capture_has_an_absolute_name(void **state)
{
	char *argv[] = { (char *)"run", (char *)"--net=sockin",
		(char *)"--pcap=some/file", NULL };
	char cwd[4096], wanted[5000];
	struct options op;
	struct plan pl;

	assert_non_null(getcwd(cwd, sizeof(cwd)));
	snprintf(wanted, sizeof(wanted), "%s/some/file", cwd);
	options_init(&op, OPTIONS_RUN);
	assert_int_equal(options_parse(&op, 3, argv), 3);
	assert_int_equal(plan_init(&pl, &op), 0);
	assert_string_equal(pl.pl_pcap, wanted);
	assert_int_equal(pl.pl_spec.hs_sockets & HS_INTERNET, HS_INTERNET);
	unmake(&pl, &op);
}

static void
memory_that_runs_out_is_an_error_and_nothing_leaks(void **state)
{
	struct options op;
	struct plan pl;
	char text[1024];
	int n, error = -1;

	for (n = 1; error != 0; n++) {
		countdown = n;
		error = make(&pl, &op, "--hijack=", text);
		if (error != 0)
			assert_non_null(strstr(text, "out of memory"));
		countdown = 0;
		unmake(&pl, &op);
	}
	assert_true(n > 8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_that_cannot_be_meant_are_named),
		cmocka_unit_test(too_long_a_hijack_specification_is_refused),
		cmocka_unit_test(mounts_become_lines),
		cmocka_unit_test(the_file_of_a_capture_has_an_absolute_name),
		cmocka_unit_test(
		    memory_that_runs_out_is_an_error_and_nothing_leaks),
	};

	unsetenv("RUMPHIJACK");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
