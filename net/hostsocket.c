/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets around sockets of the host that are there already: made by a process
 * in a network that is not the kernel's own, or by an image before this one.
 */
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "net/sockfile.h"
#include "rump/rump.h"
#include "rump/rumphost.h"

static int
adopt(int family, int type, int protocol, int hostfd, int *rumpfd)
{
	struct socket *so;
	struct file *fp;
	int error, fd;

	error = sockfile_reserve(&fp, &fd);
	if (error != 0)
		return error;
	error =
	    soadopt_file(family, &so, type, protocol, curlwp->l_cred, hostfd);
	if (error != 0)
		goto fail_abort;
	sockfile_affix(fp, fd, so, type);
	*rumpfd = fd;
	return 0;

fail_abort:
	fd_abort(fp, fd);
	return error;
}

int
rump_hostsocket(int family, int type, int protocol, int hostfd, int *rumpfd)
{
	int error;

	rump_schedule();
	error = adopt(family, type, protocol, hostfd, rumpfd);
	rump_unschedule();
	return error;
}
