/* SPDX-License-Identifier: BSD-2-Clause */
/* The sender's side; the other one is audit.c. */
#include "preload/loadtable.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "preload/call.h"
#include "preload/text.h"

int
loadtable_open(struct loadtable *lt)
{
	long r = HOST(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
	    lt->lt_ends, 0, 0);

	lt->lt_len = 0;
	lt->lt_ncopies = 0;
	return (int)-r;
}

static int
send_message(struct loadtable *lt)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(LOAD_COPIES * sizeof(int))];
	} control;
	struct iovec iov = { lt->lt_text, lt->lt_len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cm = &control.align;
	size_t size = lt->lt_ncopies * sizeof(int);
	long n;

	if (lt->lt_len == 0)
		return 0;
	if (lt->lt_ncopies != 0) {
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(size);
		memcpy(CMSG_DATA(cm), lt->lt_copies, size);
		mh.msg_control = control.bytes;
		mh.msg_controllen = CMSG_SPACE(size);
	}
	n = HOST(SYS_sendmsg, lt->lt_ends[1], &mh, MSG_DONTWAIT | MSG_NOSIGNAL,
	    0, 0, 0);
	lt->lt_len = 0;
	lt->lt_ncopies = 0;
	return n >= 0 ? 0 : (int)-n;
}

static void
put_string(struct text *t, const char *s)
{
	text_put(t, s != NULL ? s : "");
	text_char(t, '\0');
}

/* False: there is no room. */
static bool
put_entry(struct loadtable *lt, const struct load_entry *le)
{
	struct text t;

	text_init(&t, lt->lt_text + lt->lt_len, LOAD_MESSAGE - lt->lt_len);
	text_char(&t, le->le_kind);
	put_string(&t, le->le_name);
	put_string(&t, le->le_path);
	put_string(&t, le->le_directory);
	text_udec(&t, le->le_device);
	text_char(&t, '\0');
	text_udec(&t, le->le_inode);
	text_char(&t, '\0');
	if (t.t_len + 1 >= t.t_size)
		return false;
	lt->lt_len += t.t_len;
	if (le->le_kind == LOAD_COPY)
		lt->lt_copies[lt->lt_ncopies++] = (int)le->le_copy;
	return true;
}

int
loadtable_put(struct loadtable *lt, const struct load_entry *le)
{
	int error;

	if (lt->lt_ncopies < LOAD_COPIES && put_entry(lt, le))
		return 0;
	error = send_message(lt);
	if (error != 0)
		return error;
	return put_entry(lt, le) ? 0 : ENAMETOOLONG;
}

void
loadtable_drop(struct loadtable *lt)
{
	HOST(SYS_close, lt->lt_ends[0], 0, 0, 0, 0, 0);
	HOST(SYS_close, lt->lt_ends[1], 0, 0, 0, 0, 0);
}

int
loadtable_close(struct loadtable *lt, long *fd)
{
	int error = send_message(lt);

	if (error != 0) {
		loadtable_drop(lt);
		return error;
	}
	HOST(SYS_close, lt->lt_ends[1], 0, 0, 0, 0, 0);
	*fd = lt->lt_ends[0];
	return 0;
}
