/* SPDX-License-Identifier: BSD-2-Clause */
/* O_SYNC contains O_DSYNC on Linux and stands first for that reason. */
#include "preload/abi/open.h"

#include <errno.h>
#include <fcntl.h>

#include "preload/abi/map.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

/* The bit that the kernel sees; glibc defines O_LARGEFILE as 0 here. */
#define LINUX_O_LARGEFILE 0100000

static const struct abi_pair status_flags[] = {
	{ O_SYNC, RUMP_O_SYNC },
	{ O_DSYNC, RUMP_O_DSYNC },
	{ O_APPEND, RUMP_O_APPEND },
	{ O_NONBLOCK, RUMP_O_NONBLOCK },
	{ O_ASYNC, RUMP_O_ASYNC },
	{ O_DIRECT, RUMP_O_DIRECT },
	{ O_NOATIME, RUMP_O_NOATIME },
};

/* Acted upon when a file is opened, and given back by F_GETFL. */
static const struct abi_pair marks[] = {
	{ O_TMPFILE & ~O_DIRECTORY, RUMP_O_MARK_UNNAMED },
	{ O_DIRECTORY, RUMP_O_MARK_DIRECTORY },
	{ O_NOFOLLOW, RUMP_O_MARK_NOFOLLOW },
};

static const struct abi_pair creation_flags[] = {
	{ O_CREAT, RUMP_O_CREAT },
	{ O_EXCL, RUMP_O_EXCL },
	{ O_TRUNC, RUMP_O_TRUNC },
	{ O_NOCTTY, RUMP_O_NOCTTY },
	{ O_DIRECTORY, RUMP_O_DIRECTORY },
	{ O_NOFOLLOW, RUMP_O_NOFOLLOW },
	{ O_CLOEXEC, RUMP_O_CLOEXEC },
};

static uint32_t
marks_to_netbsd(uint32_t flags)
{
	return abi_bits_to_netbsd(marks, ABI_NITEMS(marks), flags, NULL);
}

static int
open_path_to_netbsd(int flags)
{
	uint32_t with_path =
	    (uint32_t)flags & (O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return RUMP_O_RDONLY | RUMP_O_SEARCH | RUMP_O_NAME |
	       (int)abi_bits_to_netbsd(creation_flags,
		   ABI_NITEMS(creation_flags), with_path, NULL) |
	       (int)marks_to_netbsd(with_path);
}

/* O_TMPFILE contains O_DIRECTORY. */
static int
open_unnamed_to_netbsd(int flags, int *out)
{
	int error;

	if ((flags & (O_WRONLY | O_RDWR)) == 0 || (flags & O_CREAT) != 0)
		return EINVAL;
	error = abi_open_to_netbsd(flags & ~O_TMPFILE, out);
	if (error == 0)
		*out |= RUMP_O_UNNAMED | (int)marks_to_netbsd(O_TMPFILE);
	return error;
}

int
abi_open_to_netbsd(int flags, int *out)
{
	uint32_t bits;

	if ((flags & O_PATH) != 0) {
		*out = open_path_to_netbsd(flags);
		return 0;
	}
	if ((flags & O_TMPFILE) == O_TMPFILE)
		return open_unnamed_to_netbsd(flags, out);
	if ((flags & O_TMPFILE & ~O_DIRECTORY) != 0)
		return EINVAL;
	bits = abi_bits_to_netbsd(
	    status_flags, ABI_NITEMS(status_flags), (uint32_t)flags, NULL);
	bits |= abi_bits_to_netbsd(
	    creation_flags, ABI_NITEMS(creation_flags), (uint32_t)flags, NULL);
	bits |= marks_to_netbsd((uint32_t)flags);
	if ((flags & O_ACCMODE) == O_ACCMODE)
		bits |= RUMP_O_RDWR | RUMP_O_NEITHER;
	else
		bits |= (uint32_t)flags & O_ACCMODE;
	*out = (int)bits;
	return 0;
}

int
abi_open_to_linux(int flags)
{
	uint32_t bits = (uint32_t)flags;
	int mode = flags & RUMP_O_ACCMODE;

	if ((flags & RUMP_O_NEITHER) != 0)
		mode = O_ACCMODE;
	return mode | LINUX_O_LARGEFILE |
	       (int)abi_bits_to_linux(
		   status_flags, ABI_NITEMS(status_flags), bits, NULL) |
	       (int)abi_bits_to_linux(marks, ABI_NITEMS(marks), bits, NULL);
}

int
abi_status_to_netbsd(int flags)
{
	return (int)abi_bits_to_netbsd(
	    status_flags, ABI_NITEMS(status_flags), (uint32_t)flags, NULL);
}

uint64_t
abi_open_known(void)
{
	return O_ACCMODE | O_SYNC | O_APPEND | O_NONBLOCK | O_ASYNC | O_DIRECT |
	       O_CREAT | O_EXCL | O_TRUNC | O_NOCTTY | O_DIRECTORY |
	       O_NOFOLLOW | O_CLOEXEC | O_PATH | O_TMPFILE | O_NOATIME |
	       LINUX_O_LARGEFILE;
}

static const struct abi_pair at_nofollow[] = {
	{ AT_SYMLINK_NOFOLLOW, RUMP_AT_SYMLINK_NOFOLLOW },
	{ AT_NO_AUTOMOUNT, 0 },
	{ AT_EMPTY_PATH, 0 },
	{ AT_STATX_FORCE_SYNC, 0 },
	{ AT_STATX_DONT_SYNC, 0 },
};

static const struct abi_pair at_access[] = {
	{ AT_SYMLINK_NOFOLLOW, RUMP_AT_SYMLINK_NOFOLLOW },
	{ AT_EACCESS, RUMP_AT_EACCESS },
	{ AT_EMPTY_PATH, 0 },
};

static const struct abi_pair at_unlink[] = {
	{ AT_REMOVEDIR, RUMP_AT_REMOVEDIR },
};

static const struct abi_pair at_link[] = {
	{ AT_SYMLINK_FOLLOW, RUMP_AT_SYMLINK_FOLLOW },
	{ AT_EMPTY_PATH, 0 },
};

static const struct abi_pair at_change[] = {
	{ AT_SYMLINK_NOFOLLOW, RUMP_AT_SYMLINK_NOFOLLOW },
	{ AT_EMPTY_PATH, 0 },
};

static const struct {
	const struct abi_pair *map;
	size_t n;
} at_kinds[] = {
	[ABI_AT_STAT] = { at_nofollow, ABI_NITEMS(at_nofollow) },
	[ABI_AT_ACCESS] = { at_access, ABI_NITEMS(at_access) },
	[ABI_AT_UNLINK] = { at_unlink, ABI_NITEMS(at_unlink) },
	[ABI_AT_LINK] = { at_link, ABI_NITEMS(at_link) },
	[ABI_AT_CHOWN] = { at_change, ABI_NITEMS(at_change) },
	[ABI_AT_UTIMENS] = { at_change, ABI_NITEMS(at_change) },
};

int
abi_at_to_netbsd(enum abi_at kind, int flags, int *out)
{
	uint32_t bits, rest;

	bits = abi_bits_to_netbsd(
	    at_kinds[kind].map, at_kinds[kind].n, (uint32_t)flags, &rest);
	if (rest != 0)
		return EINVAL;
	*out = (int)bits;
	return 0;
}
