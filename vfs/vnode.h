/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vnodes: files as the kernel knows them.
 *
 * A vnode is named by (mount, key) in the vnode cache; the key is whatever its
 * file system calls identity (an NFS file handle, a node address).  v_usecount
 * counts references; at zero VOP_INACTIVE is called and the vnode goes to an
 * LRU list, from which it is reclaimed when there are too many.
 *
 * vop_inactive is a hint: others may have found the vnode when it returns.
 *
 * VOPs are entered with references and without locks, and may sleep; a file
 * system locks its own nodes.  Every one takes a credential.
 */
#ifndef VFS_VNODE_H
#define VFS_VNODE_H

#include <stdatomic.h>

#include "kern/cred.h"
#include "kern/mutex.h"
#include "kern/queue.h"
#include "kern/types.h"
#include "rump/rumpabi.h"

enum vtype { VNON, VREG, VDIR, VBLK, VCHR, VLNK, VSOCK, VFIFO, VBAD };

struct mount;
struct lockf_head;
struct pagecache;
struct selector;
struct uio;
struct file;

#define VNOVAL (-1)

struct vattr {
	enum vtype va_type;
	mode_t va_mode; /* permission bits only; VNOVAL in setattr = keep */
	uint32_t va_nlink;
	uid_t va_uid;
	gid_t va_gid;
	uint64_t va_fsid;
	ino_t va_fileid;
	off_t va_size; /* VNOVAL = keep */
	int32_t va_blocksize;
	struct rump_timespec va_atime, va_mtime, va_ctime, va_birthtime;
	uint32_t va_gen;
	uint32_t va_flags;
	dev_t va_rdev;
	uint64_t va_bytes;
	uint32_t va_vaflags; /* setattr: VA_* */
};

/* The times are those of utimes(NULL): write permission suffices. */
#define VA_UTIMES_NULL 0x1
/* va_atime, va_mtime: the present, as whoever keeps the times knows it. */
#define VA_ATIME_NOW 0x2
#define VA_MTIME_NOW 0x4
/* Nothing but va_size is set, and times stay if the file has that size. */
#define VA_SIZE_IF_NEW 0x8

/* All "keep" for VOP_SETATTR. */
void vattr_null(struct vattr *va);

struct vnode {
	const struct vnodeops *v_op;     /* changed once at most, by vgone() */
	const struct vnodeops *v_goneop; /* vcache_lock: v_op before vgone() */
	struct mount *v_mount;           /* i */
	enum vtype v_type;               /* i once loaded */
	void *v_data;                    /* i: file system's node */
	_Atomic uint32_t v_usecount;
	_Atomic bool v_doomed; /* see vdoom() */
	uint32_t v_iflag;      /* vcache_lock: VI_* */
	kmutex_t v_interlock;
	struct mount *v_mountedhere; /* v_interlock */
	bool
	    v_uncovering; /* v_interlock: a mount is off, perhaps not for long */
	struct pagecache *v_cache; /* made at first use, see pagecache.h */
	off_t v_size;              /* v_interlock: as the page cache knows */
	struct list v_hash, v_lru, v_mntlist; /* vcache_lock */
	struct list v_names;                  /* name cache entries, its lock */
	struct list v_children;     /* name cache entries under a directory */
	struct lockf_head *v_lockf; /* advisory locks: lockf.c */
	_Atomic uint8_t v_hint;     /* RUMP_F_SETHINT */
	uint32_t v_hashval;         /* i */
	uint32_t v_keylen;          /* i */
	uint8_t *v_key;             /* i: owned */
};

/* v_iflag */
#define VI_LOADING 0x1 /* vfs_loadvnode is running; wait */
#define VI_RECLAIM 0x2 /* being reclaimed; no reference can be had */
#define VI_GONE 0x4    /* vgone(): answers EIO, lives until its last vrele() */
#define VI_HASHED 0x8  /* can be found by vcache_get() */

/* What a lookup is for: passed down so that a file system can combine. */
enum nameiop { LOOKUP, CREATE, DELETE, RENAME };
#define CN_ISLAST 0x1   /* last component */
#define CN_OPEN 0x2     /* the file will be opened */
#define CN_EXCL 0x4     /* created exclusively */
#define CN_WANTATTR 0x8 /* attributes will be asked for next */
#define CN_ISDOTDOT 0x10
#define CN_MAKEENTRY 0x20 /* may be entered into the name cache */
#define CN_SURE 0x40      /* CREATE: not absent merely because none is known */

