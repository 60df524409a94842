/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attributes are trusted for a time that starts at acregmin or acdirmin,
 * doubles each time the server confirms that nothing has changed, ends at
 * acregmax or acdirmax, and starts anew with a change.
 *
 * Replies may be handled in another order than the server made them.  Of two
 * that contradict each other, the one with the older change time loses if it
 * was asked for before the other came.
 *
 * vfs_loadvnode is told nothing but the handle, so whoever wants a vnode leaves
 * its attributes on nm_loading meanwhile.
 */
#include "nfs/node.h"

#include "kern/clock.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "nfs/call.h"
#include "nfs/dir.h"
#include "nfs/silly.h"
#include "nfs/vnops.h"
#include "vfs/mount.h"
#include "vfs/namei.h"
#include "vfs/pagecache.h"

#define SECOND INT64_C(1000000000)

struct loading {
	struct list lo_list; /* nm_lock */
	const struct nfs3_fh *lo_fh;
	const struct nfs3_attr *lo_attr;
	int64_t lo_asked_ns;
};

static struct kstat stats[NODE_NSTATS] = {
	[NODE_STAT_HITS] = { "nfs_attr_hits",
	    "attributes answered from the cache" },
	[NODE_STAT_MISSES] = { "nfs_attr_misses",
	    "attributes asked from the server" },
};

void
nfsnode_init(void)
{
	kstat_attach(stats, NITEMS(stats));
}

static enum vtype
vnode_type(enum nfs3_type type)
{
	static const enum vtype types[] = {
		[NFS3_REG] = VREG,
		[NFS3_DIR] = VDIR,
		[NFS3_BLK] = VBLK,
		[NFS3_CHR] = VCHR,
		[NFS3_LNK] = VLNK,
		[NFS3_SOCK] = VSOCK,
		[NFS3_FIFO] = VFIFO,
	};

	return types[type];
}

static bool
time_equal(const struct nfs3_time *a, const struct nfs3_time *b)
{
	return a->t_sec == b->t_sec && a->t_nsec == b->t_nsec;
}

static bool
time_before(const struct nfs3_time *a, const struct nfs3_time *b)
{
	return a->t_sec < b->t_sec ||
	       (a->t_sec == b->t_sec && a->t_nsec < b->t_nsec);
}

void
nfsnode_timeout_bounds(const struct nfsnode *np, int64_t *min, int64_t *max)
{
	const struct nfs_options *o = &np->n_mount->nm_options;
	bool dir = np->n_vnode->v_type == VDIR;

	*min = *max = 0;
	if (o->o_noac)
		return;
	*min = (dir ? o->o_acdirmin : o->o_acregmin) * SECOND;
	*max = (dir ? o->o_acdirmax : o->o_acregmax) * SECOND;
	*min = MIN(*min, *max);
}

bool
nfsnode_caches(const struct nfsnode *np)
{
	int64_t min, max;

	nfsnode_timeout_bounds(np, &min, &max);
	return max != 0;
}

bool
nfsnode_is(const struct nfsnode *np, const struct nfs3_fh *fh)
{
	return fh->fh_len == np->n_fh.fh_len &&
	       memcmp(fh->fh_data, np->n_fh.fh_data, fh->fh_len) == 0;
}

static void
forget_access(struct nfsnode *np) REQUIRES(np->n_lock)
{
	for (size_t i = 0; i < NFSNODE_NACCESS; i++)
		np->n_access[i].na_until_ns = 0;
}

/* The end of the file: behind what is written here, if that is further. */
static off_t
file_size(const struct nfsnode *np)
{
	return MAX((off_t)np->n_attr.a_size, np->n_end);
}

static void
publish_size(struct nfsnode *np) REQUIRES(np->n_lock)
{
	struct vnode *vp = np->n_vnode;

	mutex_enter(&vp->v_interlock);
	vp->v_size = file_size(np);
	mutex_exit(&vp->v_interlock);
}

/*
 * Is attr older than what we have?  Within one tick of the server's clock the
 * change times do not tell; then a file that was longer may have been written
 * to, by calls that have overtaken this one.
 */
