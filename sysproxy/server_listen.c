/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the server listens, and who may come in.  A unix socket can be reached by
 * its owner alone, by its mode and once more by whom the host says the other end
 * belongs to.  Whoever reaches a tcp port is in: the protocol has no
 * authentication.
 */
#include "sysproxy/server_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "rump/rumpdefs.h"
#include "rump/rumpserver.h"
#include "rump/rumpuser.h"

#include "sysproxy/address.h"
#include "sysproxy/server.h"
#include "sysproxy/server_classic.h"
#include "sysproxy/server_kernel.h"
#include "sysproxy/server_lane.h"
#include "sysproxy/server_worker.h"

#define BACKLOG 256
#define DISCARDED 16384 /* bytes at a time */

static uint32_t server_flags;
static pthread_mutex_t listen_lock = PTHREAD_MUTEX_INITIALIZER;
static int listen_fd = -1;     /* listen_lock to write */
static int spare_fd = -1;      /* l: the loop's: closed when none is left */
static bool starved;           /* l: and the listening socket is paused */
static struct lane *lane;      /* i, once active: who is turned down */
static bool active;            /* listen_lock */
static struct address address; /* i, once active */
static char banner[WIRE_BANNER_MAX];
static size_t bannerlen;

void
rumpuser_sp_setflags(uint32_t flags)
{
	server_flags = flags;
}

bool
listen_active(void)
{
	bool result;

	pthread_mutex_lock(&listen_lock);
	result = active;
	pthread_mutex_unlock(&listen_lock);
	return result;
}

/* --- who comes ------------------------------------------------------------------ */

static bool
may_come(const struct peer *p)
{
	return (server_flags & RUMPSERVER_ANYUSER) != 0 ||
	       p->p_uid[0] == geteuid() || p->p_uid[0] == 0;
}

static bool
prepare(int fd, bool *local, struct peer *p)
{
	const int on = 1;
	pid_t pid;

	*local = address.ad_family == ADDRESS_UNIX;
	if (!*local) {
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		return true;
	}
	return peer_of_socket(fd, &pid, p) && may_come(p) &&
	       setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0;
}

/* What came along with what it has sent, of which there is not much: nobody can
 * send any more.  False: there is no room for it. */
static bool
empty(int fd)
{
	static char bytes[DISCARDED]; /* the loop's */
	struct iovec iov = { bytes, sizeof(bytes) };
	struct sender sender;
	int right = -1;
	ssize_t n;

	do {
		n = message_receive_all(fd, &iov, 1, &right, &sender, lane);
		if (right >= 0)
			lane_close(lane, right);
		right = -1;
	} while (n > 0 || (n < 0 && (errno == EINTR || errno == ECONNRESET)));
	return n == 0;
}

/* Only what may take long to close waits. */
static void
turn_down(int fd)
{
	(void)shutdown(fd, SHUT_RDWR);
	if (address.ad_family != ADDRESS_UNIX || empty(fd))
		(void)close(fd);
	else
		lane_close(lane, fd);
}

static void
come_in(int fd)
{
	struct client *c;
	struct peer p;
	bool local;

	if (!prepare(fd, &local, &p) ||
	    send(fd, banner, bannerlen, MSG_DONTWAIT | MSG_NOSIGNAL) !=
		(ssize_t)bannerlen) {
		turn_down(fd);
		return;
	}
	c = classic_begin(fd, local, &p);
	if (c == NULL) {
		turn_down(fd);
		return;
	}
	server_client_came();
	if (loop_watch(fd, &c->c_watch) != 0) {
		client_destroy(c);
		server_client_gone();
	}
}

/* What is sent out of band comes with the rest: nobody else would hand us what
 * comes along with it. */
static int
take_next(void)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	const int on = 1;

	if (fd >= 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on));
	return fd;
}

static void listen_ready(void *arg, uint32_t events);

static struct watch listen_watch = { .wa_ready = listen_ready };

bool
listen_retry(void)
{
	if (!starved)
		return false;
	spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (spare_fd < 0)
		return true;
	starved = false;
	loop_pause(listen_fd, &listen_watch, false);
	return false;
}

/* No descriptor is left: accept and close, lest the loop comes back for ever.
 * What it has sent may have taken the last one. */
static void
turn_away(void)
{
	int fd;

	if (spare_fd >= 0)
		(void)close(spare_fd);
	fd = take_next();
	if (fd >= 0)
		turn_down(fd);
	spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	starved = spare_fd < 0;
	if (starved)
		loop_pause(listen_fd, &listen_watch, true);
}

static void
listen_ready(void *arg, uint32_t events)
{
	int fd;

	(void)arg;
	(void)events;
	fd = take_next();
	if (fd >= 0)
		come_in(fd);
	else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
		 errno == ENOBUFS)
		turn_away();
}

/* --- the address ------------------------------------------------------------------ */

static int
complain(const char *url, const char *why, int error)
{
	rumpuser_dprintf("rump server: %s: %s\n", url, why);
	return error;
}

static int
host_error(const char *url, const char *what)
{
	int error = errno;

	rumpuser_dprintf("rump server: %s: %s: host error %d (%s)\n", url, what,
	    error, strerrorname_np(error));
	return rumpuser_component_errtrans(error);
}

