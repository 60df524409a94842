/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Renaming.  To another name in the same directory, and not of or over a
 * directory, is the common case (editors, git, make) and concerns one directory;
 * all others change the shape of the tree and have it for themselves.
 */
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "vfs/memfs/memfs.h"

struct renaming {
	struct memfs_mount *r_mm;
	struct memfs_node *r_fdir, *r_tdir;
	struct memfs_dent *r_fde, *r_tde; /* r_tde NULL: no target */
	const struct componentname *r_fcnp, *r_tcnp;
};

/* The entries, if the names still lead where the caller was led. */
static int
resolve(struct renaming *r, const struct vnode *fvp, const struct vnode *tvp)
{
	r->r_fde = memfs_dir_find(&r->r_fdir->mn_dir, r->r_fcnp);
	r->r_tde = memfs_dir_find(&r->r_tdir->mn_dir, r->r_tcnp);
	if (r->r_fde == NULL || r->r_fde->de_node != fvp->v_data)
		return ERELOOKUP;
	if (tvp == NULL)
		return r->r_tde != NULL ? ERELOOKUP : 0;
	if (r->r_tde == NULL || r->r_tde->de_node != tvp->v_data)
		return ERELOOKUP;
	return 0;
}

static bool
is_within(const struct memfs_node *dir, const struct memfs_node *above)
{
	while (dir != above) {
		if (dir->mn_dir.d_parent == dir)
			return false;
		dir = dir->mn_dir.d_parent;
	}
	return true;
}

static int
check_writable(struct memfs_node *mn, const struct kauth_cred *cred)
{
	int error;

	mutex_enter(&mn->mn_lock);
	error = vaccess(VDIR, mn->mn_mode, mn->mn_uid, mn->mn_gid, W_OK, cred);
	mutex_exit(&mn->mn_lock);
	return error;
}

static int
check(const struct renaming *r)
{
	const struct kauth_cred *cred = r->r_fcnp->cn_cred;
	struct memfs_node *mn = r->r_fde->de_node;
	int error;

	if (r->r_tdir->mn_removed)
		return ENOENT;
	error = memfs_check_sticky(r->r_fdir, mn, cred);
	if (error == 0 && r->r_tde != NULL)
		error = memfs_check_sticky(r->r_tdir, r->r_tde->de_node, cred);
	if (error != 0 || mn->mn_type != VDIR)
		return error;
	if (is_within(r->r_tdir, mn))
		return EINVAL;
	if (r->r_tde != NULL && r->r_tde->de_node->mn_dir.d_count != 0)
		return ENOTEMPTY;
	/* Its ".." is going to change. */
	return r->r_fdir == r->r_tdir ? 0 : check_writable(mn, cred);
}

/* Take the target's place: no allocation, no failure.  True if that is gone. */
static bool
replace(const struct renaming *r)
{
	struct memfs_node *old = r->r_tde->de_node;

	r->r_tde->de_node = r->r_fde->de_node;
	if (old->mn_type != VDIR)
		return memfs_node_unlink(old);
	r->r_fde->de_node->mn_dir.d_entry = r->r_tde;
	memfs_node_changed(r->r_tdir, -1);
	return memfs_node_unlink_dir(old);
}

/* All is checked.  The new name comes first, since only that can fail. */
static int
move(const struct renaming *r, bool *gone)
{
	struct memfs_node *mn = r->r_fde->de_node;
	bool dir = mn->mn_type == VDIR && r->r_fdir != r->r_tdir;
	int error = 0;

	if (r->r_tde != NULL)
		*gone = replace(r);
	else
		error =
		    memfs_dir_enter(r->r_mm, &r->r_tdir->mn_dir, r->r_tcnp, mn);
	if (error != 0)
		return error;
	memfs_dir_remove(r->r_mm, &r->r_fdir->mn_dir, r->r_fde);
	memfs_node_changed(r->r_fdir, dir ? -1 : 0);
	if (r->r_fdir != r->r_tdir)
		memfs_node_changed(r->r_tdir, dir ? 1 : 0);
	if (dir)
		mn->mn_dir.d_parent = r->r_tdir;
	memfs_node_touch(mn, MN_CHANGE);
	return 0;
}

