/* SPDX-License-Identifier: BSD-2-Clause */
/* Host half of netstat: what the host knows of a socket. */
#ifndef SOCKIN_USER_INFO_H
#define SOCKIN_USER_INFO_H

#include <stdbool.h>
#include <stdint.h>

/* The number of the protocol over IP, or -1. */
int rumpcomp_sockin_protocol(int fd);
/* The name of a TCP connection's state, a constant; NULL for other sockets. */
const char *rumpcomp_sockin_state(int fd);
/* What a TCP connection has received and sent, with what nobody has read yet.
 * False: it is another socket, or the host is too old to know; nothing is
 * written. */
bool rumpcomp_sockin_bytes(int fd, uint64_t *received, uint64_t *sent);

#endif /* !SOCKIN_USER_INFO_H */
