/* SPDX-License-Identifier: BSD-2-Clause */
/* Attributes and types of vnodes, as pure functions. */
#include "vfs/vnode.h"

#include "kern/libkern.h"
#include "kern/netbsd.h"

static const struct {
	mode_t mode;
	uint8_t dt;
} types[] = {
	[VNON] = { 0, DT_UNKNOWN },
	[VREG] = { S_IFREG, DT_REG },
	[VDIR] = { S_IFDIR, DT_DIR },
	[VBLK] = { S_IFBLK, DT_BLK },
	[VCHR] = { S_IFCHR, DT_CHR },
	[VLNK] = { S_IFLNK, DT_LNK },
	[VSOCK] = { S_IFSOCK, DT_SOCK },
	[VFIFO] = { S_IFIFO, DT_FIFO },
	[VBAD] = { 0, DT_UNKNOWN },
};

uint8_t
vtype_to_dt(enum vtype t)
{
	return types[t].dt;
}

mode_t
vtype_to_mode(enum vtype t)
{
	return types[t].mode;
}

enum vtype
vtype_from_mode(mode_t mode)
{
	for (size_t i = VREG; i <= VFIFO; i++) {
		if (types[i].mode == (mode & S_IFMT))
			return (enum vtype)i;
	}
	return VNON;
}

void
vattr_null(struct vattr *va)
{
	memset(va, 0, sizeof(*va));
	va->va_type = VNON;
	va->va_mode = (mode_t)VNOVAL;
	va->va_uid = (uid_t)VNOVAL;
	va->va_gid = (gid_t)VNOVAL;
	va->va_size = VNOVAL;
	va->va_flags = (uint32_t)VNOVAL;
	va->va_atime.tv_nsec = VNOVAL;
	va->va_mtime.tv_nsec = VNOVAL;
	va->va_ctime.tv_nsec = VNOVAL;
	va->va_birthtime.tv_nsec = VNOVAL;
}

void
vattr_to_stat(const struct vattr *va, struct rump_stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_dev = va->va_fsid;
	st->st_mode = vtype_to_mode(va->va_type) | (va->va_mode & ALLPERMS);
	st->st_ino = va->va_fileid;
	st->st_nlink = va->va_nlink;
	st->st_uid = va->va_uid;
	st->st_gid = va->va_gid;
	st->st_rdev = va->va_rdev;
	st->st_atim = va->va_atime;
	st->st_mtim = va->va_mtime;
	st->st_ctim = va->va_ctime;
	st->st_birthtim = va->va_birthtime;
	st->st_size = va->va_size;
	st->st_blocks = (int64_t)((va->va_bytes + S_BLKSIZE - 1) / S_BLKSIZE);
	st->st_blksize = va->va_blocksize;
	st->st_flags = va->va_flags;
	st->st_gen = va->va_gen;
}

int
vaccess(enum vtype type, mode_t file_mode, uid_t uid, gid_t gid, int want,
    const struct kauth_cred *cred)
{
	mode_t granted = file_mode;

	if (kauth_cred_rules(cred, uid, gid)) {
		bool exec = type == VDIR ||
			    (file_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0;

		return (want & X_OK) != 0 && !exec ? EACCES : 0;
	}
	if (cred->cr_euid == uid)
		granted >>= 6;
	else if (kauth_cred_ismember(cred, gid))
		granted >>= 3;
	return ((mode_t)want & ~granted & S_IRWXO) != 0 ? EACCES : 0;
}
