/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames against the bytes that the genuine system sends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sysproxy/wire.h"

#define NITEMS(a) (sizeof(a) / sizeof((a)[0]))

static const uint32_t key[WIRE_NAUTH] = { 0x03020100, 0x07060504, 0x0b0a0908,
	0x0f0e0d0c };

/* The bytes of a frame as hexadecimal text. */
static const char *
hex(const struct wire_frame *f, size_t len)
{
	static char text[2 * sizeof(*f) + 1];
	const unsigned char *p = (const unsigned char *)f;

	for (size_t i = 0; i < len; i++)
		sprintf(text + 2 * i, "%02x", p[i]);
	return text;
}

static void
test_requests_of_the_client_have_the_genuine_bytes(void **state)
{
	struct wire_frame f;

	memset(&f, 0xa5, sizeof(f));
	assert_string_equal(hex(&f, wire_put_hello(&f, 1, WIRE_GUEST, 4)),
	    "1c00000000000000"
	    "0100000000000000"
	    "0000"
	    "0000"
	    "00000000");
	memset(&f, 0xa5, sizeof(f));
	assert_string_equal(hex(&f, wire_put_hello(&f, 2, WIRE_EXEC, 3)),
	    "1b00000000000000"
	    "0200000000000000"
	    "0000"
	    "0000"
	    "03000000");
	memset(&f, 0xa5, sizeof(f));
	assert_string_equal(hex(&f, wire_put_fork(&f, 1, key, true)),
	    "2c00000000000000"
	    "0100000000000000"
	    "0000"
	    "0000"
	    "02000000"
	    "000102030405060708090a0b0c0d0e0f"
	    "01000000");
	memset(&f, 0xa5, sizeof(f));
	assert_string_equal(hex(&f, wire_put_syscall(&f, 7, 20, 0)),
	    "1800000000000000"
	    "0700000000000000"
	    "0000"
	    "0100"
	    "14000000");
	memset(&f, 0xa5, sizeof(f));
	assert_string_equal(hex(&f, wire_put_syscall(&f, 8, 4, 24)),
	    "3000000000000000"
	    "0800000000000000"
	    "0000"
	    "0100"
	    "04000000");
	memset(&f, 0xa5, sizeof(f));
	assert_string_equal(hex(&f, wire_put_prefork(&f, 9)), "1800000000000000"
							      "0900000000000000"
							      "0000"
							      "0700"
							      "00000000");
}

static void
test_answers_of_the_client_have_the_genuine_bytes(void **state)
{
	struct wire_frame f;

	memset(&f, 0xa5, sizeof(f));
	assert_string_equal(hex(&f, wire_put_copied(&f, 3, 5)),
	    "1d00000000000000"
	    "0300000000000000"
	    "0100"
	    "0200"
	    "00000000");
	memset(&f, 0xa5, sizeof(f));
	assert_string_equal(hex(&f, wire_put_mapped(&f, 4, 0x7f0011223344)),
	    "2000000000000000"
	    "0400000000000000"
	    "0100"
	    "0600"
	    "00000000"
	    "44332211007f0000");
}

static void
test_requests_of_the_server_have_the_genuine_bytes(void **state)
{
	struct wire_frame f;

	memset(&f, 0xa5, sizeof(f));
	assert_string_equal(hex(&f, wire_put_copyin(&f, 0, 0x1000, 5)),
	    "2800000000000000"
	    "0000000000000000"
	    "0000"
	    "0200"
	    "00000000"
	    "0500000000000000"
	    "0010000000000000");
	memset(&f, 0xa5, sizeof(f));
	assert_string_equal(hex(&f, wire_put_copyinstr(&f, 1, 0x1000, 1024)),
	    "2800000000000000"
	    "0100000000000000"
	    "0000"
	    "0300"
	    "00000000"
	    "0004000000000000"
	    "0010000000000000");
	memset(&f, 0xa5, sizeof(f));
	assert_string_equal(hex(&f, wire_put_copyout(&f, 2, 0x2000, 3)),
	    "2b00000000000000"
	    "0200000000000000"
	    "0000"
	    "0400"
	    "00000000"
	    "0300000000000000"
	    "0020000000000000");
	memset(&f, 0xa5, sizeof(f));
	assert_string_equal(hex(&f, wire_put_anonmmap(&f, 3, 4096)),
	    "2000000000000000"
	    "0300000000000000"
	    "0000"
	    "0600"
	    "00000000"
	    "0010000000000000");
	memset(&f, 0xa5, sizeof(f));
	assert_string_equal(hex(&f, wire_put_raise(&f, 4, 13)),
	    "1800000000000000"
	    "0400000000000000"
	    "0000"
	    "0800"
	    "0d000000");
}

