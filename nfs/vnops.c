/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vnode operations that look; those that modify are in vnops_make.c,
 * vnops_remove.c and vnops_attr.c.
 *
 * Close-to-open: an open asks the server for the attributes, so that what was
 * written and closed elsewhere is seen.  The lookup that leads to the open does
 * this where it can, since it knows the directory: a stale handle in the name
 * cache is looked up once more there.  n_fresh tells the open that follows in
 * the same thread that it has been done.
 *
 * A name that is to be created is not looked up if it is not known: the server
 * says when it makes it that it is there already.  This is done only where the
 * caller may create, since whoever may not needs to know what is there.
 */
#include "nfs/vnops.h"

#include "kern/clock.h"
#include "kern/file.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "nfs/call.h"
#include "nfs/dir.h"
#include "nfs/node.h"
#include "nfs/read.h"
#include "nfs/silly.h"
#include "nfs/vnops_write.h"
#include "nfs/write.h"
#include "vfs/mount.h"
#include "vfs/namei.h"
#include "vfs/pagecache.h"

/* The name cache keeps no longer ones. */
#define GUESS_NAMEMAX 63

static bool
is_open(const struct componentname *cnp)
{
	const uint32_t both = CN_ISLAST | CN_OPEN;

	return (cnp->cn_flags & both) == both;
}

void
nfs_mark_fresh(struct vnode *vp, bool fresh)
{
	struct nfsnode *np = VTONFS(vp);

	mutex_enter(&np->n_lock);
	np->n_fresh = fresh ? curlwp : NULL;
	mutex_exit(&np->n_lock);
}

/* The mark that the lookup of this open has left. */
static bool
take_fresh(struct nfsnode *np)
{
	bool fresh;

	mutex_enter(&np->n_lock);
	fresh = np->n_fresh == curlwp;
	np->n_fresh = NULL;
	mutex_exit(&np->n_lock);
	return fresh;
}

/*
 * A file is known by name: vp, NULL for none.  ESTALE when the server has to be
 * asked after all.
 */
static int
lookup_cached(struct vnode *vp, const struct componentname *cnp)
{
	struct nfsnode *np;
	int error;

	if (vp == NULL)
		return ENOENT;
	/* Who removes or renames it hears from the server then. */
	if (cnp->cn_nameiop == DELETE && (cnp->cn_flags & CN_ISLAST) != 0)
		return 0;
	np = VTONFS(vp);
	/* Here, and not when it is used, since here a file that has been
	 * replaced can be looked up once more. */
	if (!is_open(cnp) || np->n_mount->nm_options.o_nocto)
		error =
		    nfsnode_caches(np) ? nfsnode_validate(np, cnp->cn_cred) : 0;
	else
		error = nfsnode_reopen(np, cnp->cn_cred);
	/* A server that has the file open still knows it by its handle. */
	if (error == 0 && is_open(cnp) && nfsnode_unlinked(np))
		error = ESTALE;
	if (is_open(cnp))
		nfs_mark_fresh(vp, error == 0);
	if (error != 0)
		vrele(vp);
	return error;
}

void
nfs_enter_name(struct vnode *dvp, struct vnode *vp,
    const struct componentname *cnp, const struct nfsview *view)
{
	struct nfsnode *dnp = VTONFS(dvp);

	if ((cnp->cn_flags & (CN_MAKEENTRY | CN_ISDOTDOT)) != CN_MAKEENTRY ||
	    !nfschange_unseen(dnp, view))
		return;
	cache_enter(dvp, vp, cnp);
	if (!nfschange_unseen(dnp, view))
		cache_purge_name(dvp, cnp);
}

/* The vnode for a name that the name cache or the listing of dvp has. */
static bool
lookup_local(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp)
{
	struct nfsmount *nm = VTONFS(dvp)->n_mount;
	struct nfsdir_file df;

	if (cache_lookup(dvp, cnp, vpp)) {
		if (*vpp != NULL && !is_open(cnp) &&
		    !nfsnode_trusted(VTONFS(*vpp)) &&
		    nfsdir_lookup(dvp, cnp, &df) &&
		    nfsnode_is(VTONFS(*vpp), &df.df_fh))
			nfsnode_hint(VTONFS(*vpp), &df.df_attr, df.df_asked_ns);
		return true;
	}
	if (!nfsdir_lookup(dvp, cnp, &df) ||
	    nfsnode_get_listed(
		nm, &df.df_fh, &df.df_attr, df.df_asked_ns, vpp) != 0)
		return false;
	nfs_enter_name(dvp, *vpp, cnp, &df.df_view);
	return true;
}

int
nfs_lookup_server(
    struct vnode *dvp, struct vnode **vpp, struct componentname *cnp)
{
	struct nfsnode *dnp = VTONFS(dvp);
	struct nfsview view = nfschange_view(dnp);
	struct nfs3_lookup res;
	int64_t asked_ns = uptime_ns();
	struct vnode *vp;
	int error;

