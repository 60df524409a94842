/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls that send and receive: every flag, control data, and what is wrong. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "calls.h"

static char buf[4096], control[512];
static struct sockaddr_in to, from;
static int stream[2], udp[2], fresh, fresh_udp, file;

static int
bound(int type, struct sockaddr_in *sin)
{
	socklen_t size = sizeof(*sin);
	int fd;

	*sin = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	fd = socket(AF_INET, type, 0);
	must(fd >= 0 && bind(fd, (struct sockaddr *)sin, size) == 0, "bind");
	must(getsockname(fd, (struct sockaddr *)sin, &size) == 0, "name");
	return (fd);
}

static void
await(int fd, int events)
{
	struct pollfd p = { fd, events, 0 };

	must(poll(&p, 1, -1) == 1, "poll");
}

static void
populate(void)
{
	struct sockaddr_in sin;
	int fd;

	fd = bound(SOCK_STREAM, &sin);
	must(listen(fd, 1) == 0, "listen");
	stream[1] = socket(AF_INET, SOCK_STREAM, 0);
	must(connect(stream[1], (struct sockaddr *)&sin, sizeof(sin)) == 0,
	    "connect");
	stream[0] = accept(fd, NULL, NULL);
	must(stream[0] >= 0, "accept");
	udp[0] = bound(SOCK_DGRAM, &to);
	udp[1] = bound(SOCK_DGRAM, &sin);
	fresh = socket(AF_INET, SOCK_STREAM, 0);
	fresh_udp = socket(AF_INET, SOCK_DGRAM, 0);
	make("file", "x");
	file = open("file", O_RDWR);
	signal(SIGPIPE, SIG_IGN);
}

#define TO (struct sockaddr *)&to, sizeof(to)

static void
sending(void)
{
	int flag;

	populate();
	T(send(99, "x", 1, 0));
	T(send(file, "x", 1, 0));
	T(send(fresh, "x", 1, 0));
	T(send(fresh_udp, "x", 1, 0));
	T(send(stream[0], NOWHERE, 1, 0));
	T(send(stream[0], NOWHERE, 0, 0));
	T(send(stream[0], NULL, 0, 0));
	T(sendto(udp[1], "x", 1, 0, TO));
	T(sendto(udp[1], "", 0, 0, TO));
	T(sendto(udp[1], NOWHERE, 1, 0, TO));
	T(sendto(udp[1], "x", 1, 0, NOWHERE, sizeof(to)));
	T(sendto(udp[1], "x", 1, 0, (struct sockaddr *)&to, 1));
	T(sendto(udp[1], "x", 1, 0, (struct sockaddr *)&to, 8));
	T(sendto(udp[1], "x", 1, 0, (struct sockaddr *)&to, -1));
	T(sendto(udp[1], "x", 1, 0, (struct sockaddr *)&to, 129));
	T(sendto(udp[1], "x", 1, 0, NULL, 16));
	T(sendto(udp[1], "x", 1, 0, (struct sockaddr *)&to, 0));
	T(sendto(udp[1], buf, 70000, 0, TO));
	T(sendto(stream[0], "x", 1, 0, TO));
	T(sendto(fresh, "x", 1, 0, TO));
	to.sin_family = 77;
	T(sendto(udp[1], "x", 1, 0, TO));
	to.sin_family = AF_UNSPEC;
	T(sendto(udp[1], "x", 1, 0, TO));
	to.sin_family = AF_INET;
	for (flag = 1; flag > 0 && flag < 0x40000000; flag <<= 1) {
		/* Fast open waits for cookies, zero copy for rights. */
		if (flag == MSG_FASTOPEN || flag == MSG_ZEROCOPY ||
		    flag == MSG_MORE || flag == 0x8000000)
			continue;
		note("flag %#x", flag);
		T(send(stream[0], "x", 1, flag));
		T(sendto(udp[1], "x", 1, flag, TO));
		T(send(fresh, "x", 1, flag | MSG_NOSIGNAL));
	}
}

