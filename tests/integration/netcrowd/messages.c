/* SPDX-License-Identifier: BSD-2-Clause */
/* Data, by all calls that move them. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "netcrowd.h"

#define LONGEST 30000 /* what one call moves on any way */

static char data[LONGEST];

static size_t
some_length(void)
{

	return ((size_t)ONE_OF(0, 1, 2, 10, 100, 1000, 5000, LONGEST));
}

static int
some_flags(void)
{
	int flags = ONE_OF(0, 0, 0, 0, MSG_DONTWAIT, MSG_OOB, MSG_PEEK,
	    MSG_TRUNC, MSG_WAITALL, MSG_ERRQUEUE, MSG_NOSIGNAL, MSG_CONFIRM,
	    MSG_DONTROUTE, MSG_EOR, MSG_CTRUNC, MSG_CMSG_CLOEXEC,
	    MSG_WAITFORONE, 0x10000000);

	printf(" flags %#x", (unsigned)flags);
	return (flags);
}

/* The data in two parts, either of which may be empty. */
static void
halves(struct iovec *iov, size_t len)
{

	iov[0] = (struct iovec){ data, len / 2 };
	iov[1] = (struct iovec){ data + len / 2, len - len / 2 };
}

static void
tell_data(long n)
{
	unsigned sum = 0;
	long i;

	for (i = 0; i < n && i < LONGEST; i++)
		sum = sum * 31 + (unsigned char)data[i];
	if (n > 0)
		printf(" sum %#x", sum);
}

static int
sender(size_t *len)
{
	static char mark;
	int fd = some();

	*len = some_length();
	memset(data, ++mark, *len);
	printf(" %d %zu", fd, *len);
	return (fd);
}

static int
receiver(size_t *len)
{
	int fd = some();

	*len = some_length();
	printf(" %d %zu", fd, *len);
	return (fd);
}

static void
written(void)
{
	size_t len;
	int fd;

	printf("write");
	fd = sender(&len);
	told(write(fd, data, len));
}

static void
gathered(void)
{
	struct iovec iov[2];
	size_t len;
	int fd, count = ONE_OF(2, 2, 1, 0, -1, 1025);

	printf("writev %d", count);
	fd = sender(&len);
	halves(iov, len);
	told(writev(fd, iov, count));
}

static void
sent_to(void)
{
	struct sockaddr_storage ss;
	socklen_t to;
	size_t len;
	int fd;

	printf("sendto");
	fd = sender(&len);
	to = some_address(&ss);
	told(sendto(fd, data, len, some_flags(), (struct sockaddr *)&ss, to));
}

static void
sent(void)
{
	struct iovec iov[2];
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = 2 };
	size_t len;
	int fd;

	printf("sendmsg");
	fd = sender(&len);
	halves(iov, len);
	told(sendmsg(fd, &message, some_flags()));
}

static void
was_read(void)
{
	size_t len;
	int fd;

	printf("read");
	fd = receiver(&len);
	tell_data(told(read(fd, data, len)));
}

static void
scattered(void)
{
	struct iovec iov[2];
	size_t len;
	int fd, count = ONE_OF(2, 2, 1, 0, -1);

	printf("readv %d", count);
	fd = receiver(&len);
	halves(iov, len);
	tell_data(told(readv(fd, iov, count)));
}

static void
received_from(void)
{
	struct sockaddr_storage ss = { 0 };
	int fd, room = some_room();
	socklen_t from = (socklen_t)room;
	size_t len;
	long n;

	printf("recvfrom");
	fd = receiver(&len);
	n = told(recvfrom(
	    fd, data, len, some_flags(), (struct sockaddr *)&ss, &from));
	tell_data(n);
	if (n >= 0)
		tell_address(&ss, from, room);
}

static void
received(void)
{
	struct sockaddr_storage ss = { 0 };
	struct iovec iov[2];
	char control[256];
	struct msghdr message = {
		.msg_name = &ss,
		.msg_namelen = (socklen_t)ONE_OF(128, 16, 4, 0),
		.msg_iov = iov,
		.msg_iovlen = 2,
		.msg_control = control,
		.msg_controllen = (size_t)ONE_OF(256, 20, 1, 0),
	};
	int fd, room = (int)message.msg_namelen;
	size_t len;
	long n;

	printf("recvmsg");
	fd = receiver(&len);
	halves(iov, len);
	n = told(recvmsg(fd, &message, some_flags()));
	tell_data(n);
	if (n < 0)
		return;
	tell_address(&ss, message.msg_namelen, room);
	printf(" %#x %zu", (unsigned)message.msg_flags, message.msg_controllen);
}

call_fn *const message_calls[] = { written, gathered, sent_to, sent, was_read,
	scattered, received_from, received, NULL };
