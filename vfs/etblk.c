/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host files as disks: major 197, a minor number for each.
 *
 * Everything goes by block I/O of the hypercalls, whole sectors at a time, and
 * whoever asked sleeps until its worker says that it is done.  A raw device
 * takes whole sectors only; a block device takes any bytes, for which the
 * sectors at the edges are read before they are written.  Writers of one device
 * take turns, lest two of them do that to the same sector.
 *
 * RUMP_BLKSECTSHIFT makes sectors larger, RUMP_BLKFAIL lets so many of 10,000
 * transfers fail, for the tests of those who build on it; RUMP_BLKFAIL_SEED says
 * which ones.
 */
#include <stdatomic.h>

#include "kern/condvar.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/mutex.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "rump/rumpuser.h"
#include "vfs/etfs.h"
#include "vfs/param.h"
#include "vfs/specfs.h"
#include "vfs/vnfile.h"
#include "vfs/vnode.h"

#define MAJOR_ETFS 197
#define NUNITS 16
#define CHUNK 65536
#define SECTSHIFT 9 /* and at most that of CHUNK */
#define SECTSHIFT_MAX 16
#define FAIL_OF 10000

struct etblk {
	_Atomic uint32_t eb_refcnt;
	_Atomic bool eb_removed;
	int eb_unit;       /* i */
	int eb_fd;         /* i */
	bool eb_readonly;  /* i */
	uint64_t eb_begin; /* i */
	uint64_t eb_size;  /* i: whole sectors */
	kmutex_t eb_write; /* sectors are being put together and written */
	kmutex_t eb_lock;  /* ends of transfers */
	kcondvar_t eb_cv;
};

/* On the stack of whoever waits for it. */
struct transfer {
	struct etblk *tr_blk;
	bool tr_done; /* eb_lock, and what follows */
	size_t tr_bytes;
	int tr_error;
};

static kmutex_t units_lock;
static struct etblk *units[NUNITS]; /* units_lock */
static unsigned sectshift;          /* i */
static uint64_t failrate;           /* i */
static _Atomic uint64_t failstate;

static size_t
sector(void)
{
	return (size_t)1 << sectshift;
}

/* --- transfers ---------------------------------------------------------- */

/* xorshift64*: a step for each transfer. */
static bool
is_to_fail(void)
{
	uint64_t x, next;

	if (failrate == 0)
		return false;
	x = atomic_load(&failstate);
	do {
		next = x ^ x >> 12;
		next ^= next << 25;
		next ^= next >> 27;
	} while (!atomic_compare_exchange_weak(&failstate, &x, next));
	return (next * UINT64_C(0x2545f4914f6cdd1d) >> 33) % FAIL_OF < failrate;
}

static void
transfer_done(void *arg, size_t bytes, int error)
{
	struct transfer *tr = arg;
	struct etblk *eb = tr->tr_blk;

	mutex_enter(&eb->eb_lock);
	tr->tr_bytes = bytes;
	tr->tr_error = error;
	tr->tr_done = true;
	cv_broadcast(&eb->eb_cv);
	mutex_exit(&eb->eb_lock);
}

/* Move len bytes, whole sectors, at off of the device. */
static int
transfer(struct etblk *eb, int op, void *buf, size_t len, uint64_t off)
{
	struct transfer tr = { .tr_blk = eb };

	if (is_to_fail())
		return EIO;
	rumpuser_bio(eb->eb_fd, op, buf, len, (int64_t)(eb->eb_begin + off),
	    transfer_done, &tr);
	mutex_enter(&eb->eb_lock);
	while (!tr.tr_done)
		cv_wait(&eb->eb_cv, &eb->eb_lock);
	mutex_exit(&eb->eb_lock);
	if (tr.tr_error == 0 && tr.tr_bytes != len)
		return EIO;
	return tr.tr_error;
}

/* A piece of a read or write: len bytes at pos, lying in sectors [lo, hi). */
struct piece {
	uint64_t pc_pos, pc_lo, pc_hi;
	size_t pc_len;
};

