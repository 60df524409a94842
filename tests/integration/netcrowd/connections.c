/* SPDX-License-Identifier: BSD-2-Clause */
/* Sockets come, get names and peers, and go. */
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

#include "netcrowd.h"

static void
socket_made(void)
{
	int family = ONE_OF(AF_INET, AF_INET, AF_INET6);
	int type = ONE_OF(SOCK_STREAM, SOCK_STREAM, SOCK_DGRAM, SOCK_DGRAM,
	    SOCK_SEQPACKET, SOCK_RDM, 0);
	int flags = ONE_OF(0, SOCK_NONBLOCK, SOCK_CLOEXEC, 0x100);
	int protocol =
	    ONE_OF(0, 0, 0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE, 999, -1);

	printf("socket %d %d %#x %d", family, type, flags, protocol);
	keep((int)told(socket(family, type | flags, protocol)));
}

static void
connected(void)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int family = ONE_OF(AF_INET, AF_INET6), listener, one, other;

	listener = socket(family, SOCK_STREAM, 0);
	listen(listener, 1);
	getsockname(listener, (struct sockaddr *)&ss, &len);
	one = socket(family, SOCK_STREAM, 0);
	printf("connected %d", one);
	told(connect(one, (struct sockaddr *)&ss, len));
	other = (int)told(accept(listener, NULL, NULL));
	close(listener);
	keep(one);
	keep(other);
}

static void
bound(void)
{
	struct sockaddr_storage ss;
	int fd = some();
	socklen_t len;

	printf("bind %d", fd);
	len = some_address(&ss);
	told(bind(fd, (struct sockaddr *)&ss, len));
}

static void
connecting(void)
{
	struct sockaddr_storage ss;
	int fd = some();
	socklen_t len;

	printf("connect %d", fd);
	len = some_address(&ss);
	told(connect(fd, (struct sockaddr *)&ss, len));
}

static void
listening(void)
{
	int fd = some(), backlog = ONE_OF(0, 1, 5, -1, 100000);

	printf("listen %d %d", fd, backlog);
	told(listen(fd, backlog));
}

static void
accepted(void)
{
	struct sockaddr_storage ss = { 0 };
	int fd = some(), room = some_room(), new;
	int flags = ONE_OF(0, SOCK_NONBLOCK, SOCK_CLOEXEC, 1);
	socklen_t len = (socklen_t)room;

	printf("accept %d %#x", fd, flags);
	new = (int)told(accept4(fd, (struct sockaddr *)&ss, &len, flags));
	if (new >= 0)
		tell_address(&ss, len, room);
	keep(new);
}

static void
named(void)
{
	struct sockaddr_storage ss = { 0 };
	int fd = some(), room = some_room(), peer = (int)below(2);
	socklen_t len = (socklen_t)room;
	long result;

	printf("%s %d", peer ? "getpeername" : "getsockname", fd);
	result = told(peer ? getpeername(fd, (struct sockaddr *)&ss, &len)
			   : getsockname(fd, (struct sockaddr *)&ss, &len));
	if (result == 0)
		tell_address(&ss, len, room);
}

static void
shut(void)
{
	int fd = some(), how = (int)below(4);

	printf("shutdown %d %d", fd, how);
	told(shutdown(fd, how));
}

static void
closed(void)
{
	int fd = some();

	printf("close %d", fd);
	told(close(fd));
	forget(fd);
}

static void
duplicated(void)
{
	int fd = some(), onto = some();

	printf("dup %d %d", fd, onto);
	if (below(2) == 0)
		keep((int)told(dup(fd)));
	else if (onto >= 0)
		told(dup3(fd, onto, ONE_OF(0, O_CLOEXEC)));
}

call_fn *const connection_calls[] = { socket_made, socket_made, connected,
	connected, connected, bound, connecting, connecting, listening,
	accepted, accepted, named, shut, closed, duplicated, NULL };
