/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests for files: what their attributes tell, the flags of chattr(1), which
 * are those of chflags(2) here, and what no file system of ours can do, with the
 * error that a tmpfs of Linux's has for it.
 */
#include "preload/fileioctl.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "preload/abi/map.h"
#include "preload/backend.h"
#include "preload/call.h"
#include "preload/descriptor.h"
#include "preload/dirs.h"
#include "preload/fdmap.h"
#include "preload/route.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

static bool
is_for_writing(struct call *c, struct rfile *rf)
{
	long flags = fd_call(c, rf, RUMP_SYS_fcntl, RUMP_F_GETFL, 0, 0, 0);

	return flags >= 0 && (flags & RUMP_O_ACCMODE) != RUMP_O_RDONLY;
}

/* No file of the kernel's shares blocks with another. */
static long
clone_range(struct call *c, struct rfile *rf)
{
	struct file_clone_range range = { .src_fd = c->arg[2] };
	struct rfile *from;
	int error = 0;

	if ((unsigned)c->arg[1] == FICLONERANGE)
		error =
		    usercopy_in(&range, (const void *)c->arg[2], sizeof(range));
	if (error != 0)
		return -error;
	from = fdmap_get_rump((int)range.src_fd, &error);
	if (from != NULL)
		(void)fdmap_put(from);
	else if (error != 0 ||
		 HOST(SYS_fcntl, range.src_fd, F_GETFD, 0, 0, 0, 0) < 0)
		return -EBADF;
	if (dirs_is_directory(c, rf))
		return -EISDIR;
	if (from == NULL)
		return -EXDEV;
	return is_for_writing(c, rf) ? -EOPNOTSUPP : -EBADF;
}

static long
full_size(struct call *c, struct rfile *rf)
{
	struct rump_stat st;
	long result = fd_call(c, rf, RUMP_SYS_fstat, (int64_t)&st, 0, 0, 0);

	return result < 0 ? result
			  : -usercopy_out(&st.st_size, (void *)c->arg[2],
				sizeof(st.st_size));
}

static long
block_size(struct call *c, struct rfile *rf)
{
	struct rump_stat st;
	long result = fd_call(c, rf, RUMP_SYS_fstat, (int64_t)&st, 0, 0, 0);
	int block = (int)st.st_blksize;

	return result < 0
		   ? result
		   : -usercopy_out(&block, (void *)c->arg[2], sizeof(block));
}

/* --- flags ------------------------------------------------------------- */

/* The flags that both systems have, by their three names.  What a user has set
 * by chflags(2) on NetBSD counts as well. */
static const struct flag {
	uint32_t fl_linux, fl_xflag, fl_netbsd, fl_others;
} flags[] = {
	{ FS_IMMUTABLE_FL, FS_XFLAG_IMMUTABLE, RUMP_SF_IMMUTABLE,
	    RUMP_UF_IMMUTABLE },
	{ FS_APPEND_FL, FS_XFLAG_APPEND, RUMP_SF_APPEND, RUMP_UF_APPEND },
	{ FS_NODUMP_FL, FS_XFLAG_NODUMP, RUMP_UF_NODUMP, 0 },
};

/* Which name of a flag a request goes by. */
static uint32_t
name_of(const struct flag *f, bool x)
{
	return x ? f->fl_xflag : f->fl_linux;
}

static uint32_t
to_linux(uint32_t netbsd, bool x)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < ABI_NITEMS(flags); i++)
		if ((netbsd & (flags[i].fl_netbsd | flags[i].fl_others)) != 0)
			bits |= name_of(&flags[i], x);
	return bits;
}

/* netbsd becomes what bits says; false if that says more. */
static bool
to_netbsd(uint32_t bits, bool x, uint32_t *netbsd)
{
	uint32_t now = to_linux(*netbsd, x);

	for (size_t i = 0; i < ABI_NITEMS(flags); i++) {
		const struct flag *f = &flags[i];
		uint32_t name = name_of(f, x);

		if ((bits & ~now & name) != 0)
			*netbsd |= f->fl_netbsd;
		else if ((now & ~bits & name) != 0)
			*netbsd &= ~(f->fl_netbsd | f->fl_others);
		bits &= ~name;
	}
	return bits == 0;
}

