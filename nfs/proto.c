/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One short function for each structure of the RFC, called in its order.
 * The cursor fails for good at the first thing that is wrong, so only the last
 * line of a decoder looks; values that would hurt later (types, sizes, names)
 * fail here, so that nobody above has to check them again.
 */
#include "nfs/proto.h"

#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "nfs/protoxdr.h"

static const struct {
	uint16_t status;
	uint8_t error;
} errors[] = {
	{ NFS3ERR_PERM, EPERM },
	{ NFS3ERR_NOENT, ENOENT },
	{ NFS3ERR_IO, EIO },
	{ NFS3ERR_NXIO, ENXIO },
	{ NFS3ERR_ACCES, EACCES },
	{ NFS3ERR_EXIST, EEXIST },
	{ NFS3ERR_XDEV, EXDEV },
	{ NFS3ERR_NODEV, ENODEV },
	{ NFS3ERR_NOTDIR, ENOTDIR },
	{ NFS3ERR_ISDIR, EISDIR },
	{ NFS3ERR_INVAL, EINVAL },
	{ NFS3ERR_FBIG, EFBIG },
	{ NFS3ERR_NOSPC, ENOSPC },
	{ NFS3ERR_ROFS, EROFS },
	{ NFS3ERR_MLINK, EMLINK },
	{ NFS3ERR_NAMETOOLONG, ENAMETOOLONG },
	{ NFS3ERR_NOTEMPTY, ENOTEMPTY },
	{ NFS3ERR_DQUOT, EDQUOT },
	{ NFS3ERR_STALE, ESTALE },
	{ NFS3ERR_REMOTE, EREMOTE },
	{ NFS3ERR_BADHANDLE, ESTALE },
	{ NFS3ERR_NOTSUPP, EOPNOTSUPP },
	{ NFS3ERR_JUKEBOX, EAGAIN },
};

int
nfs3_errno(uint32_t status)
{
	if (status == NFS3_OK)
		return 0;
	for (size_t i = 0; i < NITEMS(errors); i++) {
		if (errors[i].status == status)
			return errors[i].error;
	}
	return EIO;
}

void
nfs3_put_fh(struct xdr_out *xo, const struct nfs3_fh *fh)
{
	xdr_put_opaque(xo, fh->fh_data, fh->fh_len);
}

void
nfs3_name_args(
    struct xdr_out *xo, const struct nfs3_fh *dir, const char *name, size_t len)
{
	nfs3_put_fh(xo, dir);
	xdr_put_opaque(xo, name, len);
}

void
nfs3_access_args(struct xdr_out *xo, const struct nfs3_fh *fh, uint32_t want)
{
	nfs3_put_fh(xo, fh);
	xdr_put_u32(xo, want);
}

void
nfs3_read_args(
    struct xdr_out *xo, const struct nfs3_fh *fh, uint64_t off, uint32_t count)
{
	nfs3_put_fh(xo, fh);
	xdr_put_u64(xo, off);
	xdr_put_u32(xo, count);
}

void
nfs3_readdir_args(struct xdr_out *xo, const struct nfs3_fh *fh,
    const struct nfs3_dirpos *pos, uint32_t count)
{
	nfs3_put_fh(xo, fh);
	xdr_put_u64(xo, pos->dp_cookie);
	xdr_put_fixed(xo, pos->dp_verf, sizeof(pos->dp_verf));
	xdr_put_u32(xo, count);
}

void
nfs3_readdirplus_args(struct xdr_out *xo, const struct nfs3_fh *fh,
    const struct nfs3_dirpos *pos, uint32_t dircount, uint32_t maxcount)
{
	nfs3_readdir_args(xo, fh, pos, dircount);
	xdr_put_u32(xo, maxcount);
}

void
mount3_path_args(struct xdr_out *xo, const char *path, size_t len)
{
	xdr_put_opaque(xo, path, len);
}

void
pmap_getport_args(
    struct xdr_out *xo, uint32_t prog, uint32_t vers, uint32_t prot)
{
	xdr_put_u32(xo, prog);
	xdr_put_u32(xo, vers);
	xdr_put_u32(xo, prot);
	xdr_put_u32(xo, 0); /* the port, in an answer of the same shape */
}

int
nfs3_finish(const struct xdr_in *xi)
{
	return xi->xi_failed ? EBADRPC : 0;
}

void
nfs3_get_fh(struct xdr_in *xi, struct nfs3_fh *fh)
{
	size_t len;
	const uint8_t *p = xdr_get_opaque(xi, NFS3_FHSIZE, &len);

	*fh = (struct nfs3_fh){ .fh_len = (uint32_t)len };
	if (len == 0)
		xdr_fail(xi);
	else
		memcpy(fh->fh_data, p, len);
}

void
nfs3_get_time(struct xdr_in *xi, struct nfs3_time *t)
{
	uint32_t nsec;

	t->t_sec = xdr_get_u32(xi);
	nsec = xdr_get_u32(xi);
	t->t_nsec = MIN(nsec, 999999999u);
}

