/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's FIFO must be the same for all who open a node while one of them
 * has it open, which is not to be seen from here.  So it stays from the first
 * open until the node has lost its last name, or the file system is unmounted;
 * vnodes come and go meanwhile, and it is known by mount and key.
 */
#include "vfs/fifo.h"

#include "kern/condvar.h"
#include "kern/file.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/mutex.h"
#include "kern/netbsd.h"
#include "kern/queue.h"
#include "vfs/mount.h"
#include "vfs/nodekey.h"
#include "vfs/user.h"
#include "vfs/vnfile.h"
#include "vfs/vop.h"

#define MAXFIFOS 1024 /* each has a descriptor of the host */

struct fifo {
	struct list fi_list; /* fifo_lock */
	unsigned fi_refs;    /* fifo_lock: open files, and one for the list */
	unsigned fi_looking; /* fifo_lock: calls of find_node() */
	int fi_hostfd;       /* i: owned */
	uint64_t fi_dev;     /* i: as fstat(2) shows them */
	uint64_t fi_ino;     /* i */
	struct nodekey fi_key;
};

static kmutex_t fifo_lock;
static kcondvar_t fifo_looked;                      /* a fi_looking is 0 */
static struct list fifos = LIST_INITIALIZER(fifos); /* fifo_lock */
static unsigned nfifos;                             /* fifo_lock */

static struct fifo *
find_locked(const struct vnode *vp)
{
	struct list *n;

	KASSERT(mutex_owned(&fifo_lock));
	LIST_FOREACH (n, &fifos) {
		struct fifo *fi = LIST_ENTRY(n, struct fifo, fi_list);

		if (nodekey_is(&fi->fi_key, vp))
			return fi;
	}
	return NULL;
}

static int
fifo_create(struct vnode *vp, struct fifo **fip)
{
	struct fifo *fi = kmem_zalloc(sizeof(*fi) + vp->v_keylen, KM_SLEEP);
	struct rump_stat st;
	int error;

	error = vn_getstat(vp, &st, curlwp->l_cred);
	if (error == 0)
		error = rumpcomp_vfs_fifo(st.st_dev, st.st_ino, &fi->fi_hostfd);
	if (error != 0) {
		kmem_free(fi, sizeof(*fi) + vp->v_keylen);
		return error;
	}
	fi->fi_dev = st.st_dev;
	fi->fi_ino = st.st_ino;
	nodekey_set(&fi->fi_key, vp);
	list_init(&fi->fi_list);
	*fip = fi;
	return 0;
}

static void
fifo_destroy(struct fifo *fi)
{
	rumpcomp_vfs_close(fi->fi_hostfd);
	kmem_free(fi, sizeof(*fi) + fi->fi_key.nk_keylen);
}

/* Give up a reference; what is to be destroyed, or NULL. */
static struct fifo *
unref_locked(struct fifo *fi)
{
	KASSERT(mutex_owned(&fifo_lock));
	KASSERT(fi->fi_refs > 0);
	if (--fi->fi_refs > 0)
		return NULL;
	nfifos--;
	return fi;
}

/* Enter fresh unless somebody was quicker; the one on the list. */
static int
enter_locked(const struct vnode *vp, struct fifo *fresh, struct fifo **fip)
{
	struct fifo *fi = find_locked(vp);

	if (fi == NULL) {
		if (nfifos >= MAXFIFOS)
			return ENFILE;
		nfifos++;
		fi = fresh;
		fi->fi_refs = 1;
		list_insert_head(&fifos, &fi->fi_list);
	}
	*fip = fi;
	return 0;
}

static int
fifo_get(struct vnode *vp, struct fifo **fip)
{
	struct fifo *fi, *fresh = NULL;
	int error = 0;

	mutex_enter(&fifo_lock);
	fi = find_locked(vp);
	if (fi == NULL) {
		mutex_exit(&fifo_lock);
		error = fifo_create(vp, &fresh);
		if (error != 0)
			return error;
		mutex_enter(&fifo_lock);
		error = enter_locked(vp, fresh, &fi);
	}
	if (error == 0) {
		fi->fi_refs++;
		*fip = fi;
	}
	mutex_exit(&fifo_lock);
	if (fresh != NULL && (error != 0 || fi != fresh))
		fifo_destroy(fresh);
	return error;
}

static void
fifo_put(struct fifo *fi)
{
	mutex_enter(&fifo_lock);
	fi = unref_locked(fi);
	mutex_exit(&fifo_lock);
	if (fi != NULL)
		fifo_destroy(fi);
}

int
fifo_open(struct vnode *vp, int fflags, struct file *fp)
{
	struct fifo *fi;
	int error;

	if ((fflags & O_ALT_IO) == 0)
		return EOPNOTSUPP;
	error = VOP_ACCESS(vp, R_OK | W_OK, curlwp->l_cred);
	if (error != 0)
		return error == EACCES ? EOPNOTSUPP : error;
	error = fifo_get(vp, &fi);
	if (error != 0)
		return error;
	/* Its last name may have gone while this was on its way. */
	fifo_removed(vp);
	fp->f_fsdata = fi;
	return 0;
}