	error = nfscall_lookup(dnp->n_mount, &dnp->n_fh, cnp->cn_nameptr,
	    cnp->cn_namelen, cnp->cn_cred, &res);
	if (error != 0)
		return error;
	nfsnode_update(dnp, &res.lo_dir_attr, asked_ns);
	nfsnode_purge_names(dnp);
	view.v_change = nfsnode_change(dnp);
	if (res.lo_status == NFS3ERR_NOENT) {
		if (cnp->cn_nameiop == LOOKUP)
			nfs_enter_name(dvp, NULL, cnp, &view);
		return ENOENT;
	}
	error = nfsnode_verdict(dnp, res.lo_status);
	if (error != 0)
		return error;
	error = nfsnode_get(dnp->n_mount, &res.lo_fh,
	    res.lo_attr.oa_there ? &res.lo_attr.oa_attr : NULL, asked_ns,
	    cnp->cn_cred, &vp);
	if (error != 0)
		return error;
	if (is_open(cnp))
		nfs_mark_fresh(vp, true);
	nfs_enter_name(dvp, vp, cnp, &view);
	*vpp = vp;
	return 0;
}

/* May cnp be taken for absent, so that the server is asked to make it? */
static bool
may_create(struct vnode *dvp, const struct componentname *cnp)
{
	struct nfsnode *dnp = VTONFS(dvp);

	return cnp->cn_nameiop == CREATE &&
	       (cnp->cn_flags & (CN_ISLAST | CN_ISDOTDOT)) == CN_ISLAST &&
	       (cnp->cn_flags & (CN_OPEN | CN_EXCL)) != 0 &&
	       (dvp->v_mount->mnt_flag & MNT_RDONLY) == 0 &&
	       nfsnode_known_granted(
		   dnp, cnp->cn_cred, NFS3ACCESS_MODIFY | NFS3ACCESS_EXTEND);
}

/*
 * As may_create(), for a name that was looked for in the caches.  If it is there
 * after all, nfs_create() leaves it in the name cache for the next lookup, so
 * it must be one that is kept there.  It is not where others change the
 * directory meanwhile: nobody guesses twice.
 */
static bool
may_guess(struct vnode *dvp, const struct componentname *cnp)
{
	return (cnp->cn_flags & (CN_MAKEENTRY | CN_SURE)) == CN_MAKEENTRY &&
	       cnp->cn_namelen <= GUESS_NAMEMAX &&
	       nfsnode_caches(VTONFS(dvp)) && may_create(dvp, cnp);
}

static int
nfs_lookup(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp)
{
	struct nfsnode *dnp = VTONFS(dvp);
	struct vnode *vp;
	int error;

	if (dvp->v_type != VDIR)
		return ENOTDIR;
	error = nfsnode_validate(dnp, cnp->cn_cred);
	if (error != 0)
		return error;
	nfsnode_purge_names(dnp);
	/* Who makes something exclusively trusts nobody but the server. */
	if ((cnp->cn_flags & (CN_EXCL | CN_SURE)) == CN_EXCL &&
	    may_create(dvp, cnp))
		return ENOENT;
	if ((cnp->cn_flags & CN_ISDOTDOT) == 0 && lookup_local(dvp, &vp, cnp)) {
		error = lookup_cached(vp, cnp);
		if (error == 0)
			*vpp = vp;
		if (error != ESTALE)
			return error;
		cache_purge_name(dvp, cnp);
	} else if (may_guess(dvp, cnp)) {
		return ENOENT;
	}
	return nfs_lookup_server(dvp, vpp, cnp);
}

static int
nfs_open(struct vnode *vp, int fflags, kauth_cred_t cred, struct file *fp)
{
	struct nfsnode *np = VTONFS(vp);
	int error;

	if (vp->v_type != VREG && vp->v_type != VDIR)
		return EOPNOTSUPP;
	if (!take_fresh(np) && !np->n_mount->nm_options.o_nocto) {
		error = nfsnode_refresh(np, cred);
		if (error != 0)
			return error;
	}
	if (vp->v_type == VREG)
		nfsnode_purge_data(np);
	mutex_enter(&np->n_lock);
	np->n_opens++;
	mutex_exit(&np->n_lock);
	return 0;
}

static int
nfs_close(struct vnode *vp, int fflags, kauth_cred_t cred, struct file *fp)
{
	struct nfsnode *np = VTONFS(vp);
	int error = 0;
	bool last;

	if ((fflags & FWRITE) != 0)
		error = nfswrite_sync(vp, cred, FSYNC_WAIT, 0, 0);
	mutex_enter(&np->n_lock);
	if (np->n_opens > 0)
		np->n_opens--;
	last = np->n_opens == 0;
	mutex_exit(&np->n_lock);
	if (last && vp->v_type == VREG) {
		nfsread_stop(np);
		nfssilly_unused(vp);
	}
	return error;
}

