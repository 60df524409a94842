/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending: the headers and control data are copied, with tokens in place of
 * rump descriptors, and the host sends the copy.  Receiving: the host receives
 * into the program's memory, and each number there that is a token becomes that
 * of a rump file.  A number may be looked at several times (MSG_PEEK); tokens
 * are not used up.
 *
 * What cannot be read is left to the host, which fails on it too.  Whether there
 * is anything to replace is looked up where the data lie; a program that changes
 * them at the same time passes a placeholder, on which everything fails with
 * EBADF.
 */
#include "preload/rights.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "preload/backend.h"
#include "preload/fdalias.h"
#include "preload/fdmap.h"
#include "preload/hidden.h"
#include "preload/namespace.h"
#include "preload/readiness.h"
#include "preload/remote.h"
#include "preload/route.h"
#include "preload/unixname.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "syscall_table/linux_routes.h"

#define MESSAGES_MAX 1024 /* the host takes no more at a time */
/* More control data with a rump descriptor among them are not sent: the host
 * passes 253 descriptors. */
#define CONTROL_MAX 2048

/* --- walking through control data --------------------------------------- */

/* Call fn for each descriptor in control data; until it does not return 0. */
static int
each_number(struct call *c, char *control, size_t size,
    int (*fn)(struct call *c, char *at, int fd, void *arg), void *arg)
{
	struct cmsghdr ch;
	size_t at = 0, i;
	int fd, error = 0;

	while (error == 0 && at <= size && size - at >= sizeof(ch)) {
		if (usercopy_in(&ch, control + at, sizeof(ch)) != 0 ||
		    ch.cmsg_len < sizeof(ch) || ch.cmsg_len > size - at)
			break;
		for (i = CMSG_LEN(0);
		     ch.cmsg_level == SOL_SOCKET &&
		     ch.cmsg_type == SCM_RIGHTS &&
		     i + sizeof(fd) <= ch.cmsg_len && error == 0;
		     i += sizeof(fd)) {
			if (usercopy_in(&fd, control + at + i, sizeof(fd)) == 0)
				error = fn(c, control + at + i, fd, arg);
		}
		at += CMSG_ALIGN(ch.cmsg_len);
	}
	return error;
}

static const void *
header_at(long vec, unsigned i, bool many)
{
	return (const void *)(vec + (long)(many * i * sizeof(struct mmsghdr)));
}

static bool
read_header(const void *from, struct msghdr *mh)
{
	return usercopy_in(mh, from, sizeof(*mh)) == 0 &&
	       mh->msg_control != NULL && mh->msg_controllen != 0;
}

static unsigned
count_of(const struct call *c, bool many)
{
	unsigned n = many ? (unsigned)c->arg[2] : 1;

	return n < MESSAGES_MAX ? n : MESSAGES_MAX;
}

/* --- sending ------------------------------------------------------------ */

/* In waitmem; headers and control data behind it. */
struct outgoing {
	long og_vec; /* the program's */
	unsigned og_n, og_ntokens, og_maxtokens;
	struct mmsghdr *og_headers;
	char *og_control;
	int og_tokens[];
};

static int
check_file(struct call *c, const struct rfile *rf)
{
	const char *why = NULL;

	if (backend_state != BACKEND_SERVER)
		why = "a rump descriptor cannot be passed to a process";
	else if (rf->rf_path_only || rf->rf_kind == RF_NAME)
		why = "a rump O_PATH descriptor cannot be passed to a process";
	if (why != NULL)
		route_note(c, why);
	return why != NULL ? EOPNOTSUPP : 0;
}

/* arg: counts what has to be replaced. */
static int
check_number(struct call *c, char *at, int fd, void *arg)
{
	struct rfile *rf;
	int error;

	if (!fdmap_is_rump(fd))
		return 0;
	fd = (int)fdalias_resolve(fd);
	rf = fdmap_get_rump(fd, &error);
	if (rf == NULL) {
		*(unsigned *)arg += error == 0;
		return error;
	}
	error = check_file(c, rf);
	(void)fdmap_put(rf);
	++*(unsigned *)arg;
	return error;
}

