/* SPDX-License-Identifier: BSD-2-Clause */
/* Host half of netstat: what the host knows of a socket. */
#ifndef SOCKIN_USER_INFO_H
#define SOCKIN_USER_INFO_H

/* The number of the protocol over IP, or -1. */
int rumpcomp_sockin_protocol(int fd);
/* The name of a TCP connection's state, a constant; NULL for other sockets. */
const char *rumpcomp_sockin_state(int fd);

#endif /* !SOCKIN_USER_INFO_H */