/* The bits that are needed for an access of the kinds in mode. */
static uint32_t
wanted_bits(const struct vnode *vp, int mode)
{
	bool dir = vp->v_type == VDIR;
	uint32_t want = 0;

	if ((mode & R_OK) != 0)
		want |= NFS3ACCESS_READ;
	if ((mode & W_OK) != 0)
		want |= NFS3ACCESS_MODIFY | NFS3ACCESS_EXTEND;
	if ((mode & X_OK) != 0)
		want |= dir ? NFS3ACCESS_LOOKUP : NFS3ACCESS_EXECUTE;
	return want;
}

static int
nfs_access(struct vnode *vp, int mode, kauth_cred_t cred)
{
	uint32_t granted, want = wanted_bits(vp, mode);
	int error;

	error = nfsnode_granted(VTONFS(vp), cred, &granted);
	if (error != 0)
		return error;
	if ((granted & want) == want)
		return 0;
	if ((mode & W_OK) != 0 && nfs_export_readonly(vp, cred))
		return EROFS;
	return EACCES;
}

static struct rump_timespec
timespec(const struct nfs3_time *t)
{
	return (struct rump_timespec){ t->t_sec, t->t_nsec };
}

/* NetBSD's dev_t: major in bits 8..19, minor in 0..7 and 20..31. */
static dev_t
device(uint32_t major, uint32_t minor)
{
	return (major & 0xfff) << 8 | (minor & 0xff) | (minor & 0xfff00u) << 12;
}

static void
attr_to_vattr(
    const struct vnode *vp, const struct nfs3_attr *a, struct vattr *va)
{
	vattr_null(va);
	va->va_type = vp->v_type;
	va->va_mode = a->a_mode;
	va->va_nlink = a->a_nlink;
	va->va_uid = a->a_uid;
	va->va_gid = a->a_gid;
	va->va_fsid = vp->v_mount->mnt_fsid;
	va->va_fileid = a->a_fileid;
	va->va_size = (off_t)a->a_size;
	va->va_blocksize = PC_BLOCK;
	va->va_atime = timespec(&a->a_atime);
	va->va_mtime = timespec(&a->a_mtime);
	va->va_ctime = timespec(&a->a_ctime);
	/* The protocol has no time of birth. */
	va->va_birthtime = (struct rump_timespec){ 0, 0 };
	va->va_gen = 0;
	va->va_flags = 0;
	va->va_rdev = device(a->a_major, a->a_minor);
	va->va_bytes = a->a_used;
}

static int
nfs_getattr(struct vnode *vp, struct vattr *va, kauth_cred_t cred)
{
	struct nfs3_attr attr;
	int error;

	error = nfsnode_getattr(VTONFS(vp), cred, &attr);
	/* A write that the server has yet to get may take set-id bits away. */
	if (error == 0 && (attr.a_mode & (S_ISUID | S_ISGID)) != 0 &&
	    pagecache_unsaved(vp)) {
		(void)nfswrite_sync(vp, cred, FSYNC_WAIT, 0, 0);
		error = nfsnode_getattr(VTONFS(vp), cred, &attr);
	}
	if (error == 0)
		attr_to_vattr(vp, &attr, va);
	return error;
}

static int
nfs_read(struct vnode *vp, struct uio *uio, int ioflag, kauth_cred_t cred)
{
	if (vp->v_type == VDIR)
		return EISDIR;
	if (vp->v_type != VREG)
		return EOPNOTSUPP;
	return nfsread_file(vp, uio, cred);
}

static int
nfs_write(struct vnode *vp, struct uio *uio, int ioflag, kauth_cred_t cred)
{
	if (vp->v_type != VREG)
		return vp->v_type == VDIR ? EISDIR : EOPNOTSUPP;
	return nfswrite_file(vp, uio, ioflag, cred);
}

/* The cached target in path (NFS3_PATHMAX bytes); false if there is none. */
static bool
cached_link(struct nfsnode *np, char *path, size_t *len)
{
	bool good;

	mutex_enter(&np->n_lock);
	good = np->n_link != NULL && np->n_link_change == np->n_change;
	if (good) {
		memcpy(path, np->n_link, np->n_linklen);
		*len = np->n_linklen;
	}
	mutex_exit(&np->n_lock);
	return good;
}

