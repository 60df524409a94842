/* SPDX-License-Identifier: BSD-2-Clause */
/* open(2) of a FIFO on a rump path. */
#ifndef PRELOAD_FIFO_H
#define PRELOAD_FIFO_H

#include <stdint.h>

struct call;
struct place;

/*
 * The kernel would not open pl, with nflags, as a file: if it is a FIFO, the
 * host opens the one behind it.  0 and *value, with which the route ends (the
 * call goes to the host), or an error: ENXIO for a socket.
 */
int fifo_open(
    struct call *c, const struct place *pl, int nflags, int64_t *value);

#endif /* !PRELOAD_FIFO_H */
