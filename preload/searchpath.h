/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of directories as the dynamic linker reads them.  Pure. */
#ifndef PRELOAD_SEARCHPATH_H
#define PRELOAD_SEARCHPATH_H

#include <stdbool.h>
#include <stddef.h>

/* What stands for $ORIGIN and $LIB; NULL: what has it is left out. */
struct searchpath_tokens {
	const char *st_origin;
	const char *st_lib;
};

/*
 * The next directory of *list, which goes on behind it, in buf; an empty one is
 * the working directory.  ends: the characters between directories.  False:
 * there is none.
 */
bool searchpath_next(const char **list, const char *ends,
    const struct searchpath_tokens *st, char *buf, size_t size);

#endif /* !PRELOAD_SEARCHPATH_H */
