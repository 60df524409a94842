/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * User and group ids.  Each call says which of real, effective and saved id it
 * sets, and which of the present ones an ordinary user may set them to; one
 * function does the rest, alike for users and groups.
 */
#include "kern/copy.h"
#include "kern/cred.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "syscall_table/sysprotos.h"

/* Present ids that a new one may equal without privilege. */
#define EQ_REAL 1
#define EQ_EFFECTIVE 2
#define EQ_SAVED 4

struct ids {
	uint32_t real, effective, saved;
};

static const uint32_t keep = UINT32_MAX;

static bool
allowed(const struct ids *now, uint32_t id, unsigned rule)
{
	return id == keep || ((rule & EQ_REAL) != 0 && id == now->real) ||
	       ((rule & EQ_EFFECTIVE) != 0 && id == now->effective) ||
	       ((rule & EQ_SAVED) != 0 && id == now->saved);
}

struct idchange {
	struct ids want; /* keep: leave alone */
	unsigned rule_real, rule_effective, rule_saved;
	bool saved_follows; /* the effective id, if the real one changes */
};

static int
apply(const struct idchange *ch, bool root, struct ids *now)
{
	struct ids new = *now;

	if (!root &&
	    (!allowed(now, ch->want.real, ch->rule_real) ||
		!allowed(now, ch->want.effective, ch->rule_effective) ||
		!allowed(now, ch->want.saved, ch->rule_saved)))
		return EPERM;
	if (ch->want.real != keep)
		new.real = ch->want.real;
	if (ch->want.effective != keep)
		new.effective = ch->want.effective;
	if (ch->want.saved != keep)
		new.saved = ch->want.saved;
	if (ch->saved_follows && new.real != now->real)
		new.saved = new.effective;
	*now = new;
	return 0;
}

/*
 * Change the credential of the process by func, which edits a private copy.
 * proc_lock keeps two changes apart.
 */
static int
change_cred(
    struct lwp *l, int (*func)(kauth_cred_t, const void *), const void *arg)
{
	kauth_cred_t cred;
	int error;

	mutex_enter(&proc_lock);
	cred = kauth_cred_dup(l->l_proc->p_cred);
	error = func(cred, arg);
	if (error == 0)
		proc_setcred(l->l_proc, cred);
	else
		kauth_cred_free(cred);
	mutex_exit(&proc_lock);
	if (error == 0)
		lwp_setcred(l, NULL);
	return error;
}

static int
apply_uids(kauth_cred_t cred, const void *arg)
{
	struct ids now = { cred->cr_uid, cred->cr_euid, cred->cr_svuid };
	int error;

	error = apply(arg, kauth_cred_isroot(cred), &now);
	if (error != 0)
		return error;
	cred->cr_uid = now.real;
	cred->cr_euid = now.effective;
	cred->cr_svuid = now.saved;
	return 0;
}

static int
apply_gids(kauth_cred_t cred, const void *arg)
{
	struct ids now = { cred->cr_gid, cred->cr_egid, cred->cr_svgid };
	int error;

	error = apply(arg, kauth_cred_isroot(cred), &now);
	if (error != 0)
		return error;
	cred->cr_gid = now.real;
	cred->cr_egid = now.effective;
	cred->cr_svgid = now.saved;
	return 0;
}

/* setuid(2): all three. */
static struct idchange
change_all(uint32_t id)
{
	return (struct idchange){
		.want = { id, id, id },
		.rule_real = EQ_REAL,
		.rule_effective = EQ_REAL,
		.rule_saved = EQ_REAL,
	};
}

/* seteuid(2). */
static struct idchange
change_effective(uint32_t id)
{
	return (struct idchange){
		.want = { keep, id, keep },
		.rule_effective = EQ_REAL | EQ_SAVED,
	};
}

/* setreuid(2). */
static struct idchange
change_both(uint32_t real, uint32_t effective)
{
	return (struct idchange){
		.want = { real, effective, keep },
		.rule_real = EQ_REAL | EQ_EFFECTIVE,
		.rule_effective = EQ_REAL | EQ_EFFECTIVE | EQ_SAVED,
		.saved_follows = true,
	};
}

