/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptions of data on the move between the kernel and a caller. */
#ifndef KERN_UIO_H
#define KERN_UIO_H

#include "kern/types.h"
#include "rump/rumpabi.h"

enum uio_rw { UIO_READ, UIO_WRITE };          /* READ: kernel to caller */
enum uio_seg { UIO_USERSPACE, UIO_SYSSPACE }; /* whose addresses */

struct uio {
	struct rump_iovec *uio_iov; /* consumed as data moves */
	int uio_iovcnt;
	off_t uio_offset;
	size_t uio_resid;
	enum uio_rw uio_rw;
	enum uio_seg uio_seg;
	bool uio_unseen; /* a directory does not note the access */
};

/* Describe one buffer; iov is the caller's storage and must outlive uio. */
void uio_init(struct uio *uio, struct rump_iovec *iov, void *buf, size_t len,
    off_t off, enum uio_rw rw, enum uio_seg seg);
/*
 * Move min(n, uio_resid) bytes between buf and uio and advance uio.
 * Returns 0 or EFAULT (what moved before the fault stays accounted).
 */
int uiomove(void *buf, size_t n, struct uio *uio);
/*
 * Copy in n vectors (0 < n <= IOV_MAX).  0 and the sum of their lengths, or
 * EFAULT, or EINVAL when that exceeds INT64_MAX.
 */
int iovec_copyin(
    const struct rump_iovec *uiov, int n, struct rump_iovec *iov, size_t *lenp);
/* Advance uio by n bytes (n <= uio_resid) that moved by other means. */
void uio_advance(struct uio *uio, size_t n);

#endif /* !KERN_UIO_H */
