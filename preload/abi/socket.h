/* SPDX-License-Identifier: BSD-2-Clause */
/* Address families, socket types, addresses, message flags and headers. */
#ifndef PRELOAD_ABI_SOCKET_H
#define PRELOAD_ABI_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rump_sockaddr_storage;

/* 0 or EAFNOSUPPORT. */
int abi_family_to_netbsd(int family, int *out);
int abi_family_to_linux(int family, int *out);

/* SOCK_* with SOCK_CLOEXEC and SOCK_NONBLOCK; 0, EINVAL or ESOCKTNOSUPPORT. */
int abi_socktype_to_netbsd(int type, int *out);
/* Is it SOCK_PACKET, which asks for another family than it names? */
bool abi_socktype_is_packet(int type);
/* The type alone, of SO_TYPE. */
int abi_socktype_to_linux(int type);
/* The flags of accept4(2); 0 or EINVAL. */
int abi_sockflags_to_netbsd(int flags, int *out);

/*
 * A Linux address of len bytes as NetBSD's: sa_len, family number, layout.
 * 0 and *outlen; EINVAL (length), EAFNOSUPPORT.
 */
int abi_sockaddr_to_netbsd(const void *in, size_t len,
    struct rump_sockaddr_storage *out, size_t *outlen);
/* An address that the above refuses, for the host to judge; len is at most that
 * of the largest address. */
void abi_sockaddr_wrap(const void *in, size_t len,
    struct rump_sockaddr_storage *out, size_t *outlen);
/*
 * The other way, into at most size bytes at out; returns the length that the
 * whole address has, as Linux reports it.  A length of 0 stays 0.
 */
size_t abi_sockaddr_to_linux(
    const struct rump_sockaddr_storage *in, size_t len, void *out, size_t size);

/* MSG_*; bits without a meaning are dropped, as Linux does. */
int abi_msgflags_to_netbsd(int flags);
int abi_msgflags_to_linux(int flags);

/*
 * Control messages.  Kinds without a twin get the host's mark (RUMP_SOL_HOST).
 * 0 and *outlen; EINVAL (malformed, too long).
 */
int abi_cmsg_to_netbsd(
    const void *in, size_t len, void *out, size_t size, size_t *outlen);
/* Control data that the above refuses, for the host to judge.  0 and *outlen;
 * EINVAL (too long). */
int abi_cmsg_wrap(
    const void *in, size_t len, void *out, size_t size, size_t *outlen);
/* Kinds that are not the host's and have no twin are left out; *truncated tells
 * that something did not fit.  EIO when in is malformed. */
int abi_cmsg_to_linux(const void *in, size_t len, void *out, size_t size,
    size_t *outlen, int *truncated);

#endif /* !PRELOAD_ABI_SOCKET_H */
