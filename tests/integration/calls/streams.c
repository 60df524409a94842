/* SPDX-License-Identifier: BSD-2-Clause */
/* Sockets on which a program has read and written for a while, when something
 * happens: bad memory, memory that is a file, another file under the number. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "calls.h"

#define A(sin) ((struct sockaddr *)(sin))
#define PAGE 4096
#define ROUNDS 20 /* what a call is, is known after some */

static int near, far;
static char buf[2 * PAGE];

static void
connected(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	must(fd >= 0 && bind(fd, A(&sin), len) == 0, "bind");
	must(getsockname(fd, A(&sin), &len) == 0, "name");
	must(listen(fd, 4) == 0, "listen");
	near = socket(AF_INET, SOCK_STREAM, 0);
	must(connect(near, A(&sin), len) == 0, "connect");
	far = accept(fd, NULL, NULL);
	must(far >= 0 && close(fd) == 0, "accept");
}

/* A byte by each pair of calls. */
static void
one_round(void)
{
	struct iovec iov = { buf, 1 };

	must(write(near, buf, 1) == 1 && read(far, buf, 1) == 1, "read");
	must(writev(near, &iov, 1) == 1 && readv(far, &iov, 1) == 1, "readv");
	must(send(near, buf, 1, 0) == 1 && recv(far, buf, 1, 0) == 1, "recv");
}

static void
busy(void)
{
	connected();
	for (int i = 0; i < ROUNDS; i++)
		one_round();
}

static void
bad_memory(void)
{
	struct iovec iov[2] = { { buf, 2 }, { NOWHERE, 8 } };

	busy();
	T(write(near, NOWHERE, 4));
	T(send(near, NOWHERE, 4, 0));
	T(writev(near, iov + 1, 1));
	T(writev(near, (void *)NOWHERE, 1));
	must(write(near, "abcdefgh", 8) == 8, "write");
	T(read(far, NOWHERE, 4));
	T(recv(far, NOWHERE, 4, 0));
	T(readv(far, iov + 1, 1));
	T(read(far, buf, 0));
	T(recv(far, buf, 3, MSG_PEEK));
	T(recv(far, buf, sizeof(buf), MSG_DONTWAIT));
	show("what there was", buf, 8);
	T(recv(far, buf, sizeof(buf), MSG_DONTWAIT));
}

/* The page of a new mapping is not there yet, and the host cannot fetch it. */
static void
mapped_memory(void)
{
	int fd = open("file", O_RDWR | O_CREAT, 0644);
	char *p;

	busy();
	must(ftruncate(fd, sizeof(buf)) == 0, "size");
	p = mmap(NULL, sizeof(buf), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(p != MAP_FAILED, "map");
	T(write(near, "from the stream", 15));
	T(read(far, p + PAGE - 4, sizeof(buf)));
	contents("file");
	must(munmap(p, sizeof(buf)) == 0, "unmap");
	must(pwrite(fd, "from the file", 13, PAGE) == 13, "write");
	p = mmap(NULL, sizeof(buf), PROT_READ, MAP_PRIVATE, fd, 0);
	must(p != MAP_FAILED, "map");
	T(write(near, p + PAGE, 13));
	T(recv(far, buf, sizeof(buf), 0));
	show("what came", buf, 13);
}

static void
another_number(void)
{
	int fds[2];

	busy();
	T(close(far));
	T(read(far, buf, 1));
	T(recv(far, buf, 1, 0));
	T(write(far, buf, 1));
	make("file", "of the file");
	T(dup2(open("file", O_RDWR), far) == far);
	T(recv(far, buf, 1, 0));
	T(read(far, buf, sizeof(buf)));
	show("what there was", buf, 11);
	must(pipe(fds) == 0 && write(fds[1], "of the pipe", 11) == 11, "pipe");
	T(dup2(fds[0], near) == near);
	T(send(near, buf, 1, 0));
	T(read(near, buf, sizeof(buf)));
	show("what there was", buf, 11);
}

static void
another_socket(void)
{
	int first[2];

	busy();
	first[0] = near;
	first[1] = far;
	busy();
	must(write(first[0], "first", 5) == 5, "write");
	must(write(near, "second", 6) == 6, "write");
	T(dup2(first[1], far) == far);
	T(write(near, "x", 1) < 0 || errno == 0);
	T(read(far, buf, sizeof(buf)));
	show("what there was", buf, 5);
	T(shutdown(first[0], SHUT_WR));
	T(read(far, buf, sizeof(buf)));
}

static void *
reads(void *arg)
{
	char *p = arg;

	return (read(far, p, PAGE) < 0 ? NULL : p);
}

/* Another thread waits in it meanwhile: data come nevertheless. */
static void
closed_meanwhile(void)
{
	pthread_t thread;
	void *result;
	int again;

	busy();
	again = dup(far);
	must(pthread_create(&thread, NULL, reads, buf) == 0, "thread");
	T(write(near, "to the thread", 13));
	must(pthread_join(thread, &result) == 0, "join");
	T(result == buf);
	show("what it read", buf, 13);
	T(close(far));
	T(write(near, "to the rest", 11));
	T(read(far, buf, sizeof(buf)));
	T(read(again, buf, sizeof(buf)));
	show("what there was", buf, 11);
}

/* Is a thread of this process waiting?  Behind its name stands how it is. */
static int
sleeps(pid_t tid)
{
	char name[64], text[256], *p;
	int fd;
	ssize_t n;

	snprintf(name, sizeof(name), "/proc/self/task/%d/stat", (int)tid);
	fd = open(name, O_RDONLY);
	must(fd >= 0, "open stat");
	n = read(fd, text, sizeof(text) - 1);
	must(n > 0 && close(fd) == 0, "read stat");
	text[n] = '\0';
	p = strrchr(text, ')');
	return (p != NULL && p[2] == 'S');
}

static pid_t reader;
static int instead;

static void
replace(int sig)
{

	(void)sig;
	must(dup2(instead, far) == far, "dup2");
}

static void *
signals(void *arg)
{

	(void)arg;
	while (!sleeps(reader))
		sched_yield();
	must(tgkill(getpid(), reader, SIGUSR1) == 0, "tgkill");
	return (NULL);
}

/* The call starts again behind a handler that gives its number to another
 * socket. */
static void
restarted(void)
{
	struct sigaction sa = { .sa_handler = replace, .sa_flags = SA_RESTART };
	pthread_t thread;
	int first;

	busy();
	first = near;
	instead = far;
	busy();
	must(write(first, "of the other", 12) == 12, "write");
	must(sigaction(SIGUSR1, &sa, NULL) == 0, "sigaction");
	reader = gettid();
	must(pthread_create(&thread, NULL, signals, NULL) == 0, "thread");
	T(recv(far, buf, sizeof(buf), 0));
	show("what came", buf, 12);
	must(pthread_join(thread, NULL) == 0, "join");
}

const struct section stream_sections[] = {
	{ "sockets-busy-bad-memory", bad_memory },
	{ "sockets-busy-mapped-memory", mapped_memory },
	{ "sockets-busy-another-number", another_number },
	{ "sockets-busy-another-socket", another_socket },
	{ "sockets-busy-two-numbers", closed_meanwhile },
	{ "sockets-busy-restarted", restarted },
	{ NULL, NULL },
};
