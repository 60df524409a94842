/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A listing is a chain of chunks, each the entries of one reply: the first
 * begins at cookie 0, each next one at the last cookie of the one before.  A
 * position is the cookie of the entry before it, as in the protocol.  Chunks
 * are reference counted, so that entries are copied to the caller without a
 * lock.  Threads that want the same piece let one of them ask for it.
 *
 * A server could lead us in circles.  Within the chain that shows at once: a
 * chunk that continues it has no cookie that was there before.  A reader at a
 * position that is not in the chain (the directory has changed, or is too large
 * to be kept) gets chunks that nobody keeps; for those it is enough that each
 * call of ours ends.
 *
 * Handles and attributes of READDIRPLUS stay in the listing until somebody
 * looks a name up: who only lists does not make vnodes.  When many lookups come
 * late, so that the attributes are too old to be of use, the chunk is asked for
 * again: one call in the place of hundreds.
 *
 * Listings outlive their readers, since many programs look at the files only
 * after they have closed the directory.  All those of a mount share
 * LISTINGS_MAX bytes; who needs more takes them from the directory that was
 * listed longest ago.
 *
 * Lock order: nm_lock, n_lock.
 */
#include "nfs/dir.h"

#include "kern/clock.h"
#include "kern/condvar.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "nfs/call.h"
#include "nfs/dirchunk.h"
#include "nfs/silly.h"

#define LISTING_MAX ((size_t)32 << 20)  /* bytes kept of one directory */
#define LISTINGS_MAX ((size_t)64 << 20) /* ... of all of one mount */
/* Lookups that found their chunk too old before it is asked for again. */
#define MISSES_MAX 8
/* ... never again. */
#define MISSES_NEVER (MISSES_MAX + 1)

struct nfsdir {
	struct list nd_list;     /* nm_lock: nm_listings, oldest first */
	struct nfsnode *nd_node; /* i */
	struct list nd_chain;    /* n_lock */
	uint64_t nd_change;      /* n_lock: good for */
	bool nd_lacks;           /* n_lock: names that we have made since */
	size_t nd_bytes;         /* n_lock */
	uint8_t nd_verf[8];      /* n_lock: of the last reply */
	bool nd_fetching;        /* n_lock: somebody asks the server ... */
	uint64_t nd_fetch;       /* n_lock: ... for what is behind this */
	unsigned nd_fetches;     /* n_lock: how often that has ended */
	kcondvar_t nd_cv;        /* ... has ended */
};

#define CHUNK(n) LIST_ENTRY(n, struct dirchunk, ch_list)

static void
account(struct nfsdir *nd, size_t more, size_t less)
{
	_Atomic size_t *total = &nd->nd_node->n_mount->nm_listing_bytes;

	nd->nd_bytes += more - less;
	atomic_fetch_add_explicit(total, more - less, memory_order_relaxed);
}

static void
drop_chain(struct nfsdir *nd)
{
	while (!list_empty(&nd->nd_chain)) {
		struct dirchunk *ch = CHUNK(nd->nd_chain.next);

		list_remove(&ch->ch_list);
		account(nd, 0, ch->ch_allocated);
		dirchunk_unref(ch);
	}
}

static struct nfsdir *
listing(struct nfsnode *np) REQUIRES(np->n_lock)
{
	struct nfsdir *nd = np->n_dir;

	if (nd != NULL)
		return nd;
	nd = kmem_zalloc(sizeof(*nd), KM_SLEEP);
	list_init(&nd->nd_list);
	nd->nd_node = np;
	list_init(&nd->nd_chain);
	nd->nd_change = np->n_change;
	cv_init(&nd->nd_cv, "nfsdir");
	np->n_dir = nd;
	return nd;
}

void
nfsdir_destroy(struct nfsnode *np)
{
	struct nfsmount *nm = np->n_mount;
	struct nfsdir *nd = np->n_dir;

	if (nd == NULL)
		return;
	mutex_enter(&nm->nm_lock);
	list_remove(&nd->nd_list);
	mutex_exit(&nm->nm_lock);
	drop_chain(nd);
	cv_destroy(&nd->nd_cv);
	kmem_free(nd, sizeof(*nd));
	np->n_dir = NULL;
}

