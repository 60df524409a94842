/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/vfs/servfs.h"

#include <stdatomic.h>
#include <string.h>

#include "kern/condvar.h"
#include "kern/file.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/uio.h"
#include "rump/rump.h"
#include "rump/rump_syscalls.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "vfs/mount.h"
#include "vfs/pagecache.h"
#include "vfs/pcmap.h"
#include "vfs/vnode.h"

#define ROOT 100

struct servfs servfs;

struct image {
	uint8_t im_bytes[SERVFS_SIZE];
	int64_t im_size;
};

struct servfile {
	int sf_number;
	kmutex_t sf_write;       /* one writer at a time; truncation, too */
	_Atomic int64_t sf_size; /* as the client sees it */
	struct image sf_data;    /* lock: the server's present contents */
	struct image sf_disk;    /* lock: and what survives a restart */
};

static struct servfile files[SERVFS_NFILES];
static int rootnumber = ROOT;
static kmutex_t lock;        /* the server */
static kcondvar_t read_done; /* lock */
static kcondvar_t cv;
static struct pcwrite *queue[4096];
static unsigned nqueue;
static uint64_t verifier = 1;

static struct servfile *
file_of(const struct vnode *vp)
{
	return &files[*(int *)vp->v_data];
}

void
servfs_reset(void)
{
	servfs.mode = SERVFS_AT_ONCE;
	servfs.wsize = 65536;
	servfs.space = SERVFS_SIZE;
	servfs.unreadable = servfs.interrupt = false;
	servfs.honest = true;
	servfs.write_error = servfs.commit_error = servfs.restart_in = 0;
	servfs.reads = servfs.writes = servfs.stable = servfs.commits = 0;
	servfs.longest = 0;
	for (int i = 0; i < SERVFS_NFILES; i++) {
		memset(&files[i].sf_data, 0, sizeof(files[i].sf_data));
		memset(&files[i].sf_disk, 0, sizeof(files[i].sf_disk));
		files[i].sf_size = 0;
	}
}

static void
restart_locked(void)
{
	verifier++;
	for (int i = 0; i < SERVFS_NFILES; i++)
		files[i].sf_data = files[i].sf_disk;
}

void
servfs_restart(void)
{
	rump_schedule();
	mutex_enter(&lock);
	restart_locked();
	mutex_exit(&lock);
	rump_unschedule();
}

const uint8_t *
servfs_data(int file, int64_t *size)
{
	*size = files[file].sf_data.im_size;
	return files[file].sf_data.im_bytes;
}

const uint8_t *
servfs_disk(int file, int64_t *size)
{
	*size = files[file].sf_disk.im_size;
	return files[file].sf_disk.im_bytes;
}

static void
image_put(struct image *im, int64_t off, const void *data, size_t len)
{
	memcpy(im->im_bytes + off, data, len);
	if (off + (int64_t)len > im->im_size)
		im->im_size = off + (int64_t)len;
}

void
servfs_poke(int file, int64_t off, const void *data, size_t len)
{
	image_put(&files[file].sf_data, off, data, len);
	image_put(&files[file].sf_disk, off, data, len);
	if (files[file].sf_data.im_size > files[file].sf_size)
		files[file].sf_size = files[file].sf_data.im_size;
}

/* The server carries out a write.  Results for pagecache_write_done(). */
static int
serve(const struct pcwrite *pw, bool *committed, uint64_t *verf)
{
	struct servfile *sf = file_of(pw->pw_vp);
	int64_t off = pw->pw_off;
	int error;

	error = atomic_exchange(&servfs.write_error, 0);
	if (error == 0 && off + (int64_t)pw->pw_len > servfs.space)
		error = RUMP_ENOSPC;
	if (error != 0)
		return error;
	*committed = pw->pw_stable && servfs.honest;
	for (int i = 0; i < pw->pw_niov; i++) {
		const struct rump_iovec *iov = &pw->pw_iov[i];

		image_put(&sf->sf_data, off, iov->iov_base, iov->iov_len);
		if (*committed)
			image_put(
			    &sf->sf_disk, off, iov->iov_base, iov->iov_len);
		off += (int64_t)iov->iov_len;
	}
	*verf = verifier;
	if (servfs.restart_in > 0 && --servfs.restart_in == 0)
		restart_locked();
	return 0;
}

