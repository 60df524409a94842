/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A procedure is an encoder, a decoder and the size of its reply; run() does
 * the rest.  Every result structure begins with the status.
 */
#include "nfs/call.h"

#include "kern/clock.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "nfs/callrun.h"
#include "nfs/pace.h"
#include "nfs/procstats.h"

/* The largest reply header, RFC 5531. */
#define REPLY_HEADER (6 * 4 + RPC_AUTH_MAX)
/* LOOKUP's is the longest but for the two with a buffer of their own. */
#define RESULT_SIZE (4 + FH_SIZE + 2 * OPT_ATTR_SIZE)
#define READLINK_SIZE (4 + OPT_ATTR_SIZE + 4 + NFS3_PATHMAX)

struct rpc_call *
nfscall_create_call(struct nfsmount *nm, enum nfs3_proc proc,
    const struct kauth_cred *cred, size_t args_size, size_t result_size)
{
	const struct nfs_options *o = &nm->nm_options;
	struct rpc_auth auth = {
		.ra_uid = o->o_has_uid ? o->o_uid : cred->cr_euid,
		.ra_gid = o->o_has_gid ? o->o_gid : cred->cr_egid,
		.ra_ngroups = MIN(cred->cr_ngroups, RPC_AUTH_GROUPS),
	};

	/* Whoever takes another identity leaves his groups behind. */
	if (o->o_has_uid || o->o_has_gid)
		auth.ra_ngroups = 0;
	memcpy(auth.ra_groups, cred->cr_groups,
	    auth.ra_ngroups * sizeof(auth.ra_groups[0]));
	nfs_procstats_count(proc);
	return rpc_call_create(
	    nm->nm_conn, proc, &auth, args_size, REPLY_HEADER + result_size);
}

static struct rpc_call *
create(struct nfsmount *nm, enum nfs3_proc proc, const struct kauth_cred *cred,
    size_t result_size)
{
	return nfscall_create_call(nm, proc, cred, ARGS_SIZE, result_size);
}

int
nfscall_nap(struct nfsmount *nm)
{
	int64_t until = uptime_ns() + nfspace_second();
	int error = 0;

	mutex_enter(&nm->nm_lock);
	while (error == 0 && uptime_ns() < until)
		error = cv_timedwait_sig(&nm->nm_napcv, &nm->nm_lock, until);
	mutex_exit(&nm->nm_lock);
	return error == EWOULDBLOCK ? 0 : error;
}

bool
nfscall_may_retry(const struct nfsmount *nm, unsigned tries)
{
	return (!nm->nm_options.o_soft && nfspace_is_patient()) ||
	       tries <= nm->nm_options.o_retrans;
}

static int
run_once(struct nfsmount *nm, const struct procedure *p,
    const struct call_args *args, const struct kauth_cred *cred, void *res,
    bool *again)
{
	struct rpc_call *ca = nfscall_create_call(nm, p->proc, cred,
	    p->args_size != 0 ? p->args_size : ARGS_SIZE, p->result_size);
	struct xdr_in xi;
	int error;

	p->encode(&ca->ca_msg, args);
	error = p->once ? rpc_call_run_once(nm->nm_conn, ca, &xi)
			: rpc_call_run(nm->nm_conn, ca, &xi);
	if (error == 0)
		error = p->decode(&xi, res);
	if (error == 0)
		*again = rpc_call_retransmitted(ca);
	rpc_call_unref(ca);
	return error;
}

int
nfscall_run(struct nfsmount *nm, const struct procedure *p,
    const struct call_args *args, const struct kauth_cred *cred, void *res,
    bool *again)
{
	const uint32_t *status = res;
	unsigned tries = 0;
	int error;

	for (;;) {
		error = run_once(nm, p, args, cred, res, again);
		if (error != 0 || *status != NFS3ERR_JUKEBOX ||
		    !nfscall_may_retry(nm, ++tries))
			return error;
		error = nfscall_nap(nm);
		if (error != 0)
			return error;
	}
}

static int
run(struct nfsmount *nm, const struct procedure *p,
    const struct call_args *args, const struct kauth_cred *cred, void *res)
{
	bool again;

	return nfscall_run(nm, p, args, cred, res, &again);
}

static void
encode_nothing(struct xdr_out *xo, const struct call_args *args)
{
}

static void
encode_fh(struct xdr_out *xo, const struct call_args *args)
{
	nfs3_fh_args(xo, args->fh);
}

static void
encode_name(struct xdr_out *xo, const struct call_args *args)
{
	nfs3_name_args(xo, args->fh, args->name, args->namelen);
}

static void
encode_access(struct xdr_out *xo, const struct call_args *args)
{
	nfs3_access_args(xo, args->fh, args->want);
}

/* Decoders behind one type. */
#define DECODER(name)                                                          \
	static int decode_##name(struct xdr_in *xi, void *res)                 \
	{                                                                      \
		return nfs3_##name##_result(xi, res);                          \
	}
DECODER(getattr)
DECODER(lookup)
DECODER(access)
DECODER(fsstat)
DECODER(fsinfo)
DECODER(pathconf)

static int
decode_nothing(struct xdr_in *xi, void *res)
{
	*(uint32_t *)res = NFS3_OK;
	return 0;
}

struct readlink_result {
	struct nfs3_readlink res;
	char *path;
};

static int
decode_readlink(struct xdr_in *xi, void *arg)
{
	struct readlink_result *rr = arg;
	int error = nfs3_readlink_result(xi, &rr->res);

	if (error == 0 && rr->res.rl_status == NFS3_OK) {
		memcpy(rr->path, rr->res.rl_path, rr->res.rl_len);
		rr->res.rl_path = rr->path;
	}
	return error;
}

