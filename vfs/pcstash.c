/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stash is bounded by the pages that it keeps from the host, and by what is
 * quickly searched.
 */
#include "vfs/pcstash.h"

#include "kern/libkern.h"
#include "kern/mutex.h"
#include "kern/netbsd.h"
#include "vfs/pcblock.h"

#define STASH 64
#define STASH_PAGES (16 * PC_PAGES)

struct stashed {
	struct arena_mem st_mem;
	uint32_t st_touched;
};

static kmutex_t stash_lock;
static struct stashed stash[STASH]; /* stash_lock */
static unsigned nstash;             /* stash_lock */
static unsigned npages;             /* stash_lock: touched ones */

void
pcstash_init(void)
{
	mutex_init(&stash_lock, "pcstash");
}

bool
pcstash_put(const struct arena_mem *am, uint32_t touched)
{
	unsigned pages = pcblock_count_pages(touched);
	bool kept;

	mutex_enter(&stash_lock);
	kept = nstash < STASH && npages + pages <= STASH_PAGES;
	if (kept) {
		stash[nstash++] = (struct stashed){ *am, touched };
		npages += pages;
	}
	mutex_exit(&stash_lock);
	return kept;
}

static void
take(unsigned i, struct arena_mem *am, uint32_t *touched) REQUIRES(stash_lock)
{
	*am = stash[i].st_mem;
	*touched = stash[i].st_touched;
	npages -= pcblock_count_pages(*touched);
	stash[i] = stash[--nstash];
}

bool
pcstash_get(struct arena_mem *am, uint32_t pages, uint32_t *touched)
{
	bool found = false;

	mutex_enter(&stash_lock);
	/* What came last is most likely in the processor's caches. */
	for (unsigned i = nstash; i > 0 && !found; i--) {
		if ((stash[i - 1].st_touched & ~pages) != 0)
			continue;
		take(i - 1, am, touched);
		found = true;
	}
	mutex_exit(&stash_lock);
	return found;
}
