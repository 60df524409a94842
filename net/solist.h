/* SPDX-License-Identifier: BSD-2-Clause */
/* All sockets there are. */
#ifndef NET_SOLIST_H
#define NET_SOLIST_H

#include "net/socketvar.h"

/* Part of booting. */
void solist_init(void);
/* The socket is ready to be asked about. */
void solist_add(struct socket *so);
/* Its last reference has gone; nothing happens to one that was not added. */
void solist_remove(struct socket *so);

/*
 * Call func for each socket, oldest first, with a reference and no lock; it may
 * sleep.  Sockets that are made meanwhile may be left out.
 */
void so_iterate(void (*func)(struct socket *so, void *arg), void *arg);

#endif /* !NET_SOLIST_H */