static bool
outdated(struct nfsnode *np, const struct nfs3_attr *attr, int64_t asked_ns)
    REQUIRES(np->n_lock)
{
	const struct nfs3_attr *old = &np->n_attr;

	if (asked_ns >= np->n_attr_ns)
		return false;
	if (time_before(&attr->a_ctime, &old->a_ctime))
		return true;
	if (!time_equal(&attr->a_ctime, &old->a_ctime) ||
	    attr->a_size >= old->a_size)
		return false;
	np->n_attr_until_ns = 0;
	return true;
}

/* Take attributes over and say how long they are good for. */
static void
take_attr(struct nfsnode *np, const struct nfs3_attr *attr, bool changed)
    REQUIRES(np->n_lock)
{
	int64_t now = uptime_ns(), min, max;

	nfsnode_timeout_bounds(np, &min, &max);
	if (changed)
		np->n_attr_timeo_ns = min;
	else if (now >= np->n_attr_until_ns)
		np->n_attr_timeo_ns =
		    MIN(MAX(2 * np->n_attr_timeo_ns, min), max);
	np->n_attr = *attr;
	np->n_stale = false;
	np->n_attr_ns = now;
	np->n_attr_until_ns = now + np->n_attr_timeo_ns;
	publish_size(np);
}

/* Another kind of file behind the same handle: it is not ours. */
static bool
check_kind(struct nfsnode *np, const struct nfs3_attr *attr)
    REQUIRES(np->n_lock)
{
	if (vnode_type(attr->a_type) == np->n_vnode->v_type)
		return true;
	np->n_stale = true;
	np->n_attr_until_ns = 0;
	return false;
}

static void
update_locked(struct nfsnode *np, const struct nfs3_attr *attr,
    int64_t asked_ns) REQUIRES(np->n_lock)
{
	uint64_t change = np->n_change;

	if (outdated(np, attr, asked_ns) || !check_kind(np, attr))
		return;
	if (!time_equal(&attr->a_ctime, &np->n_attr.a_ctime))
		forget_access(np);
	nfschange_see(np, attr);
	take_attr(np, attr, np->n_change != change);
	/* They may be from before a change of our own. */
	if (asked_ns <= np->n_changes.cs_blind_ns)
		np->n_attr_until_ns = 0;
}

void
nfsnode_update_own(struct nfsnode *np, const struct nfs3_attr *attr,
    int64_t asked_ns, bool rights)
{
	if (outdated(np, attr, asked_ns) || !check_kind(np, attr))
		return;
	if (!rights && !time_equal(&attr->a_ctime, &np->n_attr.a_ctime))
		forget_access(np);
	take_attr(np, attr, true);
}

void
nfsnode_update(
    struct nfsnode *np, const struct nfs3_opt_attr *oa, int64_t asked_ns)
{
	if (!oa->oa_there)
		return;
	nfsnode_settle(np);
	mutex_enter(&np->n_lock);
	update_locked(np, &oa->oa_attr, asked_ns);
	mutex_exit(&np->n_lock);
}

void
nfsnode_hint(struct nfsnode *np, const struct nfs3_attr *attr, int64_t asked_ns)
{
	int64_t until;

	mutex_enter(&np->n_lock);
	if (asked_ns > np->n_attr_ns) {
		update_locked(np, attr, asked_ns);
		/* They are older than this call. */
		until = asked_ns + np->n_attr_timeo_ns;
		np->n_attr_until_ns = MIN(np->n_attr_until_ns, until);
		np->n_attr_ns = asked_ns;
	}
	mutex_exit(&np->n_lock);
}

int
nfsnode_verdict(struct nfsnode *np, uint32_t status)
{
	int error = nfs3_errno(status);

	if (error != ESTALE)
		return error;
	mutex_enter(&np->n_lock);
	np->n_stale = true;
	np->n_attr_until_ns = 0;
	mutex_exit(&np->n_lock);
	cache_purge(np->n_vnode);
	return ESTALE;
}

