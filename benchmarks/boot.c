/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_boot: what rump_init() with every component costs: prints
 * "microseconds resident-KiB threads spawn-microseconds"; the last figure, a
 * posix_spawn() and wait for /bin/true, is the native yardstick beside it.
 */
#include <sys/wait.h>

#include <dirent.h>
#include <dlfcn.h>
#include <err.h>
#include <spawn.h>
#include <stdio.h>
#include <time.h>

#include "rump/rump.h"

static double
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static long
resident_kib(void)
{
	long size, resident;
	FILE *f;

	f = fopen("/proc/self/statm", "r");
	if (f == NULL || fscanf(f, "%ld %ld", &size, &resident) != 2)
		err(1, "/proc/self/statm");
	fclose(f);
	return resident * 4;
}

static int
threads(void)
{
	int n = 0;
	DIR *d;

	d = opendir("/proc/self/task");
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2;
}

static const char *const components[] = {
	"librumpfs_nfs.so.0",
	"librumpnet_sockin.so.0",
};

int
main(void)
{
	char *argv[] = { "true", NULL };
	double before, boot, spawn;
	long kib;
	pid_t pid;
	int error, n;

	/* Components register themselves; nothing refers to them. */
	for (size_t i = 0; i < sizeof(components) / sizeof(*components); i++)
		if (dlopen(components[i], RTLD_NOW) == NULL)
			errx(1, "%s", dlerror());
	kib = resident_kib();
	n = threads();
	before = now_us();
	error = rump_init();
	boot = now_us() - before;
	if (error != 0)
		errx(1, "rump_init: %d", error);
	kib = resident_kib() - kib;
	n = threads() - n;
	before = now_us();
	error = posix_spawn(&pid, "/bin/true", NULL, NULL, argv, NULL);
	if (error != 0 || waitpid(pid, &error, 0) != pid)
		errx(1, "posix_spawn");
	spawn = now_us() - before;
	printf("%.1f %ld %d %.1f\n", boot, kib, n, spawn);
	return 0;
}