static void
receiving(void)
{
	socklen_t size;
	int flag;

	populate();
	T(recv(99, buf, 1, 0));
	T(recv(file, buf, 1, 0));
	T(recv(fresh, buf, 1, 0));
	T(recv(fresh_udp, buf, 1, MSG_DONTWAIT));
	T(recv(stream[0], buf, 1, MSG_DONTWAIT));
	T(recv(stream[0], buf, 0, MSG_DONTWAIT));
	for (flag = 1; flag > 0 && flag < 0x40000000; flag <<= 1) {
		note("flag %#x", flag);
		T(send(stream[1], "abcdef", 6, 0));
		await(stream[0], POLLIN);
		show("got", buf, T(recv(stream[0], buf, 3, flag)));
		while (recv(stream[0], buf, 100, MSG_DONTWAIT) > 0)
			continue;
		T(sendto(udp[1], "abcdef", 6, 0, TO));
		await(udp[0], POLLIN);
		show("got", buf, T(recv(udp[0], buf, 3, flag)));
		while (recv(udp[0], buf, 100, MSG_DONTWAIT) > 0)
			continue;
	}
	T(sendto(udp[1], "abcdef", 6, 0, TO));
	await(udp[0], POLLIN);
	T(recvfrom(
	    udp[0], buf, 10, MSG_PEEK, (struct sockaddr *)&from, NOWHERE));
	T(recvfrom(udp[0], buf, 10, MSG_PEEK, NOWHERE, &size));
	size = -1;
	T(recvfrom(udp[0], buf, 10, MSG_PEEK, (struct sockaddr *)&from, &size));
	size = 3;
	T(recvfrom(udp[0], buf, 10, MSG_PEEK, (struct sockaddr *)&from, &size));
	note("size %u", size);
	size = 100;
	T(recvfrom(udp[0], buf, 10, MSG_PEEK, (struct sockaddr *)&from, &size));
	note("size %u", size);
	T(recvfrom(udp[0], NOWHERE, 10, MSG_PEEK, NULL, NULL));
	T(recv(udp[0], buf, 10, MSG_PEEK | MSG_TRUNC));
	T(recv(udp[0], NULL, 0, MSG_PEEK | MSG_TRUNC));
	T(recv(udp[0], NOWHERE, 10, 0));
	T(recv(udp[0], buf, 10, MSG_DONTWAIT));
	T(send(stream[1], "abcdef", 6, 0));
	await(stream[0], POLLIN);
	T(recv(stream[0], NOWHERE, 10, 0));
	T(recv(stream[0], NULL, 4, MSG_TRUNC));
	T(recv(stream[0], buf, 10, MSG_DONTWAIT));
	T(send(stream[1], "oob", 3, MSG_OOB));
	await(stream[0], POLLPRI);
	T(recv(stream[0], buf, 10, MSG_OOB));
	T(recv(stream[0], buf, 10, MSG_OOB));
	T(recv(stream[0], buf, 10, 0));
}

static struct msghdr
message(struct iovec *iov, size_t n)
{

	return ((struct msghdr){ .msg_name = &to,
	    .msg_namelen = sizeof(to),
	    .msg_iov = iov,
	    .msg_iovlen = n });
}

static void
whole_messages(void)
{
	struct iovec iov[2] = { { "abc", 3 }, { "defg", 4 } };
	struct msghdr m;

	populate();
	m = message(iov, 2);
	T(sendmsg(99, &m, 0));
	T(sendmsg(file, &m, 0));
	T(sendmsg(udp[1], &m, 0));
	T(sendmsg(udp[1], NOWHERE, 0));
	m = message(iov, 0);
	T(sendmsg(udp[1], &m, 0));
	m = message(NOWHERE, 1);
	T(sendmsg(udp[1], &m, 0));
	m = message(iov, IOV_MAX + 1);
	T(sendmsg(udp[1], &m, 0));
	m = message(iov, 2);
	m.msg_name = NOWHERE;
	T(sendmsg(udp[1], &m, 0));
	m.msg_name = NULL;
	T(sendmsg(udp[1], &m, 0));
	m = message(iov, 2);
	m.msg_namelen = -1;
	T(sendmsg(udp[1], &m, 0));
	m.msg_namelen = 200;
	T(sendmsg(udp[1], &m, 0));
	m.msg_namelen = 3;
	T(sendmsg(udp[1], &m, 0));
	m = message(iov, 2);
	m.msg_control = NOWHERE;
	m.msg_controllen = 20;
	T(sendmsg(udp[1], &m, 0));
	m.msg_controllen = 3;
	T(sendmsg(udp[1], &m, 0));
	m.msg_control = control;
	m.msg_controllen = 1 << 30;
	T(sendmsg(udp[1], &m, 0));
	m.msg_controllen = -1;
	T(sendmsg(udp[1], &m, 0));
	iov[0].iov_len = -1;
	m = message(iov, 2);
	T(sendmsg(udp[1], &m, 0));
	iov[0] = (struct iovec){ NOWHERE, 5 };
	m = message(iov, 2);
	T(sendmsg(udp[1], &m, 0));
}

/* Waits for a message and prints it. */
static void
take(const char *what, size_t room, size_t control_room, int flags)
{
	struct iovec iov = { buf, room };
	struct msghdr m = { .msg_name = &from,
		.msg_namelen = 100,
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = control_room };
	struct cmsghdr *c;
	int value;
	long n;

	await(udp[0], POLLIN);
	errno = 0;
	n = say(what, recvmsg(udp[0], &m, flags));
	show("data", buf, n < (long)room ? n : (long)room);
	note("flags %#x, name %u, control %zu", m.msg_flags, m.msg_namelen,
	    m.msg_controllen);
	for (c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
		memcpy(&value, CMSG_DATA(c), sizeof(value));
		note("%d %d %zu %s", c->cmsg_level, c->cmsg_type, c->cmsg_len,
		    c->cmsg_level == IPPROTO_IP && value == 0 ? "0" : "...");
	}
}