static void
test_answers_of_the_server_have_the_genuine_bytes_and_zeros_between(
    void **state)
{
	static const int64_t retval[2] = { 3, -1 };
	struct wire_frame f;

	memset(&f, 0xa5, sizeof(f));
	assert_string_equal(hex(&f, wire_put_welcome(&f, 1)), "1c00000000000000"
							      "0100000000000000"
							      "0100"
							      "0000"
							      "00000000"
							      "00000000");
	memset(&f, 0xa5, sizeof(f));
	assert_string_equal(hex(&f, wire_put_sysret(&f, 2, 0, retval)),
	    "3000000000000000"
	    "0200000000000000"
	    "0100"
	    "0100"
	    "00000000"
	    "0000000000000000"
	    "0300000000000000"
	    "ffffffffffffffff");
	memset(&f, 0xa5, sizeof(f));
	assert_string_equal(hex(&f, wire_put_sysret(&f, 2, 9, NULL)),
	    "3000000000000000"
	    "0200000000000000"
	    "0100"
	    "0100"
	    "00000000"
	    "0900000000000000"
	    "0000000000000000"
	    "0000000000000000");
	memset(&f, 0xa5, sizeof(f));
	assert_string_equal(hex(&f, wire_put_auth(&f, 3, key)),
	    "2800000000000000"
	    "0300000000000000"
	    "0100"
	    "0700"
	    "00000000"
	    "000102030405060708090a0b0c0d0e0f");
	memset(&f, 0xa5, sizeof(f));
	assert_string_equal(hex(&f, wire_put_error(&f, 4, WIRE_ERR_AUTH)),
	    "1800000000000000"
	    "0400000000000000"
	    "0200"
	    "0000"
	    "02000000");
}

/* The receiver. */

struct frames {
	size_t fs_n;
	struct wire_hdr fs_hdr[8];
	unsigned char fs_data[8][64];
	size_t fs_len[8];
	bool fs_bad;
};

/* Feed in pieces of so many bytes, each from memory of just its size. */
static void
receive(struct wire_rx *rx, const unsigned char *data, size_t len, size_t piece,
    struct frames *fs)
{
	enum wire_event ev = WIRE_EV_MORE;

	while (len > 0 && ev != WIRE_EV_BAD) {
		size_t n = len < piece ? len : piece;
		size_t left = n;

		do {
			size_t took = wire_rx_feed(rx, data, left, &ev);

			assert_true(took <= left);
			data += took;
			left -= took;
			if (ev == WIRE_EV_HEADER)
				wire_rx_payload(rx, fs->fs_data[fs->fs_n],
				    sizeof(fs->fs_data[0]));
			if (ev == WIRE_EV_FRAME) {
				fs->fs_hdr[fs->fs_n] = rx->rx_hdr;
				fs->fs_len[fs->fs_n++] = rx->rx_len;
			}
		} while (ev != WIRE_EV_MORE && ev != WIRE_EV_BAD);
		len -= n;
	}
	fs->fs_bad = ev == WIRE_EV_BAD;
}

/* Three frames as a server gets them. */
static size_t
three_frames(unsigned char *out)
{
	struct wire_frame f;
	size_t n, len = 0;

	n = wire_put_hello(&f, 1, WIRE_GUEST, 4);
	memcpy(out, &f, n);
	memcpy(out + n, "cat", 4);
	len = n + 4;
	n = wire_put_syscall(&f, 2, 20, 0);
	memcpy(out + len, &f, n);
	len += n;
	n = wire_put_fork(&f, 3, key, false);
	memcpy(out + len, &f, n);
	return len + n;
}

