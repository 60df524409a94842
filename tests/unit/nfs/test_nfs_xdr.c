/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "nfs/xdr.h"

static void
what_is_put_can_be_got(void **state)
{
	uint8_t buf[64], fixed[5];
	struct xdr_out xo;
	struct xdr_in xi;
	const uint8_t *p;
	size_t len;

	xdr_out_init(&xo, buf, sizeof(buf));
	xdr_put_u32(&xo, 0x01020304);
	xdr_put_u64(&xo, 0x1122334455667788);
	xdr_put_fixed(&xo, "abcde", 5);
	xdr_put_opaque(&xo, "xyz", 3);
	xdr_put_opaque(&xo, "", 0);
	assert_false(xo.xo_failed);
	assert_int_equal(xo.xo_len, 4 + 8 + 8 + 8 + 4);
	assert_memory_equal(buf, "\1\2\3\4\x11\x22", 6);
	assert_memory_equal(buf + 17, "\0\0\0\0\0\0\3xyz\0", 11);

	xdr_in_init(&xi, buf, xo.xo_len);
	assert_int_equal(xdr_get_u32(&xi), 0x01020304);
	assert_true(xdr_get_u64(&xi) == 0x1122334455667788);
	xdr_get_fixed(&xi, fixed, sizeof(fixed));
	assert_memory_equal(fixed, "abcde", 5);
	p = xdr_get_opaque(&xi, 3, &len);
	assert_int_equal(len, 3);
	assert_memory_equal(p, "xyz", 3);
	p = xdr_get_opaque(&xi, 3, &len);
	assert_non_null(p);
	assert_int_equal(len, 0);
	assert_int_equal(xdr_left(&xi), 0);
	assert_false(xi.xi_failed);
}

static void
a_message_that_is_too_short_fails_and_gives_zeros(void **state)
{
	uint8_t buf[8] = { 0, 0, 0, 4, 'a', 'b', 'c', 'd' };
	struct xdr_in xi;
	size_t len = 1;

	for (size_t n = 0; n < sizeof(buf); n++) {
		xdr_in_init(&xi, buf, n);
		assert_null(xdr_get_opaque(&xi, 100, &len));
		assert_int_equal(len, 0);
		assert_true(xi.xi_failed);
		assert_int_equal(xdr_left(&xi), 0);
		assert_int_equal(xdr_get_u32(&xi), 0);
		assert_true(xdr_get_u64(&xi) == 0);
	}
}

static void
a_failed_cursor_stays_failed(void **state)
{
	uint8_t buf[16] = { 0 };
	struct xdr_in xi;

	xdr_in_init(&xi, buf, sizeof(buf));
	xdr_fail(&xi);
	assert_int_equal(xdr_get_u32(&xi), 0);
	assert_null(xdr_get_view(&xi, 0));
	assert_true(xi.xi_failed);
}

static void
lengths_that_would_wrap_fail(void **state)
{
	static const uint32_t lengths[] = { 0xffffffff, 0xfffffffd, 0xfffffffc,
		0x80000000, 9 };
	uint8_t buf[12] = { 0 };
	struct xdr_out xo;
	struct xdr_in xi;
	size_t len;

	for (size_t i = 0; i < NITEMS(lengths); i++) {
		xdr_out_init(&xo, buf, sizeof(buf));
		xdr_put_u32(&xo, lengths[i]);
		xdr_in_init(&xi, buf, sizeof(buf));
		assert_null(xdr_get_opaque(&xi, SIZE_MAX, &len));
		assert_true(xi.xi_failed);
	}
}

static void
more_than_the_maximum_fails(void **state)
{
	uint8_t buf[8] = { 0, 0, 0, 4 };
	struct xdr_in xi;
	size_t len;

	xdr_in_init(&xi, buf, sizeof(buf));
	assert_null(xdr_get_opaque(&xi, 3, &len));
}

static void
a_bool_is_zero_or_one(void **state)
{
	uint8_t buf[12] = { 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2 };
	struct xdr_in xi;

	xdr_in_init(&xi, buf, sizeof(buf));
	assert_false(xdr_get_bool(&xi));
	assert_true(xdr_get_bool(&xi));
	assert_false(xi.xi_failed);
	assert_false(xdr_get_bool(&xi));
	assert_true(xi.xi_failed);
}

static void
writing_stops_at_the_end_of_the_buffer(void **state)
{
	uint8_t buf[16];
	struct xdr_out xo;

	for (size_t size = 0; size < 12; size++) {
		memset(buf, 0xee, sizeof(buf));
		xdr_out_init(&xo, buf, size);
		xdr_put_u32(&xo, 1);
		xdr_put_opaque(&xo, "abc", 3);
		assert_true(xo.xo_failed);
		assert_true(xo.xo_len <= size);
		for (size_t i = size; i < sizeof(buf); i++)
			assert_int_equal(buf[i], 0xee);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_can_be_got),
		cmocka_unit_test(
		    a_message_that_is_too_short_fails_and_gives_zeros),
		cmocka_unit_test(a_failed_cursor_stays_failed),
		cmocka_unit_test(lengths_that_would_wrap_fail),
		cmocka_unit_test(more_than_the_maximum_fails),
		cmocka_unit_test(a_bool_is_zero_or_one),
		cmocka_unit_test(writing_stops_at_the_end_of_the_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
