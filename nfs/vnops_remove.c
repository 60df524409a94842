/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vnode operations that remove and replace names.
 *
 * A file that is in use here is not removed but hidden, see nfs/silly.h.
 *
 * A call that was sent twice and finds nothing the second time has done its work
 * the first time.
 */
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "nfs/call.h"
#include "nfs/dir.h"
#include "nfs/silly.h"
#include "nfs/vnops_write.h"
#include "vfs/namei.h"

static struct nfs3_dirname
dirname_of(struct vnode *dvp, const struct componentname *cnp)
{
	return (struct nfs3_dirname){ &VTONFS(dvp)->n_fh, cnp->cn_nameptr,
		cnp->cn_namelen };
}

/* vp has lost a name. */
static void
note_lost(struct vnode *vp)
{
	struct nfsnode *np = VTONFS(vp);
	bool gone;

	mutex_enter(&np->n_lock);
	gone = np->n_attr.a_nlink <= 1 || vp->v_type == VDIR;
	np->n_attr_until_ns = 0;
	mutex_exit(&np->n_lock);
	if (gone) {
		cache_purge(vp);
		vdoom(vp);
	}
}

/* The name has gone, as far as is known. */
static void
note_removed(
    struct vnode *dvp, const struct componentname *cnp, struct nfschange *c)
{
	cache_purge_name(dvp, cnp);
	nfsdir_removed(dvp, cnp);
	if (nfschange_alone(c) && (cnp->cn_flags & CN_MAKEENTRY) != 0)
		cache_enter(dvp, NULL, cnp);
}

/* REMOVE or RMDIR. */
static int
remove_name(struct vnode *dvp, struct vnode *vp, struct componentname *cnp)
{
	struct nfsnode *dnp = VTONFS(dvp);
	struct nfs3_dirname dn = dirname_of(dvp, cnp);
	struct nfs3_change res;
	struct nfschange c;
	bool again = false;
	int error;

	nfschange_begin(&c, dnp);
	error = nfscall_remove(
	    dnp->n_mount, &dn, vp->v_type == VDIR, cnp->cn_cred, &res, &again);
	if (error == 0 && res.ch_status == NFS3ERR_NOENT && again)
		res.ch_status = NFS3_OK;
	if (error == 0 && res.ch_status == NFS3_OK)
		note_removed(dvp, cnp, &c);
	else
		cache_purge_name(dvp, cnp);
	nfschange_end(&c, error == 0 ? &res.ch_wcc : NULL);
	if (error == 0)
		error = nfsnode_verdict(dnp, res.ch_status);
	if (error == 0)
		note_lost(vp);
	return error;
}

int
nfs_remove(struct vnode *dvp, struct vnode *vp, struct componentname *cnp)
{
	if (nfssilly_needed(vp))
		return nfssilly_rename(dvp, vp, cnp);
	return remove_name(dvp, vp, cnp);
}

int
nfs_rmdir(struct vnode *dvp, struct vnode *vp, struct componentname *cnp)
{
	bool moved = false;
	int error;

	error = remove_name(dvp, vp, cnp);
	if (error != ENOTEMPTY && error != EEXIST)
		return error;
	/* Of files that were removed here and are still in use? */
	if (nfssilly_move(vp, dvp, &moved) != 0 || !moved)
		return ENOTEMPTY;
	error = remove_name(dvp, vp, cnp);
	return error == EEXIST ? ENOTEMPTY : error;
}

/* RENAME. */

struct renaming {
	struct vnode *r_fdvp, *r_fvp, *r_tdvp, *r_tvp;
	struct componentname *r_fcn, *r_tcn;
	struct nfschange r_from, r_to; /* r_from: another directory only */
	bool r_refused;                /* the server has said no */
};

static bool
same_directory(const struct renaming *r)
{
	return r->r_fdvp == r->r_tdvp;
}

/* Does the new name lead to the file?  Then it was us. */
static bool
has_arrived(const struct renaming *r)
{
	struct nfsnode *dnp = VTONFS(r->r_tdvp);
	struct nfs3_lookup res;

	return nfscall_lookup(dnp->n_mount, &dnp->n_fh, r->r_tcn->cn_nameptr,
		   r->r_tcn->cn_namelen, r->r_tcn->cn_cred, &res) == 0 &&
	       res.lo_status == NFS3_OK &&
	       nfsnode_is(VTONFS(r->r_fvp), &res.lo_fh);
}

