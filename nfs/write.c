/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A run of the page cache is one WRITE, or several one after the other when the
 * server takes less than it was given.  Many runs are in flight over one
 * connection; whoever waits for one receives the replies of all.
 *
 * The verifier of a run is that of its first part which is not on stable
 * storage: a server that was restarted between two parts has another one by the
 * time of the commit, so the run is written again.
 *
 * A signal does not end the waiting as long as the server answers: programs that
 * have a timer going do not expect close(2) to be interrupted.
 *
 * A server that says "later" gets the same WRITE again after a while, which is
 * left to the connection, since whoever receives must not sleep.
 */
#include "nfs/write.h"

#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "nfs/call.h"
#include "nfs/pace.h"

/* WRITEs for one run before a server that trickles is given up. */
#define PARTS_MAX 1024

struct nfswrite {
	struct pcwrite *w_pw;
	struct nfsnode *w_node; /* the cache keeps it */
	struct nfschange w_change;
	size_t w_done;    /* bytes that the server has */
	uint32_t w_asked; /* bytes of the present WRITE */
	unsigned w_parts;
	unsigned w_later; /* times that the server said so */
	bool w_unstable;  /* some part is to be committed ... */
	uint64_t w_verf;  /* ... and had this verifier */
	int w_niov;
	struct rump_iovec w_iov[PC_WRITE_IOV]; /* of the present WRITE */
};

static void send_part(struct nfswrite *w, int64_t delay_ns);

/* What is to be sent: behind w_done, at most wsize bytes. */
static void
slice(struct nfswrite *w)
{
	const struct pcwrite *pw = w->w_pw;
	size_t skip = w->w_done;
	size_t left =
	    MIN(pw->pw_len - w->w_done, (size_t)w->w_node->n_mount->nm_wsize);

	w->w_asked = (uint32_t)left;
	w->w_niov = 0;
	for (int i = 0; i < pw->pw_niov && left > 0; i++) {
		size_t len = pw->pw_iov[i].iov_len;

		if (skip >= len) {
			skip -= len;
			continue;
		}
		len = MIN(len - skip, left);
		w->w_iov[w->w_niov].iov_base =
		    (char *)pw->pw_iov[i].iov_base + skip;
		w->w_iov[w->w_niov++].iov_len = len;
		left -= len;
		skip = 0;
	}
	KASSERT(left == 0);
}

static void
finish(struct nfswrite *w, int error)
{
	struct pcwrite *pw = w->w_pw;
	bool committed = !w->w_unstable;
	uint64_t verf = w->w_verf;

	kmem_free(w, sizeof(*w));
	/* The node may go with this. */
	pagecache_write_done(pw, error, error == 0 && committed, verf);
}

/* Account for a good reply. */
static int
take_part(struct nfswrite *w, const struct nfs3_write *res)
{
	if (res->wr_count > w->w_asked)
		return EBADRPC;
	if (res->wr_count == 0 || ++w->w_parts >= PARTS_MAX)
		return EIO;
	if (res->wr_committed == NFS3_UNSTABLE && !w->w_unstable) {
		w->w_unstable = true;
		w->w_verf = res->wr_verf;
	}
	w->w_done += res->wr_count;
	w->w_later = 0;
	return 0;
}

/* 0, and *delay_ns when it is to be sent again after a while. */
static int
take_reply(struct nfswrite *w, struct rpc_call *ca, int64_t *delay_ns)
{
	struct nfsmount *nm = w->w_node->n_mount;
	struct nfs3_write res;
	struct xdr_in xi;
	int error;

	error = rpc_call_results(ca, &xi);
	if (error == 0)
		error = nfs3_write_result(&xi, &res);
	nfschange_end(&w->w_change, error == 0 ? &res.wr_wcc : NULL);
	if (error != 0)
		return error;
	if (res.wr_status == NFS3ERR_JUKEBOX) {
		*delay_ns = nfspace_second();
		return nfscall_may_retry(nm, ++w->w_later) ? 0 : ETIMEDOUT;
	}
	error = nfsnode_verdict(w->w_node, res.wr_status);
	return error != 0 ? error : take_part(w, &res);
}

static void
write_done(struct rpc_call *ca)
{
	struct nfswrite *w = ca->ca_arg;
	int64_t delay_ns = 0;
	int error;

	error = take_reply(w, ca, &delay_ns);
	rpc_call_unref(ca);
	if (error != 0 || w->w_done == w->w_pw->pw_len)
		finish(w, error);
	else
		send_part(w, delay_ns);
}

static void
send_part(struct nfswrite *w, int64_t delay_ns)
{
	struct pcwrite *pw = w->w_pw;
	struct nfsnode *np = w->w_node;
	struct nfsmount *nm = np->n_mount;
	struct rpc_call *ca;

	slice(w);
	nfschange_begin(&w->w_change, np);
	ca = nfscall_write_create(nm, &np->n_fh,
	    (uint64_t)pw->pw_off + w->w_done, w->w_asked,
	    pw->pw_stable ? NFS3_FILE_SYNC : NFS3_UNSTABLE, pw->pw_cred);
	rpc_call_attach(ca, w->w_iov, w->w_niov);
	if (delay_ns == 0)
		rpc_call_start(nm->nm_conn, ca, write_done, w);
	else
		rpc_call_start_later(nm->nm_conn, ca, write_done, w, delay_ns);
}