static void
finish(struct pcwrite *pw, int error)
{
	bool committed = false;
	uint64_t verf = 0;

	mutex_enter(&lock);
	if (error == 0)
		error = serve(pw, &committed, &verf);
	mutex_exit(&lock);
	pagecache_write_done(pw, error, committed, verf);
	mutex_enter(&lock);
	cv_broadcast(&cv);
	mutex_exit(&lock);
}

static struct pcwrite *
take(unsigned n)
{
	struct pcwrite *pw = NULL;

	mutex_enter(&lock);
	if (n < nqueue) {
		pw = queue[n];
		memmove(&queue[n], &queue[n + 1],
		    (nqueue - n - 1) * sizeof(queue[0]));
		servfs.queued = --nqueue;
	}
	mutex_exit(&lock);
	return pw;
}

bool
servfs_finish(unsigned n, int error)
{
	struct pcwrite *pw;

	rump_schedule();
	pw = take(n);
	if (pw != NULL)
		finish(pw, error);
	rump_unschedule();
	return pw != NULL;
}

static size_t
serv_wsize(struct vnode *vp)
{
	return servfs.wsize;
}

static void
serv_write(struct pcwrite *pw)
{
	size_t len = 0;

	for (int i = 0; i < pw->pw_niov; i++)
		len += pw->pw_iov[i].iov_len;
	KASSERT(len == pw->pw_len && len > 0);
	servfs.writes++;
	servfs.stable += pw->pw_stable;
	if (len > servfs.longest)
		servfs.longest = len;
	if (servfs.mode == SERVFS_AT_ONCE) {
		finish(pw, 0);
		return;
	}
	mutex_enter(&lock);
	queue[nqueue++] = pw;
	servfs.queued = nqueue;
	mutex_exit(&lock);
}

static int
serv_wait_write(struct pcwrite *pw)
{
	int error = 0;

	while (servfs.mode == SERVFS_WAITER) {
		struct pcwrite *last = take(servfs.queued - 1);

		if (last == NULL)
			break;
		finish(last, 0);
	}
	mutex_enter(&lock);
	while (error == 0 && !pw->pw_done) {
		if (servfs.interrupt)
			error = RUMP_ERESTART;
		else
			cv_wait(&cv, &lock);
	}
	mutex_exit(&lock);
	return error;
}

static int
serv_commit(
    struct vnode *vp, off_t lo, off_t hi, kauth_cred_t cred, uint64_t *verf)
{
	struct servfile *sf = file_of(vp);
	int error;

	servfs.commits++;
	error = atomic_exchange(&servfs.commit_error, 0);
	if (error != 0)
		return error;
	mutex_enter(&lock);
	if (hi == 0 || hi > sf->sf_data.im_size)
		hi = sf->sf_data.im_size;
	if (hi > lo)
		image_put(&sf->sf_disk, lo, sf->sf_data.im_bytes + lo,
		    (size_t)(hi - lo));
	*verf = verifier;
	mutex_exit(&lock);
	return 0;
}

/* Reads end at once. */
static void
serv_start(struct pcfill *pf)
{
	struct servfile *sf = file_of(pf->pf_vp);
	size_t got = 0;
	int error = servfs.unreadable ? RUMP_EACCES : 0;

	servfs.reads++;
	mutex_enter(&lock);
	if (error == 0 && pf->pf_off < sf->sf_data.im_size) {
		got = (size_t)(sf->sf_data.im_size - pf->pf_off);
		got = got < pf->pf_len ? got : pf->pf_len;
		memcpy(pf->pf_addr, sf->sf_data.im_bytes + pf->pf_off, got);
	}
	mutex_exit(&lock);
	pagecache_fill_done(pf, got, error);
	mutex_enter(&lock);
	cv_broadcast(&read_done);
	mutex_exit(&lock);
}

