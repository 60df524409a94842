/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changing attributes: the chmod, chown, chflags, utimes and truncate families.
 * Whether the caller may do it is the file system's to say.
 */
#include "kern/clock.h"
#include "kern/copy.h"
#include "kern/file.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "syscall_table/sysprotos.h"
#include "vfs/filelimit.h"
#include "vfs/syspath.h"
#include "vfs/vnfile.h"
#include "vfs/vop.h"

/* A change on its way to a file: prepares *va for vp. */
typedef int change_t(struct vnode *vp, const void *arg, struct vattr *va);

static int
apply(struct vnode *vp, change_t *change, const void *arg)
{
	struct vattr va;
	int error;

	vattr_null(&va);
	error = change(vp, arg, &va);
	if (error != 0)
		return error;
	return VOP_SETATTR(vp, &va, curlwp->l_cred);
}

static int
apply_path(
    int fd, const char *path, bool follow, change_t *change, const void *arg)
{
	struct vnode *vp;
	int error;

	error = path_vnode(fd, path, follow, &vp);
	if (error != 0)
		return error;
	error = apply(vp, change, arg);
	vrele(vp);
	return error;
}

static int
apply_fd(int fd, change_t *change, const void *arg)
{
	struct vnode *vp;
	int error;

	error = descriptor_vnode(fd, &vp);
	if (error != 0)
		return error;
	error = apply(vp, change, arg);
	vrele(vp);
	return error;
}

static int
change_mode(struct vnode *vp, const void *arg, struct vattr *va)
{
	const mode_t *mode = arg;

	va->va_mode = *mode & ALLPERMS;
	return 0;
}

int
sys_chmod(struct lwp *l, const struct sys_chmod_args *uap, register_t *retval)
{
	return apply_path(AT_FDCWD, uap->path, true, change_mode, &uap->mode);
}

int
sys_lchmod(struct lwp *l, const struct sys_lchmod_args *uap, register_t *retval)
{
	return apply_path(AT_FDCWD, uap->path, false, change_mode, &uap->mode);
}

int
sys_fchmod(struct lwp *l, const struct sys_fchmod_args *uap, register_t *retval)
{
	return apply_fd(uap->fd, change_mode, &uap->mode);
}

int
sys_fchmodat(
    struct lwp *l, const struct sys_fchmodat_args *uap, register_t *retval)
{
	if ((uap->flag & ~AT_SYMLINK_NOFOLLOW) != 0)
		return EINVAL;
	return apply_path(uap->fd, uap->path,
	    (uap->flag & AT_SYMLINK_NOFOLLOW) == 0, change_mode, &uap->mode);
}

/* Whose rule says which set-id bits go. */
enum ownerrule {
	RULE_BSD,   /* that of what is changed */
	RULE_POSIX, /* both, unless root changes it */
	RULE_LINUX, /* both, but set-gid not where it means something else */
};

struct owner {
	uid_t ow_uid;
	gid_t ow_gid;
	enum ownerrule ow_rule;
};

static mode_t
bits_to_clear(const struct owner *ow, const struct vattr *old)
{
	const struct kauth_cred *cred = curlwp->l_cred;

	switch (ow->ow_rule) {
	case RULE_POSIX:
		return !kauth_cred_isroot(cred) ? S_ISUID | S_ISGID : 0;
	case RULE_LINUX:
		if ((old->va_mode & S_IXGRP) != 0 ||
		    (!kauth_cred_rules(cred, old->va_uid, old->va_gid) &&
			!kauth_cred_ismember(cred, old->va_gid)))
			return S_ISUID | S_ISGID;
		return S_ISUID;
	case RULE_BSD:
		break;
	}
	return (ow->ow_uid != (uid_t)VNOVAL ? S_ISUID : 0) |
	       (ow->ow_gid != (gid_t)VNOVAL ? S_ISGID : 0);
}

static int
change_owner(struct vnode *vp, const void *arg, struct vattr *va)
{
	const struct idmap *im = curlwp->l_cred->cr_idmap;
	const struct owner *ow = arg;
	struct vattr old;
	mode_t clear;
	int error;

	error = VOP_GETATTR(vp, &old, curlwp->l_cred);
	if (error != 0)
		return error;
	clear = bits_to_clear(ow, &old);
	va->va_uid = ow->ow_uid;
	va->va_gid = ow->ow_gid;
	error = idmap_outside(im, IDMAP_UID, &va->va_uid);
	if (error == 0)
		error = idmap_outside(im, IDMAP_GID, &va->va_gid);
	if (error != 0)
		return error;
	if ((old.va_mode & clear) != 0 && vp->v_type != VDIR)
		va->va_mode = old.va_mode & ALLPERMS & ~clear;
	return 0;
}

