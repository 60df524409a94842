/* SPDX-License-Identifier: BSD-2-Clause */
/* Every length here comes from a caller and is checked before it is used. */
#include "net/sockargs.h"

#include "kern/copy.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"

int
sockaddr_copyin(const void *uaddr, size_t len, struct rump_sockaddr_storage *ss)
{
	int error;

	if (len < offsetof(struct rump_sockaddr, sa_data) || len > sizeof(*ss))
		return EINVAL;
	memset(ss, 0, sizeof(*ss));
	error = copyin(uaddr, ss, len);
	if (error != 0)
		return error;
	/* The two-byte family of 4.3BSD, little endian; not an AF_UNSPEC whose
	 * length byte is right. */
	if (ss->ss_family == AF_UNSPEC && ss->ss_len < AF_MAX &&
	    ss->ss_len != len)
		ss->ss_family = ss->ss_len;
	ss->ss_len = (uint8_t)len;
	return 0;
}

int
sockaddr_copyout(const struct rump_sockaddr_storage *ss, void *uaddr,
    uint32_t size, uint32_t *lenp)
{
	uint32_t len;
	int error;

	len = MIN(size, MIN(ss->ss_len, sizeof(*ss)));
	error = copyout(ss, uaddr, len);
	if (error == 0)
		*lenp = len;
	return error;
}

int
sockaddr_copyout_len(
    const struct rump_sockaddr_storage *ss, void *uaddr, uint32_t *ulen)
{
	uint32_t len;
	int error;

	if (uaddr == NULL)
		return 0;
	error = copyin(ulen, &len, sizeof(len));
	if (error != 0)
		return error;
	if (len > INT32_MAX)
		return EINVAL;
	error = sockaddr_copyout(ss, uaddr, len, &len);
	if (error != 0)
		return error;
	return copyout(&len, ulen, sizeof(len));
}

static int
copyin_iovecs(struct message *mg, enum uio_rw rw)
{
	const struct rump_msghdr *hdr = &mg->mg_hdr;
	size_t count, i;
	int error;

	if (hdr->msg_iovlen < 0 || hdr->msg_iovlen > IOV_MAX)
		return EMSGSIZE;
	count = (size_t)hdr->msg_iovlen;
	if (count > NITEMS(mg->mg_fewiov))
		mg->mg_iov = kmem_alloc(count * sizeof(*mg->mg_iov), KM_SLEEP);
	error = copyin(hdr->msg_iov, mg->mg_iov, count * sizeof(*mg->mg_iov));
	if (error != 0)
		return error;
	for (i = 0; i < count; i++) {
		if (mg->mg_iov[i].iov_len > INT64_MAX - mg->mg_len)
			return EINVAL;
		mg->mg_len += mg->mg_iov[i].iov_len;
	}
	mg->mg_uio.uio_iov = mg->mg_iov;
	mg->mg_uio.uio_iovcnt = (int)count;
	mg->mg_uio.uio_offset = 0;
	mg->mg_uio.uio_resid = mg->mg_len;
	mg->mg_uio.uio_rw = rw;
	mg->mg_uio.uio_seg = UIO_USERSPACE;
	return 0;
}

static int
copyin_control(struct message *mg, enum uio_rw rw)
{
	size_t size;

	size = mg->mg_hdr.msg_controllen;
	if (mg->mg_hdr.msg_control == NULL || size == 0)
		return 0;
	if (rw == UIO_READ)
		size = MIN(size, SOCKARGS_CONTROL);
	else if (size > SOCKARGS_CONTROL)
		return EINVAL;
	mg->mg_control = kmem_zalloc(size, KM_SLEEP);
	mg->mg_controlsize = size;
	if (rw == UIO_READ)
		return 0;
	return copyin(mg->mg_hdr.msg_control, mg->mg_control, size);
}

int
message_copyin(const void *umsg, enum uio_rw rw, struct message *mg)
{
	int error;

	mg->mg_iov = mg->mg_fewiov;
	mg->mg_len = 0;
	mg->mg_control = NULL;
	mg->mg_controlsize = 0;
	error = copyin(umsg, &mg->mg_hdr, sizeof(mg->mg_hdr));
	if (error != 0)
		return error;
	/* Now, and not when there are data that would be lost. */
	if (mg->mg_hdr.msg_name != NULL && mg->mg_hdr.msg_namelen > INT32_MAX)
		error = EINVAL;
	if (error == 0)
		error = copyin_iovecs(mg, rw);
	if (error == 0 && rw == UIO_WRITE && mg->mg_hdr.msg_name != NULL)
		error = sockaddr_copyin(
		    mg->mg_hdr.msg_name, mg->mg_hdr.msg_namelen, &mg->mg_name);
	if (error == 0)
		error = copyin_control(mg, rw);
	if (error != 0)
		message_fini(mg);
	return error;
}

void
message_fini(struct message *mg)
{
	if (mg->mg_iov != mg->mg_fewiov)
		kmem_free(mg->mg_iov,
		    (size_t)mg->mg_hdr.msg_iovlen * sizeof(*mg->mg_iov));
	if (mg->mg_control != NULL)
		kmem_free(mg->mg_control, mg->mg_controlsize);
}