static struct piece
piece_of(const struct etblk *eb, const struct uio *uio)
{
	struct piece pc = { .pc_pos = (uint64_t)uio->uio_offset };

	pc.pc_lo = pc.pc_pos - pc.pc_pos % sector();
	pc.pc_hi = MIN(pc.pc_lo + CHUNK, eb->eb_size);
	pc.pc_len = MIN(uio->uio_resid, pc.pc_hi - pc.pc_pos);
	pc.pc_hi = ROUNDUP(pc.pc_pos + pc.pc_len, sector());
	return pc;
}

static int
read_piece(struct etblk *eb, struct uio *uio, char *buf)
{
	struct piece pc = piece_of(eb, uio);
	int error;

	error =
	    transfer(eb, RUMPUSER_BIO_READ, buf, pc.pc_hi - pc.pc_lo, pc.pc_lo);
	if (error != 0)
		return error;
	return uiomove(buf + (pc.pc_pos - pc.pc_lo), pc.pc_len, uio);
}

/* Put what sector at of the device has at [from, to) into its place in buf. */
static int
keep(struct etblk *eb, const struct piece *pc, char *buf, uint64_t at,
    uint64_t from, uint64_t to)
{
	char *edge = buf + CHUNK;
	int error;

	if (from == to)
		return 0;
	error = transfer(eb, RUMPUSER_BIO_READ, edge, sector(), at);
	if (error == 0)
		memcpy(buf + (from - pc->pc_lo), edge + (from - at), to - from);
	return error;
}

/* What is around the piece's bytes, in their first and last sector. */
static int
keep_edges(struct etblk *eb, const struct piece *pc, char *buf)
{
	uint64_t end = pc->pc_pos + pc->pc_len;
	int error;

	error = keep(eb, pc, buf, pc->pc_lo, pc->pc_lo, pc->pc_pos);
	if (error == 0)
		error = keep(eb, pc, buf, pc->pc_hi - sector(), end, pc->pc_hi);
	return error;
}

/* The caller's memory first: it may take its time, and nobody waits for it. */
static int
write_piece(struct etblk *eb, struct uio *uio, char *buf, int op)
{
	struct piece pc = piece_of(eb, uio);
	size_t resid = uio->uio_resid;
	int error;

	error = uiomove(buf + (pc.pc_pos - pc.pc_lo), pc.pc_len, uio);
	if (error == 0) {
		mutex_enter(&eb->eb_write);
		error = keep_edges(eb, &pc, buf);
		if (error == 0)
			error = transfer(
			    eb, op, buf, pc.pc_hi - pc.pc_lo, pc.pc_lo);
		mutex_exit(&eb->eb_write);
	}
	if (error != 0) {
		/* What has not arrived has not moved. */
		uio->uio_resid = resid;
		uio->uio_offset = (off_t)pc.pc_pos;
	}
	return error;
}

/* --- open files --------------------------------------------------------- */

/* 0, or what is wrong with the place. */
static int
check_transfer(const struct file *fp, const struct uio *uio)
{
	const struct etblk *eb = fp->f_fsdata;
	const struct vnode *vp = fp->f_data;

	if (atomic_load(&eb->eb_removed))
		return EIO;
	if (vp->v_type == VCHR && ((size_t)uio->uio_offset % sector() != 0 ||
				      uio->uio_resid % sector() != 0))
		return EINVAL;
	return 0;
}

static bool
is_at_end(const struct etblk *eb, const struct uio *uio)
{
	return (uint64_t)uio->uio_offset >= eb->eb_size;
}

static int
read_all(struct file *fp, struct uio *uio)
{
	struct etblk *eb = fp->f_fsdata;
	char *buf = kmem_alloc(CHUNK, KM_SLEEP);
	int error = check_transfer(fp, uio);

	while (error == 0 && uio->uio_resid > 0 && !is_at_end(eb, uio))
		error = read_piece(eb, uio, buf);
	kmem_free(buf, CHUNK);
	return error;
}

