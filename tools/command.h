/* SPDX-License-Identifier: BSD-2-Clause */
/* The command that is to be run. */
#ifndef TOOLS_COMMAND_H
#define TOOLS_COMMAND_H

#include <stddef.h>

/*
 * Find the executable as execvp(3) would.  Returns 0 and its path, or
 * STATUS_REFUSED (found, but not executable) or STATUS_NOTFOUND with a line in
 * text.
 */
int command_find(
    const char *name, char *path, size_t path_size, char *text, size_t size);

#endif /* !TOOLS_COMMAND_H */
