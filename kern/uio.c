/* SPDX-License-Identifier: BSD-2-Clause */
#include "kern/uio.h"

#include "kern/copy.h"
#include "kern/libkern.h"

void
uio_init(struct uio *uio, struct rump_iovec *iov, void *buf, size_t len,
    off_t off, enum uio_rw rw, enum uio_seg seg)
{
	iov->iov_base = buf;
	iov->iov_len = len;
	uio->uio_iov = iov;
	uio->uio_iovcnt = 1;
	uio->uio_offset = off;
	uio->uio_resid = len;
	uio->uio_rw = rw;
	uio->uio_seg = seg;
	uio->uio_unseen = false;
}

/* Step over vectors that are used up. */
static void
skip_empty(struct uio *uio)
{
	while (uio->uio_iovcnt > 0 && uio->uio_iov->iov_len == 0) {
		uio->uio_iov++;
		uio->uio_iovcnt--;
	}
}

/* Advance within the first vector. */
static void
consume(struct uio *uio, size_t n)
{
	uio->uio_iov->iov_base = (char *)uio->uio_iov->iov_base + n;
	uio->uio_iov->iov_len -= n;
	uio->uio_resid -= n;
	uio->uio_offset += n;
}

static int
move(void *buf, size_t n, const struct uio *uio)
{
	void *base = uio->uio_iov->iov_base;

	if (uio->uio_seg == UIO_USERSPACE)
		return uio->uio_rw == UIO_READ ? copyout(buf, base, n)
					       : copyin(base, buf, n);
	if (uio->uio_rw == UIO_READ)
		memcpy(base, buf, n);
	else
		memcpy(buf, base, n);
	return 0;
}

int
uiomove(void *buf, size_t n, struct uio *uio)
{
	char *p = buf;
	size_t step;
	int error;

	n = MIN(n, uio->uio_resid);
	while (n > 0) {
		skip_empty(uio);
		KASSERT(uio->uio_iovcnt > 0);
		step = MIN(n, uio->uio_iov->iov_len);
		error = move(p, step, uio);
		if (error != 0)
			return error;
		consume(uio, step);
		p += step;
		n -= step;
	}
	return 0;
}

void
uio_advance(struct uio *uio, size_t n)
{
	size_t step;

	KASSERT(n <= uio->uio_resid);
	while (n > 0) {
		skip_empty(uio);
		KASSERT(uio->uio_iovcnt > 0);
		step = MIN(n, uio->uio_iov->iov_len);
		consume(uio, step);
		n -= step;
	}
}
