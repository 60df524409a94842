/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * st_dev: programs compare it to tell file systems apart (find -xdev, tar,
 * cp -x), so a rump file system must not look like one of the host's.  Modes
 * and st_rdev have the same encoding on both systems.
 */
#include "preload/abi/stat.h"

#include <sys/stat.h>
#include <sys/statfs.h>
#include <linux/magic.h>

#include "preload/abi/map.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"

#define SANE_BLKSIZE_MAX (1 << 20)
#define SANE_BLKSIZE 4096

uint32_t
abi_dev_minor(uint64_t dev)
{
	dev *= 0x9e3779b97f4a7c15;
	return (uint32_t)(dev >> 44);
}

static uint64_t
abi_dev(uint64_t dev)
{
	uint32_t minor = abi_dev_minor(dev);

	return (minor & 0xff) | (ABI_DEV_MAJOR << 8) |
	       ((uint64_t)(minor & ~0xffU) << 12);
}

static int32_t
abi_blksize(int32_t size)
{
	return size > 0 && size <= SANE_BLKSIZE_MAX ? size : SANE_BLKSIZE;
}

/* On Linux a symbolic link has no mode of its own. */
static uint32_t
abi_mode(uint32_t mode)
{
	if ((mode & S_IFMT) == S_IFLNK)
		mode |= 0777;
	return mode & 0177777;
}

static struct timespec
abi_timespec(struct rump_timespec ts)
{
	return (struct timespec){ .tv_sec = ts.tv_sec, .tv_nsec = ts.tv_nsec };
}

void
abi_stat(const struct rump_stat *in, struct stat *out)
{
	*out = (struct stat){
		.st_dev = abi_dev(in->st_dev),
		.st_ino = in->st_ino,
		.st_nlink = in->st_nlink,
		.st_mode = abi_mode(in->st_mode),
		.st_uid = in->st_uid,
		.st_gid = in->st_gid,
		.st_rdev = in->st_rdev,
		.st_size = in->st_size,
		.st_blksize = abi_blksize(in->st_blksize),
		.st_blocks = in->st_blocks,
		.st_atim = abi_timespec(in->st_atim),
		.st_mtim = abi_timespec(in->st_mtim),
		.st_ctim = abi_timespec(in->st_ctim),
	};
}

static struct statx_timestamp
abi_statx_time(struct rump_timespec ts)
{
	return (struct statx_timestamp){ .tv_sec = ts.tv_sec,
		.tv_nsec = (uint32_t)ts.tv_nsec };
}

static const struct abi_pair attributes[] = {
	{ STATX_ATTR_IMMUTABLE, RUMP_SF_IMMUTABLE },
	{ STATX_ATTR_IMMUTABLE, RUMP_UF_IMMUTABLE },
	{ STATX_ATTR_APPEND, RUMP_SF_APPEND },
	{ STATX_ATTR_APPEND, RUMP_UF_APPEND },
	{ STATX_ATTR_NODUMP, RUMP_UF_NODUMP },
};

void
abi_statx(const struct rump_stat *in, struct statx *out)
{
	*out = (struct statx){
		.stx_mask = STATX_BASIC_STATS,
		.stx_blksize = (uint32_t)abi_blksize(in->st_blksize),
		.stx_nlink = in->st_nlink,
		.stx_uid = in->st_uid,
		.stx_gid = in->st_gid,
		.stx_mode = (uint16_t)abi_mode(in->st_mode),
		.stx_ino = in->st_ino,
		.stx_size = (uint64_t)in->st_size,
		.stx_blocks = (uint64_t)in->st_blocks,
		.stx_atime = abi_statx_time(in->st_atim),
		.stx_ctime = abi_statx_time(in->st_ctim),
		.stx_mtime = abi_statx_time(in->st_mtim),
		.stx_rdev_major = (uint32_t)(in->st_rdev >> 8) & 0xfff,
		.stx_rdev_minor = (uint32_t)(in->st_rdev & 0xff) |
				  ((uint32_t)(in->st_rdev >> 12) & 0xfff00),
		.stx_dev_major = ABI_DEV_MAJOR,
		.stx_dev_minor = abi_dev_minor(in->st_dev),
	};
	/* That one is set is known; not, which ones there could be. */
	out->stx_attributes = out->stx_attributes_mask = abi_bits_to_linux(
	    attributes, ABI_NITEMS(attributes), in->st_flags, NULL);
	if (in->st_birthtim.tv_sec > 0) {
		out->stx_mask |= STATX_BTIME;
		out->stx_btime = abi_statx_time(in->st_birthtim);
	}
}

