/* SPDX-License-Identifier: BSD-2-Clause */
/* Files in memory that stand for files of the host's with something to add. */
#ifndef PRELOAD_MEMFILE_H
#define PRELOAD_MEMFILE_H

#include <stddef.h>

/* How the host calls what is open as fd, for this process. */
#define MEMFILE_NAME 32
void memfile_name(char buf[MEMFILE_NAME], long fd);

/*
 * What the program has just opened as fd is from now on the memory file, for
 * reading from its beginning; flags: of its open(2).  fd, or -errno and nothing
 * has changed.  The descriptor file stays open in any case.
 */
long memfile_replace(long file, long fd, long flags);

#endif /* !PRELOAD_MEMFILE_H */
