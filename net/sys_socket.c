/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls that make, name, connect and configure sockets.
 *
 * A call that makes a descriptor reserves it first, so that running out of
 * descriptors loses no connection.
 */
#include "kern/copy.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "net/sockargs.h"
#include "net/sockfile.h"
#include "rump/rumphostsock.h"
#include "syscall_table/sysprotos.h"

/* The longest value that an option may have. */
#define OPTION_MAX 1024

int
sys_socket(struct lwp *l, const struct sys_socket_args *uap, register_t *retval)
{
	struct socket *so;
	struct file *fp;
	int error, fd;

	error = sockfile_reserve(&fp, &fd);
	if (error != 0)
		return error;
	error = socreate_file(
	    uap->domain, &so, uap->type, uap->protocol, l->l_cred);
	if (error != 0)
		goto fail_abort;
	sockfile_affix(fp, fd, so, uap->type);
	*retval = fd;
	return 0;

fail_abort:
	fd_abort(fp, fd);
	return error;
}

/* Two connected sockets. */
static int
pair_create(
    struct lwp *l, const struct sys_socketpair_args *uap, struct socket *so[2])
{
	int error;

	error = socreate_file(
	    uap->domain, &so[0], uap->type, uap->protocol, l->l_cred);
	if (error != 0)
		return error;
	error = socreate_file(
	    uap->domain, &so[1], uap->type, uap->protocol, l->l_cred);
	if (error != 0)
		goto fail_first;
	error = soconnect2(so[0], so[1]);
	if (error != 0)
		goto fail_second;
	return 0;

fail_second:
	soclose(so[1]);
fail_first:
	soclose(so[0]);
	return error;
}

int
sys_socketpair(
    struct lwp *l, const struct sys_socketpair_args *uap, register_t *retval)
{
	struct socket *so[2];
	struct file *fp[2];
	int error, fd[2];

	error = sockfile_reserve(&fp[0], &fd[0]);
	if (error != 0)
		return error;
	error = sockfile_reserve(&fp[1], &fd[1]);
	if (error != 0)
		goto fail_first;
	error = pair_create(l, uap, so);
	if (error != 0)
		goto fail_second;
	error = copyout(fd, uap->rsv, sizeof(fd));
	if (error != 0)
		goto fail_close;
	sockfile_affix(fp[0], fd[0], so[0], uap->type);
	sockfile_affix(fp[1], fd[1], so[1], uap->type);
	return 0;

fail_close:
	soclose(so[1]);
	soclose(so[0]);
fail_second:
	fd_abort(fp[1], fd[1]);
fail_first:
	fd_abort(fp[0], fd[0]);
	return error;
}

int
sys_bind(struct lwp *l, const struct sys_bind_args *uap, register_t *retval)
{
	struct rump_sockaddr_storage ss;
	struct socket *so;
	struct file *fp;
	int error;

	error = sockaddr_copyin(uap->name, uap->namelen, &ss);
	if (error != 0)
		return error;
	error = sockfile_get(uap->s, &fp, &so);
	if (error != 0)
		return error;
	error = sobind(so, (struct rump_sockaddr *)&ss);
	fd_putfile(fp);
	return error;
}

int
sys_listen(struct lwp *l, const struct sys_listen_args *uap, register_t *retval)
{
	struct socket *so;
	struct file *fp;
	int error;

	error = sockfile_get(uap->s, &fp, &so);
	if (error != 0)
		return error;
	error = solisten(so, uap->backlog);
	fd_putfile(fp);
	return error;
}

int
sys_connect(
    struct lwp *l, const struct sys_connect_args *uap, register_t *retval)
{
	struct rump_sockaddr_storage ss;
	struct socket *so;
	struct file *fp;
	int64_t deadline_ns;
	int error;

	error = sockaddr_copyin(uap->name, uap->namelen, &ss);
	if (error != 0)
		return error;
	error = sockfile_get(uap->s, &fp, &so);
	if (error != 0)
		return error;
	deadline_ns = sockfile_deadline(fp, &so->so_snd);
	error = soconnect(so, (struct rump_sockaddr *)&ss, deadline_ns);
	/* With SO_SNDTIMEO the attempt goes on after the call; the call itself
	 * cannot be restarted, as its time would begin anew. */
	if (deadline_ns > 0 && error == ETIMEDOUT &&
	    (so->so_state & SS_ISCONNECTING) != 0)
		error = EINPROGRESS;
	if (deadline_ns > 0 && error == ERESTART)
		error = EINTR;
	fd_putfile(fp);
	return error;
}

/* Accept on so for the reserved descriptor newfd and tell the peer's name. */
static int
accept_to(struct file *fp, struct socket *so, struct file *newfp, int newfd,
    struct rump_sockaddr *name, uint32_t *anamelen, int type_flags)
{
	struct rump_sockaddr_storage peer;
	struct socket *newso;
	int64_t deadline_ns;
	int error;

