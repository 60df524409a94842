/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A listing is a chain of chunks, each the entries of one reply: the first
 * begins at cookie 0, each next one at the last cookie of the one before.  A
 * position is the cookie of the entry before it, as in the protocol.  Chunks
 * are reference counted, so that entries are copied to the caller without a
 * lock.
 *
 * A server could lead us in circles.  Within the chain that shows at once: the
 * end of a new chunk must not be the beginning of one that we have.  A reader
 * at a position that is not in the chain (the directory has changed, or is too
 * large to be kept) gets chunks that nobody keeps; for those it is enough that
 * each call of ours ends.
 *
 * Entries of READDIRPLUS with attributes and handle become vnodes and names
 * on the way, so that the stat() that follows finds everything here.
 */
#include "nfs/dir.h"

#include "kern/clock.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "nfs/call.h"
#include "vfs/namei.h"

#define LISTING_MAX (8u << 20)   /* bytes kept of one directory */
#define LISTING_IDLE (64u << 10) /* ... that nobody has open */

/* An entry, 8-byte aligned, followed by its name. */
struct entry {
	uint64_t e_cookie;
	uint64_t e_fileid;
	uint16_t e_size; /* of this entry */
	uint8_t e_namelen;
	uint8_t e_type;
	char e_name[];
};

struct chunk {
	struct list ch_list; /* n_lock: in the chain */
	_Atomic uint32_t ch_refcnt;
	uint64_t ch_start, ch_end; /* i */
	bool ch_eof;               /* i */
	size_t ch_used;            /* i: bytes of entries */
	size_t ch_allocated;       /* i */
	uint8_t ch_verf[8];        /* i */
	_Alignas(8) uint8_t ch_data[];
};

struct nfsdir {
	struct list nd_chain; /* n_lock */
	uint64_t nd_change;   /* n_lock: good for */
	size_t nd_bytes;      /* n_lock */
	uint8_t nd_verf[8];   /* n_lock: of the last reply */
};

static void
chunk_unref(struct chunk *ch)
{
	if (atomic_fetch_sub_explicit(
		&ch->ch_refcnt, 1, memory_order_acq_rel) == 1)
		kmem_free(ch, ch->ch_allocated);
}

static struct entry *
entry_at(struct chunk *ch, size_t pos)
{
	return (struct entry *)(void *)(ch->ch_data + pos);
}

/* Where in ch the entries behind cookie begin; false: not in ch. */
static bool
chunk_find(struct chunk *ch, uint64_t cookie, size_t *pos)
{
	if (cookie == ch->ch_start) {
		*pos = 0;
		return true;
	}
	/* Its end is the beginning of the next. */
	if (cookie == ch->ch_end && !ch->ch_eof)
		return false;
	for (size_t p = 0; p < ch->ch_used; p += entry_at(ch, p)->e_size) {
		if (entry_at(ch, p)->e_cookie == cookie) {
			*pos = p + entry_at(ch, p)->e_size;
			return true;
		}
	}
	return false;
}

static void
drop_chain(struct nfsdir *nd)
{
	while (!list_empty(&nd->nd_chain)) {
		struct chunk *ch =
		    LIST_ENTRY(nd->nd_chain.next, struct chunk, ch_list);

		list_remove(&ch->ch_list);
		chunk_unref(ch);
	}
	nd->nd_bytes = 0;
}

static struct nfsdir *
listing(struct nfsnode *np) REQUIRES(np->n_lock)
{
	if (np->n_dir == NULL) {
		np->n_dir = kmem_zalloc(sizeof(*np->n_dir), KM_SLEEP);
		list_init(&np->n_dir->nd_chain);
		np->n_dir->nd_change = np->n_change;
	}
	return np->n_dir;
}

void
nfsdir_shrink(struct nfsnode *np)
{
	mutex_enter(&np->n_lock);
	if (np->n_dir != NULL && np->n_dir->nd_bytes > LISTING_IDLE)
		drop_chain(np->n_dir);
	mutex_exit(&np->n_lock);
}

void
nfsdir_destroy(struct nfsnode *np)
{
	if (np->n_dir == NULL)
		return;
	drop_chain(np->n_dir);
	kmem_free(np->n_dir, sizeof(*np->n_dir));
	np->n_dir = NULL;
}

/* A reader begins: a listing that the directory has outlived is dropped. */
static int
begin(struct nfsnode *np, kauth_cred_t cred)
{
	struct nfsdir *nd;
	int error = nfsnode_validate(np, cred);

	if (error != 0)
		return error;
	mutex_enter(&np->n_lock);
	nd = listing(np);
	if (nd->nd_change != np->n_change) {
		drop_chain(nd);
		nd->nd_change = np->n_change;
	}
	mutex_exit(&np->n_lock);
	return 0;
}

