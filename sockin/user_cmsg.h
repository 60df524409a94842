/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Control messages, NetBSD's to the host's and back; host side.  Data stand at
 * the same place in both formats, so a buffer is as long in the one as in the
 * other.
 */
#ifndef SOCKIN_USER_CMSG_H
#define SOCKIN_USER_CMSG_H

#include <stddef.h>

#define SOCKIN_CONTROL_MAX 2048

/* Of no concern outside this library. */
#pragma GCC visibility push(hidden)

/* How much stands in front of what the host is to have as it is; 0: these are
 * control messages. */
size_t sockin_cmsg_raw(const void *control, size_t len);
/* Rewrite the headers in place.  0; EINVAL: malformed, or a kind that neither
 * has a twin nor is marked as the host's. */
int sockin_cmsg_to_host(void *control, size_t len);
/* The other way; kinds without a twin get the host's mark. */
void sockin_cmsg_from_host(void *control, size_t len);

#pragma GCC visibility pop

#endif /* !SOCKIN_USER_CMSG_H */
