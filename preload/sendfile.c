/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sendfile(2) from a rump file to a descriptor of the host: a piece is read
 * into a buffer and the call goes on as write(2), which may block.  What the
 * host did not take is given back to the file's position.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "preload/descriptor.h"
#include "preload/pool.h"
#include "preload/route.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpdefs.h"
#include "syscall_table/linux_routes.h"

#define PIECE 65536

struct bounce {
	struct pool_free *b_free;   /* the pool's */
	struct rfile *b_rf;         /* reference */
	long b_in, b_offp, b_count; /* the original arguments */
	int64_t b_off;              /* position read from, with b_offp */
	long b_got;
	char b_data[PIECE];
};

static struct pool bounces =
    POOL_INIT(sizeof(struct bounce), sizeof(struct bounce));

static void
bounce_destroy(struct bounce *b)
{
	(void)fdmap_put(b->b_rf);
	pool_put(&bounces, b);
}

static long
sendfile_after(struct call *c)
{
	struct bounce *b = (struct bounce *)((char *)c->arg[1] -
					     offsetof(struct bounce, b_data));
	long result = c->result, taken = result > 0 ? result : 0;

	c->nr = SYS_sendfile;
	c->arg[1] = b->b_in;
	c->arg[2] = b->b_offp;
	c->arg[3] = b->b_count;
	if (b->b_offp != 0) {
		b->b_off += taken;
		if (taken > 0 && usercopy_out(&b->b_off, (void *)b->b_offp,
				     sizeof(b->b_off)) != 0)
			result = -EFAULT;
	} else if (taken < b->b_got) {
		(void)fd_call(c, b->b_rf, RUMP_SYS_lseek, 0, taken - b->b_got,
		    RUMP_SEEK_CUR, 0);
	}
	bounce_destroy(b);
	return result;
}

static long
bounce_read(struct call *c, struct bounce *b)
{
	size_t len = (size_t)c->arg[3] < PIECE ? (size_t)c->arg[3] : PIECE;

	if (b->b_offp == 0)
		return fd_call(c, b->b_rf, RUMP_SYS_read, (int64_t)b->b_data,
		    (int64_t)len, 0, 0);
	if (usercopy_in(&b->b_off, (void *)b->b_offp, sizeof(b->b_off)) != 0)
		return -EFAULT;
	return fd_call(c, b->b_rf, RUMP_SYS_pread, (int64_t)b->b_data,
	    (int64_t)len, 0, b->b_off);
}

/* rf: the rump file to read from, whose reference is taken over. */
static long
sendfile_bounce(struct call *c, struct rfile *rf)
{
	struct bounce *b = pool_get(&bounces);

	if (b == NULL) {
		(void)fdmap_put(rf);
		return -ENOMEM;
	}
	b->b_rf = rf;
	b->b_in = c->arg[1];
	b->b_offp = c->arg[2];
	b->b_count = c->arg[3];
	b->b_got = bounce_read(c, b);
	if (b->b_got <= 0) {
		long result = b->b_got;

		bounce_destroy(b);
		return result;
	}
	c->nr = SYS_write;
	c->arg[1] = (long)b->b_data;
	c->arg[2] = b->b_got;
	return route_to_host(c, sendfile_after);
}

static long
sendfile_run(struct call *c)
{
	struct rfile *in, *out;
	int error;

	out = fdmap_get_rump(c->arg[0], &error);
	if (error != 0)
		return -error;
	if (out != NULL) {
		(void)fdmap_put(out);
		route_note(c, "to a rump file");
		return -EINVAL;
	}
	in = fdmap_get_rump(c->arg[1], &error);
	if (error != 0)
		return -error;
	if (in == NULL)
		return CALL_TO_HOST;
	route_mark_rump(c, in->rf_rule);
	return sendfile_bounce(c, in);
}
ROUTE(sendfile, sendfile_run)
