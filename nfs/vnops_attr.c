/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Setting attributes.
 *
 * What was written is saved before attributes are set, because the server would
 * move times and drop set-id bits when the writes came afterwards.
 */
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "nfs/call.h"
#include "nfs/vnops_write.h"
#include "nfs/write.h"
#include "vfs/pagecache.h"

/* The protocol's seconds begin in 1970 and are 32 bits wide. */
static struct nfs3_time
protocol_time(const struct rump_timespec *ts)
{
	if (ts->tv_sec < 0)
		return (struct nfs3_time){ 0, 0 };
	if (ts->tv_sec > UINT32_MAX)
		return (struct nfs3_time){ UINT32_MAX, 0 };
	return (
	    struct nfs3_time){ (uint32_t)ts->tv_sec, (uint32_t)ts->tv_nsec };
}

static enum nfs3_set_time
whose_time(const struct vattr *va, uint32_t now)
{
	return (va->va_vaflags & now) != 0 ? NFS3_TIME_SERVER : NFS3_TIME_GIVEN;
}

static void
set_times(struct nfs3_sattr *sa, const struct vattr *va)
{
	if (va->va_atime.tv_nsec != VNOVAL) {
		sa->sa_set_atime = whose_time(va, VA_ATIME_NOW);
		sa->sa_atime = protocol_time(&va->va_atime);
	}
	if (va->va_mtime.tv_nsec != VNOVAL) {
		sa->sa_set_mtime = whose_time(va, VA_MTIME_NOW);
		sa->sa_mtime = protocol_time(&va->va_mtime);
	}
}

static struct nfs3_sattr
sattr_of(const struct vattr *va)
{
	struct nfs3_sattr sa = {
		.sa_set_mode = va->va_mode != (mode_t)VNOVAL,
		.sa_mode = va->va_mode & 07777,
		.sa_set_uid = va->va_uid != (uid_t)VNOVAL,
		.sa_uid = va->va_uid,
		.sa_set_gid = va->va_gid != (gid_t)VNOVAL,
		.sa_gid = va->va_gid,
		.sa_set_size = va->va_size != VNOVAL,
		.sa_size = (uint64_t)va->va_size,
	};

	set_times(&sa, va);
	return sa;
}

static bool
sets_nothing(const struct nfs3_sattr *sa)
{
	return !sa->sa_set_mode && !sa->sa_set_uid && !sa->sa_set_gid &&
	       !sa->sa_set_size && sa->sa_set_atime == NFS3_TIME_KEEP &&
	       sa->sa_set_mtime == NFS3_TIME_KEEP;
}

static int
call_setattr(struct nfsnode *np, const struct nfs3_sattr *sa, kauth_cred_t cred)
{
	struct nfs3_change res;
	struct nfschange c;
	int error;

	nfschange_begin(&c, np);
	error = nfscall_setattr(np->n_mount, &np->n_fh, sa, cred, &res);
	nfschange_end(&c, error == 0 ? &res.ch_wcc : NULL);
	if (sa->sa_set_mode || sa->sa_set_uid || sa->sa_set_gid)
		nfsnode_forget_access(np);
	return error != 0 ? error : nfsnode_verdict(np, res.ch_status);
}

/* What fails here is told to who has written. */
static int
save(struct vnode *vp)
{
	int error = 0;

	if (pagecache_unsaved(vp))
		error = pagecache_sync(vp, 0, 0, PCS_WAIT);
	/* The times of the server are the ones that will be set. */
	nfsnode_settle(VTONFS(vp));
	return error == ERESTART ? ERESTART : 0;
}

/* With the writer's lock. */
static int
resize(struct vnode *vp, const struct nfs3_sattr *sa, kauth_cred_t cred)
{
	struct nfsnode *np = VTONFS(vp);
	off_t size = (off_t)sa->sa_size;
	int error;

	if (sa->sa_size > MIN(np->n_mount->nm_filemax, (uint64_t)INT64_MAX))
		return EFBIG;
	error = save(vp);
	/* What is still on its way must not make it longer afterwards.  If the
	 * server says no, what is saved must not look cut off here. */
	if (error == 0 && pagecache_unsaved(vp))
		error = pagecache_truncate(vp, size);
	if (error == 0)
		error = call_setattr(np, sa, cred);
	if (error != 0) {
		pagecache_invalidate(vp, size, 0);
		return error;
	}
	nfsnode_truncated(np, size);
	/* Readers may have filled pages behind the end meanwhile. */
	return pagecache_truncate(vp, size);
}

static int
set_size(struct vnode *vp, const struct nfs3_sattr *sa, kauth_cred_t cred)
{
	struct nfsnode *np = VTONFS(vp);
	int error;

	error = nfswrite_lock(np);
	if (error != 0)
		return error;
	error = resize(vp, sa, cred);
	nfswrite_unlock(np);
	nfsnode_settle(np);
	return error;
}

int
nfs_setattr(struct vnode *vp, struct vattr *va, kauth_cred_t cred)
{
	struct nfs3_sattr sa = sattr_of(va);
	int error = 0;

	if (va->va_flags != (uint32_t)VNOVAL)
		return EOPNOTSUPP;
	if (sets_nothing(&sa))
		return 0;
	if (sa.sa_set_size) {
		if (vp->v_type != VREG)
			return vp->v_type == VDIR ? EISDIR : EOPNOTSUPP;
		return set_size(vp, &sa, cred);
	}
	if (vp->v_type == VREG)
		error = save(vp);
	return error != 0 ? error : call_setattr(VTONFS(vp), &sa, cred);
}

bool
nfs_export_readonly(struct vnode *vp, kauth_cred_t cred)
{
	static const struct nfs3_sattr nothing;
	struct nfsnode *np = VTONFS(vp);
	struct nfsmount *nm = np->n_mount;
	struct nfs3_change res;
	enum nfs_export known = atomic_load(&nm->nm_access);

	if (known != NFS_EXPORT_UNKNOWN)
		return known == NFS_EXPORT_READONLY;
	/* Changes nothing, and is refused for this before anything else. */
	if (nfscall_setattr(nm, &np->n_fh, &nothing, cred, &res) != 0)
		return false;
	known = res.ch_status == NFS3ERR_ROFS ? NFS_EXPORT_READONLY
					      : NFS_EXPORT_WRITABLE;
	atomic_store(&nm->nm_access, known);
	return known == NFS_EXPORT_READONLY;
}
