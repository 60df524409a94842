/* SPDX-License-Identifier: BSD-2-Clause */
#include "preload/abi/poll.h"

#include <poll.h>

#include "preload/abi/map.h"
#include "rump/rumpdefs.h"

static const struct abi_pair events_map[] = {
	{ POLLIN, RUMP_POLLIN },
	{ POLLPRI, RUMP_POLLPRI },
	{ POLLOUT, RUMP_POLLOUT },
	{ POLLERR, RUMP_POLLERR },
	{ POLLHUP, RUMP_POLLHUP },
	{ POLLNVAL, RUMP_POLLNVAL },
	{ POLLRDNORM, RUMP_POLLRDNORM },
	{ POLLRDBAND, RUMP_POLLRDBAND },
	{ POLLWRNORM, RUMP_POLLWRNORM },
	{ POLLWRBAND, RUMP_POLLWRBAND },
};

short
abi_poll_to_netbsd(short events)
{
	return (short)abi_bits_to_netbsd(
	    events_map, ABI_NITEMS(events_map), (uint16_t)events, NULL);
}

short
abi_poll_to_linux(short revents, short asked)
{
	short out = (short)abi_bits_to_linux(
	    events_map, ABI_NITEMS(events_map), (uint16_t)revents, NULL);

	if ((revents & RUMP_POLLWRNORM) != 0)
		out |= asked & (POLLOUT | POLLWRNORM);
	if ((asked & POLLOUT) == 0)
		out &= ~POLLOUT;
	return out;
}
