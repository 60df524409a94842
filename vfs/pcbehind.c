/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing behind.
 *
 * A write goes block by block: the pages are made ready under pc_lock, copied
 * into without it, since the copy may fault and sleep, and marked dirty under it
 * again.  Pages that are overwritten whole need not be read; they are invalid
 * while the copy lasts, and nobody else fills them.  That would be a trap for a
 * copy whose source is a mapping of the same page: in a mapped file such pages
 * are read first.
 *
 * Runs are started behind a writer that goes on where it has stopped, once it has
 * left them behind; one that comes back to the same place is not sequential, and
 * its data wait for a sync, the bound, or the callout.
 */
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "vfs/pcdirty.h"
#include "vfs/pcfill.h"
#include "vfs/pcloose.h"
#include "vfs/pcmap.h"
#include "vfs/pcsync.h"
#include "vfs/pcwrite.h"

/* Internal: pc_lock was given up, look again; the bytes have to go through.  No
 * errno of a file system. */
#define AGAIN (-1)
#define THROUGH (-2)

struct behind {
	struct vnode *bh_vp;
	struct pagecache *bh_pc;
	struct uio *bh_uio;
	off_t bh_eof;
	kauth_cred_t bh_cred;
	bool bh_careful; /* a copy has faulted: page by page */

	/* The present step. */
	struct pcblock *bh_block; /* pinned */
	off_t bh_off;
	size_t bh_len;
	uint32_t bh_mask; /* pages */
	bool bh_single;   /* from one vector: all of it comes, or nothing */
};

/* The length of the first vector that is not empty. */
static size_t
first_length(const struct uio *uio)
{
	int i = 0;

	while (uio->uio_iov[i].iov_len == 0)
		i++;
	return uio->uio_iov[i].iov_len;
}

static void
plan_step(struct behind *bh)
{
	const struct uio *uio = bh->bh_uio;
	size_t most = first_length(uio);
	off_t within = uio->uio_offset % PC_BLOCK;
	size_t n = MIN(uio->uio_resid, (size_t)(PC_BLOCK - within));

	if (bh->bh_careful || most < n)
		n = MIN(n, (size_t)(PC_PAGE - within % PC_PAGE));
	bh->bh_off = uio->uio_offset;
	bh->bh_len = n;
	bh->bh_single = most >= n;
	bh->bh_mask = pc_page_mask((unsigned)(within / PC_PAGE),
	    (unsigned)(pc_page_ceil(within + (off_t)n) / PC_PAGE));
}

static void
zero_page(struct pcblock *b, unsigned page, size_t from)
    REQUIRES(b->pb_pc->pc_lock)
{
	if ((b->pb_zero & 1u << page) == 0)
		memset(pcblock_page(b, page) + from, 0, PC_PAGE - from);
}

/*
 * See to a page that is not valid.  True unless it has to be read: it is going
 * to be overwritten, or lies behind the end of file.
 */
static bool
ready_page(const struct behind *bh, unsigned page) REQUIRES(bh->bh_pc->pc_lock)
{
	struct pcblock *b = bh->bh_block;
	off_t start = pcblock_off(b) + (off_t)page * PC_PAGE;
	off_t end = bh->bh_off + (off_t)bh->bh_len;
	bool covered =
	    bh->bh_off <= start && end >= MIN(start + PC_PAGE, bh->bh_eof);

	if (covered && bh->bh_single && bh->bh_pc->pc_maps == 0) {
		if (end < start + PC_PAGE)
			zero_page(b, page, (size_t)(end - start));
		return true;
	}
	if (start < bh->bh_eof)
		return false;
	zero_page(b, page, 0);
	b->pb_valid |= 1u << page;
	pcblock_touch(b, 1u << page);
	return true;
}