static void
get_attr(struct xdr_in *xi, struct nfs3_attr *a)
{
	uint32_t type = xdr_get_u32(xi);

	if (type < NFS3_REG || type > NFS3_FIFO)
		xdr_fail(xi);
	a->a_type = (enum nfs3_type)type;
	a->a_mode = xdr_get_u32(xi) & 07777;
	a->a_nlink = xdr_get_u32(xi);
	a->a_uid = xdr_get_u32(xi);
	a->a_gid = xdr_get_u32(xi);
	a->a_size = xdr_get_u64(xi);
	if (a->a_size > INT64_MAX)
		xdr_fail(xi);
	a->a_used = xdr_get_u64(xi);
	a->a_major = xdr_get_u32(xi);
	a->a_minor = xdr_get_u32(xi);
	a->a_fsid = xdr_get_u64(xi);
	a->a_fileid = xdr_get_u64(xi);
	nfs3_get_time(xi, &a->a_atime);
	nfs3_get_time(xi, &a->a_mtime);
	nfs3_get_time(xi, &a->a_ctime);
}

void
nfs3_get_opt_attr(struct xdr_in *xi, struct nfs3_opt_attr *oa)
{
	*oa = (struct nfs3_opt_attr){ .oa_there = xdr_get_bool(xi) };
	if (oa->oa_there)
		get_attr(xi, &oa->oa_attr);
}

int
nfs3_getattr_result(struct xdr_in *xi, struct nfs3_getattr *res)
{
	struct nfs3_getattr got = { .ga_status = xdr_get_u32(xi) };

	if (got.ga_status == NFS3_OK)
		get_attr(xi, &got.ga_attr);
	if (nfs3_finish(xi) == 0)
		*res = got;
	return nfs3_finish(xi);
}

int
nfs3_lookup_result(struct xdr_in *xi, struct nfs3_lookup *res)
{
	struct nfs3_lookup got = { .lo_status = xdr_get_u32(xi) };

	if (got.lo_status == NFS3_OK) {
		nfs3_get_fh(xi, &got.lo_fh);
		nfs3_get_opt_attr(xi, &got.lo_attr);
	}
	nfs3_get_opt_attr(xi, &got.lo_dir_attr);
	if (nfs3_finish(xi) == 0)
		*res = got;
	return nfs3_finish(xi);
}

int
nfs3_access_result(struct xdr_in *xi, struct nfs3_access *res)
{
	struct nfs3_access got = { .ac_status = xdr_get_u32(xi) };

	nfs3_get_opt_attr(xi, &got.ac_attr);
	if (got.ac_status == NFS3_OK)
		got.ac_granted = xdr_get_u32(xi);
	if (nfs3_finish(xi) == 0)
		*res = got;
	return nfs3_finish(xi);
}

static bool
has_byte(const uint8_t *p, size_t len, uint8_t byte)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] == byte)
			return true;
	}
	return false;
}

int
nfs3_readlink_result(struct xdr_in *xi, struct nfs3_readlink *res)
{
	struct nfs3_readlink got = { .rl_status = xdr_get_u32(xi) };
	const uint8_t *path;

	nfs3_get_opt_attr(xi, &got.rl_attr);
	if (got.rl_status == NFS3_OK) {
		path = xdr_get_opaque(xi, NFS3_PATHMAX, &got.rl_len);
		if (got.rl_len == 0 || has_byte(path, got.rl_len, 0))
			xdr_fail(xi);
		got.rl_path = (const char *)path;
	}
	if (nfs3_finish(xi) == 0)
		*res = got;
	return nfs3_finish(xi);
}

int
nfs3_read_head(struct xdr_in *xi, struct nfs3_read *res)
{
	struct nfs3_read got = { .rd_status = xdr_get_u32(xi) };

	nfs3_get_opt_attr(xi, &got.rd_attr);
	if (got.rd_status == NFS3_OK) {
		got.rd_count = xdr_get_u32(xi);
		got.rd_eof = xdr_get_bool(xi);
		if (xdr_get_u32(xi) != got.rd_count)
			xdr_fail(xi);
	}
	if (nfs3_finish(xi) == 0)
		*res = got;
	return nfs3_finish(xi);
}

int
nfs3_readdir_head(struct xdr_in *xi, struct nfs3_readdir *res)
{
	struct nfs3_readdir got = { .dr_status = xdr_get_u32(xi) };

	nfs3_get_opt_attr(xi, &got.dr_attr);
	if (got.dr_status == NFS3_OK)
		xdr_get_fixed(xi, got.dr_verf, sizeof(got.dr_verf));
	if (nfs3_finish(xi) == 0)
		*res = got;
	return nfs3_finish(xi);
}

static void
get_entry_name(struct xdr_in *xi, struct nfs3_entry *de)
{
	const uint8_t *name;

	name = xdr_get_opaque(xi, NFS3_NAMEMAX, &de->de_namelen);
	if (de->de_namelen == 0 || has_byte(name, de->de_namelen, 0) ||
	    has_byte(name, de->de_namelen, '/'))
		xdr_fail(xi);
	de->de_name = (const char *)name;
}

