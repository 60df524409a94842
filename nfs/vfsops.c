/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file system type "nfs": mounting with NetBSD's nfs_args, where the caller
 * has talked to mountd, and by URL, where we do.
 */
#include "kern/boot.h"
#include "kern/component.h"
#include "kern/copy.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "nfs/call.h"
#include "nfs/mount.h"
#include "nfs/node.h"
#include "nfs/procstats.h"
#include "nfs/silly.h"
#include "vfs/mount.h"
#include "vfs/pagecache.h"

#define ARGS_VERSION 3
#define HOSTNAME_MAX 88  /* MNAMELEN - 2 */
#define ARGS_RSIZE 32768 /* the unit of readahead, if nothing else is said */
#define ARGS_RSIZE_MAX 65536
#define ARGS_DIRSIZE_MAX 8192

struct nfsmount *
nfsmount_create(struct mount *mp)
{
	struct nfsmount *nm = kmem_zalloc(sizeof(*nm), KM_SLEEP);

	nm->nm_mount = mp;
	nfs_options_default(&nm->nm_options);
	mutex_init(&nm->nm_lock, "nfsmount");
	list_init(&nm->nm_listings);
	list_init(&nm->nm_loading);
	list_init(&nm->nm_sillies);
	cv_init(&nm->nm_napcv, "nfsnap");
	return nm;
}

void
nfsmount_destroy(struct nfsmount *nm)
{
	rpc_conn_destroy(nm->nm_conn);
	cv_destroy(&nm->nm_napcv);
	mutex_destroy(&nm->nm_lock);
	kmem_free(nm, sizeof(*nm));
}

/* nm is ready: it becomes mp's. */
static void
adopt(struct mount *mp, struct nfsmount *nm)
{
	atomic_store(&nm->nm_nordirplus, nm->nm_options.o_nordirplus);
	mp->mnt_data = nm;
	mp->mnt_iflag |= IMNT_FAR;
	if (nm->nm_options.o_has_uid)
		mp->mnt_iflag |= IMNT_ALIAS;
	if (nm->nm_options.o_ro)
		mp->mnt_flag |= MNT_RDONLY;
}

static int
nfs_mount_url(struct mount *mp, const char *url, char *text, size_t size)
{
	struct nfsmount *nm = nfsmount_create(mp);
	char server[NFS_ADDR_TEXT + 2];
	struct nfs_url u;
	int error;

	error = nfs_url_parse(url, &u, text, size);
	if (error == 0)
		error = nfsmount_url(nm, &u, curlwp->l_cred, text, size);
	if (error != 0) {
		nfsmount_destroy(nm);
		return error;
	}
	nfs_addr_format_host(&nm->nm_addr, server, sizeof(server));
	ksnprintf(mp->mnt_fromname, sizeof(mp->mnt_fromname), "%s:%s", server,
	    nm->nm_export);
	adopt(mp, nm);
	return 0;
}

/* NetBSD's arguments. */

static int
check_args(const struct rump_nfs_args *args)
{
	if (args->version != ARGS_VERSION)
		return EPROGMISMATCH;
	if ((args->flags & (NFSMNT_NQNFS | NFSMNT_KERB)) != 0)
		return EPROGUNAVAIL;
	if ((args->flags & NFSMNT_NFSV3) == 0)
		return EPROGMISMATCH;
	if (args->sotype != SOCK_STREAM && args->sotype != SOCK_DGRAM)
		return EPROTONOSUPPORT;
	if (args->fhsize < 1 || args->fhsize > NFS3_FHSIZE)
		return EINVAL;
	if (args->addrlen < 2 ||
	    args->addrlen > (int)sizeof(struct rump_sockaddr_storage))
		return EINVAL;
	return 0;
}

static uint32_t
clamp(int32_t n, uint32_t least, uint32_t most)
{
	return n < 0 ? least : MIN(MAX((uint32_t)n, least), most);
}

/* Readahead is counted in READs. */
static uint32_t
readahead_unit(const struct nfs_options *o)
{
	return o->o_rsize != 0 ? o->o_rsize : ARGS_RSIZE;
}