/* The types of file systems: NetBSD's names, and what Linux says. */
static const struct fstype {
	const char *ft_netbsd;
	const char *ft_linux;
	long ft_magic;
} fstypes[] = {
	{ "nfs", "nfs", NFS_SUPER_MAGIC },
	{ "tmpfs", "tmpfs", TMPFS_MAGIC },
	{ "rumpfs", "tmpfs", TMPFS_MAGIC },
	{ "ext2fs", "ext2", EXT2_SUPER_MAGIC },
	{ "msdos", "vfat", MSDOS_SUPER_MAGIC },
	{ "cd9660", "iso9660", ISOFS_SUPER_MAGIC },
	{ "kernfs", "proc", PROC_SUPER_MAGIC },
};

#define UNKNOWN_MAGIC 0x52554d50 /* "RUMP" */

static bool
same_name(const char *a, const char *b, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (a[i] != b[i])
			return false;
		if (a[i] == '\0')
			return true;
	}
	return false;
}

static const struct fstype *
fstype_of(const struct rump_statvfs *sv)
{
	for (size_t i = 0; i < ABI_NITEMS(fstypes); i++) {
		if (same_name(sv->f_fstypename, fstypes[i].ft_netbsd,
			sizeof(sv->f_fstypename)))
			return &fstypes[i];
	}
	return NULL;
}

const char *
abi_fstype(const struct rump_statvfs *sv)
{
	const struct fstype *ft = fstype_of(sv);

	return ft != NULL ? ft->ft_linux : sv->f_fstypename;
}

/* The ST_* values of statvfs(3) that f_flags shows, and ST_VALID. */
#define LINUX_ST_VALID 0x20
static const struct abi_pair mount_flags[] = {
	{ 0x1, RUMP_ST_RDONLY },
	{ 0x2, RUMP_ST_NOSUID },
	{ 0x4, RUMP_ST_NODEV },
	{ 0x8, RUMP_ST_NOEXEC },
	{ 0x10, RUMP_ST_SYNCHRONOUS },
	{ 0x400, RUMP_ST_NOATIME },
	{ 0x1000, RUMP_ST_RELATIME },
};

void
abi_statfs(const struct rump_statvfs *in, struct statfs *out)
{
	unsigned long frsize = in->f_frsize != 0 ? in->f_frsize : 512;
	const struct fstype *ft = fstype_of(in);

	*out = (struct statfs){
		.f_type = ft != NULL ? ft->ft_magic : UNKNOWN_MAGIC,
		.f_bsize = (long)(in->f_bsize != 0 ? in->f_bsize : frsize),
		.f_frsize = (long)frsize,
		.f_blocks = in->f_blocks,
		.f_bfree = in->f_bfree,
		.f_bavail = in->f_bavail,
		.f_files = in->f_files,
		.f_ffree = in->f_ffree,
		.f_fsid.__val = { in->f_fsidx.fsid_val[0],
		    in->f_fsidx.fsid_val[1] },
		.f_namelen = (long)in->f_namemax,
		.f_flags = LINUX_ST_VALID | (long)abi_bits_to_linux(mount_flags,
						ABI_NITEMS(mount_flags),
						(uint32_t)in->f_flag, NULL),
	};
}
