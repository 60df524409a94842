/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs: dirty bytes on their way to the file system.
 *
 * A run takes the dirty bytes of pages that follow each other without a gap.
 * From then on these pages are clean but for what is written to them while they
 * are sent, which is sent by a later run: a page in a run does not go into
 * another one, so that writes arrive in order.  Pages that a program stores to
 * through a mapping are taken away from it before they are sent, for otherwise
 * nobody would know of the next store.
 *
 * A run holds a reference to the cache; its pages are unsaved, which keeps the
 * vnode and the blocks.
 */
#include "vfs/pcwrite.h"

#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "kern/stats.h"
#include "vfs/pcdirty.h"
#include "vfs/pcloose.h"
#include "vfs/pcmap.h"
#include "vfs/vnode.h"

static struct kstat stats[] = {
	{ .ks_name = "pagecache_writes", .ks_help = "runs of bytes written" },
	{ .ks_name = "pagecache_write_bytes",
	    .ks_help = "bytes of the runs written" },
};
enum { WRITES, WRITE_BYTES };

void
pcwrite_init(void)
{
	kstat_attach(stats, NITEMS(stats));
}

void
pcwrite_unref(struct pcwrite *pw)
{
	if (atomic_fetch_sub_explicit(
		&pw->pw_refcnt, 1, memory_order_acq_rel) != 1)
		return;
	if (pw->pw_buffer != NULL)
		kmem_free(pw->pw_buffer, PC_PAGE);
	kauth_cred_free(pw->pw_cred);
	kmem_free(pw, sizeof(*pw));
}

/* An empty run with two references: one is dropped by pagecache_write_done().
 */
static struct pcwrite *
run_create(struct vnode *vp)
{
	struct pcwrite *pw = kmem_alloc(sizeof(*pw), KM_SLEEP);

	memset(pw, 0, offsetof(struct pcwrite, pw_iov));
	memset(&pw->pw_fsdata, 0,
	    sizeof(*pw) - offsetof(struct pcwrite, pw_fsdata));
	pw->pw_vp = vp;
	list_init(&pw->pw_list);
	atomic_init(&pw->pw_refcnt, 2);
	return pw;
}

/* Bytes that lie side by side in memory are one piece. */
static bool
run_add_piece(struct pcwrite *pw, char *addr, size_t len)
{
	struct rump_iovec *last = &pw->pw_iov[MAX(pw->pw_niov - 1, 0)];

	if (pw->pw_niov > 0 && (char *)last->iov_base + last->iov_len == addr) {
		last->iov_len += len;
		return true;
	}
	if (pw->pw_niov == PC_WRITE_IOV)
		return false;
	pw->pw_iov[pw->pw_niov].iov_base = addr;
	pw->pw_iov[pw->pw_niov++].iov_len = len;
	return true;
}

/* Take the dirty bytes of a page if they continue the run and fit. */
static bool
run_add_page(struct pcwrite *pw, struct pcblock *b, unsigned page, size_t most)
    REQUIRES(b->pb_pc->pc_lock)
{
	const struct pcsave *ps = b->pb_save;
	size_t len = (size_t)(ps->ps_hi[page] - ps->ps_lo[page]);
	off_t off = pcblock_off(b) + (off_t)page * PC_PAGE + ps->ps_lo[page];
	uint32_t bit = 1u << page;

	if (pw->pw_len == 0)
		pw->pw_off = off;
	else if (off != pw->pw_off + (off_t)pw->pw_len ||
		 len > most - pw->pw_len)
		return false;
	if (!run_add_piece(pw, pcblock_page(b, page) + ps->ps_lo[page], len))
		return false;
	pw->pw_len += len;
	pw->pw_mapped |= (b->pb_mapdirty & bit) != 0;
	b->pb_dirty &= ~bit;
	b->pb_mapdirty &= ~bit;
	b->pb_running |= bit;
	return true;
}

/* Take what can be had of b's pages in mask; false when the run ends there. */
static bool
run_add_block(struct pcwrite *pw, struct pcblock *b, uint32_t mask, size_t most)
    REQUIRES(b->pb_pc->pc_lock)
{
	struct pcdirty_change ch = pcdirty_begin(b);
	bool more = true;

	for (mask &= b->pb_dirty & ~b->pb_running; more && mask != 0;
	     mask &= mask - 1)
		more = run_add_page(pw, b, (unsigned)__builtin_ctz(mask), most);
	pcdirty_end(b, &ch);
	return more;
}

/* The dirty bytes from *lo on; *lo moves to where the search goes on. */
static void
run_gather(struct pagecache *pc, struct pcwrite *pw, off_t *lo, off_t hi,
    size_t most, bool *skipped) REQUIRES(pc->pc_lock)
{
	uint64_t index = (uint64_t)*lo / PC_BLOCK;
	struct pcblock *b;

	for (; (b = pctree_next(&pc->pc_tree, &index)) != NULL; index++) {
		uint32_t mask;

		if (pcblock_off(b) >= hi)
			break;
		mask = pc_pages_within(index, *lo, hi);
		if ((b->pb_dirty & b->pb_running & mask) != 0)
			*skipped = true;
		if (!run_add_block(pw, b, mask, most))
			break;
		/* What comes behind a gap is another run's. */
		if (pw->pw_len != 0 &&
		    pw->pw_off + (off_t)pw->pw_len != pcblock_off(b) + PC_BLOCK)
			break;
	}
	/* Not to the same page again, if it is dirty again at once. */
	*lo =
	    pw->pw_len == 0 ? hi : pc_page_ceil(pw->pw_off + (off_t)pw->pw_len);
}