void
fifo_removed(struct vnode *vp)
{
	struct vattr va;
	struct fifo *fi;

	if (vp->v_type != VFIFO ||
	    (VOP_GETATTR(vp, &va, curlwp->l_cred) == 0 && va.va_nlink > 0))
		return;
	mutex_enter(&fifo_lock);
	fi = find_locked(vp);
	if (fi != NULL) {
		list_remove(&fi->fi_list);
		/* The node is there as long as the caller has vp. */
		while (fi->fi_looking > 0)
			cv_wait(&fifo_looked, &fifo_lock);
		fi = unref_locked(fi);
	}
	mutex_exit(&fifo_lock);
	if (fi != NULL)
		fifo_destroy(fi);
}

void
fifo_unmounted(const struct mount *mp)
{
	struct list *n, *next, gone = LIST_INITIALIZER(gone);

	mutex_enter(&fifo_lock);
	LIST_FOREACH_SAFE(n, next, &fifos)
	{
		struct fifo *fi = LIST_ENTRY(n, struct fifo, fi_list);

		if (fi->fi_key.nk_mount != mp)
			continue;
		list_remove(n);
		if (unref_locked(fi) != NULL)
			list_insert_head(&gone, n);
	}
	mutex_exit(&fifo_lock);
	LIST_FOREACH_SAFE(n, next, &gone)
	fifo_destroy(LIST_ENTRY(n, struct fifo, fi_list));
}

void
fifo_init(void)
{
	mutex_init(&fifo_lock, "fifo");
	cv_init(&fifo_looked, "fifo");
}

/* --- files ------------------------------------------------------------- */

static int
fifo_hostfd(struct file *fp, int *fd)
{
	const struct fifo *fi = fp->f_fsdata;

	*fd = fi->fi_hostfd;
	return 0;
}

static int
fifo_close(struct file *fp)
{
	fifo_put(fp->f_fsdata);
	return vn_closefile(fp);
}

/* Hexadecimal digits up to end. */
static int
scan_number(const char **at, char end, uint64_t *number)
{
	const char *p;
	uint64_t n = 0;

	for (p = *at; *p != end; p++) {
		if (n >> 60 != 0)
			return EINVAL;
		if (*p >= '0' && *p <= '9')
			n = n << 4 | (uint64_t)(*p - '0');
		else if (*p >= 'a' && *p <= 'f')
			n = n << 4 | (uint64_t)(*p - 'a' + 10);
		else
			return EINVAL;
	}
	*at = p + 1;
	*number = n;
	return 0;
}

/* With references to the FIFO and its mount, and fi_looking. */
static struct fifo *
look_begin(uint64_t dev, uint64_t ino, struct mount **mpp)
{
	struct list *n;

	mutex_enter(&fifo_lock);
	LIST_FOREACH (n, &fifos) {
		struct fifo *fi = LIST_ENTRY(n, struct fifo, fi_list);

		if (fi->fi_dev != dev || fi->fi_ino != ino)
			continue;
		fi->fi_refs++;
		fi->fi_looking++;
		*mpp = fi->fi_key.nk_mount;
		mount_ref(*mpp);
		mutex_exit(&fifo_lock);
		return fi;
	}
	mutex_exit(&fifo_lock);
	return NULL;
}

static int
find_node(uint64_t dev, uint64_t ino, struct vnode **vpp)
{
	struct mount *mp;
	struct fifo *fi = look_begin(dev, ino, &mp);
	int error;

	if (fi == NULL)
		return ENOENT;
	error = vcache_get(mp, fi->fi_key.nk_key, fi->fi_key.nk_keylen, vpp);
	mutex_enter(&fifo_lock);
	if (--fi->fi_looking == 0)
		cv_broadcast(&fifo_looked);
	mutex_exit(&fifo_lock);
	mount_unref(mp);
	fifo_put(fi);
	return error;
}

static const struct fileops anew_fileops = {
	.fo_name = "fifo",
	.fo_stat = vn_stat,
	.fo_close = vn_closefile,
};

int
fifo_openanew(const char *name, struct file *fp)
{
	struct vnode *vp;
	uint64_t dev, ino;
	int error;

	error = scan_number(&name, '.', &dev);
	if (error == 0)
		error = scan_number(&name, '\0', &ino);
	if (error == 0)
		error = find_node(dev, ino, &vp);
	if (error != 0)
		return error;
	fp->f_type = DTYPE_VNODE;
	fp->f_ops = &anew_fileops;
	fp->f_data = vp;
	return 0;
}

const struct fileops fifo_fileops = {
	.fo_name = "fifo",
	.fo_fcntl = vn_fcntl,
	.fo_stat = vn_stat,
	.fo_close = fifo_close,
	.fo_fpathconf = vn_fpathconf,
	.fo_flock = vn_flock,
	.fo_fdclose = vn_fdclose,
	.fo_hostfd = fifo_hostfd,
};
