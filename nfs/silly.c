/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file has at most one such name: n_silly of the node, which is also on
 * nm_sillies of the mount.  Whoever takes it off the list removes the file.
 */
#include "nfs/silly.h"

#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "nfs/call.h"
#include "nfs/dir.h"
#include "rump/rumpuser.h"
#include "vfs/namei.h"
#include "vfs/pcblock.h"

#define PREFIX ".nfs"
#define PREFIX_LEN (sizeof(PREFIX) - 1)
#define NAME_LEN (PREFIX_LEN + 24)

struct nfssilly {
	struct list si_list;     /* nm_lock: nm_sillies */
	struct nfsnode *si_node; /* i */
	struct vnode *si_dvp;    /* nm_lock: reference */
	kauth_cred_t si_cred;    /* i: reference */
	char si_name[NAME_LEN + 1];
};

#define SILLY(n) LIST_ENTRY(n, struct nfssilly, si_list)

static bool
is_mapped(struct vnode *vp)
{
	struct pagecache *pc = pagecache_peek(vp);
	bool mapped;

	if (pc == NULL)
		return false;
	mutex_enter(&pc->pc_lock);
	mapped = pc->pc_maps != 0;
	mutex_exit(&pc->pc_lock);
	return mapped;
}

static bool
in_use(struct vnode *vp)
{
	struct nfsnode *np = VTONFS(vp);
	bool open;

	mutex_enter(&np->n_lock);
	open = np->n_opens != 0;
	mutex_exit(&np->n_lock);
	return open || is_mapped(vp);
}

static bool
is_silly(struct nfsnode *np)
{
	bool silly;

	mutex_enter(&np->n_lock);
	silly = np->n_silly != NULL;
	mutex_exit(&np->n_lock);
	return silly;
}

bool
nfssilly_needed(struct vnode *vp)
{
	return vp->v_type == VREG && !is_silly(VTONFS(vp)) && in_use(vp);
}

/* A name that nobody else will think of. */
static void
make_name(struct nfsmount *nm, char *name)
{
	uint64_t noise = 0;
	size_t got;
	unsigned n;

	(void)rumpuser_getrandom(
	    &noise, sizeof(noise), RUMPUSER_RANDOM_NOWAIT, &got);
	mutex_enter(&nm->nm_lock);
	n = ++nm->nm_nsillies;
	mutex_exit(&nm->nm_lock);
	ksnprintf(name, NAME_LEN + 1, PREFIX "%016llx%08x",
	    (unsigned long long)noise, n);
}

static struct nfssilly *
silly_create(struct vnode *dvp, struct vnode *vp, kauth_cred_t cred)
{
	struct nfssilly *si = kmem_zalloc(sizeof(*si), KM_SLEEP);

	list_init(&si->si_list);
	si->si_node = VTONFS(vp);
	vref(dvp);
	si->si_dvp = dvp;
	kauth_cred_hold(cred);
	si->si_cred = cred;
	make_name(VTONFS(vp)->n_mount, si->si_name);
	return si;
}

static void
silly_free(struct nfssilly *si)
{
	vrele(si->si_dvp);
	kauth_cred_free(si->si_cred);
	kmem_free(si, sizeof(*si));
}

static struct componentname
silly_cn(const struct nfssilly *si)
{
	return (struct componentname){
		.cn_cred = si->si_cred,
		.cn_nameptr = si->si_name,
		.cn_namelen = NAME_LEN,
		.cn_hash = cache_hash(si->si_name, NAME_LEN),
	};
}

static struct nfs3_dirname
dirname_of(struct vnode *dvp, const char *name, size_t len)
{
	return (struct nfs3_dirname){ &VTONFS(dvp)->n_fh, name, len };
}

/* The file has its name; false when another thread was quicker. */
static bool
attach(struct nfssilly *si)
{
	struct nfsnode *np = si->si_node;
	struct nfsmount *nm = np->n_mount;
	bool first;

	mutex_enter(&nm->nm_lock);
	mutex_enter(&np->n_lock);
	first = np->n_silly == NULL;
	if (first) {
		np->n_silly = si;
		list_insert_tail(&nm->nm_sillies, &si->si_list);
	}
	mutex_exit(&np->n_lock);
	mutex_exit(&nm->nm_lock);
	return first;
}