/*
 * A reader begins: a listing that the directory has outlived is dropped.  One
 * that lacks names is still good for lookups and for those who are reading it.
 */
static int
begin(struct nfsnode *np, kauth_cred_t cred)
{
	struct nfsdir *nd;
	int error = nfsnode_validate(np, cred);

	if (error != 0)
		return error;
	mutex_enter(&np->n_lock);
	nd = listing(np);
	if (nd->nd_change != np->n_change || nd->nd_lacks) {
		drop_chain(nd);
		nd->nd_change = np->n_change;
		nd->nd_lacks = false;
	}
	mutex_exit(&np->n_lock);
	return 0;
}

/* nd is in use: of all directories, its listing is dropped last. */
static void
touch(struct nfsmount *nm, struct nfsdir *nd) REQUIRES(nm->nm_lock)
{
	list_remove(&nd->nd_list);
	list_insert_tail(&nm->nm_listings, &nd->nd_list);
}

/* Make room for what was added to keep. */
static void
evict(struct nfsmount *nm, struct nfsdir *keep)
{
	mutex_enter(&nm->nm_lock);
	touch(nm, keep);
	while (atomic_load(&nm->nm_listing_bytes) > LISTINGS_MAX &&
	       nm->nm_listings.next != &keep->nd_list) {
		struct nfsdir *nd =
		    LIST_ENTRY(nm->nm_listings.next, struct nfsdir, nd_list);

		list_remove(&nd->nd_list);
		mutex_enter(&nd->nd_node->n_lock);
		drop_chain(nd);
		mutex_exit(&nd->nd_node->n_lock);
	}
	mutex_exit(&nm->nm_lock);
}

/* The chunk with the entries behind cookie, referenced, or NULL. */
static struct dirchunk *
find_chunk(struct nfsdir *nd, uint64_t cookie, size_t *pos)
{
	struct list *n;

	LIST_FOREACH (n, &nd->nd_chain) {
		if (dirchunk_behind(CHUNK(n), cookie, pos)) {
			dirchunk_ref(CHUNK(n));
			return CHUNK(n);
		}
	}
	return NULL;
}

static struct dirchunk *
last_chunk(const struct nfsdir *nd)
{
	return list_empty(&nd->nd_chain) ? NULL : CHUNK(nd->nd_chain.prev);
}

/* Does ch come next?  Others have asked for the same, or elsewhere. */
static bool
continues(const struct nfsdir *nd, const struct dirchunk *ch)
{
	const struct dirchunk *last = last_chunk(nd);

	if (last == NULL)
		return ch->ch_start == 0;
	return !last->ch_eof && ch->ch_start == last->ch_end;
}

static bool
leads_back(const struct nfsdir *nd, const struct dirchunk *ch)
{
	struct list *n;

	LIST_FOREACH (n, &nd->nd_chain) {
		if (dirchunk_overlap(CHUNK(n), ch))
			return true;
	}
	return false;
}

/*
 * Append ch, which was asked for when the directory was at view, to the chain if
 * it continues it.  EIO if it leads back.
 */
static int
keep_chunk(struct nfsnode *np, struct dirchunk *ch, const struct nfsview *view)
{
	struct nfsdir *nd;
	int error = 0;
	bool good;

	mutex_enter(&np->n_lock);
	nd = listing(np);
	memcpy(nd->nd_verf, ch->ch_verf, sizeof(nd->nd_verf));
	good = view->v_count == np->n_changes.cs_count &&
	       view->v_change == np->n_change;
	if (good && view->v_change == nd->nd_change && continues(nd, ch)) {
		if (leads_back(nd, ch)) {
			error = EIO;
		} else if (nd->nd_bytes + ch->ch_allocated <= LISTING_MAX) {
			dirchunk_ref(ch);
			list_insert_tail(&nd->nd_chain, &ch->ch_list);
			account(nd, ch->ch_allocated, 0);
		}
	}
	mutex_exit(&np->n_lock);
	evict(np->n_mount, nd);
	return error;
}

