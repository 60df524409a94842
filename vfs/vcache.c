/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vnode cache.
 *
 * Life of a vnode:
 *
 *   vcache_get() -> LOADING -> referenced <-> LRU (no reference) -> RECLAIM
 *
 * vcache_lock orders all of it except the moves of v_usecount between values
 * above zero, which are single atomic operations.  The steps from and to zero
 * are made under the lock, so that whoever holds it and sees zero knows that
 * the vnode is on the LRU list or belongs to him.  LOADING and RECLAIM vnodes
 * stay in the hash, and a second caller waits for the outcome: no two vnodes
 * of one file ever exist.
 *
 * vgone() takes a vnode out of the hash and replaces its operations, but the
 * file system's part is freed only with the last reference: calls in progress
 * need no lock against it.  Locks that may be held when vcache_lock is taken:
 * namecache_lock.  Under it: none.
 */
#include "vfs/vnode.h"

#include "kern/condvar.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "rump/rumpuser.h"
#include "vfs/lockf.h"
#include "vfs/mount.h"
#include "vfs/namei.h"
#include "vfs/param.h"
#include "vfs/vop.h"

#define NVNODES_DEFAULT 16384
#define HASH_SIZE 4096 /* power of two */

static kmutex_t vcache_lock;
static kcondvar_t vcache_cv;
static struct list *vcache_hash;                              /* v */
static struct list vcache_lru = LIST_INITIALIZER(vcache_lru); /* v */
static uint32_t vcache_count;                                 /* v */
static uint32_t vcache_max;                                   /* i */

static kmutex_t deferred_lock;
static struct list deferred = LIST_INITIALIZER(deferred); /* deferred_lock */
static _Atomic uint32_t ndeferred;

static void drain_deferred(void);

void
vcache_init(void)
{
	mutex_init(&vcache_lock, "vcache");
	mutex_init(&deferred_lock, "vrele");
	cv_init(&vcache_cv, "vcache");
	vcache_hash = kmem_alloc(HASH_SIZE * sizeof(*vcache_hash), KM_SLEEP);
	for (size_t i = 0; i < HASH_SIZE; i++)
		list_init(&vcache_hash[i]);
	vcache_max =
	    (uint32_t)param_get("RUMP_NVNODES", NVNODES_DEFAULT, 16, 1 << 24);
}

static uint32_t
hash_key(const struct mount *mp, const uint8_t *key, size_t keylen)
{
	uint64_t h = (uintptr_t)mp >> 4;

	while (keylen >= sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, key, sizeof(word));
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h ^= h >> 29;
		key += sizeof(word);
		keylen -= sizeof(word);
	}
	while (keylen-- > 0)
		h = (h ^ *key++) * 0x100000001b3u;
	return (uint32_t)(h ^ h >> 32);
}

static struct vnode *
find(struct mount *mp, const void *key, size_t keylen, uint32_t hash)
    REQUIRES(vcache_lock)
{
	struct list *head = &vcache_hash[hash % HASH_SIZE], *n;

	LIST_FOREACH (n, head) {
		struct vnode *vp = LIST_ENTRY(n, struct vnode, v_hash);

		if (vp->v_hashval == hash && vp->v_mount == mp &&
		    vp->v_keylen == keylen &&
		    memcmp(vp->v_key, key, keylen) == 0)
			return vp;
	}
	return NULL;
}

static void
vnode_free(struct vnode *vp)
{
	mutex_destroy(&vp->v_interlock);
	kmem_free(vp->v_key, MAX(vp->v_keylen, 1));
	kmem_free(vp, sizeof(*vp));
}

static struct vnode *
vnode_alloc(struct mount *mp, const void *key, size_t keylen, uint32_t hash)
{
	struct vnode *vp = kmem_zalloc(sizeof(*vp), KM_SLEEP);

	vp->v_mount = mp;
	vp->v_op = &dead_vnodeops;
	atomic_init(&vp->v_usecount, 1);
	vp->v_iflag = VI_LOADING;
	mutex_init(&vp->v_interlock, "vnode");
	list_init(&vp->v_hash);
	list_init(&vp->v_lru);
	list_init(&vp->v_mntlist);
	list_init(&vp->v_names);
	list_init(&vp->v_children);
	vp->v_hashval = hash;
	vp->v_keylen = (uint32_t)keylen;
	vp->v_key = kmem_alloc(MAX(keylen, 1), KM_SLEEP);
	memcpy(vp->v_key, key, keylen);
	return vp;
}

static void
unhash(struct vnode *vp) REQUIRES(vcache_lock)
{
	vp->v_iflag &= ~(uint32_t)VI_HASHED;
	list_remove(&vp->v_hash);
}

