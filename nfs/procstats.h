/* SPDX-License-Identifier: BSD-2-Clause */
/* How often each procedure of NFS was called. */
#ifndef NFS_PROCSTATS_H
#define NFS_PROCSTATS_H

#include "nfs/proto.h"

/* Part of booting. */
void nfs_procstats_init(void);
void nfs_procstats_count(enum nfs3_proc proc);

#endif /* !NFS_PROCSTATS_H */
