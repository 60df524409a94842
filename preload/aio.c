/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's asynchronous I/O, io_submit(2), on rump files.  Each operation is
 * done at once, and its place in the submission taken by a write of as many
 * bytes to /dev/null, which does nothing: so completion, its event, order and
 * eventfd are the host's.  The program's control blocks are changed for as long
 * as the host looks at them.  An error has no such stand-in; io_submit() itself
 * returns it, as it does for others that it finds before it begins.
 *
 * Blocks for files of both kernels go in separate submissions, since the call
 * may take fewer than it was given.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "preload/descriptor.h"
#include "preload/hidden.h"
#include "preload/readiness.h"
#include "preload/route.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpdefs.h"
#include "syscall_table/linux_routes.h"

#define BATCH 64
#define RWF_AT_ONCE (RWF_HIPRI | RWF_NOWAIT) /* it is */
#define RWF_SAVED (RWF_DSYNC | RWF_SYNC)

struct taken {
	struct iocb *at;   /* the program's */
	struct iocb block; /* what was there */
};

/* scratch[5] of the call */
struct batch {
	int n;
	struct taken taken[BATCH];
};

static atomic_int null_fd = -1;

static int
open_null(void)
{
	int old = -1, fd = atomic_load(&null_fd);
	long r;

	if (fd >= 0)
		return fd;
	r = HOST(SYS_open, "/dev/null", O_WRONLY | O_CLOEXEC, 0, 0, 0, 0);
	if (r >= 0)
		r = hidden_take((int)r);
	if (r < 0)
		return -1;
	if (atomic_compare_exchange_strong(&null_fd, &old, (int)r))
		return (int)r;
	hidden_close((int)r);
	return old;
}

static int
block_of(const struct call *c, long i, struct iocb **at, struct iocb *block)
{
	const void *where = (struct iocb **)c->arg[2] + i;
	int error = usercopy_in(at, where, sizeof(*at));

	return error != 0 ? error : usercopy_in(block, *at, sizeof(*block));
}

static bool
is_rump(const struct iocb *block)
{
	return fdmap_is_rump(block->aio_fildes);
}

static long
transfer(struct call *c, struct rfile *rf, const struct iocb *b)
{
	static const int calls[] = {
		[IOCB_CMD_PREAD] = RUMP_SYS_pread,
		[IOCB_CMD_PWRITE] = RUMP_SYS_pwrite,
		[IOCB_CMD_PREADV] = RUMP_SYS_preadv,
		[IOCB_CMD_PWRITEV] = RUMP_SYS_pwritev,
	};
	long done, saved;

	if (((unsigned)b->aio_rw_flags &
		~(unsigned)(RWF_AT_ONCE | RWF_SAVED)) != 0)
		return -EOPNOTSUPP;
	done = fd_call(c, rf, calls[b->aio_lio_opcode], (int64_t)b->aio_buf,
	    (int64_t)b->aio_nbytes, 0, b->aio_offset);
	if (done <= 0 || ((unsigned)b->aio_rw_flags & RWF_SAVED) == 0)
		return done;
	saved = fd_call(c, rf, RUMP_SYS_fsync, 0, 0, 0, 0);
	return saved < 0 ? saved : done;
}

/* Only of what is ready at any time; sockets are the host's to wait for. */
static long
ready(const struct iocb *b)
{
	const unsigned events = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;

	return b->aio_buf & events;
}

/* Neither a file's saving nor waiting has a place, a length or flags. */
static bool
is_plain(const struct iocb *b)
{
	return b->aio_nbytes == 0 && b->aio_offset == 0 && b->aio_rw_flags == 0;
}

static long
operate(struct call *c, struct rfile *rf, const struct iocb *b)
{
	switch (b->aio_lio_opcode) {
	case IOCB_CMD_PREAD:
	case IOCB_CMD_PWRITE:
	case IOCB_CMD_PREADV:
	case IOCB_CMD_PWRITEV:
		return transfer(c, rf, b);
	case IOCB_CMD_FSYNC:
	case IOCB_CMD_FDSYNC:
		if (!is_plain(b) || b->aio_buf != 0)
			return -EINVAL;
		return fd_call(c, rf,
		    b->aio_lio_opcode == IOCB_CMD_FSYNC ? RUMP_SYS_fsync
							: RUMP_SYS_fdatasync,
		    0, 0, 0, 0);
	case IOCB_CMD_POLL:
		return is_plain(b) ? ready(b) : -EINVAL;
	default:
		return -EINVAL;
	}
}

