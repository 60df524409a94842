/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What comes with the bytes of a message: descriptors, and who has sent it.  The
 * loop does nothing that may wait, so nothing is closed here: there is room for as
 * many descriptors as the host lets anybody send, or it would close the others
 * itself.
 *
 * The host takes the lowest number that is free: as long as the highest are, there
 * is room in the table, too, whatever other threads open meanwhile.  Where they are
 * not, a message is looked at first: what the look gives us we have, so that
 * receiving it closes nothing for good, and what there is no room for stays where
 * it is.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "sysproxy/server.h"
#include "sysproxy/server_lane.h"

#define FDS_MAX 253
#define PIDFD 0x04 /* SCM_PIDFD, for which whoever shares the socket can ask */

/* From a look, and from receiving what was looked at. */
struct rights {
	size_t ri_n;
	int ri_fds[2 * FDS_MAX];
};

static void
take_rights(const struct cmsghdr *cm, struct rights *ri)
{
	size_t n = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	memcpy(&ri->ri_fds[ri->ri_n], CMSG_DATA(cm), n * sizeof(int));
	ri->ri_n += n;
}

/* It says no more than the sender does. */
static void
drop_pidfd(const struct cmsghdr *cm, struct lane *ln)
{
	int fd;

	memcpy(&fd, CMSG_DATA(cm), sizeof(fd));
	if (fd >= 0)
		lane_close(ln, fd);
}

static void
take_sender(const struct cmsghdr *cm, struct sender *s)
{
	struct ucred uc;

	memcpy(&uc, CMSG_DATA(cm), sizeof(uc));
	*s = (struct sender){ true, uc.pid, uc.uid };
}

static bool
has_room(void)
{
	struct pollfd top[FDS_MAX];
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) != 0 || rl.rlim_cur < FDS_MAX)
		return false;
	for (int i = 0; i < FDS_MAX; i++)
		top[i] = (struct pollfd){ (int)rl.rlim_cur - 1 - i, 0, 0 };
	(void)poll(top, FDS_MAX, 0);
	for (int i = 0; i < FDS_MAX; i++)
		if (top[i].revents != POLLNVAL)
			return false;
	return true;
}

static ssize_t
receive(int fd, struct msghdr *mh, int flags, struct rights *ri,
    struct sender *s, struct lane *ln)
{
	union {
		struct cmsghdr hdr;
		char space[CMSG_SPACE(sizeof(struct ucred)) +
			   CMSG_SPACE(FDS_MAX * sizeof(int)) +
			   CMSG_SPACE(sizeof(int))];
	} control;
	struct cmsghdr *cm;
	ssize_t got;

	*s = (struct sender){ 0 };
	mh->msg_control = &control;
	mh->msg_controllen = sizeof(control);
	got = recvmsg(fd, mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | flags);
	if (got < 0)
		return got;
	for (cm = CMSG_FIRSTHDR(mh); cm != NULL; cm = CMSG_NXTHDR(mh, cm)) {
		if (cm->cmsg_level != SOL_SOCKET)
			continue;
		if (cm->cmsg_type == SCM_RIGHTS)
			take_rights(cm, ri);
		if (cm->cmsg_type == PIDFD)
			drop_pidfd(cm, ln);
		if (cm->cmsg_type == SCM_CREDENTIALS)
			take_sender(cm, s);
	}
	return got;
}

/* Whoever shares the socket may have said where a look begins. */
static ssize_t
look(int fd, struct msghdr *mh, struct rights *ri, struct lane *ln)
{
	const int begin = -1;
	struct sender s;
	ssize_t got;

	(void)setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &begin, sizeof(begin));
	got = receive(fd, mh, MSG_PEEK, ri, &s, ln);
	if (got < 0 || (mh->msg_flags & MSG_CTRUNC) == 0)
		return got;
	errno = EMFILE;
	return -1;
}

static ssize_t
receive_rights(int fd, struct iovec *iov, size_t n, int *right,
    struct sender *s, struct lane *ln, bool all)
{
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = n };
	struct rights ri;
	ssize_t got = 0;
	int error;

	ri.ri_n = 0;
	if (all && !has_room())
		got = look(fd, &mh, &ri, ln);
	if (got >= 0)
		got = receive(fd, &mh, 0, &ri, s, ln);
	error = errno;
	for (size_t i = 0; i < ri.ri_n; i++) {
		if (got >= 0 && *right < 0)
			*right = ri.ri_fds[i];
		else
			lane_close(ln, ri.ri_fds[i]);
	}
	errno = error;
	return got;
}

ssize_t
message_receive(int fd, struct iovec *iov, size_t n, int *right,
    struct sender *s, struct lane *ln)
{
	return receive_rights(fd, iov, n, right, s, ln, false);
}

ssize_t
message_receive_all(int fd, struct iovec *iov, size_t n, int *right,
    struct sender *s, struct lane *ln)
{
	return receive_rights(fd, iov, n, right, s, ln, true);
}
