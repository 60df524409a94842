/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long pauses are: between attempts to connect, and before a server that said
 * "later" is asked again.  Nothing depends on it but how quickly things go on.
 */
#ifndef NFS_PACE_H
#define NFS_PACE_H

#include "kern/types.h"

/* A second, to those who pause. */
int64_t nfspace_second(void);
/* For tests: let it be shorter.  Before anything is mounted. */
void nfspace_set(int64_t ns);

#endif /* !NFS_PACE_H */
