/* SPDX-License-Identifier: BSD-2-Clause */
/* The host is asked at boot: what it is asked later a program may have forbidden
 * to itself, and us with it. */
#include "vfs/protect.h"

#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "vfs/mount.h"
#include "vfs/param.h"
#include "vfs/user.h"
#include "vfs/vop.h"

#define STRICT 2 /* FIFOs and files: where a group may write, too */

static uint64_t hardlinks, symlinks, fifos, regular;

static const struct rule {
	uint64_t *r_level;
	const char *r_param;
	const char *r_host;
} rules[] = {
	{ &hardlinks, "RUMP_PROTECTED_HARDLINKS",
	    "/proc/sys/fs/protected_hardlinks" },
	{ &symlinks, "RUMP_PROTECTED_SYMLINKS",
	    "/proc/sys/fs/protected_symlinks" },
	{ &fifos, "RUMP_PROTECTED_FIFOS", "/proc/sys/fs/protected_fifos" },
	{ &regular, "RUMP_PROTECTED_REGULAR",
	    "/proc/sys/fs/protected_regular" },
};

void
protect_init(void)
{
	for (size_t i = 0; i < NITEMS(rules); i++)
		*rules[i].r_level = param_get(rules[i].r_param,
		    rumpcomp_vfs_setting(rules[i].r_host), 0, STRICT);
}

/* A file that cred could as well have copied. */
static bool
is_harmless(struct vnode *vp, const struct vattr *va, kauth_cred_t cred)
{
	const mode_t run_as_group = S_ISGID | S_IXGRP;

	return vp->v_type == VREG && (va->va_mode & S_ISUID) == 0 &&
	       (va->va_mode & run_as_group) != run_as_group &&
	       VOP_ACCESS(vp, R_OK | W_OK, cred) == 0;
}

/* Whose files are by other numbers than the callers, there it cannot be said. */
static bool
knows_owners(const struct vnode *vp)
{
	return (vp->v_mount->mnt_iflag & IMNT_ALIAS) == 0;
}

int
protect_link(struct vnode *vp, kauth_cred_t cred)
{
	struct vattr va;
	int error;

	if (hardlinks == 0 || !knows_owners(vp))
		return 0;
	error = VOP_GETATTR(vp, &va, cred);
	if (error != 0)
		return error;
	if (va.va_uid == cred->cr_euid ||
	    kauth_cred_rules(cred, va.va_uid, va.va_gid) ||
	    is_harmless(vp, &va, cred))
		return 0;
	return EPERM;
}

/*
 * May cred meet vp in dvp, where people can leave things for others?  Theirs who
 * own the directory, and one's own.
 */
static int
check_trap(
    struct vnode *dvp, mode_t writable, struct vnode *vp, kauth_cred_t cred)
{
	struct vattr dva, va;
	int error;

	error = VOP_GETATTR(dvp, &dva, cred);
	if (error != 0)
		return error;
	if ((dva.va_mode & S_ISTXT) == 0 || (dva.va_mode & writable) == 0)
		return 0;
	error = VOP_GETATTR(vp, &va, cred);
	if (error != 0)
		return error;
	if (va.va_uid == cred->cr_euid || va.va_uid == dva.va_uid)
		return 0;
	return EACCES;
}

int
protect_follow(struct vnode *dvp, struct vnode *link, kauth_cred_t cred)
{
	if (symlinks == 0 || !knows_owners(link))
		return 0;
	return check_trap(dvp, S_IWOTH, link, cred);
}

int
protect_create(struct vnode *dvp, struct vnode *vp, kauth_cred_t cred)
{
	uint64_t level;

	if (vp->v_type != VREG && vp->v_type != VFIFO)
		return 0;
	level = vp->v_type == VREG ? regular : fifos;
	if (level == 0 || !knows_owners(vp))
		return 0;
	return check_trap(
	    dvp, level < STRICT ? S_IWOTH : S_IWOTH | S_IWGRP, vp, cred);
}

static bool
is_same(const struct kauth_cred *a, const struct kauth_cred *b)
{
	return a == b ||
	       ((a->cr_idmap == NULL) == (b->cr_idmap == NULL) &&
		   a->cr_uid == b->cr_uid && a->cr_euid == b->cr_euid &&
		   a->cr_gid == b->cr_gid && a->cr_egid == b->cr_egid &&
		   a->cr_ngroups == b->cr_ngroups &&
		   memcmp(a->cr_groups, b->cr_groups,
		       a->cr_ngroups * sizeof(a->cr_groups[0])) == 0);
}

int
protect_descriptor(
    const struct kauth_cred *opener, const struct kauth_cred *cred)
{
	return kauth_cred_isroot(cred) || is_same(opener, cred) ? 0 : ENOENT;
}
