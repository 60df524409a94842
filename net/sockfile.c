/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file's O_NONBLOCK says whether a system call may wait; the socket's
 * SS_NBIO follows it, for the calls that take no flags.
 */
#include "net/sockfile.h"

#include "kern/clock.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "kern/signal.h"
#include "kern/uio.h"

static int
sockfile_read(
    struct file *fp, off_t *offp, struct uio *uio, kauth_cred_t cred, int flags)
{
	struct somsg sm;

	/* Nothing is asked for, so there is nothing to wait for. */
	if (uio->uio_resid == 0)
		return 0;
	sm.sm_from = NULL;
	sm.sm_control = NULL;
	sm.sm_controllen = 0;
	sm.sm_flags = sockfile_msgflags(fp);
	sm.sm_plain = true;
	return soreceivemsg(fp->f_data, uio, &sm);
}

int
sockfile_send(struct socket *so, struct uio *uio,
    const struct rump_sockaddr *to, const void *control, size_t controllen,
    int flags)
{
	int error = sosend(so, uio, to, control, controllen, flags);

	if (error == EPIPE && (flags & MSG_NOSIGNAL) == 0 &&
	    (so->so_options & SO_NOSIGPIPE) == 0)
		proc_signal(SIGPIPE);
	return error;
}

static int
sockfile_write(
    struct file *fp, off_t *offp, struct uio *uio, kauth_cred_t cred, int flags)
{
	return sockfile_send(
	    fp->f_data, uio, NULL, NULL, 0, sockfile_msgflags(fp));
}

static int
proto_ioctl(struct socket *so, unsigned long cmd, void *data)
{
	if (so->so_proto->pr_ioctl == NULL)
		return ENOTTY;
	return so->so_proto->pr_ioctl(so, cmd, data);
}

static int
set_nbio(struct socket *so, int *value)
{
	int error;

	error = proto_ioctl(so, FIONBIO, value);
	if (error != 0 && error != ENOTTY)
		return error;
	mutex_enter(&so->so_lock);
	if (*value != 0)
		so->so_state |= SS_NBIO;
	else
		so->so_state &= ~(uint32_t)SS_NBIO;
	mutex_exit(&so->so_lock);
	return 0;
}

static int
sockfile_ioctl(struct file *fp, unsigned long cmd, void *data)
{
	struct socket *so;
	int *value;
	int error;

	so = fp->f_data;
	value = data;
	if (cmd == FIONBIO)
		return set_nbio(so, value);
	error = proto_ioctl(so, cmd, data);
	if (error != ENOTTY || so->so_proto->pr_recv != NULL)
		return error;
	/* There is no SIGIO.  Said in a way that is not taken for
	 * indifference, see file_setflag(). */
	if (cmd == FIOASYNC)
		return *value != 0 ? EINVAL : 0;
	if (cmd != FIONREAD && cmd != FIONWRITE)
		return ENOTTY;
	mutex_enter(&so->so_lock);
	*value = (int)(cmd == FIONREAD ? so->so_rcv.sb_cc : so->so_snd.sb_cc);
	mutex_exit(&so->so_lock);
	return 0;
}

static int
sockfile_poll(struct file *fp, int events, struct selector *sel)
{
	return sopoll(fp->f_data, events, sel);
}

static int
sockfile_stat(struct file *fp, struct rump_stat *st)
{
	struct socket *so;

	so = fp->f_data;
	memset(st, 0, sizeof(*st));
	st->st_mode = S_IFSOCK | 0666;
	kauth_cred_owner(so->so_cred, st);
	mutex_enter(&so->so_lock);
	st->st_blksize = (int32_t)so->so_snd.sb_hiwat;
	mutex_exit(&so->so_lock);
	return so->so_proto->pr_stat != NULL ? so->so_proto->pr_stat(so, st)
					     : 0;
}

static int
sockfile_close(struct file *fp)
{
	soclose(fp->f_data);
	return 0;
}

static int
sockfile_hostfd(struct file *fp, int *fd)
{
	struct socket *so;

	so = fp->f_data;
	if (so->so_proto->pr_hostfd == NULL)
		return EOPNOTSUPP;
	return so->so_proto->pr_hostfd(so, fd);
}

static const struct fileops socket_fileops = {
	.fo_name = "socket",
	.fo_read = sockfile_read,
	.fo_write = sockfile_write,
	.fo_ioctl = sockfile_ioctl,
	.fo_poll = sockfile_poll,
	.fo_stat = sockfile_stat,
	.fo_close = sockfile_close,
	.fo_hostfd = sockfile_hostfd,
};

int
sockfile_get(int fd, struct file **fpp, struct socket **sop)
{
	struct file *fp;

	fp = fd_getfile(fd);
	if (fp == NULL)
		return EBADF;
	if (fp->f_ops != &socket_fileops) {
		fd_putfile(fp);
		return ENOTSOCK;
	}
	*fpp = fp;
	*sop = fp->f_data;
	return 0;
}

int
sockfile_reserve(struct file **fpp, int *fdp)
{
	return fd_allocfile(fpp, fdp);
}

void
sockfile_affix(struct file *fp, int fd, struct socket *so, int type_flags)
{
	uint32_t flag;

	if ((type_flags & SOCK_NOSIGPIPE) != 0)
		so->so_options |= SO_NOSIGPIPE;
	flag = FREAD | FWRITE;
	if ((type_flags & SOCK_NONBLOCK) != 0)
		flag |= O_NONBLOCK;
	fp->f_flag = flag;
	fp->f_ops = &socket_fileops;
	fp->f_type = DTYPE_SOCKET;
	fp->f_data = so;
	fd_affix(fp, fd, (type_flags & SOCK_CLOEXEC) != 0);
}

int
sockfile_msgflags(const struct file *fp)
{
	return (fp->f_flag & O_NONBLOCK) != 0 ? MSG_NBIO : 0;
}

int64_t
sockfile_deadline(const struct file *fp, const struct sockbuf *sb)
{
	int64_t timeo_ns;

	if ((fp->f_flag & O_NONBLOCK) != 0)
		return SO_DEADLINE_NOW;
	timeo_ns = sb->sb_timeo_ns;
	return timeo_ns != 0 ? uptime_ns() + timeo_ns : 0;
}
