/* SPDX-License-Identifier: BSD-2-Clause */
#include "preload/namespace.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct decision {
	const char *path;
	int rule;
	const char *result; /* NULL: the host, unchanged */
};

static struct namespace example(void)
{
	struct namespace ns = { .ns_n = 0 };

	assert_int_equal(namespace_add(&ns, NS_MOUNT, "/data"), 0);
	assert_int_equal(namespace_add(&ns, NS_MOUNT, "/data/sub/"), 0);
	assert_int_equal(namespace_add(&ns, NS_PATH, "/rump"), 0);
	assert_int_equal(namespace_add(&ns, NS_BLANKET, "/opt/bl"), 0);
	assert_int_equal(namespace_add(&ns, NS_PATH, "//"), 0);
	assert_int_equal(namespace_add(&ns, NS_PARENT, "/far"), 0);
	assert_int_equal(namespace_add(&ns, NS_MOUNT, "/far/away/m"), 0);
	return ns;
}

static const struct decision decisions[] = {
	/* Mounts: at component borders, passed whole. */
	{ "/data", 0, "/data" },
	{ "/data/", 0, "/data/" },
	{ "/data/a/b", 0, "/data/a/b" },
	{ "/database", NS_HOST, NULL },
	{ "/dat", NS_HOST, NULL },
	{ "/", NS_HOST, NULL },
	{ "/etc/passwd", NS_HOST, NULL },
	{ "/x/data", NS_HOST, NULL },
	/* The longest wins; what is inside is the kernel's to resolve. */
	{ "/data/sub", 1, "/data/sub" },
	{ "/data/sub/x", 1, "/data/sub/x" },
	{ "/data/subx", 0, "/data/subx" },
	{ "/data/a/../b", 0, "/data/a/../b" },
	{ "/data/a/./b//c", 0, "/data/a/./b//c" },
	{ "/data/sub/../b", 0, "/data/b" },
	{ "/data/a/../sub/x", 1, "/data/sub/x" },
	/* Lexical resolution on the way in and out. */
	{ "/./data/x", 0, "/data/x" },
	{ "/etc//..///data", 0, "/data" },
	{ "/../../data/x", 0, "/data/x" },
	{ "/data/..", NS_HOST, "/" },
	{ "/data/../", NS_HOST, "/" },
	{ "/data/../etc/passwd", NS_HOST, "/etc/passwd" },
	{ "/data/../etc/", NS_HOST, "/etc/" },
	{ "/data/../etc/.", NS_HOST, "/etc/" },
	{ "/data/sub/../../etc", NS_HOST, "/etc" },
	{ "/data/../data/x", 0, "/data/x" },
	{ "/etc/../bin/./ls", NS_HOST, NULL },
	/* path= is stripped. */
	{ "/rump", 2, "/" },
	{ "/rump/", 2, "/" },
	{ "/rump/a/b", 2, "/a/b" },
	{ "/rumpx", NS_HOST, NULL },
	{ "/rump/../rump/a", 2, "/a" },
	{ "/rump/..", NS_HOST, "/" },
	/* blanket= compares strings. */
	{ "/opt/bl", 3, "/opt/bl" },
	{ "/opt/blanket/x", 3, "/opt/blanket/x" },
	{ "/opt/./bl/x", 3, "/opt/bl/x" },
	{ "/opt/b", NS_HOST, NULL },
	/* A prefix of slashes is compared with the text as it stands. */
	{ "//", 4, "/" },
	{ "///x", 4, "/x" },
	{ "//x", NS_HOST, NULL },
	/* Directories above a mount that only the kernel has. */
	{ "/far", 5, "/far" },
	{ "/far/away", 5, "/far/away" },
	{ "/far/away/m/f", 6, "/far/away/m/f" },
};

static void
paths_are_decided_as_the_table_says(void **state)
{
	struct namespace ns = example();

	for (size_t i = 0; i < sizeof(decisions) / sizeof(decisions[0]); i++) {
		const struct decision *d = &decisions[i];
		char out[256];
		struct ns_decision nd = { .nd_path = out };

		print_message("%s\n", d->path);
		assert_int_equal(
		    namespace_decide(&ns, d->path, &nd, sizeof(out)), 0);
		assert_int_equal(nd.nd_rule, d->rule);
		if (d->rule == NS_HOST)
			assert_int_equal(nd.nd_changed, d->result != NULL);
		if (d->result != NULL) {
			assert_string_equal(out, d->result);
			assert_int_equal(nd.nd_len, strlen(d->result));
		}
	}
}

static void
a_path_that_does_not_fit_is_too_long(void **state)
{
	struct namespace ns = example();
	static const char path[] = "/data/sub/../x/yyyyyyyy";
	char guarded[64];

	for (size_t size = 0; size < sizeof(guarded) - 1; size++) {
		struct ns_decision nd = { .nd_path = guarded };
		int error;

		memset(guarded, 0x5a, sizeof(guarded));
		error = namespace_decide(&ns, path, &nd, size);
		assert_true(error == 0 || error == ENAMETOOLONG);
		for (size_t i = size; i < sizeof(guarded); i++)
			assert_int_equal(guarded[i], 0x5a);
		if (size >= sizeof(path))
			assert_int_equal(error, 0);
	}
}

