/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * As Linux does it: blanks around the line do not count, the interpreter ends
 * at the first blank, all that follows is one argument.  A line that is longer
 * than what is looked at must at least have the whole interpreter.
 */
#include "preload/script.h"

#include <errno.h>
#include <stdbool.h>

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static char *
skip_blanks(char *p)
{
	while (is_blank(*p))
		p++;
	return p;
}

int
script_parse(char *head, size_t n, char **interpreter, char **argument)
{
	char *end = head + 2, *p;

	head[n] = '\0';
	while (*end != '\0' && *end != '\n')
		end++;
	p = skip_blanks(head + 2);
	if (p >= end)
		return ENOEXEC;
	*interpreter = p;
	while (p < end && !is_blank(*p))
		p++;
	if (p == head + SCRIPT_HEAD)
		return ENOEXEC;
	while (end > p && is_blank(end[-1]))
		end--;
	*end = '\0';
	*argument = NULL;
	if (p < end) {
		*p = '\0';
		*argument = skip_blanks(p + 1);
	}
	return 0;
}
