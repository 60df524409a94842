/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rump kernel as a library.  Functions return 0 or a NetBSD errno unless
 * they say otherwise.  rump_sys_*() are in <rump/rump_syscalls.h>.
 */
#ifndef RUMP_RUMP_H
#define RUMP_RUMP_H

#include <stddef.h>
#include <stdint.h>

struct lwp;
struct kauth_cred;

/* Component types, in the numbering of the genuine system. */
enum rump_component_type {
	RUMP_COMPONENT_DEV = 0,
	RUMP_COMPONENT_DEV_AFTERMAINBUS = 1,
	RUMP_COMPONENT_NET = 2,
	RUMP_COMPONENT_NET_ROUTE = 3,
	RUMP_COMPONENT_NET_IF = 4,
	RUMP_COMPONENT_NET_IFCFG = 5,
	RUMP_COMPONENT_VFS = 6,
	RUMP_COMPONENT_KERN = 7,
	RUMP_COMPONENT_KERN_VFS = 8,
	RUMP_COMPONENT_POSTINIT = 9,
	RUMP_COMPONENT_SYSCALL = 10,
	RUMP__FACTION_DEV = 11,
	RUMP__FACTION_VFS = 12,
	RUMP__FACTION_NET = 13,
	RUMP_COMPONENT_MAX = 14,
};

struct rump_component {
	int rc_type; /* enum rump_component_type */
	void (*rc_init)(void);
	struct rump_component *rc_next;
	struct rump_component **rc_prevp;
};
_Static_assert(sizeof(struct rump_component) == 32, "hypercall ABI 17");

/*
 * Register a component; called by library constructors before rump_init().
 * A second registration of the same record, or one after boot, is ignored.
 */
void rump_component_load(const struct rump_component *rc);

/*
 * Boot.  Returns 0; EINVAL when the hypercall layer speaks another version than
 * 17, or when RUMP_NCPU or RUMP_MEMLIMIT is not what it should be (a line on
 * stderr says what); ENOMEM when the limits leave no room.  After these
 * failures it may be called again.  What the host refuses to a component (EMFILE
 * for the page cache's memory file) is returned, too, now and ever after.  After
 * success it returns 0 without effect.
 */
int rump_init(void);

/* NetBSD version number in the 799003400 form. */
int rump_getversion(void);
int rump_pub_getversion(void);

/* Flags of rump_boot_sethowto(); before rump_init(). */
int rump_boot_gethowto(void);
void rump_boot_sethowto(int howto);

/*
 * Process and thread model.  rfork: new process whose first lwp becomes bound
 * to the calling thread; flags RUMP_RFFDG (copy descriptors), RUMP_RFCFDG
 * (none), 0 (share); both flags: EINVAL; too many processes: EAGAIN.  newlwp:
 * new lwp in process pid (0 the kernel) bound to the calling thread; ESRCH, or
 * EBUSY when it is ending.  switch: bind l (NULL unbinds).  releaselwp: destroy
 * the bound lwp; the last one ends its process.  curlwp: the bound lwp or NULL;
 * the implicit one is never shown.
 */
#define RUMP_RFFDG 1
#define RUMP_RFCFDG 2
int rump_pub_lwproc_rfork(int flags);
int rump_pub_lwproc_newlwp(int32_t pid);
void rump_pub_lwproc_switch(struct lwp *l);
void rump_pub_lwproc_releaselwp(void);
struct lwp *rump_pub_lwproc_curlwp(void);

struct kauth_cred *rump_pub_cred_create(
    uint32_t uid, uint32_t gid, size_t ngroups, uint32_t *groups);
void rump_pub_cred_put(struct kauth_cred *cred);

/* Enter and leave the kernel explicitly. */
void rump_schedule(void);
void rump_unschedule(void);

#endif /* !RUMP_RUMP_H */
