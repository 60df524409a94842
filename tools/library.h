/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the hijack library is. */
#ifndef TOOLS_LIBRARY_H
#define TOOLS_LIBRARY_H

#include <stddef.h>

/*
 * Find librumphijack: in RUMPKIT_LIBDIR if that is set, else by the place of
 * this program, installed or in the build tree.  path gets its absolute name.
 * Returns 0, or -1 with a line in text.
 */
int library_find(char *path, size_t path_size, char *text, size_t size);

/* The name that the loader gives the kernel's topmost component. */
#define LIBRARY_KERNEL "librumpfs_nfs.so.0"

#endif /* !TOOLS_LIBRARY_H */
