/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Socket options, and other calls that the host socket behind a rump socket
 * answers.  Options that both systems have go by NetBSD's names, with the value
 * translated; all others go by the host's, with the program's memory.
 */
#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "preload/abi/sockopt.h"
#include "preload/backend.h"
#include "preload/descriptor.h"
#include "preload/readiness.h"
#include "preload/route.h"
#include "preload/sockets.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumphostsock.h"
#include "syscall_table/linux_routes.h"

/* The longest value that the kernel takes. */
#define OPTION_MAX 1024

/*
 * With a server, the socket's host descriptor is here, too: what only the host
 * understands may point into the program's memory, and is done here.
 */
long
socket_call_here(struct rfile *rf, long nr, long a, long b, long d, long e)
{
	int hostfd;

	if (member_of_file(rf, &hostfd) != MEMBER_PROXY)
		return -EOPNOTSUPP;
	return HOST(nr, hostfd, a, b, d, e, 0);
}

/* An option of the host's: its level and name, and the program's memory.  len is
 * the fifth argument, size the value's. */
static long
host_option(
    struct call *c, struct rfile *rf, int num, int64_t len, int64_t size)
{
	int level = (int)c->arg[1];

	if (backend_state == BACKEND_SERVER || size > OPTION_MAX)
		return socket_call_here(rf,
		    num == RUMP_SYS_setsockopt ? SYS_setsockopt
					       : SYS_getsockopt,
		    level, c->arg[2], c->arg[3], len);
	/* One that nobody has is not to become one that somebody has. */
	if ((level & ~RUMP_SOL_HOST_MASK) != level || level < 0)
		level = ~RUMP_SOL_HOST_MASK & INT32_MAX;
	return fd_call(
	    c, rf, num, RUMP_SOL_HOST | level, (int)c->arg[2], c->arg[3], len);
}

static long
setsockopt_rump(struct call *c, struct rfile *rf)
{
	const struct abi_sockopt *so =
	    abi_sockopt_find((int)c->arg[1], (int)c->arg[2]);
	char in[ABI_SOCKOPT_MAX], out[ABI_SOCKOPT_MAX];
	int error, len = (int)c->arg[4];
	size_t outlen;

	if (len < 0)
		return -EINVAL;
	/* The kernel is to know of every timeout. */
	if (so != NULL && so->as_kind == ABI_SO_TIMEVAL &&
	    (size_t)len > so->as_size)
		len = (int)so->as_size;
	if (so == NULL || (size_t)len != so->as_size)
		return host_option(c, rf, RUMP_SYS_setsockopt, len, len);
	if (usercopy_in(in, (const void *)c->arg[3], so->as_size) != 0)
		return -EFAULT;
	error = abi_sockopt_set(so, in, out, &outlen);
	if (error != 0)
		return -error;
	return fd_call(c, rf, RUMP_SYS_setsockopt, so->as_netbsd_level,
	    so->as_netbsd_name, (int64_t)out, (int64_t)outlen);
}

static long
getsockopt_rump(struct call *c, struct rfile *rf)
{
	const struct abi_sockopt *so =
	    abi_sockopt_find((int)c->arg[1], (int)c->arg[2]);
	char in[ABI_SOCKOPT_MAX] = { 0 }, out[ABI_SOCKOPT_MAX];
	uint32_t room, len;
	long result;

	if (usercopy_in(&room, (const void *)c->arg[4], sizeof(room)) != 0)
		return -EFAULT;
	if ((int32_t)room < 0)
		return -EINVAL;
	if (so == NULL || room < so->as_size)
		return host_option(c, rf, RUMP_SYS_getsockopt, c->arg[4], room);
	len = (uint32_t)abi_sockopt_size(so);
	result = fd_call(c, rf, RUMP_SYS_getsockopt, so->as_netbsd_level,
	    so->as_netbsd_name, (int64_t)in, (int64_t)&len);
	if (result < 0)
		return result;
	len = (uint32_t)abi_sockopt_get(so, in, len, out, so->as_size);
	if (usercopy_out(out, (void *)c->arg[3], len) != 0 ||
	    usercopy_out(&len, (void *)c->arg[4], sizeof(len)) != 0)
		return -EFAULT;
	return 0;
}

long
socket_hostcall(struct call *c, struct rfile *rf, int kind)
{
	struct rump_hostcall hc = {
		.hc_kind = kind,
		.hc_request = (uint32_t)c->arg[1],
		.hc_arg = (uint64_t)c->arg[2],
	};
	long result;

	if (backend_state == BACKEND_SERVER)
		return socket_call_here(rf,
		    kind == RUMP_HOSTCALL_IOCTL ? SYS_ioctl : SYS_fcntl,
		    c->arg[1], c->arg[2], 0, 0);
	result =
	    fd_call(c, rf, RUMP_SYS_ioctl, RUMP_SIOCHOST, (int64_t)&hc, 0, 0);
	return result < 0 ? result : hc.hc_result;
}

static long
setsockopt_run(struct call *c)
{
	return fd_run(c, true, setsockopt_rump);
}
ROUTE(setsockopt, setsockopt_run)

static long
getsockopt_run(struct call *c)
{
	return fd_run(c, true, getsockopt_rump);
}
ROUTE(getsockopt, getsockopt_run)
