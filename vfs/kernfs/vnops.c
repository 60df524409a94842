/* SPDX-License-Identifier: BSD-2-Clause */
/* One directory with files that everybody can read and nobody can change. */
#include "kern/clock.h"
#include "kern/file.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "vfs/kernfs/kernfs.h"
#include "vfs/mount.h"

#define DIR_MODE (S_IRUSR | S_IXUSR | S_IRGRP | S_IXGRP | S_IROTH | S_IXOTH)
#define FILE_MODE (S_IRUSR | S_IRGRP | S_IROTH)
/* Positions of a listing: ".", "..", then the reports. */
#define POS_REPORTS 2

static int
kernfs_lookup(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp)
{
	kernfs_key key = KERNFS_ROOT;
	int number;

	if ((cnp->cn_flags & CN_ISDOTDOT) == 0) {
		number = report_find(cnp->cn_nameptr, cnp->cn_namelen);
		if (number < 0)
			return ENOENT;
		key = (kernfs_key)number;
	}
	return vcache_get(dvp->v_mount, &key, sizeof(key), vpp);
}

static int
kernfs_open(struct vnode *vp, int fflags, kauth_cred_t cred, struct file *fp)
{
	const struct kernfs_node *kn = vp->v_data;

	if ((fflags & FWRITE) != 0)
		return EROFS;
	if (fp == NULL || kn->kn_report == NULL)
		return 0;
	return kernfs_file_open(fp, kn->kn_report);
}

static int
kernfs_access(struct vnode *vp, int mode, kauth_cred_t cred)
{
	return vaccess(vp->v_type, vp->v_type == VDIR ? DIR_MODE : FILE_MODE, 0,
	    0, mode, cred);
}

/* The size is not known before the text is made; 0, as in /proc. */
static int
kernfs_getattr(struct vnode *vp, struct vattr *va, kauth_cred_t cred)
{
	const struct kernfs_node *kn = vp->v_data;

	memset(va, 0, sizeof(*va));
	va->va_type = vp->v_type;
	va->va_mode = vp->v_type == VDIR ? DIR_MODE : FILE_MODE;
	va->va_nlink = vp->v_type == VDIR ? 2 : 1;
	va->va_fsid = vp->v_mount->mnt_fsid;
	va->va_fileid = kernfs_fileid(kn->kn_key);
	va->va_blocksize = 4096;
	getnanotime(&va->va_mtime);
	va->va_atime = va->va_ctime = va->va_birthtime = va->va_mtime;
	return 0;
}

/* For the kernel's own opens, which have no file. */
static int
kernfs_read(struct vnode *vp, struct uio *uio, int ioflag, kauth_cred_t cred)
{
	const struct kernfs_node *kn = vp->v_data;
	struct kernfs_text kt;
	int error;

	if (kn->kn_report == NULL)
		return EISDIR;
	error = kernfs_text_take(&kt, kn->kn_report);
	if (error != 0)
		return error;
	error = kernfs_text_move(&kt, uio);
	kernfs_text_fini(&kt);
	return error;
}

/* Make the record of position pos; false when there is none. */
static bool
make_record(off_t pos, struct rump_dirent *d)
{
	const struct report *rp = NULL;
	const char *name = pos == 0 ? "." : "..";
	kernfs_key key = KERNFS_ROOT;

	if (pos >= POS_REPORTS) {
		key = (kernfs_key)(pos - POS_REPORTS);
		rp = report_nth((size_t)key);
		if (rp == NULL)
			return false;
		name = rp->rp_name;
	}
	memset(d, 0, sizeof(*d));
	d->d_fileno = kernfs_fileid(key);
	d->d_namlen = (uint16_t)strlcpy(d->d_name, name, sizeof(d->d_name));
	d->d_type = vtype_to_dt(rp != NULL ? VREG : VDIR);
	d->d_reclen = (uint16_t)ROUNDUP(
	    offsetof(struct rump_dirent, d_name) + d->d_namlen + 1u, 8);
	return true;
}

static int
kernfs_readdir(struct vnode *vp, struct uio *uio, kauth_cred_t cred, bool *eof,
    off_t *cookies, size_t *ncookies)
{
	size_t n = 0, most = ncookies != NULL ? *ncookies : SIZE_MAX;
	off_t pos = uio->uio_offset;
	struct rump_dirent d;
	bool more = false;
	int error = 0;

	if (pos < 0)
		return EINVAL;
	while (error == 0 && n < most && (more = make_record(pos, &d))) {
		if (d.d_reclen > uio->uio_resid)
			break;
		error = uiomove(&d, d.d_reclen, uio);
		if (error == 0 && cookies != NULL)
			cookies[n] = pos + 1;
		n += error == 0;
		pos += error == 0;
	}
	if (error == 0 && n == 0 && more)
		error = EINVAL;
	if (error != 0)
		return error;
	uio->uio_offset = pos;
	*eof = !more;
	if (ncookies != NULL)
		*ncookies = n;
	return 0;
}

static int
kernfs_reclaim(struct vnode *vp)
{
	kmem_free(vp->v_data, sizeof(struct kernfs_node));
	vp->v_data = NULL;
	return 0;
}

const struct vnodeops kernfs_vnodeops = {
	.vop_lookup = kernfs_lookup,
	.vop_open = kernfs_open,
	.vop_access = kernfs_access,
	.vop_getattr = kernfs_getattr,
	.vop_read = kernfs_read,
	.vop_readdir = kernfs_readdir,
	.vop_reclaim = kernfs_reclaim,
};
