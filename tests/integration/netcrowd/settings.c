/* SPDX-License-Identifier: BSD-2-Clause */
/* Options, ioctl(2) and fcntl(2). */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "netcrowd.h"

#define LONGEST 100

/* Options whose value is the same each time, and what there is none of. */
static const struct {
	int level, name;
} options[] = {
	{ SOL_SOCKET, SO_REUSEADDR },
	{ SOL_SOCKET, SO_TYPE },
	{ SOL_SOCKET, SO_ERROR },
	{ SOL_SOCKET, SO_BROADCAST },
	{ SOL_SOCKET, SO_KEEPALIVE },
	{ SOL_SOCKET, SO_OOBINLINE },
	{ SOL_SOCKET, SO_LINGER },
	{ SOL_SOCKET, SO_RCVLOWAT },
	{ SOL_SOCKET, SO_ACCEPTCONN },
	{ SOL_SOCKET, SO_PROTOCOL },
	{ SOL_SOCKET, SO_DOMAIN },
	{ SOL_SOCKET, SO_PRIORITY },
	{ SOL_SOCKET, SO_TIMESTAMP },
	{ SOL_SOCKET, 999 },
	{ IPPROTO_IP, IP_TOS },
	{ IPPROTO_IP, IP_TTL },
	{ IPPROTO_IP, IP_PKTINFO },
	{ IPPROTO_IP, IP_RECVERR },
	{ IPPROTO_IP, IP_MULTICAST_LOOP },
	{ IPPROTO_IPV6, IPV6_V6ONLY },
	{ IPPROTO_IPV6, IPV6_TCLASS },
	{ IPPROTO_IPV6, IPV6_RECVPKTINFO },
	{ IPPROTO_TCP, TCP_NODELAY },
	{ IPPROTO_TCP, TCP_CORK },
	{ IPPROTO_TCP, TCP_KEEPIDLE },
	{ IPPROTO_TCP, TCP_CONGESTION },
	{ IPPROTO_UDP, 1 },
	{ 999, 1 },
	{ -1, 1 },
};

static void
option_set(void)
{
	unsigned i = below(NITEMS(options));
	int fd = some(), value = ONE_OF(0, 1, 2, -1, 100, 5000);
	socklen_t len = (socklen_t)ONE_OF(4, 4, 4, 1, 2, 8, 16, 0, -1);
	char bytes[LONGEST] = { 0 };

	memcpy(bytes, &value, sizeof(value));
	printf("setsockopt %d %d %d %d %d", fd, options[i].level,
	    options[i].name, value, (int)len);
	told(setsockopt(fd, options[i].level, options[i].name, bytes, len));
}

static void
option_got(void)
{
	unsigned i = below(NITEMS(options));
	int fd = some();
	socklen_t j, len = (socklen_t)ONE_OF(4, 4, 4, 1, 2, 8, 16, 0, LONGEST);
	char bytes[LONGEST];

	printf("getsockopt %d %d %d %d", fd, options[i].level, options[i].name,
	    (int)len);
	if (told(getsockopt(
		fd, options[i].level, options[i].name, bytes, &len)) != 0)
		return;
	for (j = 0; j < len; j++)
		printf(" %02x", (unsigned char)bytes[j]);
}

static void
requested(void)
{
	/* How much a peer has acknowledged is a matter of time. */
	static const unsigned long requests[] = { FIONREAD, SIOCATMARK, FIONBIO,
		FIOASYNC, FIOCLEX, FIONCLEX, FIOQSIZE, SIOCGPGRP, TCGETS,
		0xdead };
	unsigned long request = requests[below(NITEMS(requests))];
	int fd = some(), value[64] = { request == FIONBIO };

	printf("ioctl %d %#lx", fd, request);
	if (told(ioctl(fd, request, value)) == 0)
		printf(" %d", value[0]);
}

static void
controlled(void)
{
	int command =
	    ONE_OF(F_GETFL, F_GETFD, F_GETOWN, F_GETSIG, F_GETLEASE, F_NOTIFY,
		F_SETLEASE, F_ADD_SEALS, F_GETPIPE_SZ, F_SETPIPE_SZ, 9999);
	int fd = some();

	printf("fcntl %d %d", fd, command);
	told(fcntl(fd, command, 0));
}

static void
status_set(void)
{
	int fd = some();
	int flags = ONE_OF(0, O_ASYNC, O_DIRECT, O_NOATIME, O_SYNC);

	printf("fcntl %d F_SETFL %#o", fd, (unsigned)flags);
	told(fcntl(fd, F_SETFL, O_NONBLOCK | flags));
}

static void
locked(void)
{
	int command = ONE_OF(F_GETLK, F_SETLK, F_OFD_GETLK, F_OFD_SETLK);
	struct flock lock = { .l_type = (short)ONE_OF(F_RDLCK, F_UNLCK) };
	int fd = some();

	printf("fcntl %d %d %d", fd, command, lock.l_type);
	if (told(fcntl(fd, command, &lock)) == 0)
		printf(" %d", lock.l_type);
}

call_fn *const setting_calls[] = { option_set, option_set, option_got,
	option_got, requested, controlled, status_set, locked, NULL };
