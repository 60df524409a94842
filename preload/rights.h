/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors in messages (SCM_RIGHTS) that travel by a socket of the host.
 * Where the kernel is in a server, a rump descriptor travels as a token of the
 * server's and is a rump descriptor again where it arrives.
 */
#ifndef PRELOAD_RIGHTS_H
#define PRELOAD_RIGHTS_H

#include <stdbool.h>

struct call;

/*
 * sendmsg(2), sendmmsg(2) (many) on a socket of the host's: CALL_TO_HOST, or
 * -errno: EOPNOTSUPP with a note for a rump descriptor that cannot travel,
 * EBADF for one of our own.
 */
long rights_send(struct call *c, bool many);
/* recvmsg(2) and recvmmsg(2): CALL_TO_HOST. */
long rights_receive(struct call *c, bool many);

#endif /* !PRELOAD_RIGHTS_H */