/* The last words of a vnode; takes the lock, and gives it up. */
static void
forget(struct vnode *vp)
{
	struct mount *mp = vp->v_mount;

	mutex_enter(&vcache_lock);
	unhash(vp);
	list_remove(&vp->v_mntlist);
	vcache_count--;
	cv_broadcast(&vcache_cv);
	mutex_exit(&vcache_lock);
	vnode_free(vp);
	mount_unref(mp);
}

/*
 * Reclaim vp, which nobody references and which is on no LRU list.  Gives up
 * vcache_lock.
 */
static void
reclaim(struct vnode *vp) RELEASES(vcache_lock)
{
	const struct vnodeops *op;

	vp->v_iflag |= VI_RECLAIM;
	mutex_exit(&vcache_lock);
	cache_purge(vp);
	op = vp->v_goneop != NULL ? vp->v_goneop : vp->v_op;
	if (op->vop_reclaim != NULL)
		(void)op->vop_reclaim(vp);
	lockf_purge(vp);
	forget(vp);
}

/* Keep the number of vnodes below the limit as far as the LRU list allows. */
static void
trim(void)
{
	mutex_enter(&vcache_lock);
	while (vcache_count > vcache_max && !list_empty(&vcache_lru)) {
		struct vnode *vp =
		    LIST_ENTRY(vcache_lru.next, struct vnode, v_lru);

		list_remove(&vp->v_lru);
		reclaim(vp);
		mutex_enter(&vcache_lock);
	}
	mutex_exit(&vcache_lock);
}

/* From zero or more to one more, under the lock. */
static void
grab(struct vnode *vp) REQUIRES(vcache_lock)
{
	if (atomic_fetch_add_explicit(
		&vp->v_usecount, 1, memory_order_acquire) == 0)
		list_remove(&vp->v_lru);
}

static int
load(struct vnode *vp)
{
	struct mount *mp = vp->v_mount;
	int error;

	error = mp->mnt_op->vfs_loadvnode(mp, vp, vp->v_key, vp->v_keylen);
	if (error != 0) {
		forget(vp);
		return error;
	}
	mutex_enter(&vcache_lock);
	vp->v_iflag &= ~(uint32_t)VI_LOADING;
	cv_broadcast(&vcache_cv);
	mutex_exit(&vcache_lock);
	return 0;
}

int
vcache_get(struct mount *mp, const void *key, size_t keylen, struct vnode **vpp)
{
	uint32_t hash = hash_key(mp, key, keylen);
	struct vnode *vp, *fresh = NULL;
	int error;

	if (PREDICT_FALSE(
		atomic_load_explicit(&ndeferred, memory_order_relaxed) != 0))
		drain_deferred();
	mutex_enter(&vcache_lock);
	for (;;) {
		vp = find(mp, key, keylen, hash);
		if (vp != NULL &&
		    (vp->v_iflag & (VI_LOADING | VI_RECLAIM)) != 0) {
			cv_wait(&vcache_cv, &vcache_lock);
			continue;
		}
		if (vp != NULL || fresh != NULL)
			break;
		mutex_exit(&vcache_lock);
		fresh = vnode_alloc(mp, key, keylen, hash);
		mutex_enter(&vcache_lock);
	}
	if (vp != NULL || mp->mnt_gone) {
		if (vp != NULL)
			grab(vp);
		mutex_exit(&vcache_lock);
		if (fresh != NULL)
			vnode_free(fresh);
		if (vp == NULL)
			return EIO;
		*vpp = vp;
		return 0;
	}
	fresh->v_iflag |= VI_HASHED;
	list_insert_head(&vcache_hash[hash % HASH_SIZE], &fresh->v_hash);
	list_insert_tail(&mp->mnt_vnodes, &fresh->v_mntlist);
	mount_ref(mp);
	vcache_count++;
	mutex_exit(&vcache_lock);
	error = load(fresh);
	if (error != 0)
		return error;
	*vpp = fresh;
	trim();
	return 0;
}

void
vref(struct vnode *vp)
{
	uint32_t old;

	old =
	    atomic_fetch_add_explicit(&vp->v_usecount, 1, memory_order_relaxed);
	KASSERT(old != 0);
}

/* Add delta unless the count is at most floor. */
static bool
usecount_add(struct vnode *vp, uint32_t floor, int delta)
{
	uint32_t n =
	    atomic_load_explicit(&vp->v_usecount, memory_order_relaxed);

	while (n > floor) {
		if (atomic_compare_exchange_weak_explicit(&vp->v_usecount, &n,
			n + (uint32_t)delta, memory_order_acq_rel,
			memory_order_relaxed))
			return true;
	}
	return false;
}

bool
vref_try(struct vnode *vp)
{
	bool ok;

	if (usecount_add(vp, 0, 1))
		return true;
	mutex_enter(&vcache_lock);
	ok = (vp->v_iflag & (VI_RECLAIM | VI_LOADING | VI_GONE)) == 0;
	if (ok)
		grab(vp);
	mutex_exit(&vcache_lock);
	return ok;
}

