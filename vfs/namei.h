/* SPDX-License-Identifier: BSD-2-Clause */
/* Path resolution and the name cache. */
#ifndef VFS_NAMEI_H
#define VFS_NAMEI_H

#include "vfs/vnode.h"

#define NAMEI_MAXPATH 4096 /* with the NUL: what Linux programs may have */
#define NAMEI_MAXNAME 255
#define NAMEI_MAXLINKS 40 /* as Linux, whose programs run here */

#define NI_FOLLOW 0x1    /* follow a final symbolic link */
#define NI_EMPTYPATH 0x2 /* "" names the start directory itself */
#define NI_PARENT 0x4    /* also return the parent (ni_dvp, ni_cn) */

struct nameidata {
	/* in */
	struct vnode *ni_startdir; /* NULL: the working directory */
	enum nameiop ni_op;
	uint32_t ni_flags;  /* NI_* */
	uint32_t ni_intent; /* CN_OPEN, CN_EXCL, CN_WANTATTR, CN_SURE */
	kauth_cred_t ni_cred;
	/* out */
	struct vnode *ni_vp;  /* reference, or NULL when CREATE found nothing */
	struct vnode *ni_dvp; /* reference, with NI_PARENT */
	/* The last component, points into ni_path.  After path_lookup() failed:
	 * CN_ISLAST says that the directory of the last name was found. */
	struct componentname ni_cn;
	bool ni_trailing_slash;
	/* own storage */
	char ni_path[NAMEI_MAXPATH];
};

/*
 * Resolve the path in ni_path.  0 or ENOENT, ENOTDIR, EACCES, ELOOP,
 * ENAMETOOLONG, ESTALE, what the file system says, or ENAMESPACE (see
 * rump_namei_escape_set()).  References are returned on success only.
 */
int namei(struct nameidata *ni);
/* Drop what namei() returned. */
void namei_done(struct nameidata *ni);

/* Copy a path in, look it up from directory start (NULL: the working
 * directory), for nothing else than the vnode. */
int namei_user(const char *upath, struct vnode *start, uint32_t flags,
    uint32_t intent, struct vnode **vpp);

/*
 * Where resolution has to go on after ENAMESPACE; made by namei(), kept in the
 * lwp until it is asked for or the lwp ends.
 */
struct namei_escape {
	unsigned ne_followed;
	char ne_path[NAMEI_MAXPATH];
};

/*
 * Name cache.  cache_lookup(): true when (dvp, name) is known; *vpp then has
 * a reference or is NULL (known not to exist).  File systems with time-outs
 * validate dvp before they ask.
 */
bool cache_lookup(
    struct vnode *dvp, const struct componentname *cnp, struct vnode **vpp);
/* vp NULL enters that the name does not exist. */
void cache_enter(
    struct vnode *dvp, struct vnode *vp, const struct componentname *cnp);
/* Forget names that lead to vp (and, for a directory, names in it). */
void cache_purge(struct vnode *vp);
/* Forget names in directory dvp. */
void cache_purge_children(struct vnode *dvp);
/* Forget one name in dvp. */
void cache_purge_name(struct vnode *dvp, const struct componentname *cnp);
/*
 * A directory that vp is known in (referenced) and its name there, which is
 * copied to name (NAMEI_MAXNAME + 1 bytes).  False if none is cached.
 */
bool cache_revlookup(struct vnode *vp, struct vnode **dvpp, char *name);
uint32_t cache_hash(const char *name, size_t len);
void cache_init(void);
void namei_init(void);

#endif /* !VFS_NAMEI_H */