/* Read a page that is not overwritten whole. */
static int
read_page(const struct behind *bh, unsigned page)
{
	off_t start = pcblock_off(bh->bh_block) + (off_t)page * PC_PAGE;
	struct pcfill *pf = NULL;
	int error;

	error = pcfill_start(
	    bh->bh_vp, bh->bh_pc, start, start + PC_PAGE, bh->bh_cred, &pf);
	if (pf != NULL)
		error = pcfill_wait(bh->bh_pc, pf);
	if (error == EACCES || error == EPERM)
		return THROUGH;
	return error != 0 ? error : AGAIN;
}

/* Somebody else reads pages of ours.  Whether he gets them is his affair. */
static int
await_fill(const struct behind *bh, uint32_t busy) RELEASES(bh->bh_pc->pc_lock)
{
	struct pcfill *pf =
	    pcfill_find(bh->bh_block, (unsigned)__builtin_ctz(busy));

	mutex_exit(&bh->bh_pc->pc_lock);
	return pcfill_wait(bh->bh_pc, pf) == ERESTART ? ERESTART : AGAIN;
}

/* Make the pages of the step ready.  0: they are the writer's, pc_lock is
 * held; else it is not. */
static int
claim_pages(const struct behind *bh) REQUIRES(bh->bh_pc->pc_lock)
{
	struct pcblock *b = bh->bh_block;
	uint32_t missing;

	if ((b->pb_busy & bh->bh_mask) != 0)
		return await_fill(bh, b->pb_busy & bh->bh_mask);
	if (pcblock_reach(b, bh->bh_mask) != 0 || pcdirty_prepare(b) != 0) {
		mutex_exit(&bh->bh_pc->pc_lock);
		return ENOMEM;
	}
	missing = bh->bh_mask & ~b->pb_valid;
	for (; missing != 0; missing &= missing - 1) {
		unsigned page = (unsigned)__builtin_ctz(missing);

		if (!ready_page(bh, page)) {
			mutex_exit(&bh->bh_pc->pc_lock);
			return read_page(bh, page);
		}
	}
	pcblock_touch(b, bh->bh_mask);
	b->pb_writing |= bh->bh_mask;
	b->pb_writers++;
	return 0;
}

/* The block of the step.  0: pinned; when there is no memory, saved pages may
 * make some. */
static int
get_block(struct behind *bh) REQUIRES(bh->bh_pc->pc_lock)
{
	struct pagecache *pc = bh->bh_pc;
	int error;

	error = pcblock_get_pages(
	    pc, (uint64_t)bh->bh_off / PC_BLOCK, bh->bh_mask, &bh->bh_block);
	if (error == 0)
		return 0;
	mutex_exit(&pc->pc_lock);
	if (!pcdirty_any())
		return error;
	error = pagecache_sync_mount(NULL, PCS_WAIT);
	return error == 0 ? AGAIN : error;
}

/* 0: the pages of the step are claimed, and the block is pinned. */
static int
claim(struct behind *bh)
{
	uint32_t zero = 0;
	int error;

	do {
		mutex_enter(&bh->bh_pc->pc_lock);
		error = get_block(bh);
		if (error != 0)
			continue;
		zero = bh->bh_block->pb_zero;
		error = claim_pages(bh);
		if (error != 0)
			pcblock_unpin(bh->bh_block);
		else
			mutex_exit(&bh->bh_pc->pc_lock);
	} while (error == AGAIN);
	if (error == 0)
		pcblock_populate(bh->bh_block, bh->bh_mask, zero);
	return error;
}

/*
 * A copy has faulted and may have left bytes that are not counted: those in the
 * file are dirty, since nobody knows what they were, and those behind it are
 * zeros.
 */
static void
mend_fault(const struct behind *bh, off_t moved_to) REQUIRES(bh->bh_pc->pc_lock)
{
	struct pcblock *b = bh->bh_block;
	off_t base = pcblock_off(b), end = bh->bh_off + (off_t)bh->bh_len;
	uint32_t mask = bh->bh_mask & b->pb_valid;

	for (; mask != 0; mask &= mask - 1) {
		off_t start = base + (off_t)__builtin_ctz(mask) * PC_PAGE;
		off_t lo = MAX(start, bh->bh_off);
		off_t hi = MIN(start + PC_PAGE, end);
		off_t file = MAX(bh->bh_eof, moved_to);

		if (hi > file) {
			off_t from = MAX(lo, file);

			memset((char *)b->pb_mem.am_addr + (from - base), 0,
			    (size_t)(hi - from));
			hi = from;
		}
		pcdirty_mark_range(b, lo, hi);
	}
}

