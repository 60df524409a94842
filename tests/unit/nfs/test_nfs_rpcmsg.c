/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "nfs/rpcmsg.h"
#include "rump/rumpdefs.h"

static void
a_call_without_identity_is_44_bytes(void **state)
{
	static const uint8_t want[] = {
		0x80,
		0,
		0,
		40,
		1,
		2,
		3,
		4,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		2,
		0,
		1,
		0x86,
		0xa3,
		0,
		0,
		0,
		3,
		0,
		0,
		0,
		1,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
	};
	uint8_t buf[64];
	struct xdr_out xo;

	xdr_out_init(&xo, buf, sizeof(buf));
	rpc_call_begin(&xo, 0x01020304, 100003, 3, 1, NULL);
	assert_int_equal(rpc_call_end(&xo, 0), 0);
	assert_int_equal(xo.xo_len, sizeof(want));
	assert_memory_equal(buf, want, sizeof(want));
}

static void
an_identity_has_machine_user_and_groups(void **state)
{
	struct rpc_auth auth = { .ra_uid = 1000,
		.ra_gid = 100,
		.ra_ngroups = 2,
		.ra_groups = { 7, 8 },
		.ra_machine = "lemon" };
	static const uint8_t want[] = {
		0,
		0,
		0,
		1,
		0,
		0,
		0,
		36,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		5,
		'l',
		'e',
		'm',
		'o',
		'n',
		0,
		0,
		0,
		0,
		0,
		3,
		0xe8,
		0,
		0,
		0,
		100,
		0,
		0,
		0,
		2,
		0,
		0,
		0,
		7,
		0,
		0,
		0,
		8,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
	};
	uint8_t buf[128];
	struct xdr_out xo;

	xdr_out_init(&xo, buf, sizeof(buf));
	rpc_call_begin(&xo, 1, 2, 3, 4, &auth);
	assert_int_equal(rpc_call_end(&xo, 0), 0);
	assert_int_equal(xo.xo_len, 28 + sizeof(want));
	assert_memory_equal(buf + 28, want, sizeof(want));
}

static void
the_largest_header_fits_its_constant(void **state)
{
	char machine[100];
	struct rpc_auth auth = { .ra_ngroups = 99, .ra_machine = machine };
	uint8_t buf[RPC_CALL_HEADER];
	struct xdr_out xo;

	memset(machine, 'm', sizeof(machine));
	xdr_out_init(&xo, buf, sizeof(buf));
	rpc_call_begin(&xo, 1, 2, 3, 4, &auth);
	assert_int_equal(rpc_call_end(&xo, 0), 0);
	assert_int_equal(xo.xo_len, sizeof(buf));
}

static void
a_call_that_does_not_fit_is_refused(void **state)
{
	uint8_t buf[64];
	struct xdr_out xo;

	for (size_t size = 0; size < 44; size++) {
		xdr_out_init(&xo, buf, size);
		rpc_call_begin(&xo, 1, 2, 3, 4, NULL);
		assert_int_equal(rpc_call_end(&xo, 0), RUMP_EMSGSIZE);
	}
}

struct reply_case {
	const char *name;
	size_t nwords;
	uint32_t words[10];
	int error;
	enum rpc_outcome outcome;
	uint32_t low, high, auth;
};

static const struct reply_case replies[] = {
	{ "success", 6, { 9, 1, 0, 0, 0, 0 }, 0, RPC_SUCCESS },
	{ "success with verifier", 8, { 9, 1, 0, 1, 8, 5, 5, 0 }, 0,
	    RPC_SUCCESS },
	{ "no program", 6, { 9, 1, 0, 0, 0, 1 }, 0, RPC_PROG_UNAVAIL },
	{ "versions", 8, { 9, 1, 0, 0, 0, 2, 2, 4 }, 0, RPC_PROG_MISMATCH, 2,
	    4 },
	{ "no procedure", 6, { 9, 1, 0, 0, 0, 3 }, 0, RPC_PROC_UNAVAIL },
	{ "garbage", 6, { 9, 1, 0, 0, 0, 4 }, 0, RPC_GARBAGE_ARGS },
	{ "system", 6, { 9, 1, 0, 0, 0, 5 }, 0, RPC_SYSTEM_ERR },
	{ "unknown status", 6, { 9, 1, 0, 0, 0, 6 }, RUMP_EBADRPC },
	{ "RPC versions", 6, { 9, 1, 1, 0, 2, 2 }, 0, RPC_VERSION_MISMATCH, 2,
	    2 },
	{ "auth", 5, { 9, 1, 1, 1, 5 }, 0, RPC_AUTH_ERROR, .auth = 5 },
	{ "unknown denial", 5, { 9, 1, 1, 2, 5 }, RUMP_EBADRPC },
	{ "neither accepted nor denied", 6, { 9, 1, 2, 0, 0, 0 },
	    RUMP_EBADRPC },
	{ "a call", 6, { 9, 0, 0, 0, 0, 0 }, RUMP_EBADRPC },
	{ "verifier too long", 6, { 9, 1, 0, 0, 404, 0 }, RUMP_EBADRPC },
	{ "verifier beyond the end", 6, { 9, 1, 0, 0, 8, 0 }, RUMP_EBADRPC },
};

