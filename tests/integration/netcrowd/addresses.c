/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses of sockets at hand, of nobody, and such as are none. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "netcrowd.h"

#define DISCARD 9 /* a port that nobody listens at */
#define RESERVED 1024
#define PORTS 4096

static int seen[PORTS], nseen;

/* A port that the host has chosen is told by the order of its appearance. */
static int
port_number(in_port_t port)
{
	int i, number = ntohs(port);

	if (number < RESERVED)
		return (number);
	for (i = 0; i < nseen; i++)
		if (seen[i] == number)
			return (RESERVED + i);
	if (nseen == PORTS)
		return (-1);
	seen[nseen++] = number;
	return (RESERVED + i);
}

void
tell_address(const struct sockaddr_storage *ss, socklen_t len, int room)
{
	const struct sockaddr_in *sin = (const struct sockaddr_in *)ss;
	const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)ss;
	char text[INET6_ADDRSTRLEN];

	printf(" %d of %d", (int)len, room);
	if (room >= (int)sizeof(*sin) && ss->ss_family == AF_INET)
		printf(" %s:%d",
		    inet_ntop(AF_INET, &sin->sin_addr, text, sizeof(text)),
		    port_number(sin->sin_port));
	else if (room >= (int)sizeof(*sin6) && ss->ss_family == AF_INET6)
		printf(" %s:%d %u %u",
		    inet_ntop(AF_INET6, &sin6->sin6_addr, text, sizeof(text)),
		    port_number(sin6->sin6_port), sin6->sin6_flowinfo,
		    sin6->sin6_scope_id);
}

int
some_room(void)
{

	return (ONE_OF(sizeof(struct sockaddr_storage),
	    sizeof(struct sockaddr_in), sizeof(struct sockaddr_in6), 4, 0, -1));
}

static socklen_t
ipv4(struct sockaddr_storage *ss, in_addr_t address, in_port_t port)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)ss;

	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(address);
	sin->sin_port = htons(port);
	return (sizeof(*sin));
}

static socklen_t
ipv6(struct sockaddr_storage *ss, const char *address)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ss;

	sin6->sin6_family = AF_INET6;
	inet_pton(AF_INET6, address, &sin6->sin6_addr);
	return (
	    below(4) != 0 ? sizeof(*sin6) : sizeof(*sin6) - sizeof(uint32_t));
}

static socklen_t
of_another(struct sockaddr_storage *ss)
{
	socklen_t len = sizeof(*ss);
	int fd = some();

	printf(" of %d", fd);
	if (getsockname(fd, (struct sockaddr *)ss, &len) != 0)
		return (ipv4(ss, INADDR_LOOPBACK, DISCARD));
	return (len);
}

/* Of a family, and of a length, that no socket here has. */
static socklen_t
odd(struct sockaddr_storage *ss)
{

	ss->ss_family = (sa_family_t)ONE_OF(AF_UNSPEC, AF_UNIX, AF_NETLINK, 99);
	return ((socklen_t)ONE_OF(0, 2, 14, 16, 28, 128));
}

socklen_t
some_address(struct sockaddr_storage *ss)
{
	unsigned kind = below(16);

	printf(" address %u", kind);
	memset(ss, 0, sizeof(*ss));
	switch (kind) {
	case 0:
	case 1:
		return (ipv4(ss, INADDR_LOOPBACK, 0));
	case 2:
		return (ipv4(ss, INADDR_ANY, 0));
	case 3:
		return (ipv4(ss, INADDR_LOOPBACK, DISCARD));
	case 4:
		return (ipv6(ss, "::1"));
	case 5:
		return (ipv6(ss, "::ffff:127.0.0.1"));
	case 6:
		return (ipv6(ss, "::"));
	case 7:
	case 8:
		return (odd(ss));
	default:
		return (of_another(ss));
	}
}