static unsigned
run_pages(const struct pcwrite *pw)
{
	off_t first = pw->pw_off / PC_PAGE;

	return (
	    unsigned)(pc_page_ceil(pw->pw_off + (off_t)pw->pw_len) / PC_PAGE -
		      first);
}

/* The run is complete: make it known. */
static void
run_publish(struct pagecache *pc, struct pcwrite *pw, unsigned flags)
    REQUIRES(pc->pc_lock)
{
	pagecache_ref(pc);
	kauth_cred_hold(pc->pc_wcred);
	pw->pw_cred = pc->pc_wcred;
	pw->pw_seq = ++pc->pc_runseq;
	pw->pw_stable =
	    (flags & PCW_STABLE) != 0 && run_pages(pw) == pc->pc_nunsaved;
	list_insert_tail(&pc->pc_runs, &pw->pw_list);
	KSTAT_ADD(&stats[WRITES], 1);
	KSTAT_ADD(&stats[WRITE_BYTES], pw->pw_len);
}

/* Pages that are sent as a whole. */
static void
run_settle(struct pagecache *pc, const struct pcwrite *pw, bool kept)
    REQUIRES(pc->pc_lock)
{
	off_t hi = pw->pw_off + (off_t)pw->pw_len;
	off_t lo = pc_page_ceil(pw->pw_off);
	struct pcblock *b;
	uint64_t index;

	hi = hi == pc->pc_mapend ? pc_page_ceil(hi) : hi - hi % PC_PAGE;
	index = (uint64_t)lo / PC_BLOCK;
	for (; lo < hi && (b = pctree_next(&pc->pc_tree, &index)) != NULL &&
	       pcblock_off(b) < hi;
	     index++)
		pcloose_settle(b, pc_pages_within(index, lo, hi), kept);
}

/* What the program has stored to these pages is in memory from here on, and
 * what it has stored behind the end of file is not to appear some day. */
static void
run_protect(struct pagecache *pc, const struct pcwrite *pw)
{
	off_t end = pw->pw_off + (off_t)pw->pw_len;
	bool alone;

	pcmap_protect(pc, pw->pw_off - pw->pw_off % PC_PAGE, pc_page_ceil(end));
	alone = pcmap_alone(pc);
	mutex_enter(&pc->pc_lock);
	if (end == pc->pc_mapend)
		pcbehind_zero(pc, end, PC_FILE_MAX);
	run_settle(pc, pw, !alone);
	mutex_exit(&pc->pc_lock);
}

static void
run_send(struct pagecache *pc, struct pcwrite *pw)
{
	if (pw->pw_mapped)
		run_protect(pc, pw);
	pc->pc_ops->pc_write(pw);
}

bool
pcwrite_start(
    struct vnode *vp, struct pagecache *pc, off_t lo, off_t hi, unsigned flags)
{
	size_t most = MAX(pc->pc_ops->pc_wsize(vp), (size_t)PC_PAGE);
	bool skipped = false;

	while (lo < hi) {
		struct pcwrite *pw;

		if (__atomic_load_n(&pc->pc_nactive, __ATOMIC_RELAXED) == 0)
			break;
		pw = run_create(vp);
		mutex_enter(&pc->pc_lock);
		run_gather(pc, pw, &lo, hi, most, &skipped);
		if (pw->pw_len != 0)
			run_publish(pc, pw, flags);
		mutex_exit(&pc->pc_lock);
		if (pw->pw_len == 0) {
			kmem_free(pw, sizeof(*pw));
			break;
		}
		run_send(pc, pw);
		pcwrite_unref(pw);
	}
	return skipped;
}

struct pcwrite *
pcwrite_find(struct pagecache *pc, off_t lo, off_t hi, uint64_t seq)
{
	struct list *n;

	LIST_FOREACH (n, &pc->pc_runs) {
		struct pcwrite *pw = LIST_ENTRY(n, struct pcwrite, pw_list);

		if (pw->pw_seq > seq)
			break;
		if (pw->pw_off >= hi || pw->pw_off + (off_t)pw->pw_len <= lo)
			continue;
		atomic_fetch_add_explicit(
		    &pw->pw_refcnt, 1, memory_order_relaxed);
		return pw;
	}
	return NULL;
}

int
pcwrite_wait(struct pagecache *pc, struct pcwrite *pw)
{
	int error = 0;

	if (atomic_load_explicit(&pw->pw_done, memory_order_acquire) == 0)
		error = pc->pc_ops->pc_wait_write(pw);
	if (error == 0)
		error = pw->pw_error;
	pcwrite_unref(pw);
	return error;
}