static void
test_frames_come_out_whatever_pieces_they_arrive_in(void **state)
{
	unsigned char stream[256];
	size_t len = three_frames(stream);
	struct wire_fork wf;
	struct wire_rx rx;

	for (size_t piece = 1; piece <= len; piece++) {
		struct frames fs = { 0 };

		wire_rx_init(&rx, &wire_limits_server);
		receive(&rx, stream, len, piece, &fs);
		assert_false(fs.fs_bad);
		assert_int_equal(fs.fs_n, 3);
		assert_int_equal(fs.fs_hdr[0].wh_reqno, 1);
		assert_int_equal(fs.fs_len[0], 4);
		assert_string_equal((char *)fs.fs_data[0], "cat");
		assert_int_equal(fs.fs_hdr[1].wh_u, 20);
		assert_int_equal(fs.fs_len[1], 0);
		assert_true(wire_get_fork(fs.fs_data[2], fs.fs_len[2], &wf));
		assert_memory_equal(wf.wf_auth, key, sizeof(key));
		assert_false(wire_rx_midframe(&rx));
	}
}

static void
test_bytes_may_be_stored_in_place(void **state)
{
	unsigned char stream[256], payload[64];
	size_t len = three_frames(stream), at = 0, frames = 0;
	enum wire_event ev;
	struct wire_rx rx;
	void *where;

	wire_rx_init(&rx, &wire_limits_server);
	while (at < len) {
		size_t n = wire_rx_place(&rx, &where);

		assert_true(n > 0);
		n = n > 5 ? 5 : n;
		memcpy(where, stream + at, n);
		wire_rx_stored(&rx, n);
		at += n;
		do {
			assert_int_equal(wire_rx_feed(&rx, NULL, 0, &ev), 0);
			if (ev == WIRE_EV_HEADER)
				wire_rx_payload(&rx, payload, sizeof(payload));
			if (ev == WIRE_EV_FRAME)
				frames++;
		} while (ev != WIRE_EV_MORE);
	}
	assert_int_equal(frames, 3);
}

static void
test_a_payload_without_a_place_or_beyond_it_is_dropped(void **state)
{
	unsigned char stream[256], small[3] = { 0, 0, 0x77 };
	size_t len = three_frames(stream), at = 0;
	enum wire_event ev;
	struct wire_rx rx;
	int n = 0;

	wire_rx_init(&rx, &wire_limits_server);
	do {
		at += wire_rx_feed(&rx, stream + at, len - at, &ev);
		if (ev == WIRE_EV_HEADER && n++ == 0)
			wire_rx_payload(&rx, small, 2);
	} while (ev != WIRE_EV_MORE);
	assert_int_equal(n, 3);
	assert_memory_equal(small, "ca\x77", 3);
}

static enum wire_event
first_event(const struct wire_limits *limits, struct wire_hdr h)
{
	enum wire_event ev;
	struct wire_rx rx;

	wire_rx_init(&rx, limits);
	(void)wire_rx_feed(&rx, &h, sizeof(h), &ev);
	return ev;
}

static void
test_lengths_below_a_header_and_above_the_limit_are_refused(void **state)
{
	static const struct {
		uint16_t class, type;
		uint64_t most;
	} rows[] = {
		{ WIRE_REQ, WIRE_SYSCALL, WIRE_ARGS_MAX },
		{ WIRE_REQ, WIRE_HANDSHAKE, WIRE_SMALL_MAX },
		{ WIRE_RESP, WIRE_COPYIN, WIRE_COPY_MAX },
		{ WIRE_ERROR, 0, WIRE_SMALL_MAX },
		{ 77, 0, WIRE_SMALL_MAX },
		{ WIRE_REQ, 4711, WIRE_SMALL_MAX },
	};

	for (size_t i = 0; i < NITEMS(rows); i++) {
		struct wire_hdr h = { .wh_class = rows[i].class,
			.wh_type = rows[i].type };

		for (h.wh_len = 0; h.wh_len < WIRE_HDRLEN; h.wh_len++)
			assert_int_equal(
			    first_event(&wire_limits_server, h), WIRE_EV_BAD);
		h.wh_len = WIRE_HDRLEN + rows[i].most;
		assert_int_equal(
		    first_event(&wire_limits_server, h), WIRE_EV_HEADER);
		h.wh_len++;
		assert_int_equal(
		    first_event(&wire_limits_server, h), WIRE_EV_BAD);
		h.wh_len = UINT64_MAX;
		assert_int_equal(
		    first_event(&wire_limits_server, h), WIRE_EV_BAD);
	}
}

