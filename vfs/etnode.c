/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vnodes of keys and of what lies in the host's directories.
 *
 * A vnode's key is the entry's id, what the host's file is, and the path from
 * the entry's file to it; so a file of the host that has become something else
 * is another vnode.  The host is asked at each lookup.
 *
 * Files are read and written at once, by a descriptor for each direction which
 * is opened when somebody first needs it and closed with the vnode.  There are
 * no pages: what the host does to the file is seen at once, too.
 */
#include <stdatomic.h>

#include "kern/file.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/mutex.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "rump/rumpuser.h"
#include "vfs/etfs.h"
#include "vfs/mount.h"
#include "vfs/vnode.h"

#define MODE 0755
#define CHUNK 65536
#define BLOCK 512

/* What is behind a vnode; EMPTY is a directory in which nothing is shown. */
enum kind { KIND_KEY, KIND_FILE, KIND_DIR, KIND_EMPTY };

struct vnodekey {
	uint64_t vk_id;
	uint32_t vk_kind;
	char vk_path[]; /* from the entry's file on; not terminated */
};

enum direction { IN, OUT, NDIRECTIONS };

struct etnode {
	struct etfs *en_etfs; /* i: reference */
	enum kind en_kind;    /* i */
	uint64_t en_fileid;   /* i */
	char *en_path;        /* i: owned; from the entry's file on */
	char *en_hostpath;    /* i: owned */
	kmutex_t en_lock;
	int en_fd[NDIRECTIONS]; /* en_lock to open: or -1 */
};

static struct mount *etmount;

/* --- names -------------------------------------------------------------- */

static int
vnode_get(uint64_t id, enum kind kind, const char *path, struct vnode **vpp)
{
	size_t len = strlen(path), size = sizeof(struct vnodekey) + len;
	struct vnodekey *vk = kmem_zalloc(size, KM_SLEEP);
	int error;

	vk->vk_id = id;
	vk->vk_kind = kind;
	memcpy(vk->vk_path, path, len);
	error = vcache_get(
	    etmount, vk, offsetof(struct vnodekey, vk_path) + len, vpp);
	kmem_free(vk, size);
	return error;
}

int
etnode_get(const struct etfs *ef, struct vnode **vpp)
{
	return vnode_get(ef->ef_id, KIND_KEY, "", vpp);
}

/* FNV-1a, 64 bits: the same for the same file, as long as the kernel runs. */
static uint64_t
fileid(uint64_t id, const char *path)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ id;

	for (; *path != '\0'; path++)
		hash = (hash ^ (uint8_t)*path) * UINT64_C(0x100000001b3);
	return hash | UINT64_C(1) << 63;
}

static enum vtype
node_type(const struct etnode *en)
{
	static const enum vtype types[] = {
		[RUMP_ETFS_REG] = VREG,
		[RUMP_ETFS_BLK] = VBLK,
		[RUMP_ETFS_CHR] = VCHR,
		[RUMP_ETFS_DIR] = VDIR,
		[RUMP_ETFS_DIR_SUBDIRS] = VDIR,
	};

	switch (en->en_kind) {
	case KIND_KEY:
		return types[en->en_etfs->ef_type];
	case KIND_FILE:
		return VREG;
	default:
		return VDIR;
	}
}

static bool
is_gone(const struct etnode *en)
{
	return atomic_load_explicit(
	    &en->en_etfs->ef_removed, memory_order_relaxed);
}

/* What a name in a directory of the host leads to. */
static int
entry_kind(const struct etnode *dir, const char *hostpath, enum kind *kind)
{
	int error, hosttype;

	error = rumpuser_getfileinfo(hostpath, NULL, &hosttype);
	if (error != 0)
		return error;
	if (hosttype == RUMPUSER_FT_REG)
		*kind = KIND_FILE;
	else if (hosttype != RUMPUSER_FT_DIR)
		return ENOENT;
	else if (dir->en_etfs->ef_type == RUMP_ETFS_DIR_SUBDIRS)
		*kind = KIND_DIR;
	else
		*kind = KIND_EMPTY;
	return 0;
}

static int
etnode_lookup(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp)
{
	const struct etnode *dir = dvp->v_data;
	char name[NAME_MAX + 2] = "/", *path, *hostpath;
	enum kind kind;
	int error;

	if (is_gone(dir))
		return EIO;
	if ((cnp->cn_flags & CN_ISDOTDOT) != 0)
		return EOPNOTSUPP;
	if (dir->en_kind == KIND_EMPTY)
		return ENOENT;
	if (cnp->cn_namelen > NAME_MAX)
		return ENAMETOOLONG;
	memcpy(name + 1, cnp->cn_nameptr, cnp->cn_namelen);
	name[cnp->cn_namelen + 1] = '\0';
	path = etfs_strdup(dir->en_path, name);
	hostpath = etfs_strdup(dir->en_hostpath, name);
	error = entry_kind(dir, hostpath, &kind);
	if (error == 0)
		error = vnode_get(dir->en_etfs->ef_id, kind, path, vpp);
	etfs_strfree(hostpath);
	etfs_strfree(path);
	return error;
}