/* One READDIR or READDIRPLUS from pos on, as a chunk. */
static int
ask(struct vnode *dvp, bool plus, const struct nfs3_dirpos *pos,
    kauth_cred_t cred, uint32_t *status, struct dirchunk **chp)
{
	struct nfsnode *np = VTONFS(dvp);
	struct nfs3_readdir res;
	int64_t asked_ns = uptime_ns();
	struct rpc_call *ca;
	struct xdr_in xi;
	int error;

	error = nfscall_readdir(
	    np->n_mount, &np->n_fh, plus, pos, cred, &res, &ca, &xi);
	if (error != 0)
		return error;
	*status = res.dr_status;
	nfsnode_update(np, &res.dr_attr, asked_ns);
	nfsnode_purge_names(np);
	if (ca == NULL)
		return 0;
	error = dirchunk_make(&xi, plus, pos->dp_cookie, asked_ns, chp);
	if (error == 0)
		memcpy((*chp)->ch_verf, res.dr_verf, sizeof(res.dr_verf));
	rpc_call_unref(ca);
	return error;
}

/* As ask(), of a server that may lack READDIRPLUS. */
static int
ask_either(struct vnode *dvp, const struct nfs3_dirpos *pos, kauth_cred_t cred,
    uint32_t *status, struct dirchunk **chp)
{
	struct nfsmount *nm = VTONFS(dvp)->n_mount;
	bool plus = !atomic_load(&nm->nm_nordirplus);
	int error;

	error = ask(dvp, plus, pos, cred, status, chp);
	if (plus && (error == EPROCUNAVAIL ||
			(error == 0 && *status == NFS3ERR_NOTSUPP))) {
		atomic_store(&nm->nm_nordirplus, true);
		error = ask(dvp, false, pos, cred, status, chp);
	}
	return error;
}

static void
last_verifier(struct nfsnode *np, struct nfs3_dirpos *pos)
{
	mutex_enter(&np->n_lock);
	memcpy(pos->dp_verf, listing(np)->nd_verf, sizeof(pos->dp_verf));
	mutex_exit(&np->n_lock);
}

/*
 * The server has another verifier by now: learn it at the beginning, and ask
 * again for the same position, which most servers still understand.
 */
static int
ask_with_new_verifier(struct vnode *dvp, struct nfs3_dirpos *pos,
    kauth_cred_t cred, uint32_t *status, struct dirchunk **chp)
{
	struct nfs3_dirpos start = { .dp_cookie = 0 };
	struct dirchunk *first = NULL;
	int error;

	error = ask_either(dvp, &start, cred, status, &first);
	if (error != 0 || first == NULL)
		return error;
	memcpy(pos->dp_verf, first->ch_verf, sizeof(pos->dp_verf));
	dirchunk_unref(first);
	return ask_either(dvp, pos, cred, status, chp);
}

/* Get the entries behind cookie from the server. */
static int
fetch(struct vnode *dvp, uint64_t cookie, kauth_cred_t cred,
    struct dirchunk **chp)
{
	struct nfsnode *np = VTONFS(dvp);
	struct nfs3_dirpos pos = { .dp_cookie = cookie };
	struct nfsview view = nfschange_view(np);
	struct dirchunk *ch = NULL;
	uint32_t status = NFS3_OK;
	int error;

	if (cookie != 0)
		last_verifier(np, &pos);
	error = ask_either(dvp, &pos, cred, &status, &ch);
	if (error == 0 && cookie != 0 && status == NFS3ERR_BAD_COOKIE)
		error = ask_with_new_verifier(dvp, &pos, cred, &status, &ch);
	if (error == 0)
		error = nfsnode_verdict(np, status);
	if (error == 0)
		error = keep_chunk(np, ch, &view);
	if (error == 0)
		*chp = ch;
	else if (ch != NULL)
		dirchunk_unref(ch);
	return error;
}

