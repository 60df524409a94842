/* SPDX-License-Identifier: BSD-2-Clause */
/* What the file systems say of the sources of mounts, without a kernel. */
#ifndef TOOLS_URLCHECK_H
#define TOOLS_URLCHECK_H

#include <stddef.h>

/*
 * Ask the parser of the file system that would be mounted.  hijack is the path
 * of the hijack library, beside which the others are.  0, or -1 with a line in
 * text.
 */
int urlcheck(const char *hijack, const char *url, char *text, size_t size);

#endif /* !TOOLS_URLCHECK_H */
