/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_idle serve epoll|poll IDLE: an unmodified server.  Prints its port;
 * echoes bytes of one connection, first alone and then among IDLE others that
 * are silent, and prints the nanoseconds of a round trip for both.
 *
 * bench_idle connect PORT IDLE: its peer.
 */
#include <err.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCHES 101
#define BATCH 100 /* round trips */

static int epfd = -1;
static struct pollfd *fds;
static unsigned nfds;

static double
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static int
by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void
many_files(void)
{
	struct rlimit rl;

	getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
}

static void
watch(int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	fds[nfds++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	if (epfd >= 0 && epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev) != 0)
		err(1, "epoll_ctl");
}

/* Wait for the one that is not silent. */
static void
wait_for(int fd)
{
	struct epoll_event ev;

	if (epfd >= 0) {
		if (epoll_wait(epfd, &ev, 1, -1) != 1 || ev.data.fd != fd)
			errx(1, "epoll_wait");
	} else if (poll(fds, nfds, -1) != 1 || fds[0].revents != POLLIN) {
		errx(1, "poll");
	}
}

static double
echo(int fd)
{
	double took[BATCHES], before;
	char c;

	for (int i = 0; i < BATCHES; i++) {
		before = now_ns();
		for (int j = 0; j < BATCH; j++) {
			wait_for(fd);
			if (read(fd, &c, 1) != 1 || write(fd, &c, 1) != 1)
				err(1, "echo");
		}
		took[i] = (now_ns() - before) / BATCH;
	}
	qsort(took, BATCHES, sizeof(took[0]), by_value);
	return took[BATCHES / 2];
}

static void
serve(const char *how, unsigned idle)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int s = socket(AF_INET, SOCK_STREAM, 0), active;
	double alone;

	fds = calloc(idle + 1, sizeof(*fds));
	if (strcmp(how, "epoll") == 0)
		epfd = epoll_create1(0);
	if (s < 0 || fds == NULL ||
	    bind(s, (struct sockaddr *)&sin, sizeof(sin)) != 0 ||
	    listen(s, 1024) != 0 ||
	    getsockname(s, (struct sockaddr *)&sin, &len) != 0)
		err(1, "listen");
	printf("%d\n", ntohs(sin.sin_port));
	fflush(stdout);
	active = accept(s, NULL, NULL);
	watch(active);
	alone = echo(active);
	for (unsigned i = 0; i < idle; i++) {
		int fd = accept(s, NULL, NULL);

		if (fd < 0)
			err(1, "accept");
		watch(fd);
	}
	printf("%.1f %.1f\n", alone, echo(active));
}

static int
connected(int port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons((unsigned short)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int s = socket(AF_INET, SOCK_STREAM, 0);

	if (s < 0 || connect(s, (struct sockaddr *)&sin, sizeof(sin)) != 0)
		err(1, "connect");
	return s;
}

static void
talk(int fd)
{
	char c = 'x';

	for (int i = 0; i < BATCHES * BATCH; i++) {
		if (write(fd, &c, 1) != 1 || read(fd, &c, 1) != 1)
			err(1, "talk");
	}
}

int
main(int argc, char **argv)
{
	unsigned idle;
	int fd;

	if (argc != 4)
		errx(2, "usage: bench_idle serve epoll|poll idle | "
			"bench_idle connect port idle");
	many_files();
	idle = (unsigned)atoi(argv[3]);
	if (strcmp(argv[1], "serve") == 0) {
		serve(argv[2], idle);
		return 0;
	}
	fd = connected(atoi(argv[2]));
	talk(fd);
	for (unsigned i = 0; i < idle; i++)
		(void)connected(atoi(argv[2]));
	talk(fd);
	return 0;
}
