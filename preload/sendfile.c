/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sendfile(2), copy_file_range(2) and splice(2) with a rump file on one side or
 * on both: who may take part.  transfer.c does the work.  For tee(2) and
 * vmsplice(2), which want pipes, nobody may.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "preload/descriptor.h"
#include "preload/fdmap.h"
#include "preload/namespace.h"
#include "preload/route.h"
#include "preload/transfer.h"
#include "preload/usercopy.h"
#include "syscall_table/linux_routes.h"

#define SPLICE_FLAGS                                                           \
	(SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT)

/* Two descriptors, each with the address of a position or 0. */
struct ends {
	long in, in_offp, out, out_offp;
};

static bool
readable(const struct transfer_side *ts)
{
	int mode = ts->ts_flags & O_ACCMODE;

	return mode == O_RDONLY || mode == O_RDWR;
}

static bool
writable(const struct transfer_side *ts)
{
	int mode = ts->ts_flags & O_ACCMODE;

	return mode == O_WRONLY || mode == O_RDWR;
}

static int
check_modes(const struct transfer_side *in, const struct transfer_side *out)
{
	return readable(in) && writable(out) ? 0 : EBADF;
}

/* The host's copy_file_range(2) does not even read there. */
static bool
is_at_end(const struct call *c, const struct transfer_side *in)
{
	return c->nr == SYS_copy_file_range && in->ts_off >= in->ts_size;
}

/* Look at both, judge, and move. */
static long
run(struct call *c, const struct ends *e, size_t len, bool nonblock,
    int (*judge)(const struct transfer_side *in,
	const struct transfer_side *out, size_t len))
{
	struct transfer_side in, out;
	int error;

	error = transfer_side(c, &in, e->in, e->in_offp);
	if (error != 0)
		return -error;
	error = transfer_side(c, &out, e->out, e->out_offp);
	if (error != 0) {
		transfer_side_fini(&in);
		return -error;
	}
	error = judge(&in, &out, len);
	if (error == 0 && len > 0 && !is_at_end(c, &in))
		return transfer_run(c, &in, &out, len, nonblock);
	transfer_side_fini(&in);
	transfer_side_fini(&out);
	return -error;
}

static int
judge_sendfile(
    const struct transfer_side *in, const struct transfer_side *out, size_t len)
{
	int error = check_modes(in, out);

	if (error != 0)
		return error;
	if (in->ts_stream || in->ts_type == S_IFDIR ||
	    (out->ts_flags & O_APPEND) != 0)
		return EINVAL;
	return 0;
}

/* rf, if there is one, is where the data go to. */
static long
send_file(struct call *c, struct rfile *rf)
{
	const struct ends e = { c->arg[1], c->arg[2], c->arg[0], 0 };

	if (c->arg[3] < 0)
		return -EINVAL;
	return run(c, &e, (size_t)c->arg[3], false, judge_sendfile);
}

static long
sendfile_run(struct call *c)
{
	if (!fdmap_is_rump(c->arg[1]))
		return fd_run_data(c, send_file);
	return send_file(c, NULL);
}
ROUTE(sendfile, sendfile_run)

/* The same file, and one range reaches into the other? */
static bool
overlap(
    const struct transfer_side *in, const struct transfer_side *out, size_t len)
{
	int64_t gap = in->ts_off > out->ts_off ? in->ts_off - out->ts_off
					       : out->ts_off - in->ts_off;

	return in->ts_dev == out->ts_dev && in->ts_ino == out->ts_ino &&
	       (in->ts_rf == NULL) == (out->ts_rf == NULL) &&
	       (uint64_t)gap < len;
}

static bool
goes_too_far(const struct transfer_side *ts, size_t len)
{
	int64_t end;

	return __builtin_add_overflow(ts->ts_off, len, &end);
}

static int
judge_copy(
    const struct transfer_side *in, const struct transfer_side *out, size_t len)
{
	if (in->ts_type == S_IFDIR || out->ts_type == S_IFDIR)
		return EISDIR;
	if (in->ts_type != S_IFREG || out->ts_type != S_IFREG)
		return EINVAL;
	if (check_modes(in, out) != 0 || (out->ts_flags & O_APPEND) != 0)
		return EBADF;
	if (goes_too_far(in, len) || goes_too_far(out, len))
		return EOVERFLOW;
	return overlap(in, out, len) ? EINVAL : 0;
}