/* The copy is over: what came is dirty.  Drops the pin. */
static void
unclaim(struct behind *bh, int error)
{
	struct pagecache *pc = bh->bh_pc;
	struct pcblock *b = bh->bh_block;
	struct pcdirty_change ch;

	mutex_enter(&pc->pc_lock);
	ch = pcdirty_begin(b);
	b->pb_writing &= ~bh->bh_mask;
	b->pb_writers--;
	if (error == 0) {
		b->pb_valid |= bh->bh_mask;
		pcdirty_mark_range(
		    b, bh->bh_off, bh->bh_off + (off_t)bh->bh_len);
	} else {
		mend_fault(bh, bh->bh_uio->uio_offset);
	}
	pcdirty_end(b, &ch);
	if (cv_has_waiters(&pc->pc_cv))
		cv_broadcast(&pc->pc_cv);
	mutex_exit(&pc->pc_lock);
	atomic_store_explicit(&b->pb_used, true, memory_order_relaxed);
	pcblock_unpin(b);
}

/* Start what a sequential writer has left behind. */
static void
write_behind(struct behind *bh)
{
	struct pagecache *pc = bh->bh_pc;
	off_t wsize = MAX((off_t)pc->pc_ops->pc_wsize(bh->bh_vp), PC_PAGE);
	off_t off = bh->bh_off, end = off + (off_t)bh->bh_len, lo, hi;

	mutex_enter(&pc->pc_lock);
	lo = MAX(pc->pc_behind, off - off % wsize - wsize);
	hi = off == pc->pc_wnext ? (end - 1) - (end - 1) % wsize : 0;
	pc->pc_wnext = end;
	if (hi > lo)
		pc->pc_behind = hi;
	mutex_exit(&pc->pc_lock);
	if (hi > lo)
		(void)pcwrite_start(bh->bh_vp, pc, MAX(lo, 0), hi, 0);
}

/* What a step has taken from its uio, to be put back. */
struct mark {
	struct uio mk_uio;
	struct rump_iovec mk_iov;
};

static void
mark_uio(const struct uio *uio, struct mark *mk)
{
	mk->mk_uio = *uio;
	while (mk->mk_uio.uio_iov->iov_len == 0) {
		mk->mk_uio.uio_iov++;
		mk->mk_uio.uio_iovcnt--;
	}
	mk->mk_iov = *mk->mk_uio.uio_iov;
}

static void
rewind_uio(struct uio *uio, const struct mark *mk)
{
	*uio = mk->mk_uio;
	*uio->uio_iov = mk->mk_iov;
}

/* The page cannot be read: its bytes go to the file system alone. */
static int
write_through(struct behind *bh)
{
	char buf[PC_PAGE];
	struct uio *uio = bh->bh_uio;
	size_t n = PC_PAGE - (size_t)(bh->bh_off % PC_PAGE);
	struct mark mk;
	int error;

	n = MIN(MIN(n, bh->bh_len), first_length(uio));
	mark_uio(uio, &mk);
	error = uiomove(buf, n, uio);
	if (error != 0)
		return error;
	error = pcwrite_through(
	    bh->bh_vp, bh->bh_pc, bh->bh_off, buf, n, bh->bh_cred);
	if (error != 0)
		rewind_uio(uio, &mk);
	return error;
}

static bool
is_full(struct pagecache *pc)
{
	return __atomic_load_n(&pc->pc_full, __ATOMIC_RELAXED);
}

