/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pipes: a ring of bytes between two files.  Up to PIPE_BUF bytes are written
 * as a whole.  Data are copied under pi_lock: a fault in the copy returns, so
 * the lock is held for a bounded time.  The pipe goes with its second end.
 */
#include "kern/clock.h"
#include "kern/condvar.h"
#include "kern/copy.h"
#include "kern/file.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "kern/poll.h"
#include "kern/uio.h"
#include "syscall_table/sysprotos.h"

#define RING 16384

struct pipe {
	kmutex_t pi_lock;
	kcondvar_t pi_readers, pi_writers;
	struct selinfo pi_rsel, pi_wsel;
	bool pi_hasreader, pi_haswriter;         /* pi_lock */
	size_t pi_start, pi_count;               /* pi_lock */
	struct rump_timespec pi_atime, pi_mtime; /* pi_lock */
	struct rump_timespec pi_ctime;           /* i */
	char pi_ring[RING];                      /* pi_lock */
};

static bool
nonblocking(struct file *fp)
{
	return (atomic_load_explicit(&fp->f_flag, memory_order_relaxed) &
		   O_NONBLOCK) != 0;
}

/* Sleep for a change, unless the file does not want to. */
static int pipe_sleep(struct file *fp, struct pipe *pi, kcondvar_t *cv)
    REQUIRES(pi->pi_lock);

static int
pipe_sleep(struct file *fp, struct pipe *pi, kcondvar_t *cv)
{
	return nonblocking(fp) ? EWOULDBLOCK : cv_wait_sig(cv, &pi->pi_lock);
}

/* Move what is contiguous at pos, at most max bytes; *moved also on error. */
static int
ring_move(
    struct pipe *pi, size_t pos, size_t max, struct uio *uio, size_t *moved)
{
	size_t resid = uio->uio_resid;
	int error;

	pos %= RING;
	error = uiomove(pi->pi_ring + pos, MIN(max, RING - pos), uio);
	*moved = resid - uio->uio_resid;
	return error;
}

static int
pipe_take(struct pipe *pi, struct uio *uio)
{
	size_t n;
	int error = 0;

	while (error == 0 && pi->pi_count > 0 && uio->uio_resid > 0) {
		error = ring_move(pi, pi->pi_start, pi->pi_count, uio, &n);
		pi->pi_start = (pi->pi_start + n) % RING;
		pi->pi_count -= n;
	}
	getnanotime(&pi->pi_atime);
	return error;
}

static int
pipe_fill(struct pipe *pi, struct uio *uio)
{
	size_t n;
	int error = 0;

	while (error == 0 && pi->pi_count < RING && uio->uio_resid > 0) {
		error = ring_move(pi, pi->pi_start + pi->pi_count,
		    RING - pi->pi_count, uio, &n);
		pi->pi_count += n;
	}
	getnanotime(&pi->pi_mtime);
	return error;
}

static int
pipe_read(
    struct file *fp, off_t *offp, struct uio *uio, kauth_cred_t cred, int flags)
{
	struct pipe *pi = fp->f_data;
	int error = 0;

	if (uio->uio_resid == 0)
		return 0;
	mutex_enter(&pi->pi_lock);
	while (error == 0 && pi->pi_count == 0 && pi->pi_haswriter)
		error = pipe_sleep(fp, pi, &pi->pi_readers);
	if (error == 0)
		error = pipe_take(pi, uio);
	cv_broadcast(&pi->pi_writers);
	mutex_exit(&pi->pi_lock);
	selnotify(&pi->pi_wsel);
	return error;
}

/* Wait for room and put one portion in. */
static int pipe_write_some(struct file *fp, struct pipe *pi, struct uio *uio,
    size_t need) REQUIRES(pi->pi_lock);

static int
pipe_write_some(struct file *fp, struct pipe *pi, struct uio *uio, size_t need)
{
	int error;

	while (pi->pi_hasreader && RING - pi->pi_count < need) {
		error = pipe_sleep(fp, pi, &pi->pi_writers);
		if (error != 0)
			return error;
	}
	if (!pi->pi_hasreader)
		return EPIPE;
	error = pipe_fill(pi, uio);
	cv_broadcast(&pi->pi_readers);
	selnotify(&pi->pi_rsel);
	return error;
}

static int
pipe_write(
    struct file *fp, off_t *offp, struct uio *uio, kauth_cred_t cred, int flags)
{
	struct pipe *pi = fp->f_data;
	size_t need = uio->uio_resid <= PIPE_BUF ? uio->uio_resid : 1;
	int error = 0;

	mutex_enter(&pi->pi_lock);
	while (error == 0 && uio->uio_resid > 0)
		error = pipe_write_some(fp, pi, uio, need);
	mutex_exit(&pi->pi_lock);
	return error;
}

static int
pipe_ioctl(struct file *fp, unsigned long cmd, void *data)
{
	struct pipe *pi = fp->f_data;

	switch (cmd) {
	case FIONREAD:
		mutex_enter(&pi->pi_lock);
		*(int *)data = pi->pi_count;
		mutex_exit(&pi->pi_lock);
		return 0;
	case FIONBIO:
	case FIOASYNC:
		return 0;
	default:
		return ENOTTY;
	}
}

static int
pipe_ready(struct file *fp, const struct pipe *pi)
{
	if ((atomic_load_explicit(&fp->f_flag, memory_order_relaxed) & FREAD) !=
	    0)
		return (pi->pi_count > 0 ? POLLIN | POLLRDNORM : 0) |
		       (pi->pi_haswriter ? 0 : POLLHUP);
	if (!pi->pi_hasreader)
		return POLLERR;
	return RING - pi->pi_count >= PIPE_BUF ? POLLOUT : 0;
}

