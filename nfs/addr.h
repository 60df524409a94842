/* SPDX-License-Identifier: BSD-2-Clause */
/* The internet address of a server: as text, in socket addresses.  No I/O. */
#ifndef NFS_ADDR_H
#define NFS_ADDR_H

#include "kern/types.h"
#include "rump/rumpabi.h"

struct nfs_addr {
	uint16_t ad_family;   /* AF_INET or AF_INET6 */
	uint32_t ad_scope;    /* IPv6: index of the interface, or 0 */
	uint8_t ad_bytes[16]; /* network order; IPv4 uses four */
};

#define NFS_ADDR_TEXT 64 /* bytes that hold any address as text */

/*
 * Read A.B.C.D, or IPv6 as RFC 4291 section 2.2 writes it, the latter perhaps
 * with %NUMBER, the index of the interface.  False for anything else.
 */
bool nfs_addr_parse(const char *s, size_t len, struct nfs_addr *ad);
/* As text: what nfs_addr_parse() reads, IPv6 as RFC 5952 wants it. */
void nfs_addr_format(const struct nfs_addr *ad, char *buf, size_t size);
/* As nfs_addr_format(), IPv6 in brackets: what stands before ":port". */
void nfs_addr_format_host(const struct nfs_addr *ad, char *buf, size_t size);
bool nfs_addr_is_linklocal(const struct nfs_addr *ad);

/* The length is in ss_len. */
void nfs_addr_to_sockaddr(
    const struct nfs_addr *ad, uint16_t port, struct rump_sockaddr_storage *ss);
/* ss: len bytes are there.  0, EAFNOSUPPORT, EINVAL (wrong length). */
int nfs_addr_from_sockaddr(const struct rump_sockaddr_storage *ss, size_t len,
    struct nfs_addr *ad, uint16_t *port);

#endif /* !NFS_ADDR_H */
