/* SPDX-License-Identifier: BSD-2-Clause */
/* One mounted NFS file system: its server, its options, its limits. */
#ifndef NFS_NFSMOUNT_H
#define NFS_NFSMOUNT_H

#include <stdatomic.h>

#include "kern/condvar.h"
#include "kern/mutex.h"
#include "kern/queue.h"
#include "nfs/proto.h"
#include "nfs/rpc.h"
#include "nfs/url.h"

struct mount;

#define NFS_RSIZE_MAX (1024 * 1024)

/* Asked only when somebody may not write. */
enum nfs_export {
	NFS_EXPORT_UNKNOWN,
	NFS_EXPORT_WRITABLE,
	NFS_EXPORT_READONLY
};

/* Letters: i = set while mounting; l = nm_lock. */
struct nfsmount {
	struct mount *nm_mount;            /* i */
	struct rpc_conn *nm_conn;          /* i: owned */
	struct nfs_options nm_options;     /* i */
	struct nfs_addr nm_addr;           /* i */
	uint16_t nm_port;                  /* i */
	uint16_t nm_mountport;             /* i: 0 when we did not do MNT */
	bool nm_mountudp;                  /* i: how we did */
	char nm_export[NFS_EXPORTMAX + 1]; /* i */
	struct nfs3_fh nm_root;            /* i */
	bool nm_resvport;      /* i: the server wants ports below 1024 */
	uint32_t nm_rsize;     /* i: bytes of one READ */
	uint32_t nm_wsize;     /* i: bytes of one WRITE */
	uint64_t nm_filemax;   /* i: bytes of one file */
	uint32_t nm_dirsize;   /* i: bytes of one READDIR */
	unsigned nm_readahead; /* i: blocks of the page cache */
	uint32_t nm_name_max;  /* i */
	uint32_t nm_link_max;  /* i */
	_Atomic bool nm_dead;  /* unmounted by force */
	_Atomic enum nfs_export nm_access;
	_Atomic bool nm_nordirplus; /* the server has no READDIRPLUS */
	kmutex_t nm_lock;
	struct list nm_listings; /* l: of directories, oldest use first */
	_Atomic size_t nm_listing_bytes;
	struct list nm_loading; /* l: attributes for vnodes in the making */
	struct list nm_sillies; /* l: removed files in use, nfs/silly.h */
	unsigned nm_nsillies;   /* l: made so far */
	kcondvar_t nm_napcv;    /* slept on when the server says later */
};

/* An empty structure with defaults; freed by nfsmount_destroy(). */
struct nfsmount *nfsmount_create(struct mount *mp);
void nfsmount_destroy(struct nfsmount *nm);

#endif /* !NFS_NFSMOUNT_H */
