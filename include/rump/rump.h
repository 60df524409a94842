/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rump kernel as a library.  Functions return 0 or a NetBSD errno unless
 * they say otherwise.  rump_sys_*() are in <rump/rump_syscalls.h>.
 */
#ifndef RUMP_RUMP_H
#define RUMP_RUMP_H

#include <stddef.h>
#include <stdint.h>

#include "rump/rump_syscallshotgun.h"

struct lwp;
struct kauth_cred;
struct modinfo;
struct uio;

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
int rump__init(void); /* the same */

/*
 * Serve this kernel to other processes at url: unix://path or
 * tcp://a.b.c.d:port/.  After rump_init().  Errors as rumpuser_sp_init(); see
 * rump/rumpserver.h for more.
 */
int rump_init_server(const char *url);

/*
 * Go into the background, before rump_init() (else EALREADY): begin returns in
 * a child, and the process waits until that calls done, and ends with error as
 * its status; with RUMP_DAEMONIZE_SUCCESS the child has no standard descriptors
 * any more.  See rumpuser_daemonize_begin() for errors.
 */
#define RUMP_DAEMONIZE_SUCCESS 0
int rump_daemonize_begin(void);
int rump_daemonize_done(int error);

/* NetBSD version number in the 799003400 form. */
int rump_getversion(void);
int rump_pub_getversion(void);

/* Flags of rump_boot_sethowto(); before rump_init(). */
int rump_boot_gethowto(void);
void rump_boot_sethowto(int howto);

/*
 * What becomes of a signal that the kernel has for one of its processes, such
 * as SIGPIPE for a write that nobody reads; before rump_init().  RAISE, which
 * is so from the start: the calling thread of the host gets it, or the client
 * whose process it is.  IGNORE: nobody.  RECORD: it is pending in the process
 * for ever.  PANIC: the kernel aborts.  Other values are ignored.
 */
enum rump_sigmodel {
	RUMP_SIGMODEL_PANIC = 0,
	RUMP_SIGMODEL_IGNORE = 1,
	RUMP_SIGMODEL__HOST_NOTANYMORE = 2, /* as RAISE */
	RUMP_SIGMODEL_RAISE = 3,
	RUMP_SIGMODEL_RECORD = 4,
};
void rump_boot_setsigmodel(enum rump_sigmodel model);

/*
 * Files of the host in the kernel's name space.  A key is an absolute path, the
 * slashes in front counting as one; what a path has behind the slashes in front
 * is compared with it, letter by letter, wherever it starts at the kernel's root
 * directory, before the root file system is asked.  Keys are in no listing, and
 * cannot be removed or renamed but by remove.
 *
 * REG: the bytes [begin, begin + size) of hostpath as a file; with ENDOFF up to
 * the end that it has now, and writing behind that makes it longer, else ENOSPC.
 * BLK, CHR: the same bytes as a block device or a raw one (major 197), whole
 * sectors (512, see RUMP_BLKSECTSHIFT), of a host file that is regular or a
 * device.  DIR: the regular files of a host directory, whose directories are
 * empty; DIR_SUBDIRS: with what is in them.  These cannot be listed, ".." is
 * EOPNOTSUPP, and nothing can be made or removed there.  All have mode 0755 and
 * are the superuser's; none can be truncated to another size, or mapped.
 *
 * Errors: EINVAL for a key that is no absolute path, begin or size beyond the
 * end, a host file of the wrong kind; EEXIST; ENOTDIR and EISDIR (also for DIR
 * with begin or size); EMFILE for the 17th device; what the host says of the
 * file; ENOSYS without librumpvfs.  remove: ENOENT; open files answer EIO.
 */
#define RUMP_ETFS_SIZE_ENDOFF ((uint64_t)-1)
enum rump_etfs_type {
	RUMP_ETFS_REG = 0,
	RUMP_ETFS_BLK = 1,
	RUMP_ETFS_CHR = 2,
	RUMP_ETFS_DIR = 3,
	RUMP_ETFS_DIR_SUBDIRS = 4,
};
int rump_pub_etfs_register(
    const char *key, const char *hostpath, enum rump_etfs_type type);
