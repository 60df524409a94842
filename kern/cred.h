/* SPDX-License-Identifier: BSD-2-Clause */
/* Credentials: immutable once shared, reference counted, after kauth(9). */
#ifndef KERN_CRED_H
#define KERN_CRED_H

#include <stdatomic.h>

#include "kern/types.h"

#define CRED_NGROUPS 256    /* of the host's credentials */
#define CRED_NGROUPS_SET 16 /* NGROUPS_MAX, for setgroups(2) */

struct kauth_cred {
	_Atomic uint32_t cr_refcnt;
	uid_t cr_uid, cr_euid, cr_svuid; /* i */
	gid_t cr_gid, cr_egid, cr_svgid; /* i */
	uint32_t cr_ngroups;             /* i */
	gid_t cr_groups[CRED_NGROUPS];   /* i */
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
/* The credential of the kernel itself (uid 0); no reference is taken. */
kauth_cred_t kauth_cred_kernel(void);

#endif /* !KERN_CRED_H */
