/* SPDX-License-Identifier: BSD-2-Clause */
#include "preload/ldcache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD 48
#define ENTRY 24
#define STRINGS (HEAD + 3 * ENTRY)
#define X86_64 0x303
#define I386 0x803

static const char strings[] = "liba.so\0/lib/liba.so\0/lib/fast/liba.so\0"
			      "libb.so\0/lib32/libb.so";
enum {
	A = STRINGS,
	A_PATH = STRINGS + 8,
	A_FAST = STRINGS + 21,
	B = STRINGS + 39,
	B_PATH = STRINGS + 47,
};

static uint8_t cache[STRINGS + sizeof(strings)];

static void
put32(size_t at, uint32_t value)
{
	memcpy(cache + at, &value, sizeof(value));
}

static void
put_entry(int i, uint32_t flags, uint32_t name, uint32_t path, uint32_t hwcap)
{
	size_t at = HEAD + (size_t)i * ENTRY;

	put32(at, flags);
	put32(at + 4, name);
	put32(at + 8, path);
	put32(at + 16, hwcap);
}

static int
make(void **state)
{
	memset(cache, 0, sizeof(cache));
	memcpy(cache, "glibc-ld.so.cache1.1", 20);
	put32(20, 3);
	put32(24, sizeof(strings));
	put_entry(0, X86_64, A, A_FAST, 1);
	put_entry(1, X86_64, A, A_PATH, 0);
	put_entry(2, I386, B, B_PATH, 0);
	memcpy(cache + STRINGS, strings, sizeof(strings));
	return 0;
}

static const char *
find(const char *name)
{
	return ldcache_find(cache, sizeof(cache), name);
}

static void
a_library_is_found_in_its_plain_form(void **state)
{
	assert_string_equal(find("liba.so"), "/lib/liba.so");
	assert_null(find("liba.s"));
	assert_null(find("liba.so.1"));
	assert_null(find(""));
}

static void
one_for_another_machine_is_none(void **state)
{
	assert_null(find("libb.so"));
}

static void
another_layout_is_not_read(void **state)
{
	cache[19] = '2';
	assert_null(find("liba.so"));
}

static void
offsets_and_numbers_are_not_believed(void **state)
{
	put_entry(1, X86_64, sizeof(cache), A_PATH, 0);
	assert_null(find("liba.so"));
	put_entry(1, X86_64, UINT32_MAX, A_PATH, 0);
	assert_null(find("liba.so"));
	put_entry(1, X86_64, A, UINT32_MAX, 0);
	assert_null(find("liba.so"));
	put_entry(1, X86_64, A, A_PATH, 0);
	put32(20, UINT32_MAX);
	assert_null(find("liba.so"));
	put32(20, 3);
	assert_non_null(find("liba.so"));
	/* The last string has no end. */
	put_entry(1, X86_64, A, B_PATH, 0);
	assert_non_null(find("liba.so"));
	assert_null(ldcache_find(cache, sizeof(cache) - 2, "liba.so"));
	for (size_t size = 0; size < STRINGS + 8; size++)
		assert_null(ldcache_find(cache, size, "liba.so"));
}

static void
the_cache_of_this_machine_has_its_libc(void **state)
{
	FILE *f = fopen(LDCACHE_PATH, "r");
	char *bytes = malloc(1 << 20);
	size_t n;

	if (f == NULL) {
		free(bytes);
		skip();
	}
	n = fread(bytes, 1, 1 << 20, f);
	fclose(f);
	assert_non_null(ldcache_find(bytes, n, "libc.so.6"));
	assert_int_equal(ldcache_find(bytes, n, "libc.so.6")[0], '/');
	free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    a_library_is_found_in_its_plain_form, make),
		cmocka_unit_test_setup(one_for_another_machine_is_none, make),
		cmocka_unit_test_setup(another_layout_is_not_read, make),
		cmocka_unit_test_setup(
		    offsets_and_numbers_are_not_believed, make),
		cmocka_unit_test(the_cache_of_this_machine_has_its_libc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
