/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_pread PATH SIZE: an unmodified program; makes PATH with SIZE bytes and
 * prints the nanoseconds of a pread of all of them.  SIZE 0: of an lseek that
 * moves nothing, the least that a call on a file can do.
 */
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 10
#define BYTES (1 << 27) /* read in a round, at most */
#define CALLS 20000     /* made in a round, at most */

static double
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static bool
act(int fd, char *buf, size_t size)
{
	if (size == 0)
		return lseek(fd, 0, SEEK_CUR) == 0;
	return pread(fd, buf, size, 0) == (ssize_t)size && buf[size - 1] == 'x';
}

static double
round_ns(int fd, char *buf, size_t size, int calls)
{
	double before = now_ns();

	for (int i = 0; i < calls; i++)
		if (!act(fd, buf, size))
			errx(1, "the call fails");
	return (now_ns() - before) / calls;
}

/* The best of some rounds: the others were disturbed. */
int
main(int argc, char **argv)
{
	double best = 0, ns;
	size_t size;
	int calls;
	char *buf;
	int fd;

	if (argc != 3)
		errx(2, "usage: bench_pread path size");
	size = (size_t)atol(argv[2]);
	buf = malloc(size + 1);
	if (buf == NULL)
		err(1, NULL);
	memset(buf, 'x', size + 1);
	fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || pwrite(fd, buf, size, 0) != (ssize_t)size)
		err(1, "%s", argv[1]);
	calls = size == 0 || BYTES / size > CALLS ? CALLS : (int)(BYTES / size);
	(void)round_ns(fd, buf, size, 1000);
	for (int i = 0; i < ROUNDS; i++) {
		ns = round_ns(fd, buf, size, calls);
		if (i == 0 || ns < best)
			best = ns;
	}
	printf("%.2f\n", best);
	unlink(argv[1]);
	return 0;
}
