/* SPDX-License-Identifier: BSD-2-Clause */
/* Credentials: immutable once shared, reference counted, after kauth(9). */
#ifndef KERN_CRED_H
#define KERN_CRED_H

#include <stdatomic.h>

#include "kern/idmap.h"
#include "kern/types.h"

#define CRED_NGROUPS 256    /* of the host's credentials */
#define CRED_NGROUPS_SET 16 /* NGROUPS_MAX, for setgroups(2) */

struct kauth_cred {
	_Atomic uint32_t cr_refcnt;
	uid_t cr_uid, cr_euid, cr_svuid; /* i */
	gid_t cr_gid, cr_egid, cr_svgid; /* i */
	uint32_t cr_ngroups;             /* i */
	gid_t cr_groups[CRED_NGROUPS];   /* i */
	struct idmap *cr_idmap;          /* i: NULL: the kernel's own ids */
};
typedef struct kauth_cred *kauth_cred_t;

/* A new credential of uid 0, one reference. */
kauth_cred_t kauth_cred_alloc(void);
/* A private copy with one reference. */
kauth_cred_t kauth_cred_dup(const struct kauth_cred *cred);
void kauth_cred_hold(kauth_cred_t cred);
void kauth_cred_free(kauth_cred_t cred);
/* True when gid is the effective group or one of the groups. */
bool kauth_cred_ismember(const struct kauth_cred *cred, gid_t gid);
/* The superuser, of everything; and of files of that owner and group, as is who
 * calls himself that in a namespace which knows these. */
bool kauth_cred_isroot(const struct kauth_cred *cred);
/* Who has made the object that st is of: as the caller's namespace calls him. */
struct rump_stat;
void kauth_cred_owner(const struct kauth_cred *maker, struct rump_stat *st);
bool kauth_cred_rules(const struct kauth_cred *cred, uid_t uid, gid_t gid);
/* The credential of the kernel itself (uid 0); no reference is taken. */
kauth_cred_t kauth_cred_kernel(void);

#endif /* !KERN_CRED_H */
