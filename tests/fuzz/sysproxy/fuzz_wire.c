/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything that reads foreign bytes in the remote system call protocol.  One
 * program a target: FUZZ_TARGET names the row of the table.  Beside not
 * crashing, each target checks what the headers promise.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sysproxy/address.h"
#include "sysproxy/wire.h"
#include "tests/fuzz/sysproxy/fuzz.h"

#define STREAM_MAX 65536

static void
promise(int kept, const char *what)
{
	if (!kept) {
		fprintf(stderr, "broken: %s\n", what);
		abort();
	}
}

/* What came out of a receiver, in the order in which it did. */
struct events {
	uint64_t ev_sum;
	size_t ev_frames;
	bool ev_bad;
};

static void
mix(struct events *e, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		e->ev_sum = (e->ev_sum ^ p[i]) * UINT64_C(0x100000001b3);
}

/* Payloads of up to so many bytes are kept. */
static uint8_t payload[4096];

/* Feed a piece; returns false when the receiver has given up. */
static bool
feed(struct wire_rx *rx, const uint8_t *data, size_t len, struct events *e)
{
	enum wire_event ev;

	do {
		size_t n = wire_rx_feed(rx, data, len, &ev);

		promise(n <= len, "no more bytes than there are");
		data += n;
		len -= n;
		if (ev == WIRE_EV_HEADER) {
			promise(rx->rx_len == rx->rx_hdr.wh_len - WIRE_HDRLEN,
			    "payload's length");
			promise(rx->rx_len <=
				    WIRE_COPY_MAX + sizeof(struct wire_copy),
			    "the limit");
			wire_rx_payload(rx, payload, sizeof(payload));
		} else if (ev == WIRE_EV_FRAME) {
			mix(e, &rx->rx_hdr, sizeof(rx->rx_hdr));
			mix(e, payload,
			    rx->rx_len < sizeof(payload) ? rx->rx_len
							 : sizeof(payload));
			e->ev_frames++;
		} else if (ev == WIRE_EV_BAD) {
			e->ev_bad = true;
			return false;
		} else {
			promise(len == 0, "all bytes are taken");
		}
	} while (ev != WIRE_EV_MORE);
	return true;
}

static struct events
receive(const struct wire_limits *limits, const uint8_t *data, size_t size,
    size_t piece)
{
	struct events e = { 0 };
	struct wire_rx rx;

	wire_rx_init(&rx, limits);
	for (size_t at = 0; at < size; at += piece)
		if (!feed(&rx, data + at, size - at < piece ? size - at : piece,
			&e))
			break;
	return e;
}

/* The same frames come out, whatever the pieces. */
static void
fuzz_rx(const uint8_t *data, size_t size)
{
	static const struct wire_limits *const roles[] = {
		&wire_limits_server,
		&wire_limits_client,
	};

	for (int i = 0; i < 2; i++) {
		struct events whole = receive(
				  roles[i], data, size, size > 0 ? size : 1),
			      bytes = receive(roles[i], data, size, 1),
			      sevens = receive(roles[i], data, size, 7);

		promise(whole.ev_sum == bytes.ev_sum &&
			    whole.ev_sum == sevens.ev_sum &&
			    whole.ev_frames == bytes.ev_frames &&
			    whole.ev_bad == bytes.ev_bad,
		    "pieces do not matter");
	}
}

static void
fuzz_banner(const uint8_t *data, size_t size)
{
	enum wire_bannerstate state, again;
	char buf[WIRE_BANNER_MAX];
	struct wire_banner wb, wb2;
	size_t len;

	state = wire_banner_parse((const char *)data, size, &wb);
	if (state == WIRE_BANNER_MORE)
		promise(size < WIRE_BANNER_MAX, "it cannot be read for ever");
	if (state != WIRE_BANNER_OK)
		return;
	len = wire_banner_make(buf, wb.wb_ostype, wb.wb_osrelease,
	    wb.wb_machine, wb.wb_word[0] != '\0' ? wb.wb_word : NULL);
	promise(len > 0, "what is understood can be made");
	again = wire_banner_parse(buf, len, &wb2);
	promise(again == WIRE_BANNER_OK, "what is made is understood");
	promise(memcmp(&wb, &wb2, sizeof(wb)) == 0, "the same banner");
}

static void
fuzz_address(const uint8_t *data, size_t size)
{
	char url[ADDRESS_URL_MAX], *text = malloc(size + 1);
	struct address ad, again;

	memcpy(text, data, size);
	text[size] = '\0';
	if (address_parse(text, &ad) == ADDRESS_OK) {
		address_format(&ad, url);
		promise(strlen(url) < sizeof(url), "it fits");
		promise(address_parse(url, &again) == ADDRESS_OK, "a URL");
		promise(memcmp(&ad, &again, sizeof(ad)) == 0, "the same");
		(void)address_check_client(&ad);
		if (address_make_absolute(&ad, "/some/directory") == ADDRESS_OK)
			promise(!address_is_relative(&ad), "absolute");
	}
	free(text);
}

static void
fuzz_payload(const uint8_t *data, size_t size)
{
	uint32_t auth[WIRE_NAUTH];
	struct wire_sysret ws;
	struct wire_fork wf;
	struct wire_copy wc;
	struct wire_hdr h;
	uint64_t word;
	int32_t error;
	char name[16];

	if (wire_get_name(data, size, name, sizeof(name)))
		promise(strlen(name) < sizeof(name), "a string");
	(void)wire_get_fork(data, size, &wf);
	(void)wire_get_sysret(data, size, &ws);
	(void)wire_get_welcome(data, size, &error);
	(void)wire_get_auth(data, size, auth);
	(void)wire_get_copy(data, size, &wc);
	(void)wire_get_word(data, size, &word);
	if (wire_get_copyout(data, size, &wc))
		promise(wc.wc_len + sizeof(wc) == size, "length of a copyout");
	if (size < sizeof(h))
		return;
	memcpy(&h, data, sizeof(h));
	for (enum wire_state s = 0; s < WIRE_NSTATES; s++) {
		struct wire_verdict wv = wire_server_verdict(s, &h);
		enum wire_state next = wire_state_asked(s, &h);

		promise(next >= s && next < WIRE_NSTATES, "a state");
		promise(wv.wv_do <= WIRE_DO_CLOSE, "a verdict");
		promise(next == s || wv.wv_do == WIRE_DO_SERVE,
		    "only what is served changes the state");
		(void)wire_client_take(s, &h);
	}
}

static const struct {
	const char *name;
	void (*fuzz)(const uint8_t *data, size_t size);
} targets[] = {
	{ "rx", fuzz_rx },
	{ "banner", fuzz_banner },
	{ "address", fuzz_address },
	{ "payload", fuzz_payload },
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > STREAM_MAX)
		return 0;
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		if (strcmp(targets[i].name, FUZZ_TARGET) == 0)
			targets[i].fuzz(data, size);
	return 0;
}
