/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making pages present for mappings: valid, and in the file's window.  A block
 * that lies elsewhere is copied to its place once nothing is written to it.
 */
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "vfs/pcfill.h"
#include "vfs/pcwrite.h"

/* Internal: something has changed, look again.  No errno of a file system. */
#define AGAIN (-1)

/* Somebody is writing from a loose block: wait for one run. */
static int
await_run(struct pagecache *pc, struct pcblock *b) REQUIRES(pc->pc_lock)
{
	struct pcwrite *pw = pcwrite_find(
	    pc, pcblock_off(b), pcblock_off(b) + PC_BLOCK, UINT64_MAX);
	int error = 0;

	if (pw == NULL)
		return 0;
	mutex_exit(&pc->pc_lock);
	error = pcwrite_wait(pc, pw);
	mutex_enter(&pc->pc_lock);
	return error == ERESTART ? error : 0;
}

/* Wait until nothing is copied into a loose block, then move it.  AGAIN:
 * there is a fill to wait for. */
static int
present_move(struct pagecache *pc, struct pcblock *b) REQUIRES(pc->pc_lock)
{
	int error = 0;

	while (!b->pb_orphan && error == 0) {
		if (b->pb_busy != 0)
			return AGAIN;
		if (b->pb_running != 0) {
			error = await_run(pc, b);
			continue;
		}
		if (b->pb_writers != 0)
			error = cv_wait_sig(&pc->pc_cv, &pc->pc_lock);
		else
			error = pcblock_move(b);
	}
	return error;
}

/* Wait for some fill of b; gives pc_lock up. */
static int
present_wait(struct pagecache *pc, struct pcblock *b, uint32_t busy)
    RELEASES(pc->pc_lock)
{
	struct pcfill *pf = pcfill_find(b, (unsigned)__builtin_ctz(busy));

	mutex_exit(&pc->pc_lock);
	return pcfill_wait(pc, pf);
}

/*
 * One step towards presence with b pinned.  AGAIN: pc_lock was given up, look
 * again; 0: all is there, pc_lock is held.  Errors give pc_lock up.
 */
static int
present_step(struct vnode *vp, struct pagecache *pc, off_t lo, off_t hi,
    kauth_cred_t cred, uint32_t cuts, struct pcblock *b) REQUIRES(pc->pc_lock)
{
	uint32_t mask = pc_pages_within(b->pb_index, lo, hi), missing;
	struct pcfill *pf = NULL;
	int error;

	if (!b->pb_window) {
		error = present_move(pc, b);
		if (error == AGAIN) {
			/* Its error may be about other pages. */
			error = present_wait(pc, b, b->pb_busy);
			return error == ERESTART ? error : AGAIN;
		}
		mutex_exit(&pc->pc_lock);
		return error != 0 ? error : AGAIN;
	}
	error = pc->pc_cuts == cuts ? pcblock_reach(b, mask) : PC_CUT;
	if (error != 0) {
		mutex_exit(&pc->pc_lock);
		return error;
	}
	missing = mask & ~b->pb_valid;
	if (missing == 0)
		return 0;
	if (pc->pc_memory) {
		error = pcblock_validate(b, missing);
		if (error != 0)
			mutex_exit(&pc->pc_lock);
		return error;
	}
	if ((missing & b->pb_writing) != 0) {
		error = cv_wait_sig(&pc->pc_cv, &pc->pc_lock);
		mutex_exit(&pc->pc_lock);
		return error != 0 ? error : AGAIN;
	}
	if ((missing & b->pb_busy) != 0) {
		error = present_wait(pc, b, missing & b->pb_busy);
		return error != 0 ? error : AGAIN;
	}
	mutex_exit(&pc->pc_lock);
	error = pcfill_start(vp, pc, lo, hi, cred, &pf);
	if (pf != NULL)
		error = pcfill_wait(pc, pf);
	return error != 0 ? error : AGAIN;
}

int
pagecache_present(struct vnode *vp, struct pagecache *pc, off_t lo, off_t hi,
    kauth_cred_t cred, uint32_t cuts, struct pcblock **bp)
{
	struct pcblock *b;
	int error;

	do {
		mutex_enter(&pc->pc_lock);
		error = pcblock_get_pages(pc, (uint64_t)lo / PC_BLOCK,
		    pc_pages_within((uint64_t)lo / PC_BLOCK, lo, hi), &b);
		if (error != 0) {
			mutex_exit(&pc->pc_lock);
			return error;
		}
		error = present_step(vp, pc, lo, hi, cred, cuts, b);
		if (error == 0) {
			*bp = b;
			return 0;
		}
		pcblock_unpin(b);
	} while (error == AGAIN);
	return error;
}