static void
accompanied(void)
{
	union {
		struct cmsghdr head;
		char bytes[64];
	} u = { .head = { .cmsg_len = CMSG_LEN(4),
		    .cmsg_level = IPPROTO_IP,
		    .cmsg_type = IP_TTL } };
	struct iovec iov = { "abcdef", 6 };
	struct msghdr m;
	int one = 1, size;

	populate();
	T(setsockopt(udp[0], IPPROTO_IP, IP_RECVTTL, &one, 4));
	T(setsockopt(udp[0], IPPROTO_IP, IP_PKTINFO, &one, 4));
	T(setsockopt(udp[0], IPPROTO_IP, IP_RECVTOS, &one, 4));
	T(setsockopt(udp[0], SOL_SOCKET, SO_TIMESTAMP, &one, 4));
	T(setsockopt(udp[0], SOL_SOCKET, SO_TIMESTAMPNS, &one, 4));
	T(setsockopt(udp[0], SOL_SOCKET, SO_RXQ_OVFL, &one, 4));
	for (size = 0; size <= 160; size += 8) {
		T(sendto(udp[1], "abcdef", 6, 0, TO));
		take("recvmsg", 10, size, 0);
	}
	T(sendto(udp[1], "abcdef", 6, 0, TO));
	take("peeked", 3, 512, MSG_PEEK | MSG_TRUNC);
	take("cut off", 3, 512, 0);
	m = message(&iov, 1);
	m.msg_control = &u;
	for (size = 0; size <= 40; size += 4) {
		m.msg_controllen = size;
		errno = 0;
		note("control of %d", size);
		T(sendmsg(udp[1], &m, 0));
	}
	m.msg_controllen = CMSG_SPACE(4);
	memcpy(CMSG_DATA(&u.head), &(int){ 300 }, 4);
	T(sendmsg(udp[1], &m, 0));
	memcpy(CMSG_DATA(&u.head), &(int){ 3 }, 4);
	T(sendmsg(udp[1], &m, 0));
	u.head.cmsg_len = 1;
	T(sendmsg(udp[1], &m, 0));
	u.head.cmsg_len = 1 << 20;
	T(sendmsg(udp[1], &m, 0));
	u.head.cmsg_len = CMSG_LEN(4);
	u.head.cmsg_level = 77;
	T(sendmsg(udp[1], &m, 0));
	u.head.cmsg_level = SOL_SOCKET;
	T(sendmsg(udp[1], &m, 0));
	u.head.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&u.head), &file, 4);
	T(sendmsg(udp[1], &m, 0));
	T(sendmsg(stream[0], &m, MSG_NOSIGNAL));
}

static void
many(void)
{
	struct iovec iov[3] = { { "a", 1 }, { "bb", 2 }, { "ccc", 3 } };
	struct iovec rooms[4] = { { buf, 9 }, { buf + 100, 9 },
		{ buf + 200, 2 }, { buf + 300, 9 } };
	struct timespec none = { 0, 0 }, odd = { 0, -1 };
	struct mmsghdr out[3], in[4];
	int i;

	populate();
	for (i = 0; i < 3; i++)
		out[i] = (struct mmsghdr){ .msg_hdr = message(&iov[i], 1) };
	memset(in, 0, sizeof(in));
	for (i = 0; i < 4; i++)
		in[i].msg_hdr =
		    (struct msghdr){ .msg_iov = &rooms[i], .msg_iovlen = 1 };
	T(sendmmsg(99, out, 3, 0));
	T(sendmmsg(file, out, 3, 0));
	T(sendmmsg(udp[1], NOWHERE, 3, 0));
	T(sendmmsg(udp[1], out, 0, 0));
	T(sendmmsg(udp[1], out, 3, 0));
	note("%u %u %u", out[0].msg_len, out[1].msg_len, out[2].msg_len);
	T(recvmmsg(99, in, 3, 0, NULL));
	T(recvmmsg(udp[0], in, 3, 0, &odd));
	T(recvmmsg(udp[0], in, 3, 0, NOWHERE));
	T(recvmmsg(udp[0], NOWHERE, 3, 0, &none));
	T(recvmmsg(udp[0], in, 0, 0, NULL));
	T(recvmmsg(udp[0], in, 4, MSG_DONTWAIT, NULL));
	for (i = 0; i < 4; i++)
		note("%u %#x", in[i].msg_len, in[i].msg_hdr.msg_flags);
	T(recvmmsg(udp[0], in, 4, MSG_DONTWAIT, NULL));
	out[1].msg_hdr.msg_name = NOWHERE;
	T(sendmmsg(udp[1], out, 3, 0));
	T(sendmmsg(udp[1], out + 1, 2, 0));
}

const struct section message_sections[] = {
	{ "sockets-sending", sending },
	{ "sockets-receiving", receiving },
	{ "sockets-messages", whole_messages },
	{ "sockets-control", accompanied },
	{ "sockets-many", many },
	{ NULL, NULL },
};
