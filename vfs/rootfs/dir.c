/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names by hash, in a table that doubles, and in order of their making, in a
 * radix tree by cookie.  Cookies are not used twice, so that a position that
 * readdir has given out stays right whatever is made and removed meanwhile.
 */
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "vfs/pcmem.h"
#include "vfs/rootfs/rootfs.h"

#define BUCKETS_LEAST 8
#define FIRST_COOKIE 2 /* "." and ".." come before */

static struct list *
bucket(const struct rootfs_dir *d, uint32_t hash)
{
	return &d->d_buckets[hash & (d->d_nbuckets - 1)];
}

struct rootfs_dent *
rootfs_dir_find(const struct rootfs_dir *d, const struct componentname *cnp)
{
	struct list *head, *n;

	if (d->d_nbuckets == 0)
		return NULL;
	head = bucket(d, cnp->cn_hash);
	LIST_FOREACH (n, head) {
		struct rootfs_dent *de =
		    LIST_ENTRY(n, struct rootfs_dent, de_hash);

		if (de->de_hashval == cnp->cn_hash &&
		    de->de_len == cnp->cn_namelen &&
		    memcmp(de->de_name, cnp->cn_nameptr, de->de_len) == 0)
			return de;
	}
	return NULL;
}

/* Twice the buckets, or the first ones. */
static int
grow(struct rootfs_dir *d)
{
	struct rootfs_dir wide = *d;
	struct list *n, *next;

	wide.d_nbuckets = MAX(d->d_nbuckets * 2, BUCKETS_LEAST);
	wide.d_buckets =
	    kmem_alloc(wide.d_nbuckets * sizeof(*wide.d_buckets), KM_NOSLEEP);
	if (wide.d_buckets == NULL)
		return ENOSPC;
	for (uint32_t i = 0; i < wide.d_nbuckets; i++)
		list_init(&wide.d_buckets[i]);
	for (uint32_t i = 0; i < d->d_nbuckets; i++) {
		LIST_FOREACH_SAFE(n, next, &d->d_buckets[i])
		{
			struct rootfs_dent *de =
			    LIST_ENTRY(n, struct rootfs_dent, de_hash);

			list_remove(n);
			list_insert_tail(bucket(&wide, de->de_hashval), n);
		}
	}
	kmem_free(d->d_buckets, d->d_nbuckets * sizeof(*d->d_buckets));
	*d = wide;
	return 0;
}

int
rootfs_dir_enter(struct rootfs_dir *d, const struct componentname *cnp,
    struct rootfs_node *rn)
{
	struct rootfs_dent *de;
	size_t size = sizeof(*de) + cnp->cn_namelen;

	/* A full table is slow, but only an empty one is an error. */
	if (d->d_count >= d->d_nbuckets && grow(d) != 0 && d->d_nbuckets == 0)
		return ENOSPC;
	if (pcmem_charge(size) != 0)
		return ENOSPC;
	de = kmem_alloc(size, KM_NOSLEEP);
	if (de == NULL)
		goto fail_charge;
	de->de_node = rn;
	de->de_hashval = cnp->cn_hash;
	de->de_len = (uint8_t)cnp->cn_namelen;
	memcpy(de->de_name, cnp->cn_nameptr, cnp->cn_namelen);
	de->de_cookie = MAX(d->d_nextcookie, FIRST_COOKIE);
	if (pctree_insert(&d->d_order, de->de_cookie, de) != 0)
		goto fail_free;
	d->d_nextcookie = de->de_cookie + 1;
	list_insert_head(bucket(d, de->de_hashval), &de->de_hash);
	d->d_count++;
	return 0;

fail_free:
	kmem_free(de, size);
fail_charge:
	pcmem_uncharge(size);
	return ENOSPC;
}

void
rootfs_dir_remove(struct rootfs_dir *d, struct rootfs_dent *de)
{
	pctree_remove(&d->d_order, de->de_cookie);
	list_remove(&de->de_hash);
	d->d_count--;
	pcmem_uncharge(sizeof(*de) + de->de_len);
	kmem_free(de, sizeof(*de) + de->de_len);
}

struct rootfs_dent *
rootfs_dir_next(const struct rootfs_dir *d, uint64_t cookie)
{
	return pctree_next(&d->d_order, &cookie);
}

void
rootfs_dir_destroy(struct rootfs_dir *d)
{
	struct rootfs_dent *de;

	while ((de = rootfs_dir_next(d, 0)) != NULL)
		rootfs_dir_remove(d, de);
	kmem_free(d->d_buckets, d->d_nbuckets * sizeof(*d->d_buckets));
	d->d_buckets = NULL;
	d->d_nbuckets = 0;
}