static void
test_after_a_bad_length_nothing_comes_any_more(void **state)
{
	struct wire_hdr bad = { .wh_len = 23 };
	unsigned char stream[256];
	size_t len = three_frames(stream);
	enum wire_event ev;
	struct wire_rx rx;

	wire_rx_init(&rx, &wire_limits_server);
	(void)wire_rx_feed(&rx, &bad, sizeof(bad), &ev);
	assert_int_equal(wire_rx_feed(&rx, stream, len, &ev), 0);
	assert_int_equal(ev, WIRE_EV_BAD);
}

static void
test_the_middle_of_a_frame_is_known(void **state)
{
	unsigned char stream[256];
	enum wire_event ev;
	struct wire_rx rx;
	size_t n;

	(void)three_frames(stream);
	wire_rx_init(&rx, &wire_limits_server);
	assert_false(wire_rx_midframe(&rx));
	(void)wire_rx_feed(&rx, stream, 1, &ev);
	assert_true(wire_rx_midframe(&rx));
	n = wire_rx_feed(&rx, stream + 1, 26, &ev);
	assert_int_equal(ev, WIRE_EV_HEADER);
	assert_true(wire_rx_midframe(&rx));
	(void)wire_rx_feed(&rx, stream + 1 + n, 28 - 1 - n, &ev);
	assert_int_equal(ev, WIRE_EV_FRAME);
	assert_false(wire_rx_midframe(&rx));
}

/* Payloads. */

static void
test_a_name_ends_with_its_nul_or_its_payload(void **state)
{
	char name[4];

	assert_true(wire_get_name("ls\0xx", 5, name, sizeof(name)));
	assert_string_equal(name, "ls");
	assert_true(wire_get_name("ls", 2, name, sizeof(name)));
	assert_string_equal(name, "ls");
	assert_true(wire_get_name("longer", 7, name, sizeof(name)));
	assert_string_equal(name, "lon");
	assert_true(wire_get_name("", 1, name, sizeof(name)));
	assert_string_equal(name, "");
	assert_false(wire_get_name("", 0, name, sizeof(name)));
}

static void
test_payloads_of_another_size_are_malformed(void **state)
{
	unsigned char data[64] = { 0 };
	uint32_t auth[WIRE_NAUTH];
	struct wire_sysret ws;
	struct wire_fork wf;
	struct wire_copy wc;
	uint64_t word;
	int32_t error;

	for (size_t len = 0; len < sizeof(data); len++) {
		assert_int_equal(wire_get_fork(data, len, &wf), len == 20);
		assert_int_equal(wire_get_sysret(data, len, &ws), len == 24);
		assert_int_equal(wire_get_welcome(data, len, &error), len == 4);
		assert_int_equal(wire_get_auth(data, len, auth), len == 16);
		assert_int_equal(wire_get_copy(data, len, &wc), len == 16);
		assert_int_equal(wire_get_word(data, len, &word), len == 8);
	}
}

static void
test_a_copyout_has_as_many_bytes_as_it_says(void **state)
{
	struct wire_copy wc = { .wc_len = 5, .wc_addr = 0x1000 }, got;
	unsigned char data[64] = { 0 };

	memcpy(data, &wc, sizeof(wc));
	for (size_t len = 0; len < sizeof(data); len++)
		assert_int_equal(
		    wire_get_copyout(data, len, &got), len == 16 + 5);
	wc.wc_len = UINT64_MAX - 10;
	memcpy(data, &wc, sizeof(wc));
	for (size_t len = 0; len < sizeof(data); len++)
		assert_false(wire_get_copyout(data, len, &got));
}