/* Another thread may still be in serv_start(). */
static int
serv_wait(struct pcfill *pf)
{
	mutex_enter(&lock);
	while (!pf->pf_done)
		cv_wait(&read_done, &lock);
	mutex_exit(&lock);
	return 0;
}

static const struct pagecacheops cacheops = {
	.pc_start = serv_start,
	.pc_wait = serv_wait,
	.pc_wsize = serv_wsize,
	.pc_write = serv_write,
	.pc_wait_write = serv_wait_write,
	.pc_commit = serv_commit,
};

static int
serv_lookup(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp)
{
	int file = cnp->cn_nameptr[0] - '0';

	if (cnp->cn_namelen != 1 || file < 0 || file >= SERVFS_NFILES)
		return RUMP_ENOENT;
	return vcache_get(dvp->v_mount, &file, sizeof(file), vpp);
}

static int
serv_access(struct vnode *vp, int mode, kauth_cred_t cred)
{
	return 0;
}

static int
serv_getattr(struct vnode *vp, struct vattr *va, kauth_cred_t cred)
{
	int number = *(int *)vp->v_data;

	vattr_null(va);
	va->va_type = vp->v_type;
	va->va_mode = 0755;
	va->va_nlink = 1;
	va->va_uid = va->va_gid = 0;
	va->va_size = number == ROOT ? 0 : (off_t)files[number].sf_size;
	va->va_flags = 0;
	va->va_fileid = (ino_t)number + 1;
	return 0;
}

static int
truncate_locked(struct vnode *vp, off_t size)
{
	struct servfile *sf = file_of(vp);
	int error;

	error = pagecache_sync(vp, 0, 0, PCS_WAIT);
	if (error == 0)
		error = pagecache_truncate(vp, size);
	if (error != 0)
		return error;
	mutex_enter(&lock);
	for (int i = 0; i < 2; i++) {
		struct image *im = i == 0 ? &sf->sf_data : &sf->sf_disk;

		if (size < im->im_size)
			memset(im->im_bytes + size, 0,
			    (size_t)(im->im_size - size));
		im->im_size = size;
	}
	mutex_exit(&lock);
	sf->sf_size = size;
	return pagecache_truncate(vp, size);
}

static int
serv_setattr(struct vnode *vp, struct vattr *va, kauth_cred_t cred)
{
	struct servfile *sf = file_of(vp);
	int error;

	if (va->va_size == VNOVAL)
		return 0;
	if (va->va_size > SERVFS_SIZE)
		return RUMP_EFBIG;
	mutex_enter(&sf->sf_write);
	error = truncate_locked(vp, va->va_size);
	mutex_exit(&sf->sf_write);
	return error;
}

static int
serv_read(struct vnode *vp, struct uio *uio, int ioflag, kauth_cred_t cred)
{
	return pagecache_read(vp, uio, file_of(vp)->sf_size, 0, cred);
}

static int
serv_vwrite(struct vnode *vp, struct uio *uio, int ioflag, kauth_cred_t cred)
{
	struct servfile *sf = file_of(vp);
	off_t size, start;
	int error;

	mutex_enter(&sf->sf_write);
	size = sf->sf_size;
	if ((ioflag & IO_APPEND) != 0)
		uio->uio_offset = size;
	start = uio->uio_offset;
	if (start + (off_t)uio->uio_resid > SERVFS_SIZE) {
		mutex_exit(&sf->sf_write);
		return RUMP_EFBIG;
	}
	error = pagecache_write_behind(vp, uio, size, cred);
	if (uio->uio_offset > size && uio->uio_offset > start)
		sf->sf_size = uio->uio_offset;
	mutex_exit(&sf->sf_write);
	if (error == 0 && (ioflag & IO_SYNC) != 0)
		error = pagecache_sync(vp, start, uio->uio_offset, PCS_WAIT);
	return error;
}