int
sys_chown(struct lwp *l, const struct sys_chown_args *uap, register_t *retval)
{
	struct owner ow = { uap->uid, uap->gid, RULE_BSD };

	return apply_path(AT_FDCWD, uap->path, true, change_owner, &ow);
}

int
sys_lchown(struct lwp *l, const struct sys_lchown_args *uap, register_t *retval)
{
	struct owner ow = { uap->uid, uap->gid, RULE_BSD };

	return apply_path(AT_FDCWD, uap->path, false, change_owner, &ow);
}

int
sys_fchown(struct lwp *l, const struct sys_fchown_args *uap, register_t *retval)
{
	struct owner ow = { uap->uid, uap->gid, RULE_BSD };

	return apply_fd(uap->fd, change_owner, &ow);
}

int
sys___posix_chown(
    struct lwp *l, const struct sys___posix_chown_args *uap, register_t *retval)
{
	struct owner ow = { uap->uid, uap->gid, RULE_POSIX };

	return apply_path(AT_FDCWD, uap->path, true, change_owner, &ow);
}

int
sys___posix_lchown(struct lwp *l, const struct sys___posix_lchown_args *uap,
    register_t *retval)
{
	struct owner ow = { uap->uid, uap->gid, RULE_POSIX };

	return apply_path(AT_FDCWD, uap->path, false, change_owner, &ow);
}

int
sys___posix_fchown(struct lwp *l, const struct sys___posix_fchown_args *uap,
    register_t *retval)
{
	struct owner ow = { uap->uid, uap->gid, RULE_POSIX };

	return apply_fd(uap->fd, change_owner, &ow);
}

int
sys_fchownat(
    struct lwp *l, const struct sys_fchownat_args *uap, register_t *retval)
{
	struct owner ow = { uap->owner, uap->group, RULE_LINUX };

	if ((uap->flag & ~AT_SYMLINK_NOFOLLOW) != 0)
		return EINVAL;
	return apply_path(uap->fd, uap->path,
	    (uap->flag & AT_SYMLINK_NOFOLLOW) == 0, change_owner, &ow);
}

static int
change_flags(struct vnode *vp, const void *arg, struct vattr *va)
{
	const unsigned long *flags = arg;

	va->va_flags = (uint32_t)*flags;
	return 0;
}

int
sys_chflags(
    struct lwp *l, const struct sys_chflags_args *uap, register_t *retval)
{
	return apply_path(AT_FDCWD, uap->path, true, change_flags, &uap->flags);
}

int
sys_lchflags(
    struct lwp *l, const struct sys_lchflags_args *uap, register_t *retval)
{
	return apply_path(
	    AT_FDCWD, uap->path, false, change_flags, &uap->flags);
}

int
sys_fchflags(
    struct lwp *l, const struct sys_fchflags_args *uap, register_t *retval)
{
	return apply_fd(uap->fd, change_flags, &uap->flags);
}

struct times {
	struct rump_timespec ts[2]; /* tv_nsec VNOVAL: keep */
	bool now[2];                /* the present */
	bool invalid;               /* which the path's errors come before */
};

static int
change_times(struct vnode *vp, const void *arg, struct vattr *va)
{
	const struct times *t = arg;

	if (t->invalid)
		return EINVAL;
	va->va_atime = t->ts[0];
	va->va_mtime = t->ts[1];
	if (t->now[0])
		va->va_vaflags |= VA_ATIME_NOW;
	if (t->now[1])
		va->va_vaflags |= VA_MTIME_NOW;
	if (t->now[0] && t->now[1])
		va->va_vaflags |= VA_UTIMES_NULL;
	return 0;
}

static bool
set_time(
    struct rump_timespec *ts, const struct rump_timespec *now, bool *is_now)
{
	*is_now = ts->tv_nsec == UTIME_NOW;
	if (*is_now) {
		*ts = *now;
		return true;
	}
	if (ts->tv_nsec == UTIME_OMIT) {
		ts->tv_nsec = VNOVAL;
		return true;
	}
	return ts->tv_nsec >= 0 && ts->tv_nsec < 1000000000;
}