/* "." and "..": the host cannot be asked for more. */
static void
make_record(const struct etnode *en, off_t pos, struct rump_dirent *d)
{
	memset(d, 0, sizeof(*d));
	d->d_fileno = en->en_fileid;
	d->d_namlen = (uint16_t)(pos + 1);
	memcpy(d->d_name, "..", d->d_namlen);
	d->d_type = vtype_to_dt(VDIR);
	d->d_reclen = (uint16_t)ROUNDUP(
	    offsetof(struct rump_dirent, d_name) + d->d_namlen + 1u, 8);
}

static int
etnode_readdir(struct vnode *vp, struct uio *uio, kauth_cred_t cred, bool *eof,
    off_t *cookies, size_t *ncookies)
{
	const off_t end = 2;
	size_t n = 0, most = ncookies != NULL ? *ncookies : SIZE_MAX;
	off_t pos = uio->uio_offset;
	struct rump_dirent d;
	int error;

	if (is_gone(vp->v_data))
		return EIO;
	if (pos < 0)
		return EINVAL;
	for (; pos < end && n < most; n++) {
		make_record(vp->v_data, pos, &d);
		if (d.d_reclen > uio->uio_resid)
			break;
		error = uiomove(&d, d.d_reclen, uio);
		if (error != 0)
			return error;
		pos++;
		if (cookies != NULL)
			cookies[n] = pos;
	}
	if (n == 0 && pos < end)
		return EINVAL;
	uio->uio_offset = pos;
	*eof = pos >= end;
	if (ncookies != NULL)
		*ncookies = n;
	return 0;
}

/* --- attributes --------------------------------------------------------- */

/* A key's file has the size that is known; another the host is asked for. */
static int
get_size(struct etnode *en, uint64_t *size)
{
	if (en->en_kind != KIND_FILE) {
		*size = atomic_load(&en->en_etfs->ef_size);
		return 0;
	}
	return rumpuser_getfileinfo(en->en_hostpath, size, NULL);
}

static int
etnode_getattr(struct vnode *vp, struct vattr *va, kauth_cred_t cred)
{
	struct etnode *en = vp->v_data;
	const struct etfs *ef = en->en_etfs;
	uint64_t size;
	int error;

	if (is_gone(en))
		return EIO;
	error = get_size(en, &size);
	if (error != 0)
		return error;
	memset(va, 0, sizeof(*va));
	va->va_type = vp->v_type;
	va->va_mode = MODE;
	va->va_nlink = vp->v_type == VDIR ? 2 : 1;
	va->va_fsid = vp->v_mount->mnt_fsid;
	va->va_fileid = en->en_fileid;
	va->va_size = (off_t)size;
	va->va_bytes = size;
	va->va_blocksize = CHUNK;
	va->va_rdev = etfs_isdev(ef) ? etblk_dev(ef->ef_blk) : 0;
	va->va_atime = va->va_mtime = va->va_ctime = va->va_birthtime =
	    ef->ef_time;
	return 0;
}

static bool
changes_owner_or_mode(const struct vattr *va)
{
	return va->va_mode != (mode_t)VNOVAL || va->va_uid != (uid_t)VNOVAL ||
	       va->va_gid != (gid_t)VNOVAL || va->va_flags != (uint32_t)VNOVAL;
}

static bool
changes_time(const struct vattr *va)
{
	return va->va_atime.tv_nsec != VNOVAL || va->va_mtime.tv_nsec != VNOVAL;
}

/* To be cut to the length that it has is nothing. */
static int
etnode_setattr(struct vnode *vp, struct vattr *va, kauth_cred_t cred)
{
	struct etnode *en = vp->v_data;
	uint64_t size;
	int error;

	if (is_gone(en))
		return EIO;
	if (changes_owner_or_mode(va) || changes_time(va))
		return EOPNOTSUPP;
	if (va->va_size == VNOVAL)
		return 0;
	if (vp->v_type == VDIR)
		return EISDIR;
	error = get_size(en, &size);
	if (error != 0)
		return error;
	return (uint64_t)va->va_size == size ? 0 : EOPNOTSUPP;
}

static int
etnode_access(struct vnode *vp, int mode, kauth_cred_t cred)
{
	return vaccess(vp->v_type, MODE, 0, 0, mode, cred);
}

