/* SPDX-License-Identifier: BSD-2-Clause */
/* Host half of netstat: what the host knows of a socket. */
#include "sockin/user_info.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "rump/rumpuser_host.h"

/* By the host's numbers; the names are netstat's. */
static const char *const states[] = {
	[TCP_ESTABLISHED] = "ESTABLISHED",
	[TCP_SYN_SENT] = "SYN_SENT",
	[TCP_SYN_RECV] = "SYN_RECEIVED",
	[TCP_FIN_WAIT1] = "FIN_WAIT_1",
	[TCP_FIN_WAIT2] = "FIN_WAIT_2",
	[TCP_TIME_WAIT] = "TIME_WAIT",
	[TCP_CLOSE] = "CLOSED",
	[TCP_CLOSE_WAIT] = "CLOSE_WAIT",
	[TCP_LAST_ACK] = "LAST_ACK",
	[TCP_LISTEN] = "LISTEN",
	[TCP_CLOSING] = "CLOSING",
};

#define NSTATES (sizeof(states) / sizeof(states[0]))

static bool
get_option(int fd, int level, int name, void *val, socklen_t len)
{
	return rumpuser_host_syscall(
		   SYS_getsockopt, fd, level, name, val, &len, 0) == 0;
}

int
rumpcomp_sockin_protocol(int fd)
{
	int protocol;

	return get_option(
		   fd, SOL_SOCKET, SO_PROTOCOL, &protocol, sizeof(protocol))
		   ? protocol
		   : -1;
}

const char *
rumpcomp_sockin_state(int fd)
{
	struct tcp_info ti;

	if (!get_option(fd, IPPROTO_TCP, TCP_INFO, &ti, sizeof(ti)) ||
	    ti.tcpi_state >= NSTATES)
		return NULL;
	return states[ti.tcpi_state];
}

/* The host's structure as far as it is needed; libc knows the head only. */
struct tcp_counts {
	struct tcp_info tc_head;
	uint64_t tc_rates[2], tc_acked, tc_received;
	uint32_t tc_segments[6];
	uint64_t tc_rate, tc_times[3];
	uint32_t tc_delivered[2];
	uint64_t tc_sent, tc_repeated;
};
_Static_assert(offsetof(struct tcp_counts, tc_rates) == 104 &&
		   offsetof(struct tcp_counts, tc_sent) == 200,
    "struct tcp_info of the host");

/*
 * The peer's FIN has come, and counts as a byte.  A connection is also closed by a
 * reset, of which the error tells if the program has not taken it yet.
 */
static bool
has_fin(int fd, unsigned state)
{
	struct pollfd p = { .fd = fd };
	const struct timespec now = { 0 };

	if (state == TCP_CLOSE)
		return rumpuser_host_syscall(
			   SYS_ppoll, &p, 1, &now, NULL, 8, 0) >= 0 &&
		       (p.revents & POLLERR) == 0;
	return state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK ||
	       state == TCP_CLOSING || state == TCP_TIME_WAIT;
}

bool
rumpcomp_sockin_bytes(int fd, uint64_t *received, uint64_t *sent)
{
	struct tcp_counts tc;
	socklen_t len = sizeof(tc);

	if (rumpuser_host_syscall(
		SYS_getsockopt, fd, IPPROTO_TCP, TCP_INFO, &tc, &len, 0) != 0 ||
	    len < sizeof(tc))
		return false;
	*received = *sent = 0;
	if (tc.tc_head.tcpi_state == TCP_LISTEN)
		return true;
	*received = tc.tc_received;
	if (tc.tc_received > 0 && has_fin(fd, tc.tc_head.tcpi_state))
		*received -= 1;
	*sent = tc.tc_sent - tc.tc_repeated;
	return true;
}