	deadline_ns = sockfile_deadline(fp, &so->so_rcv);
	error = soaccept(so, &newso, &peer, deadline_ns,
	    SS_FILE | ((type_flags & SOCK_NONBLOCK) != 0 ? SS_NBIO : 0));
	if (error != 0)
		return deadline_ns > 0 && error == ERESTART ? EINTR : error;
	error = sockaddr_copyout_len(&peer, name, anamelen);
	if (error != 0) {
		soclose(newso);
		return error;
	}
	sockfile_affix(newfp, newfd, newso, type_flags);
	return 0;
}

/* What both calls share; inherit: the new file is non-blocking as the old. */
static int
do_accept(int s, struct rump_sockaddr *name, uint32_t *anamelen, int type_flags,
    bool inherit, register_t *retval)
{
	struct file *fp, *newfp;
	struct socket *so;
	int error, newfd;

	error = sockfile_get(s, &fp, &so);
	if (error != 0)
		return error;
	error = sockfile_reserve(&newfp, &newfd);
	if (error != 0)
		goto out;
	if (inherit && (fp->f_flag & O_NONBLOCK) != 0)
		type_flags |= SOCK_NONBLOCK;
	error = accept_to(fp, so, newfp, newfd, name, anamelen, type_flags);
	if (error != 0)
		fd_abort(newfp, newfd);
	else
		*retval = newfd;
out:
	fd_putfile(fp);
	return error;
}

int
sys_accept(struct lwp *l, const struct sys_accept_args *uap, register_t *retval)
{
	return do_accept(uap->s, uap->name, uap->anamelen, 0, true, retval);
}

int
sys_paccept(
    struct lwp *l, const struct sys_paccept_args *uap, register_t *retval)
{
	/* Signal masks are the host's: the mask is applied, if at all, by
	 * whoever owns the thread. */
	if (uap->mask != NULL)
		return EOPNOTSUPP;
	if ((uap->flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK | SOCK_NOSIGPIPE)) !=
	    0)
		return EINVAL;
	return do_accept(
	    uap->s, uap->name, uap->anamelen, uap->flags, false, retval);
}

int
sys_getsockname(
    struct lwp *l, const struct sys_getsockname_args *uap, register_t *retval)
{
	struct rump_sockaddr_storage ss;
	struct socket *so;
	struct file *fp;
	int error;

	error = sockfile_get(uap->fdes, &fp, &so);
	if (error != 0)
		return error;
	error = EOPNOTSUPP;
	if (so->so_proto->pr_sockaddr != NULL)
		error = so->so_proto->pr_sockaddr(so, &ss);
	if (error == 0)
		error = sockaddr_copyout_len(&ss, uap->asa, uap->alen);
	fd_putfile(fp);
	return error;
}

int
sys_getpeername(
    struct lwp *l, const struct sys_getpeername_args *uap, register_t *retval)
{
	struct rump_sockaddr_storage ss;
	struct socket *so;
	struct file *fp;
	int error;

	error = sockfile_get(uap->fdes, &fp, &so);
	if (error != 0)
		return error;
	error = EOPNOTSUPP;
	if (so->so_proto->pr_peeraddr != NULL)
		error = so->so_proto->pr_peeraddr(so, &ss);
	if (error == 0)
		error = sockaddr_copyout_len(&ss, uap->asa, uap->alen);
	fd_putfile(fp);
	return error;
}

int
sys_shutdown(
    struct lwp *l, const struct sys_shutdown_args *uap, register_t *retval)
{
	struct socket *so;
	struct file *fp;
	int error;

	error = sockfile_get(uap->s, &fp, &so);
	if (error != 0)
		return error;
	error = soshutdown(so, uap->how);
	fd_putfile(fp);
	return error;
}

int
sys_setsockopt(
    struct lwp *l, const struct sys_setsockopt_args *uap, register_t *retval)
{
	_Alignas(16) char value[OPTION_MAX];
	struct socket *so;
	struct file *fp;
	int error;

	if (uap->valsize > sizeof(value))
		return EINVAL;
	error = copyin(uap->val, value, uap->valsize);
	if (error != 0)
		return error;
	error = sockfile_get(uap->s, &fp, &so);
	if (error != 0)
		return error;
	error = sosetopt(so, uap->level, uap->name, value, uap->valsize);
	fd_putfile(fp);
	return error;
}

int
sys_getsockopt(
    struct lwp *l, const struct sys_getsockopt_args *uap, register_t *retval)
{
	_Alignas(16) char value[OPTION_MAX];
	struct socket *so;
	struct file *fp;
	size_t len;
	uint32_t size;
	int error;

	size = 0;
	error = 0;
	if (uap->val != NULL)
		error = copyin(uap->avalsize, &size, sizeof(size));
	if (error != 0)
		return error;
	error = sockfile_get(uap->s, &fp, &so);
	if (error != 0)
		return error;
	len = MIN(size, sizeof(value));
	/* Some of the host's options say in the value what is asked for. */
	if ((uap->level & RUMP_SOL_HOST_MASK) == RUMP_SOL_HOST)
		error = copyin(uap->val, value, len);
	if (error == 0)
		error = sogetopt(so, uap->level, uap->name, value, &len);
	fd_putfile(fp);
	if (error != 0 || uap->val == NULL)
		return error;
	error = copyout(value, uap->val, len);
	size = (uint32_t)len;
	if (error == 0)
		error = copyout(&size, uap->avalsize, sizeof(size));
	return error;
}
