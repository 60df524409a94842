/* SPDX-License-Identifier: BSD-2-Clause */
/* Procedures that modify; as proto.c. */
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "nfs/protoxdr.h"

static void
put_opt_u32(struct xdr_out *xo, bool set, uint32_t value)
{
	xdr_put_u32(xo, set);
	if (set)
		xdr_put_u32(xo, value);
}

static void
put_set_time(
    struct xdr_out *xo, enum nfs3_set_time how, const struct nfs3_time *t)
{
	xdr_put_u32(xo, how);
	if (how == NFS3_TIME_GIVEN) {
		xdr_put_u32(xo, t->t_sec);
		xdr_put_u32(xo, t->t_nsec);
	}
}

static void
put_sattr(struct xdr_out *xo, const struct nfs3_sattr *sa)
{
	put_opt_u32(xo, sa->sa_set_mode, sa->sa_mode);
	put_opt_u32(xo, sa->sa_set_uid, sa->sa_uid);
	put_opt_u32(xo, sa->sa_set_gid, sa->sa_gid);
	xdr_put_u32(xo, sa->sa_set_size);
	if (sa->sa_set_size)
		xdr_put_u64(xo, sa->sa_size);
	put_set_time(xo, sa->sa_set_atime, &sa->sa_atime);
	put_set_time(xo, sa->sa_set_mtime, &sa->sa_mtime);
}

static void
put_dirname(struct xdr_out *xo, const struct nfs3_dirname *dn)
{
	nfs3_name_args(xo, dn->dn_dir, dn->dn_name, dn->dn_len);
}

void
nfs3_setattr_args(
    struct xdr_out *xo, const struct nfs3_fh *fh, const struct nfs3_sattr *sa)
{
	nfs3_put_fh(xo, fh);
	put_sattr(xo, sa);
	xdr_put_u32(xo, false); /* whatever its change time is */
}

void
nfs3_write_args(struct xdr_out *xo, const struct nfs3_fh *fh, uint64_t off,
    uint32_t count, enum nfs3_stable stable)
{
	nfs3_put_fh(xo, fh);
	xdr_put_u64(xo, off);
	xdr_put_u32(xo, count);
	xdr_put_u32(xo, stable);
	xdr_put_u32(xo, count); /* length of the data */
}

void
nfs3_create_args(struct xdr_out *xo, const struct nfs3_dirname *dn,
    enum nfs3_createmode how, const struct nfs3_sattr *sa, const uint8_t *verf)
{
	put_dirname(xo, dn);
	xdr_put_u32(xo, how);
	if (how == NFS3_EXCLUSIVE)
		xdr_put_fixed(xo, verf, NFS3_CREATEVERFSIZE);
	else
		put_sattr(xo, sa);
}

void
nfs3_mkdir_args(struct xdr_out *xo, const struct nfs3_dirname *dn,
    const struct nfs3_sattr *sa)
{
	put_dirname(xo, dn);
	put_sattr(xo, sa);
}

void
nfs3_symlink_args(struct xdr_out *xo, const struct nfs3_dirname *dn,
    const struct nfs3_sattr *sa, const char *target, size_t len)
{
	put_dirname(xo, dn);
	put_sattr(xo, sa);
	xdr_put_opaque(xo, target, len);
}

void
nfs3_mknod_args(struct xdr_out *xo, const struct nfs3_dirname *dn,
    enum nfs3_type type, const struct nfs3_sattr *sa, uint32_t major,
    uint32_t minor)
{
	put_dirname(xo, dn);
	xdr_put_u32(xo, type);
	put_sattr(xo, sa);
	if (type == NFS3_CHR || type == NFS3_BLK) {
		xdr_put_u32(xo, major);
		xdr_put_u32(xo, minor);
	}
}

void
nfs3_rename_args(struct xdr_out *xo, const struct nfs3_dirname *from,
    const struct nfs3_dirname *to)
{
	put_dirname(xo, from);
	put_dirname(xo, to);
}

