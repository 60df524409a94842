/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The report "sockets": a line for each, in the manner of netstat(1).  With
 * RUMPKIT_SUMMARY=1 the last sockets that were closed are in it, too.
 */
#ifndef NET_NETSTAT_H
#define NET_NETSTAT_H

struct rump_sockaddr;
struct socket;

/* Part of booting. */
void netstat_init(void);
/* The socket has got a peer. */
void netstat_connected(struct socket *so, const struct rump_sockaddr *peer);
/* The last reference has gone; the protocol still knows the socket. */
void netstat_closing(struct socket *so);

#endif /* !NET_NETSTAT_H */
