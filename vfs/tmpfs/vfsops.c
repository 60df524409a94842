/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file system type "tmpfs", mounted with struct tmpfs_args or as
 * "tmpfs:?size=64m": a tree of memfs with limits, and without devices.
 */
#include "kern/component.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "vfs/memfs/memfs.h"
#include "vfs/pagecache.h"
#include "vfs/tmpfs/options.h"

#define ARGS_VERSION 1
/* Fewer nodes than this, and less than a page, mean no limit of one's own. */
#define NODES_LEAST 4

static void
limits_of_args(const struct rump_tmpfs_args *args, struct memfs_options *mo)
{
	mo->mo_size = pcmem_limit();
	if (args->ta_size_max >= PC_PAGE)
		mo->mo_size = (uint64_t)args->ta_size_max;
	mo->mo_nodes = UINT64_MAX;
	if (args->ta_nodes_max >= NODES_LEAST)
		mo->mo_nodes = args->ta_nodes_max;
}

static int
get_args(const struct mount *mp, struct rump_tmpfs_args *args, size_t *len)
{
	struct memfs_mount *mm = mp->mnt_data;
	struct memfs_node *root = mm->mm_root;

	memset(args, 0, sizeof(*args));
	args->ta_version = ARGS_VERSION;
	args->ta_nodes_max = atomic_load(&mm->mm_maxnodes);
	args->ta_size_max =
	    (off_t)MIN(atomic_load(&mm->mm_memory.pa_limit), INT64_MAX);
	mutex_enter(&root->mn_lock);
	args->ta_root_uid = root->mn_uid;
	args->ta_root_gid = root->mn_gid;
	args->ta_root_mode = root->mn_mode;
	mutex_exit(&root->mn_lock);
	*len = sizeof(*args);
	return 0;
}

static int
tmpfs_mount(struct mount *mp, const char *path, void *data, size_t *len)
{
	struct rump_tmpfs_args *args = data;
	struct memfs_options mo = { .mo_devices = false };

	if (args == NULL || *len < sizeof(*args))
		return EINVAL;
	if ((mp->mnt_flag & MNT_GETARGS) != 0)
		return get_args(mp, args, len);
	if (args->ta_version != ARGS_VERSION)
		return EINVAL;
	limits_of_args(args, &mo);
	if ((mp->mnt_flag & MNT_UPDATE) != 0) {
		memfs_setlimits(mp->mnt_data, mo.mo_size, mo.mo_nodes);
		return 0;
	}
	if (args->ta_root_uid == (uid_t)VNOVAL ||
	    args->ta_root_gid == (gid_t)VNOVAL ||
	    (args->ta_root_mode & ~(mode_t)ALLPERMS) != 0)
		return EINVAL;
	mo.mo_mode = args->ta_root_mode;
	mo.mo_uid = args->ta_root_uid;
	mo.mo_gid = args->ta_root_gid;
	return memfs_mount(mp, &mo);
}

static int
tmpfs_mount_url(struct mount *mp, const char *url, char *text, size_t size)
{
	const struct kauth_cred *cred = curlwp->l_cred;
	struct memfs_options mo = { .mo_devices = false };
	struct tmpfs_options to;
	int error;

	error = tmpfs_options_parse(url, &to, text, size);
	if (error != 0)
		return error;
	mo.mo_size = to.to_size != 0 ? to.to_size : pcmem_limit();
	mo.mo_nodes = to.to_nodes != 0 ? to.to_nodes : UINT64_MAX;
	mo.mo_mode = to.to_mode;
	mo.mo_uid = to.to_has_uid ? to.to_uid : cred->cr_euid;
	mo.mo_gid = to.to_has_gid ? to.to_gid : cred->cr_egid;
	error = memfs_mount(mp, &mo);
	if (error == ENOSPC)
		ksnprintf(text, size,
		    "%s: this is too small for a root directory", url);
	return error;
}

static struct vfsops tmpfs_vfsops = {
	.vfs_name = "tmpfs",
	.vfs_min_mount_data = sizeof(struct rump_tmpfs_args),
	.vfs_mount = tmpfs_mount,
	.vfs_unmount = memfs_unmount,
	.vfs_root = memfs_root,
	.vfs_statvfs = memfs_statvfs,
	.vfs_loadvnode = memfs_loadvnode,
	.vfs_scheme = "tmpfs",
	.vfs_mount_url = tmpfs_mount_url,
};

RUMP_COMPONENT(RUMP_COMPONENT_VFS, tmpfs)
{
	vfs_attach(&tmpfs_vfsops);
}
