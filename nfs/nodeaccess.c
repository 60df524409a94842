/* SPDX-License-Identifier: BSD-2-Clause */
/* Who was granted what by the server, for as long as attributes are trusted. */
#include "kern/clock.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "nfs/call.h"
#include "nfs/node.h"

static bool
same_cred(const struct nfsnode_access *na, const struct kauth_cred *cred)
{
	return na->na_uid == cred->cr_euid && na->na_gid == cred->cr_egid &&
	       na->na_ngroups == cred->cr_ngroups &&
	       memcmp(na->na_groups, cred->cr_groups,
		   na->na_ngroups * sizeof(na->na_groups[0])) == 0;
}

static bool
find_access(struct nfsnode *np, const struct kauth_cred *cred,
    uint32_t *granted) REQUIRES(np->n_lock)
{
	int64_t now = uptime_ns();

	for (size_t i = 0; i < NFSNODE_NACCESS; i++) {
		const struct nfsnode_access *na = &np->n_access[i];

		if (now < na->na_until_ns && same_cred(na, cred)) {
			*granted = na->na_granted;
			return true;
		}
	}
	return false;
}

static void
enter_access(struct nfsnode *np, const struct kauth_cred *cred,
    uint32_t granted) REQUIRES(np->n_lock)
{
	struct nfsnode_access *na =
	    &np->n_access[np->n_access_next++ % NFSNODE_NACCESS];
	int64_t min, max;

	nfsnode_timeout_bounds(np, &min, &max);
	na->na_until_ns = uptime_ns() + max;
	na->na_uid = cred->cr_euid;
	na->na_gid = cred->cr_egid;
	na->na_ngroups = MIN(cred->cr_ngroups, CRED_NGROUPS);
	memcpy(na->na_groups, cred->cr_groups,
	    na->na_ngroups * sizeof(na->na_groups[0]));
	na->na_granted = granted;
}

bool
nfsnode_known_granted(
    struct nfsnode *np, const struct kauth_cred *cred, uint32_t want)
{
	uint32_t granted;
	bool known;

	mutex_enter(&np->n_lock);
	known = find_access(np, cred, &granted) && (granted & want) == want;
	mutex_exit(&np->n_lock);
	return known;
}

int
nfsnode_granted(struct nfsnode *np, kauth_cred_t cred, uint32_t *granted)
{
	const uint32_t all = NFS3ACCESS_READ | NFS3ACCESS_LOOKUP |
			     NFS3ACCESS_MODIFY | NFS3ACCESS_EXTEND |
			     NFS3ACCESS_DELETE | NFS3ACCESS_EXECUTE;
	struct nfs3_access res;
	int64_t asked_ns = uptime_ns();
	bool found;
	int error;

	mutex_enter(&np->n_lock);
	found = find_access(np, cred, granted);
	mutex_exit(&np->n_lock);
	if (found)
		return 0;
	error = nfscall_access(np->n_mount, &np->n_fh, all, cred, &res);
	if (error != 0)
		return error;
	nfsnode_update(np, &res.ac_attr, asked_ns);
	error = nfsnode_verdict(np, res.ac_status);
	if (error != 0)
		return error;
	mutex_enter(&np->n_lock);
	enter_access(np, cred, res.ac_granted);
	mutex_exit(&np->n_lock);
	*granted = res.ac_granted;
	return 0;
}

int
nfsnode_reopen(struct nfsnode *np, kauth_cred_t cred)
{
	int64_t asked_ns = uptime_ns(), min, max;
	bool apart, stale, fresh;
	uint32_t granted;
	int error;

	mutex_enter(&np->n_lock);
	nfsnode_timeout_bounds(np, &min, &max);
	apart = max == 0 || find_access(np, cred, &granted);
	mutex_exit(&np->n_lock);
	if (apart)
		return nfsnode_refresh(np, cred);
	error = nfsnode_granted(np, cred, &granted);
	if (error != 0)
		return error;
	mutex_enter(&np->n_lock);
	fresh = np->n_attr_ns >= asked_ns;
	stale = np->n_stale;
	mutex_exit(&np->n_lock);
	if (stale)
		return ESTALE;
	/* The server need not send attributes with this. */
	return fresh ? 0 : nfsnode_refresh(np, cred);
}
