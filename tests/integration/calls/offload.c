/* SPDX-License-Identifier: BSD-2-Clause */
/* Work that a program leaves to its sockets: pages that are sent and received
 * without a copy, datagrams that are cut and joined, a group that a filter
 * chooses from, data that travel with the connection. */
#include <time.h> /* errqueue.h wants its struct */

#include <errno.h>
#include <linux/errqueue.h>
#include <linux/filter.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "calls.h"

#define AREA 65536
#define GROUP 3
#define A(sin) ((struct sockaddr *)(sin))

static struct sockaddr_in address;
static socklen_t len;
static char buf[AREA];

/* A socket bound to a free port of loopback, which address then names. */
static int
bound(int type)
{
	int fd = socket(AF_INET, type, 0);

	address = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	len = sizeof(address);
	must(fd >= 0 && bind(fd, A(&address), len) == 0, "bind");
	must(getsockname(fd, A(&address), &len) == 0, "name");
	return (fd);
}

static int
listening(void)
{
	int fd = bound(SOCK_STREAM);

	must(listen(fd, 4) == 0, "listen");
	return (fd);
}

static void
pair(int fds[2])
{
	int fd = listening();

	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	must(connect(fds[0], A(&address), len) == 0, "connect");
	fds[1] = accept(fd, NULL, NULL);
	must(fds[1] >= 0 && close(fd) == 0, "accept");
}

static void
await(int fd, int events)
{
	struct pollfd p = { fd, events, 0 };

	must(poll(&p, 1, -1) == 1, "poll");
}

static int
set(int fd, int level, int name, int value)
{

	return (setsockopt(fd, level, name, &value, sizeof(value)));
}

/* What mmap(2) says; where the area is does not matter. */
static void
map(const char *what, int fd, int prot, int flags, long size, long off)
{
	void *at;

	errno = 0;
	at = mmap(NULL, size, prot, flags, fd, off);
	say(what, at == MAP_FAILED ? -1 : munmap(at, size));
}

static void
mapping_sockets(void)
{
	int fds[2], udp = bound(SOCK_DGRAM), waits = listening();

	pair(fds);
	map("shared", fds[0], PROT_READ, MAP_SHARED, AREA, 0);
	map("private", fds[0], PROT_READ, MAP_PRIVATE, AREA, 0);
	map("writable", fds[0], PROT_READ | PROT_WRITE, MAP_SHARED, AREA, 0);
	map("executable", fds[0], PROT_READ | PROT_EXEC, MAP_SHARED, AREA, 0);
	map("nothing", fds[0], PROT_NONE, MAP_SHARED, AREA, 0);
	map("empty", fds[0], PROT_READ, MAP_SHARED, 0, 0);
	map("an odd place", fds[0], PROT_READ, MAP_SHARED, AREA, 1);
	map("a later page", fds[0], PROT_READ, MAP_SHARED, AREA, 4096);
	map("datagrams", udp, PROT_READ, MAP_SHARED, AREA, 0);
	map("connections", waits, PROT_READ, MAP_SHARED, AREA, 0);
}

static long
receive_pages(int fd, void *at, unsigned size)
{
	struct tcp_zerocopy_receive z = { .address = (uintptr_t)at,
		.length = size };
	long result;

	len = sizeof(z);
	result = getsockopt(fd, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &z, &len);
	note("mapped %u, to be copied %d", z.length, z.recv_skip_hint != 0);
	return (result);
}

static void
receiving_pages(void)
{
	void *area, *over;
	int fds[2];

	pair(fds);
	/* The area takes the place of memory that is in use. */
	over = mmap(NULL, AREA, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(over != MAP_FAILED, "mmap");
	memset(over, 'x', AREA);
	area = mmap(over, AREA, PROT_READ, MAP_SHARED | MAP_FIXED, fds[0], 0);
	note("in its place %d", area == over);
	T(receive_pages(fds[0], over, AREA));
	T(receive_pages(fds[0], buf, AREA));
	T(receive_pages(fds[0], over, 0));
	T(receive_pages(fds[0], (char *)over + 1, 4096));
	T(send(fds[1], "hello", 5, 0));
	await(fds[0], POLLIN);
	T(receive_pages(fds[0], over, AREA));
	T(recv(fds[0], buf, sizeof(buf), MSG_DONTWAIT));
	show("data", buf, 5);
	/* What is mapped keeps the connection. */
	T(close(fds[0]));
	T(recv(fds[1], buf, sizeof(buf), MSG_DONTWAIT));
	T(munmap(over, AREA));
	await(fds[1], POLLIN);
	T(recv(fds[1], buf, sizeof(buf), MSG_DONTWAIT));
}

/* The next notice that pages which were sent are free again. */
static long
notice(int fd)
{
	char control[128];
	struct msghdr m = { .msg_control = control,
		.msg_controllen = sizeof(control) };
	long result = recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT);
	struct sock_extended_err *e;
	struct cmsghdr *c;

	if (result < 0)
		return (result);
	c = CMSG_FIRSTHDR(&m);
	must(c != NULL, "control");
	e = (struct sock_extended_err *)CMSG_DATA(c);
	note("%d %d: origin %u, %u to %u", c->cmsg_level, c->cmsg_type,
	    e->ee_origin, e->ee_info, e->ee_data);
	return (result);
}

