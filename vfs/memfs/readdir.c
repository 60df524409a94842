/* SPDX-License-Identifier: BSD-2-Clause */
/* Listing directories. */
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "vfs/memfs/memfs.h"

#define READDIR_MOST 32768

/* Positions: "." is at 0, ".." at 1, the others at their cookies. */
#define POS_DOTDOT 1
#define POS_NAMES 2

struct listing {
	char *ls_buf;
	size_t ls_size, ls_used;
	off_t ls_pos;      /* of the next entry */
	off_t *ls_cookies; /* may be NULL */
	size_t ls_ncookies, ls_maxcookies;
};

/* Add a record, which ends at position next; false when it does not fit. */
static bool
add_record(struct listing *ls, const struct memfs_node *mn, const char *name,
    size_t len, off_t next)
{
	size_t head = offsetof(struct rump_dirent, d_name);
	size_t reclen = ROUNDUP(head + len + 1, 8);
	struct rump_dirent *d =
	    (struct rump_dirent *)(ls->ls_buf + ls->ls_used);

	if (reclen > ls->ls_size - ls->ls_used ||
	    (ls->ls_cookies != NULL && ls->ls_ncookies == ls->ls_maxcookies))
		return false;
	d->d_fileno = mn->mn_ino;
	d->d_reclen = (uint16_t)reclen;
	d->d_namlen = (uint16_t)len;
	d->d_type = vtype_to_dt(mn->mn_type);
	memcpy(d->d_name, name, len);
	memset(d->d_name + len, 0, reclen - head - len);
	if (ls->ls_cookies != NULL)
		ls->ls_cookies[ls->ls_ncookies] = next;
	ls->ls_ncookies++;
	ls->ls_used += reclen;
	ls->ls_pos = next;
	return true;
}

/* Records from ls_pos on, under the directory's lock; true at the end. */
static bool
list_entries(struct listing *ls, const struct memfs_node *dir)
{
	const struct memfs_dent *de;

	if (ls->ls_pos == 0 && !add_record(ls, dir, ".", 1, POS_DOTDOT))
		return false;
	if (ls->ls_pos == POS_DOTDOT &&
	    !add_record(ls, dir->mn_dir.d_parent, "..", 2, POS_NAMES))
		return false;
	while (
	    (de = memfs_dir_next(&dir->mn_dir, (uint64_t)ls->ls_pos)) != NULL) {
		if (!add_record(ls, de->de_node, de->de_name, de->de_len,
			(off_t)de->de_cookie + 1))
			return false;
	}
	return true;
}

static int
list_directory(struct memfs_mount *mm, struct memfs_node *dir,
    struct listing *ls, bool *eof)
{
	int error = 0;

	memfs_dir_lock(mm, dir);
	/* A removed directory has not even "." and "..". */
	if (dir->mn_removed)
		*eof = true;
	else
		*eof = list_entries(ls, dir);
	memfs_dir_unlock(mm, dir);
	if (ls->ls_used == 0 && !*eof)
		error = EINVAL;
	return error;
}

int
memfs_readdir(struct vnode *vp, struct uio *uio, kauth_cred_t cred, bool *eof,
    off_t *cookies, size_t *ncookies)
{
	struct listing ls = {
		.ls_size = MIN(uio->uio_resid, READDIR_MOST),
		.ls_pos = uio->uio_offset,
		.ls_cookies = cookies,
		.ls_maxcookies = ncookies != NULL ? *ncookies : 0,
	};
	bool end;
	int error;

	if (ls.ls_pos < 0 || ls.ls_size == 0)
		return EINVAL;
	ls.ls_buf = kmem_alloc(ls.ls_size, KM_SLEEP);
	error = list_directory(memfs_mount_of(vp), vp->v_data, &ls, &end);
	if (error == 0)
		error = uiomove(ls.ls_buf, ls.ls_used, uio);
	kmem_free(ls.ls_buf, ls.ls_size);
	if (error != 0)
		return error;
	uio->uio_offset = ls.ls_pos;
	*eof = end;
	if (ncookies != NULL)
		*ncookies = ls.ls_ncookies;
	if (!uio->uio_unseen)
		memfs_node_touch(vp->v_data, MN_ACCESS);
	return 0;
}