/* Take it off again: the caller's now.  NULL: somebody else was quicker. */
static struct nfssilly *
detach_locked(struct nfsmount *nm, struct nfsnode *np) REQUIRES(nm->nm_lock)
{
	struct nfssilly *si;

	mutex_enter(&np->n_lock);
	si = np->n_silly;
	np->n_silly = NULL;
	if (si != NULL)
		list_remove(&si->si_list);
	mutex_exit(&np->n_lock);
	return si;
}

static struct nfssilly *
detach(struct nfsnode *np)
{
	struct nfsmount *nm = np->n_mount;
	struct nfssilly *si;

	mutex_enter(&nm->nm_lock);
	si = detach_locked(nm, np);
	mutex_exit(&nm->nm_lock);
	return si;
}

/* Remove the name at the server. */
static void
remove_name(struct nfssilly *si)
{
	struct nfsnode *dnp = VTONFS(si->si_dvp);
	struct nfs3_dirname dn = dirname_of(si->si_dvp, si->si_name, NAME_LEN);
	struct componentname cn = silly_cn(si);
	struct nfs3_change res;
	struct nfschange c;
	bool again;
	int error;

	nfschange_begin(&c, dnp);
	error =
	    nfscall_remove(dnp->n_mount, &dn, false, si->si_cred, &res, &again);
	nfsdir_removed(si->si_dvp, &cn);
	nfschange_end(&c, error == 0 ? &res.ch_wcc : NULL);
}

int
nfssilly_rename(
    struct vnode *dvp, struct vnode *vp, const struct componentname *cnp)
{
	struct nfssilly *si = silly_create(dvp, vp, cnp->cn_cred);
	struct nfs3_dirname from =
	    dirname_of(dvp, cnp->cn_nameptr, cnp->cn_namelen);
	struct nfs3_dirname to = dirname_of(dvp, si->si_name, NAME_LEN);
	struct nfsnode *dnp = VTONFS(dvp);
	struct nfs3_rename res;
	struct nfschange c;
	bool again, mine = true;
	int error;

	nfschange_begin(&c, dnp);
	error = nfscall_rename(
	    dnp->n_mount, &from, &to, cnp->cn_cred, &res, &again);
	/* The second time it was gone already: by the first, we trust. */
	if (error == 0 && res.rn_status == NFS3ERR_NOENT && again)
		res.rn_status = NFS3_OK;
	cache_purge_name(dvp, cnp);
	if (error == 0 && res.rn_status == NFS3_OK) {
		nfsdir_removed(dvp, cnp);
		mine = attach(si);
	}
	nfschange_end(&c, error == 0 ? &res.rn_to : NULL);
	if (error == 0)
		error = nfsnode_verdict(dnp, res.rn_status);
	nfsnode_expire(VTONFS(vp));
	/* It has such a name already. */
	if (!mine)
		remove_name(si);
	if (error != 0 || !mine)
		silly_free(si);
	return error;
}

int
nfssilly_keep(
    struct vnode *dvp, struct vnode *vp, const struct componentname *cnp)
{
	struct nfssilly *si = silly_create(dvp, vp, cnp->cn_cred);
	struct nfs3_dirname to = dirname_of(dvp, si->si_name, NAME_LEN);
	struct nfsnode *dnp = VTONFS(dvp);
	struct nfs3_link res;
	struct nfschange c;
	bool again, mine;
	int error;

	nfschange_begin(&c, dnp);
	error = nfscall_link(
	    dnp->n_mount, &VTONFS(vp)->n_fh, &to, cnp->cn_cred, &res, &again);
	nfschange_end(&c, error == 0 ? &res.ln_dir : NULL);
	if (error == 0 && res.ln_status == NFS3ERR_EXIST && again)
		res.ln_status = NFS3_OK;
	if (error == 0 && res.ln_status == NFS3_OK) {
		nfsnode_update(VTONFS(vp), &res.ln_attr, c.c_asked_ns);
		mine = attach(si);
		if (!mine)
			remove_name(si);
	} else {
		mine = false;
	}
	if (!mine)
		silly_free(si);
	if (error == 0 && res.ln_status != NFS3_OK)
		return nfssilly_rename(dvp, vp, cnp);
	return error;
}