/* Sleep while another thread asks for the entries behind cookie. */
static int
await_fetch(struct nfsdir *nd, uint64_t cookie, kmutex_t *lock) REQUIRES(*lock)
{
	unsigned fetches = nd->nd_fetches;
	int error = 0;

	while (error == 0 && nd->nd_fetching && nd->nd_fetch == cookie &&
	       nd->nd_fetches == fetches)
		error = cv_wait_sig(&nd->nd_cv, lock);
	return error;
}

static void
end_fetch(struct nfsdir *nd)
{
	nd->nd_fetching = false;
	nd->nd_fetches++;
	cv_broadcast(&nd->nd_cv);
}

/* The chunk with the entries behind cookie, from the listing or the server. */
static int
obtain(struct vnode *dvp, uint64_t cookie, kauth_cred_t cred,
    struct dirchunk **chp, size_t *pos)
{
	struct nfsnode *np = VTONFS(dvp);
	struct dirchunk *ch;
	struct nfsdir *nd;
	bool mine = false;
	int error = 0;

	mutex_enter(&np->n_lock);
	nd = listing(np);
	ch = find_chunk(nd, cookie, pos);
	if (ch == NULL && nd->nd_fetching && nd->nd_fetch == cookie) {
		/* Once: if it fails for him, we see why for ourselves. */
		error = await_fetch(nd, cookie, &np->n_lock);
		ch = error == 0 ? find_chunk(nd, cookie, pos) : NULL;
	}
	if (ch == NULL && error == 0 && !nd->nd_fetching) {
		mine = nd->nd_fetching = true;
		nd->nd_fetch = cookie;
	}
	mutex_exit(&np->n_lock);
	if (ch == NULL && error == 0) {
		*pos = 0;
		error = fetch(dvp, cookie, cred, &ch);
	}
	if (mine) {
		mutex_enter(&np->n_lock);
		end_fetch(nd);
		mutex_exit(&np->n_lock);
	}
	if (error == 0)
		*chp = ch;
	return error;
}

/* What the listing says of names. */

static const struct direntry *
find_name(const struct nfsdir *nd, const struct componentname *cnp,
    struct dirchunk **chp)
{
	const struct direntry *e;
	struct list *n;

	LIST_FOREACH (n, &nd->nd_chain) {
		e = dirchunk_name(
		    CHUNK(n), cnp->cn_nameptr, cnp->cn_namelen, cnp->cn_hash);
		if (e != NULL && e->e_fhlen != 0) {
			*chp = CHUNK(n);
			return e;
		}
	}
	return NULL;
}

static bool
lookup_name(struct nfsdir *nd, const struct componentname *cnp,
    struct nfsdir_file *df, struct dirchunk **chp)
{
	const struct direntry *e = find_name(nd, cnp, chp);

	if (e == NULL)
		return false;
	direntry_file(e, &df->df_fh, &df->df_attr);
	df->df_asked_ns = (*chp)->ch_asked_ns;
	df->df_view = (struct nfsview){ 0, nd->nd_change };
	if (nd->nd_node->n_changes.cs_running == 0)
		df->df_view.v_count = nd->nd_node->n_changes.cs_count;
	return true;
}

/* Is this the lookup after which ch is to be asked for again? */
static bool
worn_out(struct nfsnode *np, struct dirchunk *ch) REQUIRES(np->n_lock)
{
	const struct nfs_options *o = &np->n_mount->nm_options;
	int64_t min = MIN(o->o_acregmin, o->o_acregmax) * INT64_C(1000000000);

	if (o->o_noac || min == 0 || np->n_dir->nd_fetching ||
	    uptime_ns() < ch->ch_asked_ns + min ||
	    ch->ch_misses >= MISSES_NEVER)
		return false;
	return ++ch->ch_misses == MISSES_MAX;
}

