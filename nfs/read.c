/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Theory of operation.
 *
 * The page cache starts fills, each a piece of one block.  Adjacent fills are
 * gathered into a run, up to rsize; a run is one READ, whose data go from the
 * socket to the pages.  A run is sent when it is full, when a fill does not
 * continue it, when the cache says that its batch is complete, or when somebody
 * waits.
 *
 * A reply that is short of the end of file is continued with another READ for
 * the rest, as a run larger than rsize is.  The run ends, and with it its
 * fills, when all is there, at the end of file, or with an error.
 *
 * Fills hold references to the vnode.  So that a closed file does not wait for
 * a server that has died, runs in which nobody is interested but the cache are
 * cancelled when the last file is closed.  Their pages are dropped without an
 * error, so that whoever has come to wait for them meanwhile starts anew.
 *
 * The server may meet the end of the file before we expect it, because the file
 * has been truncated.  The rest of the run is zeros then, which reads in
 * progress must not pass on: the node keeps the nearest such end, and they stop
 * there.
 */
#include "nfs/read.h"

#include "kern/clock.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "nfs/call.h"
#include "nfs/pace.h"
#include "nfs/write.h"

/* READs for one run before a server that trickles is given up. */
#define CONTINUE_MAX 1024
/* Reads begun anew because the file was found to be shorter. */
#define CUT_RETRIES 3

struct nfsrun {
	struct list rn_list;      /* n_lock: n_runs, while it is sent */
	struct nfsnode *rn_node;  /* the fills keep it */
	struct rpc_call *rn_call; /* n_lock: present one, not owned */
	bool rn_tried;            /* n_lock: by nfsread_stop() */
	off_t rn_off;
	size_t rn_len;
	size_t rn_got;     /* bytes in place */
	uint32_t rn_asked; /* bytes of the present READ */
	int64_t rn_asked_ns;
	unsigned rn_reads;
	unsigned rn_later;    /* times that the server said so */
	kauth_cred_t rn_cred; /* owned */
	int rn_nfills;
	struct pcfill *rn_fills[RPC_IOV_MAX];
	struct rump_iovec rn_iov[RPC_IOV_MAX]; /* what is still to come */
	int rn_niov, rn_first;
};

static void run_send(struct nfsrun *rn, int64_t delay_ns);

static struct nfsrun *
run_create(struct nfsnode *np, const struct pcfill *pf)
{
	struct nfsrun *rn = kmem_zalloc(sizeof(*rn), KM_SLEEP);

	list_init(&rn->rn_list);
	rn->rn_node = np;
	rn->rn_off = pf->pf_off;
	kauth_cred_hold(pf->pf_cred);
	rn->rn_cred = pf->pf_cred;
	return rn;
}

static void
run_free(struct nfsrun *rn)
{
	kauth_cred_free(rn->rn_cred);
	kmem_free(rn, sizeof(*rn));
}

static bool
run_takes(const struct nfsrun *rn, const struct pcfill *pf)
{
	return rn->rn_off + (off_t)rn->rn_len == pf->pf_off &&
	       rn->rn_cred == pf->pf_cred && rn->rn_nfills < RPC_IOV_MAX &&
	       rn->rn_len + pf->pf_len <= rn->rn_node->n_mount->nm_rsize;
}

/* Fills that lie side by side in memory are one piece for the socket. */
static void
run_add(struct nfsrun *rn, struct pcfill *pf)
{
	struct rump_iovec *last = &rn->rn_iov[MAX(rn->rn_niov - 1, 0)];

	rn->rn_fills[rn->rn_nfills++] = pf;
	rn->rn_len += pf->pf_len;
	if (rn->rn_niov > 0 &&
	    (char *)last->iov_base + last->iov_len == pf->pf_addr) {
		last->iov_len += pf->pf_len;
		return;
	}
	rn->rn_iov[rn->rn_niov].iov_base = pf->pf_addr;
	rn->rn_iov[rn->rn_niov].iov_len = pf->pf_len;
	rn->rn_niov++;
}

/* n bytes are in place: rn_iov is what comes behind them. */
static void
run_advance(struct nfsrun *rn, size_t n)
{
	rn->rn_got += n;
	while (n > 0) {
		struct rump_iovec *iov = &rn->rn_iov[rn->rn_first];
		size_t step = MIN(n, iov->iov_len);

		iov->iov_base = (char *)iov->iov_base + step;
		iov->iov_len -= step;
		n -= step;
		if (iov->iov_len == 0)
			rn->rn_first++;
	}
}

