/* SPDX-License-Identifier: BSD-2-Clause */
/* The first line of a script. */
#ifndef PRELOAD_SCRIPT_H
#define PRELOAD_SCRIPT_H

#include <stddef.h>

/* As much of a file as is looked at. */
#define SCRIPT_HEAD 256

/*
 * Cut the first line of a script up, in place.  head: the file's first n <=
 * SCRIPT_HEAD bytes with room for one more; it begins with "#!".  *interpreter
 * and *argument (NULL: none) point into it.  0, or ENOEXEC.
 */
int script_parse(char *head, size_t n, char **interpreter, char **argument);

#endif /* !PRELOAD_SCRIPT_H */
