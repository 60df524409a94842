/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crowd DIRECTORY SEED STEPS [nfs]: as root, makes random calls in
 * DIRECTORY, each as somebody else, and prints after each what it has changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crowd.h"

bool only_nfs;
static uint64_t sequence;

unsigned
below(unsigned n)
{

	sequence ^= sequence << 13;
	sequence ^= sequence >> 7;
	sequence ^= sequence << 17;
	return ((unsigned)(sequence >> 20) % n);
}

void
must(bool condition, const char *what)
{

	if (condition)
		return;
	printf("the test itself failed: %s: %s\n", what, strerror(errno));
	exit(1);
}

long
told(long result, const char *format, ...)
{
	int error = errno;
	va_list ap;

	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	if (result != -1)
		printf(" = %ld\n", result);
	else
		printf(" = %s\n", strerrorname_np(error));
	return (result);
}

/* Something to begin with. */
static void
populate(void)
{
	static const char *const directories[] = { "a", "b", "c", "d", "a/a",
		"b/a", "c/a", "a/b" };
	static const char *const files[] = { "e", "a/c", "a/d", "b/b", "b/c",
		"c/b", "a/a/a", "b/a/a" };
	size_t i;

	for (i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		must(
		    mkdir(directories[i], i % 2 == 0 ? 0777 : 01777) == 0 &&
			chown(directories[i], i % 3 == 0 ? 1001 : 0, 1001) == 0,
		    directories[i]);
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		must(mknod(files[i], 0664, 0) == 0 &&
			 chown(files[i], i % 3 == 0 ? 0 : 1001, 1001) == 0 &&
			 truncate(files[i], (off_t)i * 1000) == 0,
		    files[i]);
	}
	must(symlink("a", "s") == 0 && symlink("../c", "a/s") == 0, "symlink");
}

/* What nobody may enter leads nowhere. */
static void
open_up(void)
{

	chmod("a", 0777);
	chmod("b", 01777);
	chmod("a/a", 02777);
}

int
main(int argc, char **argv)
{
	int i, steps, top;

	must(argc == 4 || argc == 5, "usage: crowd DIRECTORY SEED STEPS");
	only_nfs = argc == 5 && strcmp(argv[4], "nfs") == 0;
	sequence = strtoul(argv[2], NULL, 10) * 2654435761u + 88172645463325252;
	steps = atoi(argv[3]);
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	top = open(argv[1], O_RDONLY | O_DIRECTORY);
	must(top >= 0 && fchdir(top) == 0 && fchmod(top, 0777) == 0, argv[1]);
	umask(0);
	populate();
	survey_begin();
	survey_end(top);
	for (i = 0; i < steps; i++) {
		if (i % 50 == 49)
			open_up();
		survey_begin();
		printf("%d %s: ", i, become_somebody());
		call_something(top);
		root_again();
		survey_end(top);
	}
	return (0);
}