/* The block that makes the host complete an operation with result n. */
static struct iocb
stand_in(const struct iocb *b, long n)
{
	struct iocb out = {
		.aio_data = b->aio_data,
		.aio_lio_opcode = IOCB_CMD_PWRITE,
		.aio_fildes = (uint32_t)atomic_load(&null_fd),
		.aio_buf = (uintptr_t)&null_fd,
		.aio_nbytes = (uint64_t)n,
		.aio_reqprio = b->aio_reqprio,
		.aio_flags = b->aio_flags,
		.aio_reserved2 = b->aio_reserved2,
		.aio_resfd = b->aio_resfd,
	};

	return out;
}

/* A socket has a descriptor of the host's. */
static bool
is_polled(struct rfile *rf, const struct iocb *b, int *hostfd)
{
	return b->aio_lio_opcode == IOCB_CMD_POLL &&
	       member_of_file(rf, hostfd) == MEMBER_PROXY;
}

/* 0, -errno or CALL_RESTART; then the block is as it was. */
static long
take(struct call *c, struct iocb *at, struct batch *batch)
{
	struct taken *t = &batch->taken[batch->n];
	struct iocb out = t->block;
	struct rfile *rf;
	int bad, hostfd;
	long n = 0;

	rf = fdmap_get_rump(t->block.aio_fildes, &bad);
	if (rf == NULL)
		return bad != 0 ? -bad : -EBADF;
	route_mark_rump(c, rf->rf_rule);
	if (rf->rf_path_only)
		n = -EBADF;
	else if (is_polled(rf, &out, &hostfd))
		out.aio_fildes = (uint32_t)hostfd;
	else if (rf->rf_kind != RF_FILE)
		n = -EINVAL;
	else if ((n = operate(c, rf, &out)) >= 0)
		out = stand_in(&t->block, n);
	(void)fdmap_put(rf);
	if (n < 0)
		return n;
	if (usercopy_out(&out, at, sizeof(out)) != 0)
		return -EFAULT;
	t->at = at;
	batch->n++;
	return 0;
}

static void
give_back(struct batch *batch)
{
	struct taken *t;

	while (batch->n > 0) {
		t = &batch->taken[--batch->n];
		(void)usercopy_out(&t->block, t->at, sizeof(t->block));
	}
}

static long
submit_after(struct call *c)
{
	struct batch *batch = (struct batch *)c->scratch[5];

	give_back(batch);
	waitmem_put(batch);
	return c->result;
}

/* The first of the blocks are for rump files: as many of them as follow. */
static long
submit_rump(struct call *c, long nr)
{
	struct batch *batch = waitmem_get(sizeof(*batch), c);
	struct iocb *at;
	long error = 0;

	if (batch == NULL || open_null() < 0)
		error = -EAGAIN;
	if (batch == NULL)
		return error;
	batch->n = 0;
	for (long i = 0; error == 0 && i < nr && i < BATCH; i++) {
		if (block_of(c, i, &at, &batch->taken[i].block) != 0 ||
		    !is_rump(&batch->taken[i].block))
			break;
		error = take(c, at, batch);
	}
	if (batch->n == 0) {
		waitmem_put(batch);
		return error;
	}
	c->arg[1] = batch->n;
	c->scratch[5] = (uint64_t)batch;
	return route_to_host(c, submit_after);
}

static long
io_submit_run(struct call *c)
{
	struct iocb *at, block;
	long nr = c->arg[1];

	for (long i = 0; i < nr; i++) {
		if (block_of(c, i, &at, &block) != 0)
			break;
		if (!is_rump(&block))
			continue;
		if (i == 0)
			return submit_rump(c, nr);
		c->arg[1] = i;
		break;
	}
	return CALL_TO_HOST;
}
ROUTE(io_submit, io_submit_run)
