/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What arrives on a link.  Small frames are read many at a time into a buffer;
 * the payload of a large one goes straight to memory of its own, whose size the
 * limits of the client bound.
 */
#include "sysproxy/client_linkvar.h"

#include <errno.h>
#include <stdlib.h>

#include "sysproxy/client_host.h"

/* The header is there: a place for the payload. */
static int
prepare(struct link *lk)
{
	struct wire_rx *rx = &lk->lk_rx;

	if (wire_client_take(lk->lk_state, &rx->rx_hdr) == WIRE_TAKE_BROKEN)
		return ENOTCONN;
	if (rx->rx_len <= sizeof(lk->lk_small)) {
		wire_rx_payload(rx, lk->lk_small, sizeof(lk->lk_small));
		return 0;
	}
	lk->lk_large = malloc(rx->rx_len);
	if (lk->lk_large == NULL)
		return ENOTCONN;
	wire_rx_payload(rx, lk->lk_large, rx->rx_len);
	return 0;
}

/* The frame is complete. */
static int
dispatch(struct link *lk)
{
	struct wire_rx *rx = &lk->lk_rx;
	const void *data = lk->lk_large != NULL ? lk->lk_large : lk->lk_small;
	int error;

	if (rx->rx_hdr.wh_class == WIRE_REQ)
		error = link_serve(lk, data, rx->rx_len);
	else
		error = link_deliver(lk, &rx->rx_hdr, data, rx->rx_len);
	free(lk->lk_large);
	lk->lk_large = NULL;
	return error;
}

/* Have the receiver take len bytes, and do what becomes possible. */
static int
take(struct link *lk, const unsigned char *data, size_t len)
{
	enum wire_event ev;
	int error = 0;

	do {
		size_t n = wire_rx_feed(&lk->lk_rx, data, len, &ev);

		data += n;
		len -= n;
		if (ev == WIRE_EV_HEADER)
			error = prepare(lk);
		else if (ev == WIRE_EV_FRAME)
			error = dispatch(lk);
		else if (ev == WIRE_EV_BAD)
			error = ENOTCONN;
	} while (error == 0 && ev != WIRE_EV_MORE);
	return error;
}

/* Bytes that came, 0 for none yet, -1 for the end of the stream. */
static ssize_t
read_socket(struct link *lk, void *to, size_t size)
{
	ssize_t n = host_read(lk->lk_fd, to, size);

	if (n > 0)
		return n;
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return -1;
}

int
link_receive(struct link *lk, bool exact)
{
	void *place;
	size_t size = wire_rx_place(&lk->lk_rx, &place);
	ssize_t n;

	if (exact || size >= sizeof(lk->lk_buffer)) {
		n = read_socket(lk, place, size);
		if (n > 0)
			wire_rx_stored(&lk->lk_rx, (size_t)n);
		return n < 0 ? ENOTCONN : take(lk, lk->lk_buffer, 0);
	}
	n = read_socket(lk, lk->lk_buffer, sizeof(lk->lk_buffer));
	return n < 0 ? ENOTCONN : take(lk, lk->lk_buffer, (size_t)n);
}
