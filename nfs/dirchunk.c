/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries lie one behind the other as they came, so that copying them out is a
 * walk.  Behind them, in the same piece of memory, are two indices: positions
 * sorted by cookie, and hash chains of names.  Most servers give cookies in
 * ascending order and nothing has to be sorted; a hostile one cannot make
 * sorting slow.
 */
#include "nfs/dirchunk.h"

#include <stdatomic.h>

#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "vfs/namei.h"

struct direntry *
dirchunk_entry(const struct dirchunk *ch, size_t pos)
{
	return (struct direntry *)(void *)(uintptr_t)(ch->ch_data + pos);
}

static const uint8_t *
entry_file(const struct direntry *e)
{
	return (const uint8_t *)(e + 1);
}

const char *
direntry_name(const struct direntry *e)
{
	size_t file = 0;

	if (e->e_fhlen != 0)
		file = sizeof(struct nfs3_attr) + e->e_fhlen;
	return (const char *)entry_file(e) + file;
}

void
direntry_file(
    const struct direntry *e, struct nfs3_fh *fh, struct nfs3_attr *attr)
{
	const uint8_t *p = entry_file(e);

	KASSERT(e->e_fhlen != 0);
	memcpy(attr, p, sizeof(*attr));
	*fh = (struct nfs3_fh){ .fh_len = e->e_fhlen };
	memcpy(fh->fh_data, p + sizeof(*attr), e->e_fhlen);
}

void
dirchunk_ref(struct dirchunk *ch)
{
	atomic_fetch_add_explicit(&ch->ch_refcnt, 1, memory_order_relaxed);
}

void
dirchunk_unref(struct dirchunk *ch)
{
	if (atomic_fetch_sub_explicit(
		&ch->ch_refcnt, 1, memory_order_acq_rel) == 1)
		kmem_free(ch, ch->ch_allocated);
}

static uint64_t
sorted_cookie(const struct dirchunk *ch, uint32_t i)
{
	return dirchunk_entry(ch, ch->ch_sorted[i])->e_cookie;
}

/* Find cookie in the index. */
static bool
search(const struct dirchunk *ch, uint64_t cookie, size_t *pos)
{
	uint32_t lo = 0, hi = ch->ch_nentries, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (sorted_cookie(ch, mid) < cookie)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == ch->ch_nentries || sorted_cookie(ch, lo) != cookie)
		return false;
	*pos = ch->ch_sorted[lo];
	return true;
}

bool
dirchunk_behind(const struct dirchunk *ch, uint64_t cookie, size_t *pos)
{
	size_t at;

	if (cookie == ch->ch_start) {
		*pos = 0;
		return true;
	}
	/* Its end is the beginning of the next. */
	if (cookie == ch->ch_end && !ch->ch_eof)
		return false;
	if (!search(ch, cookie, &at))
		return false;
	*pos = at + dirchunk_entry(ch, at)->e_size;
	return true;
}

bool
direntry_gone(const struct direntry *e)
{
	return atomic_load_explicit(&e->e_gone, memory_order_relaxed);
}

static struct direntry *
find_name(
    const struct dirchunk *ch, const char *name, size_t len, uint32_t hash)
{
	uint32_t next = ch->ch_buckets[hash & (ch->ch_nbuckets - 1)];

	while (next != 0) {
		struct direntry *e = dirchunk_entry(ch, next - 1);

		if (e->e_hash == hash && e->e_namelen == len &&
		    !direntry_gone(e) &&
		    memcmp(direntry_name(e), name, len) == 0)
			return e;
		next = e->e_next;
	}
	return NULL;
}

const struct direntry *
dirchunk_name(
    const struct dirchunk *ch, const char *name, size_t len, uint32_t hash)
{
	return find_name(ch, name, len, hash);
}

void
dirchunk_remove(
    struct dirchunk *ch, const char *name, size_t len, uint32_t hash)
{
	struct direntry *e;

	/* A server may list a name twice. */
	while ((e = find_name(ch, name, len, hash)) != NULL)
		atomic_store_explicit(&e->e_gone, true, memory_order_relaxed);
}

bool
dirchunk_overlap(const struct dirchunk *a, const struct dirchunk *b)
{
	size_t pos;

	if (a->ch_nentries == 0 || b->ch_nentries == 0 ||
	    a->ch_high < b->ch_low || b->ch_high < a->ch_low)
		return false;
	for (uint32_t i = 0; i < b->ch_nentries; i++) {
		if (search(a, sorted_cookie(b, i), &pos))
			return true;
	}
	return false;
}

static bool
has_file(const struct nfs3_entry *de)
{
	return de->de_attr.oa_there && de->de_has_fh;
}