static void
take_tunables(struct nfs_options *o, const struct rump_nfs_args *args)
{
	int32_t flags = args->flags;

	o->o_soft = (flags & NFSMNT_SOFT) != 0;
	o->o_noac = (flags & NFSMNT_NOAC) != 0;
	o->o_nordirplus = (flags & NFSMNT_RDIRPLUS) == 0;
	o->o_resvport = (flags & NFSMNT_RESVPORT) != 0;
	o->o_noresvport = !o->o_resvport;
	o->o_proto = args->sotype == SOCK_DGRAM ? NFS_UDP : NFS_TCP;
	if ((flags & NFSMNT_RSIZE) != 0 && args->rsize > 0)
		o->o_rsize = clamp(args->rsize, 512, ARGS_RSIZE_MAX) & ~511u;
	if ((flags & NFSMNT_WSIZE) != 0 && args->wsize > 0)
		o->o_wsize = clamp(args->wsize, 512, ARGS_RSIZE_MAX) & ~511u;
	if ((flags & NFSMNT_READDIRSIZE) != 0 && args->readdirsize > 0)
		o->o_readdirsize =
		    clamp(args->readdirsize, 512, ARGS_DIRSIZE_MAX) & ~511u;
	if ((flags & NFSMNT_TIMEO) != 0 && args->timeo > 0) {
		o->o_timeo = (uint32_t)MIN(MAX(args->timeo, 10), 600);
		o->o_has_timeo = true;
	}
	if ((flags & NFSMNT_RETRANS) != 0 && args->retrans > 1) {
		o->o_retrans = (uint32_t)MIN(args->retrans, 100);
		o->o_has_retrans = true;
	}
	nfs_options_complete(o);
	if ((flags & NFSMNT_READAHEAD) != 0 && args->readahead >= 0) {
		o->o_has_readahead = true;
		o->o_readahead =
		    clamp(args->readahead, 0, 32) * readahead_unit(o);
	}
}

static int
copy_args(
    struct mount *mp, struct nfsmount *nm, const struct rump_nfs_args *args)
{
	struct rump_sockaddr_storage ss = { 0 };
	char hostname[HOSTNAME_MAX + 1];
	int error;

	error = copyin(args->addr, &ss, (size_t)args->addrlen);
	if (error == 0)
		error = nfs_addr_from_sockaddr(
		    &ss, (size_t)args->addrlen, &nm->nm_addr, &nm->nm_port);
	if (error != 0)
		return error;
	nm->nm_root.fh_len = (uint32_t)args->fhsize;
	error = copyin(args->fh, nm->nm_root.fh_data, nm->nm_root.fh_len);
	if (error != 0)
		return error;
	error = copyinstr(args->hostname, hostname, sizeof(hostname), NULL);
	if (error != 0)
		return error;
	strlcpy(mp->mnt_fromname, hostname, sizeof(mp->mnt_fromname));
	strlcpy(nm->nm_export, hostname, sizeof(nm->nm_export));
	take_tunables(&nm->nm_options, args);
	return 0;
}

/* MNT_GETARGS: what the mount was made with. */
static int
get_args(struct mount *mp, struct rump_nfs_args *args, size_t *len)
{
	struct nfsmount *nm = mp->mnt_data;
	const struct nfs_options *o = &nm->nm_options;
	struct rump_sockaddr *addr = args->addr;
	struct rump_sockaddr_storage ss;
	int error;

	nfs_addr_to_sockaddr(&nm->nm_addr, nm->nm_port, &ss);
	if (addr != NULL) {
		error = copyout(&ss, addr, ss.ss_len);
		if (error != 0)
			return error;
	}
	*args = (struct rump_nfs_args){
		.version = ARGS_VERSION,
		.addr = addr,
		.addrlen = ss.ss_len,
		.sotype = o->o_proto == NFS_UDP ? SOCK_DGRAM : SOCK_STREAM,
		.flags = NFSMNT_NFSV3 | (o->o_soft ? NFSMNT_SOFT : 0) |
			 (o->o_noac ? NFSMNT_NOAC : 0) |
			 (o->o_nordirplus ? 0 : NFSMNT_RDIRPLUS) |
			 (o->o_resvport ? NFSMNT_RESVPORT : 0),
		.wsize = (int32_t)nm->nm_wsize,
		.rsize = (int32_t)nm->nm_rsize,
		.readdirsize = (int32_t)nm->nm_dirsize,
		.timeo = (int32_t)o->o_timeo,
		.retrans = (int32_t)o->o_retrans,
		.maxgrouplist = RPC_AUTH_GROUPS,
		.readahead =
		    (int32_t)(o->o_has_readahead
				  ? o->o_readahead / readahead_unit(o)
				  : nm->nm_readahead * PC_BLOCK / nm->nm_rsize),
	};
	*len = sizeof(*args);
	return 0;
}

