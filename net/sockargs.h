/* SPDX-License-Identifier: BSD-2-Clause */
/* The arguments of socket calls on their way in from and out to the caller. */
#ifndef NET_SOCKARGS_H
#define NET_SOCKARGS_H

#include "kern/uio.h"
#include "rump/rumpabi.h"

#define SOCKARGS_IOV 8        /* iovecs that need no allocation */
#define SOCKARGS_CONTROL 2048 /* bytes of control data in one message */

/*
 * Copy an address in and set its length byte to len.  0, EFAULT or EINVAL (no
 * length that an address can have).
 */
int sockaddr_copyin(
    const void *uaddr, size_t len, struct rump_sockaddr_storage *ss);
/*
 * Copy as much of ss as size bytes hold out to uaddr and write the length that
 * was copied to *lenp.  0 or EFAULT.
 */
int sockaddr_copyout(const struct rump_sockaddr_storage *ss, void *uaddr,
    uint32_t size, uint32_t *lenp);
/*
 * The same with the size at ulen, where the length goes: as accept(2) has it.
 * Nothing happens when uaddr is NULL.  0, EFAULT or EINVAL.
 */
int sockaddr_copyout_len(
    const struct rump_sockaddr_storage *ss, void *uaddr, uint32_t *ulen);

/* A message header with what it points at, in kernel memory. */
struct message {
	struct rump_msghdr mg_hdr; /* as the caller gave it */
	struct uio mg_uio;
	size_t mg_len;             /* of all buffers */
	struct rump_iovec *mg_iov; /* owned when it is not mg_fewiov */
	struct rump_iovec mg_fewiov[SOCKARGS_IOV];
	struct rump_sockaddr_storage mg_name;
	void *mg_control; /* owned; NULL when there is none */
	size_t mg_controlsize;
};

/*
 * Read the header at umsg and its iovecs.  For UIO_WRITE (a send) also the
 * address and the control data; for UIO_READ make room for control data.  0,
 * EFAULT, EINVAL or EMSGSIZE (too many iovecs).
 */
int message_copyin(const void *umsg, enum uio_rw rw, struct message *mg);
void message_fini(struct message *mg);

#endif /* !NET_SOCKARGS_H */
