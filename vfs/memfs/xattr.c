/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended attributes: a list by name, the last one first, as programs find them
 * on a tmpfs of Linux's.  mn_lock keeps it, and XATTR_LIST_MAX is what lets it be
 * walked for each call.  What is new is allocated and charged before the lock is
 * taken, what is old is freed behind it, so that nobody waits for memory under it.
 */
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "vfs/memfs/memfs.h"
#include "vfs/xattr.h"

struct memfs_xattr {
	struct memfs_xattr *xa_next;
	uint32_t xa_size;    /* of the value */
	uint32_t xa_namelen; /* with its NUL */
	char xa_text[];      /* the name and the value */
};

static size_t
bytes_of(const struct memfs_xattr *xa)
{
	return sizeof(*xa) + xa->xa_namelen + xa->xa_size;
}

/* xa may be NULL. */
static void
xattr_free(struct memfs_mount *mm, struct memfs_xattr *xa)
{
	if (xa == NULL)
		return;
	pcmem_uncharge(&mm->mm_memory, bytes_of(xa));
	kmem_free(xa, bytes_of(xa));
}

static int
xattr_create(struct memfs_mount *mm, const char *name, const void *value,
    size_t size, struct memfs_xattr **xap)
{
	size_t namelen = strlen(name) + 1;
	size_t bytes = sizeof(struct memfs_xattr) + namelen + size;
	struct memfs_xattr *xa;
	int error;

	error = pcmem_charge(&mm->mm_memory, bytes);
	if (error != 0)
		return error;
	xa = kmem_alloc(bytes, KM_NOSLEEP);
	if (xa == NULL) {
		pcmem_uncharge(&mm->mm_memory, bytes);
		return ENOSPC;
	}
	xa->xa_size = (uint32_t)size;
	xa->xa_namelen = (uint32_t)namelen;
	memcpy(xa->xa_text, name, namelen);
	memcpy(xa->xa_text + namelen, value, size);
	*xap = xa;
	return 0;
}

/* Where name is, if *found, or belongs. */
static struct memfs_xattr **
find(struct memfs_node *mn, const char *name, bool *found) REQUIRES(mn->mn_lock)
{
	struct memfs_xattr **link = &mn->mn_xattrs;
	int order = 1;

	while (*link != NULL && (order = strcmp((*link)->xa_text, name)) > 0)
		link = &(*link)->xa_next;
	*found = *link != NULL && order == 0;
	return link;
}

/* Put xa where name is, or take it away (xa NULL).  *oldp is what was there, or
 * NULL. */
static int
replace(struct memfs_node *mn, const char *name, struct memfs_xattr *xa,
    int flags, struct memfs_xattr **oldp) REQUIRES(mn->mn_lock)
{
	bool found;
	struct memfs_xattr **link = find(mn, name, &found);
	struct memfs_xattr *old = found ? *link : NULL;
	uint32_t names = mn->mn_xattrnames;

	if (memfs_check_fixed(mn) != 0)
		return EPERM;
	if (found && (flags & XATTR_CREATE) != 0)
		return EEXIST;
	if (!found && (flags & XATTR_REPLACE) != 0)
		return ENOATTR;
	if (old != NULL)
		names -= old->xa_namelen;
	if (xa != NULL)
		names += xa->xa_namelen;
	if (names > XATTR_LIST_MAX)
		return ENOSPC;
	mn->mn_xattrnames = names;
	if (old != NULL)
		*link = old->xa_next;
	if (xa != NULL) {
		xa->xa_next = *link;
		*link = xa;
	}
	memfs_node_touch_locked(mn, MN_CHANGE);
	*oldp = old;
	return 0;
}

int
memfs_getxattr(struct vnode *vp, const char *name, void *buf, size_t room,
    size_t *size, kauth_cred_t cred)
{
	struct memfs_node *mn = vp->v_data;
	const struct memfs_xattr *xa;
	bool found;

	mutex_enter(&mn->mn_lock);
	xa = *find(mn, name, &found);
	if (found) {
		memcpy(
		    buf, xa->xa_text + xa->xa_namelen, MIN(room, xa->xa_size));
		*size = xa->xa_size;
	}
	mutex_exit(&mn->mn_lock);
	return found ? 0 : ENOATTR;
}

int
memfs_setxattr(struct vnode *vp, const char *name, const void *value,
    size_t size, int flags, kauth_cred_t cred)
{
	struct memfs_mount *mm = memfs_mount_of(vp);
	struct memfs_node *mn = vp->v_data;
	struct memfs_xattr *xa, *old;
	int error;

	error = xattr_create(mm, name, value, size, &xa);
	if (error != 0)
		return error;
	mutex_enter(&mn->mn_lock);
	error = replace(mn, name, xa, flags, &old);
	mutex_exit(&mn->mn_lock);
	xattr_free(mm, error != 0 ? xa : old);
	return error;
}

int
memfs_removexattr(struct vnode *vp, const char *name, kauth_cred_t cred)
{
	struct memfs_node *mn = vp->v_data;
	struct memfs_xattr *old;
	int error;

	mutex_enter(&mn->mn_lock);
	error = replace(mn, name, NULL, XATTR_REPLACE, &old);
	mutex_exit(&mn->mn_lock);
	if (error == 0)
		xattr_free(memfs_mount_of(vp), old);
	return error;
}

int
memfs_eachxattr(
    struct vnode *vp, xattr_name_fn *fn, void *arg, kauth_cred_t cred)
{
	struct memfs_node *mn = vp->v_data;

	mutex_enter(&mn->mn_lock);
	for (const struct memfs_xattr *xa = mn->mn_xattrs; xa != NULL;
	     xa = xa->xa_next)
		fn(xa->xa_text, arg);
	mutex_exit(&mn->mn_lock);
	return 0;
}

void
memfs_xattr_changed(struct memfs_mount *mm, struct memfs_node *mn)
{
	struct memfs_xattr **link, *old;
	bool found;

	if (mn->mn_xattrs == NULL)
		return;
	link = find(mn, XATTR_CAPABILITY, &found);
	if (!found)
		return;
	old = *link;
	*link = old->xa_next;
	mn->mn_xattrnames -= old->xa_namelen;
	xattr_free(mm, old);
}

void
memfs_xattr_fini(struct memfs_mount *mm, struct memfs_node *mn)
{
	struct memfs_xattr *xa;

	while ((xa = mn->mn_xattrs) != NULL) {
		mn->mn_xattrs = xa->xa_next;
		xattr_free(mm, xa);
	}
}
