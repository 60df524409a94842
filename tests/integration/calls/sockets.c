/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls on Internet sockets: socket, bind, connect, accept, shutdown, names,
 * options, ioctl. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "calls.h"

static struct sockaddr_in address, unbound, got;
static socklen_t len;
static char buf[4096];

static int
loopback(struct sockaddr_in *sin)
{

	*sin = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	return (sizeof(*sin));
}

/* A socket that is bound, and its address. */
static int
bound(int type, struct sockaddr_in *sin)
{
	socklen_t size = loopback(sin);
	int fd;

	fd = socket(AF_INET, type, 0);
	must(fd >= 0 && bind(fd, (struct sockaddr *)sin, size) == 0, "bind");
	must(getsockname(fd, (struct sockaddr *)sin, &size) == 0, "name");
	return (fd);
}

static void
pair(int type, int fds[2])
{
	struct sockaddr_in sin, other;
	int fd;

	fd = bound(type, &sin);
	if (type == SOCK_DGRAM) {
		fds[0] = fd;
		fds[1] = bound(type, &other);
		must(connect(
			 fds[0], (struct sockaddr *)&other, sizeof(other)) == 0,
		    "connect");
		must(connect(fds[1], (struct sockaddr *)&sin, sizeof(sin)) == 0,
		    "connect");
		return;
	}
	must(listen(fd, 1) == 0, "listen");
	fds[1] = socket(AF_INET, type, 0);
	must(connect(fds[1], (struct sockaddr *)&sin, sizeof(sin)) == 0,
	    "connect");
	fds[0] = accept(fd, NULL, NULL);
	must(fds[0] >= 0 && close(fd) == 0, "accept");
}

static void
await(int fd, int events)
{
	struct pollfd p = { fd, events, 0 };

	must(poll(&p, 1, -1) == 1, "poll");
}

static void
making(void)
{
	int types[] = { -1, 0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 0x10000,
		SOCK_STREAM | SOCK_CLOEXEC, SOCK_DGRAM | SOCK_NONBLOCK,
		SOCK_STREAM | 0x10, SOCK_STREAM | 0x100 };
	int protocols[] = { 0, 1, 6, 17, 58, 41, 132, 136, 255, 256, 262, -1,
		77 };
	int families[] = { AF_INET, AF_INET6 };
	size_t f, t, p;
	int fds[2], fd;

	for (f = 0; f < 2; f++)
		for (t = 0; t < sizeof(types) / sizeof(types[0]); t++)
			for (p = 0; p < sizeof(protocols) / sizeof(int); p++) {
				/* Who may have raw ones differs. */
				if (types[t] == SOCK_RAW)
					continue;
				errno = 0;
				fd =
				    socket(families[f], types[t], protocols[p]);
				note("%d %#x %d: %s FL %#o FD %d", families[f],
				    types[t], protocols[p],
				    fd >= 0 ? "fine" : strerrorname_np(errno),
				    fd < 0 ? 0 : fcntl(fd, F_GETFL),
				    fd < 0 ? 0 : fcntl(fd, F_GETFD));
				close(fd);
			}
	T(socket(-1, SOCK_STREAM, 0));
	T(socket(500, SOCK_STREAM, 0));
	T(socketpair(AF_INET, SOCK_STREAM, 0, fds));
	T(socketpair(AF_INET, SOCK_DGRAM, 0, fds));
	T(socketpair(AF_INET6, SOCK_STREAM, 0, fds));
	T(socketpair(AF_INET, SOCK_STREAM, 77, fds));
	T(socketpair(AF_INET, 77, 0, fds));
	T(socketpair(AF_INET, SOCK_STREAM | 0x100, 0, fds));
	T(socketpair(AF_INET, SOCK_STREAM, 0, NOWHERE));
	T(open(".", O_RDONLY));
}

#define A(sin) ((struct sockaddr *)(sin))

