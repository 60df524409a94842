/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files in memory: what the root file system and tmpfs are made of.
 *
 * Locks.  mm_tree, a reader/writer lock of the mount, is the shape of the tree.
 * Whoever looks at or changes one directory holds it as a reader, and the
 * mn_content lock of that directory; whoever concerns several directories at
 * once (rmdir, renaming to another directory or of one) holds it as the writer
 * and needs no other lock for names, since everybody else is shut out.  So
 * never are two locks of one kind held together, and no order among directories
 * is needed.  For a file, mn_content serialises those who change its size or
 * contents.  mn_lock is for the attributes and comes last.  Neither mm_tree nor
 * a directory's lock is held where vnodes are made or given up, or data are
 * copied: that may take the time of other file systems, and of the caller.
 *
 * Life.  A node is referenced by its links (all together once), by its vnode,
 * and by whoever is on the way from one to the other; it is freed with the last
 * reference.  The key of its vnode is its address.  A node whose last link has
 * gone, mn_removed, gets no vnode any more.  A removed directory takes no names;
 * whoever is still in it finds the way up, for which it references its parent.
 *
 * Nodes, names and extended attributes are charged to the mount's account as pages are, so that they
 * cannot use up the kernel's memory.
 */
#ifndef VFS_MEMFS_MEMFS_H
#define VFS_MEMFS_MEMFS_H

#include <stdatomic.h>

#include "kern/mutex.h"
#include "kern/rwlock.h"
#include "vfs/mount.h"
#include "vfs/namei.h"
#include "vfs/pcmem.h"
#include "vfs/pctree.h"
#include "vfs/vnode.h"

struct memfs_node;
struct memfs_xattr;

/* A name in a directory. */
struct memfs_dent {
	struct list de_hash;        /* bucket */
	struct memfs_node *de_node; /* that of its links, one for each name */
	uint64_t de_cookie;         /* i: position in readdir, from 2 */
	uint32_t de_hashval;        /* i */
	uint8_t de_len;             /* i */
	char de_name[];             /* i */
};

/*
 * The names of a directory: by hash and in order of their making.  Changed
 * under its lock, or mm_tree as the writer; d_parent only under the latter.
 */
struct memfs_dir {
	struct memfs_node *d_parent; /* itself at the root; see mn_removed */
	const struct memfs_dent *d_entry; /* its own, as d_parent */
	struct list *d_buckets;           /* d_nbuckets of them */
	uint32_t d_nbuckets;              /* power of two */
	_Atomic uint32_t d_count;
	uint64_t d_nextcookie;
	struct pctree d_order; /* of struct memfs_dent, by cookie */
};

struct memfs_link {
	char *l_target; /* i: owned */
	size_t l_len;   /* i */
};

/* What has happened to a node. */
#define MN_ACCESS 0x1
#define MN_MODIFY 0x2
#define MN_CHANGE 0x4

/* The flags that a node can have.  An immutable one keeps its names, contents and
 * attributes; one that is for appending its names and attributes, and grows only;
 * what is open for writing already is not stopped by the former. */
#define MEMFS_IMMUTABLE (UF_IMMUTABLE | SF_IMMUTABLE)
#define MEMFS_APPEND (UF_APPEND | SF_APPEND)
#define MEMFS_FLAGS (MEMFS_IMMUTABLE | MEMFS_APPEND | UF_NODUMP)

struct memfs_node {
	_Atomic uint32_t mn_refcnt;
	enum vtype mn_type;    /* i */
	ino_t mn_ino;          /* i */
	dev_t mn_rdev;         /* i */
	_Atomic off_t mn_size; /* of a file: changed under mn_content */
	kmutex_t mn_content;
	kmutex_t mn_lock;
	struct vnode *mn_vnode; /* mn_lock, and all below */
	uint32_t mn_nlink;
	bool mn_removed;      /* of a directory also mm_tree, as the writer */
	_Atomic bool mn_seen; /* mn_atime needs no change by an access */
	_Atomic uint32_t mn_flags; /* of chflags(2): MEMFS_FLAGS */
	mode_t mn_mode;
	uid_t mn_uid;
	gid_t mn_gid;
	struct rump_timespec mn_atime, mn_mtime, mn_ctime, mn_birthtime;
	struct memfs_xattr *mn_xattrs; /* owned */
	uint32_t mn_xattrnames;        /* bytes of their names */
	union {
		struct memfs_dir mn_dir;    /* VDIR */
		struct memfs_link mn_link;  /* VLNK */
		struct pagecache *mn_cache; /* VREG, while there is no vnode */
	};
};

