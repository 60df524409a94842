/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Theory of operation
 *
 * A piece is read into a buffer and written from it.  The host's part of that
 * may block, so it is the call's own host call, made on the program's stack;
 * what remains is done after it.  Nothing may be lost on the way: files are
 * read at a position, which moves only by what was written; a rump socket is
 * first peeked at, and emptied by what the host took; a pipe of the host is
 * duplicated by tee(2), and emptied by what the kernel took.
 *
 *	from       to      before the host call   host call   after it
 *	rump       rump    all of it              -           -
 *	rump       host    read, or peek          write       move on
 *	host file  rump    -                      pread       write, move on
 *	host pipe  rump    -                      tee         write, empty
 *
 * When a signal is deferred before the host call, that is not made, "after"
 * finds EINTR, and the program's call starts again: nothing has moved.
 */
#include "preload/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload/abi/open.h"
#include "preload/descriptor.h"
#include "preload/engine/engine.h"
#include "preload/pool.h"
#include "preload/route.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"

#define PIECE (128 * 1024)
#define ATOMIC_PIECE 4096 /* a pipe with room takes that without waiting */
#define TOTAL (4 * 1024 * 1024UL) /* moved by one call within the kernel */

struct transfer {
	struct pool_free *t_free; /* the pool's */
	struct transfer_side t_in, t_out;
	long t_nr, t_arg[6]; /* the call as the program made it */
	long t_got;          /* bytes in t_data */
	int t_pipe[2];       /* of ours, for tee; -1: none */
	char t_data[PIECE];
};

static struct pool transfers =
    POOL_INIT(sizeof(struct transfer), sizeof(struct transfer));

/* --- sides ------------------------------------------------------------- */

static int
look_at_rump(struct call *c, struct transfer_side *ts)
{
	struct rump_stat st;
	long r;

	if (ts->ts_rf->rf_path_only)
		return EBADF;
	r = fd_call(c, ts->ts_rf, RUMP_SYS_fstat, (int64_t)&st, 0, 0, 0);
	if (r == 0) {
		ts->ts_type = st.st_mode & S_IFMT;
		ts->ts_dev = st.st_dev;
		ts->ts_ino = st.st_ino;
		ts->ts_size = st.st_size;
		r = fd_call(
		    c, ts->ts_rf, RUMP_SYS_fcntl, RUMP_F_GETFL, 0, 0, 0);
	}
	if (r < 0)
		return r == CALL_RESTART ? EINTR : (int)-r;
	ts->ts_flags = abi_open_to_linux((int)r);
	return 0;
}

static int
look_at_host(struct transfer_side *ts)
{
	struct stat st;
	long r = HOST(SYS_fcntl, ts->ts_fd, F_GETFL, 0, 0, 0, 0);

	if (r < 0 || (r & O_PATH) != 0)
		return EBADF;
	ts->ts_flags = (int)r;
	r = HOST(SYS_fstat, ts->ts_fd, &st, 0, 0, 0, 0);
	if (r < 0)
		return (int)-r;
	ts->ts_type = st.st_mode & S_IFMT;
	ts->ts_dev = st.st_dev;
	ts->ts_ino = st.st_ino;
	ts->ts_size = st.st_size;
	return 0;
}

/* The file's own position: it moves by what is transferred. */
static int
own_position(struct call *c, struct transfer_side *ts)
{
	long r;

	if (ts->ts_rf != NULL)
		r = fd_call(
		    c, ts->ts_rf, RUMP_SYS_lseek, 0, 0, RUMP_SEEK_CUR, 0);
	else
		r = HOST(SYS_lseek, ts->ts_fd, 0, SEEK_CUR, 0, 0, 0);
	if (r < 0) {
		ts->ts_stream = true;
		return 0;
	}
	ts->ts_off = r;
	return 0;
}

static int
position(struct call *c, struct transfer_side *ts)
{
	int error;

	ts->ts_stream = ts->ts_type == S_IFIFO || ts->ts_type == S_IFSOCK;
	if (ts->ts_stream)
		return ts->ts_offp != 0 ? ESPIPE : 0;
	if (ts->ts_offp == 0)
		return own_position(c, ts);
	error = usercopy_in(
	    &ts->ts_off, (const void *)ts->ts_offp, sizeof(ts->ts_off));
	if (error == 0 && ts->ts_off < 0)
		error = EINVAL;
	return error;
}

int
transfer_side(struct call *c, struct transfer_side *ts, long fd, long offp)
{
	int error;

	*ts = (struct transfer_side){ .ts_fd = (int)fd, .ts_offp = offp };
	ts->ts_rf = fdmap_get_rump(fd, &error);
	if (error != 0)
		return error;
	error = ts->ts_rf != NULL ? look_at_rump(c, ts) : look_at_host(ts);
	if (error == 0)
		error = position(c, ts);
	if (error != 0)
		transfer_side_fini(ts);
	return error;
}

