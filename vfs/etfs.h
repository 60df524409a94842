/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of the host in the name space, by key (rump/rump.h).
 *
 * etfs.c is the table of keys.  A key's vnodes, and those of files in a
 * directory of the host, are etnode.c's; they belong to a mount of their own
 * that is at no place.  What is a device is reached through etblk.c.
 */
#ifndef VFS_ETFS_H
#define VFS_ETFS_H

#include <stdatomic.h>

#include "kern/queue.h"
#include "kern/types.h"
#include "rump/rump.h"
#include "rump/rumpabi.h"

struct etblk;
struct vnode;

struct etfs {
	struct list ef_list; /* etfs_lock */
	_Atomic uint32_t ef_refcnt;
	_Atomic bool ef_removed;
	uint64_t ef_id;              /* i: not used twice */
	enum rump_etfs_type ef_type; /* i */
	char *ef_key;                /* i: owned, without slashes in front */
	char *ef_hostpath;           /* i: owned */
	uint64_t ef_begin;           /* i */
	_Atomic uint64_t ef_size;
	bool ef_openend;              /* i: may become longer */
	struct rump_timespec ef_time; /* i: of registration */
	struct etblk *ef_blk;         /* i: BLK and CHR: reference */
};

static inline bool
etfs_isdev(const struct etfs *ef)
{
	return ef->ef_type == RUMP_ETFS_BLK || ef->ef_type == RUMP_ETFS_CHR;
}

static inline bool
etfs_isdir(const struct etfs *ef)
{
	return ef->ef_type == RUMP_ETFS_DIR ||
	       ef->ef_type == RUMP_ETFS_DIR_SUBDIRS;
}

void etfs_init(void);

extern _Atomic uint32_t etfs_nkeys;

/* Are there keys at all? */
static inline bool
etfs_any(void)
{
	return atomic_load_explicit(&etfs_nkeys, memory_order_relaxed) != 0;
}

/*
 * The vnode, referenced, of the key that path, which has no slash in front,
 * is or begins with: *len bytes of it.  ENOENT: there is none.
 */
int etfs_lookup(const char *path, size_t *len, struct vnode **vpp);
/* The entry of that id, referenced, or NULL. */
struct etfs *etfs_byid(uint64_t id);
void etfs_unref(struct etfs *ef);

/* A copy of two strings, one behind the other; freed by etfs_strfree(). */
char *etfs_strdup(const char *first, const char *second);
void etfs_strfree(char *s);

/* etnode.c */

void etnode_init(void);
/* The vnode, referenced, that ef's key leads to. */
int etnode_get(const struct etfs *ef, struct vnode **vpp);

/* etblk.c */

void etblk_init(void);
/*
 * Open [begin, begin + size) of the host file as a device.  0 and a reference,
 * EMFILE when there are too many, or what the host says.
 */
int etblk_create(
    const char *hostpath, uint64_t begin, uint64_t size, struct etblk **ebp);
/* The device goes: whoever has it open gets EIO. */
void etblk_remove(struct etblk *eb);
void etblk_unref(struct etblk *eb);
/* What has been written reaches the host's disk. */
int etblk_sync(const struct etblk *eb);
dev_t etblk_dev(const struct etblk *eb);

#endif /* !VFS_ETFS_H */
