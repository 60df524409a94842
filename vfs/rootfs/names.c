/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Operations on names.  The kernel has resolved paths and checked permission to
 * change the directories; what may have changed since is looked at again here
 * under rm_tree: whether a name is still there, or there already, and whether
 * the directory itself still is.
 */
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "vfs/rootfs/rootfs.h"

#define NLINK_MAX UINT32_MAX
#define READDIR_MOST 32768

int
rootfs_lookup(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp)
{
	struct rootfs_mount *rm = rootfs_mount_of(dvp);
	struct rootfs_node *dir = dvp->v_data;
	const struct rootfs_dent *de;
	ino_t ino = 0;

	rw_enter(&rm->rm_tree, RW_READER);
	if ((cnp->cn_flags & CN_ISDOTDOT) != 0) {
		if (dir->rn_parent != NULL)
			ino = dir->rn_parent->rn_ino;
	} else {
		de = rootfs_dir_find(&dir->rn_dir, cnp);
		if (de != NULL)
			ino = de->de_node->rn_ino;
	}
	rw_exit(&rm->rm_tree);
	if (ino == 0)
		return ENOENT;
	return rootfs_node_vnode(rm, ino, vpp);
}

struct owner {
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

static struct owner
owner_of(struct rootfs_node *rn)
{
	struct owner o;

	mutex_enter(&rn->rn_lock);
	o = (struct owner){ rn->rn_mode, rn->rn_uid, rn->rn_gid };
	mutex_exit(&rn->rn_lock);
	return o;
}

/* May the owner of cred remove or replace rn in dir, by the sticky bit? */
static int
check_sticky(struct rootfs_node *dir, struct rootfs_node *rn,
    const struct kauth_cred *cred)
{
	const struct owner d = owner_of(dir);

	if ((d.mode & S_ISTXT) == 0 || cred->cr_euid == 0 ||
	    cred->cr_euid == d.uid || cred->cr_euid == owner_of(rn).uid)
		return 0;
	return EPERM;
}

/* Put rn, just made or linked once more, under a name. */
static int
enter(struct rootfs_node *dir, const struct componentname *cnp,
    struct rootfs_node *rn)
{
	int error;

	/* A removed directory takes no more names. */
	if (dir->rn_nlink == 0)
		return ENOENT;
	if (rootfs_dir_find(&dir->rn_dir, cnp) != NULL)
		return EEXIST;
	if (rn->rn_nlink >= NLINK_MAX - 1 || dir->rn_nlink >= NLINK_MAX - 1)
		return EMLINK;
	error = rootfs_dir_enter(&dir->rn_dir, cnp, rn);
	if (error != 0)
		return error;
	rn->rn_nlink++;
	if (rn->rn_type == VDIR) {
		rn->rn_nlink++;
		rn->rn_parent = dir;
		dir->rn_nlink++;
	}
	rootfs_node_touch(dir, RN_MODIFY);
	return 0;
}

static int
make(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp,
    struct vattr *va, const char *target)
{
	struct rootfs_mount *rm = rootfs_mount_of(dvp);
	struct rootfs_node *dir = dvp->v_data, *rn;
	struct vnode *vp;
	int error;

