/* SPDX-License-Identifier: BSD-2-Clause */
/* Sending and receiving for a caller whose memory is in another process. */
#ifndef SOCKIN_BOUNCE_H
#define SOCKIN_BOUNCE_H

#include "kern/types.h"

struct rump_sockaddr;
struct socket;
struct somsg;
struct uio;

/* As the protocol's own functions, for memory that can be reached. */
typedef int bounce_send_func(struct socket *so, struct uio *uio,
    const struct rump_sockaddr *to, const void *control, size_t controllen,
    int flags);
typedef int bounce_recv_func(
    struct socket *so, struct uio *uio, struct somsg *sm);

bool bounce_is_needed(const struct uio *uio);

/*
 * Copy the data through a buffer of the kernel's and let func do the rest.  May
 * sleep.  What func says, or EFAULT; data that were received and cannot be stored
 * are lost.
 */
int bounce_send(bounce_send_func *func, struct socket *so, struct uio *uio,
    const struct rump_sockaddr *to, const void *control, size_t controllen,
    int flags);
int bounce_recv(bounce_recv_func *func, struct socket *so, struct uio *uio,
    struct somsg *sm);

#endif /* !SOCKIN_BOUNCE_H */
