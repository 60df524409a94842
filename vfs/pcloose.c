/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stores that nobody has noticed.
 *
 * Before dirty pages are sent they are taken away from the program, so that its
 * next store is noticed (pcmap.h).  Of several processes that map a file only the
 * one that makes the call can be asked that.  The others go on storing into pages
 * that count as clean.  Such a page is loose: with it goes a hash of what was
 * sent.  Whenever it matters (somebody saves the file, its data are to be read
 * anew, the last one stops showing the page) loose pages are compared with that,
 * and are dirty if they differ.  What has not changed is not sent, since somebody
 * else may have changed it on the server.
 */
#include "vfs/pcloose.h"

#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "vfs/pcdirty.h"

#define LANES 4
#define MULTIPLIER UINT64_C(0x9e3779b97f4a7c15)

/* Differs for any two pages but by accident: each word is multiplied into one of
 * several sums, each of which goes through a permutation. */
static uint64_t
page_hash(const struct pcblock *b, unsigned page)
{
	const volatile uint64_t *word =
	    (const volatile uint64_t *)(void *)pcblock_page(b, page);
	uint64_t lane[LANES] = { 1, 2, 3, 4 }, sum = 0;

	for (size_t i = 0; i < PC_PAGE / sizeof(*word); i += LANES) {
		for (size_t j = 0; j < LANES; j++) {
			lane[j] = (lane[j] ^ word[i + j]) * MULTIPLIER;
			lane[j] ^= lane[j] >> 29;
		}
	}
	for (size_t j = 0; j < LANES; j++)
		sum = (sum ^ lane[j]) * MULTIPLIER + (sum >> 31);
	return sum;
}

void
pcloose_note(struct pcblock *b, uint32_t mask)
{
	b->pb_loose |= mask;
	b->pb_pc->pc_loose = true;
}

void
pcloose_settle(struct pcblock *b, uint32_t mask, bool kept)
{
	/* What has been noticed again is dirty, and settled next time. */
	mask &= b->pb_loose & ~b->pb_mapdirty;
	if (mask == 0)
		return;
	if (!kept) {
		b->pb_loose &= ~mask;
		return;
	}
	if (b->pb_sent == NULL)
		b->pb_sent = kmem_zalloc(sizeof(*b->pb_sent), KM_NOSLEEP);
	/* Without memory they count as changed. */
	for (; b->pb_sent != NULL && mask != 0; mask &= mask - 1) {
		unsigned page = (unsigned)__builtin_ctz(mask);

		b->pb_sent->pl_hash[page] = page_hash(b, page);
	}
}

/* A page that is to be read anew keeps what it shows until then. */
static bool
has_changed(const struct pcblock *b, unsigned page)
{
	if (b->pb_sent == NULL)
		return (b->pb_valid & 1u << page) != 0;
	return b->pb_sent->pl_hash[page] != page_hash(b, page);
}

static void
mark(struct pcblock *b, unsigned page) REQUIRES(b->pb_pc->pc_lock)
{
	off_t lo = pcblock_off(b) + (off_t)page * PC_PAGE;
	off_t hi = MIN(lo + PC_PAGE, b->pb_pc->pc_mapend);
	struct pcdirty_change ch;

	if (lo >= hi || pcdirty_prepare(b) != 0)
		return;
	ch = pcdirty_begin(b);
	b->pb_valid |= 1u << page;
	pcdirty_mark_range(b, lo, hi);
	b->pb_mapdirty |= 1u << page & b->pb_dirty;
	pcdirty_end(b, &ch);
}

void
pcloose_collect_block(struct pcblock *b, uint32_t mask)
{
	mask &= b->pb_loose & ~(b->pb_mapdirty | b->pb_busy);
	for (mask &= b->pb_valid | ~b->pb_writing; mask != 0;
	     mask &= mask - 1) {
		unsigned page = (unsigned)__builtin_ctz(mask);

		if (has_changed(b, page))
			mark(b, page);
	}
}

void
pcloose_collect(struct pagecache *pc)
{
	struct pcblock *b;
	uint64_t index = 0;
	bool any = false;

	if (PREDICT_TRUE(!pc->pc_loose))
		return;
	for (; (b = pctree_next(&pc->pc_tree, &index)) != NULL; index++) {
		/* A run settles its pages while it begins. */
		pcloose_collect_block(b, ~b->pb_running);
		any = any || b->pb_loose != 0;
	}
	__atomic_store_n(&pc->pc_loose, any, __ATOMIC_RELAXED);
}

void
pcloose_end(struct pcblock *b)
{
	if (b->pb_loose == 0)
		return;
	pcloose_collect_block(b, PC_ALLPAGES);
	b->pb_loose = 0;
	if (b->pb_sent != NULL)
		kmem_free(b->pb_sent, sizeof(*b->pb_sent));
	b->pb_sent = NULL;
}
