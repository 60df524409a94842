/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A command on a mount exists for hijacked programs alone.  rumpkit is not one;
 * it executes itself as one, and that image, with a kernel of its own for the
 * moment, finds the command and becomes it.
 */
#include "tools/inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/rumpkit.h"

int
inside_run(char *const command[])
{
	size_t n = 0;
	char **argv;

	while (command[n] != NULL)
		n++;
	argv = calloc(n + 3, sizeof(*argv));
	if (argv == NULL)
		return complain(STATUS_FAILED, "out of memory");
	argv[0] = (char *)"rumpkit";
	argv[1] = (char *)INSIDE_NAME;
	memcpy(argv + 2, command, n * sizeof(*argv));
	execve("/proc/self/exe", argv, environ);
	free(argv);
	return complain(STATUS_FAILED, "/proc/self/exe cannot be executed: %s",
	    strerror(errno));
}

int
inside_main(int argc, char **argv)
{
	if (argc < 2)
		return complain(
		    STATUS_FAILED, "%s: for rumpkit run alone", INSIDE_NAME);
	execvp(argv[1], argv + 1);
	if (errno == ENOENT || errno == ENOTDIR)
		return complain(
		    STATUS_NOTFOUND, "%s: command not found", argv[1]);
	return complain(STATUS_REFUSED, "%s: cannot be executed: %s", argv[1],
	    strerror(errno));
}
