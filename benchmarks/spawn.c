/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_spawn LIBRARY ROUNDS: microseconds to spawn and reap /bin/true with
 * and without LIBRARY preloaded, alternating; prints the two medians.
 */
#include <sys/wait.h>

#include <err.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static double
spawn(char **envp)
{
	char *argv[] = { "true", NULL };
	double before = now_us();
	int status;
	pid_t pid;

	if (posix_spawn(&pid, "/bin/true", NULL, NULL, argv, envp) != 0 ||
	    waitpid(pid, &status, 0) != pid || status != 0)
		errx(1, "/bin/true");
	return now_us() - before;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

int
main(int argc, char **argv)
{
	char preload[4096], *with[] = { preload, "RUMPHIJACK=", NULL };
	char *without[] = { NULL };
	double *a, *b;
	int rounds;

	if (argc != 3)
		errx(2, "usage: bench_spawn library rounds");
	snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", argv[1]);
	rounds = atoi(argv[2]);
	a = calloc((size_t)rounds, sizeof(*a));
	b = calloc((size_t)rounds, sizeof(*b));
	for (int i = 0; i < rounds; i++) {
		a[i] = spawn(with);
		b[i] = spawn(without);
	}
	qsort(a, (size_t)rounds, sizeof(*a), compare);
	qsort(b, (size_t)rounds, sizeof(*b), compare);
	printf("%.1f %.1f\n", a[rounds / 2], b[rounds / 2]);
	return 0;
}
