/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The name cache: (directory, name) -> vnode, or the knowledge that there is
 * none.  Entries hold no references.  A vnode cannot go while an entry points
 * to it, since cache_purge(), which reclaiming calls first, needs
 * namecache_lock; a lookup that finds a vnode on its way out misses.
 *
 * Lock order: namecache_lock, vcache_lock.
 */
#include "vfs/namei.h"

#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/stats.h"
#include "vfs/vop.h"

#define HASH_SIZE 8192 /* power of two */
#define NAMES_MAX 32768
#define NAME_CACHED_MAX 63 /* longer names are rare and not entered */

struct ncentry {
	struct list nc_hash;
	struct list nc_lru;
	struct list nc_child; /* nc_dvp->v_children */
	struct list nc_name;  /* nc_vp->v_names */
	struct vnode *nc_dvp;
	struct vnode *nc_vp; /* NULL: does not exist */
	uint32_t nc_hashval;
	uint8_t nc_len;
	char nc_text[NAME_CACHED_MAX];
};

static kmutex_t namecache_lock; /* n: everything here */
static struct list *buckets;
static struct list lru = LIST_INITIALIZER(lru);
static uint32_t count;

static struct kstat stats[] = {
	{ .ks_name = "vfs_name_hits", .ks_help = "names found in the cache" },
	{ .ks_name = "vfs_name_neghits",
	    .ks_help = "names known in the cache not to exist" },
	{ .ks_name = "vfs_name_misses", .ks_help = "names not in the cache" },
};
enum { HITS, NEGHITS, MISSES };

void
cache_init(void)
{
	mutex_init(&namecache_lock, "namecache");
	buckets = kmem_alloc(HASH_SIZE * sizeof(*buckets), KM_SLEEP);
	for (size_t i = 0; i < HASH_SIZE; i++)
		list_init(&buckets[i]);
	kstat_attach(stats, NITEMS(stats));
}

uint32_t
cache_hash(const char *name, size_t len)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)name[i]) * 16777619u;
	return h ^ h >> 15;
}

static struct list *
bucket(const struct vnode *dvp, uint32_t hash)
{
	uint32_t dir = (uint32_t)((uintptr_t)dvp >> 5) * 2654435761u;

	return &buckets[(hash ^ dir >> 8) % HASH_SIZE];
}

static struct ncentry *
find(struct vnode *dvp, const struct componentname *cnp)
    REQUIRES(namecache_lock)
{
	struct list *head = bucket(dvp, cnp->cn_hash), *n;

	LIST_FOREACH (n, head) {
		struct ncentry *nc = LIST_ENTRY(n, struct ncentry, nc_hash);

		if (nc->nc_dvp == dvp && nc->nc_hashval == cnp->cn_hash &&
		    nc->nc_len == cnp->cn_namelen &&
		    memcmp(nc->nc_text, cnp->cn_nameptr, nc->nc_len) == 0)
			return nc;
	}
	return NULL;
}

static void
entry_unlink(struct ncentry *nc) REQUIRES(namecache_lock)
{
	list_remove(&nc->nc_hash);
	list_remove(&nc->nc_lru);
	list_remove(&nc->nc_child);
	list_remove(&nc->nc_name);
}

static void
entry_free(struct ncentry *nc) REQUIRES(namecache_lock)
{
	entry_unlink(nc);
	kmem_free(nc, sizeof(*nc));
	count--;
}

bool
cache_lookup(
    struct vnode *dvp, const struct componentname *cnp, struct vnode **vpp)
{
	struct ncentry *nc;

	mutex_enter(&namecache_lock);
	nc = find(dvp, cnp);
	if (nc == NULL || (nc->nc_vp != NULL && !vref_try(nc->nc_vp))) {
		mutex_exit(&namecache_lock);
		KSTAT_ADD(&stats[MISSES], 1);
		return false;
	}
	*vpp = nc->nc_vp;
	list_remove(&nc->nc_lru);
	list_insert_tail(&lru, &nc->nc_lru);
	mutex_exit(&namecache_lock);
	KSTAT_ADD(&stats[*vpp != NULL ? HITS : NEGHITS], 1);
	return true;
}