static void
test_padding_that_genuine_servers_leave_undefined_is_cleared(void **state)
{
	unsigned char data[24];
	struct wire_sysret ws;

	memset(data, 0xa5, sizeof(data));
	assert_true(wire_get_sysret(data, sizeof(data), &ws));
	assert_int_equal(ws.ws_zero, 0);
}

/* The banner. */

static enum wire_bannerstate
parse(const char *line, struct wire_banner *wb)
{
	return wire_banner_parse(line, strlen(line), wb);
}

static void
test_the_genuine_banner_is_understood(void **state)
{
	struct wire_banner wb;

	assert_int_equal(
	    parse("RUMPSP-0.4-NetBSD-7.99.34/amd64\n", &wb), WIRE_BANNER_OK);
	assert_int_equal(wb.wb_major, 0);
	assert_int_equal(wb.wb_minor, 4);
	assert_string_equal(wb.wb_ostype, "NetBSD");
	assert_string_equal(wb.wb_osrelease, "7.99.34");
	assert_string_equal(wb.wb_machine, "amd64");
	assert_string_equal(wb.wb_word, "");
}

static void
test_a_banner_may_come_in_pieces_and_nothing_behind_it(void **state)
{
	static const char line[] = "RUMPSP-0.4-NetBSD-7.99.34/amd64\n";
	struct wire_banner wb;

	for (size_t n = 0; n < strlen(line); n++)
		assert_int_equal(
		    wire_banner_parse(line, n, &wb), WIRE_BANNER_MORE);
	assert_int_equal(
	    wire_banner_parse(line, sizeof(line), &wb), WIRE_BANNER_BAD);
}

static void
test_other_lines_are_no_banners(void **state)
{
	static const char *const lines[] = {
		"\n",
		"SSH-2.0-OpenSSH_9.2\n",
		"RUMPSP\n",
		"RUMPSP-\n",
		"RUMPSP-0\n",
		"RUMPSP-0.\n",
		"RUMPSP-0.4\n",
		"RUMPSP-0.4-\n",
		"RUMPSP-0.4-NetBSD\n",
		"RUMPSP-0.4-NetBSD-7\n",
		"RUMPSP-0.4-NetBSD-7/\n",
		"RUMPSP-0.4-NetBSD-/amd64\n",
		"RUMPSP-0.4--7/amd64\n",
		"RUMPSP-0.4-Net BSD-7/amd64\n",
		"RUMPSP-0.4-NetBSD-7/amd64 \n",
		"RUMPSP-0.4-NetBSD-7/amd64 two words\n",
		"RUMPSP-0.4-NetBSD-7/amd64\r\n",
		"RUMPSP-x.4-NetBSD-7/amd64\n",
		"RUMPSP-99999999999.4-NetBSD-7/amd64\n",
		"rumpsp-0.4-NetBSD-7/amd64\n",
	};
	struct wire_banner wb;
	char endless[WIRE_BANNER_MAX];

	for (size_t i = 0; i < NITEMS(lines); i++)
		assert_int_equal(parse(lines[i], &wb), WIRE_BANNER_BAD);
	memset(endless, 'x', sizeof(endless));
	assert_int_equal(wire_banner_parse(endless, sizeof(endless) - 1, &wb),
	    WIRE_BANNER_MORE);
	assert_int_equal(
	    wire_banner_parse(endless, sizeof(endless), &wb), WIRE_BANNER_BAD);
}

static void
test_other_versions_and_machines_are_told_apart(void **state)
{
	struct wire_banner wb;

	assert_int_equal(
	    parse("RUMPSP-0.5-NetBSD-8/amd64\n", &wb), WIRE_BANNER_VERSION);
	assert_int_equal(wb.wb_minor, 5);
	assert_int_equal(
	    parse("RUMPSP-1.4-NetBSD-8/amd64\n", &wb), WIRE_BANNER_VERSION);
	assert_int_equal(
	    parse("RUMPSP-0.4-NetBSD-8/evbarm\n", &wb), WIRE_BANNER_MACHINE);
	assert_string_equal(wb.wb_machine, "evbarm");
}

