/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vnode operations that make names.
 *
 * Each is one call, which the lookup before it has left to us: the server says
 * if the name is there already.  Regular files are made GUARDED, so that we
 * know whether it was us who made them (then the file may be opened whatever
 * its mode says), or EXCLUSIVE for who wants to be the only one: the verifier
 * tells the server a retransmission from somebody else's attempt.
 *
 * A call that was sent twice may have been executed twice.  If the second time
 * the name was there and is what we have asked for, it is ours.
 */
#include "nfs/vnops_write.h"

#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "nfs/call.h"
#include "nfs/dir.h"
#include "rump/rumpuser.h"
#include "vfs/namei.h"

struct making {
	struct vnode *mk_dvp;
	struct componentname *mk_cn;
	struct nfs_new mk_new;
	struct nfs3_sattr mk_sattr;
	struct nfs3_time mk_before; /* the directory's, when it was begun */
};

static struct making
making(struct vnode *dvp, struct componentname *cnp, enum nfs3_type type,
    const struct vattr *va)
{
	return (struct making){
		.mk_dvp = dvp,
		.mk_cn = cnp,
		.mk_sattr = {
			.sa_set_mode = true,
			.sa_mode = va->va_mode & 07777,
		},
		.mk_new = {
			.nw_dn = { &VTONFS(dvp)->n_fh, cnp->cn_nameptr,
			    cnp->cn_namelen },
			.nw_type = type,
			.nw_how = NFS3_GUARDED,
		},
	};
}

/* Is the link's target what we have asked for? */
static bool
same_target(struct making *mk, struct vnode *vp)
{
	const char *target = mk->mk_new.nw_target;
	struct nfsnode *np = VTONFS(vp);
	struct nfs3_readlink res;
	char path[NFS3_PATHMAX];

	return nfscall_readlink(np->n_mount, &np->n_fh, mk->mk_cn->cn_cred,
		   path, &res) == 0 &&
	       res.rl_status == NFS3_OK && res.rl_len == strlen(target) &&
	       memcmp(path, target, res.rl_len) == 0;
}

static bool
older(const struct nfs3_time *a, const struct nfs3_time *b)
{
	return a->t_sec < b->t_sec ||
	       (a->t_sec == b->t_sec && a->t_nsec < b->t_nsec);
}

/* Does vp look as if it had just been made by this? */
static bool
looks_made(struct making *mk, struct vnode *vp)
{
	struct nfsnode *np = VTONFS(vp);
	struct nfs3_attr a;

	if (nfsnode_getattr(np, mk->mk_cn->cn_cred, &a) != 0 ||
	    a.a_type != mk->mk_new.nw_type || older(&a.a_ctime, &mk->mk_before))
		return false;
	if (a.a_type == NFS3_LNK)
		return same_target(mk, vp);
	/* A server may withhold set-id bits. */
	if ((a.a_mode & 0777) != (mk->mk_sattr.sa_mode & 0777))
		return false;
	if (a.a_type == NFS3_DIR)
		return a.a_nlink <= 2;
	return a.a_nlink == 1 && (a.a_type != NFS3_REG || a.a_size == 0);
}

/* The name is there, of a call that was sent twice: is it ours? */
static int
claim(struct making *mk, struct vnode **vpp)
{
	struct vnode *vp;
	int error;

	error = nfs_lookup_server(mk->mk_dvp, &vp, mk->mk_cn);
	if (error != 0)
		return error;
	if (!looks_made(mk, vp)) {
		vrele(vp);
		return EEXIST;
	}
	*vpp = vp;
	return 0;
}

/* The vnode of what was made, if the server has told which it is. */
static int
find_made(struct making *mk, const struct nfs3_made *res, int64_t asked_ns,
    struct vnode **vpp)
{
	const struct nfs3_attr *attr = NULL;

	if (res->ma_attr.oa_there)
		attr = &res->ma_attr.oa_attr;
	return nfsnode_get(VTONFS(mk->mk_dvp)->n_mount, &res->ma_fh, attr,
	    asked_ns, mk->mk_cn->cn_cred, vpp);
}

/* The name is new, or may be: for who lists, and for who looks it up. */
static void
note_made(struct making *mk, struct nfschange *c, struct vnode *vp)
{
	cache_purge_name(mk->mk_dvp, mk->mk_cn);
	nfsdir_made(mk->mk_dvp, mk->mk_cn);
	if (vp != NULL && nfschange_alone(c) &&
	    (mk->mk_cn->cn_flags & CN_MAKEENTRY) != 0)
		cache_enter(mk->mk_dvp, vp, mk->mk_cn);
}

/* One call, within a change of the directory. */
static int
call_make(
    struct making *mk, struct nfs3_made *res, bool *again, struct vnode **vpp)
{
	struct nfsnode *dnp = VTONFS(mk->mk_dvp);
	struct vnode *vp = NULL;
	struct nfschange c;
	bool answered;
	int error;

