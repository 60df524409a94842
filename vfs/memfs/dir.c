/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names by hash, in a table that doubles, and in order of their making, in a
 * radix tree by cookie.  Cookies are not used twice, so that a position that
 * readdir has given out stays right whatever is made and removed meanwhile.
 */
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "vfs/memfs/memfs.h"

#define BUCKETS_LEAST 8
#define FIRST_COOKIE 2 /* "." and ".." come before */

static struct list *
bucket(const struct memfs_dir *d, uint32_t hash)
{
	return &d->d_buckets[hash & (d->d_nbuckets - 1)];
}

struct memfs_dent *
memfs_dir_find(const struct memfs_dir *d, const struct componentname *cnp)
{
	struct list *head, *n;

	if (d->d_nbuckets == 0)
		return NULL;
	head = bucket(d, cnp->cn_hash);
	LIST_FOREACH (n, head) {
		struct memfs_dent *de =
		    LIST_ENTRY(n, struct memfs_dent, de_hash);

		if (de->de_hashval == cnp->cn_hash &&
		    de->de_len == cnp->cn_namelen &&
		    memcmp(de->de_name, cnp->cn_nameptr, de->de_len) == 0)
			return de;
	}
	return NULL;
}

static size_t
table_size(uint32_t nbuckets)
{
	return nbuckets * sizeof(struct list);
}

static void
table_free(struct memfs_mount *mm, struct list *buckets, uint32_t nbuckets)
{
	kmem_free(buckets, table_size(nbuckets));
	pcmem_uncharge(&mm->mm_memory, table_size(nbuckets));
}

static void
move_entries(struct memfs_dir *d, struct list *buckets, uint32_t nbuckets)
{
	struct list *n, *next;

	for (uint32_t i = 0; i < nbuckets; i++) {
		LIST_FOREACH_SAFE(n, next, &buckets[i])
		{
			struct memfs_dent *de =
			    LIST_ENTRY(n, struct memfs_dent, de_hash);

			list_remove(n);
			list_insert_tail(bucket(d, de->de_hashval), n);
		}
	}
}

/* Twice the buckets, or the first ones. */
static int
grow(struct memfs_mount *mm, struct memfs_dir *d)
{
	uint32_t nold = d->d_nbuckets, n = MAX(nold * 2, BUCKETS_LEAST);
	struct list *old = d->d_buckets, *buckets;

	if (pcmem_charge(&mm->mm_memory, table_size(n)) != 0)
		return ENOSPC;
	buckets = kmem_alloc(table_size(n), KM_NOSLEEP);
	if (buckets == NULL) {
		pcmem_uncharge(&mm->mm_memory, table_size(n));
		return ENOSPC;
	}
	for (uint32_t i = 0; i < n; i++)
		list_init(&buckets[i]);
	d->d_buckets = buckets;
	d->d_nbuckets = n;
	if (nold != 0) {
		move_entries(d, old, nold);
		table_free(mm, old, nold);
	}
	return 0;
}

static size_t
dent_size(size_t namelen)
{
	return sizeof(struct memfs_dent) + namelen;
}

int
memfs_dir_enter(struct memfs_mount *mm, struct memfs_dir *d,
    const struct componentname *cnp, struct memfs_node *mn)
{
	size_t size = dent_size(cnp->cn_namelen);
	struct memfs_dent *de;

	/* A full table is slow, but only an empty one is an error. */
	if (d->d_count >= d->d_nbuckets && grow(mm, d) != 0 &&
	    d->d_nbuckets == 0)
		return ENOSPC;
	if (pcmem_charge(&mm->mm_memory, size) != 0)
		return ENOSPC;
	de = kmem_alloc(size, KM_NOSLEEP);
	if (de == NULL)
		goto fail_charge;
	de->de_node = mn;
	de->de_hashval = cnp->cn_hash;
	de->de_len = (uint8_t)cnp->cn_namelen;
	memcpy(de->de_name, cnp->cn_nameptr, cnp->cn_namelen);
	de->de_cookie = MAX(d->d_nextcookie, FIRST_COOKIE);
	if (pctree_insert(&d->d_order, de->de_cookie, de) != 0)
		goto fail_free;
	d->d_nextcookie = de->de_cookie + 1;
	list_insert_head(bucket(d, de->de_hashval), &de->de_hash);
	d->d_count++;
	if (mn->mn_type == VDIR)
		mn->mn_dir.d_entry = de;
	return 0;

fail_free:
	kmem_free(de, size);
fail_charge:
	pcmem_uncharge(&mm->mm_memory, size);
	return ENOSPC;
}

void
memfs_dir_remove(
    struct memfs_mount *mm, struct memfs_dir *d, struct memfs_dent *de)
{
	size_t size = dent_size(de->de_len);

	pctree_remove(&d->d_order, de->de_cookie);
	list_remove(&de->de_hash);
	d->d_count--;
	pcmem_uncharge(&mm->mm_memory, size);
	kmem_free(de, size);
	if (d->d_count == 0)
		memfs_dir_fini(mm, d);
}

struct memfs_dent *
memfs_dir_next(const struct memfs_dir *d, uint64_t cookie)
{
	return pctree_next(&d->d_order, &cookie);
}

void
memfs_dir_fini(struct memfs_mount *mm, struct memfs_dir *d)
{
	KASSERT(d->d_count == 0);
	if (d->d_nbuckets != 0)
		table_free(mm, d->d_buckets, d->d_nbuckets);
	d->d_buckets = NULL;
	d->d_nbuckets = 0;
}
