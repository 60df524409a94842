/* SPDX-License-Identifier: BSD-2-Clause */
/* From an address to a socket on which the server has greeted. */
#ifndef SYSPROXY_CLIENT_CONNECT_H
#define SYSPROXY_CLIENT_CONNECT_H

#include <stdbool.h>

#include "sysproxy/address.h"
#include "sysproxy/wire.h"

/*
 * Connect and read the banner.  Sleeps, with the caller's signals.  Returns 0
 * and sets *fdp, a descriptor as client_host_keep() makes them, and *wb; or what
 * the host says, EPROTO for something that is no banner, EPROTONOSUPPORT for
 * one of another version or machine (*wb is set), ENOTCONN for none.
 */
int client_connect(const struct address *ad, int *fdp, struct wire_banner *wb);
/* Is that a server of ours? */
bool client_is_ours(const struct wire_banner *wb);

#endif /* !SYSPROXY_CLIENT_CONNECT_H */
