/* SPDX-License-Identifier: BSD-2-Clause */
/* Procedures that modify, as call.c. */
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "nfs/callrun.h"

#define WCC_SIZE (4 + 8 + 2 * 8 + OPT_ATTR_SIZE)
#define CHANGE_SIZE (4 + WCC_SIZE)
#define MADE_SIZE (4 + 4 + FH_SIZE + OPT_ATTR_SIZE + WCC_SIZE)
#define RENAME_SIZE (4 + 2 * WCC_SIZE)
#define LINK_SIZE (4 + OPT_ATTR_SIZE + WCC_SIZE)
#define WRITE_SIZE (4 + WCC_SIZE + 4 + 4 + 8)
#define DIRNAME_SIZE (FH_SIZE + NAME_SIZE)
#define NEW_SIZE (DIRNAME_SIZE + NFS3_SATTR_SIZE + 3 * 4)

#define DECODER(name)                                                          \
	static int decode_##name(struct xdr_in *xi, void *res)                 \
	{                                                                      \
		return nfs3_##name##_result(xi, res);                          \
	}
DECODER(change)
DECODER(made)
DECODER(rename)
DECODER(link)
DECODER(commit)

static int
check_name(const struct nfs3_dirname *dn)
{
	return dn->dn_len > NFS3_NAMEMAX ? ENAMETOOLONG : 0;
}

static void
encode_setattr(struct xdr_out *xo, const struct call_args *args)
{
	nfs3_setattr_args(xo, args->fh, args->more);
}

int
nfscall_setattr(struct nfsmount *nm, const struct nfs3_fh *fh,
    const struct nfs3_sattr *sa, kauth_cred_t cred, struct nfs3_change *res)
{
	static const struct procedure p = { NFS3PROC_SETATTR,
		FH_SIZE + NFS3_SATTR_SIZE + 4, CHANGE_SIZE, encode_setattr,
		decode_change, .once = true };
	bool again;

	return nfscall_run(
	    nm, &p, &(struct call_args){ fh, .more = sa }, cred, res, &again);
}

static void
encode_create(struct xdr_out *xo, const struct call_args *args)
{
	const struct nfs_new *nw = args->more;

	nfs3_create_args(xo, &nw->nw_dn, nw->nw_how, nw->nw_sattr, nw->nw_verf);
}

static void
encode_mkdir(struct xdr_out *xo, const struct call_args *args)
{
	const struct nfs_new *nw = args->more;

	nfs3_mkdir_args(xo, &nw->nw_dn, nw->nw_sattr);
}

static void
encode_symlink(struct xdr_out *xo, const struct call_args *args)
{
	const struct nfs_new *nw = args->more;

	nfs3_symlink_args(
	    xo, &nw->nw_dn, nw->nw_sattr, nw->nw_target, strlen(nw->nw_target));
}

static void
encode_mknod(struct xdr_out *xo, const struct call_args *args)
{
	const struct nfs_new *nw = args->more;

	nfs3_mknod_args(xo, &nw->nw_dn, nw->nw_type, nw->nw_sattr, nw->nw_major,
	    nw->nw_minor);
}

int
nfscall_make(struct nfsmount *nm, const struct nfs_new *nw, kauth_cred_t cred,
    struct nfs3_made *res, bool *again)
{
	static const struct procedure create = { NFS3PROC_CREATE, NEW_SIZE,
		MADE_SIZE, encode_create, decode_made, .once = true };
	static const struct procedure mkdir = { NFS3PROC_MKDIR, NEW_SIZE,
		MADE_SIZE, encode_mkdir, decode_made, .once = true };
	static const struct procedure symlink = { NFS3PROC_SYMLINK,
		NEW_SIZE + 4 + XDR_ROUND(NFS3_PATHMAX), MADE_SIZE,
		encode_symlink, decode_made, .once = true };
	static const struct procedure mknod = { NFS3PROC_MKNOD, NEW_SIZE,
		MADE_SIZE, encode_mknod, decode_made, .once = true };
	static const struct procedure *const procedures[] = {
		[NFS3_REG] = &create,
		[NFS3_DIR] = &mkdir,
		[NFS3_BLK] = &mknod,
		[NFS3_CHR] = &mknod,
		[NFS3_LNK] = &symlink,
		[NFS3_SOCK] = &mknod,
		[NFS3_FIFO] = &mknod,
	};
	int error = check_name(&nw->nw_dn);