	nfschange_begin(&c, dnp);
	error = nfscall_make(
	    dnp->n_mount, &mk->mk_new, mk->mk_cn->cn_cred, res, again);
	answered = error == 0;
	if (answered && res->ma_status == NFS3_OK && res->ma_has_fh)
		error = find_made(mk, res, c.c_asked_ns, &vp);
	if (!answered || res->ma_status == NFS3_OK)
		note_made(mk, &c, vp);
	nfschange_end(&c, answered ? &res->ma_dir : NULL);
	if (error == 0)
		*vpp = vp;
	return error;
}

/*
 * Who wants to be the only one must not be told so of a file that somebody else
 * has made.  An exclusive one the server knows by its verifier.
 */
static bool
may_claim(const struct making *mk)
{
	return mk->mk_new.nw_type != NFS3_REG ||
	       (mk->mk_cn->cn_flags & CN_EXCL) == 0;
}

static struct nfs3_time
directory_time(struct nfsnode *dnp)
{
	struct nfs3_time t;

	mutex_enter(&dnp->n_lock);
	t = dnp->n_attr.a_mtime;
	mutex_exit(&dnp->n_lock);
	return t;
}

static int
make_once(struct making *mk, struct vnode **vpp)
{
	struct nfs3_made res;
	struct vnode *vp = NULL;
	bool again = false;
	int error;

	mk->mk_new.nw_sattr = &mk->mk_sattr;
	mk->mk_before = directory_time(VTONFS(mk->mk_dvp));
	error = call_make(mk, &res, &again, &vp);
	if (error != 0)
		return error;
	if (res.ma_status == NFS3ERR_EXIST && again && may_claim(mk))
		return claim(mk, vpp);
	error = nfsnode_verdict(VTONFS(mk->mk_dvp), res.ma_status);
	if (error == 0 && vp == NULL)
		error = nfs_lookup_server(mk->mk_dvp, &vp, mk->mk_cn);
	if (error == 0)
		*vpp = vp;
	return error;
}

/*
 * The lookup has taken the name for absent without asking.  If it is there, that
 * is what the caller has to know, whatever else is wrong.
 */
static int
check_absent(struct making *mk, int error)
{
	struct vnode *vp;

	if (error == ERESTART || error == ENAMETOOLONG || error == ESTALE ||
	    error == EOPNOTSUPP)
		return error;
	if (error == EEXIST && (mk->mk_cn->cn_flags & CN_EXCL) != 0)
		return error;
	if (nfs_lookup_server(mk->mk_dvp, &vp, mk->mk_cn) != 0)
		return error;
	vrele(vp);
	return EEXIST;
}

static int
make(struct making *mk, struct vnode **vpp)
{
	int error;

	if (mk->mk_cn->cn_namelen > VTONFS(mk->mk_dvp)->n_mount->nm_name_max)
		return ENAMETOOLONG;
	error = make_once(mk, vpp);
	return error == 0 ? 0 : check_absent(mk, error);
}

/* A file that was made exclusively has no attributes yet. */
static int
set_first_attributes(struct making *mk, struct vnode *vp)
{
	struct nfsnode *np = VTONFS(vp);
	struct nfs3_change res;
	struct nfschange c;
	int error;

	mk->mk_sattr.sa_set_atime = mk->mk_sattr.sa_set_mtime =
	    NFS3_TIME_SERVER;
	nfschange_begin(&c, np);
	error = nfscall_setattr(
	    np->n_mount, &np->n_fh, &mk->mk_sattr, mk->mk_cn->cn_cred, &res);
	nfschange_end(&c, error == 0 ? &res.ch_wcc : NULL);
	nfsnode_forget_access(np);
	return error != 0 ? error : nfsnode_verdict(np, res.ch_status);
}

/* A file that could not be finished would be in the way of the next attempt. */
static void
unmake(struct making *mk)
{
	struct nfsnode *dnp = VTONFS(mk->mk_dvp);
	struct nfs3_change res;
	struct nfschange c;
	bool again;
	int error;

	nfschange_begin(&c, dnp);
	error = nfscall_remove(dnp->n_mount, &mk->mk_new.nw_dn, false,
	    mk->mk_cn->cn_cred, &res, &again);
	cache_purge_name(mk->mk_dvp, mk->mk_cn);
	nfsdir_removed(mk->mk_dvp, mk->mk_cn);
	nfschange_end(&c, error == 0 ? &res.ch_wcc : NULL);
}

/*
 * Servers keep the verifier in the times of the file, of which not every file
 * system stores more than 31 bits, in whatever order of bytes.
 */