	va->va_uid = cnp->cn_cred->cr_euid;
	va->va_gid = owner_of(dir).gid; /* as in BSD */
	if (!kauth_cred_ismember(cnp->cn_cred, va->va_gid) &&
	    cnp->cn_cred->cr_euid != 0)
		va->va_mode &= ~(mode_t)S_ISGID;
	rn = rootfs_node_create(rm, va, target);
	if (rn == NULL)
		return ENOSPC;
	/* The vnode first: what has a name can be removed by others. */
	error = rootfs_node_vnode(rm, rn->rn_ino, &vp);
	if (error != 0) {
		rootfs_node_destroy(rm, rn);
		return error;
	}
	rw_enter(&rm->rm_tree, RW_WRITER);
	error = enter(dir, cnp, rn);
	rw_exit(&rm->rm_tree);
	if (error != 0) {
		vdoom(vp);
		vrele(vp);
		return error;
	}
	*vpp = vp;
	return 0;
}

int
rootfs_create(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp,
    struct vattr *va)
{
	return make(dvp, vpp, cnp, va, NULL);
}

int
rootfs_symlink(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp,
    struct vattr *va, const char *target)
{
	return make(dvp, vpp, cnp, va, target);
}

/* Take a name away from a node that is no directory, or an empty one. */
static void
unlink_entry(struct rootfs_node *dir, struct rootfs_dent *de)
{
	struct rootfs_node *rn = de->de_node;

	rootfs_dir_remove(&dir->rn_dir, de);
	rn->rn_nlink--;
	if (rn->rn_type == VDIR) {
		rn->rn_nlink--;
		rn->rn_parent = NULL;
		dir->rn_nlink--;
	}
	rootfs_node_touch(rn, RN_CHANGE);
	rootfs_node_touch(dir, RN_MODIFY);
}

static int
remove_name(struct vnode *dvp, struct vnode *vp, struct componentname *cnp)
{
	struct rootfs_mount *rm = rootfs_mount_of(dvp);
	struct rootfs_node *dir = dvp->v_data, *rn = vp->v_data;
	struct rootfs_dent *de;
	int error = 0;

	rw_enter(&rm->rm_tree, RW_WRITER);
	de = rootfs_dir_find(&dir->rn_dir, cnp);
	if (de == NULL || de->de_node != rn)
		error = ENOENT;
	else if (rn->rn_dir.d_count != 0)
		error = ENOTEMPTY;
	else
		error = check_sticky(dir, rn, cnp->cn_cred);
	if (error == 0) {
		unlink_entry(dir, de);
		if (rn->rn_nlink == 0)
			vdoom(vp);
	}
	rw_exit(&rm->rm_tree);
	return error;
}

int
rootfs_remove(struct vnode *dvp, struct vnode *vp, struct componentname *cnp)
{
	return remove_name(dvp, vp, cnp);
}

int
rootfs_rmdir(struct vnode *dvp, struct vnode *vp, struct componentname *cnp)
{
	return remove_name(dvp, vp, cnp);
}

int
rootfs_link(struct vnode *dvp, struct vnode *vp, struct componentname *cnp)
{
	struct rootfs_mount *rm = rootfs_mount_of(dvp);
	struct rootfs_node *dir = dvp->v_data, *rn = vp->v_data;
	int error;

	rw_enter(&rm->rm_tree, RW_WRITER);
	/* A file whose last name has gone does not come back. */
	error = rn->rn_nlink == 0 ? ENOENT : enter(dir, cnp, rn);
	rw_exit(&rm->rm_tree);
	if (error == 0)
		rootfs_node_touch(rn, RN_CHANGE);
	return error;
}

struct renaming {
	struct rootfs_node *fdir, *tdir;
	struct rootfs_dent *fde, *tde; /* tde NULL: no target */
	const struct componentname *tcnp;
};

static bool
is_within(const struct rootfs_node *dir, const struct rootfs_node *above)
{
	for (; dir != NULL; dir = dir->rn_parent) {
		if (dir == above)
			return true;
	}
	return false;
}

static int
check_rename(const struct renaming *r, const struct kauth_cred *cred)
{
	struct rootfs_node *rn = r->fde->de_node;
	struct owner o;
	int error;

	if (r->tdir->rn_nlink == 0)
		return ENOENT;
	error = check_sticky(r->fdir, rn, cred);
	if (error == 0 && r->tde != NULL)
		error = check_sticky(r->tdir, r->tde->de_node, cred);
	if (error != 0)
		return error;
	if (rn->rn_type == VDIR && is_within(r->tdir, rn))
		return EINVAL;
	if (r->tde != NULL && r->tde->de_node->rn_dir.d_count != 0)
		return ENOTEMPTY;
	if (rn->rn_type != VDIR || r->fdir == r->tdir)
		return 0;
	/* Its ".." is going to change. */
	o = owner_of(rn);
	return vaccess(VDIR, o.mode, o.uid, o.gid, W_OK, cred);
}

/* All is checked.  The new name comes first, since only that can fail. */
static int
do_rename(const struct renaming *r)
{
	struct rootfs_node *rn = r->fde->de_node;
	int error;

	if (r->tde != NULL) {
		/* Take the target's place: no allocation, no failure. */
		struct rootfs_node *old = r->tde->de_node;

		r->tde->de_node = rn;
		old->rn_nlink -= old->rn_type == VDIR ? 2 : 1;
		if (old->rn_type == VDIR) {
			old->rn_parent = NULL;
			r->tdir->rn_nlink--;
		}
		rootfs_node_touch(old, RN_CHANGE);
	} else {
		error = rootfs_dir_enter(&r->tdir->rn_dir, r->tcnp, rn);
		if (error != 0)
			return error;
	}
	rootfs_dir_remove(&r->fdir->rn_dir, r->fde);
	if (rn->rn_type == VDIR) {
		r->fdir->rn_nlink--;
		r->tdir->rn_nlink++;
		rn->rn_parent = r->tdir;
	}
	rootfs_node_touch(rn, RN_CHANGE);
	rootfs_node_touch(r->fdir, RN_MODIFY);
	rootfs_node_touch(r->tdir, RN_MODIFY);
	return 0;
}

int
rootfs_rename(struct vnode *fdvp, struct vnode *fvp, struct componentname *fcnp,
    struct vnode *tdvp, struct vnode *tvp, struct componentname *tcnp)
{
	struct rootfs_mount *rm = rootfs_mount_of(fdvp);
	struct renaming r = {
		.fdir = fdvp->v_data,
		.tdir = tdvp->v_data,
		.tcnp = tcnp,
	};
	int error;

