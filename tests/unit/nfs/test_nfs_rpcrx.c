/* SPDX-License-Identifier: BSD-2-Clause */
/* A stream of replies is fed in pieces of every size, fragmented at will. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "nfs/rpcrx.h"
#include "rump/rumpdefs.h"

#define NCALLS 4
#define DATA 100

static struct rpc_call calls[NCALLS];
static uint8_t heads[NCALLS][32];
static uint8_t data[NCALLS][DATA + 4];
static struct rump_iovec iovs[NCALLS][3];
static int ended[NCALLS], errors[NCALLS];
static struct rpcrx rx;

/* Our replies: xid, a word that is the length of the data, data. */
static enum rpc_place
locate_after_8(const uint8_t *head, size_t len, size_t *off, size_t *size)
{
	if (len < 8)
		return PLACE_MORE;
	if (head[4] != 0)
		return PLACE_NONE;
	*off = 8;
	*size = head[7];
	return PLACE_DATA;
}

static struct rpc_call *
find(void *arg, uint32_t xid)
{
	if (xid >= NCALLS || ended[xid])
		return NULL;
	return &calls[xid];
}

static void
complete(void *arg, struct rpc_call *ca, int error)
{
	ended[ca->ca_xid]++;
	errors[ca->ca_xid] = error;
}

static const struct rpcrx_ops ops = { find, complete };

/* Calls 0 and 1 place their data, in three pieces; 2 and 3 do not. */
static void
start(void)
{
	memset(data, 0xee, sizeof(data));
	for (uint32_t i = 0; i < NCALLS; i++) {
		ended[i] = 0;
		errors[i] = -1;
		calls[i] = (struct rpc_call){ .ca_xid = i,
			.ca_head = heads[i],
			.ca_headsize = sizeof(heads[i]) };
		iovs[i][0] = (struct rump_iovec){ data[i], 10 };
		iovs[i][1] = (struct rump_iovec){ data[i] + 10, 1 };
		iovs[i][2] = (struct rump_iovec){ data[i] + 11, DATA - 11 };
		if (i >= 2)
			continue;
		calls[i].ca_locate = locate_after_8;
		calls[i].ca_iov = iovs[i];
		calls[i].ca_niov = 3;
		calls[i].ca_size = DATA;
	}
	rpcrx_init(&rx, &ops, NULL, 1000);
}

/* Hand bytes over as a socket would, at most step at a time. */
static int
feed(const uint8_t *p, size_t len, size_t step)
{
	struct rump_iovec iov[RPCRX_IOV];
	int error = 0;

	while (len > 0 && error == 0) {
		size_t n = step < len ? step : len, left = n;
		int niov = rpcrx_room(&rx, iov);

		for (int i = 0; i < niov && left > 0; i++) {
			size_t k =
			    left < iov[i].iov_len ? left : iov[i].iov_len;

			memcpy(iov[i].iov_base, p, k);
			p += k;
			left -= k;
		}
		assert_int_equal(left, 0);
		error = rpcrx_take(&rx, n);
		len -= n;
	}
	return error;
}

/* One record in fragments of at most frag bytes. */
static size_t
record(uint8_t *out, const uint8_t *p, size_t len, size_t frag)
{
	uint8_t *start_of_out = out;

	do {
		size_t n = frag < len ? frag : len;

		out[0] = n == len ? 0x80 : 0;
		out[1] = out[2] = 0;
		out[3] = (uint8_t)n;
		memcpy(out + 4, p, n);
		out += 4 + n;
		p += n;
		len -= n;
	} while (len > 0);
	return (size_t)(out - start_of_out);
}

/* A reply of xid with n bytes of data xid + 1, xid + 2, ... and padding. */
static size_t
reply(uint8_t *out, uint8_t xid, uint8_t announced, size_t n, size_t frag)
{
	uint8_t body[256] = { 0, 0, 0, xid, 0, 0, 0, announced };

	for (size_t i = 0; i < n; i++)
		body[8 + i] = (uint8_t)(xid + 1 + i);
	return record(out, body, 8 + ((n + 3) & ~(size_t)3), frag);
}

