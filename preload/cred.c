/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For the host credentials are a thread's.  libc has all threads make a call
 * that changes them; file servers make it in one, by number, before they do
 * something for a user.
 *
 * As long as there is one thread its credentials are the process's.  When one of
 * several changes its own, all of them have their own from then on; which they
 * are, each finds out when it makes its next call, for nobody tells a new thread
 * what it has inherited.
 *
 * A number stands for a set of credentials.  It travels with the calls to a
 * server, which asks the host when it meets another one than before
 * (sl_cred); a kernel in this process is told.  The last few sets are
 * remembered, so that threads with the same rights, whose calls share the
 * server's workers, have the same number.
 */
#include "preload/cred.h"

#include <string.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/engine/engine.h"
#include "preload/engine/late.h"
#include "preload/engine/thread.h"
#include "preload/kernel.h"
#include "preload/lock.h"

#define TLS __attribute__((tls_model("initial-exec")))
#define KNOWN 16
#define GROUPS_ASKED 1024
#define KNOWN_GROUPS 64 /* who is in more has a new number each time */

struct ids {
	uint32_t id_uid[4], id_gid[4]; /* real, effective, saved, files' */
	uint32_t id_ngroups;
};

struct known {
	uint32_t kn_number; /* 0: none */
	struct ids kn_ids;
	uint32_t kn_groups[KNOWN_GROUPS];
};

bool cred_apart;

static struct lock known_lock = LOCK_INIT;
static LATE struct known known[KNOWN]; /* known_lock, as the next */
static uint32_t last_number;
static __thread uint32_t mine TLS; /* 0: to be found out */
static __thread uint32_t told TLS;

/* groups has room for GROUPS_ASKED; false: there are more.  What cannot be an id
 * changes nothing, and tells which one file systems go by. */
static bool
read_ids(struct ids *id, uint32_t *groups)
{
	long n;

	HOST(SYS_getresuid, &id->id_uid[0], &id->id_uid[1], &id->id_uid[2], 0,
	    0, 0);
	HOST(SYS_getresgid, &id->id_gid[0], &id->id_gid[1], &id->id_gid[2], 0,
	    0, 0);
	id->id_uid[3] = (uint32_t)HOST(SYS_setfsuid, -1, 0, 0, 0, 0, 0);
	id->id_gid[3] = (uint32_t)HOST(SYS_setfsgid, -1, 0, 0, 0, 0, 0);
	n = HOST(SYS_getgroups, GROUPS_ASKED, groups, 0, 0, 0, 0);
	id->id_ngroups = n > 0 ? (uint32_t)n : 0;
	return n >= 0;
}

void
cred_set_process(void)
{
	uint32_t groups[GROUPS_ASKED];
	struct ids id;

	if (kernel.k_set_hostcred == NULL)
		return;
	(void)read_ids(&id, groups);
	kernel.k_set_hostcred(id.id_uid[0], id.id_uid[3], id.id_gid[0],
	    id.id_gid[3], id.id_ngroups, groups);
}

void
cred_forget(void)
{
	if (!cred_apart)
		return;
	lock_enter(&known_lock);
	memset(known, 0, sizeof(known));
	lock_exit(&known_lock);
	mine = 0;
}

static bool
is_known(const struct known *kn, const struct ids *id, const uint32_t *groups)
{
	return kn->kn_number != 0 &&
	       memcmp(&kn->kn_ids, id, sizeof(*id)) == 0 &&
	       memcmp(kn->kn_groups, groups,
		   id->id_ngroups * sizeof(groups[0])) == 0;
}

static uint32_t
find_known_locked(const struct ids *id, const uint32_t *groups)
{
	for (unsigned i = 0; i < KNOWN; i++)
		if (is_known(&known[i], id, groups))
			return known[i].kn_number;
	return 0;
}

/* In place of the oldest. */
static void
remember_locked(const struct ids *id, const uint32_t *groups, uint32_t number)
{
	struct known *kn = &known[number % KNOWN];

	kn->kn_number = number;
	kn->kn_ids = *id;
	memcpy(kn->kn_groups, groups, id->id_ngroups * sizeof(groups[0]));
}

