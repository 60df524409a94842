/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls on descriptors: fcntl, dup, poll, select, epoll, ... */
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/stat.h>

#include "calls.h"

static int dir, file, rdwr, path, pipes[2];

static void
populate(void)
{

	make("file", "contents\n");
	must(mkdir("dir", 0755) == 0, "mkdir");
	dir = open("dir", O_RDONLY);
	file = open("file", O_RDONLY);
	rdwr = open("file", O_RDWR);
	path = open("file", O_PATH);
	must(path > 0 && pipe(pipes) == 0, "pipe");
}

static void
duplicating(void)
{
	struct rlimit r;

	populate();
	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_cur = 100;
	must(setrlimit(RLIMIT_NOFILE, &r) == 0, "setrlimit");
	T(dup(rdwr));
	T(dup(99));
	T(dup(-1));
	T(dup2(rdwr, rdwr));
	T(dup2(99, 99));
	T(dup2(99, rdwr));
	T(dup2(rdwr, 50));
	T(dup2(rdwr, -1));
	T(dup2(rdwr, 100));
	T(dup2(rdwr, 99));
	T(close(99));
	T(dup3(rdwr, rdwr, 0));
	T(dup3(rdwr, 51, O_CLOEXEC));
	T(fcntl(51, F_GETFD));
	T(dup3(rdwr, 51, O_NONBLOCK));
	T(dup3(99, 51, 0));
	T(dup3(99, 99, 0));
	T(dup2(51, 52));
	T(fcntl(52, F_GETFD));
	T(fcntl(rdwr, F_DUPFD, 40));
	T(fcntl(rdwr, F_DUPFD, 40));
	T(fcntl(rdwr, F_DUPFD_CLOEXEC, 40));
	T(fcntl(42, F_GETFD));
	T(fcntl(rdwr, F_DUPFD, -1));
	T(fcntl(rdwr, F_DUPFD, 100));
	T(fcntl(99, F_DUPFD, 10));
	T(lseek(52, 4, SEEK_SET));
	T(lseek(rdwr, 0, SEEK_CUR));
	T(fcntl(rdwr, F_SETFL, O_APPEND));
	T(fcntl(52, F_GETFL));
	T(dup2(pipes[1], 52));
	T(write(52, "x", 1));
	T(dup2(rdwr, pipes[1]));
	T(write(pipes[1], "x", 1));
	T(dup2(path, 53));
	T(fcntl(53, F_GETFL));
	T(dup2(file, 0));
	T(read(0, &r, 3));
	S(kcmp, getpid(), getpid(), KCMP_FILE, 50, rdwr);
}

static void
flags(void)
{
	int flag;

	populate();
	T(fcntl(file, F_GETFD));
	T(fcntl(file, F_SETFD, -1));
	T(fcntl(file, F_GETFD));
	T(fcntl(file, F_SETFD, 2));
	T(fcntl(file, F_GETFD));
	T(fcntl(99, F_SETFD, 2));
	T(fcntl(path, F_SETFD, 1));
	T(fcntl(path, F_GETFD));
	T(fcntl(path, F_SETFL, O_APPEND));
	T(fcntl(99, F_GETFL));
	for (flag = O_RDWR; flag <= O_TMPFILE; flag <<= 1) {
		if (flag == O_ASYNC || flag == O_DIRECT || flag == O_NOATIME)
			continue;
		T(fcntl(rdwr, F_SETFL, flag));
		note("%#o: %#o", flag, fcntl(rdwr, F_GETFL));
	}
	T(fcntl(rdwr, F_SETFL, 0));
	T(fcntl(dir, F_SETFL, O_APPEND));
	T(fcntl(dir, F_GETFL));
}

static void
commands(void)
{
	int c;

	populate();
	T(fcntl(file, F_GETOWN));
	T(fcntl(file, F_SETOWN, 0));
	T(fcntl(file, F_GETLEASE));
	T(fcntl(file, F_SETLEASE, 7));
	T(fcntl(dir, F_SETLEASE, F_RDLCK));
	T(fcntl(file, F_GETPIPE_SZ));
	T(fcntl(file, F_SETPIPE_SZ, 4096));
	T(fcntl(path, F_GETPIPE_SZ));
	T(fcntl(rdwr, F_ADD_SEALS, 0x1000));
	for (c = 19; c < 40; c++)
		note("%d: %d %s", c, fcntl(file, c, 0), strerrorname_np(errno));
	T(fcntl(file, -1, 0));
	T(fcntl(file, 1024 + 100, 0));
	T(fcntl(99, 1024 + 100, 0));
}

