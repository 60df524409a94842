/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's libraries and where they are.  Also used by rumpkit(1). */
#ifndef PRELOAD_LIBRARIES_H
#define PRELOAD_LIBRARIES_H

#include <stdbool.h>
#include <stddef.h>

struct library {
	const char *l_name;
	const char *l_build_dir; /* relative to the hijack library's */
	const char *l_scheme;    /* "nfs:": for such sources; NULL: always */
};

/* Lowest first: the NEEDED entries of each are found when those before it are
 * loaded. */
#define NLIBRARIES 8
extern const struct library libraries[NLIBRARIES];

/* Does a source need the library? */
bool library_serves(const struct library *l, const char *source);

/*
 * Find it in libdir (may be NULL), beside the hijack library (a path), or where
 * the build tree has it.  False if it is nowhere, or path is too small.
 */
bool library_locate(const struct library *l, const char *libdir,
    const char *hijack, char *path, size_t size);

#endif /* !PRELOAD_LIBRARIES_H */
