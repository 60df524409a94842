/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * errno translation by name.  Linux has names that NetBSD lacks; they become
 * EINVAL, as does a number that is none.
 */
#include "rumpuser/errtrans.h"

#include <assert.h>
#include <errno.h>

#include "rump/rumpdefs.h"

#define SAME(name) [name] = RUMP_##name

static const unsigned char errtrans_table[] = {
	SAME(EPERM),
	SAME(ENOENT),
	SAME(ESRCH),
	SAME(EINTR),
	SAME(EIO),
	SAME(ENXIO),
	SAME(E2BIG),
	SAME(ENOEXEC),
	SAME(EBADF),
	SAME(ECHILD),
	SAME(EDEADLK),
	SAME(ENOMEM),
	SAME(EACCES),
	SAME(EFAULT),
	SAME(ENOTBLK),
	SAME(EBUSY),
	SAME(EEXIST),
	SAME(EXDEV),
	SAME(ENODEV),
	SAME(ENOTDIR),
	SAME(EISDIR),
	SAME(EINVAL),
	SAME(ENFILE),
	SAME(EMFILE),
	SAME(ENOTTY),
	SAME(ETXTBSY),
	SAME(EFBIG),
	SAME(ENOSPC),
	SAME(ESPIPE),
	SAME(EROFS),
	SAME(EMLINK),
	SAME(EPIPE),
	SAME(EDOM),
	SAME(ERANGE),
	SAME(EAGAIN),
	SAME(EINPROGRESS),
	SAME(EALREADY),
	SAME(ENOTSOCK),
	SAME(EDESTADDRREQ),
	SAME(EMSGSIZE),
	SAME(EPROTOTYPE),
	SAME(ENOPROTOOPT),
	SAME(EPROTONOSUPPORT),
	SAME(ESOCKTNOSUPPORT),
	SAME(EOPNOTSUPP),
	SAME(EPFNOSUPPORT),
	SAME(EAFNOSUPPORT),
	SAME(EADDRINUSE),
	SAME(EADDRNOTAVAIL),
	SAME(ENETDOWN),
	SAME(ENETUNREACH),
	SAME(ENETRESET),
	SAME(ECONNABORTED),
	SAME(ECONNRESET),
	SAME(ENOBUFS),
	SAME(EISCONN),
	SAME(ENOTCONN),
	SAME(ESHUTDOWN),
	SAME(ETOOMANYREFS),
	SAME(ETIMEDOUT),
	SAME(ECONNREFUSED),
	SAME(ELOOP),
	SAME(ENAMETOOLONG),
	SAME(EHOSTDOWN),
	SAME(EHOSTUNREACH),
	SAME(ENOTEMPTY),
	SAME(EUSERS),
	SAME(EDQUOT),
	SAME(ESTALE),
	SAME(EREMOTE),
	SAME(ENOLCK),
	SAME(ENOSYS),
	SAME(EIDRM),
	SAME(ENOMSG),
	SAME(EOVERFLOW),
	SAME(EILSEQ),
	SAME(ECANCELED),
	SAME(EBADMSG),
	SAME(ENODATA),
	SAME(ENOSR),
	SAME(ENOSTR),
	SAME(ETIME),
	SAME(EMULTIHOP),
	SAME(ENOLINK),
	SAME(EPROTO),
};

static_assert(sizeof(errtrans_table) <= 134, "errno numbers of Linux");
static_assert(RUMP_ELAST <= 255, "fits the element type");
static_assert(
    EAGAIN == 11 && RUMP_EAGAIN == 35 && EDEADLK == 35 && RUMP_EDEADLK == 11,
    "below ERANGE the two that differ");
static_assert(
    EOPNOTSUPP == ENOTSUP && EWOULDBLOCK == EAGAIN, "one number, one entry");

int
rumpuser_component_errtrans(int hosterr)
{
	if (hosterr == 0)
		return 0;
	if (hosterr < 0 || hosterr >= (int)sizeof(errtrans_table) ||
	    errtrans_table[hosterr] == 0)
		return RUMP_EINVAL;
	return errtrans_table[hosterr];
}