struct componentname {
	enum nameiop cn_nameiop;
	uint32_t cn_flags;
	kauth_cred_t cn_cred;
	const char *cn_nameptr; /* not NUL-terminated */
	size_t cn_namelen;
	uint32_t cn_hash;
};

/* ioflag */
#define IO_APPEND 0x1
#define IO_SYNC 0x2
#define IO_NDELAY 0x4
#define IO_NOATIME 0x8

/* Internal, from vop_rename, vop_remove and vop_rmdir: the names have changed
 * meanwhile, and are to be resolved again. */
#define ERELOOKUP (-16)

/* Told of one attribute's name; must not sleep. */
typedef void xattr_name_fn(const char *name, void *arg);

/* vop_fsync flags */
#define FSYNC_WAIT 0x1
#define FSYNC_DATAONLY 0x2

/*
 * NULL members answer EOPNOTSUPP (poll: always ready; inactive, close, fsync,
 * open: 0; modifying ones: EROFS on a read-only mount before they are called).
 * vpp and other results are written on success only.  A lookup that finds
 * nothing returns ENOENT, also for CREATE (the caller then calls vop_create).
 */
struct vnodeops {
	int (*vop_lookup)(
	    struct vnode *dvp, struct vnode **vpp, struct componentname *cnp);
	int (*vop_create)(struct vnode *dvp, struct vnode **vpp,
	    struct componentname *cnp, struct vattr *va);
	int (*vop_mknod)(struct vnode *dvp, struct vnode **vpp,
	    struct componentname *cnp, struct vattr *va);
	/* A regular file as if made in dvp, but without a name, which vop_link
	 * may give it if linkable. */
	int (*vop_unnamed)(struct vnode *dvp, struct vnode **vpp,
	    struct vattr *va, bool linkable, kauth_cred_t cred);
	/* fp: the file being made (per-open state), NULL for kernel opens. */
	int (*vop_open)(
	    struct vnode *vp, int fflags, kauth_cred_t cred, struct file *fp);
	int (*vop_close)(
	    struct vnode *vp, int fflags, kauth_cred_t cred, struct file *fp);
	/* mode: R_OK|W_OK|X_OK bits (4, 2, 1). */
	int (*vop_access)(struct vnode *vp, int mode, kauth_cred_t cred);
	int (*vop_getattr)(
	    struct vnode *vp, struct vattr *va, kauth_cred_t cred);
	int (*vop_setattr)(
	    struct vnode *vp, struct vattr *va, kauth_cred_t cred);
	int (*vop_read)(
	    struct vnode *vp, struct uio *uio, int ioflag, kauth_cred_t cred);
	int (*vop_write)(
	    struct vnode *vp, struct uio *uio, int ioflag, kauth_cred_t cred);
	int (*vop_ioctl)(struct vnode *vp, unsigned long cmd, void *data,
	    int fflags, kauth_cred_t cred);
	int (*vop_poll)(struct vnode *vp, int events, struct selector *sel);
	/* Space for [pos, pos + len) of a regular file, which grows if need
	 * be; and a hole there instead. */
	int (*vop_fallocate)(
	    struct vnode *vp, off_t pos, off_t len, kauth_cred_t cred);
	int (*vop_fdiscard)(
	    struct vnode *vp, off_t pos, off_t len, kauth_cred_t cred);
	int (*vop_fsync)(
	    struct vnode *vp, kauth_cred_t cred, int flags, off_t lo, off_t hi);
	int (*vop_remove)(
	    struct vnode *dvp, struct vnode *vp, struct componentname *cnp);
	int (*vop_link)(
	    struct vnode *dvp, struct vnode *vp, struct componentname *cnp);
	/* tvp NULL: the target does not exist. */
	int (*vop_rename)(struct vnode *fdvp, struct vnode *fvp,
	    struct componentname *fcnp, struct vnode *tdvp, struct vnode *tvp,
	    struct componentname *tcnp);
	/* May the name of vp in dvp, where cred may write, be taken away?  Left
	 * out: who removes it finds out. */
	int (*vop_removable)(
	    struct vnode *dvp, struct vnode *vp, kauth_cred_t cred);
	/* Both names are there and change places.  Who has this never replaces
	 * a target that vop_rename is not told of. */
	int (*vop_exchange)(struct vnode *fdvp, struct vnode *fvp,
	    struct componentname *fcnp, struct vnode *tdvp, struct vnode *tvp,
	    struct componentname *tcnp);
	int (*vop_mkdir)(struct vnode *dvp, struct vnode **vpp,
	    struct componentname *cnp, struct vattr *va);
	int (*vop_rmdir)(
	    struct vnode *dvp, struct vnode *vp, struct componentname *cnp);
	int (*vop_symlink)(struct vnode *dvp, struct vnode **vpp,
	    struct componentname *cnp, struct vattr *va, const char *target);
	/*
	 * Fill uio (uio_offset is an opaque position, 0 the beginning) with
	 * whole struct rump_dirent records, d_reclen as the format says, and
	 * leave in uio_offset the position behind the last one.  cookies, when
	 * not NULL, gets up to *ncookies positions, one behind each record.
	 * EINVAL when not even one record fits.
	 */
	int (*vop_readdir)(struct vnode *vp, struct uio *uio, kauth_cred_t cred,
	    bool *eof, off_t *cookies, size_t *ncookies);
	/* Copy the name that directory vp has in dvp, terminated, to name
	 * (NAMEI_MAXNAME + 1 bytes); ENOENT when it is not there. */
	int (*vop_nameof)(struct vnode *dvp, struct vnode *vp, char *name);
	int (*vop_readlink)(
	    struct vnode *vp, struct uio *uio, kauth_cred_t cred);
	int (*vop_pathconf)(struct vnode *vp, int name, register_t *retval);
	/*
	 * Extended attributes; vfs/xattr.h has checked who asks.  Copy at most
	 * room bytes of the value, whose whole size is *size, or ENOATTR.  flags:
	 * XATTR_CREATE (EEXIST), XATTR_REPLACE (ENOATTR).  ENOSPC, also when the
	 * names would be more than XATTR_LIST_MAX bytes together.
	 */
	int (*vop_getxattr)(struct vnode *vp, const char *name, void *buf,
	    size_t room, size_t *size, kauth_cred_t cred);
	int (*vop_setxattr)(struct vnode *vp, const char *name,
	    const void *value, size_t size, int flags, kauth_cred_t cred);
	int (*vop_removexattr)(
	    struct vnode *vp, const char *name, kauth_cred_t cred);
	/* Tell fn of all names, in their order. */
	int (*vop_eachxattr)(
	    struct vnode *vp, xattr_name_fn *fn, void *arg, kauth_cred_t cred);
	int (*vop_inactive)(struct vnode *vp, bool *recycle);
	/* Free v_data; no reference is left. */
	int (*vop_reclaim)(struct vnode *vp);
	/* Page cache back end, see vfs/pagecache.h. */
	const struct pagecacheops *vop_cacheops;
};

