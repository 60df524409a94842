/* SPDX-License-Identifier: BSD-2-Clause */
/* A directory of a test's own, below TMPDIR if that is set and leaves room for
 * the name of a socket. */
#ifndef TESTS_LIB_SCRATCH_H
#define TESTS_LIB_SCRATCH_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCRATCH_SIZE 56
#define SCRATCH_NAME "/rumpkit-test.XXXXXX"

static inline bool
scratch_make(char path[SCRATCH_SIZE])
{
	const char *top = getenv("TMPDIR");

	if (top == NULL || *top != '/' ||
	    strlen(top) + sizeof(SCRATCH_NAME) > SCRATCH_SIZE)
		top = "/tmp";
	snprintf(path, SCRATCH_SIZE, "%s" SCRATCH_NAME, top);
	return mkdtemp(path) != NULL;
}

#endif /* !TESTS_LIB_SCRATCH_H */
