/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cw_lock protects the two pointers; a reader leaves with a reference.  The
 * structure itself is made at the first change, or when another process is to
 * share it, and lives as long as the processes that do.  p_lock keeps a process's
 * reference to it while it is used.
 */
#include "vfs/cwd.h"

#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/mutex.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "rump/rump.h"
#include "rump/rumpabi.h"
#include "rump/rumphost.h"
#include "vfs/mount.h"
#include "vfs/namei.h"
#include "vfs/vop.h"

struct cwdinfo {
	kmutex_t cw_lock;
	unsigned cw_refs;      /* cw_lock: processes */
	struct vnode *cw_cdir; /* cw_lock: reference */
	struct vnode *cw_rdir; /* cw_lock: reference */
};

static struct cwdinfo *
cwdinfo_create(struct vnode *cdir, struct vnode *rdir)
{
	struct cwdinfo *cw = kmem_alloc(sizeof(*cw), KM_SLEEP);

	mutex_init(&cw->cw_lock, "cwd");
	vref(cdir);
	vref(rdir);
	cw->cw_refs = 1;
	cw->cw_cdir = cdir;
	cw->cw_rdir = rdir;
	return cw;
}

static void
cwdinfo_release(struct cwdinfo *cw)
{
	bool last;

	mutex_enter(&cw->cw_lock);
	last = --cw->cw_refs == 0;
	mutex_exit(&cw->cw_lock);
	if (!last)
		return;
	vrele(cw->cw_cdir);
	vrele(cw->cw_rdir);
	mutex_destroy(&cw->cw_lock);
	kmem_free(cw, sizeof(*cw));
}

/* With p_lock and, unless NULL, its cw_lock held. */
static struct cwdinfo *
cwdinfo_enter(struct proc *p)
{
	struct cwdinfo *cw;

	mutex_enter(&p->p_lock);
	cw = p->p_cwdi;
	if (cw != NULL)
		mutex_enter(&cw->cw_lock);
	return cw;
}

static void
cwdinfo_exit(struct proc *p, struct cwdinfo *cw)
{
	if (cw != NULL)
		mutex_exit(&cw->cw_lock);
	mutex_exit(&p->p_lock);
}

static bool
has_cwdinfo(const struct proc *p)
{
	return __atomic_load_n(&p->p_cwdi, __ATOMIC_RELAXED) != NULL;
}

static void
set_cwdinfo(struct proc *p, struct cwdinfo *cw)
{
	__atomic_store_n(&p->p_cwdi, cw, __ATOMIC_RELAXED);
}

/* From now on p has one. */
static void
cwdinfo_make(struct proc *p)
{
	struct cwdinfo *fresh;

	if (has_cwdinfo(p))
		return;
	fresh = cwdinfo_create(rootvnode, rootvnode);
	mutex_enter(&p->p_lock);
	if (p->p_cwdi == NULL) {
		set_cwdinfo(p, fresh);
		fresh = NULL;
	}
	mutex_exit(&p->p_lock);
	if (fresh != NULL)
		cwdinfo_release(fresh);
}

static struct vnode *
get(size_t member)
{
	struct proc *p = curproc;
	struct vnode *vp = rootvnode;
	struct cwdinfo *cw;

	if (!has_cwdinfo(p)) {
		vref(vp);
		return vp;
	}
	cw = cwdinfo_enter(p);
	vp = *(struct vnode **)((char *)cw + member);
	vref(vp);
	cwdinfo_exit(p, cw);
	return vp;
}

static void
set(size_t member, struct vnode *vp)
{
	struct proc *p = curproc;
	struct vnode **slot, *old;
	struct cwdinfo *cw;

	cwdinfo_make(p);
	cw = cwdinfo_enter(p);
	slot = (struct vnode **)((char *)cw + member);
	old = *slot;
	*slot = vp;
	cwdinfo_exit(p, cw);
	vrele(old);
}

struct vnode *
cwd_get(void)
{
	return get(offsetof(struct cwdinfo, cw_cdir));
}

struct vnode *
cwd_root(void)
{
	return get(offsetof(struct cwdinfo, cw_rdir));
}

void
cwd_set(struct vnode *vp)
{
	set(offsetof(struct cwdinfo, cw_cdir), vp);
}

