/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RLIMIT_FSIZE.  The limit is the host's, and the kernel is told of it, since
 * it is there that files grow.  The signal is raised by whoever has made the
 * call.
 */
#ifndef PRELOAD_FSIZE_H
#define PRELOAD_FSIZE_H

#include <stdbool.h>
#include <stdint.h>

struct call;

/* The limit that this program starts with. */
void fsize_begin(void);

/* getrlimit, setrlimit and prlimit64 with this limit. */
long fsize_run(struct call *c);

/* Has the kernel been told of a limit of this process's?  Its children have it. */
bool fsize_is_told(void);

/* May a file be size bytes long? */
bool fsize_allows(int64_t size);

/* A call of the kernel has failed with EFBIG: SIGXFSZ if that is why. */
void fsize_exceeded(void);

#endif /* !PRELOAD_FSIZE_H */
