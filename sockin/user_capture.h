/* SPDX-License-Identifier: BSD-2-Clause */
/* Host half of the capture: the file, and what only the host knows. */
#ifndef SOCKIN_USER_CAPTURE_H
#define SOCKIN_USER_CAPTURE_H

#include "kern/types.h"
#include "rump/rumpabi.h"

/*
 * Open a regular file to append to, out of the program's sight; it is made if
 * need be.  0 and whether it is empty, EFTYPE for another kind, or the host's
 * error.
 */
int rumpcomp_sockin_capture_open(const char *path, int *fd, bool *empty);
/*
 * Append all len bytes of iov as one piece, or nothing: ENOSPC, EFBIG (without
 * a signal) or the host's error.
 */
int rumpcomp_sockin_capture_write(
    int fd, const struct rump_iovec *iov, int iovcnt, size_t len);
void rumpcomp_sockin_capture_close(int fd);
/*
 * The address that the host sends from to peer, which has a port; *len: in the
 * size at sa, out the length.  Its port says nothing.
 */
int rumpcomp_sockin_capture_source(
    const struct rump_sockaddr *peer, struct rump_sockaddr *sa, int *len);

/* Would closing this TCP socket now reset the connection? */
bool rumpcomp_sockin_capture_abrupt(int fd);
/* Does the program give this raw socket IPv4 headers? */
bool rumpcomp_sockin_capture_hdrincl(int fd);

#endif /* !SOCKIN_USER_CAPTURE_H */