void
cwd_set_root(struct vnode *vp)
{
	set(offsetof(struct cwdinfo, cw_rdir), vp);
}

bool
cwd_is_shared(void)
{
	struct proc *p = curproc;
	struct cwdinfo *cw = cwdinfo_enter(p);
	bool shared = cw != NULL && cw->cw_refs > 1;

	cwdinfo_exit(p, cw);
	return shared;
}

/* A copy of what p has, which has something. */
static struct cwdinfo *
cwdinfo_copy(struct proc *p)
{
	struct cwdinfo *copy = cwdinfo_create(rootvnode, rootvnode), *cw;

	cw = cwdinfo_enter(p);
	vref(cw->cw_cdir);
	vref(cw->cw_rdir);
	copy->cw_cdir = cw->cw_cdir;
	copy->cw_rdir = cw->cw_rdir;
	cwdinfo_exit(p, cw);
	vrele(rootvnode);
	vrele(rootvnode);
	return copy;
}

static struct cwdinfo *
cwdinfo_share(struct proc *p)
{
	struct cwdinfo *cw;

	cwdinfo_make(p);
	cw = cwdinfo_enter(p);
	cw->cw_refs++;
	cwdinfo_exit(p, cw);
	return cw;
}

static void
cwd_fork(struct proc *parent, struct proc *child, int flags)
{
	if ((flags & RUMP_RFCWD_SHARE) != 0)
		child->p_cwdi = cwdinfo_share(parent);
	else if (has_cwdinfo(parent))
		child->p_cwdi = cwdinfo_copy(parent);
}

static void
cwd_exit(struct proc *p)
{
	struct cwdinfo *cw = p->p_cwdi;

	if (cw == NULL)
		return;
	set_cwdinfo(p, NULL);
	cwdinfo_release(cw);
}

static bool
is_local(const struct vnode *vp)
{
	return (vp->v_mount->mnt_flag & MNT_LOCAL) != 0;
}

/* The last reference to a file of another machine may have something to say
 * there. */
static bool
cwd_lingers(struct proc *p)
{
	struct cwdinfo *cw = cwdinfo_enter(p);
	bool lingers =
	    cw != NULL && !(is_local(cw->cw_cdir) && is_local(cw->cw_rdir));

	cwdinfo_exit(p, cw);
	return lingers;
}

void
rump_cwd_unshare(void)
{
	struct cwdinfo *copy, *old;
	struct proc *p;

	rump_schedule();
	p = curproc;
	if (cwd_is_shared()) {
		copy = cwdinfo_copy(p);
		mutex_enter(&p->p_lock);
		old = p->p_cwdi;
		set_cwdinfo(p, copy);
		mutex_exit(&p->p_lock);
		cwdinfo_release(old);
	}
	rump_unschedule();
}

void
cwd_init(void)
{
	static struct prochook hook = {
		.ph_fork = cwd_fork,
		.ph_exit = cwd_exit,
		.ph_lingers = cwd_lingers,
	};

	prochook_attach(&hook);
}

#define DIRBUF 4096

static bool
is_dots(const char *name, size_t len)
{
	return (len == 1 && name[0] == '.') ||
	       (len == 2 && name[0] == '.' && name[1] == '.');
}

/* Among n bytes of records the name of fileno. */
static bool
find_fileno(const char *buf, size_t n, ino_t fileno, char *name)
{
	size_t pos = 0;

	while (pos + offsetof(struct rump_dirent, d_name) < n) {
		const struct rump_dirent *d =
		    (const struct rump_dirent *)(buf + pos);

		if (d->d_reclen < offsetof(struct rump_dirent, d_name) + 1 ||
		    d->d_reclen > n - pos)
			return false;
		if (d->d_fileno == fileno && d->d_namlen <= NAMEI_MAXNAME &&
		    !is_dots(d->d_name, d->d_namlen)) {
			memcpy(name, d->d_name, d->d_namlen);
			name[d->d_namlen] = '\0';
			return true;
		}
		pos += d->d_reclen;
	}
	return false;
}