/* Off the list, and from the server. */
static bool
drop(struct vnode *vp)
{
	struct nfssilly *si = detach(VTONFS(vp));

	if (si == NULL)
		return false;
	remove_name(si);
	silly_free(si);
	return true;
}

void
nfssilly_undo(struct vnode *vp)
{
	(void)drop(vp);
	nfsnode_expire(VTONFS(vp));
}

void
nfssilly_unused(struct vnode *vp)
{
	if (is_silly(VTONFS(vp)) && !in_use(vp) && drop(vp))
		vdoom(vp);
}

/*
 * Take one off the list, of dvp's or (NULL) of anywhere: the caller's, with a
 * reference to its file.
 */
static struct nfssilly *
take_one(struct nfsmount *nm, const struct vnode *dvp)
{
	struct nfssilly *found = NULL;
	struct list *n;

	mutex_enter(&nm->nm_lock);
	LIST_FOREACH (n, &nm->nm_sillies) {
		struct nfssilly *si = SILLY(n);

		if ((dvp != NULL && si->si_dvp != dvp) ||
		    !vref_try(si->si_node->n_vnode))
			continue;
		found = detach_locked(nm, si->si_node);
		break;
	}
	mutex_exit(&nm->nm_lock);
	return found;
}

void
nfssilly_end(struct nfsmount *nm)
{
	struct nfssilly *si;

	while ((si = take_one(nm, NULL)) != NULL) {
		struct vnode *vp = si->si_node->n_vnode;

		remove_name(si);
		silly_free(si);
		vrele(vp);
	}
}

void
nfssilly_forget(struct vnode *vp)
{
	struct nfssilly *si = detach(VTONFS(vp));

	if (si != NULL)
		silly_free(si);
}

bool
nfssilly_hides(struct vnode *dvp, const char *name, size_t len)
{
	struct nfsmount *nm = VTONFS(dvp)->n_mount;
	bool hides = false;
	struct list *n;

	if (len != NAME_LEN || memcmp(name, PREFIX, PREFIX_LEN) != 0)
		return false;
	mutex_enter(&nm->nm_lock);
	LIST_FOREACH (n, &nm->nm_sillies) {
		if (SILLY(n)->si_dvp == dvp &&
		    memcmp(SILLY(n)->si_name, name, NAME_LEN) == 0)
			hides = true;
	}
	mutex_exit(&nm->nm_lock);
	return hides;
}

static int
move_one(struct nfssilly *si, struct vnode *parent)
{
	struct vnode *dvp = si->si_dvp;
	struct nfsmount *nm = VTONFS(dvp)->n_mount;
	struct nfs3_dirname from = dirname_of(dvp, si->si_name, NAME_LEN);
	struct nfs3_dirname to = dirname_of(parent, si->si_name, NAME_LEN);
	struct nfs3_rename res;
	struct nfschange cf, ct;
	bool again;
	int error;

	nfschange_begin(&cf, VTONFS(dvp));
	nfschange_begin(&ct, VTONFS(parent));
	error = nfscall_rename(nm, &from, &to, si->si_cred, &res, &again);
	nfschange_end(&ct, error == 0 ? &res.rn_to : NULL);
	nfschange_end(&cf, error == 0 ? &res.rn_from : NULL);
	if (error == 0 && res.rn_status == NFS3ERR_NOENT && again)
		res.rn_status = NFS3_OK;
	return error != 0 ? error : nfs3_errno(res.rn_status);
}

int
nfssilly_move(struct vnode *dvp, struct vnode *parent, bool *moved)
{
	struct nfsmount *nm = VTONFS(dvp)->n_mount;
	struct nfssilly *si;
	int error = 0;

	*moved = false;
	while (error == 0 && (si = take_one(nm, dvp)) != NULL) {
		struct vnode *vp = si->si_node->n_vnode;

		error = move_one(si, parent);
		if (error == 0) {
			*moved = true;
			vref(parent);
			vrele(si->si_dvp);
			si->si_dvp = parent;
		}
		if (!attach(si))
			silly_free(si);
		/* It may have been closed meanwhile. */
		nfssilly_unused(vp);
		vrele(vp);
	}
	return error;
}