static size_t
encode(const uint32_t *words, size_t n, uint8_t *buf, size_t size)
{
	struct xdr_out xo;

	xdr_out_init(&xo, buf, size);
	for (size_t i = 0; i < n; i++)
		xdr_put_u32(&xo, words[i]);
	assert_false(xo.xo_failed);
	return xo.xo_len;
}

static void
replies_mean_what_the_rfc_says(void **state)
{
	uint8_t buf[64];
	struct xdr_in xi;

	for (size_t i = 0; i < NITEMS(replies); i++) {
		const struct reply_case *c = &replies[i];
		struct rpc_reply re = { .re_xid = 77 };
		size_t len = encode(c->words, c->nwords, buf, sizeof(buf));

		xdr_in_init(&xi, buf, len);
		assert_int_equal(rpc_reply_decode(&xi, &re), c->error);
		if (c->error != 0) {
			assert_int_equal(re.re_xid, 77);
			continue;
		}
		assert_int_equal(re.re_xid, 9);
		assert_int_equal(re.re_outcome, c->outcome);
		assert_int_equal(re.re_low, c->low);
		assert_int_equal(re.re_high, c->high);
		assert_int_equal(re.re_auth, c->auth);
		assert_int_equal(xi.xi_pos, len);
		/* No prefix passes for the whole. */
		for (size_t n = 0; n < len; n++) {
			xdr_in_init(&xi, buf, n);
			assert_int_equal(
			    rpc_reply_decode(&xi, &re), RUMP_EBADRPC);
		}
	}
}

static void
every_outcome_has_an_errno(void **state)
{
	assert_int_equal(rpc_outcome_errno(RPC_SUCCESS), 0);
	assert_int_equal(
	    rpc_outcome_errno(RPC_PROG_UNAVAIL), RUMP_EPROGUNAVAIL);
	assert_int_equal(rpc_outcome_errno(RPC_AUTH_ERROR), RUMP_EAUTH);
	for (int o = RPC_PROG_UNAVAIL; o <= RPC_AUTH_ERROR; o++)
		assert_true(rpc_outcome_errno((enum rpc_outcome)o) > 0);
}

/* Run a stream through, in pieces of at most step bytes; returns records. */
static size_t
deframe(
    const uint8_t *p, size_t len, size_t step, size_t max, char *out, bool *bad)
{
	struct rpc_record rr;
	size_t used, n, records = 0, outlen = 0;

	rpc_record_init(&rr, max);
	*bad = false;
	while (len > 0) {
		size_t piece = MIN(step, len);

		for (n = piece; !*bad;) {
			enum rpc_record_event e =
			    rpc_record_step(&rr, p + piece - n, n, &used);

			n -= used;
			if (e == RR_MORE)
				break;
			if (e == RR_BAD) {
				*bad = true;
			} else if (e == RR_END) {
				out[outlen++] = '|';
				records++;
			} else {
				used = MIN(n, (size_t)rr.rr_left);
				memcpy(out + outlen, p + piece - n, used);
				outlen += used;
				rpc_record_take(&rr, used);
				n -= used;
			}
		}
		if (*bad)
			break;
		p += piece;
		len -= piece;
	}
	out[outlen] = '\0';
	return records;
}

static void
records_come_out_whole_however_they_arrive(void **state)
{
	static const uint8_t stream[] = {
		0x80, 0, 0, 2, 'a', 'b', /* one */
		0, 0, 0, 1, 'c', 0, 0, 0, 0, 0x80, 0, 0, 2, 'd', 'e', 0x80, 0,
		0, 0,                           /* empty */
		0, 0, 0, 1, 'f', 0x80, 0, 0, 0, /* empty end */
	};
	char out[64];
	bool bad;

	for (size_t step = 1; step <= sizeof(stream); step++) {
		size_t n =
		    deframe(stream, sizeof(stream), step, 100, out, &bad);

		assert_false(bad);
		assert_int_equal(n, 4);
		assert_string_equal(out, "ab|cde||f|");
	}
}

static void
records_beyond_the_maximum_are_bad(void **state)
{
	static const uint8_t huge[] = { 0xff, 0xff, 0xff, 0xff };
	static const uint8_t creeping[] = { 0, 0, 0, 4, 'a', 'b', 'c', 'd', 0,
		0, 0, 4, 'e', 'f', 'g', 'h', 0, 0, 0, 4 };
	uint8_t empty[4096] = { 0 };
	char out[64];
	bool bad;

	(void)deframe(huge, sizeof(huge), 1, 1000, out, &bad);
	assert_true(bad);
	(void)deframe(creeping, sizeof(creeping), 3, 20, out, &bad);
	assert_true(bad);
	/* Empty fragments for ever. */
	(void)deframe(empty, sizeof(empty), 64, 1000, out, &bad);
	assert_true(bad);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_without_identity_is_44_bytes),
		cmocka_unit_test(an_identity_has_machine_user_and_groups),
		cmocka_unit_test(the_largest_header_fits_its_constant),
		cmocka_unit_test(a_call_that_does_not_fit_is_refused),
		cmocka_unit_test(replies_mean_what_the_rfc_says),
		cmocka_unit_test(every_outcome_has_an_errno),
		cmocka_unit_test(records_come_out_whole_however_they_arrive),
		cmocka_unit_test(records_beyond_the_maximum_are_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
