/* SPDX-License-Identifier: BSD-2-Clause */
#include "vfs/pcstats.h"

#include "kern/stats.h"
#include "vfs/pagecache.h"
#include "vfs/pcdirty.h"
#include "vfs/pcmem.h"

static uint64_t
unsaved(void)
{
	return (uint64_t)pcdirty_count() * PC_PAGE;
}

static struct kstat stats[] = {
	{ .ks_name = "pagecache_unsaved_bytes",
	    .ks_help = "pages that wait to be written, or to be committed",
	    .ks_kind = KSTAT_GAUGE,
	    .ks_read = unsaved },
	{ .ks_name = "vfs_memory_files_bytes",
	    .ks_help = "pages, nodes and names of memory file systems",
	    .ks_kind = KSTAT_GAUGE,
	    .ks_read = pcmem_used },
};

void
pcstats_init(void)
{
	kstat_attach(stats, NITEMS(stats));
}