/* An entry to fill in: the oldest one when there are many. */
static struct ncentry *
entry_alloc(void) REQUIRES(namecache_lock)
{
	struct ncentry *nc;

	if (count >= NAMES_MAX) {
		nc = LIST_ENTRY(lru.next, struct ncentry, nc_lru);
		entry_unlink(nc);
		return nc;
	}
	nc = kmem_alloc(sizeof(*nc), KM_NOSLEEP);
	if (nc != NULL)
		count++;
	return nc;
}

/* After vgone() a vnode is not to be found by name again. */
static bool
is_gone(const struct vnode *vp)
{
	return __atomic_load_n(&vp->v_op, __ATOMIC_ACQUIRE) == &dead_vnodeops;
}

void
cache_enter(
    struct vnode *dvp, struct vnode *vp, const struct componentname *cnp)
{
	struct ncentry *nc;

	if (cnp->cn_namelen > NAME_CACHED_MAX)
		return;
	mutex_enter(&namecache_lock);
	/* Under the lock: vgone() marks first and purges then. */
	if (is_gone(dvp) || (vp != NULL && is_gone(vp))) {
		mutex_exit(&namecache_lock);
		return;
	}
	nc = find(dvp, cnp);
	if (nc != NULL)
		entry_unlink(nc);
	else
		nc = entry_alloc();
	if (nc == NULL) {
		mutex_exit(&namecache_lock);
		return;
	}
	nc->nc_dvp = dvp;
	nc->nc_vp = vp;
	nc->nc_hashval = cnp->cn_hash;
	nc->nc_len = (uint8_t)cnp->cn_namelen;
	memcpy(nc->nc_text, cnp->cn_nameptr, cnp->cn_namelen);
	list_insert_head(bucket(dvp, cnp->cn_hash), &nc->nc_hash);
	list_insert_tail(&lru, &nc->nc_lru);
	list_insert_tail(&dvp->v_children, &nc->nc_child);
	list_init(&nc->nc_name);
	if (vp != NULL)
		list_insert_tail(&vp->v_names, &nc->nc_name);
	mutex_exit(&namecache_lock);
}

static void
purge_children_locked(struct vnode *dvp) REQUIRES(namecache_lock)
{
	while (!list_empty(&dvp->v_children))
		entry_free(
		    LIST_ENTRY(dvp->v_children.next, struct ncentry, nc_child));
}

void
cache_purge(struct vnode *vp)
{
	mutex_enter(&namecache_lock);
	while (!list_empty(&vp->v_names))
		entry_free(
		    LIST_ENTRY(vp->v_names.next, struct ncentry, nc_name));
	purge_children_locked(vp);
	mutex_exit(&namecache_lock);
}

void
cache_purge_children(struct vnode *dvp)
{
	mutex_enter(&namecache_lock);
	purge_children_locked(dvp);
	mutex_exit(&namecache_lock);
}

void
cache_purge_name(struct vnode *dvp, const struct componentname *cnp)
{
	struct ncentry *nc;

	mutex_enter(&namecache_lock);
	nc = find(dvp, cnp);
	if (nc != NULL)
		entry_free(nc);
	mutex_exit(&namecache_lock);
}

bool
cache_revlookup(struct vnode *vp, struct vnode **dvpp, char *name)
{
	struct list *n;
	bool found = false;

	mutex_enter(&namecache_lock);
	LIST_FOREACH (n, &vp->v_names) {
		struct ncentry *nc = LIST_ENTRY(n, struct ncentry, nc_name);

		if (nc->nc_len == 2 && memcmp(nc->nc_text, "..", 2) == 0)
			continue;
		if (!vref_try(nc->nc_dvp))
			continue;
		memcpy(name, nc->nc_text, nc->nc_len);
		name[nc->nc_len] = '\0';
		*dvpp = nc->nc_dvp;
		found = true;
		break;
	}
	mutex_exit(&namecache_lock);
	return found;
}