static void
test_a_banner_that_is_made_is_understood(void **state)
{
	char buf[WIRE_BANNER_MAX + 1];
	struct wire_banner wb;
	size_t len;

	len = wire_banner_make(buf, "NetBSD", "7.99.34", "amd64", NULL);
	buf[len] = '\0';
	assert_string_equal(buf, "RUMPSP-0.4-NetBSD-7.99.34/amd64\n");
	len = wire_banner_make(buf, "NetBSD", "7.9-b/c", "amd64", "word-1");
	assert_int_equal(wire_banner_parse(buf, len, &wb), WIRE_BANNER_OK);
	assert_string_equal(wb.wb_osrelease, "7.9-b/c");
	assert_string_equal(wb.wb_machine, "amd64");
	assert_string_equal(wb.wb_word, "word-1");
}

static void
test_a_banner_of_bad_parts_or_too_long_is_not_made(void **state)
{
	char buf[WIRE_BANNER_MAX], longer[WIRE_BANNER_MAX];
	const size_t fixed =
	    strlen("RUMPSP-0.4-") + strlen("NetBSD-") + strlen("/amd64\n");

	assert_int_equal(wire_banner_make(buf, "", "7", "amd64", NULL), 0);
	assert_int_equal(wire_banner_make(buf, "a-b", "7", "amd64", NULL), 0);
	assert_int_equal(wire_banner_make(buf, "a", "7", "a/b", NULL), 0);
	assert_int_equal(wire_banner_make(buf, "a", "7\n", "amd64", NULL), 0);
	assert_int_equal(wire_banner_make(buf, "a", "7", "amd64", ""), 0);
	assert_int_equal(wire_banner_make(buf, "a", "7", "amd64", "a b"), 0);
	memset(longer, '7', sizeof(longer));
	longer[WIRE_BANNER_MAX - fixed] = '\0';
	assert_int_equal(wire_banner_make(buf, "NetBSD", longer, "amd64", NULL),
	    WIRE_BANNER_MAX);
	longer[WIRE_BANNER_MAX - fixed] = '7';
	longer[WIRE_BANNER_MAX - fixed + 1] = '\0';
	assert_int_equal(
	    wire_banner_make(buf, "NetBSD", longer, "amd64", NULL), 0);
}

/* Who may say what when. */

static struct wire_hdr
header(uint16_t class, uint16_t type, uint32_t u)
{
	return (struct wire_hdr){
		.wh_len = WIRE_HDRLEN,
		.wh_class = class,
		.wh_type = type,
		.wh_u = u,
	};
}

struct rule {
	enum wire_state state;
	struct wire_hdr h;
	enum wire_do what;
	enum wire_errcode code;
};