/*
 * Return the vnode of (mp, key) with a reference, loading it through
 * mp's vfs_loadvnode if it is not in the cache.
 */
int vcache_get(
    struct mount *mp, const void *key, size_t keylen, struct vnode **vpp);
void vref(struct vnode *vp);
void vrele(struct vnode *vp);
/*
 * Take a reference if vp is not on its way out.  The caller knows that the
 * memory is a vnode (it holds a lock that cache_purge() needs).
 */
bool vref_try(struct vnode *vp);
/* vrele() for places that must not enter the file system: the last reference
 * is dropped by the next call that may. */
void vrele_deferred(struct vnode *vp);
/*
 * vp's last name has gone for good: it is reclaimed with its last reference,
 * also when that is on its way out already.  The caller has a reference.
 */
void vdoom(struct vnode *vp);
/* Reclaim vp even if referenced (forced unmount, stale handle); its users get
 * EIO from then on.  The caller has a reference. */
void vgone(struct vnode *vp);

/* Give mp's unreferenced vnodes back; EBUSY if others than except remain. */
int vcache_flush(struct mount *mp, struct vnode *except);
/* vgone() every vnode of mp; no others are made. */
void vcache_gone(struct mount *mp);
void vcache_init(void);

/* Mode check of access(2) on attributes: 0 or EACCES. */
int vaccess(enum vtype type, mode_t file_mode, uid_t uid, gid_t gid, int want,
    const struct kauth_cred *cred);

/* struct rump_stat from attributes. */
void vattr_to_stat(const struct vattr *va, struct rump_stat *st);
/* d_type / S_IFMT of a vnode type. */
uint8_t vtype_to_dt(enum vtype t);
mode_t vtype_to_mode(enum vtype t);
/* VNON for what is none. */
enum vtype vtype_from_mode(mode_t mode);

#endif /* !VFS_VNODE_H */
