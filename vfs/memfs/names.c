/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names in one directory.  The kernel has resolved paths and checked permission
 * to change the directory; what may have changed since is looked at again here
 * under its lock: whether a name is still there, or there already, and whether
 * the directory itself still is.
 */
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "vfs/memfs/memfs.h"

/* What a name leads to; under the directory's lock. */
static struct memfs_node *
find_node(const struct memfs_node *dir, const struct componentname *cnp)
{
	const struct memfs_dent *de;

	if ((cnp->cn_flags & CN_ISDOTDOT) != 0)
		return dir->mn_dir.d_parent;
	de = memfs_dir_find(&dir->mn_dir, cnp);
	return de == NULL ? NULL : de->de_node;
}

/* ERELOOKUP: the file that was found is gone by now. */
static int
lookup_once(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp)
{
	struct memfs_mount *mm = memfs_mount_of(dvp);
	struct memfs_node *dir = dvp->v_data, *mn;
	bool found;
	int error;

	memfs_dir_lock(mm, dir);
	mn = find_node(dir, cnp);
	found = mn != NULL && memfs_node_vnode_try(mn, vpp);
	if (mn != NULL && !found)
		memfs_node_ref(mn);
	memfs_dir_unlock(mm, dir);
	if (mn == NULL || found)
		return mn == NULL ? ENOENT : 0;
	error = memfs_node_vnode(mm, mn, vpp);
	memfs_node_unref(mm, mn);
	return error == ENOENT ? ERELOOKUP : error;
}

/* Another file may have taken the place of the one that is gone. */
int
memfs_lookup(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp)
{
	int error;

	do {
		error = lookup_once(dvp, vpp, cnp);
	} while (error == ERELOOKUP && (cnp->cn_flags & CN_ISDOTDOT) == 0);
	return error == ERELOOKUP ? ENOENT : error;
}

int
memfs_nameof(struct vnode *dvp, struct vnode *vp, char *name)
{
	struct memfs_mount *mm = memfs_mount_of(dvp);
	const struct memfs_node *mn = vp->v_data;
	const struct memfs_dir *d = &mn->mn_dir;
	int error = ENOENT;

	/* The names of directories change under the writer only. */
	rw_enter(&mm->mm_tree, RW_READER);
	if (!mn->mn_removed && d->d_parent == dvp->v_data &&
	    mn != dvp->v_data) {
		memcpy(name, d->d_entry->de_name, d->d_entry->de_len);
		name[d->d_entry->de_len] = '\0';
		error = 0;
	}
	rw_exit(&mm->mm_tree);
	return error;
}

struct owner {
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

static struct owner
owner_of(struct memfs_node *mn)
{
	struct owner o;

	mutex_enter(&mn->mn_lock);
	o = (struct owner){ mn->mn_mode, mn->mn_uid, mn->mn_gid };
	mutex_exit(&mn->mn_lock);
	return o;
}

int
memfs_check_fixed(const struct memfs_node *mn)
{
	return memfs_has_flags(mn, MEMFS_IMMUTABLE | MEMFS_APPEND) ? EPERM : 0;
}

int
memfs_check_sticky(struct memfs_node *dir, struct memfs_node *mn,
    const struct kauth_cred *cred)
{
	const struct owner d = owner_of(dir);
	struct owner o;

	if (memfs_has_flags(dir, MEMFS_APPEND) || memfs_check_fixed(mn) != 0)
		return EPERM;
	o = owner_of(mn);
	if ((d.mode & S_ISTXT) == 0 || kauth_cred_rules(cred, o.uid, o.gid) ||
	    cred->cr_euid == d.uid || cred->cr_euid == o.uid)
		return 0;
	return EPERM;
}

/* Without the directory's lock: the change itself looks once more. */
int
memfs_removable(struct vnode *dvp, struct vnode *vp, kauth_cred_t cred)
{
	if (vp->v_mount != dvp->v_mount)
		return 0;
	return memfs_check_sticky(dvp->v_data, vp->v_data, cred);
}

/* Put mn, just made or linked once more, under a name. */
static int
enter(struct memfs_mount *mm, struct memfs_node *dir,
    const struct componentname *cnp, struct memfs_node *mn)
    REQUIRES(dir->mn_content)
{
	int error;

	/* A removed directory takes no more names. */
	if (dir->mn_removed)
		return ENOENT;
	if (memfs_dir_find(&dir->mn_dir, cnp) != NULL)
		return EEXIST;
	error = memfs_dir_enter(mm, &dir->mn_dir, cnp, mn);
	if (error != 0)
		return error;
	error = memfs_node_link(mn);
	if (error != 0) {
		memfs_dir_remove(
		    mm, &dir->mn_dir, memfs_dir_find(&dir->mn_dir, cnp));
		return error;
	}
	if (mn->mn_type == VDIR) {
		mn->mn_dir.d_parent = dir;
		memfs_node_changed(mn, 1);
	}
	memfs_node_changed(dir, mn->mn_type == VDIR);
	return 0;
}

/* Flags, owner, group and set-id bits of what is made in dir. */
static void
inherit(struct memfs_node *dir, const struct kauth_cred *cred, struct vattr *va)
{
	const struct owner d = owner_of(dir);
	const mode_t run_as_group = S_ISGID | S_IXGRP;

	va->va_flags = memfs_has_flags(dir, UF_NODUMP) ? UF_NODUMP : 0;
	va->va_uid = cred->cr_euid;
	va->va_gid = cred->cr_egid;
	if ((d.mode & S_ISGID) != 0) {
		va->va_gid = d.gid;
		if (va->va_type == VDIR)
			va->va_mode |= S_ISGID;
	}
	if (va->va_type != VDIR &&
	    (va->va_mode & run_as_group) == run_as_group &&
	    !kauth_cred_rules(cred, va->va_uid, va->va_gid) &&
	    !kauth_cred_ismember(cred, va->va_gid))
		va->va_mode &= ~(mode_t)S_ISGID;
}

/* A node with a vnode, and no name yet: what has one can be removed. */
static int
make_unnamed(struct memfs_mount *mm, const struct vattr *va, const char *target,
    struct vnode **vpp)
{
	struct memfs_node *mn;
	int error;