static int
parse(const char *url, struct address *ad)
{
	enum address_error wrong = address_parse(url, ad);
	char cwd[ADDRESS_PATH_MAX];

	if (wrong == ADDRESS_OK && address_is_relative(ad)) {
		wrong = ADDRESS_TOOLONG;
		if (getcwd(cwd, sizeof(cwd)) != NULL)
			wrong = address_make_absolute(ad, cwd);
	}
	if (wrong != ADDRESS_OK)
		return complain(url, address_strerror(wrong),
		    address_errno(wrong, RUMP_EOPNOTSUPP, RUMP_ENAMETOOLONG));
	if (ad->ad_family == ADDRESS_TCP &&
	    (server_flags & RUMPSERVER_TCP) == 0)
		return complain(url,
		    "tcp has no authentication, and was not permitted",
		    RUMP_EPERM);
	return 0;
}

static int
bind_unix(int fd, const struct address *ad)
{
	bool any = (server_flags & RUMPSERVER_ANYUSER) != 0;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	memcpy(sun.sun_path, ad->ad_path, sizeof(sun.sun_path));
	/* The node is made with the socket's mode: nobody is faster. */
	if (fchmod(fd, any ? 0666 : 0600) != 0 ||
	    bind(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0)
		return -1;
	if (any)
		(void)chmod(ad->ad_path, 0666);
	return 0;
}

static int
bind_tcp(int fd, struct address *ad)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons(ad->ad_port),
		.sin_addr.s_addr = htonl(ad->ad_host),
	};
	socklen_t len = sizeof(sin);

	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) != 0)
		return -1;
	ad->ad_port = ntohs(sin.sin_port);
	return 0;
}

static int
open_socket(const char *url, struct address *ad, int *fdp)
{
	bool local = ad->ad_family == ADDRESS_UNIX;
	int error, fd;

	fd = socket(local ? AF_UNIX : AF_INET,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return host_error(url, "socket");
	if ((local ? bind_unix(fd, ad) : bind_tcp(fd, ad)) != 0) {
		error = host_error(url, "bind");
		goto fail;
	}
	if (listen(fd, BACKLOG) != 0) {
		error = host_error(url, "listen");
		if (local)
			(void)unlink(ad->ad_path);
		goto fail;
	}
	*fdp = fd;
	return 0;
fail:
	(void)close(fd);
	return error;
}

static int
begin(const char *url, struct address *ad)
{
	int error, fd = -1;

	if (lane == NULL)
		lane = lane_create();
	if (lane == NULL)
		return RUMP_ENOMEM;
	error = open_socket(url, ad, &fd);
	if (error != 0)
		return error;
	address = *ad;
	listen_fd = fd;
	spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pthread_mutex_lock(&listen_lock);
	active = true;
	pthread_mutex_unlock(&listen_lock);
	error = loop_watch(fd, &listen_watch);
	if (error != 0)
		listen_end();
	return error;
}

int
rumpuser_sp_init(const char *url, const char *ostype, const char *osrelease,
    const char *machine)
{
	struct address ad;
	int error;

	error = parse(url, &ad);
	if (error != 0)
		return error;
	if (listen_active())
		return complain(url, "the server listens already", RUMP_EBUSY);
	error = loop_start();
	if (error != 0)
		return complain(url, "no thread for the server", error);
	bannerlen = wire_banner_make(banner, ostype, osrelease, machine,
	    serverkernel_is_ours() && ad.ad_family == ADDRESS_UNIX ? FAST_BANNER
								   : WIRE_OURS);
	if (bannerlen == 0)
		return RUMP_EINVAL;
	return begin(url, &ad);
}

int
rumpuser_sp_url(char *url, size_t size)
{
	char text[ADDRESS_URL_MAX];

	if (!listen_active())
		return RUMP_ENOENT;
	address_format(&address, text);
	if (strlen(text) >= size)
		return RUMP_ERANGE;
	memcpy(url, text, strlen(text) + 1);
	return 0;
}

/* Nobody can connect by the name any more. */
static void
listen_unname(void)
{
	if (listen_active() && address.ad_family == ADDRESS_UNIX)
		(void)unlink(address.ad_path);
}

void
listen_end(void)
{
	bool was;

	pthread_mutex_lock(&listen_lock);
	was = active;
	active = false;
	pthread_mutex_unlock(&listen_lock);
	if (!was)
		return;
	if (address.ad_family == ADDRESS_UNIX)
		(void)unlink(address.ad_path);
	loop_unwatch(listen_fd);
	/* The loop may be about to accept: the number stays. */
	(void)shutdown(listen_fd, SHUT_RDWR);
}

/* The call that ends the kernel has no other answer than this one. */
static void
answer_halt(struct worker *w)
{
	struct client *c = w->w_client;
	struct wire_frame f;
	size_t len;

	if (c->c_kind != CLIENT_CLASSIC) {
		slot_reply(w, 0);
		return;
	}
	len = wire_put_sysret(&f, w->w_reqno, 0, NULL);
	(void)out_send(c->c_classic, w, &f, len, NULL, 0);
}

void
rumpuser_sp_fini(void *ctl)
{
	struct worker *w = worker_self();

	/* First the name, then the answer, then the rest: who reads the answer
	 * finds the name gone. */
	listen_unname();
	if (ctl != NULL && w != NULL && w->w_client == ctl)
		answer_halt(w);
	listen_end();
}