static void
polled(const char *label, int fd)
{
	struct pollfd p = { fd, -1, 0 };
	short some[] = { 0, POLLIN, POLLOUT, POLLPRI, POLLRDHUP };
	size_t i;

	note("%s: %d %#x", label, poll(&p, 1, 0), p.revents);
	for (i = 0; i < 5; i++) {
		p.events = some[i];
		note("  %#x: %d %#x", p.events, poll(&p, 1, 0), p.revents);
	}
}

static void
polling(void)
{
	struct pollfd p[3];
	struct timespec ts = { 0, 1000000000 };

	populate();
	polled("file", file);
	polled("directory", dir);
	polled("O_PATH", path);
	polled("closed", 99);
	polled("negative", -5);
	p[0] = (struct pollfd){ file, POLLIN, 0 };
	p[1] = (struct pollfd){ -1, POLLIN, 7 };
	p[2] = (struct pollfd){ pipes[0], POLLIN, 7 };
	T(poll(p, 3, -1));
	note("%#x %#x %#x", p[0].revents, p[1].revents, p[2].revents);
	T(poll(p, 0, 0));
	T(poll(NULL, 0, 0));
	T(poll(NOWHERE, 0, 0));
	T(poll(NOWHERE, 1, 0));
	T(poll(edge(8), 2, 0));
	T(poll(p, -1, 0));
	T(poll(p, 1 << 30, 0));
	S(ppoll, p, 3, &ts, NULL, 8);
	ts.tv_nsec = 0;
	ts.tv_sec = -1;
	S(ppoll, p, 3, &ts, NULL, 8);
	ts.tv_sec = 0;
	S(ppoll, p, 3, &ts, NULL, 8);
	S(ppoll, p, 3, NOWHERE, NULL, 8);
	S(ppoll, p, 3, &ts, NOWHERE, 8);
	S(ppoll, p, 3, &ts, p, 7);
	S(ppoll, p, 3, &ts, NULL, 7);
}

static void
selecting(void)
{
	struct timeval tv = { 0, 0 };
	fd_set r, w, x;

	populate();
	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_ZERO(&x);
	FD_SET(file, &r);
	FD_SET(pipes[0], &r);
	FD_SET(dir, &w);
	FD_SET(rdwr, &x);
	T(select(20, &r, &w, &x, NULL));
	note("%d%d %d %d", FD_ISSET(file, &r) != 0, FD_ISSET(pipes[0], &r) != 0,
	    FD_ISSET(dir, &w) != 0, FD_ISSET(rdwr, &x) != 0);
	FD_SET(30, &r);
	T(select(31, &r, NULL, NULL, &tv));
	T(select(30, &r, NULL, NULL, &tv));
	T(select(-1, &r, NULL, NULL, &tv));
	T(select(0, NULL, NULL, NULL, &tv));
	S(select, 20, NOWHERE, NULL, NULL, &tv);
	S(select, 20, &r, NULL, NULL, NOWHERE);
	tv.tv_sec = -1;
	S(select, 20, &r, NULL, NULL, &tv);
	S(select, 3, edge(8), NULL, NULL, &((struct timeval){ 0, 0 }));
	S(pselect6, 20, NULL, NULL, NULL, &((struct timespec){ 0, 0 }),
	    NOWHERE);
	S(pselect6, 20, NULL, NULL, NULL, &((struct timespec){ 0, -1 }), NULL);
	tv.tv_sec = 0;
	FD_ZERO(&r);
	FD_SET(path, &r);
	T(select(20, &r, NULL, NULL, &tv));
	note("%d", FD_ISSET(path, &r) != 0);
	FD_SET(path, &r);
	T(select(20, NULL, &r, NULL, &tv));
	FD_SET(path, &r);
	T(select(20, NULL, NULL, &r, &tv));
	FD_SET(path, &r);
	FD_SET(file, &r);
	S(pselect6, 20, &r, NULL, NULL, &((struct timespec){ 0, 0 }), NULL);
	note("%d%d", FD_ISSET(path, &r) != 0, FD_ISSET(file, &r) != 0);
}

