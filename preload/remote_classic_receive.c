/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What arrives on a classic connection.  Small frames are read many at a time;
 * the payload of a large one goes straight to memory of its own, whose size the
 * limits of the codec bound.
 */
#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/classic_link.h"
#include "rump/rumpdefs.h"

/* The header is there: a place for the payload. */
static int
prepare(struct classic *cl)
{
	struct wire_rx *rx = &cl->cl_rx;

	if (wire_client_take(cl->cl_state, &rx->rx_hdr) == WIRE_TAKE_BROKEN)
		return RUMP_ENOTCONN;
	if (rx->rx_len <= sizeof(cl->cl_small)) {
		wire_rx_payload(rx, cl->cl_small, sizeof(cl->cl_small));
		return 0;
	}
	cl->cl_large = classic_map(rx->rx_len);
	if (cl->cl_large == NULL)
		return RUMP_ENOTCONN;
	wire_rx_payload(rx, cl->cl_large, rx->rx_len);
	return 0;
}

/* The frame is complete. */
static int
dispatch(struct remote *rm)
{
	struct classic *cl = rm->rm_classic;
	struct wire_rx *rx = &cl->cl_rx;
	const void *data = cl->cl_large != NULL ? cl->cl_large : cl->cl_small;
	int error;

	if (rx->rx_hdr.wh_class == WIRE_REQ)
		error = classic_serve(rm, data, rx->rx_len);
	else
		error = classic_deliver(cl, &rx->rx_hdr, data, rx->rx_len);
	if (cl->cl_large != NULL)
		classic_unmap(cl->cl_large, rx->rx_len);
	cl->cl_large = NULL;
	return error;
}

static int
take(struct remote *rm, const unsigned char *data, size_t len)
{
	struct classic *cl = rm->rm_classic;
	enum wire_event ev;
	int error = 0;

	do {
		size_t n = wire_rx_feed(&cl->cl_rx, data, len, &ev);

		data += n;
		len -= n;
		if (ev == WIRE_EV_HEADER)
			error = prepare(cl);
		else if (ev == WIRE_EV_FRAME)
			error = dispatch(rm);
		else if (ev == WIRE_EV_BAD)
			error = RUMP_ENOTCONN;
	} while (error == 0 && ev != WIRE_EV_MORE);
	return error;
}

/* Bytes that came, 0 for none yet, -1 for the end of the stream. */
static long
read_socket(struct remote *rm, void *to, size_t size)
{
	long r = HOST(SYS_recvfrom, rm->rm_fd, to, size, MSG_DONTWAIT, 0, 0);

	if (r > 0)
		return r;
	return r == -EAGAIN || r == -EINTR ? 0 : -1;
}

int
classic_receive(struct remote *rm, bool exact)
{
	struct classic *cl = rm->rm_classic;
	void *place;
	size_t size = wire_rx_place(&cl->cl_rx, &place);
	long n;

	if (exact || size >= sizeof(cl->cl_in)) {
		n = read_socket(rm, place, size);
		if (n > 0)
			wire_rx_stored(&cl->cl_rx, (size_t)n);
		return n < 0 ? RUMP_ENOTCONN : take(rm, cl->cl_in, 0);
	}
	n = read_socket(rm, cl->cl_in, sizeof(cl->cl_in));
	return n < 0 ? RUMP_ENOTCONN : take(rm, cl->cl_in, (size_t)n);
}