	error = memfs_node_create(mm, va, target, &mn);
	if (error != 0)
		return error;
	error = memfs_node_vnode(mm, mn, vpp);
	memfs_node_unref(mm, mn);
	return error;
}

int
memfs_make(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp,
    struct vattr *va, const char *target)
{
	struct memfs_mount *mm = memfs_mount_of(dvp);
	struct memfs_node *dir = dvp->v_data;
	struct vnode *vp;
	int error;

	inherit(dir, cnp->cn_cred, va);
	error = make_unnamed(mm, va, target, &vp);
	if (error != 0)
		return error;
	memfs_dir_lock(mm, dir);
	error = enter(mm, dir, cnp, vp->v_data);
	memfs_dir_unlock(mm, dir);
	if (error != 0) {
		vdoom(vp);
		vrele(vp);
		return error;
	}
	*vpp = vp;
	return 0;
}

/* The node goes with its vnode unless it has got a link by then. */
int
memfs_unnamed(struct vnode *dvp, struct vnode **vpp, struct vattr *va,
    bool linkable, kauth_cred_t cred)
{
	struct vnode *vp;
	int error;

	inherit(dvp->v_data, cred, va);
	error = make_unnamed(memfs_mount_of(dvp), va, NULL, &vp);
	if (error != 0)
		return error;
	if (!linkable)
		memfs_node_bar(vp->v_data);
	vdoom(vp);
	*vpp = vp;
	return 0;
}

int
memfs_create(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp,
    struct vattr *va)
{
	return memfs_make(dvp, vpp, cnp, va, NULL);
}

int
memfs_mknod(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp,
    struct vattr *va)
{
	bool device = va->va_type == VCHR || va->va_type == VBLK;

	if (device && !memfs_mount_of(dvp)->mm_devices)
		return EPERM;
	return memfs_make(dvp, vpp, cnp, va, NULL);
}

int
memfs_symlink(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp,
    struct vattr *va, const char *target)
{
	return memfs_make(dvp, vpp, cnp, va, target);
}

/* Find the entry to remove, if the caller may. */
static int
find_removable(struct memfs_node *dir, struct memfs_node *mn,
    const struct componentname *cnp, struct memfs_dent **dep)
{
	struct memfs_dent *de = memfs_dir_find(&dir->mn_dir, cnp);
	int error;

	if (de == NULL)
		return ENOENT;
	if (de->de_node != mn)
		return ERELOOKUP;
	error = memfs_check_sticky(dir, mn, cnp->cn_cred);
	if (error == 0)
		*dep = de;
	return error;
}

int
memfs_remove(struct vnode *dvp, struct vnode *vp, struct componentname *cnp)
{
	struct memfs_mount *mm = memfs_mount_of(dvp);
	struct memfs_node *dir = dvp->v_data, *mn = vp->v_data;
	struct memfs_dent *de;
	bool last = false;
	int error;

	memfs_dir_lock(mm, dir);
	error = find_removable(dir, mn, cnp, &de);
	if (error == 0) {
		memfs_dir_remove(mm, &dir->mn_dir, de);
		memfs_node_changed(dir, 0);
		last = memfs_node_unlink(mn);
	}
	memfs_dir_unlock(mm, dir);
	if (last) {
		vdoom(vp);
		memfs_node_unref(mm, mn);
	}
	return error;
}

static int
rmdir_locked(struct memfs_mount *mm, struct memfs_node *dir,
    struct memfs_node *mn, const struct componentname *cnp)
{
	struct memfs_dent *de;
	int error;

	error = find_removable(dir, mn, cnp, &de);
	if (error == 0 && mn->mn_dir.d_count != 0)
		error = ENOTEMPTY;
	if (error != 0)
		return error;
	memfs_dir_remove(mm, &dir->mn_dir, de);
	memfs_node_changed(dir, -1);
	(void)memfs_node_unlink_dir(mn);
	return 0;
}

int
memfs_rmdir(struct vnode *dvp, struct vnode *vp, struct componentname *cnp)
{
	struct memfs_mount *mm = memfs_mount_of(dvp);
	int error;

	rw_enter(&mm->mm_tree, RW_WRITER);
	error = rmdir_locked(mm, dvp->v_data, vp->v_data, cnp);
	rw_exit(&mm->mm_tree);
	if (error != 0)
		return error;
	vdoom(vp);
	memfs_node_unref(mm, vp->v_data);
	return 0;
}

int
memfs_link(struct vnode *dvp, struct vnode *vp, struct componentname *cnp)
{
	struct memfs_mount *mm = memfs_mount_of(dvp);
	struct memfs_node *dir = dvp->v_data;
	int error;

	error = memfs_check_fixed(vp->v_data);
	if (error != 0)
		return error;
	memfs_dir_lock(mm, dir);
	error = enter(mm, dir, cnp, vp->v_data);
	memfs_dir_unlock(mm, dir);
	if (error == 0)
		memfs_node_touch(vp->v_data, MN_CHANGE);
	return error;
}