/* Search directory dvp for the entry that is vp. */
static int
scan_name(struct vnode *dvp, ino_t fileno, char *name)
{
	char *buf = kmem_alloc(DIRBUF, KM_SLEEP);
	struct rump_iovec iov;
	struct uio uio;
	off_t pos = 0;
	bool eof = false;
	int error;

	do {
		size_t n;

		uio_init(&uio, &iov, buf, DIRBUF, pos, UIO_READ, UIO_SYSSPACE);
		uio.uio_unseen = true;
		error =
		    VOP_READDIR(dvp, &uio, curlwp->l_cred, &eof, NULL, NULL);
		if (error != 0)
			break;
		n = DIRBUF - uio.uio_resid;
		if (find_fileno(buf, n, fileno, name))
			goto out;
		error = n == 0 || uio.uio_offset == pos ? ENOENT : 0;
		pos = uio.uio_offset;
	} while (error == 0 && !eof);
	if (error == 0)
		error = ENOENT;
out:
	kmem_free(buf, DIRBUF);
	return error;
}

/* The parent of vp, referenced, and vp's name there. */
static int
parent_of(struct vnode *vp, struct vnode **dvpp, char *name)
{
	struct componentname cn = {
		.cn_nameiop = LOOKUP,
		.cn_flags = CN_ISDOTDOT | CN_ISLAST,
		.cn_cred = curlwp->l_cred,
		.cn_nameptr = "..",
		.cn_namelen = 2,
		.cn_hash = cache_hash("..", 2),
	};
	struct vattr va;
	int error;

	if (cache_revlookup(vp, dvpp, name))
		return 0;
	error = VOP_GETATTR(vp, &va, curlwp->l_cred);
	if (error != 0)
		return error;
	error = VOP_LOOKUP(vp, dvpp, &cn);
	if (error != 0)
		return error;
	error = VOP_NAMEOF(*dvpp, vp, name);
	if (error == EOPNOTSUPP)
		error = scan_name(*dvpp, va.va_fileid, name);
	if (error != 0)
		vrele(*dvpp);
	return error;
}

static int
prepend(char *buf, char **start, const char *name)
{
	size_t len = strlen(name);

	if ((size_t)(*start - buf) < len + 1)
		return ERANGE;
	*start -= len;
	memcpy(*start, name, len);
	*--*start = '/';
	return 0;
}

/* From the roots of mounts to what they cover. */
static struct vnode *
uncover(struct vnode *vp, struct vnode *root)
{
	while (vp != root && vp->v_mount->mnt_root == vp &&
	       vp->v_mount->mnt_covered != NULL) {
		struct vnode *covered = vp->v_mount->mnt_covered;

		vref(covered);
		vrele(vp);
		vp = covered;
	}
	return vp;
}

int
cwd_path_below(
    struct vnode *root, struct vnode *dvp, char *buf, size_t size, char **start)
{
	struct vnode *up;
	char name[NAMEI_MAXNAME + 1];
	int error = 0;

	*start = buf + size - 1;
	**start = '\0';
	vref(dvp);
	while (error == 0) {
		dvp = uncover(dvp, root);
		if (dvp == root || dvp == rootvnode)
			break;
		error = parent_of(dvp, &up, name);
		if (error != 0)
			break;
		error = prepend(buf, start, name);
		vrele(dvp);
		dvp = up;
	}
	/* A directory outside the root directory has no path. */
	if (error == 0 && dvp != root)
		error = ENOENT;
	if (error == 0 && **start == '\0')
		error = prepend(buf, start, "");
	vrele(dvp);
	return error;
}

int
cwd_path(struct vnode *dvp, char *buf, size_t size, char **start)
{
	struct vnode *root = cwd_root();
	int error = cwd_path_below(root, dvp, buf, size, start);

	vrele(root);
	return error;
}

const char *
cwd_known_path(struct vnode *vp, char *buf, size_t size)
{
	const struct mount *mp = vp->v_mount;
	char name[NAMEI_MAXNAME + 1], *start = buf + size - 1;
	bool known = true;
	struct vnode *up;

	*start = '\0';
	vref(vp);
	while (known && vp != mp->mnt_root) {
		known = cache_revlookup(vp, &up, name);
		if (known) {
			known = prepend(buf, &start, name) == 0;
			vrele(vp);
			vp = up;
		}
	}
	vrele(vp);
	/* Where it is mounted has a slash in front itself. */
	if (known && strcmp(mp->mnt_onname, "/") != 0)
		known = prepend(buf, &start, mp->mnt_onname + 1) == 0;
	return known ? start : mp->mnt_onname;
}
