/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's functions under their exported names, beside the C library's. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/kern/kern_test.h"

void *rumpns_memcpy(void *, const void *, size_t);
void *rumpns_memmove(void *, const void *, size_t);
void *rumpns_memset(void *, int, size_t);
int rumpns_memcmp(const void *, const void *, size_t);
size_t rumpns_strlen(const char *);
size_t rumpns_strnlen(const char *, size_t);
int rumpns_strcmp(const char *, const char *);
int rumpns_strncmp(const char *, const char *, size_t);
char *rumpns_strchr(const char *, int);
char *rumpns_strrchr(const char *, int);
size_t rumpns_strlcpy(char *, const char *, size_t);

#define SIZE 96

static void
fill(unsigned char *a, unsigned char *b)
{
	for (int i = 0; i < SIZE; i++)
		a[i] = b[i] = (unsigned char)(i * 7 + 1);
}

static void
moving_between_all_overlaps_equals_the_c_library(void **state)
{
	unsigned char a[SIZE], b[SIZE];

	for (int from = 0; from < 20; from++) {
		for (int to = 0; to < 20; to++) {
			for (int n = 0; n < 40; n++) {
				fill(a, b);
				memmove(a + to, a + from, n);
				assert_ptr_equal(
				    rumpns_memmove(b + to, b + from, n),
				    b + to);
				assert_memory_equal(a, b, SIZE);
			}
		}
	}
}

static void
copies_and_fills_touch_exactly_their_range(void **state)
{
	unsigned char a[SIZE], b[SIZE], src[SIZE];

	memset(src, 0x5a, sizeof(src));
	for (int n = 0; n < 40; n++) {
		fill(a, b);
		memcpy(a + 3, src, n);
		rumpns_memcpy(b + 3, src, n);
		memset(a + 50, n, n);
		rumpns_memset(b + 50, n, n);
		assert_memory_equal(a, b, SIZE);
	}
}

static int
sign(int n)
{
	return (n > 0) - (n < 0);
}

static void
comparisons_are_unsigned_and_stop_at_the_end(void **state)
{
	static const char *const text[] = { "", "a", "ab", "abc", "b", "\xff",
		"a\xff" };

	for (size_t i = 0; i < 7; i++) {
		for (size_t j = 0; j < 7; j++) {
			assert_int_equal(sign(rumpns_strcmp(text[i], text[j])),
			    sign(strcmp(text[i], text[j])));
			assert_int_equal(
			    sign(rumpns_strncmp(text[i], text[j], 2)),
			    sign(strncmp(text[i], text[j], 2)));
		}
	}
	assert_true(rumpns_memcmp("a\xff", "ab", 2) > 0);
	assert_int_equal(rumpns_memcmp("ab", "ac", 1), 0);
}

static void
searches_find_the_first_and_the_last(void **state)
{
	const char *s = "a/b/c";

	assert_ptr_equal(rumpns_strchr(s, '/'), s + 1);
	assert_ptr_equal(rumpns_strrchr(s, '/'), s + 3);
	assert_ptr_equal(rumpns_strchr(s, '\0'), s + 5);
	assert_ptr_equal(rumpns_strrchr(s, '\0'), s + 5);
	assert_null(rumpns_strchr(s, 'x'));
	assert_null(rumpns_strrchr(s, 'x'));
	assert_int_equal(rumpns_strlen(s), 5);
	assert_int_equal(rumpns_strnlen(s, 3), 3);
}

static void
strlcpy_truncates_and_says_so(void **state)
{
	char buf[4] = "zzz";

	assert_int_equal(rumpns_strlcpy(buf, "abcdef", sizeof(buf)), 6);
	assert_string_equal(buf, "abc");
	assert_int_equal(rumpns_strlcpy(buf, "x", sizeof(buf)), 1);
	assert_string_equal(buf, "x");
	assert_int_equal(rumpns_strlcpy(buf, "yy", 0), 2);
	assert_string_equal(buf, "x");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    moving_between_all_overlaps_equals_the_c_library),
		cmocka_unit_test(copies_and_fills_touch_exactly_their_range),
		cmocka_unit_test(comparisons_are_unsigned_and_stop_at_the_end),
		cmocka_unit_test(searches_find_the_first_and_the_last),
		cmocka_unit_test(strlcpy_truncates_and_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
