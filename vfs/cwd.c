/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cw_lock protects the two pointers; a reader leaves with a reference.  The
 * structure itself is made at the first change and lives as long as the
 * process.
 */
#include "vfs/cwd.h"

#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/mutex.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "rump/rumpabi.h"
#include "vfs/mount.h"
#include "vfs/namei.h"
#include "vfs/vop.h"

struct cwdinfo {
	kmutex_t cw_lock;
	struct vnode *cw_cdir; /* cw_lock: reference */
	struct vnode *cw_rdir; /* cw_lock: reference */
};

static kmutex_t cwd_make_lock; /* of p_cwdi from NULL to a cwdinfo */

static struct cwdinfo *
cwdinfo_create(struct vnode *cdir, struct vnode *rdir)
{
	struct cwdinfo *cw = kmem_alloc(sizeof(*cw), KM_SLEEP);

	mutex_init(&cw->cw_lock, "cwd");
	vref(cdir);
	vref(rdir);
	cw->cw_cdir = cdir;
	cw->cw_rdir = rdir;
	return cw;
}

static struct cwdinfo *
cwdinfo(const struct proc *p)
{
	return __atomic_load_n(&p->p_cwdi, __ATOMIC_ACQUIRE);
}

/* That of the current process, made if need be. */
static struct cwdinfo *
cwdinfo_own(void)
{
	struct proc *p = curproc;
	struct cwdinfo *cw;

	mutex_enter(&cwd_make_lock);
	cw = p->p_cwdi;
	if (cw == NULL) {
		cw = cwdinfo_create(rootvnode, rootvnode);
		__atomic_store_n(&p->p_cwdi, cw, __ATOMIC_RELEASE);
	}
	mutex_exit(&cwd_make_lock);
	return cw;
}

static struct vnode *
get(size_t member)
{
	struct cwdinfo *cw = cwdinfo(curproc);
	struct vnode *vp;

	if (cw == NULL) {
		vref(rootvnode);
		return rootvnode;
	}
	mutex_enter(&cw->cw_lock);
	vp = *(struct vnode **)((char *)cw + member);
	vref(vp);
	mutex_exit(&cw->cw_lock);
	return vp;
}

static void
set(size_t member, struct vnode *vp)
{
	struct cwdinfo *cw = cwdinfo_own();
	struct vnode **slot = (struct vnode **)((char *)cw + member), *old;

	mutex_enter(&cw->cw_lock);
	old = *slot;
	*slot = vp;
	mutex_exit(&cw->cw_lock);
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

static void
cwd_fork(struct proc *parent, struct proc *child, int flags)
{
	struct cwdinfo *cw = cwdinfo(parent);

	if (cw == NULL)
		return;
	mutex_enter(&cw->cw_lock);
	child->p_cwdi = cwdinfo_create(cw->cw_cdir, cw->cw_rdir);
	mutex_exit(&cw->cw_lock);
}

static void
cwd_exit(struct proc *p)
{
	struct cwdinfo *cw = p->p_cwdi;

	if (cw == NULL)
		return;
	p->p_cwdi = NULL;
	vrele(cw->cw_cdir);
	vrele(cw->cw_rdir);
	mutex_destroy(&cw->cw_lock);
	kmem_free(cw, sizeof(*cw));
}

void
cwd_init(void)
{
	static struct prochook hook = {
		.ph_fork = cwd_fork,
		.ph_exit = cwd_exit,
	};

	mutex_init(&cwd_make_lock, "cwdmake");
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
cwd_path(struct vnode *dvp, char *buf, size_t size, char **start)
{
	struct vnode *root = cwd_root(), *up;
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
