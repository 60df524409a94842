/* SPDX-License-Identifier: BSD-2-Clause */
/* Mounted file systems and the types they come from. */
#ifndef VFS_MOUNT_H
#define VFS_MOUNT_H

#include "kern/cred.h"
#include "kern/mutex.h"
#include "kern/queue.h"
#include "rump/rumpabi.h"

struct mount;
struct pcmem_account;
struct vnode;

struct vfsops {
	const char *vfs_name; /* "nfs", "rumpfs", ... */
	size_t vfs_min_mount_data;
	/* data: len bytes of kernel memory, the mount arguments of the type;
	 * pointers in it are the caller's. */
	int (*vfs_mount)(
	    struct mount *mp, const char *path, void *data, size_t *len);
	int (*vfs_unmount)(struct mount *mp, int mntflags);
	/* A forced unmount begins: whoever waits for the medium or a server
	 * fails now, and nobody waits from now on.  NULL: nobody ever does. */
	void (*vfs_abort)(struct mount *mp);
	int (*vfs_root)(struct mount *mp, struct vnode **vpp);
	int (*vfs_statvfs)(struct mount *mp, struct rump_statvfs *sv);
	int (*vfs_sync)(struct mount *mp, int waitfor, kauth_cred_t cred);
	/* Fill v_op, v_type, v_data, v_size of a new vnode. */
	int (*vfs_loadvnode)(
	    struct mount *mp, struct vnode *vp, const void *key, size_t keylen);
	/*
	 * Mount by URL for rump_mount_url(); NULL if the type has no URLs.
	 * scheme is the part before ':'.  text as there.
	 */
	const char *vfs_scheme;
	int (*vfs_mount_url)(
	    struct mount *mp, const char *url, char *text, size_t size);
	struct list vfs_list;
};

/* mp->mnt_flag: NetBSD MNT_* (MNT_RDONLY 1, ...), and kernel-internal: */
#define IMNT_ESCAPE 0x1 /* ".." above the root leaves the name space */
#define IMNT_NOMAP 0x2  /* its files cannot be mapped: they have no pages */
#define IMNT_FAR 0x8    /* it may take long until it answers */
#define IMNT_ALIAS 0x4  /* whom its files belong to is not whom the caller is */

struct mount {
	struct list mnt_list;        /* mountlist, mountlist_lock */
	const struct vfsops *mnt_op; /* i */
	struct vnode *mnt_covered;   /* i: reference; NULL for the root */
	struct vnode *mnt_root;      /* i: reference, set by the mount code */
	_Atomic uint32_t mnt_flag;   /* mnt_lock for writing after the mount */
	uint32_t mnt_iflag;          /* i: IMNT_* */
	uint32_t mnt_gen;
	uint64_t mnt_fsid; /* i: also st_dev of its files */
	/* i: what pages are charged to; of file systems in memory only */
	struct pcmem_account *mnt_memory;
	void *mnt_data;         /* file system's own */
	struct list mnt_vnodes; /* vcache_lock */
	kmutex_t mnt_lock;
	_Atomic uint32_t mnt_refcnt;
	bool mnt_unmounted; /* vfs_unmount was called, or vfs_mount failed */
	bool mnt_leaving;   /* mountlist_lock: it is being, or is, unmounted */
	bool mnt_gone;      /* vcache_lock: makes no vnodes any more */
	char mnt_fromname[1024];
	char mnt_onname[1024];
};

/* Make a type known; called from component initialisers. */
void vfs_attach(struct vfsops *ops);

/*
 * Mount type at dir (which must be a directory) and fill its root.  url is
 * NULL or a URL, otherwise data/len are the type's arguments in kernel memory.
 */
int vfs_domount(const struct vfsops *ops, struct vnode *dir, const char *onpath,
    uint32_t flags, uint32_t iflags, void *data, size_t *len, const char *url,
    char *text, size_t textsize);
int vfs_dounmount(struct mount *mp, int flags);

/* A mount lives as long as its references; each vnode of it has one. */
void mount_ref(struct mount *mp);
void mount_unref(struct mount *mp);
/* The n-th mount in order of mounting with a reference, or NULL. */
struct mount *mount_nth(size_t n);
/* Generic fields, then, unless flags have MNT_NOWAIT, the file system's: of one
 * on a network, its server's. */
int mount_statvfs(struct mount *mp, struct rump_statvfs *sv, int flags);
/* Write everything of every file system and wait: the first error, or EIO when
 * something is still unsaved. */
int mount_sync_all(kauth_cred_t cred);
/*
 * If something is mounted on vp, give vp's reference back and return the
 * uppermost root, referenced; else vp.
 */
struct vnode *mount_cross(struct vnode *vp);
/* MNT_UPDATE or MNT_GETARGS: the type's vfs_mount with the flag set. */
int mount_control(
    struct mount *mp, uint32_t op, uint32_t flags, void *data, size_t *len);
/* NULL if there is no such type. */
const struct vfsops *vfs_byname(const char *name);
const struct vfsops *vfs_byscheme(const char *url);
/*
 * Mount the root file system; *rootvnode is what "/" means.  Called once,
 * while the kernel boots.
 */
int vfs_mountroot(const struct vfsops *ops);
/*
 * A mount that is in no list and at no place: of files which only the kernel
 * itself knows a way to.  For ever.
 */
struct mount *mount_hidden(const struct vfsops *ops, uint32_t iflags);
extern struct vnode *rootvnode;
void mount_init(void);

#endif /* !VFS_MOUNT_H */
