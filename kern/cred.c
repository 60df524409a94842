/* SPDX-License-Identifier: BSD-2-Clause */
#include "kern/cred.h"

#include "kern/kmem.h"
#include "kern/lwp.h"
#include "kern/libkern.h"
#include "rump/rump.h"

/* Has a reference of its own, so it is never freed. */
static struct kauth_cred kernel_cred = { .cr_refcnt = 1 };

kauth_cred_t
kauth_cred_kernel(void)
{
	return &kernel_cred;
}

kauth_cred_t
kauth_cred_alloc(void)
{
	return kauth_cred_dup(&kernel_cred);
}

kauth_cred_t
kauth_cred_dup(const struct kauth_cred *cred)
{
	kauth_cred_t new = kmem_zalloc(sizeof(*new), KM_SLEEP);

	atomic_init(&new->cr_refcnt, 1);
	new->cr_uid = cred->cr_uid;
	new->cr_euid = cred->cr_euid;
	new->cr_svuid = cred->cr_svuid;
	new->cr_gid = cred->cr_gid;
	new->cr_egid = cred->cr_egid;
	new->cr_svgid = cred->cr_svgid;
	new->cr_ngroups = cred->cr_ngroups;
	memcpy(new->cr_groups, cred->cr_groups, sizeof(new->cr_groups));
	new->cr_idmap = idmap_hold(cred->cr_idmap);
	return new;
}

void
kauth_cred_hold(kauth_cred_t cred)
{
	atomic_fetch_add_explicit(&cred->cr_refcnt, 1, memory_order_relaxed);
}

void
kauth_cred_free(kauth_cred_t cred)
{
	if (atomic_fetch_sub_explicit(
		&cred->cr_refcnt, 1, memory_order_acq_rel) != 1)
		return;
	idmap_drop(cred->cr_idmap);
	kmem_free(cred, sizeof(*cred));
}

bool
kauth_cred_ismember(const struct kauth_cred *cred, gid_t gid)
{
	if (cred->cr_egid == gid)
		return true;
	for (uint32_t i = 0; i < cred->cr_ngroups; i++)
		if (cred->cr_groups[i] == gid)
			return true;
	return false;
}

bool
kauth_cred_isroot(const struct kauth_cred *cred)
{
	return cred->cr_euid == 0 && cred->cr_idmap == NULL;
}

void
kauth_cred_owner(const struct kauth_cred *maker, struct rump_stat *st)
{
	const struct idmap *caller = curlwp->l_cred->cr_idmap;

	st->st_uid = idmap_inside(caller, IDMAP_UID, maker->cr_euid);
	st->st_gid = idmap_inside(caller, IDMAP_GID, maker->cr_egid);
}

bool
kauth_cred_rules(const struct kauth_cred *cred, uid_t uid, gid_t gid)
{
	const struct idmap *im = cred->cr_idmap;

	if (im == NULL)
		return cred->cr_euid == 0;
	return idmap_knows(im, IDMAP_UID, cred->cr_euid) &&
	       idmap_inside(im, IDMAP_UID, cred->cr_euid) == 0 &&
	       idmap_knows(im, IDMAP_UID, uid) &&
	       idmap_knows(im, IDMAP_GID, gid);
}

struct kauth_cred *
rump_pub_cred_create(
    uint32_t uid, uint32_t gid, size_t ngroups, uint32_t *groups)
{
	kauth_cred_t cred = kauth_cred_alloc();

	cred->cr_uid = cred->cr_euid = cred->cr_svuid = uid;
	cred->cr_gid = cred->cr_egid = cred->cr_svgid = gid;
	cred->cr_ngroups = MIN(ngroups, CRED_NGROUPS);
	memcpy(cred->cr_groups, groups, cred->cr_ngroups * sizeof(*groups));
	return cred;
}

void
rump_pub_cred_put(struct kauth_cred *cred)
{
	kauth_cred_free(cred);
}