/* --- data --------------------------------------------------------------- */

/* The descriptor for that direction, opened if it is not yet. */
static int
descriptor(struct etnode *en, enum direction dir, int *fd)
{
	int error = 0;

	if (is_gone(en))
		return EIO;
	mutex_enter(&en->en_lock);
	if (en->en_fd[dir] < 0)
		error = rumpuser_open(en->en_hostpath,
		    dir == IN ? RUMPUSER_OPEN_RDONLY : RUMPUSER_OPEN_WRONLY,
		    &en->en_fd[dir]);
	*fd = en->en_fd[dir];
	mutex_exit(&en->en_lock);
	return error;
}

static int
etnode_open(struct vnode *vp, int fflags, kauth_cred_t cred, struct file *fp)
{
	struct etnode *en = vp->v_data;
	int error = 0, fd;

	if (is_gone(en))
		return EIO;
	if (vp->v_type != VREG)
		return 0;
	if ((fflags & FREAD) != 0)
		error = descriptor(en, IN, &fd);
	if (error == 0 && (fflags & FWRITE) != 0)
		error = descriptor(en, OUT, &fd);
	return error;
}

/* How much of want, at pos, there is; a file in a directory ends where the host
 * says. */
static size_t
within(const struct etnode *en, off_t pos, size_t want)
{
	uint64_t size = atomic_load(&en->en_etfs->ef_size);

	if (en->en_kind == KIND_FILE)
		return want;
	if ((uint64_t)pos >= size)
		return 0;
	return (size_t)MIN(want, size - (uint64_t)pos);
}

static int
read_chunk(struct etnode *en, int fd, void *buf, struct uio *uio, bool *end)
{
	struct rumpuser_iovec iov = { buf, MIN(uio->uio_resid, CHUNK) };
	size_t got = 0;
	int error;

	iov.iov_len = within(en, uio->uio_offset, iov.iov_len);
	if (iov.iov_len != 0) {
		error = rumpuser_iovread(fd, &iov, 1,
		    (off_t)en->en_etfs->ef_begin + uio->uio_offset, &got);
		if (error != 0)
			return error;
	}
	*end = got == 0;
	return uiomove(buf, got, uio);
}

/* Can the bytes at pos be counted? */
static bool
is_position(const struct etnode *en, off_t pos, size_t len)
{
	const off_t most = INT64_MAX - (off_t)en->en_etfs->ef_begin;

	return pos >= 0 && pos <= most && len <= (size_t)(most - pos);
}

static int
etnode_read(struct vnode *vp, struct uio *uio, int ioflag, kauth_cred_t cred)
{
	struct etnode *en = vp->v_data;
	bool end = false;
	int error, fd;
	char *buf;

	if (!is_position(en, uio->uio_offset, uio->uio_resid))
		return EINVAL;
	error = descriptor(en, IN, &fd);
	if (error != 0 || uio->uio_resid == 0)
		return error;
	buf = kmem_alloc(CHUNK, KM_SLEEP);
	while (error == 0 && !end && uio->uio_resid > 0)
		error = read_chunk(en, fd, buf, uio, &end);
	kmem_free(buf, CHUNK);
	return error;
}

/* len bytes have been written at pos. */
static void
grow(struct etfs *ef, off_t pos, size_t len)
{
	uint64_t end = (uint64_t)pos + len, size = atomic_load(&ef->ef_size);

	while (end > size &&
	       !atomic_compare_exchange_weak(&ef->ef_size, &size, end))
		continue;
}

static int
write_chunk(struct etnode *en, int fd, char *buf, struct uio *uio)
{
	struct etfs *ef = en->en_etfs;
	bool fixed = en->en_kind == KIND_KEY && !ef->ef_openend;
	off_t pos = uio->uio_offset;
	size_t len = MIN(uio->uio_resid, CHUNK), done = 0, put;
	int error;

	if (fixed)
		len = within(en, pos, len);
	if (len == 0)
		return ENOSPC;
	error = uiomove(buf, len, uio);
	while (error == 0 && done < len) {
		struct rumpuser_iovec iov = { buf + done, len - done };

		error = rumpuser_iovwrite(
		    fd, &iov, 1, (off_t)ef->ef_begin + pos + (off_t)done, &put);
		if (error == 0)
			done += put;
	}
	if (en->en_kind == KIND_KEY)
		grow(ef, pos, done);
	/* What has not arrived has not moved. */
	uio->uio_resid += error != 0 ? len - done : 0;
	uio->uio_offset = pos + (off_t)done;
	return error;
}

