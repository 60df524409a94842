/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls that move data through sockets.  Data go straight between the
 * protocol and the caller's buffers; only headers, addresses and control data
 * are copied here.
 */
#include "kern/clock.h"
#include "kern/copy.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "net/sockargs.h"
#include "net/sockfile.h"
#include "syscall_table/sysprotos.h"

#define MMSG_MAX 1024 /* messages in one recvmmsg() or sendmmsg() */

/* As rump_msghdr, with the length of the message behind it. */
struct mmsghdr {
	struct rump_msghdr msg_hdr;
	uint32_t msg_len;
};
_Static_assert(sizeof(struct mmsghdr) == 56, "NetBSD struct mmsghdr");

static int
buffer_uio(struct uio *uio, struct rump_iovec *iov, const void *buf, size_t len,
    enum uio_rw rw)
{
	if (len > INT64_MAX)
		return EINVAL;
	uio_init(uio, iov, (void *)buf, len, 0, rw, UIO_USERSPACE);
	return 0;
}

/* What a receive answers: with MSG_TRUNC the length that the message had. */
static register_t
result_length(const struct somsg *sm, int flags, size_t moved)
{
	return (register_t)((flags & MSG_TRUNC) != 0 ? MAX(sm->sm_whole, moved)
						     : moved);
}

int
sys_sendto(struct lwp *l, const struct sys_sendto_args *uap, register_t *retval)
{
	struct rump_sockaddr_storage ss;
	struct rump_sockaddr *to;
	struct rump_iovec iov;
	struct socket *so;
	struct file *fp;
	struct uio uio;
	int error;

	error = buffer_uio(&uio, &iov, uap->buf, uap->len, UIO_WRITE);
	if (error != 0)
		return error;
	to = NULL;
	if (uap->to != NULL) {
		error = sockaddr_copyin(uap->to, uap->tolen, &ss);
		if (error != 0)
			return error;
		to = (struct rump_sockaddr *)&ss;
	}
	error = sockfile_get(uap->s, &fp, &so);
	if (error != 0)
		return error;
	error = sockfile_send(so, &uio, to, NULL, 0,
	    (uap->flags & MSG_USERFLAGS) | sockfile_msgflags(fp));
	fd_putfile(fp);
	if (error == 0)
		*retval = (register_t)(uap->len - uio.uio_resid);
	return error;
}

int
sys_recvfrom(
    struct lwp *l, const struct sys_recvfrom_args *uap, register_t *retval)
{
	struct rump_sockaddr_storage from;
	struct rump_iovec iov;
	struct socket *so;
	struct file *fp;
	struct somsg sm;
	struct uio uio;
	int error;

	error = buffer_uio(&uio, &iov, uap->buf, uap->len, UIO_READ);
	if (error != 0)
		return error;
	error = sockfile_get(uap->s, &fp, &so);
	if (error != 0)
		return error;
	sm.sm_from = uap->from != NULL ? &from : NULL;
	sm.sm_control = NULL;
	sm.sm_controllen = 0;
	sm.sm_flags = (uap->flags & MSG_USERFLAGS) | sockfile_msgflags(fp);
	sm.sm_plain = true;
	error = soreceivemsg(so, &uio, &sm);
	fd_putfile(fp);
	if (error == 0)
		error =
		    sockaddr_copyout_len(&from, uap->from, uap->fromlenaddr);
	if (error == 0)
		*retval =
		    result_length(&sm, uap->flags, uap->len - uio.uio_resid);
	return error;
}

/* Send the message at umsg. */
static int
send_message(struct socket *so, const void *umsg, int flags, size_t *sent)
{
	struct rump_sockaddr *to;
	struct message mg;
	int error;

	error = message_copyin(umsg, UIO_WRITE, &mg);
	if (error != 0)
		return error;
	to = mg.mg_hdr.msg_name != NULL ? (struct rump_sockaddr *)&mg.mg_name
					: NULL;
	error = sockfile_send(
	    so, &mg.mg_uio, to, mg.mg_control, mg.mg_controlsize, flags);
	if (error == 0)
		*sent = mg.mg_len - mg.mg_uio.uio_resid;
	message_fini(&mg);
	return error;
}

/* Tell the caller what came with the data. */
static int
copyout_message(struct message *mg, void *umsg, const struct somsg *sm)
{
	struct rump_msghdr *hdr = &mg->mg_hdr;
	int error;

	if (hdr->msg_name != NULL) {
		error = sockaddr_copyout(&mg->mg_name, hdr->msg_name,
		    hdr->msg_namelen, &hdr->msg_namelen);
		if (error != 0)
			return error;
	}
	if (mg->mg_control != NULL && sm->sm_controllen > 0) {
		error = copyout(
		    mg->mg_control, hdr->msg_control, sm->sm_controllen);
		if (error != 0)
			return error;
	}
	hdr->msg_controllen = (uint32_t)sm->sm_controllen;
	hdr->msg_flags = sm->sm_flags & MSG_USERFLAGS;
	return copyout(hdr, umsg, sizeof(*hdr));
}

