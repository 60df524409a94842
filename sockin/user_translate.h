/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NetBSD's socket numbers and structures to the host's and back: pure
 * functions and tables, host side.  Errors are NetBSD errno.
 */
#ifndef SOCKIN_USER_TRANSLATE_H
#define SOCKIN_USER_TRANSLATE_H

#include <sys/socket.h>

#include <stdbool.h>

#include "rump/rumpabi.h"

/* Of no concern outside this library. */
#pragma GCC visibility push(hidden)

/* The host's family, or -1. */
int sockin_family_to_host(int family);
/* The host's socket type, or -1. */
int sockin_type_to_host(int type);

/*
 * AF_INET, AF_INET6, AF_UNSPEC and RUMP_AF_HOST of len bytes.  0, EAFNOSUPPORT or EINVAL (too
 * short for its family).
 */
int sockin_addr_to_host(const struct rump_sockaddr *sa, int len,
    struct sockaddr_storage *hs, socklen_t *hlen);
/*
 * Write at most size bytes; returns the whole length of the address, 0 for one
 * of another family or none.
 */
int sockin_addr_from_host(const struct sockaddr_storage *hs, socklen_t hlen,
    struct rump_sockaddr *sa, int size);

/* MSG_* of a call; MSG_NOSIGNAL goes with every one.  False when a flag has no counterpart. */
bool sockin_msgflags_to_host(int flags, int *hflags);
/* MSG_* of a received message. */
int sockin_msgflags_from_host(int hflags);

/* POLL*; the same bits serve poll(2) and epoll(7) of the host. */
int sockin_events_to_host(int events);
int sockin_events_from_host(int hevents);

enum sockin_value {
	SOCKIN_VALUE_INT,   /* an int both here and there */
	SOCKIN_VALUE_SMALL, /* an int or a char */
	SOCKIN_VALUE_ERRNO, /* an int that is an errno of the side */
	SOCKIN_VALUE_BYTES, /* a structure that is the same on both sides */
	SOCKIN_VALUE_TIME,  /* a struct timeval of the side */
};
struct sockin_option {
	int op_level, op_name; /* NetBSD's */
	int op_hlevel, op_hname;
	enum sockin_value op_value;
	int op_size; /* of the value, in bytes */
};
/* NULL when the host has no such option. */
const struct sockin_option *sockin_option_find(int level, int name);

#pragma GCC visibility pop

#endif /* !SOCKIN_USER_TRANSLATE_H */