struct memfs_options {
	uint64_t mo_size;  /* bytes at most */
	uint64_t mo_nodes; /* at most */
	mode_t mo_mode;    /* of the root, as the two below */
	uid_t mo_uid;
	gid_t mo_gid;
	bool mo_devices; /* device nodes can be made */
};

struct memfs_mount {
	struct mount *mm_mount; /* i */
	krwlock_t mm_tree;
	struct pcmem_account mm_memory;
	_Atomic uint64_t mm_lastino;
	_Atomic uint64_t mm_nnodes;
	_Atomic uint64_t mm_maxnodes;
	bool mm_devices;            /* i */
	struct memfs_node *mm_root; /* i: its link is the mount's */
};

static inline bool
memfs_has_flags(const struct memfs_node *mn, uint32_t any)
{
	return (atomic_load_explicit(&mn->mn_flags, memory_order_relaxed) &
		   any) != 0;
}

static inline struct memfs_mount *
memfs_mount_of(const struct vnode *vp)
{
	return vp->v_mount->mnt_data;
}

/* For whoever looks at one directory, or changes it. */
static inline void
memfs_dir_lock(struct memfs_mount *mm, struct memfs_node *dir)
    ACQUIRES(dir->mn_content)
{
	rw_enter(&mm->mm_tree, RW_READER);
	mutex_enter(&dir->mn_content);
}

static inline void
memfs_dir_unlock(struct memfs_mount *mm, struct memfs_node *dir)
    RELEASES(dir->mn_content)
{
	mutex_exit(&dir->mn_content);
	rw_exit(&mm->mm_tree);
}

/* node.c */

/* A new node with one reference and no links, of va's type, mode, owner and
 * device.  ENOSPC. */
int memfs_node_create(struct memfs_mount *mm, const struct vattr *va,
    const char *target, struct memfs_node **mnp);
void memfs_node_ref(struct memfs_node *mn);
void memfs_node_unref(struct memfs_mount *mm, struct memfs_node *mn);
/* The vnode, referenced, of a node that the caller references. */
int memfs_node_vnode(
    struct memfs_mount *mm, struct memfs_node *mn, struct vnode **vpp);
/* The same at once if it has one: no lock but mn_lock may be wanted. */
bool memfs_node_vnode_try(struct memfs_node *mn, struct vnode **vpp);
/* MN_* have happened to mn. */
void memfs_node_touch(struct memfs_node *mn, uint32_t what);
void memfs_node_touch_locked(struct memfs_node *mn, uint32_t what)
    REQUIRES(mn->mn_lock);
/* One more link: 0, EMLINK, or ENOENT when the last one has gone. */
int memfs_node_link(struct memfs_node *mn);
/* One link less; true if none is left, and the links' reference is now the
 * caller's. */
bool memfs_node_unlink(struct memfs_node *mn);
/* The same of an empty directory: always true. */
bool memfs_node_unlink_dir(struct memfs_node *mn);
/* mn, which has no links, shall never have one. */
void memfs_node_bar(struct memfs_node *mn);
/* A directory has changed, and has more or fewer (by) directories in it. */
void memfs_node_changed(struct memfs_node *dir, int by);

/* dir.c: under the directory's lock. */

struct memfs_dent *memfs_dir_find(
    const struct memfs_dir *d, const struct componentname *cnp);
/* The name must not be there.  0 or ENOSPC. */
int memfs_dir_enter(struct memfs_mount *mm, struct memfs_dir *d,
    const struct componentname *cnp, struct memfs_node *mn);
void memfs_dir_remove(
    struct memfs_mount *mm, struct memfs_dir *d, struct memfs_dent *de);
/* The first entry at cookie or behind, NULL at the end. */
struct memfs_dent *memfs_dir_next(const struct memfs_dir *d, uint64_t cookie);
/* Give the table of a directory without entries back. */
void memfs_dir_fini(struct memfs_mount *mm, struct memfs_dir *d);

/* names.c, rename.c, readdir.c, attr.c, data.c: vnode operations. */

/* Make a node of va's type under a name; target of a symbolic link. */
int memfs_make(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp,
    struct vattr *va, const char *target);
/* EPERM if mn's flags keep its names and attributes as they are. */
int memfs_check_fixed(const struct memfs_node *mn);
/* EPERM unless the owner of cred may remove or replace mn in dir. */
int memfs_check_sticky(struct memfs_node *dir, struct memfs_node *mn,
    const struct kauth_cred *cred);