static int
check_all(struct call *c, bool many, unsigned *count)
{
	unsigned n = count_of(c, many);
	struct msghdr mh;
	int error = 0;

	*count = 0;
	for (unsigned i = 0; i < n && error == 0; i++) {
		if (read_header(header_at(c->arg[1], i, many), &mh))
			error = each_number(c, mh.msg_control,
			    mh.msg_controllen, check_number, count);
	}
	return error;
}

/* The descriptor at `at' is in our copy. */
static int
replace_number(struct call *c, char *at, int fd, void *arg)
{
	struct outgoing *og = arg;
	struct rfile *rf;
	int error, token = -1;
	long hidden;

	fd = (int)fdalias_resolve(fd);
	rf = fdmap_get_rump(fd, &error);
	if (rf == NULL) {
		*(int *)(void *)at = fd;
		return error;
	}
	error = og->og_ntokens < og->og_maxtokens ? check_file(c, rf)
						  : ETOOMANYREFS;
	if (error == 0)
		error = remote_export(rf->rf_fd, &token);
	(void)fdmap_put(rf);
	if (error != 0)
		return error;
	hidden = hidden_take(token);
	if (hidden < 0)
		return (int)-hidden;
	og->og_tokens[og->og_ntokens++] = (int)hidden;
	*(int *)(void *)at = (int)hidden;
	return 0;
}

static int
has_rump(struct call *c, char *at, int fd, void *arg)
{
	return fdmap_is_rump(fd);
}

/* Header i, which may be sent as it is. */
static int
prepare(struct call *c, struct outgoing *og, unsigned i)
{
	struct msghdr *mh = &og->og_headers[i].msg_hdr;
	char *copy = og->og_control + (size_t)i * CONTROL_MAX;
	size_t size = mh->msg_controllen;

	if (mh->msg_control == NULL || size == 0 ||
	    each_number(c, mh->msg_control, size, has_rump, NULL) == 0)
		return 0;
	if (size > CONTROL_MAX)
		return ENOBUFS;
	if (usercopy_in(copy, mh->msg_control, size) != 0)
		return EFAULT;
	mh->msg_control = copy;
	return each_number(c, copy, size, replace_number, og);
}

static void
outgoing_end(struct outgoing *og)
{
	for (unsigned i = 0; i < og->og_ntokens; i++)
		hidden_close(og->og_tokens[i]);
	waitmem_put(og);
}

/* The first result messages have gone: tell their lengths. */
static long
sent(struct call *c)
{
	struct outgoing *og = (struct outgoing *)c->scratch[5];
	struct mmsghdr *mm = (struct mmsghdr *)og->og_vec;
	bool many = c->nr == SYS_sendmmsg;

	for (long i = 0; many && i < c->result && i < og->og_n; i++)
		(void)usercopy_out(&og->og_headers[i].msg_len, &mm[i].msg_len,
		    sizeof(mm[i].msg_len));
	outgoing_end(og);
	return c->result;
}

static struct outgoing *
outgoing_create(struct call *c, bool many, unsigned tokens)
{
	unsigned n = count_of(c, many);
	size_t head =
	    (sizeof(struct outgoing) + tokens * sizeof(int) + 15) & ~(size_t)15;
	size_t headers = n * sizeof(struct mmsghdr);
	struct outgoing *og =
	    waitmem_get(head + headers + (size_t)n * CONTROL_MAX, c);

	if (og == NULL)
		return NULL;
	og->og_vec = c->arg[1];
	og->og_n = n;
	og->og_ntokens = 0;
	og->og_maxtokens = tokens;
	og->og_headers = (void *)((char *)og + head);
	og->og_control = (char *)og->og_headers + headers;
	return og;
}

static int
copy_headers(struct outgoing *og, bool many)
{
	for (unsigned i = 0; i < og->og_n; i++) {
		if (usercopy_in(&og->og_headers[i],
			header_at(og->og_vec, i, many),
			many ? sizeof(struct mmsghdr)
			     : sizeof(struct msghdr)) != 0)
			return EFAULT;
	}
	return 0;
}