static int
write_all(struct file *fp, struct uio *uio)
{
	const size_t size = CHUNK + sector(); /* and one for an edge */
	struct etblk *eb = fp->f_fsdata;
	char *buf = kmem_alloc(size, KM_SLEEP);
	int op = RUMPUSER_BIO_WRITE, error;

	if ((atomic_load(&fp->f_flag) & (O_SYNC | O_DSYNC)) != 0)
		op |= RUMPUSER_BIO_SYNC;
	error = check_transfer(fp, uio);
	while (error == 0 && uio->uio_resid > 0)
		error =
		    is_at_end(eb, uio) ? ENOSPC : write_piece(eb, uio, buf, op);
	kmem_free(buf, size);
	return error;
}

/* At the file's position, which moves, or at the one given. */
static int
at_position(struct file *fp, off_t *offp, struct uio *uio, int flags,
    int (*move)(struct file *, struct uio *))
{
	size_t before = uio->uio_resid;
	int error;

	if ((flags & FOF_UPDATE_OFFSET) == 0) {
		uio->uio_offset = *offp;
		return move(fp, uio);
	}
	mutex_enter(&fp->f_lock);
	uio->uio_offset = *offp;
	error = move(fp, uio);
	*offp = uio->uio_offset;
	mutex_exit(&fp->f_lock);
	return uio->uio_resid != before ? 0 : error;
}

static int
etblk_read(
    struct file *fp, off_t *offp, struct uio *uio, kauth_cred_t cred, int flags)
{
	return at_position(fp, offp, uio, flags, read_all);
}

static int
etblk_write(
    struct file *fp, off_t *offp, struct uio *uio, kauth_cred_t cred, int flags)
{
	return at_position(fp, offp, uio, flags, write_all);
}

static int
etblk_ioctl(struct file *fp, unsigned long cmd, void *data)
{
	return cmd == FIONBIO || cmd == FIOASYNC ? 0 : ENOTTY;
}

static int
etblk_close(struct file *fp)
{
	etblk_unref(fp->f_fsdata);
	return vn_closefile(fp);
}

static const struct fileops etblk_fileops = {
	.fo_name = "disk",
	.fo_read = etblk_read,
	.fo_write = etblk_write,
	.fo_ioctl = etblk_ioctl,
	.fo_fcntl = vn_fcntl,
	.fo_stat = vn_stat,
	.fo_close = etblk_close,
	.fo_fpathconf = vn_fpathconf,
	.fo_flock = vn_flock,
	.fo_fdclose = vn_fdclose,
};

/* --- units -------------------------------------------------------------- */

dev_t
etblk_dev(const struct etblk *eb)
{
	return makedev(MAJOR_ETFS, (uint32_t)eb->eb_unit);
}

int
etblk_sync(const struct etblk *eb)
{
	if (eb->eb_readonly)
		return 0;
	return rumpuser_syncfd(eb->eb_fd,
	    RUMPUSER_SYNCFD_WRITE | RUMPUSER_SYNCFD_SYNC, eb->eb_begin,
	    eb->eb_size);
}

static int
etblk_open(struct cdev *d, struct vnode *vp, int fflags, struct file *fp)
{
	struct etblk *eb;
	int error = 0;

	mutex_enter(&units_lock);
	eb = units[d->d_dev & (NUNITS - 1)];
	if (eb == NULL)
		error = ENXIO;
	else if ((fflags & FWRITE) != 0 && eb->eb_readonly)
		error = EROFS;
	else
		atomic_fetch_add(&eb->eb_refcnt, 1);
	mutex_exit(&units_lock);
	if (error == 0)
		fp->f_fsdata = eb;
	return error;
}

