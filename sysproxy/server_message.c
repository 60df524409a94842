/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What comes with the bytes of a message: descriptors, and who has sent it.  The
 * loop does nothing that may wait, so nothing is closed here: there is room for as
 * many descriptors as the host lets anybody send, or it would close the others
 * itself.
 */
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "sysproxy/server.h"

#define FDS_MAX 253

static void
take_rights(const struct cmsghdr *cm, int *right)
{
	size_t n = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	int fd;

	for (size_t i = 0; i < n; i++) {
		memcpy(&fd, CMSG_DATA(cm) + i * sizeof(fd), sizeof(fd));
		if (*right < 0)
			*right = fd;
		else
			received_close(fd);
	}
}

static void
take_sender(const struct cmsghdr *cm, struct sender *s)
{
	struct ucred uc;

	memcpy(&uc, CMSG_DATA(cm), sizeof(uc));
	*s = (struct sender){ true, uc.pid, uc.uid };
}

ssize_t
message_receive(
    int fd, struct iovec *iov, size_t n, int *right, struct sender *s)
{
	union {
		struct cmsghdr hdr;
		char space[CMSG_SPACE(sizeof(struct ucred)) +
			   CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control;
	struct msghdr mh = {
		.msg_iov = iov,
		.msg_iovlen = n,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cm;
	ssize_t got;

	*s = (struct sender){ 0 };
	got = recvmsg(fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (got < 0)
		return got;
	for (cm = CMSG_FIRSTHDR(&mh); cm != NULL; cm = CMSG_NXTHDR(&mh, cm)) {
		if (cm->cmsg_level != SOL_SOCKET)
			continue;
		if (cm->cmsg_type == SCM_RIGHTS)
			take_rights(cm, right);
		if (cm->cmsg_type == SCM_CREDENTIALS)
			take_sender(cm, s);
	}
	return got;
}
