/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AF_UNIX sockets of the host whose names are paths of the rump kernel's.  The
 * kernel has a node by that name and a file of the host behind it
 * (vfs/sockname.h); calls with a name go to the host with that file's, and the
 * names that the host tells are turned back into those that were bound.
 *
 * All are for descriptors of the host's, and return what a route does.
 */
#ifndef PRELOAD_UNIXNAME_H
#define PRELOAD_UNIXNAME_H

#include <stdbool.h>

struct call;

/* bind(2) */
long unixname_bind(struct call *c);
/* connect(2), sendto(2): the address is argument `at', its length the next. */
long unixname_to(struct call *c, int at);
/* sendmsg(2), sendmmsg(2) (many): in place of rights_send(). */
long unixname_send(struct call *c, bool many);

/* accept(2), getsockname(2), getpeername(2), recvfrom(2): the host gives an
 * address at argument `at', its length at the next. */
long unixname_from(struct call *c, int at);
/* recvmsg(2), recvmmsg(2) (many): in place of rights_receive(). */
long unixname_receive(struct call *c, bool many);

/* May a sender have such a name?  False as long as this process, or one that it
 * was forked from, has not had anything to do with them. */
bool unixname_seen(void);
void unixname_see(void);

#endif /* !PRELOAD_UNIXNAME_H */