/* From a caller's struct timespec[2] or NULL. */
static int
times_from_ts(const struct rump_timespec *uts, struct times *t)
{
	struct rump_timespec now;
	int error;

	getnanotime(&now);
	t->invalid = false;
	t->now[0] = t->now[1] = true;
	t->ts[0] = t->ts[1] = now;
	if (uts == NULL)
		return 0;
	error = copyin(uts, t->ts, sizeof(t->ts));
	if (error != 0)
		return error;
	t->invalid = !set_time(&t->ts[0], &now, &t->now[0]) ||
		     !set_time(&t->ts[1], &now, &t->now[1]);
	return 0;
}

/* From a caller's struct timeval[2] or NULL. */
static int
times_from_tv(const struct rump_timeval *utv, struct times *t)
{
	struct rump_timeval tv[2];
	int error;

	if (utv == NULL)
		return times_from_ts(NULL, t);
	error = copyin(utv, tv, sizeof(tv));
	if (error != 0)
		return error;
	t->invalid = t->now[0] = t->now[1] = false;
	for (int i = 0; i < 2; i++) {
		if (tv[i].tv_usec < 0 || tv[i].tv_usec >= 1000000)
			return EINVAL;
		t->ts[i].tv_sec = tv[i].tv_sec;
		t->ts[i].tv_nsec = (int64_t)tv[i].tv_usec * 1000;
	}
	return 0;
}

int
sys_utimes(struct lwp *l, const struct sys_utimes_args *uap, register_t *retval)
{
	struct times t;
	int error;

	error = times_from_tv(uap->tptr, &t);
	if (error != 0)
		return error;
	return apply_path(AT_FDCWD, uap->path, true, change_times, &t);
}

int
sys_lutimes(
    struct lwp *l, const struct sys_lutimes_args *uap, register_t *retval)
{
	struct times t;
	int error;

	error = times_from_tv(uap->tptr, &t);
	if (error != 0)
		return error;
	return apply_path(AT_FDCWD, uap->path, false, change_times, &t);
}

int
sys_futimes(
    struct lwp *l, const struct sys_futimes_args *uap, register_t *retval)
{
	struct times t;
	int error;

	error = times_from_tv(uap->tptr, &t);
	return error != 0 ? error : apply_fd(uap->fd, change_times, &t);
}

int
sys_futimens(
    struct lwp *l, const struct sys_futimens_args *uap, register_t *retval)
{
	struct times t;
	int error;

	error = times_from_ts(uap->tptr, &t);
	return error != 0 ? error : apply_fd(uap->fd, change_times, &t);
}

int
sys_utimensat(
    struct lwp *l, const struct sys_utimensat_args *uap, register_t *retval)
{
	struct times t;
	int error;

	if ((uap->flag & ~AT_SYMLINK_NOFOLLOW) != 0)
		return EINVAL;
	error = times_from_ts(uap->tptr, &t);
	if (error != 0)
		return error;
	return apply_path(uap->fd, uap->path,
	    (uap->flag & AT_SYMLINK_NOFOLLOW) == 0, change_times, &t);
}

static int
check_length(const struct vnode *vp, off_t length)
{
	if (length < 0)
		return EINVAL;
	if (vp->v_type == VDIR)
		return EISDIR;
	return vp->v_type != VREG ? EINVAL : 0;
}

static int
change_size(struct vnode *vp, const void *arg, struct vattr *va)
{
	const off_t *length = arg;
	int error;

	error = check_length(vp, *length);
	if (error == 0)
		error = VOP_ACCESS(vp, W_OK, curlwp->l_cred);
	if (error == 0)
		error = filelimit_size(vp, *length);
	va->va_size = *length;
	va->va_vaflags |= VA_SIZE_IF_NEW;
	return error;
}

int
sys_truncate(
    struct lwp *l, const struct sys_truncate_args *uap, register_t *retval)
{
	return apply_path(AT_FDCWD, uap->path, true, change_size, &uap->length);
}

int
sys_ftruncate(
    struct lwp *l, const struct sys_ftruncate_args *uap, register_t *retval)
{
	struct file *fp;
	struct vattr va;
	int error;

	if (uap->length < 0)
		return EINVAL;
	error = fd_getvnode(uap->fd, &fp);
	if (error != 0)
		return error;
	error = check_length(fp->f_data, uap->length);
	if (error == EISDIR ||
	    (error == 0 && (atomic_load(&fp->f_flag) & FWRITE) == 0))
		error = EINVAL;
	if (error == 0)
		error = filelimit_size(fp->f_data, uap->length);
	if (error == 0) {
		vattr_null(&va);
		va.va_size = uap->length;
		error = VOP_SETATTR(fp->f_data, &va, fp->f_cred);
	}
	fd_putfile(fp);
	return error;
}