/* The file has been out of space: see whether this fits. */
static int
write_at_once(struct behind *bh, const struct mark *mk)
{
	struct pagecache *pc = bh->bh_pc;
	int error;

	error = pagecache_sync(
	    bh->bh_vp, bh->bh_off, bh->bh_off + (off_t)bh->bh_len, PCS_WAIT);
	if (error != 0 && error != ERESTART)
		rewind_uio(bh->bh_uio, mk);
	if (error != 0)
		return error;
	mutex_enter(&pc->pc_lock);
	__atomic_store_n(&pc->pc_full, false, __ATOMIC_RELAXED);
	mutex_exit(&pc->pc_lock);
	return 0;
}

static int
copy(struct behind *bh)
{
	char *addr =
	    (char *)bh->bh_block->pb_mem.am_addr + bh->bh_off % PC_BLOCK;
	struct mark mk;
	int error;

	mark_uio(bh->bh_uio, &mk);
	error = uiomove(addr, bh->bh_len, bh->bh_uio);
	unclaim(bh, error);
	if (error == EFAULT && !bh->bh_careful && bh->bh_len > PC_PAGE) {
		bh->bh_careful = true;
		return 0;
	}
	if (error != 0)
		return error;
	if (bh->bh_single && PREDICT_FALSE(is_full(bh->bh_pc)))
		return write_at_once(bh, &mk);
	write_behind(bh);
	return 0;
}

static int
write_step(struct behind *bh)
{
	int error;

	error = pcsync_throttle(bh->bh_vp, bh->bh_pc);
	if (error != 0)
		return error;
	plan_step(bh);
	error = claim(bh);
	if (error == 0)
		error = copy(bh);
	else if (error == THROUGH)
		error = write_through(bh);
	bh->bh_eof = MAX(bh->bh_eof, bh->bh_uio->uio_offset);
	return error;
}

static bool
same_cred(const struct kauth_cred *a, const struct kauth_cred *b)
{
	return a == b ||
	       (a->cr_euid == b->cr_euid && a->cr_egid == b->cr_egid &&
		   a->cr_ngroups == b->cr_ngroups &&
		   memcmp(a->cr_groups, b->cr_groups,
		       a->cr_ngroups * sizeof(a->cr_groups[0])) == 0);
}

/* Runs are written with one credential: others' data go first. */
static int
set_cred(struct vnode *vp, struct pagecache *pc, kauth_cred_t cred)
{
	kauth_cred_t old;
	int error = 0;

	mutex_enter(&pc->pc_lock);
	old = pc->pc_wcred;
	if (old != NULL && pc->pc_nactive != 0 && !same_cred(old, cred)) {
		mutex_exit(&pc->pc_lock);
		error = pcsync_writeout(vp, pc);
		mutex_enter(&pc->pc_lock);
		old = pc->pc_wcred;
	}
	if (old != cred && error != ERESTART) {
		kauth_cred_hold(cred);
		pc->pc_wcred = cred;
	} else {
		old = NULL;
	}
	mutex_exit(&pc->pc_lock);
	if (old != NULL)
		kauth_cred_free(old);
	return error == ERESTART ? error : 0;
}

/* The program may have stored something behind the end through a mapping. */
void
pcbehind_zero(struct pagecache *pc, off_t eof, off_t to)
{
	struct pcblock *b = pcblock_find(pc, (uint64_t)eof / PC_BLOCK);
	unsigned page = (unsigned)(eof % PC_BLOCK / PC_PAGE);

	to = MIN(to, pc_page_ceil(eof));
	if (b != NULL && to > eof && (b->pb_valid & 1u << page) != 0)
		memset((char *)b->pb_mem.am_addr + eof % PC_BLOCK, 0,
		    (size_t)(to - eof));
}

/* The file has grown to end: so does what a store to its last page made dirty.
 */