/* The chunk with the entries behind cookie, referenced, or NULL. */
static struct chunk *
find_chunk(struct nfsnode *np, uint64_t cookie, size_t *pos)
{
	struct chunk *found = NULL;
	struct list *n;

	mutex_enter(&np->n_lock);
	LIST_FOREACH (n, &listing(np)->nd_chain) {
		struct chunk *ch = LIST_ENTRY(n, struct chunk, ch_list);

		if (chunk_find(ch, cookie, pos)) {
			atomic_fetch_add_explicit(
			    &ch->ch_refcnt, 1, memory_order_relaxed);
			found = ch;
			break;
		}
	}
	mutex_exit(&np->n_lock);
	return found;
}

/*
 * Append ch to the chain if it continues it.  EIO if it leads back.
 */
static int
keep_chunk(struct nfsnode *np, struct chunk *ch, uint64_t change)
{
	struct nfsdir *nd;
	struct chunk *last = NULL;
	struct list *n;
	int error = 0;

	mutex_enter(&np->n_lock);
	nd = listing(np);
	memcpy(nd->nd_verf, ch->ch_verf, sizeof(nd->nd_verf));
	LIST_FOREACH (n, &nd->nd_chain) {
		last = LIST_ENTRY(n, struct chunk, ch_list);
		if (last->ch_start == ch->ch_end && !ch->ch_eof)
			error = EIO;
	}
	if (error == 0 && change == nd->nd_change &&
	    nd->nd_bytes + ch->ch_allocated <= LISTING_MAX &&
	    ch->ch_start == (last != NULL ? last->ch_end : 0) &&
	    (last == NULL || !last->ch_eof)) {
		atomic_fetch_add_explicit(
		    &ch->ch_refcnt, 1, memory_order_relaxed);
		list_insert_tail(&nd->nd_chain, &ch->ch_list);
		nd->nd_bytes += ch->ch_allocated;
	}
	mutex_exit(&np->n_lock);
	return error;
}

static bool
is_dots(const struct nfs3_entry *de)
{
	return de->de_name[0] == '.' &&
	       (de->de_namelen == 1 ||
		   (de->de_namelen == 2 && de->de_name[1] == '.'));
}

/* What READDIRPLUS told of a file becomes a vnode and a name. */
static void
learn(struct vnode *dvp, const struct nfs3_entry *de, int64_t asked_ns,
    kauth_cred_t cred)
{
	struct componentname cn = {
		.cn_nameiop = LOOKUP,
		.cn_flags = CN_MAKEENTRY,
		.cn_cred = cred,
		.cn_nameptr = de->de_name,
		.cn_namelen = de->de_namelen,
	};
	struct vnode *vp;

	if (!de->de_attr.oa_there || !de->de_has_fh || is_dots(de))
		return;
	if (nfsnode_get(VTONFS(dvp)->n_mount, &de->de_fh, &de->de_attr.oa_attr,
		asked_ns, cred, &vp) != 0)
		return;
	cn.cn_hash = cache_hash(cn.cn_nameptr, cn.cn_namelen);
	cache_enter(dvp, vp, &cn);
	vrele(vp);
}

static uint8_t
entry_type(const struct nfs3_entry *de)
{
	static const uint8_t types[] = {
		[NFS3_REG] = DT_REG,
		[NFS3_DIR] = DT_DIR,
		[NFS3_BLK] = DT_BLK,
		[NFS3_CHR] = DT_CHR,
		[NFS3_LNK] = DT_LNK,
		[NFS3_SOCK] = DT_SOCK,
		[NFS3_FIFO] = DT_FIFO,
	};

	if (!de->de_attr.oa_there)
		return DT_UNKNOWN;
	return types[de->de_attr.oa_attr.a_type];
}

static size_t
entry_size(size_t namelen)
{
	return ROUNDUP(sizeof(struct entry) + namelen, 8);
}

static void
append_entry(struct chunk *ch, const struct nfs3_entry *de)
{
	struct entry *e = entry_at(ch, ch->ch_used);

	e->e_cookie = de->de_cookie;
	e->e_fileid = de->de_fileid;
	e->e_size = (uint16_t)entry_size(de->de_namelen);
	e->e_namelen = (uint8_t)de->de_namelen;
	e->e_type = entry_type(de);
	memcpy(e->e_name, de->de_name, de->de_namelen);
	ch->ch_used += e->e_size;
	ch->ch_end = de->de_cookie;
}