/* Is anybody but the cache interested in one of the fills? */
static bool
run_wanted(const struct nfsrun *rn)
{
	for (int i = 0; i < rn->rn_nfills; i++) {
		if (atomic_load(&rn->rn_fills[i]->pf_refcnt) > 1)
			return true;
	}
	return false;
}

/* Tell the cache, and free. */
static void
run_finish(struct nfsrun *rn, int error)
{
	struct nfsnode *np = rn->rn_node;
	size_t got = rn->rn_got;

	if (error == ECANCELED) {
		pagecache_invalidate(
		    np->n_vnode, rn->rn_off, rn->rn_off + (off_t)rn->rn_len);
		got = 0;
		error = 0;
	}
	mutex_enter(&np->n_lock);
	list_remove(&rn->rn_list);
	rn->rn_call = NULL;
	mutex_exit(&np->n_lock);
	/* The node may go with the last of these. */
	for (int i = 0; i < rn->rn_nfills; i++) {
		struct pcfill *pf = rn->rn_fills[i];
		size_t n = MIN(got, pf->pf_len);

		got -= n;
		pagecache_fill_done(pf, n, n == pf->pf_len ? 0 : error);
	}
	run_free(rn);
}

static enum rpc_place
locate_data(const uint8_t *head, size_t len, size_t *off, size_t *size)
{
	struct rpc_reply re;
	struct nfs3_read res;
	struct xdr_in xi;

	xdr_in_init(&xi, head, len);
	if (rpc_reply_decode(&xi, &re) != 0)
		return PLACE_MORE;
	if (re.re_outcome != RPC_SUCCESS)
		return PLACE_NONE;
	if (nfs3_read_head(&xi, &res) != 0)
		return PLACE_MORE;
	if (res.rd_status != NFS3_OK)
		return PLACE_NONE;
	*off = xi.xi_pos;
	*size = res.rd_count;
	return PLACE_DATA;
}

/* Account for a reply.  0, and *again when there is more to read, after
 * *delay_ns. */
static int
take_reply(
    struct nfsrun *rn, struct rpc_call *ca, bool *again, int64_t *delay_ns)
{
	struct nfs3_read res;
	struct xdr_in xi;
	int error;

	error = rpc_call_results(ca, &xi);
	if (error == 0)
		error = nfs3_read_head(&xi, &res);
	if (error != 0)
		return error;
	if (res.rd_status == NFS3_OK &&
	    (res.rd_count > rn->rn_asked || res.rd_count != ca->ca_got))
		return EBADRPC;
	/* Before the attributes, which may agree with it. */
	if (res.rd_status == NFS3_OK && res.rd_eof)
		nfsnode_met_end(rn->rn_node,
		    (uint64_t)rn->rn_off + rn->rn_got + res.rd_count,
		    rn->rn_asked_ns);
	nfsnode_update(rn->rn_node, &res.rd_attr, rn->rn_asked_ns);
	if (res.rd_status == NFS3ERR_JUKEBOX) {
		*again = true;
		*delay_ns = nfspace_second();
		return nfscall_may_retry(rn->rn_node->n_mount, ++rn->rn_later)
			   ? 0
			   : ETIMEDOUT;
	}
	error = nfsnode_verdict(rn->rn_node, res.rd_status);
	if (error != 0)
		return error;
	rn->rn_later = 0;
	run_advance(rn, res.rd_count);
	*again = rn->rn_got < rn->rn_len && !res.rd_eof;
	if (*again && (res.rd_count == 0 || rn->rn_reads >= CONTINUE_MAX))
		return EIO;
	return 0;
}

static void
read_done(struct rpc_call *ca)
{
	struct nfsrun *rn = ca->ca_arg;
	int64_t delay_ns = 0;
	bool again = false;
	int error;

	error = take_reply(rn, ca, &again, &delay_ns);
	/* Somebody came to wait for what was being cancelled. */
	if (error == ECANCELED && run_wanted(rn))
		again = true;
	else if (error != 0)
		again = false;
	if (again)
		run_send(rn, delay_ns);
	else
		run_finish(rn, error);
	rpc_call_unref(ca);
}

/* Ask for what is missing. */
static void
run_send(struct nfsrun *rn, int64_t delay_ns)
{
	struct nfsnode *np = rn->rn_node;
	struct nfsmount *nm = np->n_mount;
	struct rpc_call *ca;

	rn->rn_asked =
	    (uint32_t)MIN(rn->rn_len - rn->rn_got, (size_t)nm->nm_rsize);
	rn->rn_asked_ns = uptime_ns();
	rn->rn_reads++;
	ca = nfscall_read_create(nm, &np->n_fh,
	    (uint64_t)rn->rn_off + rn->rn_got, rn->rn_asked, rn->rn_cred);
	rpc_call_place(ca, locate_data, rn->rn_iov + rn->rn_first,
	    rn->rn_niov - rn->rn_first);
	mutex_enter(&np->n_lock);
	rn->rn_call = ca;
	list_remove(&rn->rn_list);
	list_insert_tail(&np->n_runs, &rn->rn_list);
	mutex_exit(&np->n_lock);
	if (delay_ns == 0)
		rpc_call_start(nm->nm_conn, ca, read_done, rn);
	else
		rpc_call_start_later(nm->nm_conn, ca, read_done, rn, delay_ns);
}