int rump_pub_etfs_register_withsize(const char *key, const char *hostpath,
    enum rump_etfs_type type, uint64_t begin, uint64_t size);
int rump_pub_etfs_remove(const char *key);

/*
 * The same before rump_init(), by one thread at a time; eb and its strings are
 * the kernel's until that returns.  eb_status is -1 while nothing was done, then
 * 0 or an errno.
 */
struct rump_boot_etfs {
	const char *eb_key;
	const char *eb_hostpath;
	enum rump_etfs_type eb_type;
	uint64_t eb_begin;
	uint64_t eb_size;
	struct rump_boot_etfs *_eb_next;
	int eb_status;
};
_Static_assert(sizeof(struct rump_boot_etfs) == 56, "public structure");
void rump_boot_etfs_register(struct rump_boot_etfs *eb);

/*
 * Process and thread model.  rfork: new process whose first lwp becomes bound
 * to the calling thread; flags RUMP_RFFDG (copy descriptors), RUMP_RFCFDG
 * (none), 0 (share); both flags: EINVAL; too many processes: EAGAIN.  With
 * RUMP_RFCWD_SHARE beside them working directory, root directory and file
 * creation mask are the parent's, too, and not a copy.  newlwp:
 * new lwp in process pid (0 the kernel) bound to the calling thread; ESRCH, or
 * EBUSY when it is ending.  switch: bind l (NULL unbinds).  releaselwp: destroy
 * the bound lwp; the last one ends its process.  curlwp: the bound lwp or NULL;
 * the implicit one is never shown.
 */
#define RUMP_RFFD_SHARE 0
#define RUMP_RFFDG 1
#define RUMP_RFFD_COPY RUMP_RFFDG
#define RUMP_RFCFDG 2
#define RUMP_RFFD_CLEAR RUMP_RFCFDG
#define RUMP_RFCWD_SHARE 4
int rump_pub_lwproc_rfork(int flags);
int rump_pub_lwproc_newlwp(int32_t pid);
void rump_pub_lwproc_switch(struct lwp *l);
void rump_pub_lwproc_releaselwp(void);
struct lwp *rump_pub_lwproc_curlwp(void);
/* The system calls of the current process are those of the native kernel from
 * now on; ours have no others. */
void rump_pub_lwproc_sysent_usenative(void);
/* Other ids for the current process and lwp, whoever may have them. */
void rump_pub_allbetsareoff_setid(int32_t pid, int lid);

struct kauth_cred *rump_pub_cred_create(
    uint32_t uid, uint32_t gid, size_t ngroups, uint32_t *groups);
void rump_pub_cred_put(struct kauth_cred *cred);

/* A description of len bytes of the caller's at buf, with file offset off, to
 * be freed; free returns what is left to transfer. */
enum rump_uiorw { RUMPUIO_READ, RUMPUIO_WRITE };
struct uio *rump_pub_uio_setup(
    void *buf, size_t len, int64_t off, enum rump_uiorw rw);
size_t rump_pub_uio_getresid(struct uio *uio);
int64_t rump_pub_uio_getoff(struct uio *uio);
size_t rump_pub_uio_free(struct uio *uio);

/*
 * Initialise n modules, each after those among them that it requires; all are
 * tried and the first error is returned: EEXIST for a name that is taken,
 * EPROGMISMATCH for another version of the kernel, ENOENT when what it requires
 * is not there, EMLINK when modules require each other in a circle, or what the
 * module says.  fini: ENOENT, EBUSY while others require it.
 */
int rump_pub_module_init(const struct modinfo *const *mip, size_t n);
int rump_pub_module_fini(const struct modinfo *mi);
/* Hand over the symbols of the kernel's libraries, as rumpuser_dl_bootstrap()
 * does during boot; EBUSY when that was done, EINVAL. */
int rump_pub_kernelfsym_load(
    void *symtab, uint64_t symbytes, char *strtab, uint64_t strbytes);
/* Can modules of the native kernel be loaded?  No: 0. */
int rump_nativeabi_p(void);

/* All statistics on stderr, a line each. */
void rump_printevcnts(void);

/* Enter and leave the kernel explicitly. */
void rump_schedule(void);
void rump_unschedule(void);

#endif /* !RUMP_RUMP_H */
