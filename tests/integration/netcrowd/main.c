/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netcrowd SEED STEPS: random calls on a handful of sockets, none of which waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netcrowd.h"

#define DESCRIPTORS 14
#define LOST_SECONDS 60 /* a call that waits is a failure */

static uint64_t sequence;
static int at_hand[DESCRIPTORS];

unsigned
below(unsigned n)
{

	sequence ^= sequence << 13;
	sequence ^= sequence >> 7;
	sequence ^= sequence << 17;
	return ((unsigned)(sequence >> 20) % n);
}

long
told(long result)
{
	int error = errno;

	if (result != -1)
		printf(" = %ld", result);
	else
		printf(" = %s", strerrorname_np(error));
	return (result);
}

int
some(void)
{

	return (at_hand[below(DESCRIPTORS)]);
}

void
forget(int fd)
{
	int i;

	for (i = 0; i < DESCRIPTORS; i++)
		if (at_hand[i] == fd)
			at_hand[i] = -1;
}

void
keep(int fd)
{
	int i;

	if (fd < 0)
		return;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	for (i = 0; i < DESCRIPTORS && at_hand[i] != -1; i++)
		continue;
	if (i == DESCRIPTORS) {
		i = (int)below(DESCRIPTORS);
		close(at_hand[i]);
	}
	at_hand[i] = fd;
}

/* Connections are what most calls want. */
static call_fn *const *
some_calls(void)
{
	static call_fn *const *const all[] = { connection_calls,
		connection_calls, message_calls, message_calls, setting_calls,
		wait_calls, file_calls };

	return (all[below(NITEMS(all))]);
}

static void
step(int number)
{
	call_fn *const *calls = some_calls();
	unsigned n = 0;

	while (calls[n] != NULL)
		n++;
	printf("%d ", number);
	calls[below(n)]();
	putchar('\n');
}

int
main(int argc, char **argv)
{
	int i, steps;

	if (argc != 3)
		return (2);
	sequence = strtoull(argv[1], NULL, 10) * UINT64_C(0x9e3779b97f4a7c15);
	steps = atoi(argv[2]);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGIO, SIG_IGN);
	signal(SIGURG, SIG_IGN);
	alarm(LOST_SECONDS);
	for (i = 0; i < DESCRIPTORS; i++)
		at_hand[i] = -1;
	for (i = 0; i < steps; i++)
		step(i);
	return (0);
}