static void
binding(void)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd, other, file, udp;

	make("file", "x");
	file = open("file", O_RDWR);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	udp = socket(AF_INET, SOCK_DGRAM, 0);
	len = loopback(&address);
	T(bind(fd, NOWHERE, len));
	T(bind(fd, NULL, len));
	T(bind(fd, A(&address), 0));
	T(bind(fd, A(&address), 1));
	T(bind(fd, A(&address), 8));
	T(bind(fd, A(&address), 15));
	T(bind(fd, A(&address), -1));
	T(bind(fd, A(&address), 129));
	T(bind(fd, A(&six), sizeof(six)));
	address.sin_family = AF_UNSPEC;
	T(bind(fd, A(&address), len));
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	address.sin_addr.s_addr = INADDR_ANY;
	T(bind(fd, A(&address), len));
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	address.sin_family = 77;
	T(bind(fd, A(&address), len));
	loopback(&address);
	address.sin_addr.s_addr = htonl(0xc0000201);
	T(bind(fd, A(&address), len));
	loopback(&address);
	T(bind(99, A(&address), len));
	T(bind(file, A(&address), len));
	T(bind(99, NOWHERE, len));
	T(bind(fd, A(&address), 128));
	T(bind(fd, A(&address), len));
	T(getsockname(fd, A(&got), &len));
	note("length %u, port %d", len, got.sin_port != 0);
	other = socket(AF_INET, SOCK_STREAM, 0);
	T(bind(other, A(&got), len));
	T(listen(fd, 5));
	T(setsockopt(other, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, 4));
	T(bind(other, A(&got), len));
	T(listen(other, 5));
	T(listen(fd, -1));
	T(listen(fd, 0));
	T(listen(udp, 5));
	T(listen(99, 5));
	T(listen(file, 5));
	len = sizeof(got);
	T(getsockname(99, A(&got), &len));
	T(getsockname(file, A(&got), &len));
	T(getsockname(fd, NOWHERE, &len));
	T(getsockname(fd, A(&got), NOWHERE));
	T(getsockname(fd, NULL, NULL));
	len = -1;
	T(getsockname(fd, A(&got), &len));
	len = 0;
	T(getsockname(fd, NOWHERE, &len));
	note("length %u", len);
	len = 4;
	T(getsockname(fd, A(&got), &len));
	note("length %u", len);
	len = 1000;
	T(getsockname(fd, A(&got), &len));
	note("length %u", len);
	T(getpeername(fd, A(&got), &len));
	T(getpeername(udp, A(&got), &len));
	T(getpeername(udp, NOWHERE, NOWHERE));
	T(getpeername(99, A(&got), &len));
}

static void
connecting(void)
{
	int fd, listener, file, dead, peer, udp;
	struct pollfd p;

	make("file", "x");
	file = open("file", O_RDWR);
	listener = bound(SOCK_STREAM, &address);
	len = sizeof(address);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	T(connect(fd, A(&address), len));
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	T(accept(listener, NULL, NULL));
	T(listen(listener, 5));
	dead = bound(SOCK_STREAM, &unbound);
	T(fcntl(listener, F_SETFL, O_NONBLOCK));
	T(accept(listener, NULL, NULL));
	T(accept4(listener, NULL, NULL, 4));
	T(accept(99, NULL, NULL));
	T(accept(file, NULL, NULL));
	T(accept(fd, NULL, NULL));
	T(connect(fd, NOWHERE, len));
	T(connect(fd, A(&address), 1));
	T(connect(fd, A(&address), 8));
	T(connect(fd, A(&address), 200));
	T(connect(fd, A(&address), -1));
	T(connect(99, A(&address), len));
	T(connect(file, A(&address), len));
	T(connect(fd, A(&unbound), len));
	T(fcntl(fd, F_SETFL, O_NONBLOCK));
	T(connect(fd, A(&address), len));
	await(fd, POLLOUT);
	T(getsockopt(fd, SOL_SOCKET, SO_ERROR, buf, &(socklen_t){ 4 }));
	T(*(int *)buf);
	T(connect(fd, A(&address), len));
	T(connect(fd, A(&address), len));
	await(listener, POLLIN);
	peer =
	    T(accept4(listener, A(&got), &len, SOCK_CLOEXEC | SOCK_NONBLOCK));
	note("FL %#o FD %d length %u family %d", fcntl(peer, F_GETFL),
	    fcntl(peer, F_GETFD), len, got.sin_family);
	T(listen(fd, 5));
	T(bind(fd, A(&address), len));
	T(getpeername(fd, A(&got), &len));
	note("the same %d", got.sin_port == address.sin_port);
	T(connect(listener, A(&address), len));
	address.sin_family = AF_UNSPEC;
	T(connect(peer, A(&address), len));
	T(getpeername(peer, A(&got), &len));
	p = (struct pollfd){ fd, POLLIN, 0 };
	T(poll(&p, 1, -1));
	note("%#x", p.revents);
	T(read(fd, buf, 1));
	T(read(fd, buf, 1));
	udp = socket(AF_INET, SOCK_DGRAM, 0);
	T(connect(udp, A(&unbound), len));
	T(getpeername(udp, A(&got), &len));
	T(connect(udp, A(&address), len));
	T(getpeername(udp, A(&got), &len));
	T(accept(udp, NULL, NULL));
	T(connect(udp, A(&address), 2));
	T(connect(udp, A(&address), 1));
	close(dead);
}