static void
keep_link(struct nfsnode *np, const char *path, size_t len, uint64_t change)
{
	char *copy = kmem_alloc(len, KM_SLEEP), *old;
	size_t oldlen;

	memcpy(copy, path, len);
	mutex_enter(&np->n_lock);
	old = np->n_link;
	oldlen = np->n_linklen;
	np->n_link = copy;
	np->n_linklen = len;
	np->n_link_change = change;
	mutex_exit(&np->n_lock);
	if (old != NULL)
		kmem_free(old, oldlen);
}

static int
read_link(struct nfsnode *np, kauth_cred_t cred, char *path, size_t *len)
{
	struct nfs3_readlink res;
	int64_t asked_ns = uptime_ns();
	uint64_t change;
	int error;

	error = nfsnode_validate(np, cred);
	if (error != 0)
		return error;
	if (cached_link(np, path, len))
		return 0;
	change = nfsnode_change(np);
	error = nfscall_readlink(np->n_mount, &np->n_fh, cred, path, &res);
	if (error != 0)
		return error;
	nfsnode_update(np, &res.rl_attr, asked_ns);
	error = nfsnode_verdict(np, res.rl_status);
	if (error != 0)
		return error;
	keep_link(np, path, res.rl_len, change);
	*len = res.rl_len;
	return 0;
}

static int
nfs_readlink(struct vnode *vp, struct uio *uio, kauth_cred_t cred)
{
	char path[NFS3_PATHMAX];
	size_t len = 0;
	int error;

	if (vp->v_type != VLNK)
		return EINVAL;
	error = read_link(VTONFS(vp), cred, path, &len);
	if (error != 0)
		return error;
	/* readlink(2) cuts; a path must not be followed to somewhere else. */
	if (uio->uio_seg == UIO_SYSSPACE && len > uio->uio_resid)
		return ENAMETOOLONG;
	return uiomove(path, len, uio);
}

/* Limits that the server knows. */
static int
ask_pathconf(struct vnode *vp, int name, register_t *retval)
{
	struct nfsnode *np = VTONFS(vp);
	struct nfs3_pathconf res;
	int64_t asked_ns = uptime_ns();
	int error;

	error = nfscall_pathconf(np->n_mount, &np->n_fh, curlwp->l_cred, &res);
	if (error != 0)
		return error;
	nfsnode_update(np, &res.pc_attr, asked_ns);
	error = nfsnode_verdict(np, res.pc_status);
	if (error != 0)
		return error;
	if (name == _PC_LINK_MAX)
		*retval = res.pc_linkmax;
	else if (name == _PC_NAME_MAX)
		*retval = MIN(res.pc_name_max, NFS3_NAMEMAX);
	else if (name == _PC_NO_TRUNC)
		*retval = res.pc_no_trunc;
	else
		*retval = res.pc_chown_restricted;
	return 0;
}

static int
nfs_pathconf(struct vnode *vp, int name, register_t *retval)
{
	switch (name) {
	case _PC_LINK_MAX:
	case _PC_NAME_MAX:
	case _PC_NO_TRUNC:
	case _PC_CHOWN_RESTRICTED:
		return ask_pathconf(vp, name, retval);
	case _PC_PATH_MAX:
		*retval = PATH_MAX;
		return 0;
	case _PC_SYMLINK_MAX:
		*retval = NFS3_PATHMAX;
		return 0;
	case _PC_PIPE_BUF:
		*retval = 512;
		return 0;
	case _PC_SYNC_IO:
		*retval = 1;
		return 0;
	case _PC_FILESIZEBITS:
		*retval = 64;
		return 0;
	default:
		return EINVAL;
	}
}

static int
nfs_inactive(struct vnode *vp, bool *recycle)
{
	struct nfsnode *np = VTONFS(vp);

	if (vp->v_type == VREG)
		nfssilly_unused(vp);
	mutex_enter(&np->n_lock);
	*recycle = np->n_stale;
	mutex_exit(&np->n_lock);
	return 0;
}

const struct vnodeops nfs_vnodeops = {
	.vop_lookup = nfs_lookup,
	.vop_create = nfs_create,
	.vop_mknod = nfs_mknod,
	.vop_open = nfs_open,
	.vop_close = nfs_close,
	.vop_access = nfs_access,
	.vop_getattr = nfs_getattr,
	.vop_setattr = nfs_setattr,
	.vop_read = nfs_read,
	.vop_write = nfs_write,
	.vop_fsync = nfswrite_sync,
	.vop_remove = nfs_remove,
	.vop_link = nfs_link,
	.vop_rename = nfs_rename,
	.vop_mkdir = nfs_mkdir,
	.vop_rmdir = nfs_rmdir,
	.vop_symlink = nfs_symlink,
	.vop_readdir = nfsdir_read,
	.vop_readlink = nfs_readlink,
	.vop_pathconf = nfs_pathconf,
	.vop_inactive = nfs_inactive,
	.vop_reclaim = nfsnode_reclaim,
	.vop_cacheops = &nfsread_cacheops,
};