size_t
nfswrite_size(struct vnode *vp)
{
	return VTONFS(vp)->n_mount->nm_wsize;
}

void
nfswrite_start(struct pcwrite *pw)
{
	struct nfswrite *w = kmem_zalloc(sizeof(*w), KM_SLEEP);

	KASSERT(pw->pw_len > 0 && pw->pw_niov <= PC_WRITE_IOV);
	w->w_pw = pw;
	w->w_node = VTONFS(pw->pw_vp);
	send_part(w, 0);
}

int
nfswrite_wait(struct pcwrite *pw)
{
	struct rpc_conn *rc = VTONFS(pw->pw_vp)->n_mount->nm_conn;
	int error = rpc_wait(rc, &pw->pw_done);

	/* close(2) cannot begin again. */
	if (error == ERESTART)
		error = rpc_wait_grace(rc, &pw->pw_done);
	return error == EINTR ? ERESTART : error;
}

int
nfswrite_commit(
    struct vnode *vp, off_t lo, off_t hi, kauth_cred_t cred, uint64_t *verf)
{
	struct nfsnode *np = VTONFS(vp);
	struct nfs3_commit res;
	struct nfschange c;
	uint32_t count = 0;
	int error;

	if (hi != 0 && hi - lo <= UINT32_MAX)
		count = (uint32_t)(hi - lo);
	nfschange_begin(&c, np);
	error = nfscall_commit(
	    np->n_mount, &np->n_fh, (uint64_t)lo, count, cred, &res);
	nfschange_end(&c, error == 0 ? &res.co_wcc : NULL);
	if (error == 0)
		error = nfsnode_verdict(np, res.co_status);
	if (error == 0)
		*verf = res.co_verf;
	return error == EINTR ? ERESTART : error;
}

int
nfswrite_lock(struct nfsnode *np)
{
	int error = 0;

	mutex_enter(&np->n_lock);
	while (error == 0 && np->n_writes % 2 != 0)
		error = cv_wait_sig(&np->n_writecv, &np->n_lock);
	if (error == 0)
		np->n_writes++;
	mutex_exit(&np->n_lock);
	return error;
}

void
nfswrite_unlock(struct nfsnode *np)
{
	mutex_enter(&np->n_lock);
	np->n_writes++;
	cv_signal(&np->n_writecv);
	mutex_exit(&np->n_lock);
}

/* Where to write, and that it can be.  The attributes are good. */
static int
place(struct nfsnode *np, struct uio *uio, int ioflag, off_t size)
{
	off_t max = (off_t)MIN(np->n_mount->nm_filemax, (uint64_t)INT64_MAX);

	if ((ioflag & IO_APPEND) != 0)
		uio->uio_offset = size;
	if (uio->uio_offset < 0)
		return EINVAL;
	if (uio->uio_offset > max ||
	    uio->uio_resid > (uint64_t)(max - uio->uio_offset))
		return EFBIG;
	return 0;
}

/* With the writer's lock. */
static int
write_locked(struct vnode *vp, struct uio *uio, int ioflag, kauth_cred_t cred)
{
	struct nfsnode *np = VTONFS(vp);
	size_t resid = uio->uio_resid;
	off_t size;
	int error;

	error = nfsnode_read_begin(np, cred, &size);
	if (error != 0)
		return error;
	(void)nfsnode_read_end(np);
	error = place(np, uio, ioflag, size);
	if (error != 0)
		return error;
	error = pagecache_write_behind(vp, uio, size, cred);
	if (uio->uio_resid != resid)
		nfsnode_wrote(np, uio->uio_offset);
	return error;
}

int
nfswrite_file(struct vnode *vp, struct uio *uio, int ioflag, kauth_cred_t cred)
{
	struct nfsnode *np = VTONFS(vp);
	size_t resid = uio->uio_resid;
	off_t end;
	int error;

	if (resid == 0)
		return 0;
	error = nfswrite_lock(np);
	if (error != 0)
		return error;
	error = write_locked(vp, uio, ioflag, cred);
	nfswrite_unlock(np);
	resid -= uio->uio_resid;
	end = uio->uio_offset;
	if (error != 0 || resid == 0)
		return error;
	if ((ioflag & IO_SYNC) != 0 || np->n_mount->nm_options.o_noac)
		error = pagecache_sync(vp, end - (off_t)resid, end, PCS_WAIT);
	return error;
}

int
nfswrite_sync(
    struct vnode *vp, kauth_cred_t cred, int flags, off_t lo, off_t hi)
{
	int error;

	if (vp->v_type != VREG)
		return 0;
	error = pagecache_sync(
	    vp, lo, hi, (flags & FSYNC_WAIT) != 0 ? PCS_WAIT : 0);
	nfsnode_settle(VTONFS(vp));
	return error;
}