/* whole: these are all groups. */
static uint32_t
number_of(const struct ids *id, const uint32_t *groups, bool whole)
{
	bool fits = whole && id->id_ngroups <= KNOWN_GROUPS;
	uint32_t number;

	lock_enter(&known_lock);
	number = fits ? find_known_locked(id, groups) : 0;
	if (number == 0) {
		number = ++last_number;
		if (fits)
			remember_locked(id, groups, number);
	}
	lock_exit(&known_lock);
	return number;
}

static void
tell(const struct ids *id, const uint32_t *groups)
{
	struct rump_hostcred hc = {
		.hc_uid = { id->id_uid[0], id->id_uid[3], id->id_uid[2] },
		.hc_gid = { id->id_gid[0], id->id_gid[3], id->id_gid[2] },
		.hc_ngroups = id->id_ngroups,
		.hc_groups = groups,
		.hc_umask = -1,
	};

	kernel.k_lwp_setcred(&hc);
	told = mine;
}

static void
learn(void)
{
	uint32_t groups[GROUPS_ASKED];
	struct ids id;
	bool whole = read_ids(&id, groups);

	mine = number_of(&id, groups, whole);
	if (kernel.k_lwp_setcred != NULL && told != mine)
		tell(&id, groups);
}

/* A vfork child, which has one thread, has its parent's memory, and this here
 * is its parent's. */
static bool
is_mine(void)
{
	return !engine_thread.t_borrowed;
}

uint32_t
cred_number_apart(void)
{
	if (!is_mine())
		return 0;
	if (mine == 0)
		learn();
	return mine;
}

void
cred_tell_apart(void)
{
	if (kernel.k_lwp_setcred != NULL)
		(void)cred_number_apart();
}

static bool
is_first_thread(void)
{
	return HOST(SYS_gettid, 0, 0, 0, 0, 0, 0) ==
	       HOST(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

void
cred_changed(void)
{
	if (is_mine() && (cred_apart || engine_has_threads())) {
		cred_apart = true;
		learn();
		/* What is not said of a thread goes by the first one's. */
		if (kernel.k_lwp_setcred == NULL && is_first_thread())
			cred_set_process();
	} else {
		cred_set_process();
	}
}

/* Are all of the kind one number? */
static bool
is_uniform(bool group, uint32_t *id)
{
	uint32_t ids[3];

	HOST(group ? SYS_getresgid : SYS_getresuid, &ids[0], &ids[1], &ids[2],
	    0, 0, 0);
	*id = (uint32_t)HOST(
	    group ? SYS_setfsgid : SYS_setfsuid, -1, 0, 0, 0, 0, 0);
	return ids[0] == *id && ids[1] == *id && ids[2] == *id;
}

/* Where they are, and it names no other. */
bool
cred_stays(long nr, const long *args)
{
	static const struct {
		long nr;
		bool group;
		unsigned nargs;
	} calls[] = {
		{ SYS_setuid, false, 1 },
		{ SYS_setgid, true, 1 },
		{ SYS_setreuid, false, 2 },
		{ SYS_setregid, true, 2 },
		{ SYS_setresuid, false, 3 },
		{ SYS_setresgid, true, 3 },
		{ SYS_setfsuid, false, 1 },
		{ SYS_setfsgid, true, 1 },
	};
	unsigned i = 0, n = sizeof(calls) / sizeof(calls[0]);
	uint32_t id;

	while (i < n && calls[i].nr != nr)
		i++;
	if (i == n || !is_uniform(calls[i].group, &id))
		return false;
	for (unsigned j = 0; j < calls[i].nargs; j++)
		if ((uint32_t)args[j] != id && (uint32_t)args[j] != UINT32_MAX)
			return false;
	return true;
}

void
cred_forked(void)
{
	lock_reset(&known_lock);
	if (!cred_apart)
		return;
	cred_apart = false;
	mine = told = 0;
}