/* Directory mn may leave its own for to, which does not lie in it. */
static int
check_swap(const struct renaming *r, struct memfs_node *mn,
    struct memfs_node *from, struct memfs_node *to)
{
	const struct kauth_cred *cred = r->r_fcnp->cn_cred;
	int error;

	error = memfs_check_sticky(from, mn, cred);
	if (error != 0 || mn->mn_type != VDIR)
		return error;
	if (is_within(to, mn))
		return EINVAL;
	return from == to ? 0 : check_writable(mn, cred);
}

/* What is now behind de in dir was in another directory, or is the same. */
static void
settle(struct memfs_node *dir, struct memfs_dent *de)
{
	struct memfs_node *mn = de->de_node;

	if (mn->mn_type == VDIR) {
		mn->mn_dir.d_parent = dir;
		mn->mn_dir.d_entry = de;
	}
	memfs_node_touch(mn, MN_CHANGE);
}

/* Entries stay where they are, and lead to each other's nodes. */
static void
swap(const struct renaming *r)
{
	struct memfs_node *fmn = r->r_fde->de_node, *tmn = r->r_tde->de_node;
	int more = (tmn->mn_type == VDIR) - (fmn->mn_type == VDIR);

	r->r_fde->de_node = tmn;
	r->r_tde->de_node = fmn;
	settle(r->r_fdir, r->r_fde);
	settle(r->r_tdir, r->r_tde);
	memfs_node_changed(r->r_fdir, r->r_fdir == r->r_tdir ? 0 : more);
	if (r->r_fdir != r->r_tdir)
		memfs_node_changed(r->r_tdir, -more);
}

int
memfs_exchange(struct vnode *fdvp, struct vnode *fvp,
    struct componentname *fcnp, struct vnode *tdvp, struct vnode *tvp,
    struct componentname *tcnp)
{
	struct memfs_mount *mm = memfs_mount_of(fdvp);
	struct renaming r = {
		.r_mm = mm,
		.r_fdir = fdvp->v_data,
		.r_tdir = tdvp->v_data,
		.r_fcnp = fcnp,
		.r_tcnp = tcnp,
	};
	int error;

	rw_enter(&mm->mm_tree, RW_WRITER);
	error = resolve(&r, fvp, tvp);
	if (error == 0)
		error = check_swap(&r, fvp->v_data, r.r_fdir, r.r_tdir);
	if (error == 0)
		error = check_swap(&r, tvp->v_data, r.r_tdir, r.r_fdir);
	if (error == 0)
		swap(&r);
	rw_exit(&mm->mm_tree);
	return error;
}

int
memfs_rename(struct vnode *fdvp, struct vnode *fvp, struct componentname *fcnp,
    struct vnode *tdvp, struct vnode *tvp, struct componentname *tcnp)
{
	struct memfs_mount *mm = memfs_mount_of(fdvp);
	struct renaming r = {
		.r_mm = mm,
		.r_fdir = fdvp->v_data,
		.r_tdir = tdvp->v_data,
		.r_fcnp = fcnp,
		.r_tcnp = tcnp,
	};
	/* A target that is no directory, and its source, are of one kind. */
	bool narrow = fdvp == tdvp && fvp->v_type != VDIR, gone = false;
	int error;

	rw_enter(&mm->mm_tree, narrow ? RW_READER : RW_WRITER);
	if (narrow)
		mutex_enter(&r.r_fdir->mn_content);
	error = resolve(&r, fvp, tvp);
	if (error == 0)
		error = check(&r);
	if (error == 0)
		error = move(&r, &gone);
	if (narrow)
		mutex_exit(&r.r_fdir->mn_content);
	rw_exit(&mm->mm_tree);
	if (gone) {
		vdoom(tvp);
		memfs_node_unref(mm, tvp->v_data);
	}
	return error;
}