static void
note_renamed(struct renaming *r)
{
	bool same = same_directory(r);

	note_removed(r->r_fdvp, r->r_fcn, same ? &r->r_to : &r->r_from);
	cache_purge_name(r->r_tdvp, r->r_tcn);
	nfsdir_made(r->r_tdvp, r->r_tcn);
	if (nfschange_alone(&r->r_to) &&
	    (r->r_tcn->cn_flags & CN_MAKEENTRY) != 0)
		cache_enter(r->r_tdvp, r->r_fvp, r->r_tcn);
	nfsnode_expire(VTONFS(r->r_fvp));
	if (r->r_tvp != NULL)
		note_lost(r->r_tvp);
}

/* Nobody knows: it was asked for, and no answer came. */
static void
forget_both(const struct renaming *r)
{
	cache_purge_name(r->r_fdvp, r->r_fcn);
	cache_purge_name(r->r_tdvp, r->r_tcn);
	nfsnode_expire(VTONFS(r->r_fvp));
}

static int
rename_locked(struct renaming *r, struct nfs3_rename *res)
{
	struct nfs3_dirname from = dirname_of(r->r_fdvp, r->r_fcn);
	struct nfs3_dirname to = dirname_of(r->r_tdvp, r->r_tcn);
	bool again = false;
	int error;

	error = nfscall_rename(VTONFS(r->r_fdvp)->n_mount, &from, &to,
	    r->r_fcn->cn_cred, res, &again);
	if (error == 0 && res->rn_status == NFS3ERR_NOENT && again &&
	    has_arrived(r))
		res->rn_status = NFS3_OK;
	if (error == 0 && res->rn_status == NFS3_OK)
		note_renamed(r);
	else
		forget_both(r);
	return error;
}

static int
rename_names(struct renaming *r)
{
	struct nfsnode *fdnp = VTONFS(r->r_fdvp);
	struct nfs3_rename res;
	int error;

	if (!same_directory(r))
		nfschange_begin(&r->r_from, fdnp);
	nfschange_begin(&r->r_to, VTONFS(r->r_tdvp));
	error = rename_locked(r, &res);
	nfschange_end(&r->r_to, error == 0 ? &res.rn_to : NULL);
	if (!same_directory(r))
		nfschange_end(&r->r_from, error == 0 ? &res.rn_from : NULL);
	if (error != 0)
		return error;
	r->r_refused = res.rn_status != NFS3_OK;
	error = nfs3_errno(res.rn_status);
	/* Some servers say so of a directory that is not empty. */
	if (error == EEXIST && r->r_tvp != NULL && r->r_tvp->v_type == VDIR)
		error = ENOTEMPTY;
	return error;
}

/* The target is a directory with files that were removed here and are in use. */
static int
rename_over_directory(struct renaming *r)
{
	bool moved = false;
	int error;

	error = rename_names(r);
	if (error != ENOTEMPTY ||
	    nfssilly_move(r->r_tvp, r->r_tdvp, &moved) != 0 || !moved)
		return error;
	return rename_names(r);
}

int
nfs_rename(struct vnode *fdvp, struct vnode *fvp, struct componentname *fcnp,
    struct vnode *tdvp, struct vnode *tvp, struct componentname *tcnp)
{
	struct renaming r = { fdvp, fvp, tdvp, tvp, fcnp, tcnp };
	bool kept = false;
	int error;

	if (tcnp->cn_namelen > VTONFS(tdvp)->n_mount->nm_name_max)
		return ENAMETOOLONG;
	if (tvp != NULL && tvp->v_type == VDIR)
		return rename_over_directory(&r);
	if (tvp != NULL && nfssilly_needed(tvp)) {
		error = nfssilly_keep(tdvp, tvp, tcnp);
		if (error != 0)
			return error;
		kept = true;
	}
	error = rename_names(&r);
	/* Without an answer it may have been done. */
	if (r.r_refused && kept)
		nfssilly_undo(tvp);
	return error;
}
