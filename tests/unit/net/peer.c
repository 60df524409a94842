/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A sleeping thread is recognised by /proc/self/task/TID/syscall, which names
 * the call it is blocked in; while it runs it says "running".
 */
#include "peer.h"

/* Ahead of <errno.h>, whose ERESTART is another. */
#include "sockin/user.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rump/rump_syscalls.h"
#include "rump/rumpdefs.h"

/* A component is used by being there, but the linker wants to see a name. */
__attribute__((__used__)) static int (*const component)(
    int, int) = rumpcomp_sockin_listen;

#define CHECK(e)                                                               \
	do {                                                                   \
		if (!(e)) {                                                    \
			fprintf(stderr, "%s:%d: %s failed, errno %d\n",        \
			    __FILE__, __LINE__, #e, errno);                    \
			abort();                                               \
		}                                                              \
	} while (0)

static void
loopback(struct rump_sockaddr_in *sin, in_port_t port)
{
	*sin = (struct rump_sockaddr_in){
		.sin_len = sizeof(*sin),
		.sin_family = RUMP_AF_INET,
		.sin_port = port,
		.sin_addr = htonl(INADDR_LOOPBACK),
	};
}

/* A host socket bound to a port of loopback. */
static int
bound(struct rump_sockaddr_in *sin)
{
	struct sockaddr_in hin = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(hin);
	int fd;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(fd >= 0);
	CHECK(bind(fd, (struct sockaddr *)&hin, len) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)&hin, &len) == 0);
	loopback(sin, hin.sin_port);
	return fd;
}

int
peer_listen(struct rump_sockaddr_in *sin)
{
	int fd;

	fd = bound(sin);
	CHECK(listen(fd, 16) == 0);
	return fd;
}

void
peer_nobody(struct rump_sockaddr_in *sin)
{
	/* The port stays free for a while after it was given back. */
	close(bound(sin));
}

void
peer_pair(int *rumpfd, int *hostfd)
{
	struct rump_sockaddr_in sin;
	int lfd;

	lfd = peer_listen(&sin);
	*rumpfd = rump_sys_socket(RUMP_PF_INET, RUMP_SOCK_STREAM, 0);
	CHECK(*rumpfd >= 0);
	CHECK(rump_sys_connect(
		  *rumpfd, (struct rump_sockaddr *)&sin, sizeof(sin)) == 0);
	*hostfd = accept4(lfd, NULL, NULL, SOCK_CLOEXEC);
	CHECK(*hostfd >= 0);
	close(lfd);
}

void
peer_read(int hostfd, void *buf, size_t len)
{
	CHECK(recv(hostfd, buf, len, MSG_WAITALL) == (ssize_t)len);
}

void
peer_write(int hostfd, const void *buf, size_t len)
{
	CHECK(send(hostfd, buf, len, MSG_NOSIGNAL) == (ssize_t)len);
}

int
peer_count_fds(void)
{
	DIR *dir;
	int n;

	dir = opendir("/proc/self/fd");
	CHECK(dir != NULL);
	for (n = 0; readdir(dir) != NULL; n++)
		continue;
	closedir(dir);
	return n;
}

static void *
sleeper_main(void *arg)
{
	struct sleeper *sl = arg;

	sl->sl_tid = gettid();
	sl->sl_func(sl->sl_arg);
	return NULL;
}

void
sleeper_start(struct sleeper *sl, void (*func)(void *), void *arg)
{
	sl->sl_func = func;
	sl->sl_arg = arg;
	sl->sl_tid = 0;
	CHECK(pthread_create(&sl->sl_thread, NULL, sleeper_main, sl) == 0);
}

void
sleeper_wait_asleep(struct sleeper *sl, long nr)
{
	char path[64];
	FILE *f;
	long got;

	while (sl->sl_tid == 0)
		sched_yield();
	snprintf(
	    path, sizeof(path), "/proc/self/task/%d/syscall", (int)sl->sl_tid);
	do {
		sched_yield();
		f = fopen(path, "re");
		CHECK(f != NULL);
		if (fscanf(f, "%ld", &got) != 1)
			got = -1;
		fclose(f);
	} while (got != nr);
}

void
sleeper_join(struct sleeper *sl)
{
	CHECK(pthread_join(sl->sl_thread, NULL) == 0);
}
