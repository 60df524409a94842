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

/* clang-format off */
#define SHARED_NAMES(X) \
	X(EPERM) X(ENOENT) X(ESRCH) X(EINTR) \
	X(EIO) X(ENXIO) X(E2BIG) X(ENOEXEC) \
	X(EBADF) X(ECHILD) X(ENOMEM) X(EACCES) \
	X(EFAULT) X(ENOTBLK) X(EBUSY) X(EEXIST) \
	X(EXDEV) X(ENODEV) X(ENOTDIR) X(EISDIR) \
	X(EINVAL) X(ENFILE) X(EMFILE) X(ENOTTY) \
	X(ETXTBSY) X(EFBIG) X(ENOSPC) X(ESPIPE) \
	X(EROFS) X(EMLINK) X(EPIPE) X(EDOM) \
	X(ERANGE) X(EAGAIN) X(EDEADLK) X(EINPROGRESS) \
	X(EALREADY) X(ENOTSOCK) X(EDESTADDRREQ) X(EMSGSIZE) \
	X(EPROTOTYPE) X(ENOPROTOOPT) X(EPROTONOSUPPORT) X(ESOCKTNOSUPPORT) \
	X(EOPNOTSUPP) X(EPFNOSUPPORT) X(EAFNOSUPPORT) X(EADDRINUSE) \
	X(EADDRNOTAVAIL) X(ENETDOWN) X(ENETUNREACH) X(ENETRESET) \
	X(ECONNABORTED) X(ECONNRESET) X(ENOBUFS) X(EISCONN) \
	X(ENOTCONN) X(ESHUTDOWN) X(ETOOMANYREFS) X(ETIMEDOUT) \
	X(ECONNREFUSED) X(ELOOP) X(ENAMETOOLONG) X(EHOSTDOWN) \
	X(EHOSTUNREACH) X(ENOTEMPTY) X(EUSERS) X(EDQUOT) \
	X(ESTALE) X(EREMOTE) X(ENOLCK) X(ENOSYS) \
	X(EIDRM) X(ENOMSG) X(EOVERFLOW) X(EILSEQ) \
	X(ECANCELED) X(EBADMSG) X(ENODATA) X(ENOSR) \
	X(ENOSTR) X(ETIME) X(EMULTIHOP) X(ENOLINK) \
	X(EPROTO)
/* clang-format on */

#define TO_LINUX(name) [RUMP_##name] = name,
#define TO_NETBSD(name) [name] = RUMP_##name,
#define NAME(name) [name] = #name,

static const uint8_t to_linux[RUMP_ELAST + 1] = {
	SHARED_NAMES(TO_LINUX)[RUMP_EPROCLIM] = EAGAIN,
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

static const uint8_t to_netbsd[] = { SHARED_NAMES(TO_NETBSD) };

static const char *const names[] = { SHARED_NAMES(NAME) };

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