static void
ending(void)
{
	int fds[2], fd, how;

	pair(SOCK_STREAM, fds);
	for (how = -1; how < 4; how++)
		T(shutdown(99, how));
	T(shutdown(fds[0], -1));
	T(shutdown(fds[0], 3));
	T(write(fds[0], "before", 6));
	T(shutdown(fds[0], SHUT_WR));
	T(send(fds[0], "x", 1, MSG_NOSIGNAL));
	T(shutdown(fds[0], SHUT_WR));
	await(fds[1], POLLRDHUP);
	T(read(fds[1], buf, 10));
	T(read(fds[1], buf, 10));
	T(write(fds[1], "back", 4));
	await(fds[0], POLLIN);
	T(read(fds[0], buf, 10));
	T(shutdown(fds[1], SHUT_RD));
	T(read(fds[1], buf, 10));
	T(shutdown(fds[1], SHUT_RDWR));
	await(fds[0], POLLHUP);
	T(shutdown(fds[0], SHUT_RDWR));
	T(shutdown(fds[1], SHUT_RDWR));
	fd = socket(AF_INET, SOCK_STREAM, 0);
	for (how = -1; how < 4; how++)
		T(shutdown(fd, how));
	T(read(fd, buf, 1));
	T(send(fd, "x", 1, MSG_NOSIGNAL));
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	for (how = 0; how < 3; how++)
		T(shutdown(fd, how));
	T(send(fd, "x", 1, MSG_NOSIGNAL));
	T(recv(fd, buf, 1, MSG_DONTWAIT));
	pair(SOCK_DGRAM, fds);
	T(shutdown(fds[0], SHUT_RD));
	T(recv(fds[0], buf, 1, 0));
	T(shutdown(fds[0], SHUT_WR));
	T(send(fds[0], "x", 1, MSG_NOSIGNAL));
}

/* Each option of a level with what it is at first, for sizes of the value. */
static void
options_of(const char *what, int fd, int level, int most)
{
	socklen_t sizes[] = { 0, 1, 2, 4, 8, 64 };
	int o, value, error;
	size_t i;

	for (o = 0; o <= most; o++)
		for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			memset(buf, 0, sizeof(buf));
			len = sizes[i];
			errno = 0;
			error = getsockopt(fd, level, o, buf, &len);
			memcpy(&value, buf, sizeof(value));
			/* What is a number of the machine's, of time, or of
			 * the route is not for comparing. */
			if (level == IPPROTO_TCP &&
			    (o == TCP_INFO || o == TCP_CC_INFO ||
				o == TCP_MAXSEG || o == 24 || o == 17))
				value = 0;
			if (level == SOL_SOCKET &&
			    (o == SO_COOKIE || o == SO_INCOMING_CPU ||
				o == SO_MEMINFO || o == SO_INCOMING_NAPI_ID))
				value = 0;
			if (error == 0)
				note("%s %d/%d, %u: %u %#x", what, level, o,
				    sizes[i], len, value);
			else
				note("%s %d/%d, %u: %s", what, level, o,
				    sizes[i], strerrorname_np(errno));
		}
}