static void
assert_data(uint8_t xid, size_t n)
{
	assert_int_equal(calls[xid].ca_got, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(data[xid][i], (uint8_t)(xid + 1 + i));
	for (size_t i = n; i < sizeof(data[xid]); i++)
		assert_int_equal(data[xid][i], 0xee);
}

static void
replies_in_any_order_and_any_pieces_find_their_calls(void **state)
{
	static const size_t frags[] = { 1, 3, 7, 50, 200 };
	uint8_t stream[4096];

	for (size_t f = 0; f < NITEMS(frags); f++) {
		size_t len = 0;

		len += reply(stream + len, 2, 9, 8, frags[f]);
		len += reply(stream + len, 1, 99, 99, frags[f]);
		len += reply(stream + len, 77, 5, 5, frags[f]);
		len += reply(stream + len, 0, 13, 13, frags[f]);
		len += reply(stream + len, 3, 0, 0, frags[f]);
		for (size_t step = 1; step <= len; step++) {
			start();
			assert_int_equal(feed(stream, len, step), 0);
			assert_true(rpcrx_idle(&rx));
			for (int i = 0; i < NCALLS; i++) {
				assert_int_equal(ended[i], 1);
				assert_int_equal(errors[i], 0);
			}
			assert_data(0, 13);
			assert_data(1, 99);
			assert_int_equal(calls[2].ca_headlen, 16);
			assert_int_equal(calls[1].ca_headlen, 8);
			assert_int_equal(calls[3].ca_headlen, 8);
		}
	}
}

static void
one_bad_reply_fails_and_the_next_is_read(void **state)
{
	static const struct {
		uint8_t announced;
		size_t there;
	} bad[] = {
		{ DATA + 1, DATA + 1 }, /* more than there is room for */
		{ 20, 16 },             /* less than was announced */
		{ 255, 0 },
	};
	uint8_t stream[1024];

	for (size_t i = 0; i < NITEMS(bad); i++) {
		size_t len =
		    reply(stream, 0, bad[i].announced, bad[i].there, 1000);

		len += reply(stream + len, 1, 4, 4, 1000);
		for (size_t step = 1; step <= len; step++) {
			start();
			assert_int_equal(feed(stream, len, step), 0);
			assert_int_equal(errors[0], RUMP_EBADRPC);
			assert_int_equal(errors[1], 0);
			assert_data(1, 4);
		}
	}
}

static void
a_head_that_is_too_long_is_bad(void **state)
{
	uint8_t stream[1024];
	size_t len = reply(stream, 2, 0, 60, 1000);

	len += reply(stream + len, 3, 0, 24, 1000); /* just fits */
	for (size_t step = 1; step <= len; step++) {
		start();
		assert_int_equal(feed(stream, len, step), 0);
		assert_int_equal(errors[2], RUMP_EBADRPC);
		assert_int_equal(errors[3], 0);
		assert_int_equal(calls[3].ca_headlen, 32);
	}
}

static void
records_too_short_for_an_xid_are_skipped(void **state)
{
	uint8_t stream[64], body[3] = { 0 };
	size_t len = record(stream, body, 3, 100);

	len += record(stream + len, body, 0, 100);
	len += reply(stream + len, 3, 0, 0, 100);
	for (size_t step = 1; step <= len; step++) {
		start();
		assert_int_equal(feed(stream, len, step), 0);
		assert_int_equal(ended[3], 1);
		assert_int_equal(ended[0], 0);
	}
}

static void
marks_that_make_no_sense_end_the_stream(void **state)
{
	static const uint8_t http[] = "HTTP/1.1 400 Bad Request\r\n\r\n";

	start();
	assert_int_equal(feed(http, sizeof(http), 5), RUMP_EBADRPC);
}

static void
a_call_may_go_away_while_its_reply_comes(void **state)
{
	uint8_t stream[512];
	size_t len = reply(stream, 0, 90, 90, 1000);

	len += reply(stream + len, 1, 9, 9, 1000);
	for (size_t cut = 1; cut < 100; cut++) {
		start();
		assert_int_equal(feed(stream, cut, 1000), 0);
		if (rx.rx_call == &calls[0])
			rpcrx_forget(&rx);
		ended[0] = 1;
		assert_int_equal(feed(stream + cut, len - cut, 1000), 0);
		assert_int_equal(ended[0], 1);
		assert_int_equal(errors[1], 0);
		assert_data(1, 9);
	}
}

static void
a_new_stream_begins_after_a_reset(void **state)
{
	uint8_t stream[512];
	size_t len = reply(stream, 0, 90, 90, 50);

	for (size_t cut = 1; cut < len; cut++) {
		start();
		assert_int_equal(feed(stream, cut, 1000), 0);
		assert_int_equal(ended[0], 0);
		rpcrx_reset(&rx);
		assert_int_equal(feed(stream, len, 1000), 0);
		assert_int_equal(errors[0], 0);
		assert_data(0, 90);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    replies_in_any_order_and_any_pieces_find_their_calls),
		cmocka_unit_test(one_bad_reply_fails_and_the_next_is_read),
		cmocka_unit_test(a_head_that_is_too_long_is_bad),
		cmocka_unit_test(records_too_short_for_an_xid_are_skipped),
		cmocka_unit_test(marks_that_make_no_sense_end_the_stream),
		cmocka_unit_test(a_call_may_go_away_while_its_reply_comes),
		cmocka_unit_test(a_new_stream_begins_after_a_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
