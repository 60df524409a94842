/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * randread PATH THREADS N: an unmodified program; prints the seconds of N 4 KiB
 * reads by several threads, each page at most once.
 */
#include <sys/stat.h>

#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096

struct reader {
	pthread_t thread;
	int fd;
	uint64_t pages;
	unsigned first, step, count;
};

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Each page once: multiplication by an odd number permutes 2^n pages. */
static uint64_t
random_page(uint64_t i, uint64_t pages)
{
	return (i * 2654435761u + 12345) & (pages - 1);
}

static void *
run_reader(void *arg)
{
	struct reader *r = arg;
	char buf[PAGE];

	for (unsigned i = r->first; i < r->count; i += r->step)
		if (pread(r->fd, buf, PAGE,
			(off_t)(random_page(i, r->pages) * PAGE)) != PAGE)
			err(1, "pread");
	return NULL;
}

int
main(int argc, char **argv)
{
	struct reader *r;
	struct stat st;
	double begin;
	unsigned n;
	int fd;

	if (argc != 4)
		errx(2, "usage: randread path threads n");
	n = (unsigned)atoi(argv[2]);
	r = calloc(n, sizeof(*r));
	fd = open(argv[1], O_RDONLY);
	if (fd < 0 || fstat(fd, &st) != 0)
		err(1, "%s", argv[1]);
	begin = now();
	for (unsigned i = 0; i < n; i++) {
		r[i] = (struct reader){ .fd = fd,
			.pages = (uint64_t)st.st_size / PAGE,
			.first = i,
			.step = n,
			.count = (unsigned)atoi(argv[3]) };
		if (pthread_create(&r[i].thread, NULL, run_reader, &r[i]) != 0)
			errx(1, "pthread_create");
	}
	for (unsigned i = 0; i < n; i++)
		pthread_join(r[i].thread, NULL);
	printf("%.6f\n", now() - begin);
	return 0;
}