/* Receive into the message at umsg. */
static int
receive_message(struct socket *so, void *umsg, int flags, size_t *received)
{
	struct message mg;
	struct somsg sm;
	int error;

	error = message_copyin(umsg, UIO_READ, &mg);
	if (error != 0)
		return error;
	sm.sm_from = mg.mg_hdr.msg_name != NULL ? &mg.mg_name : NULL;
	sm.sm_control = mg.mg_control;
	sm.sm_controllen = mg.mg_controlsize;
	sm.sm_flags = flags;
	sm.sm_plain = false;
	error = soreceivemsg(so, &mg.mg_uio, &sm);
	if (error == 0)
		error = copyout_message(&mg, umsg, &sm);
	if (error == 0)
		*received = (size_t)result_length(
		    &sm, flags, mg.mg_len - mg.mg_uio.uio_resid);
	message_fini(&mg);
	return error;
}

int
sys_sendmsg(
    struct lwp *l, const struct sys_sendmsg_args *uap, register_t *retval)
{
	struct socket *so;
	struct file *fp;
	size_t sent;
	int error;

	error = sockfile_get(uap->s, &fp, &so);
	if (error != 0)
		return error;
	error = send_message(so, uap->msg,
	    (uap->flags & MSG_USERFLAGS) | sockfile_msgflags(fp), &sent);
	fd_putfile(fp);
	if (error == 0)
		*retval = (register_t)sent;
	return error;
}

int
sys_recvmsg(
    struct lwp *l, const struct sys_recvmsg_args *uap, register_t *retval)
{
	struct socket *so;
	struct file *fp;
	size_t received;
	int error;

	error = sockfile_get(uap->s, &fp, &so);
	if (error != 0)
		return error;
	error = receive_message(so, uap->msg,
	    (uap->flags & MSG_USERFLAGS) | sockfile_msgflags(fp), &received);
	fd_putfile(fp);
	if (error == 0)
		*retval = (register_t)received;
	return error;
}

/* um: an address of the caller's, which need not be one at all. */
typedef int one_message_t(struct socket *so, uintptr_t um, int flags);

static void *
ulen(uintptr_t um)
{
	return (void *)(um + offsetof(struct mmsghdr, msg_len));
}

static int
send_one(struct socket *so, uintptr_t um, int flags)
{
	uint32_t len;
	size_t sent;
	int error;

	error = send_message(so, (void *)um, flags, &sent);
	if (error != 0)
		return error;
	len = (uint32_t)MIN(sent, UINT32_MAX);
	return copyout(&len, ulen(um), sizeof(len));
}

static int
receive_one(struct socket *so, uintptr_t um, int flags)
{
	size_t received;
	uint32_t len;
	int error;

	error = receive_message(so, (void *)um, flags, &received);
	if (error != 0)
		return error;
	len = (uint32_t)MIN(received, UINT32_MAX);
	return copyout(&len, ulen(um), sizeof(len));
}

/*
 * Move up to vlen messages, until one fails or the deadline (0 none) has
 * passed.  An error after the first message is left for the next call; one of
 * sending comes again by itself.
 */
static int
many_messages(int s, struct mmsghdr *um, unsigned vlen, unsigned uflags,
    int64_t deadline_ns, one_message_t *one, register_t *retval)
{
	struct socket *so;
	struct file *fp;
	unsigned n;
	int error, flags;

	error = sockfile_get(s, &fp, &so);
	if (error != 0)
		return error;
	flags = (int)(uflags & MSG_USERFLAGS & ~(unsigned)MSG_WAITFORONE) |
		sockfile_msgflags(fp);
	vlen = MIN(vlen, MMSG_MAX);
	for (n = 0; n < vlen; n++) {
		error = one(so, (uintptr_t)um + n * sizeof(*um), flags);
		if (error != 0)
			break;
		if ((uflags & MSG_WAITFORONE) != 0)
			flags |= MSG_DONTWAIT;
		if (deadline_ns != 0 && uptime_ns() >= deadline_ns) {
			n++;
			break;
		}
	}
	if (n > 0 && one == receive_one)
		sokeeperror(so, error);
	fd_putfile(fp);
	if (n == 0)
		return error;
	*retval = n;
	return 0;
}

int
sys_sendmmsg(
    struct lwp *l, const struct sys_sendmmsg_args *uap, register_t *retval)
{
	return many_messages(
	    uap->s, uap->mmsg, uap->vlen, uap->flags, 0, send_one, retval);
}

int
sys_recvmmsg(
    struct lwp *l, const struct sys_recvmmsg_args *uap, register_t *retval)
{
	struct rump_timespec ts;
	int64_t deadline_ns;
	int error;

	deadline_ns = 0;
	if (uap->timeout != NULL) {
		error = copyin(uap->timeout, &ts, sizeof(ts));
		if (error != 0)
			return error;
		if (ts.tv_sec < 0 || ts.tv_nsec < 0 || ts.tv_nsec >= 1000000000)
			return EINVAL;
		ts.tv_sec = MIN(ts.tv_sec, INT32_MAX);
		deadline_ns = uptime_ns() + ts.tv_sec * 1000000000 + ts.tv_nsec;
	}
	return many_messages(uap->s, uap->mmsg, uap->vlen, uap->flags,
	    deadline_ns, receive_one, retval);
}