static void
flush(struct nfsnode *np)
{
	struct nfsrun *rn;

	mutex_enter(&np->n_lock);
	rn = np->n_gather;
	np->n_gather = NULL;
	mutex_exit(&np->n_lock);
	if (rn != NULL)
		run_send(rn, 0);
}

static void
cache_flush(struct vnode *vp)
{
	flush(VTONFS(vp));
}

static void
cache_start(struct pcfill *pf)
{
	struct nfsnode *np = VTONFS(pf->pf_vp);
	struct nfsrun *rn, *full = NULL, *fresh = NULL;

	mutex_enter(&np->n_lock);
	rn = np->n_gather;
	if (rn == NULL || !run_takes(rn, pf)) {
		full = rn;
		fresh = np->n_gather = run_create(np, pf);
		rn = fresh;
	}
	run_add(rn, pf);
	mutex_exit(&np->n_lock);
	if (full != NULL)
		run_send(full, 0);
}

static int
cache_wait(struct pcfill *pf)
{
	struct nfsnode *np = VTONFS(pf->pf_vp);

	flush(np);
	return rpc_wait(np->n_mount->nm_conn, &pf->pf_done);
}

const struct pagecacheops nfsread_cacheops = {
	.pc_start = cache_start,
	.pc_wait = cache_wait,
	.pc_flush = cache_flush,
	.pc_wsize = nfswrite_size,
	.pc_write = nfswrite_start,
	.pc_wait_write = nfswrite_wait,
	.pc_commit = nfswrite_commit,
};

/* The call of a run that nobody wants and that was not tried yet, referenced. */
static struct rpc_call *
next_unwanted(struct nfsnode *np)
{
	struct rpc_call *found = NULL;
	struct list *n;

	mutex_enter(&np->n_lock);
	LIST_FOREACH (n, &np->n_runs) {
		struct nfsrun *rn = LIST_ENTRY(n, struct nfsrun, rn_list);

		if (rn->rn_tried || run_wanted(rn))
			continue;
		rn->rn_tried = true;
		found = rn->rn_call;
		rpc_call_ref(found);
		break;
	}
	mutex_exit(&np->n_lock);
	return found;
}

void
nfsread_stop(struct nfsnode *np)
{
	struct rpc_call *ca;

	flush(np);
	while ((ca = next_unwanted(np)) != NULL) {
		(void)rpc_call_cancel(np->n_mount->nm_conn, ca);
		rpc_call_unref(ca);
	}
}

/* Of a read that began at start, only what stands before end counts. */
static void
cut_short(struct uio *uio, off_t start, off_t end)
{
	off_t excess = uio->uio_offset - MAX(start, end);

	if (excess <= 0)
		return;
	uio->uio_offset -= excess;
	uio->uio_resid += (size_t)excess;
}

/* One attempt; *cut: of what there was to read, nothing counts. */
static int
read_once(struct vnode *vp, struct uio *uio, kauth_cred_t cred, bool *cut)
{
	struct nfsnode *np = VTONFS(vp);
	off_t start = uio->uio_offset, size;
	int error;

	error = nfsnode_read_begin(np, cred, &size);
	if (error != 0)
		return error;
	error = pagecache_read(vp, uio, size, np->n_mount->nm_readahead, cred);
	*cut = uio->uio_offset != start;
	cut_short(uio, start, nfsnode_read_end(np));
	*cut = *cut && uio->uio_offset == start;
	return error;
}

int
nfsread_file(struct vnode *vp, struct uio *uio, kauth_cred_t cred)
{
	struct rump_iovec *iov = uio->uio_iov, whole = *iov;
	struct uio asked = *uio;
	unsigned tries = 0;
	bool cut = false;
	int error;

	if (uio->uio_offset < 0)
		return EINVAL;
	for (;;) {
		error = read_once(vp, uio, cred, &cut);
		/* The end that was met may be one of long ago. */
		if (error != 0 || !cut || asked.uio_iovcnt != 1 ||
		    ++tries > CUT_RETRIES)
			return error;
		*uio = asked;
		*iov = whole;
	}
}
