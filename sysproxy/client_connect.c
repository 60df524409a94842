/* SPDX-License-Identifier: BSD-2-Clause */
#include "sysproxy/client_connect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "sysproxy/client_host.h"
#include "sysproxy/fast.h"

static int
open_socket(int family, int *fdp)
{
	int fd = host_socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return errno;
	return client_host_keep(fd, fdp);
}

/* A connection attempt that a signal has interrupted goes on. */
static int
finish_connect(int fd)
{
	socklen_t len = sizeof(int);
	int error;

	do {
		error = client_host_wait(fd, POLLOUT, NULL);
	} while (error == EINTR);
	if (error != 0)
		return error;
	if (syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_ERROR, &error, &len) ==
	    -1)
		return errno;
	return error;
}

static int
connect_tcp(int fd, const struct address *ad)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons(ad->ad_port),
		.sin_addr.s_addr = htonl(ad->ad_host),
	};
	int one = 1, error = 0;

	(void)host_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (host_connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		error = errno;
	return error == EINTR ? finish_connect(fd) : error;
}

static int
connect_unix(int fd, const struct address *ad)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int error;

	_Static_assert(sizeof(sun.sun_path) == ADDRESS_PATH_MAX, "sun_path");
	memcpy(sun.sun_path, ad->ad_path, sizeof(sun.sun_path));
	do {
		error = 0;
		if (host_connect(fd, (struct sockaddr *)&sun, sizeof(sun)) ==
		    -1)
			error = errno;
	} while (error == EINTR);
	return error;
}

/* It may come in pieces; nothing comes behind it. */
static int
read_banner(int fd, struct wire_banner *wb)
{
	enum wire_bannerstate state;
	char buf[WIRE_BANNER_MAX];
	size_t len = 0;

	do {
		ssize_t n = host_read(fd, buf + len, sizeof(buf) - len);

		if (n == -1 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			return ENOTCONN;
		len += (size_t)n;
		state = wire_banner_parse(buf, len, wb);
	} while (state == WIRE_BANNER_MORE);
	if (state == WIRE_BANNER_OK)
		return 0;
	return state == WIRE_BANNER_BAD ? EPROTO : EPROTONOSUPPORT;
}

int
client_connect(const struct address *ad, int *fdp, struct wire_banner *wb)
{
	bool tcp = ad->ad_family == ADDRESS_TCP;
	int fd, error;

	error = open_socket(tcp ? AF_INET : AF_UNIX, &fd);
	if (error != 0)
		return error;
	error = tcp ? connect_tcp(fd, ad) : connect_unix(fd, ad);
	if (error == 0)
		error = read_banner(fd, wb);
	if (error != 0) {
		(void)host_close(fd);
		return error;
	}
	*fdp = fd;
	return 0;
}

bool
client_is_ours(const struct wire_banner *wb)
{
	return strcmp(wb->wb_word, FAST_BANNER) == 0 ||
	       strcmp(wb->wb_word, WIRE_OURS) == 0;
}
