/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of a server as vnodes: identity is the file handle.  A node keeps the
 * file's attributes for a while, says when the file was seen to change, and
 * remembers who was granted what.
 *
 * n_change counts changes seen (modification time or size); each thing that is
 * kept about the contents carries the count it is good for, and is dropped by
 * its user when the count has moved on.
 */
#ifndef NFS_NODE_H
#define NFS_NODE_H

#include "kern/condvar.h"
#include "kern/cred.h"
#include "kern/mutex.h"
#include "kern/stats.h"
#include "nfs/change.h"
#include "nfs/nfsmount.h"
#include "vfs/vnode.h"

#define NFSNODE_NACCESS 4

struct lwp;
struct nfsdir;
struct nfsrun;
struct nfssilly;

struct nfsnode_access {
	int64_t na_until_ns; /* 0: free */
	uint32_t na_uid, na_gid, na_ngroups;
	uint32_t na_groups[CRED_NGROUPS];
	uint32_t na_granted; /* NFS3ACCESS_* */
};

/* Letters: i = set when loaded; n = n_lock. */
struct nfsnode {
	struct vnode *n_vnode;    /* i */
	struct nfsmount *n_mount; /* i */
	struct nfs3_fh n_fh;      /* i */
	kmutex_t n_lock;

	struct nfs3_attr n_attr;     /* n */
	int64_t n_attr_ns;           /* n: when they came */
	int64_t n_attr_until_ns;     /* n: trusted until; 0: not at all */
	int64_t n_attr_timeo_ns;     /* n: grows while nothing changes */
	uint64_t n_change;           /* n */
	struct nfschanges n_changes; /* n: of our own */
	uint64_t n_data_change;      /* n: page cache good for */
	uint64_t n_names_change;     /* n: name cache good for */
	bool n_stale;                /* n: the server knows it no more */
	struct nfsnode_access n_access[NFSNODE_NACCESS]; /* n */
	unsigned n_access_next; /* n: to be replaced next */

	const struct lwp *n_fresh; /* n: whose lookup for an open has just
				      * asked the server */
	unsigned n_opens;          /* n */
	unsigned n_reading;        /* n: reads in progress */
	off_t n_met_end;           /* n: nearest end that the server has told
				      * of unexpectedly since they began */

	/* Written here, and perhaps not saved yet; see nfs/write.h. */
	uint64_t n_writes;        /* n: odd while somebody writes */
	kcondvar_t n_writecv;     /* nobody writes any more */
	off_t n_end;              /* n: the file reaches at least so far */
	struct nfs3_time n_wrote; /* n: when, 0 for what is saved */
	struct nfssilly *n_silly; /* n: its name until the last use ends */

	char *n_link;            /* n: target of a symbolic link */
	size_t n_linklen;        /* n */
	uint64_t n_link_change;  /* n */
	struct nfsdir *n_dir;    /* n: listing, see nfs/dir.h */
	struct nfsrun *n_gather; /* n: READ not sent yet, nfs/read.h */
	struct list n_runs;      /* n: READs sent */
};

enum nfsnode_stat { NODE_STAT_HITS, NODE_STAT_MISSES, NODE_NSTATS };

static inline struct nfsnode *
VTONFS(const struct vnode *vp)
{
	return vp->v_data;
}

/* Is np the file with this handle? */
bool nfsnode_is(const struct nfsnode *np, const struct nfs3_fh *fh);
/* Are attributes of np kept at all? */
bool nfsnode_caches(const struct nfsnode *np);
/* Enter the counters into the table of statistics; once. */
void nfsnode_init(void);

/*
 * The vnode of fh, with a reference.  attr: what was learned with it, by a call
 * made at asked_ns; NULL: the server is asked.  0, ESTALE, EIO, what the call
 * says.
 */
int nfsnode_get(struct nfsmount *nm, const struct nfs3_fh *fh,
    const struct nfs3_attr *attr, int64_t asked_ns, kauth_cred_t cred,
    struct vnode **vpp);
/* As nfsnode_get(), with attributes that a listing has told at asked_ns: those
 * that are known may be newer. */
