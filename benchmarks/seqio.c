/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * seqio read PATH, seqio write PATH SOURCE: an unmodified program that reads a
 * file, or writes over one with what SOURCE has and syncs it; prints the
 * seconds.  It does what libnfs_loop does, by system calls.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CHUNK (1 << 20)

static char buf[CHUNK];

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int
open_file(const char *path, int flags)
{
	int fd = open(path, flags);

	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

static void
read_all(const char *path)
{
	double begin = now();
	int fd = open_file(path, O_RDONLY);
	ssize_t n;

	while ((n = read(fd, buf, CHUNK)) > 0)
		continue;
	if (n < 0)
		err(1, "read");
	close(fd);
	printf("%.6f\n", now() - begin);
}

static void
write_all(const char *path, const char *source)
{
	int in = open_file(source, O_RDONLY), out;
	double begin = now();
	ssize_t n;

	out = open_file(path, O_WRONLY);
	while ((n = read(in, buf, CHUNK)) > 0)
		if (write(out, buf, (size_t)n) != n)
			err(1, "write");
	if (n < 0 || fsync(out) != 0 || close(out) != 0)
		err(1, "%s", path);
	printf("%.6f\n", now() - begin);
}

int
main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "read") == 0)
		read_all(argv[2]);
	else if (argc == 4 && strcmp(argv[1], "write") == 0)
		write_all(argv[2], argv[3]);
	else
		errx(2, "usage: seqio read path | seqio write path source");
	return 0;
}
