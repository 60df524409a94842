/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NFS URLs: nfs://HOST[:port]/export[?key[=value]&...], with the keys of libnfs
 * and of mount.nfs.  HOST is A.B.C.D or an IPv6 address in brackets, the latter
 * perhaps with a scope as RFC 6874 writes it: [fe80::1%252] (the number of the
 * interface).  No I/O and no allocation.
 */
#ifndef NFS_URL_H
#define NFS_URL_H

#include "nfs/addr.h"

#define NFS_EXPORTMAX 1024 /* MNTPATHLEN */

enum nfs_transport { NFS_ANY, NFS_TCP, NFS_UDP };

/* How to behave towards a server; times and sizes 0 mean the default. */
struct nfs_options {
	uint32_t o_rsize; /* bytes */
	uint32_t o_wsize;
	uint32_t o_readdirsize;
	uint32_t o_readahead; /* bytes */
	bool o_has_readahead;
	uint32_t o_timeo; /* tenths of a second */
	bool o_has_timeo;
	uint32_t o_retrans;
	bool o_has_retrans;
	enum nfs_transport o_proto;      /* of NFS: NFS_TCP or NFS_UDP */
	enum nfs_transport o_mountproto; /* of MOUNT and the port mapper;
					  * NFS_ANY: as o_proto, then the
					  * other one */
	uint32_t o_acregmin, o_acregmax; /* seconds */
	uint32_t o_acdirmin, o_acdirmax;
	bool o_soft;
	bool o_ro;
	bool o_noac;
	bool o_nocto;
	bool o_nordirplus;
	bool o_resvport;   /* at once, not only when the server insists */
	bool o_noresvport; /* not even then */
	bool o_has_uid, o_has_gid;
	uint32_t o_uid, o_gid; /* instead of the caller's */
};

struct nfs_url {
	struct nfs_addr u_addr;
	uint16_t u_port;      /* NFS; 0: ask the port mapper */
	uint16_t u_mountport; /* MOUNT; 0: ask the port mapper */
	uint16_t u_pmapport;
	char u_export[NFS_EXPORTMAX + 1];
	struct nfs_options u_options;
};

/* The defaults of mount.nfs where a time-out has one. */
void nfs_options_default(struct nfs_options *o);
/* What was left open, once the transport is known. */
void nfs_options_complete(struct nfs_options *o);

/*
 * Parse url.  0, or EINVAL with one line in text (size bytes, size > 0) that
 * names the token, the rule and what would work.
 */
int nfs_url_parse(const char *url, struct nfs_url *u, char *text, size_t size);

#endif /* !NFS_URL_H */
