/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A server that listens at an address.  It greets with a line that says whose
 * it is; one of ours on this machine takes the connection over for the fast
 * transport, with others the protocol stays the classic one.  From the
 * constructor, so that whoever cannot be reached is named at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>

#include "preload/abi/errno.h"
#include "preload/call.h"
#include "preload/hidden.h"
#include "preload/nofile.h"
#include "preload/remote_classic.h"
#include "preload/remote_link.h"
#include "preload/text.h"
#include "rump/rumperr.h"
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
		text_put(t, ": ");
		text_put(t, rump_strerror(abi_errno_to_netbsd((int)error)));
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
read_banner(int fd, struct wire_banner *wb, bool *silent)
{
	enum wire_bannerstate state = WIRE_BANNER_MORE;
	char line[WIRE_BANNER_MAX];

	*silent = true;
	for (size_t n = 0; n < sizeof(line) && state == WIRE_BANNER_MORE; n++) {
		long r = read_some(fd, &line[n], 1);

		if (r != 1)
			return r == -EAGAIN ? WIRE_BANNER_MORE
					    : WIRE_BANNER_BAD;
		*silent = false;
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

/* How long a call of the greeting's may wait, 0: for ever. */
static void
set_patience(int fd, long ms)
{
	const struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	HOST(SYS_setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv), 0);
	HOST(SYS_setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv), 0);
}

/* A socket that is connected to the len bytes of sa, or -errno. */
static long
open_socket(const struct sockaddr *sa, socklen_t len)
{
	const int one = 1;
	long fd, r;

	fd = nofile_socket(sa->sa_family);
	if (fd < 0)
		return fd;
	set_patience((int)fd, CLASSIC_PATIENCE_MS);
	do
		r = HOST(SYS_connect, fd, sa, len, 0, 0, 0);
	while (r == -EINTR);
	if (r != 0) {
		HOST(SYS_close, fd, 0, 0, 0, 0, 0);
		return r;
	}
	if (sa->sa_family == AF_INET)
		HOST(SYS_setsockopt, fd, IPPROTO_TCP, TCP_NODELAY, &one,
		    sizeof(one), 0);
	return fd;
}

static long
open_server(const struct address *ad)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct sockaddr_in sin = { .sin_family = AF_INET };

	if (ad->ad_family == ADDRESS_TCP) {
		sin.sin_addr.s_addr = __builtin_bswap32(ad->ad_host);
		sin.sin_port = __builtin_bswap16(ad->ad_port);
		return open_socket((struct sockaddr *)&sin, sizeof(sin));
	}
	_Static_assert(sizeof(sun.sun_path) >= ADDRESS_PATH_MAX, "sun_path");
	memcpy(sun.sun_path, ad->ad_path, ADDRESS_PATH_MAX);
	return open_socket((struct sockaddr *)&sun, sizeof(sun));
}

/* NULL, or the words for what is wrong. */
static const char *
check_banner(int fd, struct wire_banner *wb)
{
	bool silent;

	switch (read_banner(fd, wb, &silent)) {
	case WIRE_BANNER_OK:
		return NULL;
	case WIRE_BANNER_MORE:
		return "the server accepts and says nothing";
	case WIRE_BANNER_VERSION:
		return "the server's protocol is of another version";
	case WIRE_BANNER_MACHINE:
		return "the server is on a machine of another kind";
	default:
		return silent ? "the server hung up; it may be full, or not "
				"admit this user"
			      : "whoever listens there is no rump kernel's "
				"server";
	}
}

static bool
is_ours(const struct wire_banner *wb)
{
	return text_equal(wb->wb_word, FAST_BANNER) ||
	       text_equal(wb->wb_word, WIRE_OURS);
}

/* Who has spoken classic with one server goes on like that with the next. */
static bool
may_upgrade(const struct remote *rm, const struct address *ad,
    const struct wire_banner *wb)
{
	return rm->rm_classic == NULL && ad->ad_family == ADDRESS_UNIX &&
	       text_equal(wb->wb_word, FAST_BANNER);
}

/* fd, which is consumed, becomes rm's.  NULL, or what is wrong. */
static const char *
begin(struct remote *rm, int fd, const struct address *ad)
{
	struct wire_banner wb;
	const char *wrong = check_banner(fd, &wb);
	bool fast = wrong == NULL && may_upgrade(rm, ad, &wb);

	if (fast && !upgrade(fd))
		wrong = "the server does not want this process";
	set_patience(fd, 0);
	if (wrong != NULL) {
		HOST(SYS_close, fd, 0, 0, 0, 0, 0);
		return wrong;
	}
	if (hidden_keep(fd, &rm->rm_fd) < 0)
		return "no descriptor is left for it";
	if (fast || classic_begin(rm, is_ours(&wb)) == 0)
		return NULL;
	hidden_close(rm->rm_fd);
	rm->rm_fd = -1;
	return "the server does not want this process";
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
	fd = open_server(&ad);
	if (fd < 0)
		return fail(&t, address, "cannot be connected to", -fd);
	wrong = begin(rm, (int)fd, &ad);
	return wrong == NULL || fail(&t, address, wrong, 0);
}

/* Where a server listens its sockets say, whatever directory we are in. */
long
remote_connect_again(struct remote *rm)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(ss);
	struct wire_banner wb;
	long r;

	r = HOST(SYS_getpeername, rm->rm_fd, &ss, &len, 0, 0, 0);
	if (r == 0)
		r = open_socket((struct sockaddr *)&ss,
		    len < sizeof(ss) ? len : sizeof(ss));
	if (r < 0)
		return r;
	if (check_banner((int)r, &wb) != NULL) {
		HOST(SYS_close, r, 0, 0, 0, 0, 0);
		return -EPROTO;
	}
	set_patience((int)r, 0);
	return r;
}
