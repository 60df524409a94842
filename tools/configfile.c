/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/configfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_MOST (1024 * 1024)

static int
fail(struct options *op, const char *name, const char *why)
{
	snprintf(
	    op->op_error, sizeof(op->op_error), "--config: %s: %s", name, why);
	return -1;
}

/* The whole file as a string; NULL and errno. */
static char *
read_all(FILE *in)
{
	char *text = malloc(SIZE_MOST + 1), *small;
	size_t n;

	if (text == NULL)
		return NULL;
	n = fread(text, 1, SIZE_MOST + 1, in);
	errno = ferror(in) ? errno : n > SIZE_MOST ? EFBIG : 0;
	if (errno == 0 && memchr(text, '\0', n) != NULL)
		errno = EINVAL;
	if (errno != 0) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	small = realloc(text, n + 1);
	return small != NULL ? small : text;
}

static int
take_file(struct options *op, const char *name)
{
	FILE *in = fopen(name, "re");
	char *text;

	if (in == NULL)
		return fail(op, name, strerror(errno));
	text = read_all(in);
	fclose(in);
	if (text == NULL)
		return fail(op, name,
		    errno == EINVAL ? "contains a NUL: it is no text"
				    : strerror(errno));
	return options_file(op, name, text);
}

int
configfile_complete(struct options *op)
{
	const char *name;

	if (options_environ(op, getenv) != 0)
		return -1;
	name = options_value(op, OPTION_CONFIG);
	return name != NULL ? take_file(op, name) : 0;
}