static int
pipe_poll(struct file *fp, int events, struct selector *sel)
{
	struct pipe *pi = fp->f_data;
	int ready;

	mutex_enter(&pi->pi_lock);
	ready = pipe_ready(fp, pi) & (events | POLLHUP | POLLERR);
	if (ready == 0 && sel != NULL)
		selrecord(sel, (atomic_load(&fp->f_flag) & FREAD) != 0
				   ? &pi->pi_rsel
				   : &pi->pi_wsel);
	mutex_exit(&pi->pi_lock);
	return ready;
}

static int
pipe_stat(struct file *fp, struct rump_stat *st)
{
	struct pipe *pi = fp->f_data;

	mutex_enter(&pi->pi_lock);
	st->st_mode = S_IFIFO | S_IRUSR | S_IWUSR;
	st->st_nlink = 1;
	kauth_cred_owner(fp->f_cred, st);
	st->st_ino = (uintptr_t)pi;
	st->st_blksize = RING;
	st->st_size = pi->pi_count;
	st->st_blocks = (pi->pi_count + S_BLKSIZE - 1) / S_BLKSIZE;
	st->st_atim = pi->pi_atime;
	st->st_mtim = pi->pi_mtime;
	st->st_ctim = st->st_birthtim = pi->pi_ctime;
	mutex_exit(&pi->pi_lock);
	return 0;
}

static int
pipe_fpathconf(struct file *fp, int name, register_t *retval)
{
	if (name != _PC_PIPE_BUF)
		return EINVAL;
	*retval = PIPE_BUF;
	return 0;
}

static void
pipe_free(struct pipe *pi)
{
	seldestroy(&pi->pi_rsel);
	seldestroy(&pi->pi_wsel);
	cv_destroy(&pi->pi_readers);
	cv_destroy(&pi->pi_writers);
	mutex_destroy(&pi->pi_lock);
	kmem_free(pi, sizeof(*pi));
}

static int
pipe_close(struct file *fp)
{
	struct pipe *pi = fp->f_data;
	bool last;

	mutex_enter(&pi->pi_lock);
	if ((atomic_load(&fp->f_flag) & FREAD) != 0)
		pi->pi_hasreader = false;
	else
		pi->pi_haswriter = false;
	last = !pi->pi_hasreader && !pi->pi_haswriter;
	cv_broadcast(&pi->pi_readers);
	cv_broadcast(&pi->pi_writers);
	if (!last) {
		selnotify(&pi->pi_rsel);
		selnotify(&pi->pi_wsel);
	}
	mutex_exit(&pi->pi_lock);
	if (last)
		pipe_free(pi);
	return 0;
}

static const struct fileops pipe_ops = {
	.fo_name = "pipe",
	.fo_read = pipe_read,
	.fo_write = pipe_write,
	.fo_ioctl = pipe_ioctl,
	.fo_poll = pipe_poll,
	.fo_stat = pipe_stat,
	.fo_close = pipe_close,
	.fo_fpathconf = pipe_fpathconf,
};

static struct pipe *
pipe_create(void)
{
	struct pipe *pi = kmem_zalloc(sizeof(*pi), KM_NOSLEEP);

	if (pi == NULL)
		return NULL;
	mutex_init(&pi->pi_lock, "pipe");
	cv_init(&pi->pi_readers, "piperd");
	cv_init(&pi->pi_writers, "pipewr");
	selinit(&pi->pi_rsel);
	selinit(&pi->pi_wsel);
	pi->pi_hasreader = pi->pi_haswriter = true;
	getnanotime(&pi->pi_ctime);
	pi->pi_atime = pi->pi_mtime = pi->pi_ctime;
	return pi;
}

static void
pipe_attach(struct file *fp, struct pipe *pi, uint32_t flag)
{
	fp->f_ops = &pipe_ops;
	fp->f_type = DTYPE_PIPE;
	fp->f_data = pi;
	atomic_store(&fp->f_flag, flag);
}

static int
pipe_open(int flags, int fds[2])
{
	uint32_t fflag = flags & (O_NONBLOCK | O_NOSIGPIPE);
	bool cloexec = (flags & O_CLOEXEC) != 0;
	struct file *rfp, *wfp;
	struct pipe *pi;
	int error;

	if ((flags & ~(O_CLOEXEC | O_NONBLOCK | O_NOSIGPIPE)) != 0)
		return EINVAL;
	pi = pipe_create();
	if (pi == NULL)
		return ENOMEM;
	error = fd_allocfile(&rfp, &fds[0]);
	if (error != 0)
		goto fail_pipe;
	error = fd_allocfile(&wfp, &fds[1]);
	if (error != 0)
		goto fail_reader;
	pipe_attach(rfp, pi, FREAD | fflag);
	pipe_attach(wfp, pi, FWRITE | fflag);
	fd_affix(rfp, fds[0], cloexec);
	fd_affix(wfp, fds[1], cloexec);
	return 0;

fail_reader:
	fd_abort(rfp, fds[0]);
fail_pipe:
	pipe_free(pi);
	return error;
}

int
sys_pipe(struct lwp *l, const struct sys_pipe_args *uap, register_t *retval)
{
	int error, fds[2];

	error = pipe_open(0, fds);
	if (error == 0) {
		retval[0] = fds[0];
		retval[1] = fds[1];
	}
	return error;
}

int
sys_pipe2(struct lwp *l, const struct sys_pipe2_args *uap, register_t *retval)
{
	int error, fds[2];

	error = pipe_open(uap->flags, fds);
	if (error != 0)
		return error;
	error = copyout(fds, uap->fildes, sizeof(fds));
	if (error != 0) {
		(void)fd_close(fds[0]);
		(void)fd_close(fds[1]);
	}
	return error;
}
