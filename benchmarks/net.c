/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_net serve            prints a port and serves until it is killed
 * bench_net WHAT PORT        measures against it, and prints
 *   tcp, udp    microseconds of a round trip of one byte
 *   send, recv  GB/s of a stream in that direction
 *
 * Unmodified programs: either side runs natively or under the hijack library.
 * Each runs on a processor of its own.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK (256 * 1024)
#define BULK (2048L * 1024 * 1024)
#define TRIPS 20000
#define WARM 1000

static char buf[CHUNK];

static double
now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

static void
nodelay(int fd)
{
	int on = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0)
		err(1, "TCP_NODELAY");
}

/* The first byte says what the client wants. */
static void
serve_stream(int fd)
{
	long left = BULK;
	ssize_t n;
	char what;

	nodelay(fd);
	if (recv(fd, &what, 1, 0) != 1)
		errx(1, "a client without a wish");
	if (what == 't') {
		while (recv(fd, buf, 1, 0) == 1)
			if (send(fd, buf, 1, 0) != 1)
				err(1, "send");
	} else if (what == 's') {
		while (left > 0 && (n = recv(fd, buf, CHUNK, 0)) > 0)
			left -= n;
		(void)!send(fd, &what, 1, 0);
	} else {
		while (left > 0 && (n = send(fd, buf, CHUNK, 0)) > 0)
			left -= n;
	}
	close(fd);
}

static void
serve(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) },
			   peer;
	socklen_t len = sizeof(sin);
	struct pollfd pfd[2];

	pin(1);
	pfd[0].fd = socket(AF_INET, SOCK_STREAM, 0);
	pfd[1].fd = socket(AF_INET, SOCK_DGRAM, 0);
	pfd[0].events = pfd[1].events = POLLIN;
	if (bind(pfd[0].fd, (void *)&sin, sizeof(sin)) != 0 ||
	    listen(pfd[0].fd, 16) != 0 ||
	    getsockname(pfd[0].fd, (void *)&sin, &len) != 0 ||
	    bind(pfd[1].fd, (void *)&sin, sizeof(sin)) != 0)
		err(1, "server");
	printf("%d\n", ntohs(sin.sin_port));
	fflush(stdout);
	while (poll(pfd, 2, -1) > 0) {
		if ((pfd[0].revents & POLLIN) != 0)
			serve_stream(accept(pfd[0].fd, NULL, NULL));
		/* A datagram of two bytes is the last one. */
		while ((pfd[1].revents & POLLIN) != 0) {
			len = sizeof(peer);
			if (recvfrom(
				pfd[1].fd, buf, 2, 0, (void *)&peer, &len) != 1)
				break;
			if (sendto(pfd[1].fd, buf, 1, 0, (void *)&peer, len) !=
			    1)
				err(1, "sendto");
		}
	}
}

static double
round_trips(int fd)
{
	double before = 0;

	for (int i = 0; i < TRIPS + WARM; i++) {
		if (i == WARM)
			before = now_s();
		if (send(fd, "x", 1, 0) != 1 || recv(fd, buf, 1, 0) != 1)
			err(1, "round trip");
	}
	return (now_s() - before) * 1e6 / TRIPS;
}

static double
bulk(int fd, char what)
{
	double before = now_s();
	long left = BULK;
	ssize_t n = 1;

	while (left > 0 && n > 0) {
		n = what == 's' ? send(fd, buf, CHUNK, 0)
				: recv(fd, buf, CHUNK, 0);
		left -= n;
	}
	if (n <= 0 || (what == 's' && recv(fd, buf, 1, 0) != 1))
		err(1, "stream");
	return (double)BULK / (now_s() - before) / 1e9;
}

static void
measure(const char *what, int port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	bool udp = strcmp(what, "udp") == 0;
	int fd;

	pin(0);
	fd = socket(AF_INET, udp ? SOCK_DGRAM : SOCK_STREAM, 0);
	if (connect(fd, (void *)&sin, sizeof(sin)) != 0)
		err(1, "connect");
	if (udp) {
		printf("%.3f\n", round_trips(fd));
		(void)!send(fd, "xx", 2, 0);
		return;
	}
	nodelay(fd);
	if (send(fd, what, 1, 0) != 1)
		err(1, "send");
	printf("%.3f\n", what[0] == 't' ? round_trips(fd) : bulk(fd, what[0]));
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "serve") == 0)
		serve();
	else if (argc == 3)
		measure(argv[1], atoi(argv[2]));
	else
		errx(2, "usage: bench_net serve | tcp|udp|send|recv port");
	return 0;
}