static void
test_the_server_judges_as_the_genuine_one(void **state)
{
	const struct wire_hdr guest = header(0, WIRE_HANDSHAKE, WIRE_GUEST),
			      forked = header(0, WIRE_HANDSHAKE, WIRE_FORK),
			      auth = header(0, WIRE_HANDSHAKE, WIRE_AUTH),
			      exec = header(0, WIRE_HANDSHAKE, WIRE_EXEC),
			      odd = header(0, WIRE_HANDSHAKE, 99),
			      call = header(0, WIRE_SYSCALL, 20),
			      prefork = header(0, WIRE_PREFORK, 0),
			      copyin = header(0, WIRE_COPYIN, 0),
			      unknown = header(0, 99, 0),
			      answer = header(1, WIRE_COPYIN, 0),
			      error = header(2, 0, 7), class = header(9, 0, 0);
	const struct rule rules[] = {
		{ WIRE_NEW, guest, WIRE_DO_SERVE, 0 },
		{ WIRE_NEW, forked, WIRE_DO_SERVE, 0 },
		{ WIRE_NEW, auth, WIRE_DO_CLOSE, 2 },
		{ WIRE_NEW, exec, WIRE_DO_CLOSE, 2 },
		{ WIRE_NEW, odd, WIRE_DO_CLOSE, 2 },
		{ WIRE_NEW, call, WIRE_DO_CLOSE, 2 },
		{ WIRE_NEW, prefork, WIRE_DO_CLOSE, 2 },
		{ WIRE_NEW, answer, WIRE_DO_CLOSE, 2 },
		{ WIRE_NEW, class, WIRE_DO_CLOSE, 2 },
		{ WIRE_GREETING, call, WIRE_DO_CLOSE, 2 },
		{ WIRE_GREETING, guest, WIRE_DO_CLOSE, 2 },
		{ WIRE_RUNNING, call, WIRE_DO_SERVE, 0 },
		{ WIRE_RUNNING, prefork, WIRE_DO_SERVE, 0 },
		{ WIRE_RUNNING, exec, WIRE_DO_SERVE, 0 },
		{ WIRE_RUNNING, answer, WIRE_DO_MATCH, 0 },
		{ WIRE_RUNNING, guest, WIRE_DO_CLOSE, 7 },
		{ WIRE_RUNNING, forked, WIRE_DO_CLOSE, 7 },
		{ WIRE_RUNNING, auth, WIRE_DO_CLOSE, 7 },
		{ WIRE_RUNNING, odd, WIRE_DO_CLOSE, 7 },
		{ WIRE_RUNNING, copyin, WIRE_DO_REFUSE, 7 },
		{ WIRE_RUNNING, unknown, WIRE_DO_REFUSE, 7 },
		{ WIRE_RUNNING, error, WIRE_DO_REFUSE, 7 },
		{ WIRE_RUNNING, class, WIRE_DO_REFUSE, 7 },
		{ WIRE_EXECING, answer, WIRE_DO_MATCH, 0 },
		{ WIRE_EXECING, call, WIRE_DO_BUSY, 0 },
		{ WIRE_EXECING, prefork, WIRE_DO_CLOSE, 5 },
		{ WIRE_EXECING, exec, WIRE_DO_CLOSE, 5 },
		{ WIRE_EXECING, guest, WIRE_DO_CLOSE, 7 },
		{ WIRE_EXECING, copyin, WIRE_DO_REFUSE, 7 },
	};

	for (size_t i = 0; i < NITEMS(rules); i++) {
		struct wire_verdict wv =
		    wire_server_verdict(rules[i].state, &rules[i].h);
		bool may = wire_client_may_send(rules[i].state, &rules[i].h);

		assert_int_equal(wv.wv_do, rules[i].what);
		assert_int_equal(wv.wv_code, rules[i].code);
		assert_int_equal(may,
		    wv.wv_do == WIRE_DO_SERVE || wv.wv_do == WIRE_DO_MATCH);
	}
}

static void
test_the_client_takes_requests_once_it_is_a_process(void **state)
{
	static const uint16_t requests[] = { WIRE_COPYIN, WIRE_COPYINSTR,
		WIRE_COPYOUT, WIRE_COPYOUTSTR, WIRE_ANONMMAP, WIRE_RAISE };

	for (size_t i = 0; i < NITEMS(requests); i++) {
		struct wire_hdr h = header(WIRE_REQ, requests[i], 0);

		assert_int_equal(
		    wire_client_take(WIRE_NEW, &h), WIRE_TAKE_BROKEN);
		assert_int_equal(
		    wire_client_take(WIRE_GREETING, &h), WIRE_TAKE_BROKEN);
		assert_int_equal(
		    wire_client_take(WIRE_RUNNING, &h), WIRE_TAKE_REQUEST);
		assert_int_equal(
		    wire_client_take(WIRE_EXECING, &h), WIRE_TAKE_REQUEST);
	}
}

static void
test_the_client_takes_no_requests_that_are_its_own(void **state)
{
	static const uint16_t requests[] = { WIRE_HANDSHAKE, WIRE_SYSCALL,
		WIRE_PREFORK, WIRE_NTYPES, 0xffff };

	for (size_t i = 0; i < NITEMS(requests); i++) {
		struct wire_hdr h = header(WIRE_REQ, requests[i], 0);

		assert_int_equal(
		    wire_client_take(WIRE_RUNNING, &h), WIRE_TAKE_BROKEN);
	}
}