int
nfsnode_refresh(struct nfsnode *np, kauth_cred_t cred)
{
	struct nfs3_getattr res;
	struct nfs3_opt_attr oa = { .oa_there = true };
	int64_t asked_ns = uptime_ns();
	bool stale;
	int error;

	KSTAT_ADD(&stats[NODE_STAT_MISSES], 1);
	error = nfscall_getattr(np->n_mount, &np->n_fh, cred, &res);
	if (error != 0)
		return error;
	error = nfsnode_verdict(np, res.ga_status);
	if (error != 0)
		return error;
	oa.oa_attr = res.ga_attr;
	nfsnode_update(np, &oa, asked_ns);
	mutex_enter(&np->n_lock);
	stale = np->n_stale;
	mutex_exit(&np->n_lock);
	return stale ? ESTALE : 0;
}

static bool
trusted(struct nfsnode *np) REQUIRES(np->n_lock)
{
	return uptime_ns() < np->n_attr_until_ns;
}

bool
nfsnode_trusted(struct nfsnode *np)
{
	bool good;

	mutex_enter(&np->n_lock);
	good = trusted(np);
	mutex_exit(&np->n_lock);
	return good;
}

int
nfsnode_validate(struct nfsnode *np, kauth_cred_t cred)
{
	if (!nfsnode_trusted(np))
		return nfsnode_refresh(np, cred);
	KSTAT_ADD(&stats[NODE_STAT_HITS], 1);
	return 0;
}

/* The server does not know yet what was written here. */
static void
add_unsaved(const struct nfsnode *np, struct nfs3_attr *attr)
{
	if (np->n_end > (off_t)attr->a_size) {
		attr->a_used += (uint64_t)np->n_end - attr->a_size;
		attr->a_size = (uint64_t)np->n_end;
	}
	if (time_before(&attr->a_mtime, &np->n_wrote))
		attr->a_mtime = np->n_wrote;
	if (time_before(&attr->a_ctime, &np->n_wrote))
		attr->a_ctime = np->n_wrote;
}

int
nfsnode_getattr(struct nfsnode *np, kauth_cred_t cred, struct nfs3_attr *attr)
{
	int error = nfsnode_validate(np, cred);

	if (error != 0)
		return error;
	mutex_enter(&np->n_lock);
	*attr = np->n_attr;
	if (np->n_silly != NULL && attr->a_nlink > 0)
		attr->a_nlink--;
	add_unsaved(np, attr);
	mutex_exit(&np->n_lock);
	return 0;
}

bool
nfsnode_unlinked(struct nfsnode *np)
{
	bool unlinked;

	mutex_enter(&np->n_lock);
	unlinked = np->n_attr.a_nlink == 0;
	mutex_exit(&np->n_lock);
	return unlinked;
}

uint64_t
nfsnode_change(struct nfsnode *np)
{
	uint64_t change;

	mutex_enter(&np->n_lock);
	change = np->n_change;
	mutex_exit(&np->n_lock);
	return change;
}

/* Move *good on to the present; says whether it lagged behind. */
static bool
catch_up(struct nfsnode *np, uint64_t *good)
{
	bool behind;

	mutex_enter(&np->n_lock);
	behind = *good != np->n_change;
	*good = np->n_change;
	mutex_exit(&np->n_lock);
	return behind;
}

void
nfsnode_purge_names(struct nfsnode *np)
{
	if (catch_up(np, &np->n_names_change))
		cache_purge_children(np->n_vnode);
}

void
nfsnode_purge_data(struct nfsnode *np)
{
	if (catch_up(np, &np->n_data_change))
		pagecache_invalidate(np->n_vnode, 0, 0);
}

/* Reading. */

void
nfsnode_met_end(struct nfsnode *np, uint64_t end, int64_t asked_ns)
{
	const struct nfschanges *cs = &np->n_changes;

	mutex_enter(&np->n_lock);
	if (cs->cs_running != 0 || asked_ns <= cs->cs_ended_ns) {
		/* It may have been before we wrote. */
		if (end < np->n_attr.a_size)
			np->n_attr_until_ns = 0;
	} else if (end < np->n_attr.a_size) {
		np->n_attr.a_size = end;
		np->n_attr_until_ns = 0;
		np->n_change++;
		np->n_met_end = MIN(np->n_met_end, MAX((off_t)end, np->n_end));
		publish_size(np);
	}
	mutex_exit(&np->n_lock);
}