/* Put fresh, asked for at view, into the place of ch if it holds the same
 * part. */
static void
replace(struct nfsdir *nd, struct dirchunk *ch, struct dirchunk *fresh,
    const struct nfsview *view)
{
	if (list_empty(&ch->ch_list))
		return;
	if (view->v_count != nd->nd_node->n_changes.cs_count ||
	    nd->nd_change != nd->nd_node->n_change || nd->nd_lacks ||
	    fresh->ch_end != ch->ch_end || fresh->ch_eof != ch->ch_eof ||
	    fresh->ch_nentries != ch->ch_nentries) {
		ch->ch_misses = MISSES_NEVER;
		return;
	}
	dirchunk_ref(fresh);
	list_insert_tail(&ch->ch_list, &fresh->ch_list);
	account(nd, fresh->ch_allocated, ch->ch_allocated);
	list_remove(&ch->ch_list);
	dirchunk_unref(ch);
}

/* Ask for ch, which is referenced, once more. */
static void
renew(struct vnode *dvp, struct dirchunk *ch, kauth_cred_t cred)
{
	struct nfsnode *np = VTONFS(dvp);
	struct nfs3_dirpos pos = { .dp_cookie = ch->ch_start };
	struct nfsview view = nfschange_view(np);
	struct dirchunk *fresh = NULL;
	uint32_t status = NFS3_OK;
	int error;

	if (ch->ch_start != 0)
		memcpy(pos.dp_verf, ch->ch_verf, sizeof(pos.dp_verf));
	error = ask(dvp, true, &pos, cred, &status, &fresh);
	mutex_enter(&np->n_lock);
	if (error == 0 && fresh != NULL)
		replace(np->n_dir, ch, fresh, &view);
	else
		ch->ch_misses = MISSES_NEVER;
	end_fetch(np->n_dir);
	mutex_exit(&np->n_lock);
	if (fresh != NULL)
		dirchunk_unref(fresh);
}

bool
nfsdir_lookup(
    struct vnode *dvp, const struct componentname *cnp, struct nfsdir_file *df)
{
	struct nfsnode *np = VTONFS(dvp);
	struct dirchunk *ch = NULL;
	struct nfsdir *nd;
	bool found, again;

	mutex_enter(&np->n_lock);
	nd = np->n_dir;
	found = nd != NULL && nd->nd_change == np->n_change &&
		lookup_name(nd, cnp, df, &ch);
	again = found && worn_out(np, ch);
	if (again) {
		dirchunk_ref(ch);
		nd->nd_fetching = true;
		nd->nd_fetch = ch->ch_start;
	}
	mutex_exit(&np->n_lock);
	if (!again)
		return found;
	renew(dvp, ch, cnp->cn_cred);
	dirchunk_unref(ch);
	mutex_enter(&np->n_lock);
	found = nd->nd_change == np->n_change && lookup_name(nd, cnp, df, &ch);
	mutex_exit(&np->n_lock);
	return found;
}

static void
changed(struct vnode *dvp, const struct componentname *cnp, bool made)
{
	struct nfsnode *np = VTONFS(dvp);
	struct nfsdir *nd;
	struct list *n;

	mutex_enter(&np->n_lock);
	nd = np->n_dir;
	if (nd == NULL) {
		mutex_exit(&np->n_lock);
		return;
	}
	nd->nd_lacks = nd->nd_lacks || made;
	LIST_FOREACH (n, &nd->nd_chain)
		dirchunk_remove(
		    CHUNK(n), cnp->cn_nameptr, cnp->cn_namelen, cnp->cn_hash);
	mutex_exit(&np->n_lock);
}

void
nfsdir_made(struct vnode *dvp, const struct componentname *cnp)
{
	changed(dvp, cnp, true);
}

void
nfsdir_removed(struct vnode *dvp, const struct componentname *cnp)
{
	changed(dvp, cnp, false);
}

