/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/vfs/slowfs.h"

#include <stdatomic.h>
#include <string.h>

#include "kern/condvar.h"
#include "kern/file.h"
#include "kern/lwp.h"
#include "kern/uio.h"
#include "rump/rump.h"
#include "rump/rump_syscalls.h"
#include "rump/rumpdefs.h"
#include "vfs/mount.h"
#include "vfs/namei.h"
#include "vfs/pagecache.h"
#include "vfs/vnode.h"

#define ROOT 100

struct slowfs slowfs;

static kmutex_t lock; /* the queue */
static kcondvar_t cv;
static struct pcfill *queue[4096];
static unsigned nqueue;
static int numbers[SLOWFS_NFILES + ROOT + 1];

uint8_t
slowfs_byte(unsigned file, int64_t off, unsigned generation)
{
	return (uint8_t)((uint64_t)off * 7 + (uint64_t)off / 4096 * 13 +
			 (uint64_t)off / 65536 * 3 + file * 101 +
			 generation * 57);
}

void
slowfs_reset(void)
{
	slowfs.mode = SLOWFS_AT_ONCE;
	slowfs.size = 1 << 20;
	slowfs.readahead = 0;
	slowfs.error = 0;
	slowfs.interrupt = false;
	slowfs.starts = slowfs.flushes = 0;
	slowfs.started_to = 0;
}

static void
finish(struct pcfill *pf, int error)
{
	unsigned file = (unsigned)*(int *)pf->pf_vp->v_data;
	int64_t size = slowfs.size;
	size_t got = 0;

	for (; got < pf->pf_len && pf->pf_off + (off_t)got < size; got++)
		((uint8_t *)pf->pf_addr)[got] = slowfs_byte(
		    file, pf->pf_off + (off_t)got, slowfs.generation);
	pagecache_fill_done(pf, error != 0 ? 0 : got, error);
	mutex_enter(&lock);
	cv_broadcast(&cv);
	mutex_exit(&lock);
}

/* The n-th of the queue. */
static struct pcfill *
take(unsigned n)
{
	struct pcfill *pf = NULL;

	mutex_enter(&lock);
	if (n < nqueue) {
		pf = queue[n];
		memmove(&queue[n], &queue[n + 1],
		    (nqueue - n - 1) * sizeof(queue[0]));
		slowfs.queued = --nqueue;
	}
	mutex_exit(&lock);
	return pf;
}

bool
slowfs_finish(unsigned n, int error)
{
	struct pcfill *pf;

	rump_schedule();
	pf = take(n);
	if (pf != NULL)
		finish(pf, error);
	rump_unschedule();
	return pf != NULL;
}

static void
slow_start(struct pcfill *pf)
{
	int64_t end = pf->pf_off + (int64_t)pf->pf_len;

	slowfs.starts++;
	if (end > slowfs.started_to)
		slowfs.started_to = end;
	if (slowfs.mode == SLOWFS_AT_ONCE) {
		finish(pf, atomic_exchange(&slowfs.error, 0));
		return;
	}
	mutex_enter(&lock);
	queue[nqueue++] = pf;
	slowfs.queued = nqueue;
	mutex_exit(&lock);
}

static int
slow_wait(struct pcfill *pf)
{
	int error = 0;

	while (slowfs.mode == SLOWFS_WAITER) {
		struct pcfill *last = take(slowfs.queued - 1);

		if (last == NULL)
			break;
		finish(last, atomic_exchange(&slowfs.error, 0));
	}
	mutex_enter(&lock);
	while (error == 0 && !pf->pf_done) {
		if (slowfs.interrupt)
			error = ERESTART;
		else
			cv_wait(&cv, &lock);
	}
	mutex_exit(&lock);
	return error;
}

static void
slow_flush(struct vnode *vp)
{
	slowfs.flushes++;
}

static const struct pagecacheops cacheops = {
	.pc_start = slow_start,
	.pc_wait = slow_wait,
	.pc_flush = slow_flush,
};

static int
slow_lookup(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp)
{
	int file = cnp->cn_nameptr[0] - '0';

	if (cnp->cn_namelen != 1 || file < 0 || file >= SLOWFS_NFILES)
		return RUMP_ENOENT;
	if (cache_lookup(dvp, cnp, vpp))
		return 0;
	if (vcache_get(dvp->v_mount, &file, sizeof(file), vpp) != 0)
		return RUMP_EIO;
	cache_enter(dvp, *vpp, cnp);
	return 0;
}

static int
slow_access(struct vnode *vp, int mode, kauth_cred_t cred)
{
	return 0;
}

static int
slow_getattr(struct vnode *vp, struct vattr *va, kauth_cred_t cred)
{
	vattr_null(va);
	va->va_type = vp->v_type;
	va->va_mode = 0755;
	va->va_nlink = 1;
	va->va_uid = va->va_gid = 0;
	va->va_size = slowfs.size;
	va->va_flags = 0;
	va->va_fileid = (ino_t) * (int *)vp->v_data + 1;
	return 0;
}

static int
slow_read(struct vnode *vp, struct uio *uio, int ioflag, kauth_cred_t cred)
{
	return pagecache_read(vp, uio, slowfs.size, slowfs.readahead, cred);
}

static int
slow_reclaim(struct vnode *vp)
{
	pagecache_destroy(vp);
	return 0;
}

static const struct vnodeops slow_vnodeops = {
	.vop_lookup = slow_lookup,
	.vop_access = slow_access,
	.vop_getattr = slow_getattr,
	.vop_read = slow_read,
	.vop_reclaim = slow_reclaim,
	.vop_cacheops = &cacheops,
};

static int
slow_mount(struct mount *mp, const char *path, void *data, size_t *len)
{
	return 0;
}

static int
slow_mount_url(struct mount *mp, const char *url, char *text, size_t size)
{
	return 0;
}

static int
slow_unmount(struct mount *mp, int flags)
{
	return 0;
}

static int
slow_root(struct mount *mp, struct vnode **vpp)
{
	int root = ROOT;

	return vcache_get(mp, &root, sizeof(root), vpp);
}

static int
slow_loadvnode(
    struct mount *mp, struct vnode *vp, const void *key, size_t keylen)
{
	int file = *(const int *)key;

	numbers[file] = file;
	vp->v_op = &slow_vnodeops;
	vp->v_type = file == ROOT ? VDIR : VREG;
	vp->v_data = &numbers[file];
	return 0;
}

static struct vfsops slow_vfsops = {
	.vfs_name = "slowfs",
	.vfs_mount = slow_mount,
	.vfs_unmount = slow_unmount,
	.vfs_root = slow_root,
	.vfs_loadvnode = slow_loadvnode,
	.vfs_scheme = "slow",
	.vfs_mount_url = slow_mount_url,
};

int
slowfs_mount(const char *dir)
{
	static bool attached;

	if (!attached) {
		mutex_init(&lock, "slowfs");
		cv_init(&cv, "slowfs");
		vfs_attach(&slow_vfsops);
		attached = true;
	}
	slowfs_reset();
	if (rump_sys_mkdir(dir, 0755) != 0)
		return -1;
	return rump_sys_mount("slowfs", dir, 0, NULL, 0);
}

void
slowfs_invalidate(int fd, int64_t lo, int64_t hi)
{
	struct file *fp;

	rump_schedule();
	fp = fd_getfile(fd);
	pagecache_invalidate(fp->f_data, lo, hi);
	fd_putfile(fp);
	rump_unschedule();
}