static long
copy_file_range_run(struct call *c)
{
	const struct ends e = { c->arg[0], c->arg[1], c->arg[2], c->arg[3] };

	if ((unsigned)c->arg[5] != 0)
		return -EINVAL;
	return run(c, &e, (size_t)c->arg[4], false, judge_copy);
}
ROUTE(copy_file_range, copy_file_range_run)

static int
judge_splice(
    const struct transfer_side *in, const struct transfer_side *out, size_t len)
{
	int error = check_modes(in, out);

	if (error != 0)
		return error;
	/* Rump files are no pipes. */
	if (in->ts_type != S_IFIFO && out->ts_type != S_IFIFO)
		return EINVAL;
	if (in->ts_type == S_IFDIR || (out->ts_flags & O_APPEND) != 0)
		return EINVAL;
	return 0;
}

/* The host's own number for what it can move itself, or -1. */
static long
host_number(long fd)
{
	struct rfile *rf;
	int error;
	long number;

	rf = fdmap_get_rump(fd, &error);
	if (rf == NULL)
		return error != 0 ? -1 : fd;
	number = fd_direct(rf);
	(void)fdmap_put(rf);
	return number;
}

/* Between a pipe and a socket that rides on the host's, the host moves pages. */
static bool
leave_to_host(struct call *c)
{
	long in = host_number(c->arg[0]), out = host_number(c->arg[2]);

	if (in < 0 || out < 0)
		return false;
	route_mark_rump(c, NS_HOST);
	c->arg[0] = in;
	c->arg[2] = out;
	return true;
}

static long
splice_run(struct call *c)
{
	const struct ends e = { c->arg[0], c->arg[1], c->arg[2], c->arg[3] };
	unsigned flags = (unsigned)c->arg[5];

	/* The host looks at the length before it looks at the flags. */
	if (c->arg[4] == 0)
		return 0;
	if ((flags & ~(unsigned)SPLICE_FLAGS) != 0)
		return -EINVAL;
	if (leave_to_host(c))
		return CALL_TO_HOST;
	return run(c, &e, (size_t)c->arg[4], (flags & SPLICE_F_NONBLOCK) != 0,
	    judge_splice);
}
ROUTE(splice, splice_run)

static int
judge_tee(
    const struct transfer_side *in, const struct transfer_side *out, size_t len)
{
	return EINVAL;
}

/* Between pipes, which no object of the kernel's is. */
static long
tee_run(struct call *c)
{
	const struct ends e = { c->arg[0], 0, c->arg[1], 0 };

	if (!fdmap_is_rump(c->arg[0]) && !fdmap_is_rump(c->arg[1]))
		return CALL_TO_HOST;
	if (((unsigned)c->arg[3] & ~(unsigned)SPLICE_FLAGS) != 0)
		return -EINVAL;
	return c->arg[2] == 0 ? 0
			      : run(c, &e, (size_t)c->arg[2], false, judge_tee);
}
ROUTE(tee, tee_run)

/* The bytes that iov describes, or -errno. */
static int64_t
described(long iov, unsigned long n)
{
	int64_t sum = 0;

	if (n > IOV_MAX)
		return -EINVAL;
	for (unsigned long i = 0; i < n; i++) {
		struct iovec v;
		const void *from = (const struct iovec *)iov + i;

		if (usercopy_in(&v, from, sizeof(v)) != 0)
			return -EFAULT;
		if ((int64_t)v.iov_len < 0)
			return -EINVAL;
		sum |= (int64_t)v.iov_len;
	}
	return sum;
}

static long
vmsplice_rump(struct call *c, struct rfile *rf)
{
	int64_t n;

	if (rf->rf_path_only)
		return -EBADF;
	n = described(c->arg[1], (unsigned long)c->arg[2]);
	return n > 0 ? -EBADF : (long)n;
}

static long
vmsplice_run(struct call *c)
{
	if (((unsigned)c->arg[3] & ~(unsigned)SPLICE_FLAGS) != 0)
		return -EINVAL;
	return fd_run(c, false, vmsplice_rump);
}
ROUTE(vmsplice, vmsplice_run)
