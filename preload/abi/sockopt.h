/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Socket options that both systems have.  The others, and values of odd lengths,
 * are the host's alone: see RUMP_SOL_HOST.
 */
#ifndef PRELOAD_ABI_SOCKOPT_H
#define PRELOAD_ABI_SOCKOPT_H

#include <stddef.h>

#define ABI_SOCKOPT_MAX 32 /* the longest value of these options */

/* How a value is represented. */
enum abi_sockopt_kind {
	ABI_SO_INT, /* an int, the same on both systems */
	ABI_SO_TIMEVAL,
	ABI_SO_ERROR, /* an errno; get only */
	ABI_SO_TYPE,  /* get only */
	ABI_SO_BYTES, /* a structure, the same on both systems */
};

struct abi_sockopt {
	int as_linux_level, as_linux_name;
	int as_netbsd_level, as_netbsd_name;
	enum abi_sockopt_kind as_kind;
	size_t as_size; /* of Linux's value, in bytes */
};

/* The option, or NULL (ENOPROTOOPT). */
const struct abi_sockopt *abi_sockopt_find(int level, int name);

/* A value of as_size bytes for setsockopt into at most ABI_SOCKOPT_MAX bytes.
 * 0 and *outlen; EDOM (a time out of range), ENOPROTOOPT. */
int abi_sockopt_set(
    const struct abi_sockopt *so, const void *in, void *out, size_t *outlen);
/* The length of the buffer that getsockopt needs from NetBSD. */
size_t abi_sockopt_size(const struct abi_sockopt *so);
/* A value of getsockopt; returns the Linux length, at most size. */
size_t abi_sockopt_get(const struct abi_sockopt *so, const void *in, size_t len,
    void *out, size_t size);

#endif /* !PRELOAD_ABI_SOCKOPT_H */
