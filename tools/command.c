/* SPDX-License-Identifier: BSD-2-Clause */
/* The search of execvp(3), done here so that what is found can be examined. */
#include "tools/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/rumpkit.h"

/* 0, or the errno that keeps path from being executed. */
static int
examine(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return errno;
	if (S_ISDIR(st.st_mode))
		return EISDIR;
	if (!S_ISREG(st.st_mode))
		return EACCES;
	return access(path, X_OK) == 0 ? 0 : errno;
}

static int
report(const char *name, int error, char *text, size_t size)
{
	if (error == ENOENT || error == ENOTDIR) {
		snprintf(text, size, "%s: command not found",
		    *name != '\0' ? name : "''");
		return STATUS_NOTFOUND;
	}
	snprintf(
	    text, size, "%s: cannot be executed: %s", name, strerror(error));
	return STATUS_REFUSED;
}

int
command_find(
    const char *name, char *path, size_t path_size, char *text, size_t size)
{
	const char *dir = getenv("PATH");
	size_t len;
	int error, worst = ENOENT;

	if (strchr(name, '/') != NULL || *name == '\0') {
		snprintf(path, path_size, "%s", name);
		error = examine(name);
		return error == 0 ? 0 : report(name, error, text, size);
	}
	if (dir == NULL)
		dir = "/bin:/usr/bin";
	for (;; dir += len + 1) {
		len = strcspn(dir, ":");
		if (snprintf(path, path_size, "%.*s%s%s", (int)len, dir,
			len != 0 ? "/" : "./", name) < (int)path_size) {
			error = examine(path);
			if (error == 0)
				return 0;
			if (error == EACCES)
				worst = error;
		}
		if (dir[len] == '\0')
			return report(name, worst, text, size);
	}
}
