/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Saving: writing what is dirty, waiting for it, and having it committed.
 *
 * A commit covers what had been written when it was asked for: such pages are
 * "committing" meanwhile, and what is written during the commit is uncommitted
 * anew.  One commit at a time is under way for a file.
 *
 * Data that nobody syncs are saved by a callout some seconds after they became
 * dirty.  It is armed when something becomes dirty and not taken back, so that
 * a program that writes many small files does not pay for each; it makes a
 * thread for the work, since that may sleep for long.
 */
#include "vfs/pcsync.h"

#include "kern/callout.h"
#include "kern/clock.h"
#include "kern/kthread.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "vfs/mount.h"
#include "vfs/pcdirty.h"
#include "vfs/pcwrite.h"
#include "vfs/vnode.h"

#define OLD_NS INT64_C(5000000000)
/* Restarts of the server within one sync before it is given up. */
#define RESTARTS_MAX 16

static struct callout callout;
static _Atomic bool armed;

/* A page in a run that is dirty again goes with the next: the second round has
 * all that was dirty in the beginning. */
#define ROUNDS 2

static uint32_t
count(const uint32_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

static void
keep_first(int *first, int error)
{
	if (*first == 0)
		*first = error;
}

/* Wait for the runs in [lo, hi) that have been started.  0 or ERESTART. */
static int
wait_for_runs(struct pagecache *pc, off_t lo, off_t hi)
{
	struct pcwrite *pw;
	uint64_t seq;
	int error;

	mutex_enter(&pc->pc_lock);
	seq = pc->pc_runseq;
	while ((pw = pcwrite_find(pc, lo, hi, seq)) != NULL) {
		mutex_exit(&pc->pc_lock);
		error = pcwrite_wait(pc, pw);
		if (error == ERESTART)
			return error;
		mutex_enter(&pc->pc_lock);
	}
	mutex_exit(&pc->pc_lock);
	return 0;
}

/*
 * Some runs may have ended before they can be waited for, so a failure is told
 * by the count of them: it may be another one's, who must be told, too.
 */
static int
write_out(
    struct vnode *vp, struct pagecache *pc, off_t lo, off_t hi, unsigned flags)
{
	uint32_t failed = count(&pc->pc_nfailed);
	bool skipped = true;
	int error = 0;

	for (int i = 0; i < ROUNDS && skipped && error == 0; i++) {
		skipped = pcwrite_start(vp, pc, lo, hi, flags);
		error = wait_for_runs(pc, lo, hi);
	}
	if (error == 0 && failed != count(&pc->pc_nfailed))
		error = __atomic_load_n(&pc->pc_failure, __ATOMIC_RELAXED);
	return error;
}

int
pcsync_writeout(struct vnode *vp, struct pagecache *pc)
{
	return write_out(vp, pc, 0, PC_FILE_MAX, 0);
}

/* What is uncommitted in [lo, hi) is committing from now on; false if there is
 * nothing.  *clo and *chi are its ends. */
static bool
commit_begin(struct pagecache *pc, off_t lo, off_t hi, off_t *clo, off_t *chi)
    REQUIRES(pc->pc_lock)
{
	uint64_t index = (uint64_t)lo / PC_BLOCK;
	struct pcblock *b;

	*chi = 0;
	for (; (b = pctree_next(&pc->pc_tree, &index)) != NULL; index++) {
		uint32_t mask;
		unsigned first, last;

		if (pcblock_off(b) >= hi)
			break;
		mask = b->pb_uncommitted & pc_pages_within(index, lo, hi);
		if (mask == 0)
			continue;
		b->pb_uncommitted &= ~mask;
		b->pb_committing |= mask;
		first = (unsigned)__builtin_ctz(mask);
		last = 31 - (unsigned)__builtin_clz(mask);
		if (*chi == 0)
			*clo = pcblock_off(b) + (off_t)first * PC_PAGE +
			       b->pb_save->ps_ulo[first];
		*chi = pcblock_off(b) + (off_t)last * PC_PAGE +
		       b->pb_save->ps_uhi[last];
	}
	return *chi != 0;
}

enum outcome { SAVED, LOST, FAILED, LATER };

/* Has a writer who has filled half of the cache left b behind? */
static bool
left_behind(const struct pcblock *b) REQUIRES(b->pb_pc->pc_lock)
{
	const struct pagecache *pc = b->pb_pc;

	return pc->pc_wnext >= pcblock_capacity() / 2 &&
	       pcblock_off(b) + PC_BLOCK <= pc->pc_behind;
}

static void
block_committed(struct pcblock *b, enum outcome outcome)
    REQUIRES(b->pb_pc->pc_lock)
{
	struct pcdirty_change ch = pcdirty_begin(b);
	uint32_t mask = b->pb_committing;

	b->pb_committing = 0;
	if (outcome == LOST)
		pcdirty_lost(b, mask);
	else if (outcome == LATER)
		b->pb_uncommitted |= mask;
	else if (outcome == FAILED)
		pcdirty_forget(b, mask);
	pcdirty_end(b, &ch);
	if (outcome == SAVED && b->pb_save == NULL && left_behind(b))
		pcblock_spend(b);
}

static void
commit_end(struct pagecache *pc, enum outcome outcome) REQUIRES(pc->pc_lock)
{
	struct pcblock *b;
	uint64_t index = 0;

	for (; (b = pctree_next(&pc->pc_tree, &index)) != NULL; index++) {
		if (b->pb_committing != 0)
			block_committed(b, outcome);
	}
	pc->pc_committing = false;
	cv_broadcast(&pc->pc_cv);
}

static enum outcome
judge(int error, bool same_server)
{
	if (error == 0)
		return same_server ? SAVED : LOST;
	return pcwrite_passes(error) ? LATER : FAILED;
}

/* The commit itself. */
static int
commit_range(struct vnode *vp, struct pagecache *pc, off_t lo, off_t hi)
    REQUIRES(pc->pc_lock)
{
	kauth_cred_t cred = pc->pc_wcred;
	uint64_t verf = pc->pc_verf, now = 0;
	enum outcome outcome;
	int error;

	pc->pc_committing = true;
	kauth_cred_hold(cred);
	mutex_exit(&pc->pc_lock);
	error = pc->pc_ops->pc_commit(vp, lo, hi, cred, &now);
	kauth_cred_free(cred);
	mutex_enter(&pc->pc_lock);
	outcome = judge(error, now == verf);
	if (outcome == FAILED)
		pcdirty_error(pc, error);
	if (error == ENOSPC || error == EDQUOT)
		pc->pc_full = true;
	if (outcome == LOST)
		pc->pc_nlost++;
	commit_end(pc, outcome);
	return error;
}

static int
commit(struct vnode *vp, struct pagecache *pc, off_t lo, off_t hi)
{
	off_t clo, chi;
	int error = 0;

	mutex_enter(&pc->pc_lock);
	while (error == 0 && pc->pc_committing)
		error = cv_wait_sig(&pc->pc_cv, &pc->pc_lock);
	if (error == 0 && commit_begin(pc, lo, hi, &clo, &chi))
		error = commit_range(vp, pc, clo, chi);
	mutex_exit(&pc->pc_lock);
	return error;
}

/* Everything of the file was saved: the next writer begins anew. */
static void
forget_stream(struct pagecache *pc)
{
	mutex_enter(&pc->pc_lock);
	if (pc->pc_nunsaved == 0)
		pc->pc_behind = 0;
	mutex_exit(&pc->pc_lock);
}

/* What the server loses meanwhile is saved once more. */
static int
save(struct vnode *vp, struct pagecache *pc, off_t lo, off_t hi)
{
	uint32_t lost = count(&pc->pc_nlost) - 1;
	int error, failed, i;

	for (i = 0; lost != count(&pc->pc_nlost) && i < RESTARTS_MAX; i++) {
		lost = count(&pc->pc_nlost);
		failed = write_out(vp, pc, lo, hi, PCW_STABLE);
		if (failed == ERESTART)
			return failed;
		/* What has been written is to be kept all the same. */
		error = commit(vp, pc, lo, hi);
		if (error == ERESTART)
			return error;
		keep_first(&failed, error);
		if (failed != 0)
			return failed;
	}
	forget_stream(pc);
	return i == RESTARTS_MAX ? EIO : 0;
}

int
pagecache_sync(struct vnode *vp, off_t lo, off_t hi, int flags)
{
	struct pagecache *pc = pagecache_peek(vp);

	if (pc == NULL || !pagecache_unsaved(vp))
		return 0;
	if (hi == 0)
		hi = PC_FILE_MAX;
	if ((flags & PCS_WAIT) != 0)
		return save(vp, pc, lo, hi);
	(void)pcwrite_start(vp, pc, lo, hi, 0);
	return 0;
}

/* Save vp, or only begin to; a signal is the only reason to stop. */
static int
sync_files(struct mount *mp, bool wait)
{
	uint64_t walk = pcdirty_walk();
	int64_t now = uptime_ns();
	struct vnode *vp;
	int first = 0, error = 0;

	while (
	    error != ERESTART && (vp = pcdirty_next(walk, mp, now)) != NULL) {
		if (wait)
			error = pagecache_sync(vp, 0, 0, PCS_WAIT);
		else
			(void)pcwrite_start(
			    vp, pagecache_of(vp), 0, PC_FILE_MAX, PCW_STABLE);
		keep_first(&first, error);
		vrele(vp);
	}
	return error == ERESTART ? error : first;
}

int
pagecache_sync_mount(struct mount *mp, int flags)
{
	if (!pcdirty_any())
		return 0;
	(void)sync_files(mp, false);
	return (flags & PCS_WAIT) != 0 ? sync_files(mp, true) : 0;
}

/* Let one run of vp end; false if there is nothing to wait for. */
static bool
drain_one(struct vnode *vp, struct pagecache *pc, int *error)
{
	struct pcwrite *pw;

	(void)pcwrite_start(vp, pc, 0, PC_FILE_MAX, 0);
	mutex_enter(&pc->pc_lock);
	pw = pcwrite_find(pc, 0, PC_FILE_MAX, UINT64_MAX);
	mutex_exit(&pc->pc_lock);
	if (pw == NULL)
		return false;
	*error = pcwrite_wait(pc, pw);
	return true;
}

static bool
has_active(struct pagecache *pc)
{
	return __atomic_load_n(&pc->pc_nactive, __ATOMIC_RELAXED) != 0;
}

/* Somebody else's data make room.  What fails there is not our concern: we go
 * beyond the bound then. */
static int
relieve_other(bool *more)
{
	struct vnode *vp = pcdirty_some();
	int error;

	*more = false;
	if (vp == NULL)
		return 0;
	error = pagecache_sync(vp, 0, 0, PCS_WAIT);
	vrele(vp);
	*more = error == 0;
	return error == ERESTART ? error : 0;
}

static int
throttle_active(struct vnode *vp, struct pagecache *pc)
{
	bool more = true;
	int error = 0;

	while (error == 0 && more && pcdirty_active_full()) {
		if (!has_active(pc))
			error = relieve_other(&more);
		else
			(void)drain_one(vp, pc, &error);
	}
	return error;
}

static int
throttle_unsaved(struct vnode *vp, struct pagecache *pc)
{
	bool more = true;
	int error = 0;

	while (error == 0 && more && pcdirty_unsaved_full()) {
		if (!pagecache_unsaved(vp)) {
			error = relieve_other(&more);
			continue;
		}
		error = commit(vp, pc, 0, PC_FILE_MAX);
		/* It was not committing that was missing. */
		if (error == 0 && pcdirty_unsaved_full() && has_active(pc))
			(void)drain_one(vp, pc, &error);
	}
	return error;
}

int
pcsync_throttle(struct vnode *vp, struct pagecache *pc)
{
	int error = 0;

	if (PREDICT_FALSE(pcdirty_active_full()))
		error = throttle_active(vp, pc);
	if (error == 0 && PREDICT_FALSE(pcdirty_unsaved_full()))
		error = throttle_unsaved(vp, pc);
	return error;
}

void
pcsync_arm(void)
{
	if (!atomic_load_explicit(&armed, memory_order_relaxed) &&
	    !atomic_exchange(&armed, true))
		callout_schedule(&callout, OLD_NS);
}

/* Order: who makes something dirty from here on arms it. */
static void
disarm(void)
{
	atomic_store(&armed, false);
	if (pcdirty_any())
		pcsync_arm();
}

static void
save_old(void *arg)
{
	int64_t before = uptime_ns() - OLD_NS;
	uint64_t walk = pcdirty_walk();
	struct vnode *vp;

	kthread_parkpoint();
	while ((vp = pcdirty_next(walk, NULL, before)) != NULL) {
		(void)pagecache_sync(vp, 0, 0, PCS_WAIT);
		vrele(vp);
		kthread_parkpoint();
	}
	disarm();
}

static void
expire(void *arg)
{
	if (!pcdirty_any() || kthread_create("sync", save_old, NULL) != 0)
		disarm();
}

void
pcsync_init(void)
{
	callout_init(&callout, expire, NULL);
}