int
nfsnode_read_begin(struct nfsnode *np, kauth_cred_t cred, off_t *size)
{
	bool behind;
	int error = nfsnode_validate(np, cred);

	if (error != 0)
		return error;
	mutex_enter(&np->n_lock);
	behind = np->n_data_change != np->n_change;
	np->n_data_change = np->n_change;
	*size = file_size(np);
	if (np->n_reading++ == 0)
		np->n_met_end = INT64_MAX;
	mutex_exit(&np->n_lock);
	if (behind)
		pagecache_invalidate(np->n_vnode, 0, 0);
	return 0;
}

off_t
nfsnode_read_end(struct nfsnode *np)
{
	off_t end;

	mutex_enter(&np->n_lock);
	np->n_reading--;
	end = np->n_met_end;
	mutex_exit(&np->n_lock);
	return end;
}

/* Writing. */

static struct nfs3_time
present_time(void)
{
	struct rump_timespec ts;

	getnanotime(&ts);
	return (struct nfs3_time){ (uint32_t)ts.tv_sec, (uint32_t)ts.tv_nsec };
}

void
nfsnode_wrote(struct nfsnode *np, off_t end)
{
	mutex_enter(&np->n_lock);
	np->n_end = MAX(np->n_end, end);
	np->n_wrote = present_time();
	publish_size(np);
	mutex_exit(&np->n_lock);
}

void
nfsnode_truncated(struct nfsnode *np, off_t size)
{
	mutex_enter(&np->n_lock);
	np->n_end = MIN(np->n_end, size);
	np->n_attr.a_size = (uint64_t)size;
	publish_size(np);
	mutex_exit(&np->n_lock);
}

void
nfsnode_settle(struct nfsnode *np)
{
	uint64_t writes;
	bool settled;

	mutex_enter(&np->n_lock);
	writes = np->n_writes;
	settled = np->n_wrote.t_sec == 0 && np->n_end == 0;
	mutex_exit(&np->n_lock);
	if (settled || writes % 2 != 0 || pagecache_unsaved(np->n_vnode))
		return;
	mutex_enter(&np->n_lock);
	if (np->n_writes == writes) {
		np->n_end = 0;
		np->n_wrote = (struct nfs3_time){ 0, 0 };
		publish_size(np);
	}
	mutex_exit(&np->n_lock);
}

void
nfsnode_expire(struct nfsnode *np)
{
	mutex_enter(&np->n_lock);
	np->n_attr_until_ns = 0;
	mutex_exit(&np->n_lock);
}

void
nfsnode_forget_access(struct nfsnode *np)
{
	mutex_enter(&np->n_lock);
	forget_access(np);
	mutex_exit(&np->n_lock);
}

/* Making and ending. */

static bool
find_loading(struct nfsmount *nm, const struct nfs3_fh *fh,
    struct nfs3_attr *attr, int64_t *asked_ns)
{
	struct list *n;
	bool found = false;

	mutex_enter(&nm->nm_lock);
	LIST_FOREACH (n, &nm->nm_loading) {
		struct loading *lo = LIST_ENTRY(n, struct loading, lo_list);

		if (lo->lo_fh->fh_len == fh->fh_len &&
		    memcmp(lo->lo_fh->fh_data, fh->fh_data, fh->fh_len) == 0) {
			*attr = *lo->lo_attr;
			*asked_ns = lo->lo_asked_ns;
			found = true;
			break;
		}
	}
	mutex_exit(&nm->nm_lock);
	return found;
}

static int
ask_attr(struct nfsmount *nm, const struct nfs3_fh *fh, kauth_cred_t cred,
    struct nfs3_attr *attr)
{
	struct nfs3_getattr res;
	int error;

	error = nfscall_getattr(nm, fh, cred, &res);
	if (error == 0)
		error = nfs3_errno(res.ga_status);
	if (error == 0)
		*attr = res.ga_attr;
	return error;
}