long
rights_send(struct call *c, bool many)
{
	struct outgoing *og;
	unsigned count;
	int error = check_all(c, many, &count);

	if (error != 0)
		return -error;
	if (count == 0)
		return CALL_TO_HOST;
	og = outgoing_create(c, many, count);
	if (og == NULL)
		return -ENOMEM;
	error = copy_headers(og, many);
	for (unsigned i = 0; i < og->og_n && error == 0; i++)
		error = prepare(c, og, i);
	if (error != 0) {
		outgoing_end(og);
		return -error;
	}
	c->arg[1] = (long)og->og_headers;
	c->scratch[5] = (uint64_t)og;
	return route_to_host(c, sent);
}

/* --- receiving ---------------------------------------------------------- */

static enum rfile_kind
kind_of(int fd)
{
	struct rump_stat st = { 0 };
	int64_t args[BACKEND_SLOTS] = { fd, (int64_t)&st }, retval[2];

	(void)rump_backend_syscall(RUMP_SYS_fstat, args, retval);
	return (st.st_mode & S_IFMT) == S_IFSOCK ? RF_SOCKET : RF_FILE;
}

/* fd is new here, and may be a token, or a socket with a name of the kernel's. */
static int
arrived(struct call *c, char *at, int fd, void *arg)
{
	int64_t args[BACKEND_SLOTS], retval[2];
	struct stat st;
	bool cloexec;
	int rumpfd;

	unixname_see();
	if (HOST(SYS_fstat, fd, &st, 0, 0, 0, 0) != 0 ||
	    !S_ISSOCK(st.st_mode) || remote_import(fd, &rumpfd) != 0)
		return 0;
	cloexec = (HOST(SYS_fcntl, fd, F_GETFD, 0, 0, 0, 0) & FD_CLOEXEC) != 0;
	if (fdmap_adopt(fd, rumpfd, kind_of(rumpfd), NS_HOST, false, cloexec,
		NULL) >= 0)
		return 0;
	args[0] = rumpfd;
	(void)rump_backend_syscall(RUMP_SYS_close, args, retval);
	return 0;
}

static long
received(struct call *c)
{
	bool many = c->nr == SYS_recvmmsg;
	long n = many ? c->result : c->result >= 0;
	struct msghdr mh;

	for (long i = 0; i < n && i < MESSAGES_MAX; i++) {
		if (read_header(header_at(c->arg[1], (unsigned)i, many), &mh))
			(void)each_number(c, mh.msg_control, mh.msg_controllen,
			    arrived, NULL);
	}
	return c->result;
}

long
rights_receive(struct call *c, bool many)
{
	unsigned n = count_of(c, many);
	struct msghdr mh;

	if (backend_state != BACKEND_SERVER || !backend_reachable())
		return CALL_TO_HOST;
	for (unsigned i = 0; i < n; i++) {
		if (read_header(header_at(c->arg[1], i, many), &mh))
			return route_to_host(c, received);
	}
	return CALL_TO_HOST;
}

/* --- pidfd_getfd(2) ------------------------------------------------------ */

/* Some process's placeholder; see fdmap.c. */
static bool
is_link(long fd)
{
	long flags = HOST(SYS_fcntl, fd, F_GETFL, 0, 0, 0, 0);
	struct stat st;

	return flags >= 0 && (flags & O_PATH) != 0 &&
	       HOST(SYS_fstat, fd, &st, 0, 0, 0, 0) == 0 && S_ISLNK(st.st_mode);
}

static long
pidfd_getfd_after(struct call *c)
{
	if (c->result < 0 || !is_link(c->result))
		return c->result;
	HOST(SYS_close, c->result, 0, 0, 0, 0, 0);
	route_note(c, "a rump descriptor cannot be taken from a process");
	return -EPERM;
}

static long
pidfd_getfd_run(struct call *c)
{
	return route_to_host(c, pidfd_getfd_after);
}
ROUTE(pidfd_getfd, pidfd_getfd_run)
