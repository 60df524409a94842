/* SPDX-License-Identifier: BSD-2-Clause */
#include "sockin/user_capture.h"

#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>

#include "rump/rumpdefs.h"
#include "rump/rumpuser.h"
#include "rump/rumpuser_host.h"
#include "sockin/user_translate.h"

#define host_call(nr, a, b, c, d)                                              \
	rumpuser_host_syscall((nr), (a), (b), (c), (d), 0, 0)

static int
result_error(long r)
{
	return r < 0 ? rumpuser_component_errtrans((int)-r) : 0;
}

int
rumpcomp_sockin_capture_open(const char *path, int *fd, bool *empty)
{
	struct stat st;
	int error;
	long r;

	/* Not blocking: it might be a fifo. */
	r = host_call(SYS_open, path,
	    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
	    0666, 0);
	if (r < 0)
		return result_error(r);
	*fd = (int)r;
	r = host_call(SYS_fstat, *fd, &st, 0, 0);
	error = result_error(r);
	if (error == 0 && !S_ISREG(st.st_mode))
		error = RUMP_EFTYPE;
	if (error != 0) {
		host_call(SYS_close, *fd, 0, 0, 0);
		return error;
	}
	*empty = st.st_size == 0;
	r = rumpuser_hostops.ho_fd_hide(*fd);
	if (r < 0)
		return result_error(r);
	*fd = (int)r;
	return 0;
}

/* A write across RLIMIT_FSIZE would raise a signal in the program. */
static bool
within_limit(int fd, size_t len)
{
	struct rlimit rl;
	struct stat st;

	if (rumpuser_host_syscall(
		SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &rl, 0, 0) < 0 ||
	    rl.rlim_cur == RLIM_INFINITY)
		return true;
	return host_call(SYS_fstat, fd, &st, 0, 0) == 0 &&
	       (rlim_t)st.st_size <= rl.rlim_cur &&
	       len <= rl.rlim_cur - (rlim_t)st.st_size;
}

/* Take back what was written of a piece of which not all was. */
static void
take_back(int fd, long written)
{
	long end = host_call(SYS_lseek, fd, 0, SEEK_CUR, 0);

	if (end >= written)
		(void)host_call(SYS_ftruncate, fd, end - written, 0, 0);
}

int
rumpcomp_sockin_capture_write(
    int fd, const struct rump_iovec *iov, int iovcnt, size_t len)
{
	long r;

	if (!within_limit(fd, len))
		return RUMP_EFBIG;
	do {
		r = host_call(SYS_writev, fd, iov, iovcnt, 0);
	} while (r == -EINTR);
	if (r < 0)
		return result_error(r);
	if ((size_t)r == len)
		return 0;
	take_back(fd, r);
	return RUMP_ENOSPC;
}

void
rumpcomp_sockin_capture_close(int fd)
{
	rumpuser_hostops.ho_fd_close(fd);
}

static int
route_source(int fd, const struct rump_sockaddr *peer, struct rump_sockaddr *sa,
    int *len)
{
	struct sockaddr_storage hs;
	socklen_t hlen;
	int error;
	long r;

	error = sockin_addr_to_host(peer, peer->sa_len, &hs, &hlen);
	if (error != 0)
		return error;
	/* To connect a datagram socket sends nothing. */
	r = host_call(SYS_connect, fd, &hs, hlen, 0);
	if (r < 0)
		return result_error(r);
	hlen = sizeof(hs);
	r = host_call(SYS_getsockname, fd, &hs, &hlen, 0);
	if (r < 0)
		return result_error(r);
	*len = sockin_addr_from_host(&hs, hlen, sa, *len);
	return 0;
}

int
rumpcomp_sockin_capture_source(
    const struct rump_sockaddr *peer, struct rump_sockaddr *sa, int *len)
{
	int error;
	long fd;

	fd = host_call(SYS_socket, sockin_family_to_host(peer->sa_family),
	    SOCK_DGRAM | SOCK_CLOEXEC, 0, 0);
	if (fd < 0)
		return result_error(fd);
	error = route_source((int)fd, peer, sa, len);
	host_call(SYS_close, fd, 0, 0, 0);
	return error;
}

static bool
get_option(int fd, int level, int name, void *val, socklen_t len)
{
	return rumpuser_host_syscall(
		   SYS_getsockopt, fd, level, name, val, &len, 0) == 0;
}

bool
rumpcomp_sockin_capture_abrupt(int fd)
{
	struct linger l;
	int unread;

	if (get_option(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)) &&
	    l.l_onoff != 0 && l.l_linger == 0)
		return true;
	return host_call(SYS_ioctl, fd, FIONREAD, &unread, 0) == 0 &&
	       unread > 0;
}

bool
rumpcomp_sockin_capture_hdrincl(int fd)
{
	int value;

	return get_option(fd, IPPROTO_IP, IP_HDRINCL, &value, sizeof(value)) &&
	       value != 0;
}
