/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What cannot be read is left to the host, which fails on it too.  The control
 * data are read where they lie; a program that changes them at the same time
 * passes a placeholder, on which everything fails with EBADF.
 */
#include "preload/rights.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "preload/fdmap.h"
#include "preload/route.h"
#include "preload/usercopy.h"

#define MESSAGES_MAX 1024 /* the host takes no more at a time */

static int
check_number(struct call *c, int fd)
{
	struct rfile *rf;
	int error;

	if (!fdmap_is_rump(fd))
		return 0;
	rf = fdmap_get_rump(fd, &error);
	if (rf == NULL)
		return error;
	(void)fdmap_put(rf);
	route_note(c, "a rump descriptor cannot be passed to a process");
	return EOPNOTSUPP;
}

static int
check_numbers(struct call *c, const char *at, size_t len)
{
	int fd, error = 0;

	for (; len >= sizeof(fd) && error == 0; len -= sizeof(fd)) {
		if (usercopy_in(&fd, at, sizeof(fd)) != 0)
			break;
		error = check_number(c, fd);
		at += sizeof(fd);
	}
	return error;
}

static int
check_control(struct call *c, const char *control, size_t size)
{
	struct cmsghdr ch;
	size_t at = 0;
	int error = 0;

	while (error == 0 && at <= size && size - at >= sizeof(ch)) {
		if (usercopy_in(&ch, control + at, sizeof(ch)) != 0 ||
		    ch.cmsg_len < sizeof(ch) || ch.cmsg_len > size - at)
			break;
		if (ch.cmsg_level == SOL_SOCKET && ch.cmsg_type == SCM_RIGHTS)
			error = check_numbers(c, control + at + CMSG_LEN(0),
			    ch.cmsg_len - CMSG_LEN(0));
		at += CMSG_ALIGN(ch.cmsg_len);
	}
	return error;
}

int
rights_check(struct call *c, long msg)
{
	struct msghdr mh;

	if (usercopy_in(&mh, (const void *)msg, sizeof(mh)) != 0 ||
	    mh.msg_control == NULL || mh.msg_controllen == 0)
		return 0;
	return check_control(c, mh.msg_control, mh.msg_controllen);
}

int
rights_check_all(struct call *c, long vec, unsigned n)
{
	int error = 0;

	for (unsigned i = 0; i < n && i < MESSAGES_MAX && error == 0; i++)
		error =
		    rights_check(c, vec + (long)(i * sizeof(struct mmsghdr)));
	return error;
}