/* Copy one entry out; ENOSPC when it does not fit. */
static int
copy_entry(const struct direntry *e, struct uio *uio)
{
	struct rump_dirent d;
	size_t reclen =
	    ROUNDUP(offsetof(struct rump_dirent, d_name) + e->e_namelen + 1, 8);

	if (reclen > uio->uio_resid)
		return ENOSPC;
	memset(&d, 0, reclen);
	d.d_fileno = e->e_fileid;
	d.d_reclen = (uint16_t)reclen;
	d.d_namlen = e->e_namelen;
	d.d_type = e->e_type;
	memcpy(d.d_name, direntry_name(e), e->e_namelen);
	return uiomove(&d, reclen, uio);
}

struct position {
	uint64_t po_cookie;
	size_t po_count; /* entries copied */
	off_t *po_cookies;
	size_t po_ncookies;
};

/* Removed by ourselves, if not from the server yet? */
static bool
is_hidden(struct vnode *vp, const struct direntry *e)
{
	return direntry_gone(e) ||
	       nfssilly_hides(vp, direntry_name(e), e->e_namelen);
}

/* Copy entries of ch from pos on; ENOSPC when no more fit. */
static int
copy_chunk(struct vnode *vp, const struct dirchunk *ch, size_t pos,
    struct uio *uio, struct position *po)
{
	int error;

	while (pos < ch->ch_used) {
		const struct direntry *e = dirchunk_entry(ch, pos);

		if (is_hidden(vp, e)) {
			po->po_cookie = e->e_cookie;
			pos += e->e_size;
			continue;
		}
		if (po->po_cookies != NULL && po->po_count == po->po_ncookies)
			return ENOSPC;
		error = copy_entry(e, uio);
		if (error != 0)
			return error;
		po->po_cookie = e->e_cookie;
		if (po->po_cookies != NULL)
			po->po_cookies[po->po_count] = (off_t)e->e_cookie;
		po->po_count++;
		pos += e->e_size;
	}
	return 0;
}

static bool
is_here(struct nfsnode *np, uint64_t cookie)
{
	struct dirchunk *ch;
	size_t pos;

	mutex_enter(&np->n_lock);
	ch = find_chunk(listing(np), cookie, &pos);
	mutex_exit(&np->n_lock);
	if (ch != NULL)
		dirchunk_unref(ch);
	return ch != NULL;
}

static int
read_chunks(struct vnode *vp, struct uio *uio, kauth_cred_t cred,
    struct position *po, bool *eof)
{
	struct dirchunk *ch = NULL;
	size_t pos = 0;
	int error;

	for (;;) {
		error = obtain(vp, po->po_cookie, cred, &ch, &pos);
		if (error != 0)
			return error;
		error = copy_chunk(vp, ch, pos, uio, po);
		*eof = error == 0 && ch->ch_eof;
		dirchunk_unref(ch);
		if (error != 0 || *eof)
			return error;
		/* What there is now is better than waiting. */
		if (po->po_count != 0 && !is_here(VTONFS(vp), po->po_cookie))
			return 0;
	}
}

int
nfsdir_read(struct vnode *vp, struct uio *uio, kauth_cred_t cred, bool *eof,
    off_t *cookies, size_t *ncookies)
{
	struct position po = {
		.po_cookie = (uint64_t)uio->uio_offset,
		.po_cookies = cookies,
		.po_ncookies = cookies != NULL ? *ncookies : 0,
	};
	bool end = false;
	int error;

	if (vp->v_type != VDIR)
		return ENOTDIR;
	if (po.po_cookie == 0) {
		error = begin(VTONFS(vp), cred);
		if (error != 0)
			return error;
	}
	error = read_chunks(vp, uio, cred, &po, &end);
	if (error == ENOSPC)
		error = po.po_count == 0 ? EINVAL : 0;
	if (error != 0 && po.po_count == 0)
		return error;
	uio->uio_offset = (off_t)po.po_cookie;
	*eof = end;
	if (cookies != NULL)
		*ncookies = po.po_count;
	return 0;
}