static void
sending_pages(void)
{
	int fds[2];

	pair(fds);
	T(send(fds[0], buf, 100, MSG_ZEROCOPY));
	T(recv(fds[1], buf, sizeof(buf), 0));
	T(notice(fds[0]));
	T(set(fds[0], SOL_SOCKET, SO_ZEROCOPY, 2));
	T(set(fds[0], SOL_SOCKET, SO_ZEROCOPY, 1));
	T(send(fds[0], buf, AREA, MSG_ZEROCOPY));
	T(recv(fds[1], buf, AREA, MSG_WAITALL));
	await(fds[0], POLLERR);
	T(notice(fds[0]));
	T(notice(fds[0]));
	T(send(fds[0], BEYOND, 100, MSG_ZEROCOPY));
}

/* A datagram with the size of its pieces, as a message. */
static long
send_pieces(int fd, size_t size, unsigned short piece)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(piece))];
	} control = { .head = { .cmsg_len = CMSG_LEN(sizeof(piece)),
			  .cmsg_level = SOL_UDP,
			  .cmsg_type = UDP_SEGMENT } };
	struct iovec v = { buf, size };
	struct msghdr m = { .msg_name = &address,
		.msg_namelen = len,
		.msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };

	memcpy(CMSG_DATA(&control.head), &piece, sizeof(piece));
	return (sendmsg(fd, &m, 0));
}

/* What comes, and how large the pieces were that were joined. */
static long
receive_joined(int fd)
{
	char control[64];
	struct iovec v = { buf, sizeof(buf) };
	struct msghdr m = { .msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	long result = recvmsg(fd, &m, MSG_DONTWAIT);
	struct cmsghdr *c = result < 0 ? NULL : CMSG_FIRSTHDR(&m);
	int piece = 0;

	if (c != NULL)
		memcpy(&piece, CMSG_DATA(c), sizeof(piece));
	note("pieces of %d, control %d", piece, c != NULL);
	return (result);
}

static long
await_joined(int fd)
{

	await(fd, POLLIN);
	return (receive_joined(fd));
}

static void
cutting(void)
{
	int from = bound(SOCK_DGRAM), to = bound(SOCK_DGRAM);

	T(set(from, SOL_UDP, UDP_SEGMENT, 1000));
	T(sendto(from, buf, 2500, 0, A(&address), len));
	T(await_joined(to));
	T(await_joined(to));
	T(await_joined(to));
	T(receive_joined(to));
	T(send_pieces(from, 3000, 1500));
	T(await_joined(to));
	T(await_joined(to));
	T(set(to, SOL_UDP, UDP_GRO, 1));
	T(send_pieces(from, 3000, 1200));
	T(await_joined(to));
	T(receive_joined(to));
	T(send_pieces(from, 30000, 10));
	T(send_pieces(from, 30000, 0xffff));
	T(set(from, SOL_UDP, UDP_SEGMENT, 70000));
	T(set(from, SOL_UDP, UDP_SEGMENT, -1));
	T(set(from, IPPROTO_TCP, UDP_SEGMENT, 100));
}

/* A member of the group that address names; the first one makes it. */
static int
member(int first)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (first) {
		address.sin_family = AF_INET;
		address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		address.sin_port = 0;
		len = sizeof(address);
	}
	must(set(fd, SOL_SOCKET, SO_REUSEPORT, 1) == 0 &&
		 bind(fd, A(&address), len) == 0 &&
		 getsockname(fd, A(&address), &len) == 0,
	    "member");
	return (fd);
}

static void
choosing(void)
{
	struct sock_filter second[] = { { BPF_RET | BPF_K, 0, 0, 1 } };
	struct sock_fprog prog = { 1, second }, none = { 0, second };
	int from = bound(SOCK_DGRAM), fds[GROUP], i;

	for (i = 0; i < GROUP; i++)
		fds[i] = member(i == 0);
	T(setsockopt(
	    fds[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &none, sizeof(none)));
	T(setsockopt(
	    fds[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, NOWHERE, 16));
	T(setsockopt(
	    fds[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog, sizeof(prog)));
	for (i = 0; i < GROUP; i++)
		T(sendto(from, "x", 1, 0, A(&address), len));
	for (i = 0; i < GROUP; i++)
		T(recv(fds[1], buf, 1, 0));
	for (i = 0; i < GROUP; i++)
		T(recv(fds[i], buf, 1, MSG_DONTWAIT));
	T(set(fds[2], SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, 0));
	T(set(from, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, 99));
	T(set(from, SOL_SOCKET, SO_ATTACH_BPF, 99));
}

static void
opening_fast(void)
{
	int waits = listening(), fd = socket(AF_INET, SOCK_STREAM, 0), got;

	T(set(waits, IPPROTO_TCP, TCP_FASTOPEN, 5));
	T(sendto(fd, "hello", 5, MSG_FASTOPEN, NULL, 0));
	T(sendto(fd, "hello", 5, MSG_FASTOPEN, A(&address), 3));
	T(sendto(fd, "hello", 5, MSG_FASTOPEN, A(&address), len));
	got = accept(waits, NULL, NULL);
	T(recv(got, buf, 5, MSG_WAITALL));
	T(sendto(fd, "again", 5, MSG_FASTOPEN, A(&address), len));
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	T(set(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1));
	T(connect(fd, A(&address), len));
	T(send(fd, "hello", 5, 0));
	got = accept(waits, NULL, NULL);
	T(recv(got, buf, 5, MSG_WAITALL));
}

const struct section offload_sections[] = {
	{ "sockets-mapped", mapping_sockets },
	{ "sockets-received-pages", receiving_pages },
	{ "sockets-sent-pages", sending_pages },
	{ "sockets-cut-datagrams", cutting },
	{ "sockets-groups", choosing },
	{ "sockets-fast-open", opening_fast },
	{ NULL, NULL },
};