/* The count may go to zero. */
static void
vrele_last(struct vnode *vp)
{
	bool recycle = false;

	(void)VOP_INACTIVE(vp, &recycle);
	mutex_enter(&vcache_lock);
	if (atomic_fetch_sub_explicit(
		&vp->v_usecount, 1, memory_order_acq_rel) != 1) {
		mutex_exit(&vcache_lock);
		return;
	}
	if (recycle || (vp->v_iflag & VI_GONE) != 0 ||
	    atomic_load_explicit(&vp->v_doomed, memory_order_relaxed)) {
		reclaim(vp);
		return;
	}
	list_insert_tail(&vcache_lru, &vp->v_lru);
	mutex_exit(&vcache_lock);
}

void
vrele(struct vnode *vp)
{
	if (usecount_add(vp, 1, -1))
		return;
	vrele_last(vp);
}

void
vrele_deferred(struct vnode *vp)
{
	if (usecount_add(vp, 1, -1))
		return;
	mutex_enter(&deferred_lock);
	KASSERT(list_empty(&vp->v_lru));
	list_insert_tail(&deferred, &vp->v_lru);
	atomic_fetch_add(&ndeferred, 1);
	mutex_exit(&deferred_lock);
}

static void
drain_deferred(void)
{
	mutex_enter(&deferred_lock);
	while (!list_empty(&deferred)) {
		struct vnode *vp =
		    LIST_ENTRY(deferred.next, struct vnode, v_lru);

		list_remove(&vp->v_lru);
		atomic_fetch_sub(&ndeferred, 1);
		mutex_exit(&deferred_lock);
		vrele(vp);
		mutex_enter(&deferred_lock);
	}
	mutex_exit(&deferred_lock);
}

void
vdoom(struct vnode *vp)
{
	atomic_store_explicit(&vp->v_doomed, true, memory_order_relaxed);
}

static void
gone_locked(struct vnode *vp) REQUIRES(vcache_lock)
{
	if ((vp->v_iflag & VI_GONE) != 0)
		return;
	vp->v_iflag |= VI_GONE;
	unhash(vp);
	vp->v_goneop = vp->v_op;
	__atomic_store_n(&vp->v_op, &dead_vnodeops, __ATOMIC_RELEASE);
}

void
vgone(struct vnode *vp)
{
	mutex_enter(&vcache_lock);
	gone_locked(vp);
	mutex_exit(&vcache_lock);
	cache_purge(vp);
}

/* A reference to some vnode of mp that is not gone yet, or NULL. */
static struct vnode *
next_live(struct mount *mp)
{
	struct list *n;

	mutex_enter(&vcache_lock);
again:
	LIST_FOREACH (n, &mp->mnt_vnodes) {
		struct vnode *vp = LIST_ENTRY(n, struct vnode, v_mntlist);

		if ((vp->v_iflag & VI_GONE) != 0)
			continue;
		if ((vp->v_iflag & (VI_LOADING | VI_RECLAIM)) != 0) {
			cv_wait(&vcache_cv, &vcache_lock);
			goto again;
		}
		grab(vp);
		mutex_exit(&vcache_lock);
		return vp;
	}
	mutex_exit(&vcache_lock);
	return NULL;
}

void
vcache_gone(struct mount *mp)
{
	struct vnode *vp;

	mutex_enter(&vcache_lock);
	mp->mnt_gone = true;
	mutex_exit(&vcache_lock);
	while ((vp = next_live(mp)) != NULL) {
		vgone(vp);
		vrele(vp);
	}
}

/* The first vnode of mp that nobody references; waits for those in change. */
static struct vnode *
next_idle(struct mount *mp, struct vnode *except, bool *busy)
    REQUIRES(vcache_lock)
{
	struct list *n;

again:
	*busy = false;
	LIST_FOREACH (n, &mp->mnt_vnodes) {
		struct vnode *vp = LIST_ENTRY(n, struct vnode, v_mntlist);

		if ((vp->v_iflag & (VI_LOADING | VI_RECLAIM)) != 0) {
			cv_wait(&vcache_cv, &vcache_lock);
			goto again;
		}
		if (atomic_load(&vp->v_usecount) == 0)
			return vp;
		if (vp != except)
			*busy = true;
	}
	return NULL;
}

int
vcache_flush(struct mount *mp, struct vnode *except)
{
	struct vnode *vp;
	bool busy;

	drain_deferred();
	mutex_enter(&vcache_lock);
	while ((vp = next_idle(mp, except, &busy)) != NULL) {
		list_remove(&vp->v_lru);
		reclaim(vp);
		mutex_enter(&vcache_lock);
	}
	mutex_exit(&vcache_lock);
	return busy ? EBUSY : 0;
}