bool
pcwrite_passes(int error)
{
	return error == ERESTART || error == EINTR || error == ETIMEDOUT ||
	       error == EAGAIN || error == ENOMEM || error == ENOBUFS;
}

/* What the end of a run means to a page, of which it had [lo, hi). */
static void
page_done(struct pcblock *b, unsigned page, unsigned lo, unsigned hi,
    const struct pcwrite *pw) REQUIRES(b->pb_pc->pc_lock)
{
	b->pb_running &= ~(1u << page);
	if (pw->pw_error == 0 && !pw->pw_committed)
		pcdirty_mark_uncommitted(b, page, lo, hi);
	else if (pcwrite_passes(pw->pw_error))
		pcdirty_mark(b, page, lo, hi);
	else if (pw->pw_error != 0)
		pcdirty_forget(b, 1u << page);
}

static void
block_done(struct pcblock *b, const struct pcwrite *pw)
    REQUIRES(b->pb_pc->pc_lock)
{
	struct pcdirty_change ch = pcdirty_begin(b);
	off_t base = pcblock_off(b);
	off_t lo = MAX(pw->pw_off, base);
	off_t hi = MIN(pw->pw_off + (off_t)pw->pw_len, base + PC_BLOCK);

	while (lo < hi) {
		off_t end = MIN(hi, lo - lo % PC_PAGE + PC_PAGE);
		unsigned first = (unsigned)(lo % PC_PAGE);

		page_done(b, (unsigned)((lo - base) / PC_PAGE), first,
		    first + (unsigned)(end - lo), pw);
		lo = end;
	}
	pcdirty_end(b, &ch);
}

/* The server is another one than has got what is uncommitted. */
static void
server_changed(struct pagecache *pc, uint64_t verf) REQUIRES(pc->pc_lock)
{
	struct pcblock *b;
	uint64_t index = 0;

	pc->pc_verf = verf;
	for (; (b = pctree_next(&pc->pc_tree, &index)) != NULL; index++) {
		struct pcdirty_change ch;

		if (b->pb_uncommitted == 0)
			continue;
		ch = pcdirty_begin(b);
		pc->pc_nlost++;
		pcdirty_lost(b, b->pb_uncommitted);
		b->pb_uncommitted = 0;
		pcdirty_end(b, &ch);
	}
}

static void
note_result(struct pagecache *pc, const struct pcwrite *pw)
    REQUIRES(pc->pc_lock)
{
	int error = pw->pw_error;

	if (error == 0 && !pw->pw_committed && pw->pw_verf != pc->pc_verf)
		server_changed(pc, pw->pw_verf);
	if (error != 0) {
		pc->pc_nfailed++;
		pc->pc_failure = error;
	}
	if (error != 0 && !pcwrite_passes(error))
		pcdirty_error(pc, error);
	if (error == ENOSPC || error == EDQUOT)
		pc->pc_full = true;
}

static void
pages_done(struct pagecache *pc, const struct pcwrite *pw) REQUIRES(pc->pc_lock)
{
	uint64_t index = (uint64_t)pw->pw_off / PC_BLOCK;
	off_t end = pw->pw_off + (off_t)pw->pw_len;

	for (; (off_t)index * PC_BLOCK < end; index++)
		block_done(pcblock_find(pc, index), pw);
}

/* A run that has no pages. */
static void
through_done(struct pcwrite *pw)
{
	struct vnode *vp = pw->pw_vp;

	atomic_store_explicit(&pw->pw_done, 1, memory_order_release);
	pcwrite_unref(pw);
	vrele_deferred(vp);
}

void
pagecache_write_done(
    struct pcwrite *pw, int error, bool committed, uint64_t verf)
{
	struct pagecache *pc = pagecache_peek(pw->pw_vp);

	pw->pw_error = error;
	pw->pw_committed = committed;
	pw->pw_verf = verf;
	if (pw->pw_buffer != NULL) {
		through_done(pw);
		return;
	}
	mutex_enter(&pc->pc_lock);
	note_result(pc, pw);
	list_remove(&pw->pw_list);
	pages_done(pc, pw);
	atomic_store_explicit(&pw->pw_done, 1, memory_order_release);
	cv_broadcast(&pc->pc_cv);
	mutex_exit(&pc->pc_lock);
	pcwrite_unref(pw);
	pagecache_unref(pc);
}

int
pcwrite_through(struct vnode *vp, struct pagecache *pc, off_t off,
    const void *buf, size_t len, kauth_cred_t cred)
{
	struct pcwrite *pw = run_create(vp);

	KASSERT(len <= PC_PAGE);
	pw->pw_buffer = kmem_alloc(PC_PAGE, KM_SLEEP);
	memcpy(pw->pw_buffer, buf, len);
	vref(vp);
	kauth_cred_hold(cred);
	pw->pw_cred = cred;
	pw->pw_off = off;
	pw->pw_len = len;
	pw->pw_stable = true;
	(void)run_add_piece(pw, pw->pw_buffer, len);
	pc->pc_ops->pc_write(pw);
	return pcwrite_wait(pc, pw);
}