static void
choose_verifier(uint8_t *verf)
{
	size_t got;

	(void)rumpuser_getrandom(
	    verf, NFS3_CREATEVERFSIZE, RUMPUSER_RANDOM_NOWAIT, &got);
	for (size_t i = 0; i < NFS3_CREATEVERFSIZE; i += 4) {
		verf[i] &= 0x7f;
		verf[i + 3] &= 0x7f;
	}
}

static int
make_exclusive(struct making *mk, struct vnode **vpp)
{
	struct vnode *vp = NULL;
	int error;

	mk->mk_new.nw_how = NFS3_EXCLUSIVE;
	choose_verifier(mk->mk_new.nw_verf);
	error = make(mk, &vp);
	if (error == EOPNOTSUPP) {
		mk->mk_new.nw_how = NFS3_GUARDED;
		return make(mk, vpp);
	}
	if (error != 0)
		return error;
	error = set_first_attributes(mk, vp);
	if (error != 0) {
		vrele(vp);
		unmake(mk);
		return error;
	}
	*vpp = vp;
	return 0;
}

int
nfs_create(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp,
    struct vattr *va)
{
	struct making mk = making(dvp, cnp, NFS3_REG, va);
	int error;

	if ((cnp->cn_flags & CN_EXCL) != 0)
		error = make_exclusive(&mk, vpp);
	else
		error = make(&mk, vpp);
	if (error == 0 && (cnp->cn_flags & CN_OPEN) != 0)
		nfs_mark_fresh(*vpp, true);
	return error;
}

int
nfs_mknod(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp,
    struct vattr *va)
{
	static const enum nfs3_type types[] = {
		[VBLK] = NFS3_BLK,
		[VCHR] = NFS3_CHR,
		[VSOCK] = NFS3_SOCK,
		[VFIFO] = NFS3_FIFO,
	};
	struct making mk;

	if ((size_t)va->va_type >= NITEMS(types) || types[va->va_type] == 0)
		return EINVAL;
	mk = making(dvp, cnp, types[va->va_type], va);
	if (va->va_type == VBLK || va->va_type == VCHR) {
		mk.mk_new.nw_major = (uint32_t)(va->va_rdev >> 8 & 0xfff);
		mk.mk_new.nw_minor = (uint32_t)(va->va_rdev >> 12 & 0xfff00) |
				     (uint32_t)(va->va_rdev & 0xff);
	}
	return make(&mk, vpp);
}

int
nfs_mkdir(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp,
    struct vattr *va)
{
	struct making mk = making(dvp, cnp, NFS3_DIR, va);

	return make(&mk, vpp);
}

int
nfs_symlink(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp,
    struct vattr *va, const char *target)
{
	struct making mk = making(dvp, cnp, NFS3_LNK, va);

	mk.mk_new.nw_target = target;
	return make(&mk, vpp);
}

/* LINK. */

/* Has the name (dvp, cnp) become one of vp's? */
static bool
names(struct vnode *dvp, const struct componentname *cnp, struct vnode *vp)
{
	struct nfsnode *dnp = VTONFS(dvp);
	struct nfs3_lookup res;

	return nfscall_lookup(dnp->n_mount, &dnp->n_fh, cnp->cn_nameptr,
		   cnp->cn_namelen, cnp->cn_cred, &res) == 0 &&
	       res.lo_status == NFS3_OK && nfsnode_is(VTONFS(vp), &res.lo_fh);
}

int
nfs_link(struct vnode *dvp, struct vnode *vp, struct componentname *cnp)
{
	struct nfsnode *dnp = VTONFS(dvp), *np = VTONFS(vp);
	struct nfs3_dirname to = { &dnp->n_fh, cnp->cn_nameptr,
		cnp->cn_namelen };
	struct nfs3_link res;
	struct nfschange c;
	bool again = false;
	int error;

	if (cnp->cn_namelen > dnp->n_mount->nm_name_max)
		return ENAMETOOLONG;
	nfschange_begin(&c, dnp);
	error = nfscall_link(
	    dnp->n_mount, &np->n_fh, &to, cnp->cn_cred, &res, &again);
	if (error == 0 && res.ln_status == NFS3ERR_EXIST && again &&
	    names(dvp, cnp, vp))
		res.ln_status = NFS3_OK;
	cache_purge_name(dvp, cnp);
	if (error != 0 || res.ln_status == NFS3_OK)
		nfsdir_made(dvp, cnp);
	if (error == 0 && res.ln_status == NFS3_OK && nfschange_alone(&c))
		cache_enter(dvp, vp, cnp);
	nfschange_end(&c, error == 0 ? &res.ln_dir : NULL);
	if (error == 0 && res.ln_attr.oa_there)
		nfsnode_update(np, &res.ln_attr, c.c_asked_ns);
	else
		nfsnode_expire(np);
	return error != 0 ? error : nfs3_errno(res.ln_status);
}