static void
relative_paths_are_not_decided(void **state)
{
	struct namespace ns = example();
	char out[64];
	struct ns_decision nd = { .nd_path = out };

	assert_int_equal(
	    namespace_decide(&ns, "data/x", &nd, sizeof(out)), ENAMETOOLONG);
}

static void
a_root_mount_takes_everything(void **state)
{
	struct namespace ns = { .ns_n = 0 };
	char out[64];
	struct ns_decision nd = { .nd_path = out };

	namespace_add(&ns, NS_MOUNT, "/");
	assert_int_equal(namespace_decide(&ns, "/a/../b", &nd, sizeof(out)), 0);
	assert_int_equal(nd.nd_rule, 0);
	assert_string_equal(out, "/a/../b");
	assert_int_equal(namespace_decide(&ns, "/", &nd, sizeof(out)), 0);
	assert_int_equal(nd.nd_rule, 0);
	assert_string_equal(out, "/");
}

static void
only_paths_that_could_lead_into_a_mount_are_looked_at(void **state)
{
	struct namespace ns = example();

	assert_true(namespace_maybe(&ns, "data/x"));
	assert_true(namespace_maybe(&ns, "./sub"));
	assert_true(namespace_maybe(&ns, ".//away/m"));
	assert_true(namespace_maybe(&ns, "x/../y"));
	assert_true(namespace_maybe(&ns, ".."));
	assert_true(namespace_maybe(&ns, "blanket"));
	assert_false(namespace_maybe(&ns, "datax"));
	assert_false(namespace_maybe(&ns, "x/data"));
	assert_false(namespace_maybe(&ns, "a..b/..c"));
	assert_false(namespace_maybe(&ns, "."));
	assert_true(namespace_leads(&ns, "/data"));
	assert_true(namespace_leads(&ns, "/./data/x"));
	assert_true(namespace_leads(&ns, "///x"));
	assert_true(namespace_leads(&ns, "/x/../data"));
	assert_false(namespace_leads(&ns, "/datax"));
	assert_false(namespace_leads(&ns, "/x/data"));
	assert_false(namespace_leads(&ns, "/"));
}

static void
the_kernels_paths_are_shown_as_the_program_names_them(void **state)
{
	struct namespace ns = example();
	char out[64];

	assert_int_equal(
	    namespace_program_path(&ns, 0, "/data/a", out, sizeof(out)), 7);
	assert_string_equal(out, "/data/a");
	assert_int_not_equal(
	    namespace_program_path(&ns, 2, "/a/b", out, sizeof(out)), 0);
	assert_string_equal(out, "/rump/a/b");
	assert_int_not_equal(
	    namespace_program_path(&ns, 2, "/", out, sizeof(out)), 0);
	assert_string_equal(out, "/rump");
	assert_int_equal(namespace_program_path(&ns, 2, "/a/b", out, 9), 0);
}

static void
below_a_root_of_the_kernels_they_are_the_programs(void **state)
{
	struct namespace ns = example();
	char out[64];

	namespace_enter(&ns);
	assert_int_equal(
	    namespace_program_path(&ns, 0, "/data/a", out, sizeof(out)), 7);
	assert_string_equal(out, "/data/a");
	assert_int_equal(
	    namespace_program_path(&ns, 2, "/a/b", out, sizeof(out)), 4);
	assert_string_equal(out, "/a/b");
	assert_int_equal(
	    namespace_program_path(&ns, 2, "/", out, sizeof(out)), 1);
	assert_string_equal(out, "/");
}

static void
chroot_takes_the_new_root_off_the_prefixes(void **state)
{
	struct namespace ns = { .ns_n = 0 };
	char out[64];
	struct ns_decision nd = { .nd_path = out };

	namespace_add(&ns, NS_MOUNT, "/jail/data");
	namespace_add(&ns, NS_MOUNT, "/other");
	namespace_chroot(&ns, "/jail/");
	assert_int_equal(namespace_decide(&ns, "/data/x", &nd, sizeof(out)), 0);
	assert_int_equal(nd.nd_rule, 0);
	assert_string_equal(out, "/jail/data/x");
	assert_int_equal(
	    namespace_decide(&ns, "/other/x", &nd, sizeof(out)), 0);
	assert_int_equal(nd.nd_rule, NS_HOST);
}

static void
too_many_rules_are_refused(void **state)
{
	struct namespace ns = { .ns_n = 0 };

	for (int i = 0; i < NS_MAXRULES; i++)
		assert_int_equal(namespace_add(&ns, NS_PATH, "/x"), 0);
	assert_int_equal(namespace_add(&ns, NS_PATH, "/x"), ENOSPC);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_decided_as_the_table_says),
		cmocka_unit_test(a_path_that_does_not_fit_is_too_long),
		cmocka_unit_test(relative_paths_are_not_decided),
		cmocka_unit_test(a_root_mount_takes_everything),
		cmocka_unit_test(
		    only_paths_that_could_lead_into_a_mount_are_looked_at),
		cmocka_unit_test(
		    the_kernels_paths_are_shown_as_the_program_names_them),
		cmocka_unit_test(
		    below_a_root_of_the_kernels_they_are_the_programs),
		cmocka_unit_test(chroot_takes_the_new_root_off_the_prefixes),
		cmocka_unit_test(too_many_rules_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
