/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stream goes piece by piece, as long as whole pieces are moved, so that one
 * call does what it does for others: a send that waits sends everything, a
 * receive takes what is there unless it is told to wait for all of it.  A message
 * goes in one piece.
 */
#include "sockin/bounce.h"

#include "kern/copy.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "net/socketvar.h"

#define PIECE (64 * 1024)
/* Longer messages are none: the host says so of this length already. */
#define MESSAGE_MAX (256 * 1024)

bool
bounce_is_needed(const struct uio *uio)
{
	return uio->uio_seg == UIO_USERSPACE && curproc->p_vmspace != NULL;
}

static size_t
piece_size(const struct socket *so, const struct uio *uio)
{
	return MIN(uio->uio_resid,
	    (size_t)(so->so_type == SOCK_STREAM ? PIECE : MESSAGE_MAX));
}

/* Copy the first n bytes of uio, which stays where it is. */
static int
gather(const struct uio *uio, char *buf, size_t n)
{
	const struct rump_iovec *iov = uio->uio_iov;
	int error = 0;

	for (; n > 0 && error == 0; iov++) {
		size_t len = MIN(n, iov->iov_len);

		if (len > 0)
			error = copyin(iov->iov_base, buf, len);
		buf += len;
		n -= len;
	}
	return error;
}

/* Send up to n bytes; *moved: how many have been sent. */
static int
send_piece(bounce_send_func *func, struct socket *so, struct uio *uio,
    const struct rump_sockaddr *to, const void *control, size_t controllen,
    int flags, char *buf, size_t n)
{
	struct rump_iovec iov;
	struct uio piece;
	int error;

	error = gather(uio, buf, n);
	if (error != 0)
		return error;
	uio_init(&piece, &iov, buf, n, 0, UIO_WRITE, UIO_SYSSPACE);
	error = func(so, &piece, to, control, controllen, flags);
	uio_advance(uio, n - piece.uio_resid);
	return error;
}

int
bounce_send(bounce_send_func *func, struct socket *so, struct uio *uio,
    const struct rump_sockaddr *to, const void *control, size_t controllen,
    int flags)
{
	size_t size = piece_size(so, uio), n, before;
	char *buf = kmem_alloc(MAX(size, 1u), KM_SLEEP);
	int error;

	do {
		n = piece_size(so, uio);
		before = uio->uio_resid;
		error = send_piece(
		    func, so, uio, to, control, controllen, flags, buf, n);
		/* They go with the first byte. */
		to = NULL;
		control = NULL;
		controllen = 0;
	} while (error == 0 && so->so_type == SOCK_STREAM &&
		 uio->uio_resid > 0 && before - uio->uio_resid == n);
	kmem_free(buf, MAX(size, 1u));
	return error;
}

/* What is only thrown away does not come into the buffer. */
static bool
discards(const struct socket *so, int flags)
{
	return so->so_type == SOCK_STREAM && (flags & MSG_TRUNC) != 0;
}

static int
recv_piece(bounce_recv_func *func, struct socket *so, struct uio *uio,
    struct somsg *sm, char *buf, size_t n)
{
	bool discard = discards(so, sm->sm_flags);
	struct rump_iovec iov;
	struct uio piece;
	int error;

	uio_init(&piece, &iov, buf, n, 0, UIO_READ, UIO_SYSSPACE);
	error = func(so, &piece, sm);
	if (error == 0 && discard)
		uio_advance(uio, n - piece.uio_resid);
	else if (error == 0)
		error = uiomove(buf, n - piece.uio_resid, uio);
	return error;
}

static bool
wants_all(const struct socket *so, int flags)
{
	return so->so_type == SOCK_STREAM &&
	       (flags & (MSG_WAITALL | MSG_PEEK | MSG_DONTWAIT)) == MSG_WAITALL;
}

int
bounce_recv(bounce_recv_func *func, struct socket *so, struct uio *uio,
    struct somsg *sm)
{
	const struct somsg asked = *sm;
	size_t size = piece_size(so, uio), n, before;
	char *buf = kmem_alloc(MAX(size, 1u), KM_SLEEP);
	bool all = wants_all(so, sm->sm_flags);
	int error;

	do {
		*sm = asked;
		n = piece_size(so, uio);
		before = uio->uio_resid;
		error = recv_piece(func, so, uio, sm, buf, n);
	} while (error == 0 && all && uio->uio_resid > 0 &&
		 before - uio->uio_resid == n);
	kmem_free(buf, MAX(size, 1u));
	return error;
}
