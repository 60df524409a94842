/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_pread PATH: an unmodified program; makes PATH with one byte and prints
 * the nanoseconds of a 1-byte pread from it.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define CALLS 1000000

static double
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

int
main(int argc, char **argv)
{
	double before;
	char c = 0;
	int fd;

	if (argc != 2)
		errx(2, "usage: bench_pread path");
	fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, "x", 1) != 1)
		err(1, "%s", argv[1]);
	for (int i = 0; i < 1000; i++)
		(void)!pread(fd, &c, 1, 0);
	before = now_ns();
	for (int i = 0; i < CALLS; i++)
		if (pread(fd, &c, 1, 0) != 1 || c != 'x')
			errx(1, "pread");
	printf("%.2f\n", (now_ns() - before) / CALLS);
	unlink(argv[1]);
	return 0;
}