void
nfs3_link_args(
    struct xdr_out *xo, const struct nfs3_fh *fh, const struct nfs3_dirname *to)
{
	nfs3_put_fh(xo, fh);
	put_dirname(xo, to);
}

void
nfs3_commit_args(
    struct xdr_out *xo, const struct nfs3_fh *fh, uint64_t off, uint32_t count)
{
	nfs3_put_fh(xo, fh);
	xdr_put_u64(xo, off);
	xdr_put_u32(xo, count);
}

static void
get_wcc(struct xdr_in *xi, struct nfs3_wcc *wc)
{
	*wc = (struct nfs3_wcc){ .wc_has_before = xdr_get_bool(xi) };
	if (wc->wc_has_before) {
		wc->wc_before.wa_size = xdr_get_u64(xi);
		nfs3_get_time(xi, &wc->wc_before.wa_mtime);
		nfs3_get_time(xi, &wc->wc_before.wa_ctime);
	}
	nfs3_get_opt_attr(xi, &wc->wc_after);
}

int
nfs3_change_result(struct xdr_in *xi, struct nfs3_change *res)
{
	struct nfs3_change got = { .ch_status = xdr_get_u32(xi) };

	get_wcc(xi, &got.ch_wcc);
	if (nfs3_finish(xi) == 0)
		*res = got;
	return nfs3_finish(xi);
}

int
nfs3_made_result(struct xdr_in *xi, struct nfs3_made *res)
{
	struct nfs3_made got = { .ma_status = xdr_get_u32(xi) };

	if (got.ma_status == NFS3_OK) {
		got.ma_has_fh = xdr_get_bool(xi);
		if (got.ma_has_fh)
			nfs3_get_fh(xi, &got.ma_fh);
		nfs3_get_opt_attr(xi, &got.ma_attr);
	}
	get_wcc(xi, &got.ma_dir);
	if (nfs3_finish(xi) == 0)
		*res = got;
	return nfs3_finish(xi);
}

int
nfs3_rename_result(struct xdr_in *xi, struct nfs3_rename *res)
{
	struct nfs3_rename got = { .rn_status = xdr_get_u32(xi) };

	get_wcc(xi, &got.rn_from);
	get_wcc(xi, &got.rn_to);
	if (nfs3_finish(xi) == 0)
		*res = got;
	return nfs3_finish(xi);
}

int
nfs3_link_result(struct xdr_in *xi, struct nfs3_link *res)
{
	struct nfs3_link got = { .ln_status = xdr_get_u32(xi) };

	nfs3_get_opt_attr(xi, &got.ln_attr);
	get_wcc(xi, &got.ln_dir);
	if (nfs3_finish(xi) == 0)
		*res = got;
	return nfs3_finish(xi);
}

int
nfs3_write_result(struct xdr_in *xi, struct nfs3_write *res)
{
	struct nfs3_write got = { .wr_status = xdr_get_u32(xi) };
	uint32_t committed;

	get_wcc(xi, &got.wr_wcc);
	if (got.wr_status == NFS3_OK) {
		got.wr_count = xdr_get_u32(xi);
		committed = xdr_get_u32(xi);
		if (committed > NFS3_FILE_SYNC)
			xdr_fail(xi);
		got.wr_committed = (enum nfs3_stable)committed;
		got.wr_verf = xdr_get_u64(xi);
	}
	if (nfs3_finish(xi) == 0)
		*res = got;
	return nfs3_finish(xi);
}

int
nfs3_commit_result(struct xdr_in *xi, struct nfs3_commit *res)
{
	struct nfs3_commit got = { .co_status = xdr_get_u32(xi) };

	get_wcc(xi, &got.co_wcc);
	if (got.co_status == NFS3_OK)
		got.co_verf = xdr_get_u64(xi);
	if (nfs3_finish(xi) == 0)
		*res = got;
	return nfs3_finish(xi);
}
