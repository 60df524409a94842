/* SPDX-License-Identifier: BSD-2-Clause */
#include "lingering.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

int
lingering_socket(int *listener)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct linger on = { 1, 3600 };
	socklen_t len = sizeof(sin);
	char data[4096] = { 0 };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(*listener, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(listen(*listener, 1), 0);
	assert_int_equal(
	    getsockname(*listener, (struct sockaddr *)&sin, &len), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &on, sizeof(on)), 0);
	while (send(fd, data, sizeof(data), MSG_DONTWAIT) > 0)
		continue;
	return fd;
}

bool
lingering_send(int connection, const void *bytes, size_t len, int fd, int flags)
{
	union {
		struct cmsghdr hdr;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)(uintptr_t)bytes, len };
	struct msghdr mh = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	control.hdr.cmsg_len = CMSG_LEN(sizeof(int));
	control.hdr.cmsg_level = SOL_SOCKET;
	control.hdr.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&control.hdr), &fd, sizeof(fd));
	return sendmsg(connection, &mh, MSG_NOSIGNAL | flags) == (ssize_t)len;
}
