/* SPDX-License-Identifier: BSD-2-Clause */
/* NetBSD's errors by the host's numbers. */
#ifndef RUMP_RUMPERRNO2HOST_H
#define RUMP_RUMPERRNO2HOST_H

#include <errno.h>

#include "rump/rumpdefs.h"

/* The names that both systems have: X(name) for each. */
/* clang-format off */
#define RUMP_ERRNO_SHARED(X) \
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

/* The host's errno of the same name; EINVAL if it has none. */
static inline int
rump_errno2host(int error)
{
#define RUMP_ERRNO_ENTRY_(name) [RUMP_##name] = name,
	static const unsigned char numbers[RUMP_ELAST + 1] = {
		RUMP_ERRNO_SHARED(RUMP_ERRNO_ENTRY_)[RUMP_ENOTSUP] = ENOTSUP,
	};
#undef RUMP_ERRNO_ENTRY_

	if (error == 0)
		return 0;
	if (error < 0 || error > RUMP_ELAST || numbers[error] == 0)
		return EINVAL;
	return numbers[error];
}

#endif /* !RUMP_RUMPERRNO2HOST_H */