static size_t
entry_size(const struct nfs3_entry *de)
{
	size_t file = 0;

	if (has_file(de))
		file = sizeof(struct nfs3_attr) + de->de_fh.fh_len;
	return ROUNDUP(sizeof(struct direntry) + file + de->de_namelen, 8);
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

static void
fill_entry(struct direntry *e, const struct nfs3_entry *de)
{
	uint8_t *p = (uint8_t *)(e + 1);

	e->e_cookie = de->de_cookie;
	e->e_fileid = de->de_fileid;
	e->e_hash = cache_hash(de->de_name, de->de_namelen);
	e->e_size = (uint16_t)entry_size(de);
	e->e_namelen = (uint8_t)de->de_namelen;
	e->e_type = entry_type(de);
	e->e_fhlen = 0;
	atomic_init(&e->e_gone, false);
	if (has_file(de)) {
		e->e_fhlen = (uint8_t)de->de_fh.fh_len;
		memcpy(p, &de->de_attr.oa_attr, sizeof(de->de_attr.oa_attr));
		p += sizeof(de->de_attr.oa_attr);
		memcpy(p, de->de_fh.fh_data, e->e_fhlen);
		p += e->e_fhlen;
	}
	memcpy(p, de->de_name, de->de_namelen);
}

static void
append(struct dirchunk *ch, const struct nfs3_entry *de)
{
	struct direntry *e = dirchunk_entry(ch, ch->ch_used);
	uint32_t *bucket;

	fill_entry(e, de);
	bucket = &ch->ch_buckets[e->e_hash & (ch->ch_nbuckets - 1)];
	e->e_next = *bucket;
	*bucket = (uint32_t)ch->ch_used + 1;
	ch->ch_sorted[ch->ch_nentries++] = (uint32_t)ch->ch_used;
	ch->ch_used += e->e_size;
	ch->ch_end = de->de_cookie;
}

/* Let the element at root sink into the heap of the first n. */
static void
sift(const struct dirchunk *ch, uint32_t root, uint32_t n)
{
	uint32_t *v = ch->ch_sorted, child, moving;

	while ((child = 2 * root + 1) < n) {
		if (child + 1 < n &&
		    sorted_cookie(ch, child) < sorted_cookie(ch, child + 1))
			child++;
		if (sorted_cookie(ch, root) >= sorted_cookie(ch, child))
			return;
		moving = v[root];
		v[root] = v[child];
		v[child] = moving;
		root = child;
	}
}

static void
heapsort(const struct dirchunk *ch)
{
	uint32_t *v = ch->ch_sorted, greatest;

	for (uint32_t i = ch->ch_nentries / 2; i > 0; i--)
		sift(ch, i - 1, ch->ch_nentries);
	for (uint32_t n = ch->ch_nentries; n > 1; n--) {
		greatest = v[0];
		v[0] = v[n - 1];
		v[n - 1] = greatest;
		sift(ch, 0, n - 1);
	}
}

static bool
ascending(const struct dirchunk *ch)
{
	for (uint32_t i = 1; i < ch->ch_nentries; i++) {
		if (sorted_cookie(ch, i - 1) > sorted_cookie(ch, i))
			return false;
	}
	return true;
}

/* Complete the index by cookie.  EIO if a cookie occurs twice: a reader at
 * that position would be sent back again and again. */
static int
sort(struct dirchunk *ch)
{
	if (ch->ch_nentries == 0)
		return 0;
	if (!ascending(ch))
		heapsort(ch);
	for (uint32_t i = 1; i < ch->ch_nentries; i++) {
		if (sorted_cookie(ch, i - 1) == sorted_cookie(ch, i))
			return EIO;
	}
	ch->ch_low = sorted_cookie(ch, 0);
	ch->ch_high = sorted_cookie(ch, ch->ch_nentries - 1);
	return 0;
}

/* Read through a reply: the bytes of its entries, and their number. */
static int
measure(struct xdr_in xi, bool plus, uint64_t start, size_t *size,
    uint32_t *entries, bool *eof)
{
	struct nfs3_entry de;

	*size = 0;
	*entries = 0;
	while (nfs3_readdir_entry(&xi, plus, &de)) {
		*size += entry_size(&de);
		*entries += 1;
		/* Standing still is a circle as well; so is going home. */
		if (de.de_cookie == start || de.de_cookie == 0)
			return EIO;
	}
	if (nfs3_readdir_end(&xi, eof) != 0)
		return EBADRPC;
	return *entries == 0 && !*eof ? EIO : 0;
}

static struct dirchunk *
chunk_alloc(size_t size, uint32_t entries)
{
	uint32_t buckets = 1;
	struct dirchunk *ch;
	size_t total;

	while (buckets < entries)
		buckets *= 2;
	total =
	    sizeof(*ch) + size + ((size_t)entries + buckets) * sizeof(uint32_t);
	ch = kmem_zalloc(total, KM_SLEEP);
	ch->ch_allocated = total;
	list_init(&ch->ch_list);
	atomic_init(&ch->ch_refcnt, 1);
	ch->ch_nbuckets = buckets;
	ch->ch_buckets = (uint32_t *)(void *)(ch->ch_data + size);
	ch->ch_sorted = ch->ch_buckets + buckets;
	return ch;
}

int
dirchunk_make(struct xdr_in *xi, bool plus, uint64_t start, int64_t asked_ns,
    struct dirchunk **chp)
{
	struct nfs3_entry de;
	struct dirchunk *ch;
	uint32_t entries;
	bool eof = false;
	size_t size;
	int error;

	error = measure(*xi, plus, start, &size, &entries, &eof);
	if (error != 0)
		return error;
	ch = chunk_alloc(size, entries);
	ch->ch_start = ch->ch_end = start;
	ch->ch_eof = eof;
	ch->ch_asked_ns = asked_ns;
	while (nfs3_readdir_entry(xi, plus, &de))
		append(ch, &de);
	error = sort(ch);
	if (error != 0) {
		dirchunk_unref(ch);
		return error;
	}
	*chp = ch;
	return 0;
}