int
nfsnode_load(struct mount *mp, struct vnode *vp, const void *key, size_t keylen)
{
	struct nfsmount *nm = mp->mnt_data;
	struct nfs3_fh fh = { .fh_len = (uint32_t)keylen };
	struct nfs3_attr attr;
	int64_t asked_ns = uptime_ns(), max;
	struct nfsnode *np;
	int error;

	KASSERT(keylen > 0 && keylen <= NFS3_FHSIZE);
	memcpy(fh.fh_data, key, keylen);
	if (!find_loading(nm, &fh, &attr, &asked_ns)) {
		error = ask_attr(nm, &fh, curlwp->l_cred, &attr);
		if (error != 0)
			return error;
	}
	np = kmem_zalloc(sizeof(*np), KM_SLEEP);
	np->n_vnode = vp;
	np->n_mount = nm;
	np->n_fh = fh;
	mutex_init(&np->n_lock, "nfsnode");
	cv_init(&np->n_writecv, "nfswrite");
	np->n_changes.cs_count = 1;
	list_init(&np->n_runs);
	np->n_attr = attr;
	vp->v_op = &nfs_vnodeops;
	vp->v_type = vnode_type(attr.a_type);
	vp->v_size = (off_t)attr.a_size;
	vp->v_data = np;
	nfsnode_timeout_bounds(np, &np->n_attr_timeo_ns, &max);
	np->n_attr_ns = asked_ns;
	np->n_attr_until_ns = asked_ns + np->n_attr_timeo_ns;
	return 0;
}

int
nfsnode_reclaim(struct vnode *vp)
{
	struct nfsnode *np = VTONFS(vp);

	/* Fills have references to the vnode, so no READ is left. */
	KASSERT(np->n_gather == NULL && list_empty(&np->n_runs));
	pagecache_destroy(vp);
	nfssilly_forget(vp);
	nfsdir_destroy(np);
	if (np->n_link != NULL)
		kmem_free(np->n_link, np->n_linklen);
	cv_destroy(&np->n_writecv);
	mutex_destroy(&np->n_lock);
	kmem_free(np, sizeof(*np));
	vp->v_data = NULL;
	return 0;
}

static int
get_loading(struct nfsmount *nm, const struct nfs3_fh *fh,
    const struct nfs3_attr *attr, int64_t asked_ns, struct vnode **vpp)
{
	struct loading lo = {
		.lo_fh = fh, .lo_attr = attr, .lo_asked_ns = asked_ns
	};
	int error;

	mutex_enter(&nm->nm_lock);
	list_insert_head(&nm->nm_loading, &lo.lo_list);
	mutex_exit(&nm->nm_lock);
	error = vcache_get(nm->nm_mount, fh->fh_data, fh->fh_len, vpp);
	mutex_enter(&nm->nm_lock);
	list_remove(&lo.lo_list);
	mutex_exit(&nm->nm_lock);
	return error;
}

int
nfsnode_get(struct nfsmount *nm, const struct nfs3_fh *fh,
    const struct nfs3_attr *attr, int64_t asked_ns, kauth_cred_t cred,
    struct vnode **vpp)
{
	struct nfs3_opt_attr oa = { .oa_there = true };
	struct vnode *vp;
	int error;

	if (attr != NULL) {
		oa.oa_attr = *attr;
	} else {
		asked_ns = uptime_ns();
		error = ask_attr(nm, fh, cred, &oa.oa_attr);
		if (error != 0)
			return error;
	}
	/* A handle that now means another kind of file gets a new vnode. */
	for (int i = 0; i < 2; i++) {
		error = get_loading(nm, fh, &oa.oa_attr, asked_ns, &vp);
		if (error != 0)
			return error;
		if (vp->v_type == vnode_type(oa.oa_attr.a_type)) {
			nfsnode_update(VTONFS(vp), &oa, asked_ns);
			*vpp = vp;
			return 0;
		}
		/* Recycled when the last user lets go of it. */
		nfsnode_update(VTONFS(vp), &oa, asked_ns);
		vrele(vp);
	}
	return ESTALE;
}

int
nfsnode_get_listed(struct nfsmount *nm, const struct nfs3_fh *fh,
    const struct nfs3_attr *attr, int64_t asked_ns, struct vnode **vpp)
{
	struct vnode *vp;
	int error;

	error = get_loading(nm, fh, attr, asked_ns, &vp);
	if (error != 0)
		return error;
	nfsnode_hint(VTONFS(vp), attr, asked_ns);
	if (vp->v_type != vnode_type(attr->a_type)) {
		vrele(vp);
		return ESTALE;
	}
	*vpp = vp;
	return 0;
}