static void
reading_options(void)
{
	int stream, datagram, six;

	stream = socket(AF_INET, SOCK_STREAM, 0);
	datagram = socket(AF_INET, SOCK_DGRAM, 0);
	six = socket(AF_INET6, SOCK_STREAM, 0);
	options_of("stream", stream, SOL_SOCKET, 85);
	options_of("stream", stream, IPPROTO_IP, 60);
	options_of("stream", stream, IPPROTO_TCP, 45);
	options_of("datagram", datagram, SOL_SOCKET, 85);
	options_of("datagram", datagram, IPPROTO_IP, 60);
	options_of("datagram", datagram, IPPROTO_UDP, 110);
	options_of("datagram", datagram, IPPROTO_TCP, 2);
	options_of("six", six, IPPROTO_IPV6, 80);
	options_of("six", six, IPPROTO_IP, 5);
	options_of("none", stream, 77, 1);
	options_of("none", stream, -1, 1);
	T(getsockopt(99, SOL_SOCKET, SO_TYPE, buf, &len));
	T(getsockopt(stream, SOL_SOCKET, SO_TYPE, NOWHERE, &len));
	T(getsockopt(stream, SOL_SOCKET, SO_TYPE, buf, NOWHERE));
	T(getsockopt(stream, SOL_SOCKET, SO_TYPE, NULL, NULL));
	len = -1;
	T(getsockopt(stream, SOL_SOCKET, SO_TYPE, buf, &len));
	T(getsockopt(stream, SOL_SOCKET, -1, buf, &len));
}

/* Each option set to a value of each size, and what it is then. */
static void
set_options_of(int type, int level, int most)
{
	int o, fd, value, values[] = { 1, 0, -1, 0x7fffffff };
	socklen_t sizes[] = { 0, 1, 4, 8 };
	size_t i, v;

	for (o = 0; o <= most; o++)
		for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			for (v = 0; v < 4; v++) {
				/* A filter's address, and rights. */
				if (level == SOL_SOCKET &&
				    (o == SO_ATTACH_FILTER ||
					o == SO_BINDTODEVICE ||
					o == SO_INCOMING_CPU))
					continue;
				if (level == IPPROTO_TCP &&
				    (o == TCP_CONGESTION || o == TCP_ULP))
					continue;
				memset(buf, 0, 8);
				memcpy(buf, &values[v], 4);
				fd = socket(AF_INET, type, 0);
				errno = 0;
				value = setsockopt(fd, level, o, buf, sizes[i]);
				note("set %d/%d, %u of %d: %s", level, o,
				    sizes[i], values[v],
				    value == 0 ? "fine"
					       : strerrorname_np(errno));
				close(fd);
			}
}

static void
setting_options(void)
{
	int fd;

	set_options_of(SOCK_STREAM, SOL_SOCKET, 85);
	set_options_of(SOCK_STREAM, IPPROTO_TCP, 45);
	set_options_of(SOCK_STREAM, IPPROTO_IP, 60);
	set_options_of(SOCK_DGRAM, IPPROTO_UDP, 110);
	set_options_of(SOCK_DGRAM, SOL_SOCKET, 20);
	set_options_of(SOCK_DGRAM, 77, 1);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	T(setsockopt(99, SOL_SOCKET, SO_KEEPALIVE, buf, 4));
	T(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, NOWHERE, 4));
	T(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, NULL, 0));
	T(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, buf, -1));
	T(setsockopt(fd, SOL_SOCKET, SO_LINGER, NOWHERE, 8));
	T(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, NOWHERE, 4));
	T(setsockopt(fd, IPPROTO_IP, IP_TTL, NOWHERE, 1));
	/* The host counts the sources before it looks at the group. */
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	memset(buf, 0, sizeof(buf));
	((struct ip_msfilter *)buf)->imsf_numsrc = 300;
	T(setsockopt(fd, IPPROTO_IP, IP_MSFILTER, buf, IP_MSFILTER_SIZE(300)));
	T(setsockopt(fd, IPPROTO_IP, IP_MSFILTER, buf, 1024));
	T(setsockopt(fd, IPPROTO_IP, IP_MSFILTER, NOWHERE, 2000));
}

