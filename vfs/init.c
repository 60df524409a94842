/* SPDX-License-Identifier: BSD-2-Clause */
/* The component: brings the layer up in the order in which its parts need each
 * other. */
#include "kern/boot.h"
#include "kern/component.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "kern/syscall.h"
#include "vfs/arena.h"
#include "vfs/cwd.h"
#include "vfs/etfs.h"
#include "vfs/fifo.h"
#include "vfs/lockf.h"
#include "vfs/mount.h"
#include "vfs/mountreport.h"
#include "vfs/namei.h"
#include "vfs/pagecache.h"
#include "vfs/pcmem.h"
#include "vfs/pcstats.h"
#include "vfs/protect.h"
#include "vfs/rootfs/rootfs.h"
#include "vfs/sockname.h"
#include "vfs/vnode.h"

/* Generated from syscall_table/netbsd.tbl. */
extern const struct syscall_entry syscalls_vfs[];
extern const size_t nsyscalls_vfs;

/* Write out what is dirty before the end. */
static void
sync_at_shutdown(int howto)
{
	if ((howto & RB_NOSYNC) == 0)
		(void)mount_sync_all(kauth_cred_kernel());
}

RUMP_COMPONENT(RUMP__FACTION_VFS, vfs)
{
	int error;

	error = arena_init();
	if (error != 0) {
		boot_fail(error,
		    error == EFBIG ? "vfs: the hard limit on file sizes, "
				     "RLIMIT_FSIZE, is too low for the page "
				     "cache, which needs 64 MiB"
				   : "vfs: no memory file for the page cache");
		return;
	}
	pcmem_init();
	protect_init();
	pagecache_init();
	pcstats_init();
	vcache_init();
	cache_init();
	mount_init();
	mountreport_init();
	lockf_init();
	fifo_init();
	sockname_init();
	cwd_init();
	namei_init();
	rootfs_init();
	etfs_init();
	shutdown_hook_attach(sync_at_shutdown);
	syscall_register(syscalls_vfs, nsyscalls_vfs);
}