int
nfscall_null(struct nfsmount *nm)
{
	static const struct procedure p = { NFS3PROC_NULL, 0, 0, encode_nothing,
		decode_nothing };
	uint32_t status;

	return run(
	    nm, &p, &(struct call_args){ NULL }, kauth_cred_kernel(), &status);
}

int
nfscall_getattr(struct nfsmount *nm, const struct nfs3_fh *fh,
    kauth_cred_t cred, struct nfs3_getattr *res)
{
	static const struct procedure p = { NFS3PROC_GETATTR, 0, RESULT_SIZE,
		encode_fh, decode_getattr };

	return run(nm, &p, &(struct call_args){ fh }, cred, res);
}

int
nfscall_lookup(struct nfsmount *nm, const struct nfs3_fh *dir, const char *name,
    size_t len, kauth_cred_t cred, struct nfs3_lookup *res)
{
	static const struct procedure p = { NFS3PROC_LOOKUP, 0, RESULT_SIZE,
		encode_name, decode_lookup };

	if (len > NFS3_NAMEMAX)
		return ENAMETOOLONG;
	return run(nm, &p, &(struct call_args){ dir, name, len }, cred, res);
}

int
nfscall_access(struct nfsmount *nm, const struct nfs3_fh *fh, uint32_t want,
    kauth_cred_t cred, struct nfs3_access *res)
{
	static const struct procedure p = { NFS3PROC_ACCESS, 0, RESULT_SIZE,
		encode_access, decode_access };

	return run(nm, &p, &(struct call_args){ fh, .want = want }, cred, res);
}

int
nfscall_readlink(struct nfsmount *nm, const struct nfs3_fh *fh,
    kauth_cred_t cred, char *path, struct nfs3_readlink *res)
{
	static const struct procedure p = { NFS3PROC_READLINK, 0, READLINK_SIZE,
		encode_fh, decode_readlink };
	struct readlink_result rr = { .path = path };
	int error;

	error = run(nm, &p, &(struct call_args){ fh }, cred, &rr);
	if (error == 0)
		*res = rr.res;
	return error;
}

int
nfscall_fsstat(struct nfsmount *nm, const struct nfs3_fh *fh, kauth_cred_t cred,
    struct nfs3_fsstat *res)
{
	static const struct procedure p = { NFS3PROC_FSSTAT, 0, RESULT_SIZE,
		encode_fh, decode_fsstat };

	return run(nm, &p, &(struct call_args){ fh }, cred, res);
}

int
nfscall_fsinfo(struct nfsmount *nm, const struct nfs3_fh *fh, kauth_cred_t cred,
    struct nfs3_fsinfo *res)
{
	static const struct procedure p = { NFS3PROC_FSINFO, 0, RESULT_SIZE,
		encode_fh, decode_fsinfo };

	return run(nm, &p, &(struct call_args){ fh }, cred, res);
}

int
nfscall_pathconf(struct nfsmount *nm, const struct nfs3_fh *fh,
    kauth_cred_t cred, struct nfs3_pathconf *res)
{
	static const struct procedure p = { NFS3PROC_PATHCONF, 0, RESULT_SIZE,
		encode_fh, decode_pathconf };

	return run(nm, &p, &(struct call_args){ fh }, cred, res);
}

static int
readdir_once(struct nfsmount *nm, const struct nfs3_fh *fh, bool plus,
    const struct nfs3_dirpos *pos, kauth_cred_t cred, struct nfs3_readdir *res,
    struct rpc_call **cap, struct xdr_in *xi)
{
	/* Some servers count only the entries. */
	struct rpc_call *ca =
	    create(nm, plus ? NFS3PROC_READDIRPLUS : NFS3PROC_READDIR, cred,
		nm->nm_dirsize + RESULT_SIZE);
	int error;

	if (plus)
		nfs3_readdirplus_args(
		    &ca->ca_msg, fh, pos, nm->nm_dirsize, nm->nm_dirsize);
	else
		nfs3_readdir_args(&ca->ca_msg, fh, pos, nm->nm_dirsize);
	error = rpc_call_run(nm->nm_conn, ca, xi);
	if (error == 0)
		error = nfs3_readdir_head(xi, res);
	if (error == 0 && res->dr_status == NFS3_OK)
		*cap = ca;
	else
		rpc_call_unref(ca);
	return error;
}

int
nfscall_readdir(struct nfsmount *nm, const struct nfs3_fh *fh, bool plus,
    const struct nfs3_dirpos *pos, kauth_cred_t cred, struct nfs3_readdir *res,
    struct rpc_call **cap, struct xdr_in *xi)
{
	unsigned tries = 0;
	int error;

	*cap = NULL;
	for (;;) {
		error = readdir_once(nm, fh, plus, pos, cred, res, cap, xi);
		if (error != 0 || res->dr_status != NFS3ERR_JUKEBOX ||
		    !nfscall_may_retry(nm, ++tries))
			return error;
		error = nfscall_nap(nm);
		if (error != 0)
			return error;
	}
}

struct rpc_call *
nfscall_read_create(struct nfsmount *nm, const struct nfs3_fh *fh, uint64_t off,
    uint32_t count, const struct kauth_cred *cred)
{
	struct rpc_call *ca =
	    create(nm, NFS3PROC_READ, cred, 4 + OPT_ATTR_SIZE + 3 * 4);

	nfs3_read_args(&ca->ca_msg, fh, off, count);
	return ca;
}