int
sys_getuid(struct lwp *l, const struct sys_getuid_args *uap, register_t *retval)
{
	retval[0] = l->l_cred->cr_uid;
	retval[1] = l->l_cred->cr_euid;
	return 0;
}

int
sys_geteuid(
    struct lwp *l, const struct sys_geteuid_args *uap, register_t *retval)
{
	*retval = l->l_cred->cr_euid;
	return 0;
}

int
sys_getgid(struct lwp *l, const struct sys_getgid_args *uap, register_t *retval)
{
	retval[0] = l->l_cred->cr_gid;
	retval[1] = l->l_cred->cr_egid;
	return 0;
}

int
sys_getegid(
    struct lwp *l, const struct sys_getegid_args *uap, register_t *retval)
{
	*retval = l->l_cred->cr_egid;
	return 0;
}

int
sys_setuid(struct lwp *l, const struct sys_setuid_args *uap, register_t *retval)
{
	struct idchange ch = change_all(uap->uid);

	return uap->uid == keep ? EINVAL : change_cred(l, apply_uids, &ch);
}

int
sys_seteuid(
    struct lwp *l, const struct sys_seteuid_args *uap, register_t *retval)
{
	struct idchange ch = change_effective(uap->euid);

	return uap->euid == keep ? EINVAL : change_cred(l, apply_uids, &ch);
}

int
sys_setreuid(
    struct lwp *l, const struct sys_setreuid_args *uap, register_t *retval)
{
	struct idchange ch = change_both(uap->ruid, uap->euid);

	return change_cred(l, apply_uids, &ch);
}

int
sys_setgid(struct lwp *l, const struct sys_setgid_args *uap, register_t *retval)
{
	struct idchange ch = change_all(uap->gid);

	return uap->gid == keep ? EINVAL : change_cred(l, apply_gids, &ch);
}

int
sys_setegid(
    struct lwp *l, const struct sys_setegid_args *uap, register_t *retval)
{
	struct idchange ch = change_effective(uap->egid);

	return uap->egid == keep ? EINVAL : change_cred(l, apply_gids, &ch);
}

int
sys_setregid(
    struct lwp *l, const struct sys_setregid_args *uap, register_t *retval)
{
	struct idchange ch = change_both(uap->rgid, uap->egid);

	return change_cred(l, apply_gids, &ch);
}

int
sys_getgroups(
    struct lwp *l, const struct sys_getgroups_args *uap, register_t *retval)
{
	const struct kauth_cred *cr = l->l_cred;
	int error = 0;

	if (uap->gidsetsize != 0) {
		if (uap->gidsetsize < (int)cr->cr_ngroups)
			return EINVAL;
		error = copyout(cr->cr_groups, (void *)uap->gidset,
		    cr->cr_ngroups * sizeof(gid_t));
	}
	if (error == 0)
		*retval = cr->cr_ngroups;
	return error;
}

struct groups {
	uint32_t n;
	gid_t gid[CRED_NGROUPS];
};

static int
apply_groups(kauth_cred_t cred, const void *arg)
{
	const struct groups *g = arg;

	if (!kauth_cred_isroot(cred))
		return EPERM;
	cred->cr_ngroups = g->n;
	memcpy(cred->cr_groups, g->gid, g->n * sizeof(gid_t));
	return 0;
}

int
sys_setgroups(
    struct lwp *l, const struct sys_setgroups_args *uap, register_t *retval)
{
	struct groups g;
	int error;

	if (uap->gidsetsize < 0 || uap->gidsetsize > CRED_NGROUPS_SET)
		return EINVAL;
	g.n = uap->gidsetsize;
	error = copyin(uap->gidset, g.gid, g.n * sizeof(gid_t));
	return error != 0 ? error : change_cred(l, apply_groups, &g);
}

int
sys_issetugid(
    struct lwp *l, const struct sys_issetugid_args *uap, register_t *retval)
{
	/* No process of this kernel gained privilege by an exec. */
	*retval = 0;
	return 0;
}
