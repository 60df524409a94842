/* SPDX-License-Identifier: BSD-2-Clause */
#include "vfs/xattr.h"

#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "vfs/vnfile.h"
#include "vfs/vop.h"

/* May cred read (R_OK) or change (W_OK) attributes of this kind? */
typedef int access_t(struct vnode *vp, int mode, kauth_cred_t cred);

/* Contents there are in files and directories only.  What is in a sticky
 * directory is not for everybody to change, nor is what it says of itself. */
static int
access_user(struct vnode *vp, int mode, kauth_cred_t cred)
{
	struct vattr va;
	int error;

	if (vp->v_type != VREG && vp->v_type != VDIR)
		return mode == W_OK ? EPERM : ENOATTR;
	if (vp->v_type == VDIR && mode == W_OK) {
		error = VOP_GETATTR(vp, &va, cred);
		if (error != 0)
			return error;
		if ((va.va_mode & S_ISTXT) != 0 && va.va_uid != cred->cr_euid &&
		    !kauth_cred_rules(cred, va.va_uid, va.va_gid))
			return EPERM;
	}
	return VOP_ACCESS(vp, mode, cred);
}

static int
access_trusted(struct vnode *vp, int mode, kauth_cred_t cred)
{
	if (kauth_cred_isroot(cred))
		return 0;
	return mode == W_OK ? EPERM : ENOATTR;
}

static int
access_security(struct vnode *vp, int mode, kauth_cred_t cred)
{
	return mode == W_OK && !kauth_cred_isroot(cred) ? EPERM : 0;
}

static int
access_none(struct vnode *vp, int mode, kauth_cred_t cred)
{
	return EOPNOTSUPP;
}

static int
access_unknown(struct vnode *vp, int mode, kauth_cred_t cred)
{
	int error;

	error = VOP_ACCESS(vp, mode, cred);
	return error != 0 ? error : EOPNOTSUPP;
}

static const struct kind {
	const char *k_prefix;
	access_t *k_access;
} kinds[] = {
	{ XATTR_USER, access_user },
	{ XATTR_TRUSTED, access_trusted },
	{ "security.", access_security },
	{ "system.", access_none },
	{ "", access_unknown },
};

static bool
begins_with(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

static const struct kind *
kind_of(const char *name)
{
	const struct kind *k = kinds;

	while (!begins_with(name, k->k_prefix))
		k++;
	return k;
}

static int
check(struct vnode *vp, const char *name, int mode, kauth_cred_t cred)
{
	const struct kind *k = kind_of(name);
	int error;

	if (mode == W_OK && vnode_readonly(vp))
		return EROFS;
	error = k->k_access(vp, mode, cred);
	if (error != 0)
		return error;
	return name[strlen(k->k_prefix)] == '\0' ? EINVAL : 0;
}

int
xattr_get(struct vnode *vp, const char *name, void *buf, size_t room,
    size_t *size, kauth_cred_t cred)
{
	int error;

	error = check(vp, name, R_OK, cred);
	return error != 0 ? error
			  : VOP_GETXATTR(vp, name, buf, room, size, cred);
}

int
xattr_set(struct vnode *vp, const char *name, const void *value, size_t size,
    int flags, kauth_cred_t cred)
{
	int error;

	error = check(vp, name, W_OK, cred);
	return error != 0 ? error
			  : VOP_SETXATTR(vp, name, value, size, flags, cred);
}

int
xattr_remove(struct vnode *vp, const char *name, kauth_cred_t cred)
{
	int error;

	error = check(vp, name, W_OK, cred);
	return error != 0 ? error : VOP_REMOVEXATTR(vp, name, cred);
}

/* Passes on what may be seen. */
struct filter {
	xattr_name_fn *fi_fn;
	void *fi_arg;
	bool fi_all;
};

static void
pass_visible(const char *name, void *arg)
{
	const struct filter *fi = arg;

	if (fi->fi_all || !begins_with(name, XATTR_TRUSTED))
		fi->fi_fn(name, fi->fi_arg);
}

int
xattr_each(struct vnode *vp, xattr_name_fn *fn, void *arg, kauth_cred_t cred)
{
	struct filter fi = { fn, arg, kauth_cred_isroot(cred) };

	return VOP_EACHXATTR(vp, pass_visible, &fi, cred);
}