void
etblk_unref(struct etblk *eb)
{
	if (atomic_fetch_sub_explicit(
		&eb->eb_refcnt, 1, memory_order_acq_rel) != 1)
		return;
	(void)rumpuser_close(eb->eb_fd);
	cv_destroy(&eb->eb_cv);
	mutex_destroy(&eb->eb_lock);
	mutex_destroy(&eb->eb_write);
	kmem_free(eb, sizeof(*eb));
}

void
etblk_remove(struct etblk *eb)
{
	mutex_enter(&units_lock);
	units[eb->eb_unit] = NULL;
	mutex_exit(&units_lock);
	atomic_store(&eb->eb_removed, true);
}

/* For reading and writing, or for reading alone. */
static int
open_host(struct etblk *eb, const char *hostpath)
{
	if (rumpuser_open(hostpath, RUMPUSER_OPEN_RDWR | RUMPUSER_OPEN_BIO,
		&eb->eb_fd) == 0)
		return 0;
	eb->eb_readonly = true;
	return rumpuser_open(
	    hostpath, RUMPUSER_OPEN_RDONLY | RUMPUSER_OPEN_BIO, &eb->eb_fd);
}

static int
take_unit(struct etblk *eb)
{
	int error = EMFILE;

	mutex_enter(&units_lock);
	for (int i = 0; i < NUNITS && error != 0; i++) {
		if (units[i] != NULL)
			continue;
		units[i] = eb;
		eb->eb_unit = i;
		error = 0;
	}
	mutex_exit(&units_lock);
	return error;
}

int
etblk_create(
    const char *hostpath, uint64_t begin, uint64_t size, struct etblk **ebp)
{
	struct etblk *eb = kmem_zalloc(sizeof(*eb), KM_SLEEP);
	int error;

	atomic_init(&eb->eb_refcnt, 1);
	eb->eb_begin = begin;
	eb->eb_size = size - size % sector();
	mutex_init(&eb->eb_write, "etblk write");
	mutex_init(&eb->eb_lock, "etblk");
	cv_init(&eb->eb_cv, "etblk");
	error = open_host(eb, hostpath);
	if (error != 0)
		goto fail_free;
	error = take_unit(eb);
	if (error != 0)
		goto fail_open;
	*ebp = eb;
	return 0;

fail_open:
	(void)rumpuser_close(eb->eb_fd);
fail_free:
	cv_destroy(&eb->eb_cv);
	mutex_destroy(&eb->eb_lock);
	mutex_destroy(&eb->eb_write);
	kmem_free(eb, sizeof(*eb));
	return error;
}

static void
get_parameters(void)
{
	uint64_t seed = 1;
	size_t got;

	sectshift = (unsigned)param_get(
	    "RUMP_BLKSECTSHIFT", SECTSHIFT, 0, SECTSHIFT_MAX);
	if (sectshift < SECTSHIFT) {
		kprintf("rump kernel: RUMP_BLKSECTSHIFT is less than %d\n",
		    SECTSHIFT);
		sectshift = SECTSHIFT;
	}
	failrate = param_get("RUMP_BLKFAIL", 0, 0, FAIL_OF);
	if (failrate == 0)
		return;
	(void)rumpuser_getrandom(&seed, sizeof(seed), 0, &got);
	seed = param_get("RUMP_BLKFAIL_SEED", seed, 0, UINT64_MAX);
	kprintf("rump kernel: %lu of %d block transfers fail; "
		"RUMP_BLKFAIL_SEED %lu\n",
	    failrate, FAIL_OF, seed);
	/* The generator never leaves 0. */
	atomic_store(&failstate, seed != 0 ? seed : 1);
}

void
etblk_init(void)
{
	static struct cdev devices[NUNITS];

	mutex_init(&units_lock, "etblk units");
	get_parameters();
	for (unsigned i = 0; i < NUNITS; i++) {
		devices[i].d_dev = makedev(MAJOR_ETFS, i);
		devices[i].d_open = etblk_open;
		devices[i].d_fileops = &etblk_fileops;
		cdev_attach(&devices[i]);
	}
}
