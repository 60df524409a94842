/* SPDX-License-Identifier: BSD-2-Clause */
/* Nothing is compiled in but relative places, so that a tree can be moved. */
#include "tools/library.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME "librumphijack.so.0"

/* Relative to the directory of this program. */
static const char *const places[] = {
	RUMPKIT_LIBDIR_FROM_BIN, /* installed */
	"../preload",            /* build tree */
};

static bool
readable(const char *dir, const char *place, char *path, size_t size)
{
	char name[PATH_MAX], found[PATH_MAX];

	if (snprintf(name, sizeof(name), "%s/%s/" NAME, dir, place) >=
	    (int)sizeof(name))
		return false;
	if (access(name, R_OK) != 0 || realpath(name, found) == NULL)
		return false;
	return snprintf(path, size, "%s", found) < (int)size;
}

static int
own_directory(char *dir, size_t size)
{
	ssize_t n;
	char *slash;

	n = readlink("/proc/self/exe", dir, size - 1);
	if (n < 0)
		return -1;
	dir[n] = '\0';
	slash = strrchr(dir, '/');
	if (slash == NULL)
		return -1;
	*slash = '\0';
	return 0;
}

static int
search(char *path, size_t path_size, char *text, size_t size)
{
	const char *libdir = getenv("RUMPKIT_LIBDIR");
	char dir[PATH_MAX];
	size_t i;

	if (libdir != NULL) {
		if (readable(libdir, ".", path, path_size))
			return 0;
		snprintf(text, size,
		    "RUMPKIT_LIBDIR=%s: no readable " NAME " there", libdir);
		return -1;
	}
	if (own_directory(dir, sizeof(dir)) != 0) {
		snprintf(text, size,
		    "/proc/self/exe cannot be read; say where " NAME
		    " is with RUMPKIT_LIBDIR");
		return -1;
	}
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (readable(dir, places[i], path, path_size))
			return 0;
	}
	snprintf(text, size,
	    "no readable " NAME
	    " in %s/%s; say where it is with RUMPKIT_LIBDIR",
	    dir, places[0]);
	return -1;
}

int
library_find(char *path, size_t path_size, char *text, size_t size)
{
	if (search(path, path_size, text, size) != 0)
		return -1;
	if (strpbrk(path, ": $") != NULL) {
		snprintf(text, size,
		    "%s: LD_PRELOAD cannot hold a name with a colon, a space"
		    " or a dollar sign; install rumpkit elsewhere",
		    path);
		return -1;
	}
	return 0;
}
