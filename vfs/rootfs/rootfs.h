/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rumpfs, the file system in memory that the kernel boots on: inside.
 *
 * The tree of names (directories' entries, parents, link counts) is protected
 * by rm_tree, a reader/writer lock of the mount.  A node's attributes are
 * protected by rn_lock; rn_iolock serialises those who change its size or
 * contents.  Order: rm_tree, rn_iolock, rn_lock.
 *
 * A node is found by its number, which is the key of its vnode and is never
 * used again.  It exists as long as it has links or a vnode; links are made and
 * taken away only by operations that hold a reference to the vnode.  Nodes and
 * names are charged to pcmem, so that they cannot use up the kernel's memory.
 */
#ifndef VFS_ROOTFS_ROOTFS_H
#define VFS_ROOTFS_ROOTFS_H

#include <stdatomic.h>

#include "kern/rwlock.h"
#include "vfs/mount.h"
#include "vfs/namei.h"
#include "vfs/pctree.h"
#include "vfs/vnode.h"

#define ROOTFS_ROOTINO 2

struct rootfs_node;

/* A name in a directory. */
struct rootfs_dent {
	struct list de_hash;         /* rm_tree: bucket */
	struct rootfs_node *de_node; /* rm_tree: link */
	uint64_t de_cookie;          /* i: position in readdir, from 2 */
	uint32_t de_hashval;         /* i */
	uint8_t de_len;              /* i */
	char de_name[];              /* i */
};

/* The names of a directory: by hash and in order of their making. */
struct rootfs_dir {
	struct list *d_buckets; /* d_nbuckets of them */
	uint32_t d_nbuckets;    /* power of two */
	uint32_t d_count;
	uint64_t d_nextcookie;
	struct pctree d_order; /* of struct rootfs_dent, by cookie */
};

/* What has happened to a node.  Changes set its times at once, since programs
 * compare them; accesses, which are many, when somebody looks or closes. */
#define RN_ACCESS 0x1
#define RN_MODIFY 0x2
#define RN_CHANGE 0x4

struct rootfs_node {
	ino_t rn_ino;        /* i */
	enum vtype rn_type;  /* i */
	dev_t rn_rdev;       /* i */
	char *rn_target;     /* i: of a symbolic link */
	size_t rn_targetlen; /* i */
	struct rootfs_node
	    *rn_parent;             /* rm_tree: NULL at the root, and removed */
	struct rootfs_dir rn_dir;   /* rm_tree */
	uint32_t rn_nlink;          /* rm_tree */
	struct pagecache *rn_cache; /* while there is no vnode */
	_Atomic bool rn_accessed;   /* rn_atime is to be set */
	_Atomic off_t rn_size;      /* changed under rn_iolock */
	kmutex_t rn_iolock;
	kmutex_t rn_lock;
	mode_t rn_mode; /* rn_lock, and those below */
	uid_t rn_uid;
	gid_t rn_gid;
	struct rump_timespec rn_atime, rn_mtime, rn_ctime, rn_birthtime;
};

struct rootfs_mount {
	struct mount *rm_mount; /* i */
	krwlock_t rm_tree;
	kmutex_t rm_nodes_lock;
	struct pctree rm_nodes; /* rm_nodes_lock: by number */
	ino_t rm_lastino;       /* rm_nodes_lock */
	_Atomic uint64_t rm_nnodes;
	struct rootfs_node *rm_root; /* i */
};

static inline struct rootfs_mount *
rootfs_mount_of(const struct vnode *vp)
{
	return vp->v_mount->mnt_data;
}

/* node.c */
/* A new node without links, in the table.  NULL: no memory. */
struct rootfs_node *rootfs_node_create(
    struct rootfs_mount *rm, const struct vattr *va, const char *target);
void rootfs_node_destroy(struct rootfs_mount *rm, struct rootfs_node *rn);
int rootfs_node_vnode(struct rootfs_mount *rm, ino_t ino, struct vnode **vpp);
struct rootfs_node *rootfs_node_find(struct rootfs_mount *rm, ino_t ino);
/* RN_* have happened to rn. */
void rootfs_node_touch(struct rootfs_node *rn, uint32_t flags);
/* Set the time of the last access that was noted. */
void rootfs_node_settimes(struct rootfs_node *rn) REQUIRES(rn->rn_lock);
int rootfs_loadvnode(
    struct mount *mp, struct vnode *vp, const void *key, size_t keylen);

/* dir.c: all under rm_tree. */
struct rootfs_dent *rootfs_dir_find(
    const struct rootfs_dir *d, const struct componentname *cnp);
/* The name must not be there.  0 or ENOSPC. */
int rootfs_dir_enter(struct rootfs_dir *d, const struct componentname *cnp,
    struct rootfs_node *rn);
void rootfs_dir_remove(struct rootfs_dir *d, struct rootfs_dent *de);
/* The first entry at cookie or behind, NULL at the end. */
struct rootfs_dent *rootfs_dir_next(
    const struct rootfs_dir *d, uint64_t cookie);
/* Free the table; entries are forgotten. */
void rootfs_dir_destroy(struct rootfs_dir *d);

/* names.c: operations on names; attr.c: on attributes; data.c: on contents. */
int rootfs_lookup(
    struct vnode *dvp, struct vnode **vpp, struct componentname *cnp);
int rootfs_create(struct vnode *dvp, struct vnode **vpp,
    struct componentname *cnp, struct vattr *va);
int rootfs_symlink(struct vnode *dvp, struct vnode **vpp,
    struct componentname *cnp, struct vattr *va, const char *target);
int rootfs_remove(
    struct vnode *dvp, struct vnode *vp, struct componentname *cnp);
int rootfs_rmdir(
    struct vnode *dvp, struct vnode *vp, struct componentname *cnp);
int rootfs_link(struct vnode *dvp, struct vnode *vp, struct componentname *cnp);
int rootfs_rename(struct vnode *fdvp, struct vnode *fvp,
    struct componentname *fcnp, struct vnode *tdvp, struct vnode *tvp,
    struct componentname *tcnp);
int rootfs_readdir(struct vnode *vp, struct uio *uio, kauth_cred_t cred,
    bool *eof, off_t *cookies, size_t *ncookies);
int rootfs_access(struct vnode *vp, int mode, kauth_cred_t cred);
int rootfs_getattr(struct vnode *vp, struct vattr *va, kauth_cred_t cred);
int rootfs_setattr(struct vnode *vp, struct vattr *va, kauth_cred_t cred);
int rootfs_read(
    struct vnode *vp, struct uio *uio, int ioflag, kauth_cred_t cred);
int rootfs_write(
    struct vnode *vp, struct uio *uio, int ioflag, kauth_cred_t cred);
/* grow: make it no shorter, and only if there is space for what is added. */
int rootfs_resize(struct vnode *vp, off_t size, bool grow);
int rootfs_readlink(struct vnode *vp, struct uio *uio, kauth_cred_t cred);
extern const struct vnodeops rootfs_vnodeops;

/* vfsops.c: boot: attach the type, mount it as root, fill /dev. */
void rootfs_init(void);
/* devs.c: attach the devices that need no driver. */
void devs_init(void);

#endif /* !VFS_ROOTFS_ROOTFS_H */
