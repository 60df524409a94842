/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A server that listens at an address.  It greets with a line that says whose
 * it is; one of ours takes the connection over for the fast transport.  From the
 * constructor, so that whoever cannot be reached is named at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "preload/call.h"
#include "preload/hidden.h"
#include "preload/remote_link.h"
#include "preload/text.h"
#include "sysproxy/address.h"
#include "sysproxy/wire.h"

#define COMM_SIZE 16

static bool
fail(struct text *t, const char *address, const char *what, long error)
{
	text_put(t, "RUMP_SERVER=");
	text_put(t, address);
	text_put(t, ": ");
	text_put(t, what);
	if (error != 0) {
		text_put(t, ": error ");
		text_dec(t, error);
	}
	return false;
}

static long
read_some(int fd, void *buf, size_t size)
{
	long r;

	do
		r = HOST(SYS_read, fd, buf, size, 0, 0, 0);
	while (r == -EINTR);
	return r;
}

static bool
read_all(int fd, void *buf, size_t size)
{
	for (size_t got = 0; got < size;) {
		long r = read_some(fd, (char *)buf + got, size - got);

		if (r <= 0)
			return false;
		got += (size_t)r;
	}
	return true;
}

/* Byte by byte: nothing behind the line is ours to read. */
static enum wire_bannerstate
read_banner(int fd, struct wire_banner *wb)
{
	enum wire_bannerstate state = WIRE_BANNER_MORE;
	char line[WIRE_BANNER_MAX];

	for (size_t n = 0; n < sizeof(line) && state == WIRE_BANNER_MORE; n++) {
		if (read_some(fd, &line[n], 1) != 1)
			return WIRE_BANNER_BAD;
		state = wire_banner_parse(line, n + 1, wb);
	}
	return state;
}

/* The connection becomes a control connection of the fast transport. */
static bool
upgrade(int fd)
{
	char name[COMM_SIZE];
	struct wire_frame f;
	struct wire_hdr answer;
	int32_t error;
	size_t len, namelen;
	char out[sizeof(f) + sizeof(name)];

	memset(name, 0, sizeof(name));
	HOST(SYS_prctl, PR_GET_NAME, name, 0, 0, 0, 0);
	namelen = text_length(name) + 1;
	len = wire_put_hello(&f, 1, (enum wire_kind)FAST_HANDSHAKE, namelen);
	memcpy(out, &f, len);
	memcpy(out + len, name, namelen);
	if (HOST(SYS_sendto, fd, out, len + namelen, MSG_NOSIGNAL, 0, 0) !=
	    (long)(len + namelen))
		return false;
	return read_all(fd, &answer, sizeof(answer)) &&
	       answer.wh_class == WIRE_RESP &&
	       answer.wh_type == WIRE_HANDSHAKE &&
	       answer.wh_len == sizeof(answer) + sizeof(error) &&
	       read_all(fd, &error, sizeof(error)) && error == 0;
}

/* A connected socket, or -errno. */
static long
open_unix(const struct address *ad)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	long fd, r;

	_Static_assert(sizeof(sun.sun_path) >= ADDRESS_PATH_MAX, "sun_path");
	memcpy(sun.sun_path, ad->ad_path, ADDRESS_PATH_MAX);
	fd = HOST(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0, 0);
	if (fd < 0)
		return fd;
	do
		r = HOST(SYS_connect, fd, &sun, sizeof(sun), 0, 0, 0);
	while (r == -EINTR);
	if (r == 0)
		return fd;
	HOST(SYS_close, fd, 0, 0, 0, 0, 0);
	return r;
}

/* 0 or the words for it. */
static const char *
check_server(int fd)
{
	struct wire_banner wb;

	switch (read_banner(fd, &wb)) {
	case WIRE_BANNER_OK:
		break;
	case WIRE_BANNER_VERSION:
		return "the server's protocol is of another version";
	case WIRE_BANNER_MACHINE:
		return "the server is on a machine of another kind";
	default:
		return "whoever listens there is no rump kernel's server";
	}
	if (!text_equal(wb.wb_word, FAST_BANNER))
		return "the server does not know this library's transport";
	return upgrade(fd) ? NULL : "the server does not want this process";
}

bool
remote_connect(struct remote *rm, const char *address, char *text, size_t size)
{
	const char *wrong;
	struct address ad;
	struct text t;
	enum address_error bad;
	long fd;

	text_init(&t, text, size);
	bad = address_parse(address, &ad);
	if (bad == ADDRESS_OK)
		bad = address_check_client(&ad);
	if (bad != ADDRESS_OK)
		return fail(&t, address, address_strerror(bad), 0);
	if (ad.ad_family != ADDRESS_UNIX)
		return fail(&t, address,
		    "shared memory does not reach there: give a unix:// URL",
		    0);
	fd = open_unix(&ad);
	if (fd < 0)
		return fail(&t, address, "cannot be connected to", -fd);
	wrong = check_server((int)fd);
	if (wrong != NULL) {
		HOST(SYS_close, fd, 0, 0, 0, 0, 0);
		return fail(&t, address, wrong, 0);
	}
	fd = hidden_keep((int)fd, &rm->rm_fd);
	if (fd < 0)
		return fail(&t, address, "no descriptor is left for it", -fd);
	return true;
}