static int
serv_fsync(struct vnode *vp, kauth_cred_t cred, int flags, off_t lo, off_t hi)
{
	return pagecache_sync(vp, lo, hi, PCS_WAIT);
}

static int
serv_close(struct vnode *vp, int fflags, kauth_cred_t cred, struct file *fp)
{
	if ((fflags & FWRITE) == 0)
		return 0;
	return pagecache_sync(vp, 0, 0, PCS_WAIT);
}

static int
serv_reclaim(struct vnode *vp)
{
	pagecache_destroy(vp);
	return 0;
}

static const struct vnodeops serv_vnodeops = {
	.vop_lookup = serv_lookup,
	.vop_access = serv_access,
	.vop_getattr = serv_getattr,
	.vop_setattr = serv_setattr,
	.vop_read = serv_read,
	.vop_write = serv_vwrite,
	.vop_fsync = serv_fsync,
	.vop_close = serv_close,
	.vop_reclaim = serv_reclaim,
	.vop_cacheops = &cacheops,
};

static int
serv_mount(struct mount *mp, const char *path, void *data, size_t *len)
{
	return 0;
}

static int
serv_unmount(struct mount *mp, int flags)
{
	return 0;
}

static int
serv_root(struct mount *mp, struct vnode **vpp)
{
	return vcache_get(mp, &rootnumber, sizeof(rootnumber), vpp);
}

static int
serv_loadvnode(
    struct mount *mp, struct vnode *vp, const void *key, size_t keylen)
{
	int file = *(const int *)key;

	vp->v_op = &serv_vnodeops;
	vp->v_type = file == ROOT ? VDIR : VREG;
	vp->v_data = file == ROOT ? &rootnumber : &files[file].sf_number;
	return 0;
}

static struct vfsops serv_vfsops = {
	.vfs_name = "servfs",
	.vfs_mount = serv_mount,
	.vfs_unmount = serv_unmount,
	.vfs_root = serv_root,
	.vfs_loadvnode = serv_loadvnode,
};

int
servfs_mount(const char *dir)
{
	static bool attached;

	if (!attached) {
		mutex_init(&lock, "servfs");
		cv_init(&read_done, "servread");
		cv_init(&cv, "servfs");
		for (int i = 0; i < SERVFS_NFILES; i++) {
			files[i].sf_number = i;
			mutex_init(&files[i].sf_write, "servfs write");
		}
		vfs_attach(&serv_vfsops);
		attached = true;
	}
	servfs_reset();
	if (rump_sys_mkdir(dir, 0755) != 0)
		return -1;
	return rump_sys_mount("servfs", dir, 0, NULL, 0);
}

void
servfs_invalidate(int fd, int64_t lo, int64_t hi)
{
	struct file *fp;

	rump_schedule();
	fp = fd_getfile(fd);
	pagecache_invalidate(fp->f_data, lo, hi);
	fd_putfile(fp);
	rump_unschedule();
}

bool
servfs_unsaved(int fd)
{
	struct file *fp;
	bool unsaved;

	rump_schedule();
	fp = fd_getfile(fd);
	unsaved = pagecache_unsaved(fp->f_data);
	fd_putfile(fp);
	rump_unschedule();
	return unsaved;
}

int
servfs_map_dirty(int fd, int64_t lo, int64_t hi)
{
	struct file *fp;
	int error;

	rump_schedule();
	fp = fd_getfile(fd);
	error = pagecache_map_dirty(fp->f_data, lo, hi, INT64_MAX / 4);
	fd_putfile(fp);
	rump_unschedule();
	return error;
}
