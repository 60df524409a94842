/* SPDX-License-Identifier: BSD-2-Clause */
/* The protocol families that are known; see domain_attach(). */
#ifndef NET_DOMAIN_H
#define NET_DOMAIN_H

#include "net/socketvar.h"

/*
 * Find the protocol for a socket; proto 0 means the family's first one of the
 * type; PR_ANYPROTO in the table takes all.  0, EAFNOSUPPORT, EPROTOTYPE (the family has no such type) or
 * EPROTONOSUPPORT (it has not proto with that type).
 */
int domain_lookup(int family, int type, int proto, const struct protosw **prp);

#endif /* !NET_DOMAIN_H */
