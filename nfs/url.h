/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NFS URLs: nfs://A.B.C.D[:port]/export[?key[=value]&...], with the keys of
 * libnfs and of mount.nfs.  No I/O and no allocation.
 */
#ifndef NFS_URL_H
#define NFS_URL_H

#include "kern/types.h"

#define NFS_EXPORTMAX 1024 /* MNTPATHLEN */

/* How to behave towards a server; times and sizes 0 mean the default. */
struct nfs_options {
	uint32_t o_rsize; /* bytes */
	uint32_t o_wsize;
	uint32_t o_readdirsize;
	uint32_t o_readahead; /* bytes */
	bool o_has_readahead;
	uint32_t o_timeo; /* tenths of a second */
	uint32_t o_retrans;
	uint32_t o_acregmin, o_acregmax; /* seconds */
	uint32_t o_acdirmin, o_acdirmax;
	bool o_soft;
	bool o_noac;
	bool o_nocto;
	bool o_nordirplus;
	bool o_noresvport;
	bool o_has_uid, o_has_gid;
	uint32_t o_uid, o_gid; /* instead of the caller's */
};

struct nfs_url {
	uint32_t u_addr;      /* IPv4, network order */
	uint16_t u_port;      /* NFS; 0: ask the port mapper */
	uint16_t u_mountport; /* MOUNT; 0: ask the port mapper */
	uint16_t u_pmapport;
	char u_export[NFS_EXPORTMAX + 1];
	struct nfs_options u_options;
};

/* The defaults of mount.nfs where a time-out has one. */
void nfs_options_default(struct nfs_options *o);

/*
 * Parse url.  0, or EINVAL with one line in text (size bytes, size > 0) that
 * names the token, the rule and what would work.
 */
int nfs_url_parse(const char *url, struct nfs_url *u, char *text, size_t size);

#endif /* !NFS_URL_H */
