/* SPDX-License-Identifier: BSD-2-Clause */
/* What is ready, now. */
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <unistd.h>

#include "netcrowd.h"

#define WATCHED 3

static void
polled(void)
{
	struct pollfd fds[WATCHED];
	int i;

	for (i = 0; i < WATCHED; i++)
		fds[i] = (struct pollfd){ some(), (short)below(0x4000), 0 };
	printf("poll");
	told(poll(fds, WATCHED, 0));
	for (i = 0; i < WATCHED; i++)
		printf(" %d:%#x:%#x", fds[i].fd, (unsigned)fds[i].events,
		    (unsigned)fds[i].revents);
}

static void
selected(void)
{
	fd_set sets[3];
	struct timeval now = { 0 };
	int fds[WATCHED], i, j;

	for (j = 0; j < 3; j++)
		FD_ZERO(&sets[j]);
	for (i = 0; i < WATCHED; i++) {
		fds[i] = some();
		for (j = 0; fds[i] >= 0 && j < 3; j++)
			FD_SET(fds[i], &sets[j]);
	}
	printf("select");
	if (told(select(FD_SETSIZE, &sets[0], &sets[1], &sets[2], &now)) < 0)
		return;
	for (i = 0; i < WATCHED; i++)
		for (j = 0; fds[i] >= 0 && j < 3; j++)
			printf(" %d", FD_ISSET(fds[i], &sets[j]) != 0);
}

/* A set of its own, with three members. */
static void
in_a_set(void)
{
	struct epoll_event event, ready[WATCHED];
	int set = epoll_create1(0), fd, i, n;
	unsigned sum = 0;

	printf("epoll");
	for (i = 0; i < WATCHED; i++) {
		fd = some();
		event = (struct epoll_event){
			.events = (uint32_t)ONE_OF(EPOLLIN, EPOLLOUT,
			    EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI,
			    EPOLLIN | (int)EPOLLET, EPOLLOUT | EPOLLONESHOT,
			    EPOLLIN | EPOLLEXCLUSIVE, 0),
			.data.fd = fd,
		};
		printf(" %d %#x", fd, event.events);
		told(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
	}
	/* In which order they come is the host's secret. */
	n = epoll_wait(set, ready, WATCHED, 0);
	for (i = 0; i < n; i++)
		sum += ready[i].events * (unsigned)(7 + ready[i].data.fd);
	printf(" ready %d %#x", n, sum);
	close(set);
}

call_fn *const wait_calls[] = { polled, selected, in_a_set, NULL };