/* Read through a reply without keeping it: 0 and its size as a chunk. */
static int
measure(struct xdr_in xi, bool plus, uint64_t start, size_t *size, bool *eof)
{
	struct nfs3_entry de;
	uint64_t last = start;

	*size = 0;
	while (nfs3_readdir_entry(&xi, plus, &de)) {
		*size += entry_size(de.de_namelen);
		/* Standing still is a circle as well; so is going home. */
		if (de.de_cookie == start || de.de_cookie == last ||
		    de.de_cookie == 0)
			return EIO;
		last = de.de_cookie;
	}
	if (nfs3_readdir_end(&xi, eof) != 0)
		return EBADRPC;
	return last == start && !*eof ? EIO : 0;
}

/* The entries of a reply as a chunk with one reference. */
static int
make_chunk(struct vnode *dvp, struct xdr_in *xi, bool plus, uint64_t start,
    int64_t asked_ns, kauth_cred_t cred, struct chunk **chp)
{
	struct nfs3_entry de;
	struct chunk *ch;
	size_t size;
	bool eof = false;
	int error;

	error = measure(*xi, plus, start, &size, &eof);
	if (error != 0)
		return error;
	ch = kmem_zalloc(sizeof(*ch) + size, KM_SLEEP);
	ch->ch_allocated = sizeof(*ch) + size;
	list_init(&ch->ch_list);
	atomic_init(&ch->ch_refcnt, 1);
	ch->ch_start = ch->ch_end = start;
	ch->ch_eof = eof;
	while (nfs3_readdir_entry(xi, plus, &de)) {
		append_entry(ch, &de);
		learn(dvp, &de, asked_ns, cred);
	}
	*chp = ch;
	return 0;
}

/* One READDIR or READDIRPLUS from start on, as a chunk. */
static int
ask(struct vnode *dvp, bool plus, const struct nfs3_dirpos *pos,
    kauth_cred_t cred, uint32_t *status, struct chunk **chp)
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
	error = make_chunk(dvp, &xi, plus, pos->dp_cookie, asked_ns, cred, chp);
	if (error == 0)
		memcpy((*chp)->ch_verf, res.dr_verf, sizeof(res.dr_verf));
	rpc_call_unref(ca);
	return error;
}

/* Get the entries behind cookie from the server. */
static int
fetch(struct vnode *dvp, uint64_t cookie, kauth_cred_t cred, struct chunk **chp)
{
	struct nfsnode *np = VTONFS(dvp);
	struct nfsmount *nm = np->n_mount;
	struct nfs3_dirpos pos = { .dp_cookie = cookie };
	uint64_t change = nfsnode_change(np);
	struct chunk *ch = NULL;
	uint32_t status = NFS3_OK;
	bool plus = !atomic_load(&nm->nm_nordirplus);
	int error;

	if (cookie != 0) {
		mutex_enter(&np->n_lock);
		memcpy(pos.dp_verf, listing(np)->nd_verf, sizeof(pos.dp_verf));
		mutex_exit(&np->n_lock);
	}
	error = ask(dvp, plus, &pos, cred, &status, &ch);
	if (plus && (error == EPROCUNAVAIL ||
			(error == 0 && status == NFS3ERR_NOTSUPP))) {
		atomic_store(&nm->nm_nordirplus, true);
		error = ask(dvp, false, &pos, cred, &status, &ch);
	}
	if (error == 0)
		error = nfsnode_verdict(np, status);
	if (error == 0)
		error = keep_chunk(np, ch, change);
	if (error == 0)
		*chp = ch;
	else if (ch != NULL)
		chunk_unref(ch);
	return error;
}

/* Copy one entry out; ENOSPC when it does not fit. */
static int
copy_entry(const struct entry *e, struct uio *uio)
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
	memcpy(d.d_name, e->e_name, e->e_namelen);
	return uiomove(&d, reclen, uio);
}

struct position {
	uint64_t po_cookie;
	size_t po_count; /* entries copied */
	off_t *po_cookies;
	size_t po_ncookies;
};

/* Copy entries of ch from pos on; ENOSPC when no more fit. */
static int
copy_chunk(struct chunk *ch, size_t pos, struct uio *uio, struct position *po)
{
	int error;

	while (pos < ch->ch_used) {
		struct entry *e = entry_at(ch, pos);

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

static int
read_chunks(struct vnode *vp, struct uio *uio, kauth_cred_t cred,
    struct position *po, bool *eof)
{
	struct chunk *ch;
	size_t pos = 0;
	int error;

	for (;;) {
		ch = find_chunk(VTONFS(vp), po->po_cookie, &pos);
		if (ch == NULL) {
			/* What there is now is better than waiting. */
			if (po->po_count != 0)
				return 0;
			error = fetch(vp, po->po_cookie, cred, &ch);
			if (error != 0)
				return error;
			pos = 0;
		}
		error = copy_chunk(ch, pos, uio, po);
		*eof = error == 0 && ch->ch_eof;
		chunk_unref(ch);
		if (error != 0 || *eof)
			return error;
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