void
transfer_side_fini(struct transfer_side *ts)
{
	if (ts->ts_rf != NULL)
		(void)fdmap_put(ts->ts_rf);
	ts->ts_rf = NULL;
}

/* n bytes have gone through: move the position. */
static long
advance(struct call *c, struct transfer_side *ts, long n)
{
	if (ts->ts_stream || n <= 0)
		return 0;
	ts->ts_off += n;
	if (ts->ts_offp != 0)
		return -usercopy_out(
		    &ts->ts_off, (void *)ts->ts_offp, sizeof(ts->ts_off));
	if (ts->ts_rf != NULL)
		(void)fd_call(c, ts->ts_rf, RUMP_SYS_lseek, 0, ts->ts_off,
		    RUMP_SEEK_SET, 0);
	else
		HOST(SYS_lseek, ts->ts_fd, ts->ts_off, SEEK_SET, 0, 0, 0);
	return 0;
}

/* --- pieces ------------------------------------------------------------ */

static long
rump_get(struct call *c, const struct transfer_side *in, char *buf, size_t len)
{
	if (!in->ts_stream)
		return fd_call(c, in->ts_rf, RUMP_SYS_pread, (int64_t)buf,
		    (int64_t)len, 0, in->ts_off);
	int64_t args[BACKEND_SLOTS] = { in->ts_rf->rf_fd, (int64_t)buf,
		(int64_t)len, RUMP_MSG_PEEK },
		value;
	int error = rump_call(c, RUMP_SYS_recvfrom, args, &value);

	return route_result(error, value);
}

/* Appending files take no position. */
static bool
appends(const struct transfer_side *ts)
{
	return ts->ts_stream || (ts->ts_flags & O_APPEND) != 0;
}

static long
rump_put(struct call *c, const struct transfer_side *out, const char *buf,
    size_t len)
{
	if (appends(out))
		return fd_sigpipe(
		    out->ts_rf, fd_call(c, out->ts_rf, RUMP_SYS_write,
				    (int64_t)buf, (int64_t)len, 0, 0));
	return fd_call(c, out->ts_rf, RUMP_SYS_pwrite, (int64_t)buf,
	    (int64_t)len, 0, out->ts_off);
}

/* The n bytes that were peeked at are done with. */
static void
rump_consume(struct call *c, struct transfer *t, long n)
{
	while (t->t_in.ts_stream && n > 0) {
		long r = fd_call(c, t->t_in.ts_rf, RUMP_SYS_read,
		    (int64_t)t->t_data, n, 0, 0);

		if (r <= 0)
			break;
		n -= r;
	}
}

static void
pipe_close(struct transfer *t)
{
	for (int i = 0; i < 2; i++) {
		if (t->t_pipe[i] >= 0)
			HOST(SYS_close, t->t_pipe[i], 0, 0, 0, 0, 0);
		t->t_pipe[i] = -1;
	}
}

static void
destroy(struct transfer *t)
{
	pipe_close(t);
	transfer_side_fini(&t->t_in);
	transfer_side_fini(&t->t_out);
	pool_put(&transfers, t);
}

/* --- with the host ----------------------------------------------------- */

static struct transfer *
transfer_of(const struct call *c)
{
	return (struct transfer *)c->arg[5];
}

/* The call as it was, for traces and retries. */
static void
restore(struct call *c, const struct transfer *t)
{
	c->nr = t->t_nr;
	for (int i = 0; i < 6; i++)
		c->arg[i] = t->t_arg[i];
}

static long
finish(struct call *c, struct transfer *t, long moved)
{
	long r = advance(c, &t->t_in, moved);

	if (r == 0)
		r = advance(c, &t->t_out, moved);
	destroy(t);
	return r != 0 ? r : moved;
}

/* The host has taken what it wanted of t_data. */
static long
written_to_host(struct call *c)
{
	struct transfer *t = transfer_of(c);
	long result = c->result;

	restore(c, t);
	rump_consume(c, t, result);
	return finish(c, t, result);
}

/* t_data has come from the host. */
static long
store(struct call *c, struct transfer *t)
{
	long n = rump_put(c, &t->t_out, t->t_data, (size_t)t->t_got);

	/* The way out of here does not restart, but nothing is lost. */
	return n == CALL_RESTART ? -EINTR : n;
}

static long
read_from_host(struct call *c)
{
	struct transfer *t = transfer_of(c);

	t->t_got = c->result;
	restore(c, t);
	return finish(c, t, t->t_got > 0 ? store(c, t) : t->t_got);
}

/* Take the n bytes off the pipe that the kernel has got. */
static void
pipe_consume(struct transfer *t, long n)
{
	while (n > 0) {
		long r = HOST(SYS_read, t->t_in.ts_fd, t->t_data, n, 0, 0, 0);

		if (r <= 0)
			break;
		n -= r;
	}
}