static void
watching(void)
{
	struct epoll_event ev = { EPOLLIN, { .u64 = 7 } }, got[4];
	int ep;

	populate();
	ep = epoll_create1(0);
	T(epoll_ctl(ep, EPOLL_CTL_ADD, file, &ev));
	T(epoll_ctl(ep, EPOLL_CTL_ADD, dir, &ev));
	T(epoll_ctl(ep, EPOLL_CTL_ADD, path, &ev));
	T(epoll_ctl(ep, EPOLL_CTL_MOD, file, &ev));
	T(epoll_ctl(ep, EPOLL_CTL_DEL, file, &ev));
	T(epoll_ctl(ep, EPOLL_CTL_DEL, 99, &ev));
	T(epoll_ctl(file, EPOLL_CTL_ADD, pipes[0], &ev));
	T(epoll_ctl(ep, 77, file, &ev));
	T(epoll_ctl(ep, 77, pipes[0], &ev));
	T(epoll_ctl(ep, EPOLL_CTL_ADD, pipes[0], NOWHERE));
	T(epoll_ctl(ep, EPOLL_CTL_ADD, file, NOWHERE));
	T(epoll_ctl(99, EPOLL_CTL_ADD, file, NOWHERE));
	T(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &ev));
	T(epoll_wait(ep, got, 4, 0));
	T(epoll_wait(99, got, 4, 0));
	T(epoll_wait(file, got, 4, 0));
	T(epoll_wait(dir, got, 4, 0));
	T(epoll_wait(path, got, 4, 0));
	T(epoll_wait(file, got, 0, 0));
	T(epoll_wait(path, got, -1, 0));
	T(epoll_wait(file, NOWHERE, 4, 0));
	T(epoll_wait(path, NOWHERE, 4, 0));
	T(epoll_pwait(rdwr, got, 4, 0, NULL));
	S(epoll_pwait2, rdwr, got, 4, NOWHERE, NULL, 8);
	S(epoll_pwait2, file, got, 4, NULL, NULL, 8);
	S(epoll_pwait, path, got, 4, 0, NOWHERE, 8);
	S(epoll_pwait, file, got, 4, 0, NULL, 7);
	S(epoll_pwait, file, got, 4, 0, NOWHERE, 7);
	T(epoll_ctl(path, EPOLL_CTL_ADD, pipes[0], &ev));
	T(epoll_ctl(path, EPOLL_CTL_ADD, file, &ev));
	T(epoll_ctl(dir, EPOLL_CTL_MOD, path, &ev));
	T(epoll_wait(ep, got, 0, 0));
	T(epoll_wait(ep, NOWHERE, 4, 0));
	T(write(pipes[1], "x", 1));
	T(epoll_ctl(ep, EPOLL_CTL_ADD, pipes[0], &ev));
	T(epoll_wait(ep, NOWHERE, 4, 0));
	T(epoll_wait(ep, got, 4, 0));
}

/* Descriptors that point to the host's own kinds of files. */
static void
foreign(void)
{
	char name[64];
	int fd;

	populate();
	snprintf(name, sizeof(name), "/proc/self/fd/%d", rdwr);
	fd = T(open(name, O_RDONLY));
	T(fcntl(fd, F_GETFL));
	T(read(fd, name, 4));
	T(write(fd, name, 4));
	snprintf(name, sizeof(name), "/proc/self/fd/%d", file);
	fd = T(open(name, O_RDWR));
	T(write(fd, "J", 1));
	contents("file");
	T(open(name, O_RDWR | O_TRUNC));
	state("file");
	T(truncate(name, 10));
	state("file");
	T(chmod(name, 0600));
	state("file");
	T(access(name, R_OK));
	T(open("/dev/fd/4", O_DIRECTORY));
	snprintf(name, sizeof(name), "/proc/self/fd/%d/../file", dir);
	T(access(name, R_OK));
	snprintf(name, sizeof(name), "/proc/self/fd/%d", path);
	fd = T(open(name, O_RDWR));
	T(write(fd, "path", 4));
	contents("file");
	T(open("/proc/self/cwd/dir", O_RDONLY));
	T(access("/proc/self/cwd/../here/dir", R_OK));
	T(access("/proc/self/root/proc", R_OK));
	T(access("/proc/thread-self/cwd/dir", R_OK));
}

const struct section descriptor_sections[] = {
	{ "descriptors-duplicating", duplicating },
	{ "descriptors-flags", flags },
	{ "descriptors-commands", commands },
	{ "descriptors-poll", polling },
	{ "descriptors-select", selecting },
	{ "descriptors-epoll", watching },
	{ "descriptors-proc", foreign },
	{ NULL, NULL },
};
