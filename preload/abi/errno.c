/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Both tables are made from one list of the names that the two systems share;
 * a few NetBSD names without a Linux twin follow.
 */
#include "preload/abi/errno.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/abi/map.h"
#include "rump/rumpdefs.h"
#include "rump/rumperrno2host.h"

#define TO_LINUX(name) [RUMP_##name] = name,
#define TO_NETBSD(name) [name] = RUMP_##name,
#define NAME(name) [name] = #name,

static const uint8_t to_linux[RUMP_ELAST + 1] = {
	RUMP_ERRNO_SHARED(TO_LINUX)[RUMP_EPROCLIM] = EAGAIN,
	[RUMP_EBADRPC] = EIO,
	[RUMP_ERPCMISMATCH] = EPROTONOSUPPORT,
	[RUMP_EPROGUNAVAIL] = EPROTONOSUPPORT,
	[RUMP_EPROGMISMATCH] = EPROTONOSUPPORT,
	[RUMP_EPROCUNAVAIL] = EOPNOTSUPP,
	[RUMP_EFTYPE] = EINVAL,
	[RUMP_EAUTH] = EACCES,
	[RUMP_ENEEDAUTH] = EACCES,
	[RUMP_ENOTSUP] = EOPNOTSUPP,
	[RUMP_ENOATTR] = ENODATA,
};

static const uint8_t to_netbsd[] = { RUMP_ERRNO_SHARED(TO_NETBSD) };

static const char *const names[] = { RUMP_ERRNO_SHARED(NAME) };

int
abi_errno_to_linux(int error)
{
	if (error == 0)
		return 0;
	if (error < 0 || (size_t)error >= ABI_NITEMS(to_linux) ||
	    to_linux[error] == 0)
		return EINVAL;
	return to_linux[error];
}

int
abi_errno_to_netbsd(int error)
{
	if (error == 0)
		return 0;
	if (error < 0 || (size_t)error >= ABI_NITEMS(to_netbsd) ||
	    to_netbsd[error] == 0)
		return RUMP_EINVAL;
	return to_netbsd[error];
}

const char *
abi_errno_name(int error)
{
	if (error < 0 || (size_t)error >= ABI_NITEMS(names))
		return NULL;
	return names[error];
}