	if (error == 0 && nw->nw_type == NFS3_LNK &&
	    strlen(nw->nw_target) > NFS3_PATHMAX)
		error = ENAMETOOLONG;
	if (error != 0)
		return error;
	return nfscall_run(nm, procedures[nw->nw_type],
	    &(struct call_args){ .more = nw }, cred, res, again);
}

static void
encode_dirname(struct xdr_out *xo, const struct call_args *args)
{
	const struct nfs3_dirname *dn = args->more;

	nfs3_name_args(xo, dn->dn_dir, dn->dn_name, dn->dn_len);
}

int
nfscall_remove(struct nfsmount *nm, const struct nfs3_dirname *dn,
    bool directory, kauth_cred_t cred, struct nfs3_change *res, bool *again)
{
	static const struct procedure remove = { NFS3PROC_REMOVE, DIRNAME_SIZE,
		CHANGE_SIZE, encode_dirname, decode_change, .once = true };
	static const struct procedure rmdir = { NFS3PROC_RMDIR, DIRNAME_SIZE,
		CHANGE_SIZE, encode_dirname, decode_change, .once = true };
	int error = check_name(dn);

	if (error != 0)
		return error;
	return nfscall_run(nm, directory ? &rmdir : &remove,
	    &(struct call_args){ .more = dn }, cred, res, again);
}

struct renaming {
	const struct nfs3_dirname *from, *to;
};

static void
encode_rename(struct xdr_out *xo, const struct call_args *args)
{
	const struct renaming *r = args->more;

	nfs3_rename_args(xo, r->from, r->to);
}

int
nfscall_rename(struct nfsmount *nm, const struct nfs3_dirname *from,
    const struct nfs3_dirname *to, kauth_cred_t cred, struct nfs3_rename *res,
    bool *again)
{
	static const struct procedure p = { NFS3PROC_RENAME, 2 * DIRNAME_SIZE,
		RENAME_SIZE, encode_rename, decode_rename, .once = true };
	const struct renaming r = { from, to };
	int error = check_name(from);

	if (error == 0)
		error = check_name(to);
	if (error != 0)
		return error;
	return nfscall_run(
	    nm, &p, &(struct call_args){ .more = &r }, cred, res, again);
}

static void
encode_link(struct xdr_out *xo, const struct call_args *args)
{
	nfs3_link_args(xo, args->fh, args->more);
}

int
nfscall_link(struct nfsmount *nm, const struct nfs3_fh *fh,
    const struct nfs3_dirname *to, kauth_cred_t cred, struct nfs3_link *res,
    bool *again)
{
	static const struct procedure p = { NFS3PROC_LINK,
		FH_SIZE + DIRNAME_SIZE, LINK_SIZE, encode_link, decode_link,
		.once = true };
	int error = check_name(to);

	if (error != 0)
		return error;
	return nfscall_run(
	    nm, &p, &(struct call_args){ fh, .more = to }, cred, res, again);
}

struct range {
	uint64_t off;
	uint32_t count;
};

static void
encode_commit(struct xdr_out *xo, const struct call_args *args)
{
	const struct range *r = args->more;

	nfs3_commit_args(xo, args->fh, r->off, r->count);
}

int
nfscall_commit(struct nfsmount *nm, const struct nfs3_fh *fh, uint64_t off,
    uint32_t count, kauth_cred_t cred, struct nfs3_commit *res)
{
	static const struct procedure p = { NFS3PROC_COMMIT, 0, WRITE_SIZE,
		encode_commit, decode_commit, .once = true };
	const struct range r = { off, count };
	bool again;

	return nfscall_run(
	    nm, &p, &(struct call_args){ fh, .more = &r }, cred, res, &again);
}

struct rpc_call *
nfscall_write_create(struct nfsmount *nm, const struct nfs3_fh *fh,
    uint64_t off, uint32_t count, enum nfs3_stable stable,
    const struct kauth_cred *cred)
{
	struct rpc_call *ca = nfscall_create_call(
	    nm, NFS3PROC_WRITE, cred, FH_SIZE + 5 * 4, WRITE_SIZE);

	nfs3_write_args(&ca->ca_msg, fh, off, count, stable);
	return ca;
}