static void
grow_mapped(struct pagecache *pc, off_t end, bool zero) REQUIRES(pc->pc_lock)
{
	off_t old = pc->pc_mapend;
	struct pcblock *b = pcblock_find(pc, (uint64_t)old / PC_BLOCK);
	unsigned page = (unsigned)(old % PC_BLOCK / PC_PAGE);
	struct pcdirty_change ch;

	if (end <= old)
		return;
	pc->pc_mapend = end;
	if (old % PC_PAGE == 0 || b == NULL ||
	    (b->pb_mapdirty & 1u << page) == 0)
		return;
	if (zero)
		pcbehind_zero(pc, old, end);
	ch = pcdirty_begin(b);
	pcdirty_mark_range(b, old, MIN(end, pc_page_ceil(old)));
	pcdirty_end(b, &ch);
}

void
pcbehind_grow(struct pagecache *pc, off_t end)
{
	if (pc->pc_mapend != 0)
		grow_mapped(pc, end, true);
}

int
pagecache_write_behind(
    struct vnode *vp, struct uio *uio, off_t eof, kauth_cred_t cred)
{
	struct behind bh = {
		.bh_vp = vp,
		.bh_pc = pagecache_of(vp),
		.bh_uio = uio,
		.bh_eof = eof,
		.bh_cred = cred,
	};
	struct pagecache *pc = bh.bh_pc;
	size_t before = uio->uio_resid;
	int error;

	error = set_cred(vp, pc, cred);
	if (error != 0)
		return error;
	mutex_enter(&pc->pc_lock);
	if (PREDICT_FALSE(pc->pc_maps != 0) && uio->uio_offset > eof)
		pcbehind_zero(pc, eof, uio->uio_offset);
	mutex_exit(&pc->pc_lock);
	while (error == 0 && uio->uio_resid > 0)
		error = write_step(&bh);
	mutex_enter(&pc->pc_lock);
	if (PREDICT_FALSE(pc->pc_mapend != 0))
		grow_mapped(pc, bh.bh_eof, false);
	mutex_exit(&pc->pc_lock);
	pcsync_arm();
	return error == ERESTART && uio->uio_resid != before ? 0 : error;
}

/* The pages of b in mask are stored to. */
static int
map_dirty_block(struct pcblock *b, uint32_t mask, off_t eof)
    REQUIRES(b->pb_pc->pc_lock)
{
	off_t lo = pcblock_off(b) + (off_t)__builtin_ctz(mask) * PC_PAGE;
	off_t hi = pcblock_off(b) + (off_t)(32 - __builtin_clz(mask)) * PC_PAGE;
	struct pcdirty_change ch;

	if ((mask & ~b->pb_valid) != 0 || !pcblock_reached(b, mask))
		return EAGAIN;
	if (pcdirty_prepare(b) != 0)
		return ENOMEM;
	ch = pcdirty_begin(b);
	pcdirty_mark_range(b, lo, MIN(hi, eof));
	b->pb_mapdirty |= mask & b->pb_dirty;
	pcloose_note(b, mask);
	b->pb_pc->pc_mapend = MAX(b->pb_pc->pc_mapend, eof);
	pcdirty_end(b, &ch);
	return 0;
}

int
pagecache_map_dirty(struct vnode *vp, off_t lo, off_t hi, off_t eof)
{
	struct pagecache *pc = pagecache_of(vp);
	int error = 0;

	if (lo >= eof)
		return EAGAIN;
	hi = MIN(hi, pc_page_ceil(eof));
	mutex_enter(&pc->pc_lock);
	if (pc->pc_wcred == NULL) {
		kauth_cred_hold(curlwp->l_cred);
		pc->pc_wcred = curlwp->l_cred;
	}
	while (lo < hi && error == 0) {
		uint64_t index = (uint64_t)lo / PC_BLOCK;
		struct pcblock *b = pcblock_find(pc, index);

		error = b == NULL ? EAGAIN
				  : map_dirty_block(
					b, pc_pages_within(index, lo, hi), eof);
		lo = (off_t)(index + 1) * PC_BLOCK;
	}
	mutex_exit(&pc->pc_lock);
	if (error == 0)
		pcsync_arm();
	return error;
}