static int
nfs_mount(struct mount *mp, const char *path, void *data, size_t *len)
{
	struct rump_nfs_args *args = data;
	struct nfsmount *nm;
	char text[256];
	int error;

	if (args == NULL || *len < sizeof(*args))
		return EINVAL;
	if ((mp->mnt_flag & MNT_GETARGS) != 0)
		return get_args(mp, args, len);
	if ((mp->mnt_flag & MNT_UPDATE) != 0)
		return EOPNOTSUPP;
	error = check_args(args);
	if (error != 0)
		return error;
	nm = nfsmount_create(mp);
	error = copy_args(mp, nm, args);
	if (error == 0)
		error =
		    nfsmount_connect(nm, curlwp->l_cred, text, sizeof(text));
	if (error != 0) {
		nfsmount_destroy(nm);
		return error;
	}
	adopt(mp, nm);
	return 0;
}

static void
nfs_abort(struct mount *mp)
{
	struct nfsmount *nm = mp->mnt_data;

	if (nm == NULL)
		return;
	atomic_store(&nm->nm_dead, true);
	rpc_conn_kill(nm->nm_conn);
}

static int
nfs_unmount(struct mount *mp, int mntflags)
{
	struct nfsmount *nm = mp->mnt_data;

	if (nm == NULL)
		return 0;
	mp->mnt_data = NULL;
	if (!atomic_load(&nm->nm_dead))
		nfsmount_tell_umount(nm, curlwp->l_cred);
	nfsmount_destroy(nm);
	return 0;
}

static int
nfs_root(struct mount *mp, struct vnode **vpp)
{
	struct nfsmount *nm = mp->mnt_data;

	return nfsnode_get(nm, &nm->nm_root, NULL, 0, curlwp->l_cred, vpp);
}

static int
nfs_statvfs(struct mount *mp, struct rump_statvfs *sv)
{
	struct nfsmount *nm = mp->mnt_data;
	struct nfs3_fsstat res;
	const unsigned long bsize = 4096;
	int error;

	error = nfscall_fsstat(nm, &nm->nm_root, curlwp->l_cred, &res);
	if (error == 0)
		error = nfs3_errno(res.fs_status);
	if (error != 0)
		return error;
	sv->f_bsize = sv->f_frsize = bsize;
	sv->f_iosize = nm->nm_rsize;
	sv->f_blocks = res.fs_tbytes / bsize;
	sv->f_bfree = res.fs_fbytes / bsize;
	sv->f_bavail = res.fs_abytes / bsize;
	sv->f_bresvd = sv->f_bfree - MIN(sv->f_bavail, sv->f_bfree);
	sv->f_files = res.fs_tfiles;
	sv->f_ffree = res.fs_ffiles;
	sv->f_favail = res.fs_afiles;
	sv->f_fresvd = sv->f_ffree - MIN(sv->f_favail, sv->f_ffree);
	sv->f_namemax = nm->nm_name_max;
	return 0;
}

static int
nfs_sync(struct mount *mp, int waitfor, kauth_cred_t cred)
{
	return pagecache_sync_mount(mp, waitfor == MNT_WAIT ? PCS_WAIT : 0);
}

static struct vfsops nfs_vfsops = {
	.vfs_name = "nfs",
	.vfs_min_mount_data = sizeof(struct rump_nfs_args),
	.vfs_mount = nfs_mount,
	.vfs_unmount = nfs_unmount,
	.vfs_abort = nfs_abort,
	.vfs_root = nfs_root,
	.vfs_statvfs = nfs_statvfs,
	.vfs_sync = nfs_sync,
	.vfs_loadvnode = nfsnode_load,
	.vfs_scheme = "nfs",
	.vfs_mount_url = nfs_mount_url,
};

/* Files that were removed and are still in use go with us. */
static void
remove_at_shutdown(int howto)
{
	struct mount *mp;

	for (size_t n = 0; (mp = mount_nth(n)) != NULL; n++) {
		if (mp->mnt_op == &nfs_vfsops)
			nfssilly_end(mp->mnt_data);
		mount_unref(mp);
	}
}

RUMP_COMPONENT(RUMP_COMPONENT_VFS, nfs)
{
	rpc_init();
	nfsnode_init();
	nfs_procstats_init();
	vfs_attach(&nfs_vfsops);
	shutdown_hook_attach(remove_at_shutdown);
}