static long
teed(struct call *c)
{
	struct transfer *t = transfer_of(c);
	long n = c->result;

	restore(c, t);
	if (n > 0) {
		t->t_got = HOST(SYS_read, t->t_pipe[0], t->t_data, n, 0, 0, 0);
		n = t->t_got > 0 ? store(c, t) : t->t_got;
		pipe_consume(t, n);
	}
	return finish(c, t, n);
}

/* Have the host do nr, with t as the sixth argument, which it ignores. */
static long
ask_host(struct call *c, struct transfer *t, long nr, const long arg[4],
    long (*after)(struct call *))
{
	c->nr = nr;
	for (int i = 0; i < 4; i++)
		c->arg[i] = arg[i];
	c->arg[5] = (long)t;
	return route_to_host(c, after);
}

static bool
has_room(long fd)
{
	struct pollfd pfd = { .fd = (int)fd, .events = POLLOUT };

	return HOST(SYS_poll, &pfd, 1, 0, 0, 0, 0) != 0;
}

static long
to_host(struct call *c, struct transfer *t, size_t len, bool nonblock)
{
	const struct transfer_side *out = &t->t_out;

	if (nonblock && out->ts_type == S_IFIFO) {
		if (!has_room(out->ts_fd)) {
			destroy(t);
			return -EAGAIN;
		}
		len = len < ATOMIC_PIECE ? len : ATOMIC_PIECE;
	}
	t->t_got = rump_get(c, &t->t_in, t->t_data, len);
	if (t->t_got <= 0) {
		long result = t->t_got;

		destroy(t);
		return result;
	}
	const long arg[4] = { out->ts_fd, (long)t->t_data, t->t_got,
		out->ts_off };

	return ask_host(c, t, appends(out) ? SYS_write : SYS_pwrite64, arg,
	    written_to_host);
}

static long
from_pipe(struct call *c, struct transfer *t, size_t len, bool nonblock)
{
	long r = HOST(SYS_pipe2, t->t_pipe, O_CLOEXEC, 0, 0, 0, 0);

	if (r < 0) {
		t->t_pipe[0] = t->t_pipe[1] = -1;
		destroy(t);
		return r;
	}
	const long arg[4] = { t->t_in.ts_fd, t->t_pipe[1], (long)len,
		nonblock ? SPLICE_F_NONBLOCK : 0 };

	return ask_host(c, t, SYS_tee, arg, teed);
}

static long
from_host(struct call *c, struct transfer *t, size_t len, bool nonblock)
{
	if (t->t_in.ts_type == S_IFIFO)
		return from_pipe(c, t, len, nonblock);
	const long arg[4] = { t->t_in.ts_fd, (long)t->t_data, (long)len,
		t->t_in.ts_off };

	return ask_host(c, t, SYS_pread64, arg, read_from_host);
}

/* --- within the kernel ------------------------------------------------- */

static long
move_piece(struct call *c, struct transfer *t, size_t len)
{
	long n = rump_get(c, &t->t_in, t->t_data, len), r;

	if (n > 0)
		n = rump_put(c, &t->t_out, t->t_data, (size_t)n);
	rump_consume(c, t, n);
	r = advance(c, &t->t_in, n);
	if (r == 0)
		r = advance(c, &t->t_out, n);
	return r != 0 ? r : n;
}

static long
within_kernel(struct call *c, struct transfer *t, size_t len)
{
	long moved = 0, n = 1;

	len = len < TOTAL ? len : TOTAL;
	while (n > 0 && (size_t)moved < len) {
		size_t rest = len - (size_t)moved;

		n = move_piece(c, t, rest < PIECE ? rest : PIECE);
		if (n > 0)
			moved += n;
	}
	destroy(t);
	return moved > 0 ? moved : n;
}

long
transfer_run(struct call *c, const struct transfer_side *in,
    const struct transfer_side *out, size_t len, bool nonblock)
{
	struct transfer *t = pool_get(&transfers);

	if (t == NULL) {
		struct transfer_side sides[2] = { *in, *out };

		transfer_side_fini(&sides[0]);
		transfer_side_fini(&sides[1]);
		return -ENOMEM;
	}
	t->t_in = *in;
	t->t_out = *out;
	t->t_pipe[0] = t->t_pipe[1] = -1;
	t->t_nr = c->nr;
	for (int i = 0; i < 6; i++)
		t->t_arg[i] = c->arg[i];
	if (in->ts_rf != NULL && out->ts_rf != NULL)
		return within_kernel(c, t, len);
	len = len < PIECE ? len : PIECE;
	return in->ts_rf != NULL ? to_host(c, t, len, nonblock)
				 : from_host(c, t, len, nonblock);
}