	rw_enter(&rm->rm_tree, RW_WRITER);
	r.fde = rootfs_dir_find(&r.fdir->rn_dir, fcnp);
	r.tde = rootfs_dir_find(&r.tdir->rn_dir, tcnp);
	if (r.fde == NULL || r.fde->de_node != fvp->v_data ||
	    (r.tde == NULL) != (tvp == NULL) ||
	    (tvp != NULL && r.tde->de_node != tvp->v_data))
		error = ERELOOKUP;
	else
		error = check_rename(&r, fcnp->cn_cred);
	if (error == 0)
		error = do_rename(&r);
	if (error == 0 && tvp != NULL &&
	    ((struct rootfs_node *)tvp->v_data)->rn_nlink == 0)
		vdoom(tvp);
	rw_exit(&rm->rm_tree);
	return error;
}

struct listing {
	char *buf;
	size_t size, used;
	off_t *cookies; /* may be NULL */
	size_t ncookies, maxcookies;
};

/* Add a record; false when it does not fit any more. */
static bool
add_record(struct listing *ls, ino_t ino, enum vtype type, const char *name,
    size_t len, off_t next)
{
	size_t head = offsetof(struct rump_dirent, d_name);
	size_t reclen = ROUNDUP(head + len + 1, 8);
	struct rump_dirent *d = (struct rump_dirent *)(ls->buf + ls->used);

	if (reclen > ls->size - ls->used ||
	    (ls->cookies != NULL && ls->ncookies == ls->maxcookies))
		return false;
	memset(d, 0, reclen);
	d->d_fileno = ino;
	d->d_reclen = (uint16_t)reclen;
	d->d_namlen = (uint16_t)len;
	d->d_type = vtype_to_dt(type);
	memcpy(d->d_name, name, len);
	if (ls->cookies != NULL)
		ls->cookies[ls->ncookies] = next;
	ls->ncookies++;
	ls->used += reclen;
	return true;
}

/* Records from position *pos on, which is moved. */
static void
list_entries(
    struct listing *ls, const struct rootfs_node *dir, off_t *pos, bool *eof)
{
	const struct rootfs_node *up =
	    dir->rn_parent != NULL ? dir->rn_parent : dir;
	const struct rootfs_dent *de;

	*eof = false;
	if (*pos == 0) {
		if (!add_record(ls, dir->rn_ino, VDIR, ".", 1, 1))
			return;
		*pos = 1;
	}
	if (*pos == 1) {
		if (!add_record(ls, up->rn_ino, VDIR, "..", 2, 2))
			return;
		*pos = 2;
	}
	while ((de = rootfs_dir_next(&dir->rn_dir, (uint64_t)*pos)) != NULL) {
		off_t next = (off_t)de->de_cookie + 1;

		if (!add_record(ls, de->de_node->rn_ino, de->de_node->rn_type,
			de->de_name, de->de_len, next))
			return;
		*pos = next;
	}
	*eof = true;
}

int
rootfs_readdir(struct vnode *vp, struct uio *uio, kauth_cred_t cred, bool *eof,
    off_t *cookies, size_t *ncookies)
{
	struct rootfs_mount *rm = rootfs_mount_of(vp);
	struct rootfs_node *dir = vp->v_data;
	struct listing ls = {
		.size = MIN(uio->uio_resid, READDIR_MOST),
		.cookies = cookies,
		.maxcookies = ncookies != NULL ? *ncookies : 0,
	};
	off_t pos = uio->uio_offset;
	bool end;
	int error;

	if (pos < 0 || ls.size == 0)
		return EINVAL;
	ls.buf = kmem_alloc(ls.size, KM_SLEEP);
	rw_enter(&rm->rm_tree, RW_READER);
	list_entries(&ls, dir, &pos, &end);
	rw_exit(&rm->rm_tree);
	error = ls.used == 0 && !end ? EINVAL : 0;
	if (error == 0)
		error = uiomove(ls.buf, ls.used, uio);
	kmem_free(ls.buf, ls.size);
	if (error != 0)
		return error;
	uio->uio_offset = pos;
	*eof = end;
	if (ncookies != NULL)
		*ncookies = ls.ncookies;
	rootfs_node_touch(dir, RN_ACCESS);
	return 0;
}