/* Only questions: whoever may change the interfaces would do so. */
static void
asked(const char *what, int fd, unsigned long request)
{
	struct ifreq r = { .ifr_name = "lo" };
	int error;

	errno = 0;
	error = ioctl(fd, request, &r);
	note("%s %#lx: %s", what, request,
	    error == 0 ? "fine" : strerrorname_np(errno));
	if (error == 0 && request >= SIOCGIFNAME && request <= SIOCGIFHWADDR &&
	    request != SIOCGIFCONF)
		note("  %s %#x", r.ifr_name, r.ifr_flags);
}

static void
requests(void)
{
	unsigned long all[] = { FIONREAD, FIONBIO, FIOASYNC, FIOCLEX, FIONCLEX,
		SIOCATMARK, SIOCOUTQ, SIOCOUTQNSD, SIOCGIFINDEX, SIOCGIFFLAGS,
		SIOCGIFADDR, SIOCGIFNETMASK, SIOCGIFMTU, SIOCGIFNAME,
		SIOCGIFHWADDR, SIOCGIFBRDADDR, SIOCGARP, SIOCGSTAMP, 0x5401,
		0x5413, 0, 0x12345678 };
	int fds[2], udp[2], fresh, n;
	struct ifconf conf;
	size_t i;

	pair(SOCK_STREAM, fds);
	pair(SOCK_DGRAM, udp);
	fresh = socket(AF_INET, SOCK_STREAM, 0);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		asked("stream", fds[0], all[i]);
		asked("datagram", udp[0], all[i]);
		asked("fresh", fresh, all[i]);
	}
	T(fcntl(fds[0], F_SETFL, 0));
	T(write(fds[1], "12345", 5));
	await(fds[0], POLLIN);
	T(ioctl(fds[0], FIONREAD, &n));
	note("%d", n);
	T(ioctl(fds[0], FIONREAD, NOWHERE));
	T(ioctl(fds[0], FIONBIO, NOWHERE));
	T(ioctl(99, FIONREAD, &n));
	T(send(udp[1], "123", 3, 0));
	T(send(udp[1], "12345", 5, 0));
	await(udp[0], POLLIN);
	T(ioctl(udp[0], FIONREAD, &n));
	note("%d", n);
	conf.ifc_len = 0;
	conf.ifc_buf = NULL;
	T(ioctl(fresh, SIOCGIFCONF, &conf));
	note("%d", conf.ifc_len > 0);
	T(ioctl(fresh, SIOCGIFCONF, NOWHERE));
}

/* Calls for files on sockets. */
static void
as_files(void)
{
	struct statfs sf;
	struct stat st;
	int fds[2];

	pair(SOCK_STREAM, fds);
	T(lseek(fds[0], 0, SEEK_SET));
	T(pread(fds[0], buf, 1, 0));
	T(pwrite(fds[0], buf, 1, 0));
	T(ftruncate(fds[0], 0));
	T(fallocate(fds[0], 0, 0, 10));
	T(fsync(fds[0]));
	T(fdatasync(fds[0]));
	T(sync_file_range(fds[0], 0, 0, 0));
	T(posix_fadvise(fds[0], 0, 0, POSIX_FADV_NORMAL));
	T(readahead(fds[0], 0, 10));
	T(fchdir(fds[0]));
	T(openat(fds[0], "x", O_RDONLY));
	S(getdents64, fds[0], buf, 100);
	T(fstatfs(fds[0], &sf));
	note("%#lx", (long)sf.f_type);
	T(fstat(fds[0], &st));
	note("%o %d", st.st_mode & S_IFMT, (int)st.st_nlink);
	T(fcntl(fds[0], F_GETFL));
	T(fcntl(fds[0], F_SETFL, O_APPEND | O_NONBLOCK));
	T(fcntl(fds[0], F_GETFL));
	T(fcntl(fds[0], F_GETLEASE));
	T(fcntl(fds[0], F_GETPIPE_SZ));
	T(fcntl(fds[0], F_GET_SEALS));
	T(fcntl(fds[0], F_GETSIG));
	T(fcntl(fds[0], F_GETOWN));
}

const struct section socket_sections[] = {
	{ "sockets-made", making },
	{ "sockets-bound", binding },
	{ "sockets-connected", connecting },
	{ "sockets-ended", ending },
	{ "sockets-options", reading_options },
	{ "sockets-set", setting_options },
	{ "sockets-requests", requests },
	{ "sockets-files", as_files },
	{ NULL, NULL },
};
