/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A word for each number in memory that the server sees, written when the map
 * changes: nobody is told, and who never looks pays nothing.  That memory stays
 * where it is as long as the process has threads that could write to it.
 */
#include "preload/shown.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/cwd.h"
#include "preload/fdmap.h"
#include "preload/fdslots.h"
#include "preload/namespace.h"
#include "preload/process.h"
#include "sysproxy/fast.h"

static _Atomic(struct fast_shown *) shown; /* NULL: the server has no memory of
					    * ours yet */

static uint32_t
word_of(const struct rfile *rf)
{
	if (!slot_is_file(rf) || rf->rf_fd < 0 || rf->rf_kind == RF_NAME)
		return 0;
	return (uint32_t)rf->rf_fd + 1;
}

void
shown_number(long number, const struct rfile *rf)
{
	struct fast_shown *fs =
	    atomic_load_explicit(&shown, memory_order_relaxed);

	if (fs == NULL || (unsigned long)number >= FAST_SHOWN_NUMBERS ||
	    !process_owns_memory())
		return;
	atomic_store_explicit(&fs->fs_path[number],
	    slot_is_file(rf) ? (uint64_t)rf->rf_path : 0, memory_order_relaxed);
	atomic_store_explicit(
	    &fs->fs_number[number], word_of(rf), memory_order_relaxed);
}

void
shown_cwd(bool rump)
{
	struct fast_shown *fs =
	    atomic_load_explicit(&shown, memory_order_relaxed);

	if (fs != NULL)
		atomic_store_explicit(&fs->fs_cwd, rump, memory_order_relaxed);
}

void
shown_begin(struct fast_slot *first)
{
	struct rfile *rf;
	int error;

	atomic_store(&shown, (struct fast_shown *)((char *)first + FAST_SHOWN));
	for (long fd = fdmap_next(0); fd >= 0; fd = fdmap_next(fd + 1)) {
		rf = fdmap_get(fd, &error);
		shown_number(fd, rf);
		if (rf != NULL)
			(void)fdmap_put(rf);
	}
	shown_cwd(cwd_rule() != NS_HOST);
}

void
shown_end(void)
{
	atomic_store(&shown, NULL);
}