static long
get_netbsd(struct call *c, struct rfile *rf, uint32_t *netbsd)
{
	return fd_call(c, rf, RUMP_SYS_ioctl, (int64_t)RUMP_FIOGETFLAGS,
	    (int64_t)netbsd, 0, 0);
}

static long
set_flags(struct call *c, struct rfile *rf, uint32_t bits, bool x)
{
	uint32_t netbsd;
	long result = get_netbsd(c, rf, &netbsd);

	if (result < 0)
		return result;
	if (!to_netbsd(bits, x, &netbsd))
		return -EOPNOTSUPP;
	return fd_call(c, rf, RUMP_SYS_fchflags, netbsd, 0, 0, 0);
}

static long
get_flags(struct call *c, struct rfile *rf)
{
	uint32_t netbsd, bits;
	long result = get_netbsd(c, rf, &netbsd);

	if (result < 0)
		return result;
	bits = to_linux(netbsd, false);
	return -usercopy_out(&bits, (void *)c->arg[2], sizeof(bits));
}

static long
change_flags(struct call *c, struct rfile *rf)
{
	uint32_t bits;
	int error = usercopy_in(&bits, (const void *)c->arg[2], sizeof(bits));

	return error != 0 ? -error : set_flags(c, rf, bits, false);
}

static long
get_xflags(struct call *c, struct rfile *rf)
{
	struct fsxattr fx = { 0 };
	uint32_t netbsd;
	long result = get_netbsd(c, rf, &netbsd);

	if (result < 0)
		return result;
	fx.fsx_xflags = to_linux(netbsd, true);
	return -usercopy_out(&fx, (void *)c->arg[2], sizeof(fx));
}

static long
change_xflags(struct call *c, struct rfile *rf)
{
	struct fsxattr fx;
	int error = usercopy_in(&fx, (const void *)c->arg[2], sizeof(fx));

	if (error != 0)
		return -error;
	if (fx.fsx_extsize != 0 || fx.fsx_cowextsize != 0 || fx.fsx_projid != 0)
		return -EOPNOTSUPP;
	return set_flags(c, rf, fx.fsx_xflags, true);
}

/* --- what cannot be done ----------------------------------------------- */

/* Which blocks of a disk are a regular file's: none. */
static long
find_block(struct call *c, struct rfile *rf)
{
	struct rump_stat st;
	long result = fd_call(c, rf, RUMP_SYS_fstat, (int64_t)&st, 0, 0, 0);

	if (result < 0)
		return result;
	if (!S_ISREG(st.st_mode))
		return -ENOTTY;
	return HOST(SYS_geteuid, 0, 0, 0, 0, 0, 0) == 0 ? -EINVAL : -EPERM;
}

static long
freeze(struct call *c, struct rfile *rf)
{
	if (HOST(SYS_geteuid, 0, 0, 0, 0, 0, 0) != 0)
		return -EPERM;
	return (unsigned)c->arg[1] == FIFREEZE ? -EOPNOTSUPP : -EINVAL;
}

static long
deduplicate(struct call *c, struct rfile *rf)
{
	return dirs_is_directory(c, rf) ? -EISDIR : -EOPNOTSUPP;
}

static long
map_extents(struct call *c, struct rfile *rf)
{
	return -EOPNOTSUPP;
}

static const struct {
	unsigned request;
	long (*answer)(struct call *c, struct rfile *rf);
} requests[] = {
	{ FICLONE, clone_range },
	{ FICLONERANGE, clone_range },
	{ FIGETBSZ, block_size },
	{ FIOQSIZE, full_size },
	{ FS_IOC_GETFLAGS, get_flags },
	{ FS_IOC_SETFLAGS, change_flags },
	{ FS_IOC_FSGETXATTR, get_xflags },
	{ FS_IOC_FSSETXATTR, change_xflags },
	{ FIBMAP, find_block },
	{ FIFREEZE, freeze },
	{ FITHAW, freeze },
	{ FIDEDUPERANGE, deduplicate },
	{ FS_IOC_FIEMAP, map_extents },
};

long
fileioctl(struct call *c, struct rfile *rf)
{
	if (rf->rf_kind != RF_FILE)
		return -ENOTTY;
	for (size_t i = 0; i < ABI_NITEMS(requests); i++)
		if (requests[i].request == (unsigned)c->arg[1])
			return requests[i].answer(c, rf);
	return -ENOTTY;
}
