/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/reach.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sysproxy/fast.h"
#include "sysproxy/wire.h"
#include "tools/serverurl.h"

#define PATIENCE_MS 10000

static int
connect_unix(const struct address *ad)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(sun.sun_path, ad->ad_path, ADDRESS_PATH_MAX);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int
connect_tcp(const struct address *ad)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons(ad->ad_port),
		.sin_addr.s_addr = htonl(ad->ad_host),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static enum wire_bannerstate
read_banner(int fd, struct wire_banner *wb, bool *silent)
{
	enum wire_bannerstate state = WIRE_BANNER_MORE;
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char line[WIRE_BANNER_MAX];

	*silent = true;
	for (size_t n = 0; n < sizeof(line) && state == WIRE_BANNER_MORE; n++) {
		if (poll(&pfd, 1, PATIENCE_MS) != 1 ||
		    read(fd, &line[n], 1) != 1)
			return WIRE_BANNER_BAD;
		*silent = false;
		state = wire_banner_parse(line, n + 1, wb);
	}
	return state;
}

static const char *
words_for(enum wire_bannerstate state, bool silent)
{
	if (state != WIRE_BANNER_BAD)
		return "a rump kernel's server of another version or machine";
	return silent ? "the server says nothing; it may be full, or not admit"
			" this user"
		      : "whoever listens there is no rump kernel's server";
}

const char *
reach_try(const char *url, char *text, size_t size)
{
	struct address ad = serverurl_address(url);
	bool local = ad.ad_family == ADDRESS_UNIX;
	enum wire_bannerstate state;
	struct wire_banner wb;
	bool silent;
	int fd = local ? connect_unix(&ad) : connect_tcp(&ad);

	if (fd < 0) {
		snprintf(text, size, "%s", strerror(errno));
		return NULL;
	}
	state = read_banner(fd, &wb, &silent);
	close(fd);
	if (state != WIRE_BANNER_OK) {
		snprintf(text, size, "%s", words_for(state, silent));
		return NULL;
	}
	return local && strcmp(wb.wb_word, FAST_BANNER) == 0
		   ? "over shared memory"
		   : "over the classic protocol";
}