int memfs_lookup(
    struct vnode *dvp, struct vnode **vpp, struct componentname *cnp);
int memfs_create(struct vnode *dvp, struct vnode **vpp,
    struct componentname *cnp, struct vattr *va);
int memfs_mknod(struct vnode *dvp, struct vnode **vpp,
    struct componentname *cnp, struct vattr *va);
int memfs_unnamed(struct vnode *dvp, struct vnode **vpp, struct vattr *va,
    bool linkable, kauth_cred_t cred);
int memfs_symlink(struct vnode *dvp, struct vnode **vpp,
    struct componentname *cnp, struct vattr *va, const char *target);
int memfs_remove(
    struct vnode *dvp, struct vnode *vp, struct componentname *cnp);
int memfs_rmdir(struct vnode *dvp, struct vnode *vp, struct componentname *cnp);
int memfs_link(struct vnode *dvp, struct vnode *vp, struct componentname *cnp);
int memfs_rename(struct vnode *fdvp, struct vnode *fvp,
    struct componentname *fcnp, struct vnode *tdvp, struct vnode *tvp,
    struct componentname *tcnp);
int memfs_removable(struct vnode *dvp, struct vnode *vp, kauth_cred_t cred);
int memfs_exchange(struct vnode *fdvp, struct vnode *fvp,
    struct componentname *fcnp, struct vnode *tdvp, struct vnode *tvp,
    struct componentname *tcnp);
int memfs_readdir(struct vnode *vp, struct uio *uio, kauth_cred_t cred,
    bool *eof, off_t *cookies, size_t *ncookies);
int memfs_nameof(struct vnode *dvp, struct vnode *vp, char *name);
int memfs_open(
    struct vnode *vp, int fflags, kauth_cred_t cred, struct file *fp);
int memfs_access(struct vnode *vp, int mode, kauth_cred_t cred);
int memfs_getattr(struct vnode *vp, struct vattr *va, kauth_cred_t cred);
int memfs_setattr(struct vnode *vp, struct vattr *va, kauth_cred_t cred);
int memfs_read(
    struct vnode *vp, struct uio *uio, int ioflag, kauth_cred_t cred);
int memfs_write(
    struct vnode *vp, struct uio *uio, int ioflag, kauth_cred_t cred);
/* Does the file have this size?  Then a truncation drops set-id bits only. */
bool memfs_has_size(struct vnode *vp, off_t size);
int memfs_resize(struct vnode *vp, off_t size);
int memfs_fallocate(struct vnode *vp, off_t pos, off_t len, kauth_cred_t cred);
int memfs_fdiscard(struct vnode *vp, off_t pos, off_t len, kauth_cred_t cred);
int memfs_ioctl(struct vnode *vp, unsigned long cmd, void *data, int fflags,
    kauth_cred_t cred);
int memfs_readlink(struct vnode *vp, struct uio *uio, kauth_cred_t cred);
int memfs_reclaim(struct vnode *vp);
extern const struct vnodeops memfs_vnodeops;

/* xattr.c */

int memfs_getxattr(struct vnode *vp, const char *name, void *buf, size_t room,
    size_t *size, kauth_cred_t cred);
int memfs_setxattr(struct vnode *vp, const char *name, const void *value,
    size_t size, int flags, kauth_cred_t cred);
int memfs_removexattr(struct vnode *vp, const char *name, kauth_cred_t cred);
int memfs_eachxattr(
    struct vnode *vp, xattr_name_fn *fn, void *arg, kauth_cred_t cred);
/* A file's contents or owner have changed: what it could do by its capabilities
 * was meant for the old ones. */
void memfs_xattr_changed(struct memfs_mount *mm, struct memfs_node *mn)
    REQUIRES(mn->mn_lock);
/* Free them all; nobody else has mn. */
void memfs_xattr_fini(struct memfs_mount *mm, struct memfs_node *mn);

/* mount.c */

/* Make mp's tree: an empty root.  0 or ENOSPC. */
int memfs_mount(struct mount *mp, const struct memfs_options *mo);
/* Change what there may be at most; what there is already stays. */
void memfs_setlimits(struct memfs_mount *mm, uint64_t size, uint64_t nodes);
/* For struct vfsops. */
int memfs_unmount(struct mount *mp, int mntflags);
int memfs_root(struct mount *mp, struct vnode **vpp);
int memfs_statvfs(struct mount *mp, struct rump_statvfs *sv);
int memfs_loadvnode(
    struct mount *mp, struct vnode *vp, const void *key, size_t keylen);

#endif /* !VFS_MEMFS_MEMFS_H */
