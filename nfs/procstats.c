/* SPDX-License-Identifier: BSD-2-Clause */
#include "nfs/procstats.h"

#include "kern/libkern.h"
#include "kern/stats.h"

#define PROCEDURE(name)                                                        \
	[NFS3PROC_##name] = { .ks_name = "nfs_calls",                          \
		.ks_help = "calls of NFS procedures, whatever came of them",   \
		.ks_label = "procedure=\"" #name "\"" }

static struct kstat stats[] = {
	PROCEDURE(NULL),
	PROCEDURE(GETATTR),
	PROCEDURE(SETATTR),
	PROCEDURE(LOOKUP),
	PROCEDURE(ACCESS),
	PROCEDURE(READLINK),
	PROCEDURE(READ),
	PROCEDURE(WRITE),
	PROCEDURE(CREATE),
	PROCEDURE(MKDIR),
	PROCEDURE(SYMLINK),
	PROCEDURE(MKNOD),
	PROCEDURE(REMOVE),
	PROCEDURE(RMDIR),
	PROCEDURE(RENAME),
	PROCEDURE(LINK),
	PROCEDURE(READDIR),
	PROCEDURE(READDIRPLUS),
	PROCEDURE(FSSTAT),
	PROCEDURE(FSINFO),
	PROCEDURE(PATHCONF),
	PROCEDURE(COMMIT),
};
_Static_assert(NITEMS(stats) == NFS3PROC_COMMIT + 1, "procedures");

void
nfs_procstats_init(void)
{
	kstat_attach(stats, NITEMS(stats));
}

void
nfs_procstats_count(enum nfs3_proc proc)
{
	KASSERT(proc < NITEMS(stats));
	KSTAT_ADD(&stats[proc], 1);
}