static int
sync_fd(int fd)
{
	return rumpuser_syncfd(
	    fd, RUMPUSER_SYNCFD_WRITE | RUMPUSER_SYNCFD_SYNC, 0, 0);
}

static int
etnode_write(struct vnode *vp, struct uio *uio, int ioflag, kauth_cred_t cred)
{
	struct etnode *en = vp->v_data;
	uint64_t size;
	int error, fd;
	char *buf;

	error = descriptor(en, OUT, &fd);
	if (error == 0 && (ioflag & IO_APPEND) != 0) {
		error = get_size(en, &size);
		uio->uio_offset = (off_t)size;
	}
	if (error != 0 || uio->uio_resid == 0)
		return error;
	if (!is_position(en, uio->uio_offset, uio->uio_resid))
		return EFBIG;
	buf = kmem_alloc(CHUNK, KM_SLEEP);
	while (error == 0 && uio->uio_resid > 0)
		error = write_chunk(en, fd, buf, uio);
	kmem_free(buf, CHUNK);
	if (error == 0 && (ioflag & IO_SYNC) != 0)
		error = sync_fd(fd);
	return error;
}

static int
etnode_fsync(struct vnode *vp, kauth_cred_t cred, int flags, off_t lo, off_t hi)
{
	struct etnode *en = vp->v_data;
	int fd;

	if (etfs_isdev(en->en_etfs))
		return etblk_sync(en->en_etfs->ef_blk);
	mutex_enter(&en->en_lock);
	fd = en->en_fd[OUT];
	mutex_exit(&en->en_lock);
	return fd < 0 ? 0 : sync_fd(fd);
}

/* --- life --------------------------------------------------------------- */

static void
node_free(struct etnode *en)
{
	for (int i = 0; i < NDIRECTIONS; i++)
		if (en->en_fd[i] >= 0)
			(void)rumpuser_close(en->en_fd[i]);
	mutex_destroy(&en->en_lock);
	etfs_strfree(en->en_hostpath);
	etfs_strfree(en->en_path);
	etfs_unref(en->en_etfs);
	kmem_free(en, sizeof(*en));
}

/* Host files that nobody uses are not kept open. */
static int
etnode_inactive(struct vnode *vp, bool *recycle)
{
	*recycle = true;
	return 0;
}

static int
etnode_reclaim(struct vnode *vp)
{
	node_free(vp->v_data);
	vp->v_data = NULL;
	return 0;
}

static const struct vnodeops etnode_vnodeops = {
	.vop_lookup = etnode_lookup,
	.vop_open = etnode_open,
	.vop_access = etnode_access,
	.vop_getattr = etnode_getattr,
	.vop_setattr = etnode_setattr,
	.vop_read = etnode_read,
	.vop_write = etnode_write,
	.vop_fsync = etnode_fsync,
	.vop_readdir = etnode_readdir,
	.vop_inactive = etnode_inactive,
	.vop_reclaim = etnode_reclaim,
};

static int
etnode_load(struct mount *mp, struct vnode *vp, const void *key, size_t keylen)
{
	const struct vnodekey *vk = key;
	size_t len = keylen - offsetof(struct vnodekey, vk_path);
	struct etfs *ef = etfs_byid(vk->vk_id);
	struct etnode *en;
	char *path;

	if (ef == NULL)
		return ENOENT;
	path = kmem_alloc(len + 1, KM_SLEEP);
	memcpy(path, vk->vk_path, len);
	path[len] = '\0';
	en = kmem_zalloc(sizeof(*en), KM_SLEEP);
	en->en_etfs = ef;
	en->en_kind = (enum kind)vk->vk_kind;
	en->en_fileid = fileid(vk->vk_id, path);
	en->en_path = path;
	en->en_hostpath = etfs_strdup(ef->ef_hostpath, path);
	en->en_fd[IN] = en->en_fd[OUT] = -1;
	mutex_init(&en->en_lock, "etnode");
	vp->v_op = &etnode_vnodeops;
	vp->v_type = node_type(en);
	vp->v_data = en;
	return 0;
}

static int
etnode_unmount(struct mount *mp, int mntflags)
{
	return EBUSY;
}

static int
etnode_statvfs(struct mount *mp, struct rump_statvfs *sv)
{
	sv->f_bsize = sv->f_frsize = BLOCK;
	sv->f_iosize = CHUNK;
	return 0;
}

void
etnode_init(void)
{
	/* They pass for a part of the root file system. */
	static const struct vfsops vfsops = {
		.vfs_name = "rumpfs",
		.vfs_unmount = etnode_unmount,
		.vfs_statvfs = etnode_statvfs,
		.vfs_loadvnode = etnode_load,
	};

	etmount = mount_hidden(&vfsops, IMNT_NOMAP);
}