int nfsnode_get_listed(struct nfsmount *nm, const struct nfs3_fh *fh,
    const struct nfs3_attr *attr, int64_t asked_ns, struct vnode **vpp);
/* vfs_loadvnode and vop_reclaim. */
int nfsnode_load(
    struct mount *mp, struct vnode *vp, const void *key, size_t keylen);
int nfsnode_reclaim(struct vnode *vp);

/* Attributes came with a reply to a call made at asked_ns. */
void nfsnode_update(
    struct nfsnode *np, const struct nfs3_opt_attr *oa, int64_t asked_ns);
/* A listing has told attributes of np's file: taken if they are newer. */
void nfsnode_hint(
    struct nfsnode *np, const struct nfs3_attr *attr, int64_t asked_ns);
/* A call about np ended with status: 0 or its errno; notes a stale handle. */
int nfsnode_verdict(struct nfsnode *np, uint32_t status);
/* Ask the server for the attributes now. */
int nfsnode_refresh(struct nfsnode *np, kauth_cred_t cred);
/*
 * As nfsnode_refresh(), for somebody who will want to know what cred may do
 * next: one call tells both if that is not known.
 */
int nfsnode_reopen(struct nfsnode *np, kauth_cred_t cred);
/* May the attributes be trusted at present? */
bool nfsnode_trusted(struct nfsnode *np);
/* See to it that the attributes may be trusted; asks if they may not. */
int nfsnode_validate(struct nfsnode *np, kauth_cred_t cred);
/* As nfsnode_validate(), and copy them, as they are with what is written here. */
int nfsnode_getattr(
    struct nfsnode *np, kauth_cred_t cred, struct nfs3_attr *attr);
/* Has the file no name any more, by the attributes that are known? */
bool nfsnode_unlinked(struct nfsnode *np);
/* The present n_change. */
uint64_t nfsnode_change(struct nfsnode *np);
/* Forget the names in a directory that has changed since they were learned. */
void nfsnode_purge_names(struct nfsnode *np);
/* Forget the data of a file that has changed since they were read. */
void nfsnode_purge_data(struct nfsnode *np);
/*
 * The server, asked at asked_ns, says that a file ends at end.  If we thought otherwise, that is
 * its size until the server is asked, and reads in progress must heed it.
 */
void nfsnode_met_end(struct nfsnode *np, uint64_t end, int64_t asked_ns);
/*
 * Around a read: the beginning sees to it that attributes and cache are good
 * and returns the size, the end returns where the read must not have gone
 * beyond.
 */
int nfsnode_read_begin(struct nfsnode *np, kauth_cred_t cred, off_t *size);
off_t nfsnode_read_end(struct nfsnode *np);
/* Somebody has written up to end, under the writer's lock. */
void nfsnode_wrote(struct nfsnode *np, off_t end);
/* The file ends at size now, on the server and here. */
void nfsnode_truncated(struct nfsnode *np, off_t size);
/* If everything that was written is saved, the server knows best again. */
void nfsnode_settle(struct nfsnode *np);
/* The attributes are not to be trusted any longer. */
void nfsnode_expire(struct nfsnode *np);
/* What cred may do is to be asked again. */
void nfsnode_forget_access(struct nfsnode *np);
/* For change.c: as nfsnode_update(), under n_lock, with attributes that a
 * change of our own has led to.  rights: they are those that were known. */
void nfsnode_update_own(struct nfsnode *np, const struct nfs3_attr *attr,
    int64_t asked_ns, bool rights) REQUIRES(np->n_lock);
/* The bounds of the time that attributes of np are trusted. */
void nfsnode_timeout_bounds(
    const struct nfsnode *np, int64_t *min, int64_t *max);
/* Is it known, without asking, that cred may do all of want? */
bool nfsnode_known_granted(
    struct nfsnode *np, const struct kauth_cred *cred, uint32_t want);
/* What cred may do: NFS3ACCESS_* bits, from the cache or the server. */
int nfsnode_granted(struct nfsnode *np, kauth_cred_t cred, uint32_t *granted);

#endif /* !NFS_NODE_H */
