/* SPDX-License-Identifier: BSD-2-Clause */
/* The tree as a whole: making it, measuring it, taking it apart. */
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "vfs/memfs/memfs.h"
#include "vfs/pagecache.h"

#define ROOT_INO 2

const struct vnodeops memfs_vnodeops = {
	.vop_lookup = memfs_lookup,
	.vop_create = memfs_create,
	.vop_mknod = memfs_mknod,
	.vop_unnamed = memfs_unnamed,
	.vop_mkdir = memfs_create,
	.vop_symlink = memfs_symlink,
	.vop_removable = memfs_removable,
	.vop_remove = memfs_remove,
	.vop_rmdir = memfs_rmdir,
	.vop_link = memfs_link,
	.vop_rename = memfs_rename,
	.vop_exchange = memfs_exchange,
	.vop_readdir = memfs_readdir,
	.vop_nameof = memfs_nameof,
	.vop_open = memfs_open,
	.vop_access = memfs_access,
	.vop_getattr = memfs_getattr,
	.vop_setattr = memfs_setattr,
	.vop_read = memfs_read,
	.vop_write = memfs_write,
	.vop_fallocate = memfs_fallocate,
	.vop_fdiscard = memfs_fdiscard,
	.vop_ioctl = memfs_ioctl,
	.vop_readlink = memfs_readlink,
	.vop_getxattr = memfs_getxattr,
	.vop_setxattr = memfs_setxattr,
	.vop_removexattr = memfs_removexattr,
	.vop_eachxattr = memfs_eachxattr,
	.vop_reclaim = memfs_reclaim,
};

static void
mount_free(struct memfs_mount *mm)
{
	rw_destroy(&mm->mm_tree);
	kmem_free(mm, sizeof(*mm));
}

static int
root_create(struct memfs_mount *mm, const struct memfs_options *mo)
{
	struct memfs_node *mn;
	struct vattr va;
	int error;

	vattr_null(&va);
	va.va_type = VDIR;
	va.va_mode = mo->mo_mode;
	va.va_uid = mo->mo_uid;
	va.va_gid = mo->mo_gid;
	va.va_rdev = 0;
	error = memfs_node_create(mm, &va, NULL, &mn);
	if (error != 0)
		return error;
	mn->mn_dir.d_parent = mn;
	mn->mn_nlink = 2;
	mm->mm_root = mn;
	return 0;
}

int
memfs_mount(struct mount *mp, const struct memfs_options *mo)
{
	struct memfs_mount *mm = kmem_zalloc(sizeof(*mm), KM_SLEEP);
	int error;

	mm->mm_mount = mp;
	mm->mm_devices = mo->mo_devices;
	atomic_init(&mm->mm_lastino, ROOT_INO);
	atomic_init(&mm->mm_maxnodes, mo->mo_nodes);
	pcmem_account_init(&mm->mm_memory, mo->mo_size);
	rw_init(&mm->mm_tree, "memfs tree");
	error = root_create(mm, mo);
	if (error != 0) {
		mount_free(mm);
		return error;
	}
	mp->mnt_flag |= MNT_LOCAL;
	mp->mnt_data = mm;
	mp->mnt_memory = &mm->mm_memory;
	return 0;
}

void
memfs_setlimits(struct memfs_mount *mm, uint64_t size, uint64_t nodes)
{
	atomic_store(&mm->mm_memory.pa_limit, size);
	atomic_store(&mm->mm_maxnodes, nodes);
}

static void
drop_entry(
    struct memfs_mount *mm, struct memfs_node *dir, struct memfs_dent *de)
{
	struct memfs_node *mn = de->de_node;
	bool isdir = mn->mn_type == VDIR;

	memfs_dir_remove(mm, &dir->mn_dir, de);
	memfs_node_changed(dir, isdir ? -1 : 0);
	if (isdir ? memfs_node_unlink_dir(mn) : memfs_node_unlink(mn))
		memfs_node_unref(mm, mn);
}

/* Always the first entry of a directory is gone into, and is the first still
 * when it is empty. */
static void
destroy_tree(struct memfs_mount *mm)
{
	struct memfs_node *dir = mm->mm_root;
	struct memfs_dent *de;

	for (;;) {
		de = memfs_dir_next(&dir->mn_dir, 0);
		if (de == NULL && dir == mm->mm_root)
			break;
		if (de == NULL)
			dir = dir->mn_dir.d_parent;
		else if (de->de_node->mn_type == VDIR &&
			 de->de_node->mn_dir.d_count != 0)
			dir = de->de_node;
		else
			drop_entry(mm, dir, de);
	}
	(void)memfs_node_unlink_dir(mm->mm_root);
	memfs_node_unref(mm, mm->mm_root);
}

int
memfs_unmount(struct mount *mp, int mntflags)
{
	struct memfs_mount *mm = mp->mnt_data;

	destroy_tree(mm);
	KASSERT(atomic_load(&mm->mm_memory.pa_used) == 0);
	mount_free(mm);
	mp->mnt_data = NULL;
	mp->mnt_memory = NULL;
	return 0;
}

int
memfs_root(struct mount *mp, struct vnode **vpp)
{
	struct memfs_mount *mm = mp->mnt_data;

	return memfs_node_vnode(mm, mm->mm_root, vpp);
}

int
memfs_statvfs(struct mount *mp, struct rump_statvfs *sv)
{
	struct memfs_mount *mm = mp->mnt_data;
	uint64_t used = atomic_load(&mm->mm_memory.pa_used);
	uint64_t room = pcmem_free(&mm->mm_memory);
	uint64_t nodes = atomic_load(&mm->mm_nnodes);
	uint64_t most = atomic_load(&mm->mm_maxnodes);

	sv->f_bsize = sv->f_frsize = PC_PAGE;
	sv->f_iosize = PC_BLOCK;
	sv->f_bfree = sv->f_bavail = room / PC_PAGE;
	sv->f_blocks =
	    MIN(atomic_load(&mm->mm_memory.pa_limit), pcmem_limit()) / PC_PAGE;
	sv->f_blocks =
	    MAX(sv->f_blocks, sv->f_bfree + (used + PC_PAGE - 1) / PC_PAGE);
	sv->f_ffree = room / sizeof(struct memfs_node);
	sv->f_ffree = MIN(sv->f_ffree, most - MIN(nodes, most));
	sv->f_favail = sv->f_ffree;
	sv->f_files = sv->f_ffree + nodes;
	return 0;
}