static void
test_answers_fit_their_requests(void **state)
{
	struct wire_hdr copied = header(WIRE_RESP, WIRE_COPYIN, 0);
	struct wire_hdr sysret = header(WIRE_RESP, WIRE_SYSCALL, 0);
	struct wire_hdr error = header(WIRE_ERROR, 0, 7);

	assert_true(wire_answers(&copied, WIRE_COPYIN));
	assert_true(wire_answers(&copied, WIRE_COPYINSTR));
	assert_false(wire_answers(&copied, WIRE_ANONMMAP));
	assert_true(wire_answers(&sysret, WIRE_SYSCALL));
	assert_false(wire_answers(&sysret, WIRE_PREFORK));
	assert_true(wire_answers(&error, WIRE_SYSCALL));
	sysret.wh_class = WIRE_REQ;
	assert_false(wire_answers(&sysret, WIRE_SYSCALL));
}

static void
test_states_follow_the_handshakes(void **state)
{
	struct wire_hdr guest = header(WIRE_REQ, WIRE_HANDSHAKE, WIRE_GUEST);
	struct wire_hdr exec = header(WIRE_REQ, WIRE_HANDSHAKE, WIRE_EXEC);
	struct wire_hdr call = header(WIRE_REQ, WIRE_SYSCALL, 20);
	enum wire_state s = WIRE_NEW;

	s = wire_state_asked(s, &guest);
	assert_int_equal(s, WIRE_GREETING);
	s = wire_state_welcomed(s);
	assert_int_equal(s, WIRE_RUNNING);
	s = wire_state_asked(s, &call);
	assert_int_equal(s, WIRE_RUNNING);
	s = wire_state_asked(s, &exec);
	assert_int_equal(s, WIRE_EXECING);
	s = wire_state_welcomed(s);
	assert_int_equal(s, WIRE_RUNNING);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_requests_of_the_client_have_the_genuine_bytes),
		cmocka_unit_test(
		    test_answers_of_the_client_have_the_genuine_bytes),
		cmocka_unit_test(
		    test_requests_of_the_server_have_the_genuine_bytes),
		cmocka_unit_test(
		    test_answers_of_the_server_have_the_genuine_bytes_and_zeros_between),
		cmocka_unit_test(
		    test_frames_come_out_whatever_pieces_they_arrive_in),
		cmocka_unit_test(test_bytes_may_be_stored_in_place),
		cmocka_unit_test(
		    test_a_payload_without_a_place_or_beyond_it_is_dropped),
		cmocka_unit_test(
		    test_lengths_below_a_header_and_above_the_limit_are_refused),
		cmocka_unit_test(
		    test_after_a_bad_length_nothing_comes_any_more),
		cmocka_unit_test(test_the_middle_of_a_frame_is_known),
		cmocka_unit_test(test_a_name_ends_with_its_nul_or_its_payload),
		cmocka_unit_test(test_payloads_of_another_size_are_malformed),
		cmocka_unit_test(test_a_copyout_has_as_many_bytes_as_it_says),
		cmocka_unit_test(
		    test_padding_that_genuine_servers_leave_undefined_is_cleared),
		cmocka_unit_test(test_the_genuine_banner_is_understood),
		cmocka_unit_test(
		    test_a_banner_may_come_in_pieces_and_nothing_behind_it),
		cmocka_unit_test(test_other_lines_are_no_banners),
		cmocka_unit_test(
		    test_other_versions_and_machines_are_told_apart),
		cmocka_unit_test(test_a_banner_that_is_made_is_understood),
		cmocka_unit_test(
		    test_a_banner_of_bad_parts_or_too_long_is_not_made),
		cmocka_unit_test(test_the_server_judges_as_the_genuine_one),
		cmocka_unit_test(
		    test_the_client_takes_requests_once_it_is_a_process),
		cmocka_unit_test(
		    test_the_client_takes_no_requests_that_are_its_own),
		cmocka_unit_test(test_answers_fit_their_requests),
		cmocka_unit_test(test_states_follow_the_handshakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
