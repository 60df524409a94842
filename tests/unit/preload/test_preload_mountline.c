/* SPDX-License-Identifier: BSD-2-Clause */
#include "preload/mountline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "preload/text.h"

#define RELATIME 0x1000
#define NOSUID_NODEV 0x6
#define READ_ONLY 0x1

static const char table[] = "21 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n"
			    "22 21 0:5 / /dev rw - devtmpfs none rw\n"
			    "23 22 0:6 / /dev/shm rw shared:3 - tmpfs none rw\n"
			    "24 21 0:7 / /with\\040blank rw - tmpfs none rw\n"
			    "25 22 0:8 / /dev/shm rw - tmpfs none rw\n";

static unsigned
holder_of(const char *path)
{
	return mountline_holder(table, sizeof(table) - 1, path);
}

static struct mountline
a_mount(void)
{
	return (struct mountline){ .ml_type = "nfs",
		.ml_from = "host:/a b",
		.ml_on = "/m#\t\\\n",
		.ml_flags = RELATIME,
		.ml_major = 4095,
		.ml_minor = 77,
		.ml_id = 1000003,
		.ml_parent = 21 };
}

static void
a_line_has_its_names_escaped(void **state)
{
	struct mountline ml = a_mount();
	char line[200];
	struct text t;

	text_init(&t, line, sizeof(line));
	mountline_put(&t, &ml);
	assert_string_equal(
	    line, "host:/a\\040b /m\\043\\011\\134\\012 nfs rw,relatime 0 0\n");
	text_init(&t, line, sizeof(line));
	mountline_put_info(&t, &ml);
	assert_string_equal(line,
	    "1000003 21 4095:77 / /m\\043\\011\\134\\012 rw,relatime - nfs "
	    "host:/a\\040b rw\n");
}

static void
letters_beyond_ascii_stay_as_they_are(void **state)
{
	struct mountline ml = a_mount();
	char line[200];
	struct text t;

	ml.ml_on = "/m\xc3\xbc\x01";
	text_init(&t, line, sizeof(line));
	mountline_put(&t, &ml);
	assert_non_null(strstr(line, " /m\xc3\xbc\x01 nfs "));
}

static void
options_say_what_is_forbidden(void **state)
{
	struct mountline ml = a_mount();
	char line[200];
	struct text t;

	ml.ml_flags = READ_ONLY | NOSUID_NODEV;
	text_init(&t, line, sizeof(line));
	mountline_put(&t, &ml);
	assert_non_null(strstr(line, " ro,nosuid,nodev 0 0\n"));
	text_init(&t, line, sizeof(line));
	mountline_put_info(&t, &ml);
	assert_non_null(strstr(line, " ro,nosuid,nodev - nfs "));
	assert_non_null(strstr(line, " ro\n"));
}

static void
a_path_lies_on_the_longest_mount_point(void **state)
{
	assert_int_equal(holder_of("/"), 21);
	assert_int_equal(holder_of("/home"), 21);
	assert_int_equal(holder_of("/dev"), 22);
	assert_int_equal(holder_of("/dev/pts/1"), 22);
	assert_int_equal(holder_of("/devices"), 21);
	assert_int_equal(holder_of("/with blank/x"), 24);
}

static void
of_two_on_one_point_the_last_holds(void **state)
{
	assert_int_equal(holder_of("/dev/shm"), 25);
	assert_int_equal(holder_of("/dev/shm/x"), 25);
}

static void
a_table_without_a_root_holds_nothing(void **state)
{
	const char *dev = strchr(table, '\n') + 1;

	assert_int_equal(mountline_holder(dev, strlen(dev), "/home"), 0);
	assert_int_equal(mountline_holder(dev, 0, "/dev"), 0);
}

/* In memory that ends where the table does. */
static void
a_table_that_is_cut_off_anywhere_is_read_to_its_end(void **state)
{
	for (size_t len = 0; len < sizeof(table); len++) {
		char *cut = malloc(len + (len == 0));
		unsigned id;

		assert_non_null(cut);
		memcpy(cut, table, len);
		id = mountline_holder(cut, len, "/dev/shm");
		assert_true(id == 0 || (id >= 21 && id <= 25));
		free(cut);
	}
}

static void
a_table_of_nonsense_holds_nothing(void **state)
{
	static const char nonsense[] = "\n\n    \\\\\\\\ \\9 \\\n\\999\n0\n";

	assert_int_equal(
	    mountline_holder(nonsense, sizeof(nonsense) - 1, "/"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_its_names_escaped),
		cmocka_unit_test(letters_beyond_ascii_stay_as_they_are),
		cmocka_unit_test(options_say_what_is_forbidden),
		cmocka_unit_test(a_path_lies_on_the_longest_mount_point),
		cmocka_unit_test(of_two_on_one_point_the_last_holds),
		cmocka_unit_test(a_table_without_a_root_holds_nothing),
		cmocka_unit_test(
		    a_table_that_is_cut_off_anywhere_is_read_to_its_end),
		cmocka_unit_test(a_table_of_nonsense_holds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