bool
nfs3_readdir_entry(struct xdr_in *xi, bool plus, struct nfs3_entry *de)
{
	struct nfs3_entry got = { 0 };

	if (!xdr_get_bool(xi))
		return false;
	got.de_fileid = xdr_get_u64(xi);
	get_entry_name(xi, &got);
	got.de_cookie = xdr_get_u64(xi);
	if (plus) {
		nfs3_get_opt_attr(xi, &got.de_attr);
		got.de_has_fh = xdr_get_bool(xi);
		if (got.de_has_fh)
			nfs3_get_fh(xi, &got.de_fh);
	}
	if (xi->xi_failed)
		return false;
	*de = got;
	return true;
}

int
nfs3_readdir_end(struct xdr_in *xi, bool *eof)
{
	bool got = xdr_get_bool(xi);

	if (nfs3_finish(xi) == 0)
		*eof = got;
	return nfs3_finish(xi);
}

int
nfs3_fsstat_result(struct xdr_in *xi, struct nfs3_fsstat *res)
{
	struct nfs3_fsstat got = { .fs_status = xdr_get_u32(xi) };

	nfs3_get_opt_attr(xi, &got.fs_attr);
	if (got.fs_status == NFS3_OK) {
		got.fs_tbytes = xdr_get_u64(xi);
		got.fs_fbytes = xdr_get_u64(xi);
		got.fs_abytes = xdr_get_u64(xi);
		got.fs_tfiles = xdr_get_u64(xi);
		got.fs_ffiles = xdr_get_u64(xi);
		got.fs_afiles = xdr_get_u64(xi);
		got.fs_invarsec = xdr_get_u32(xi);
	}
	if (nfs3_finish(xi) == 0)
		*res = got;
	return nfs3_finish(xi);
}

int
nfs3_fsinfo_result(struct xdr_in *xi, struct nfs3_fsinfo *res)
{
	struct nfs3_fsinfo got = { .fi_status = xdr_get_u32(xi) };

	nfs3_get_opt_attr(xi, &got.fi_attr);
	if (got.fi_status == NFS3_OK) {
		got.fi_rtmax = xdr_get_u32(xi);
		got.fi_rtpref = xdr_get_u32(xi);
		got.fi_rtmult = xdr_get_u32(xi);
		got.fi_wtmax = xdr_get_u32(xi);
		got.fi_wtpref = xdr_get_u32(xi);
		got.fi_wtmult = xdr_get_u32(xi);
		got.fi_dtpref = xdr_get_u32(xi);
		got.fi_maxfilesize = xdr_get_u64(xi);
		nfs3_get_time(xi, &got.fi_time_delta);
		got.fi_properties = xdr_get_u32(xi);
	}
	if (nfs3_finish(xi) == 0)
		*res = got;
	return nfs3_finish(xi);
}

int
nfs3_pathconf_result(struct xdr_in *xi, struct nfs3_pathconf *res)
{
	struct nfs3_pathconf got = { .pc_status = xdr_get_u32(xi) };

	nfs3_get_opt_attr(xi, &got.pc_attr);
	if (got.pc_status == NFS3_OK) {
		got.pc_linkmax = xdr_get_u32(xi);
		got.pc_name_max = xdr_get_u32(xi);
		got.pc_no_trunc = xdr_get_bool(xi);
		got.pc_chown_restricted = xdr_get_bool(xi);
		got.pc_case_insensitive = xdr_get_bool(xi);
		got.pc_case_preserving = xdr_get_bool(xi);
	}
	if (nfs3_finish(xi) == 0)
		*res = got;
	return nfs3_finish(xi);
}

static void
get_flavours(struct xdr_in *xi, struct mount3_mnt *res)
{
	uint32_t n = xdr_get_u32(xi);
	uint32_t flavour;

	/* Each takes four bytes: a count beyond the message is a lie. */
	if (n > xdr_left(xi) / 4)
		xdr_fail(xi);
	for (uint32_t i = 0; i < n && !xi->xi_failed; i++) {
		flavour = xdr_get_u32(xi);
		if (res->mn_nflavours < MOUNT3_MAXFLAVOURS)
			res->mn_flavours[res->mn_nflavours++] = flavour;
	}
}

int
mount3_mnt_result(struct xdr_in *xi, struct mount3_mnt *res)
{
	struct mount3_mnt got = { .mn_status = xdr_get_u32(xi) };

	if (got.mn_status == NFS3_OK) {
		nfs3_get_fh(xi, &got.mn_fh);
		get_flavours(xi, &got);
	}
	if (nfs3_finish(xi) == 0)
		*res = got;
	return nfs3_finish(xi);
}

int
pmap_getport_result(struct xdr_in *xi, uint16_t *port)
{
	uint32_t got = xdr_get_u32(xi);

	if (got > UINT16_MAX)
		xdr_fail(xi);
	if (nfs3_finish(xi) == 0)
		*port = (uint16_t)got;
	return nfs3_finish(xi);
}
